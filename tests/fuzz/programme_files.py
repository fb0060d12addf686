"""Rules and offers files: a city's own, changed line by line, or any text at all.

Byte 0 says which file, or that the rest is the text itself. Else records of 6 bytes change it: what, at which
line (2), with which scrap or from which line (2), at which column or how many bytes of text follow.
"""

from __future__ import annotations

import random
from importlib.resources import files

from switch.rules.offer_faults import OfferError
from switch.rules.offers import parse_offers
from switch.rules.programme import parse_rules
from switch.rules.programme.parts import RulesError
from tests.fuzz.mutate import SCRAPS
from tests.fuzz.target import Escape, Outcome, Target

CITIES = ("czestochowa", "zywiec", "zgierz")
TEXTS = [
    *(files("switch").joinpath(f"rules/programmes/{city}.toml").read_text("utf-8") for city in CITIES),
    *(files("simulators").joinpath(f"city/offers/{city}.toml").read_text("utf-8") for city in CITIES),
]
READERS = [(parse_rules, RulesError)] * 3 + [(parse_offers, OfferError)] * 3
RAW = len(TEXTS)
"""From this number on byte 0 says that the rest is the text: rules, then offers."""
RECORDS_MAX = 8


def edited(text: str, records: bytes) -> str:
    """Return the text with some lines lost, doubled, cut, given a scrap or another line's value, or new."""
    lines = text.split("\n")
    at = 0
    for _ in range(RECORDS_MAX):
        if at + 6 > len(records) or not lines:
            break
        what, scrap, column = records[at], int.from_bytes(records[at + 3 : at + 5], "big"), records[at + 5]
        line = int.from_bytes(records[at + 1 : at + 3], "big") % len(lines)
        at += 6
        name = lines[line].partition(" = ")[0]
        match what % 7:
            case 0:
                del lines[line]
            case 1:
                lines.insert(scrap % len(lines), lines[line])
            case 2:
                lines[line] = lines[line][:column]
            case 3:
                lines[line] = f"{name} = {SCRAPS[scrap % len(SCRAPS)]}"
            case 4:
                lines[line] = f"{name} = {lines[scrap % len(lines)].partition(' = ')[2]}"
            case 5:
                lines[line] = lines[line][:column] + SCRAPS[scrap % len(SCRAPS)] + lines[line][column:]
            case _:
                more = records[at : at + column].decode("utf-8", "replace")
                at += column
                lines[line] = f"{name} = {more}" if scrap % 2 else more
    return "\n".join(lines)


def run(data: bytes) -> Outcome:
    """Read it, or refuse it in one line that names the place."""
    if not data:
        return Outcome("empty")
    which = data[0] % (RAW + 2)
    is_raw = which >= RAW
    place = 3 * (which - RAW) if is_raw else which
    read, declared = READERS[place]
    text = data[1:] if is_raw else edited(TEXTS[place], data[1:])
    try:
        read(text, source="a.toml")
    except declared as error:
        said = str(error)
        if "\n" in said or not said.startswith("a.toml"):
            raise Escape(f"what is wrong is told as {said[:200]!r}") from None
        return Outcome(
            "refused", (which, said.partition("'")[0], said.split("'")[1][:40] if "'" in said else "")
        )
    return Outcome("read", which)


def changed(rng: random.Random, data: bytes, others: list[bytes]) -> bytes:
    """Draw one to three changes, on top of an input's own or instead of them."""
    kept = data if rng.randrange(2) and len(data) < 200 else data[:1]
    if kept and kept[0] % (RAW + 2) >= RAW and rng.randrange(4):
        kept = bytes([rng.randrange(RAW)])
    for _ in range(rng.randrange(1, 4)):
        record = rng.randbytes(5)
        kept += record + bytes([rng.randrange(30)])
    return kept


def seeds() -> list[bytes]:
    """Each file as it is, and a short one of each kind."""
    short = b'[programme]\nname = "x"\n', b'programme = "x"\n[[offer]]\nnumber = 1\n'
    return [
        *(bytes([which]) for which in range(RAW)),
        *(bytes([RAW + n]) + text for n, text in enumerate(short)),
    ]


TARGET = Target("programme_files", run, seeds, changed, ("switch.rules", "switch.toml_text"), 2_048)
