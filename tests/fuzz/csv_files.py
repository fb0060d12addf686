"""Files of cards, carriers, holders, partners, outlets, terminals and offers: byte 0 says which.

The rest is the file, whatever it is.
"""

from __future__ import annotations

import io
import random
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any, cast

from msgspec import structs

from ledger.registry.numbers import Numbers
from ledger.registry.peppers import Peppers
from ledger.registry.secrets import MasterKey
from ops.cli import card_carriers, cards, holder_lines, offers_file, outlets, partners, terminals
from ops.cli.csv_import import Columns, read_sheet
from ops.errors import CommandError
from ops.office.numbering import Numbering
from ops.office.validity import Validity
from switch.rules.programme import parse_rules
from tests.fuzz.mutate import mutated_text
from tests.fuzz.programme_files import TEXTS
from tests.fuzz.target import Escape, Outcome, Target

RULES = parse_rules(TEXTS[2])
NUMBERS = Numbers(MasterKey(bytes(32), bytes(32)), 1, Peppers(0))
TODAY = date(2026, 11, 27)
NUMBERING = Numbering(structs.replace(RULES.card, further_carriers=("qr",)), ("96160",))
NUMBER = "9616201734390553"
SHEETS: dict[str, tuple[Columns, Callable[..., object], str]] = {
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
    "cards": (
        cards.COLUMNS,
        cards.card_reader(NUMBERS, NUMBERING, Validity(RULES.card, TODAY)),
        f"number,expires_on,status\n{NUMBER},2027-05-31,\n{NUMBER},,blocked\n",
    ),
    "carriers": (
        card_carriers.COLUMNS,
        card_carriers.carrier_reader(NUMBERS, NUMBERING),
        f"number,of,kind\n{NUMBER},{NUMBER},qr\n",
    ),
    "holders": (
        holder_lines.COLUMNS,
        holder_lines.holder_reader(NUMBERS, RULES, TODAY),
        f"{','.join((*holder_lines.COLUMNS.required, *holder_lines.COLUMNS.optional))}\n{NUMBER}"
        + "," * len(holder_lines.COLUMNS.optional)
        + f"\nnumber,pesel,born_on,tax_year,email\n{NUMBER},44051401359,1944-05-14,2025,a@example.org\n",
    ),
}
NAMES = list(SHEETS)


class Held:
    """A file that is held in memory: what `read_sheet` asks of a path."""

    name = "a.csv"

    def __init__(self, data: bytes) -> None:
        self._data = data

    def __str__(self) -> str:
        return self.name

    def open(self, mode: str) -> io.BytesIO:
        """Return the file; it is read as bytes."""
        assert mode == "rb"
        return io.BytesIO(self._data)


def run(data: bytes) -> Outcome:
    """Good lines and refused ones, each with its number and a reason; or one error of usage in a line."""
    if not data:
        return Outcome("empty")
    which = data[0] % len(NAMES)
    columns, read, _ = SHEETS[NAMES[which]]
    try:
        sheet = read_sheet(cast(Path, Held(data[1:])), columns, read)
    except CommandError as error:
        if "\n" in str(error):
            raise Escape(f"more than a line: {str(error)[:200]!r}") from None
        return Outcome("refused", (which, str(error)[:12]))
    for refused in sheet.refused:
        if not refused.reason or "\n" in refused.reason or refused.line < 2:
            raise Escape(f"line {refused.line} is refused for {refused.reason[:200]!r}")
    told: tuple[Any, ...] = tuple((one.column, one.reason[:12]) for one in sheet.refused[:2])
    return Outcome(f"read, {'with' if told else 'without'} refused lines", (which, bool(sheet.lines), told))


def changed(rng: random.Random, data: bytes, others: list[bytes]) -> bytes:
    """Change fields and lines, and now and then bytes."""
    text = data[1:].decode("utf-8", "replace")
    made = bytearray(data[:1] + mutated_text(rng, text, ",").encode("utf-8", "replace"))
    if not rng.randrange(8):
        made[rng.randrange(len(made))] = rng.randrange(256)
    return bytes(made)


def seeds() -> list[bytes]:
    """Each file, with commas, with semicolons, and with a mark before it as Excel writes it."""
    texts = [(n, SHEETS[name][2]) for n, name in enumerate(NAMES)]
    return [bytes([n]) + text.encode() for n, text in texts] + [
        bytes([n]) + b"\xef\xbb\xbf" + text.replace(",", ";").encode() for n, text in texts
    ]


TARGET = Target("csv_files", run, seeds, changed, ("ops.cli", "ops.till", "protocol.card_number"), 8_192)
