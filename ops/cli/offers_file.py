"""Files of offers: TOML with all that an offer may say, or CSV with one benefit a line.

Owns the columns of the CSV and the way from a line to an offer. What an offer may say is
`switch.rules.offers`'. Invariant: both forms end in the same offers, and every fault names its line and
column or its offer and key.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ops.cli.amounts import AmountError, parse_amount
from ops.cli.csv_import import Columns, Line, LineError, Sheet, read_sheet, whole_number
from ops.cli.registry_options import parse_day, parse_yes
from ops.errors import CommandError
from ops.exit_codes import Exit
from switch.rules.offer_faults import OfferError
from switch.rules.offers import (
    FILE_BYTES_MAX,
    KINDS,
    OFFER_MAX,
    Offer,
    parse_offers,
    read_offer,
)
from switch.rules.programme import LANGUAGES

COLUMNS = Columns(
    required=("number", "partner", "kind"),
    optional=(
        "name_pl", "name_en", "text_pl", "text_en", "value", "for", "flags", "outlets", "goods_pl",
        "goods_en", "from", "to", "days", "hours", "combines", "confirm", "limits", "max_discount",
    ),
)  # fmt: skip
KIND_NAMES = tuple(str(kind.__struct_config__.tag) for kind in KINDS)
VALUE_KEYS = {"percent": "percent", "fixed_price": "price_grosze", "amount_off": "off_grosze"}
_COLUMN_OF = (
    (r"name\.(pl|en)", r"name_\1"),
    (r"text\.(pl|en)", r"text_\1"),
    (r"goods\.(pl|en)", r"goods_\1"),
    (r"benefits\[0\]\.(percent|price_grosze|off_grosze)", "value"),
    (r"benefits\[0\]\.(for|flags)", r"\1"),
    (r"benefits.*", "kind"),
    (r"(limits|days|hours|outlets|confirm)\b.*", r"\1"),
    (r"max_discount_grosze", "max_discount"),
)


def read_offers(file: Path) -> tuple[str | None, Sheet[Offer]]:
    """Return the code of the programme that a file names, if it does, and its offers, line by line.

    Raises `CommandError` or `OfferError` for a file that cannot be used.
    """
    if file.suffix.lower() == ".csv":
        return None, read_sheet(file, COLUMNS, read_line)
    try:
        with file.open("rb") as opened:
            data = opened.read(FILE_BYTES_MAX + 1)
    except OSError as error:
        raise CommandError(Exit.USAGE, f"{file}: {error.strerror}.", "Check the path.") from None
    parsed = parse_offers(data, source=str(file))
    found = [n for n, line in enumerate(data.split(b"\n"), 1) if re.match(rb"\s*\[\[\s*offer\s*\]\]", line)]
    numbers = found if len(found) == len(parsed.offer) else range(1, len(parsed.offer) + 1)
    lines = [Line(number, offer, ()) for number, offer in zip(numbers, parsed.offer, strict=True)]
    return parsed.programme, Sheet(file, hashlib.sha256(data).hexdigest(), (), lines, [])


def read_line(row: Mapping[str, str]) -> Offer:
    """Read one line of a CSV file. Raises `LineError`."""
    try:
        return read_offer(_values(row))
    except OfferError as error:
        # A reason never repeats what stands in the line.
        raise LineError(_column_of(error.key), re.sub(r" '[^']*'", "", error.why)) from None


def _column_of(key: str) -> str:
    for pattern, column in _COLUMN_OF:
        if found := re.fullmatch(pattern, key):
            return found.expand(column)
    return key


def _values(row: Mapping[str, str]) -> dict[str, Any]:
    """Return the keys of an offer that a line says, those of empty columns left out."""
    values: dict[str, Any] = {name: whole_number(row, name, 1, OFFER_MAX) for name in ("number", "partner")}
    values["benefits"] = [_benefit(row)]
    for name in ("name", "text", "goods"):
        said = {language: text for language in LANGUAGES if (text := row[f"{name}_{language}"])}
        if said or name != "goods":
            values[name] = said
    for name in ("days", "hours", "confirm"):
        values[name] = row[name].split()
    values["outlets"] = [_number(text) for text in row["outlets"].split()]
    values["limits"] = [_limit(text) for text in row["limits"].split()]
    for name, read in (("from", parse_day), ("to", parse_day), ("combines", parse_yes)):
        if row[name]:
            try:
                values[name] = read(row[name])
            except ValueError as error:
                raise LineError(name, str(error)) from None
    if row["max_discount"]:
        values["max_discount_grosze"] = _amount(row, "max_discount")
    return values


def _benefit(row: Mapping[str, str]) -> dict[str, Any]:
    kind = row["kind"]
    if kind not in KIND_NAMES:
        raise LineError("kind", f"is none of {', '.join(KIND_NAMES)}")
    benefit: dict[str, Any] = {"kind": kind, "for": row["for"].split(), "flags": row["flags"].split()}
    if row["value"]:
        if (key := VALUE_KEYS.get(kind)) is None:
            raise LineError("value", "belongs to percent, fixed_price and amount_off alone")
        benefit[key] = row["value"] if key == "percent" else _amount(row, "value")
    return benefit


def _amount(row: Mapping[str, str], column: str) -> int:
    try:
        return parse_amount(row[column])
    except AmountError:
        raise LineError(column, "is no amount like 5.00") from None


def _number(text: str) -> int:
    return whole_number({"outlets": text}, "outlets", 1, OFFER_MAX)


def _limit(text: str) -> dict[str, Any]:
    """Read "2/card_and_offer/week"."""
    parts = text.split("/")
    if len(parts) != 3 or not re.fullmatch(r"[0-9]{1,10}", parts[0]):
        raise LineError("limits", "are written like 2/card_and_offer/week, with spaces between them")
    return {"uses": int(parts[0]), "per": parts[1], "every": parts[2]}
