"""Mutated inputs, drawn from a seed and counted: whatever goes in, only the declared error comes out."""

import os
import random
import tracemalloc
from collections.abc import Callable, Iterator
from importlib.resources import files
from pathlib import Path
from typing import Final

import pytest

from ops.cli import offers_file, outlets, partners, terminals
from ops.cli.csv_import import Columns, read_sheet
from ops.errors import CommandError
from protocol import REPLY_OF, REQUEST_OF, ProtocolError, limits
from protocol.messages import DECODE_ERRORS, decoder, encode
from protocol.published.samples import sample
from protocol.published.vector_cases import opening, sealed
from switch.rules.offers import OfferError, parse_offers
from switch.rules.programme import parse_rules
from switch.rules.programme.parts import RulesError
from tests.protocol.pair import new_client, new_server, open_pair, outcome

SEED: Final = int(os.environ.get("FUZZ_SEED", "16"))
TIMES: Final = int(os.environ.get("FUZZ_TIMES", "1"))
"""So many times the inputs of a run of the suite."""
DECODED: Final = 100_000 * TIMES
SESSIONS: Final = 1_000 * TIMES
HANDSHAKES: Final = 1_000 * TIMES
FILES: Final = 200 * TIMES
CITIES: Final = ("czestochowa", "zywiec", "zgierz")
BOMB_BYTES_MAX: Final = 262_144
"""What a body of 4 KiB may make a decoder hold for a moment."""
MARKS: Final = {
    0xC4: 1, 0xC5: 2, 0xC6: 4, 0xC7: 2, 0xC9: 5, 0xCA: 4, 0xCB: 8, 0xCC: 1, 0xCD: 2, 0xCE: 4, 0xCF: 8,
    0xD0: 1, 0xD3: 8, 0xD9: 1, 0xDA: 2, 0xDB: 4, 0xDC: 2, 0xDD: 4, 0xDE: 2, 0xDF: 4,
}  # fmt: skip
INTERESTING: Final = [
    *(bytes([byte]) for byte in bytes.fromhex("007f808f90919fa0bfc0c1c2e0ff")),
    *(bytes([mark]) + b"\xff" * size for mark, size in MARKS.items()),
    *map(bytes.fromhex, ("cb7ff8000000000000", "d4ff00", "d38000000000000000", "a2c328", "a3eda080")),
]
"""Every mark of msgpack, most with a length or a value that cannot be."""


def mutated(rng: random.Random, data: bytes, others: list[bytes]) -> bytes:
    """Change a body in one to four places: a byte, a mark, a piece of another body, a cut, a repetition."""
    for _ in range(rng.randrange(1, 5)):
        at = rng.randrange(len(data) + 1)
        match rng.randrange(6):
            case 0:
                data = data[:at] + rng.randbytes(1) + data[at + 1 :]
            case 1:
                data = data[:at] + rng.choice(INTERESTING) + data[at + rng.randrange(2) :]
            case 2:
                other = rng.choice(others)
                data = data[:at] + other[rng.randrange(len(other)) :]
            case 3:
                data = data[:at] + data[at + rng.randrange(1, 9) :]
            case 4:
                data = data[:at] + data[at : at + rng.randrange(1, 9)] * rng.randrange(1, 40) + data[at:]
            case _:
                data = bytes([0x91]) * rng.randrange(1, 30) + data
    return data[: limits.BODY_MAX]


MESSAGES = {**REQUEST_OF, **REPLY_OF}
BODIES = {number: encode(sample(message)) for number, message in MESSAGES.items()}


def test_decoders_read_or_refuse_a_hundred_thousand_bodies() -> None:
    """Every request and reply: what is read is of its class, what is not raises what sessions catch."""
    rng, read, refused = random.Random(SEED), 0, 0
    decoders = [(number, decoder(message), message) for number, message in MESSAGES.items()]
    others = list(BODIES.values())
    for turn in range(DECODED):
        number, decode, message = decoders[turn % len(decoders)]
        try:
            got = decode(mutated(rng, BODIES[number], others))
        except DECODE_ERRORS:
            refused += 1
        else:
            assert type(got) is message
            assert decode(encode(got)) == got
            read += 1
    assert read + refused == DECODED
    assert read > DECODED // 100
    assert refused > DECODED // 2


