"""Integers at and past their bounds in every field of every request: an answer or an end, and whole books."""

import itertools
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec import inspect

import switch.flow.allowance
from ledger.books.verify import verify
from ledger.postgres.database import Database
from protocol import REQUEST_OF, Earn, Reply, Request, ResultCode
from protocol.limits import STAN_MAX
from protocol.messages import decoder, encode
from protocol.published.samples import sample
from protocol.published.vector_cases import opening, sealed
from tests.entries import SWIPED
from tests.postgres import FreshDatabase
from tests.protocol.pair import open_pair, outcome
from tests.switch.memory import CARD
from tests.switch.test_worker import Running, running_worker

EXTREMES = sorted(
    {
        *(0, 1, -1, 2, -2, 127, -128, 255, 256, 32_767, 32_768, 65_535, 65_536, 10**12, -(10**12)),
        *(2**power + one for power in (31, 32, 53, 63) for one in (-1, 0, 1)),
        *(-(2**power) + one for power in (31, 32, 53, 63) for one in (0, 1)),
        2**64 - 1,
    }
)  # fmt: skip
"""What msgpack has an integer for, round every width that anything here or in Postgres has."""


def integers_of(message: type[Request]) -> dict[str, tuple[int, int]]:
    """Return the bounds of a message's integer fields, by name."""
    shape = inspect.type_info(message)
    assert isinstance(shape, inspect.StructType)
    return {
        field.name: (field.type.ge or 0, field.type.le or 0)
        for field in shape.fields
        if isinstance(field.type, inspect.IntType)
    }


FIELDS = [(cls, name, *bounds) for cls in REQUEST_OF.values() for name, bounds in integers_of(cls).items()]


def values_of(message: Request) -> list[Any]:
    return list(msgspec.structs.astuple(message))


def with_value(message: type[Request], name: str, value: int) -> bytes:
    """The body of a request with one field as given, whatever the field's bounds are."""
    values = values_of(sample(message))
    values[message.__struct_fields__.index(name)] = value
    return encode(values)


@pytest.mark.parametrize("message", REQUEST_OF.values())
def test_a_number_past_its_bounds_ends_the_line_and_one_at_them_does_not(message: type[Request]) -> None:
    """Its least and greatest are read as they are; one less or more, and what is past them, end it."""
    number = next(number for number, cls in REQUEST_OF.items() if cls is message)
    decode = decoder(message)
    for name, (least, most) in integers_of(message).items():
        for value in {*EXTREMES, least, most}:
            body = with_value(message, name, value)
            if least <= value <= most:
                assert getattr(decode(body), name) == value
            else:
                with pytest.raises(msgspec.ValidationError):
                    decode(body)
        for value in (least - 1, most + 1):
            if -(2**63) <= value < 2**64:
                data = sealed(opening().keys.client_data, 0, number, with_value(message, name, value))
                assert outcome(open_pair()[0], [data]) == ([], "body", b"", False, False), (name, value)


WIDTHS = {
    0xCC: (1, 0, 2**8), 0xCD: (2, 0, 2**16), 0xCE: (4, 0, 2**32), 0xCF: (8, 0, 2**64),
    0xD0: (1, -(2**7), 2**7), 0xD1: (2, -(2**15), 2**15),
    0xD2: (4, -(2**31), 2**31), 0xD3: (8, -(2**63), 2**63),
}  # fmt: skip


def encodings(value: int) -> list[bytes]:
    """Every way msgpack has of writing an integer, but the shortest one of a single byte."""
    return [
        bytes([mark]) + value.to_bytes(size, "big", signed=mark >= 0xD0)
        for mark, (size, least, past) in WIDTHS.items()
        if least <= value < past
    ]


@pytest.mark.parametrize("message", REQUEST_OF.values())
def test_every_width_of_every_integer_is_the_same_request(message: type[Request]) -> None:
    """Integers, texts and the array in any form, not the shortest alone: read as the same fields."""
    values, decode = values_of(sample(message)), decoder(message)
    parts = [encode(value) for value in values]
    count = len(parts)
    heads = [bytes([0x90 + count]), b"\xdc" + count.to_bytes(2, "big"), b"\xdd" + count.to_bytes(4, "big")]
    tried = 0
    for place, value in enumerate(values):
        if isinstance(value, str):
            text = value.encode()
            forms = [
                b"\xd9" + bytes([len(text)]) + text,
                b"\xda" + len(text).to_bytes(2, "big") + text,
                b"\xdb" + len(text).to_bytes(4, "big") + text,
            ]
        else:
            forms = encodings(value)
        for head, form in itertools.product(heads, forms):
            assert decode(head + b"".join([*parts[:place], form, *parts[place + 1 :]])) == sample(message)
            tried += 1
    assert tried >= 3 * 3 * len(parts)


def requests(stan: int, earned: int) -> list[Request]:
    """Every request with every integer field at each extreme within its bounds, and with all at once."""
    usual = {
        "card": CARD, "entry": SWIPED, "amount": 10_000, "tier": 100, "original_stan": earned,
        "language": "pl", "original_terminal": 1, "operation": 0x20, "number": 0, "software": "x",
        "stan_from": 1, "stan_to": 100,
    }  # fmt: skip
    made: list[Request] = []
    for message in REQUEST_OF.values():
        bounds = integers_of(message)
        plain = {name: usual.get(name, 1) for name in message.__struct_fields__}
        free = {name: limits for name, limits in bounds.items() if name != "stan"}
        changes = [
            {name: value}
            for name, (least, most) in free.items()
            for value in sorted({0, 1, -1, 2**31, -(2**31), least, least + 1, most - 1, most})
            if least <= value <= most
        ]
        changes += [{name: limits[at] for name, limits in free.items()} for at in (0, 1)]
        for change in changes:
            stan += 1
            made.append(message(**{**plain, **change, "stan": stan}))
    return made


async def ask(running: Running, asked: list[Request], terminal: int) -> list[Reply]:
    """Send requests, some at a time; return their replies in order of the numbers. The line has to hold."""
    line = await running.line(terminal)
    replies: list[Reply] = []
    for first in range(0, len(asked), 32):
        some = asked[first : first + 32]
        await line.send(*some)
        replies += [await line.reply() for _ in some]
    return sorted(replies, key=lambda reply: reply.stan)


async def test_every_extreme_within_bounds_has_a_definite_answer_and_the_books_verify(
    fresh: FreshDatabase, owner: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Against real Postgres: no "try again", no system error, no line lost; then every invariant holds."""
    monkeypatch.setattr(switch.flow.allowance, "BURST", 1e9)
    monkeypatch.setattr(switch.flow.allowance, "DOOR", 1e9)
    vague = {ResultCode.TRY_AGAIN, ResultCode.SYSTEM_ERROR, ResultCode.FEED_STALE}
    async with running_worker(fresh, owner, tmp_path) as running:
        asked = requests(1_000, 1)
        first = Earn(stan=1, terminal_time=0, card=CARD, entry=SWIPED, amount=10_000)
        replies = await ask(running, [first, *asked], 1)
        assert (await ask(running, [msgspec.structs.replace(first, stan=STAN_MAX)], 2))[0].stan == STAN_MAX
        assert len(replies) == len(asked) + 1 > 300
        for request, reply in zip(asked, replies[1:], strict=True):
            assert reply.stan == request.stan
            assert ResultCode(reply.code) not in vague, request
        findings = await owner.run(verify)
        assert [finding for finding in findings if finding.count] == []