@pytest.mark.parametrize("side", ["switch", "terminal"])
def test_sessions_take_or_end_at_thousands_of_sealed_bodies(side: str) -> None:
    """Past the tag check, in cut streams: a message, or `body`, `type` or `state`, and then silence."""
    rng, others = random.Random(SEED), list(BODIES.values())
    numbers = list(REQUEST_OF) if side == "switch" else list(REPLY_OF)
    key = opening().keys.client_data if side == "switch" else opening().keys.server_data
    passed, reasons, tried = 0, set(), 0
    while tried < SESSIONS:
        session = open_pair()[0 if side == "switch" else 1]
        bodies = [mutated(rng, BODIES[rng.choice(numbers)], others) or b"\0" for _ in range(8)]
        types = [rng.choice(numbers) if rng.random() < 0.95 else rng.randrange(256) for _ in bodies]
        stream = b"".join(sealed(key, turn, *one) for turn, one in enumerate(zip(types, bodies, strict=True)))
        cut = rng.randrange(len(stream))
        received, reason, sent, is_open, _ = outcome(session, [stream[:cut], stream[cut:]])
        assert sent == b""
        assert is_open == (reason is None)
        passed += len(received)
        reasons.add(reason)
        tried += len(received) + (reason is not None)
    assert passed > 0
    assert reasons - {None} <= {"body", "type", "state"}


def test_handshakes_end_or_wait_at_thousands_of_mutations() -> None:
    """Each frame of it mutated as msgpack, lengths right or wrong: nobody is let in or deceived."""
    rng, o = random.Random(SEED), opening()
    whole = {"hello": o.hello, "challenge": o.challenge, "proof": o.proof, "accept": o.accept}
    bodies = [frame[4:] for frame in whole.values()]
    for turn in range(HANDSHAKES):
        which = list(whole)[turn % 4]
        body = mutated(rng, whole[which][4:], bodies)
        length = len(body) + 2 if rng.random() < 0.9 else rng.randrange(65_536)
        forged = length.to_bytes(2, "big") + whole[which][2:4] + body
        if forged == whole[which]:
            continue
        server, client = new_server(), new_client()
        steps = {name: forged if name == which else frame for name, frame in whole.items()}
        try:
            server.receive(steps["hello"])
            server.receive(steps["proof"])
            client.receive(steps["challenge"])
            client.receive(steps["accept"])
        except ProtocolError:
            pass
        assert not (server.is_open and client.is_open)
        assert not server.is_open or which in {"challenge", "accept"}


def bombs() -> Iterator[bytes]:
    """Bodies as long as a frame allows: nested, or with lengths that promise gigabytes."""
    for opener in (b"\x91", b"\x81\x01", b"\xdc\0\1", b"\xdd\0\0\0\1", b"\xde\0\1\x01", b"\x92\x01"):
        yield (opener * limits.BODY_MAX)[: limits.BODY_MAX]
        yield b"\x9b\x01\x00" + (opener * limits.BODY_MAX)[: limits.BODY_MAX - 3]
    for mark in (0xC6, 0xC9, 0xDB, 0xDD, 0xDF):
        for size in (b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\x00\xff\xff\xff"):
            yield bytes([mark]) + size
            yield b"\x95\x01\x02" + bytes([mark]) + size + bytes(2_000)
            yield b"\x9e" + (bytes([mark]) + size) * 14


@pytest.mark.parametrize("number", MESSAGES)
def test_a_bomb_is_refused_and_holds_little(number: int) -> None:
    """Nesting and false lengths, for every message: refused, within a few frames of memory."""
    decode, tried = decoder(MESSAGES[number]), 0
    for bomb in bombs():
        tracemalloc.start()
        try:
            with pytest.raises(DECODE_ERRORS):
                decode(bomb)
            assert tracemalloc.get_traced_memory()[1] < BOMB_BYTES_MAX
        finally:
            tracemalloc.stop()
        tried += 1
    assert tried == 57


SCRAPS: Final = [
    "", "0", "-1", "true", "9" * 30, "1e400", "nan", "[]", "{}", "[[]]", '""', '"\\u0000"', '"' + "x" * 300,
    "2024-02-30", "2024-06-01", "24:00:00", "'''", "[", "=", "\0", "\u202e", "ż" * 70, "0x", "1_0", "{a = 1}",
    "18446744073709551616",
]  # fmt: skip


def mutated_text(rng: random.Random, text: str, separator: str) -> str:
    """Change a file in one to three places: a line lost, doubled, moved, cut, or given another value."""
    lines = text.split("\n")
    for _ in range(rng.randrange(1, 4)):
        at = rng.randrange(len(lines))
        name, mark, value = lines[at].partition(separator)
        match rng.randrange(7):
            case 0:
                del lines[at]
            case 1:
                lines.insert(rng.randrange(len(lines)), lines[at])
            case 2:
                lines[at] = lines[at][: rng.randrange(len(lines[at]) + 1)]
            case 3 | 4:
                lines[at] = f"{name}{mark or separator}{rng.choice(SCRAPS)}"
            case 5:
                other = rng.choice(lines).partition(separator)[2]
                lines[at] = f"{name}{mark}{other or value}"
            case _:
                place = rng.randrange(len(lines[at]) + 1)
                lines[at] = lines[at][:place] + rng.choice(SCRAPS) + lines[at][place:]
        lines = lines or [""]
    return "\n".join(lines)


@pytest.mark.parametrize("city", CITIES)
def test_a_mutated_rules_file_is_read_or_refused_in_a_line(city: str) -> None:
    """Lines lost, doubled, cut and filled with scraps: rules, or one line that says what is wrong."""
    text = files("switch").joinpath(f"rules/programmes/{city}.toml").read_text()
    judge(text, " = ", lambda changed: parse_rules(changed, source="a.toml"), RulesError)


@pytest.mark.parametrize("city", CITIES)
def test_a_mutated_offers_file_is_read_or_refused_in_a_line(city: str) -> None:
    """The same of the offers of each city."""
    text = files("simulators").joinpath(f"city/offers/{city}.toml").read_text()
    judge(text, " = ", lambda changed: parse_offers(changed, source="a.toml"), OfferError)


SHEETS: Final[dict[str, tuple[Columns, Callable[..., object], str]]] = {
    "partners": (
        partners.COLUMNS,
        partners.read_partner,
        "id,name,main_partner,points_step\n1,Kłos,yes,10.00\n2,Kino,,\n",
    ),
    "outlets": (
        outlets.COLUMNS,
        outlets.read_outlet,
        "id,partner,name,address\n1,1,Rynek,Rynek 1\n2,1,Dworzec,\n",
    ),
    "terminals": (terminals.COLUMNS, terminals.read_terminal, "id,partner,label,outlet\n1,1,kasa,1\n2,1,,\n"),
    "offers": (
        offers_file.COLUMNS,
        offers_file.read_line,
        "number,partner,kind,name_pl,name_en,value,limits\n7,1,percent,Zniżka,Discount,10,\n",
    ),
}


@pytest.mark.parametrize("sheet", SHEETS)
def test_a_mutated_csv_is_read_or_refused_line_by_line(sheet: str, tmp_path: Path) -> None:
    """Fields lost, doubled, moved, filled with scraps: good lines and refused ones, or one error of usage."""
    columns, read, text = SHEETS[sheet]
    path = tmp_path / "a.csv"

    def read_changed(changed: str) -> None:
        path.write_text(changed, encoding="utf-8")
        for refused in read_sheet(path, columns, read).refused:
            assert refused.reason

    judge(text, ",", read_changed, CommandError)


def judge(text: str, separator: str, read: Callable[[str], object], declared: type[Exception]) -> None:
    """Read so many mutations of a text; nothing but the declared error may come out, in one line."""
    rng = random.Random(SEED)
    good, told = 0, list[str]()
    for _ in range(FILES):
        try:
            read(mutated_text(rng, text, separator))
        except declared as error:
            told.append(str(error))
        else:
            good += 1
    assert good + len(told) == FILES
    assert told
    assert not [one for one in told if "\n" in one]
