"""Whoever reads a statement or the organiser's summary reads the same facts in every form of it.

Fields are walked: a new one that a form leaves out is seen here, unless it is said why it may.
"""

import csv
import io
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime
from itertools import count
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pypdf
import pytest

from ledger.settlement.compute import Summary
from ledger.settlement.statement import Day, Line, Statement
from ops import written
from ops.settlement.organiser import Organiser
from ops.settlement.pdf import statement_pdf
from ops.settlement.sheets import statements_csv, statements_sheet, summary_csv, summary_sheet
from ops.settlement.words import Language, word

ZONE = ZoneInfo("Europe/Warsaw")
CLOSED_AT = datetime(2026, 12, 1, 23, 5, tzinfo=UTC)
"""On the second day of the month by Warsaw's clock."""
OF_WHOSE_PAGES = {"programme"}
"""What a person is not told, for it is the programme whose pages and documents they are."""
_NUMBERS = count(1_234_501, 7)


def filled(made_of: type[Any], **given: object) -> Any:
    """A thing with a number or a text of its own in each field that is not given."""
    values = {
        each.name: next(_NUMBERS) if each.type is int else f"{each.name} {next(_NUMBERS)}"
        for each in msgspec.structs.fields(made_of)
        if each.name not in given
    }
    return made_of(**values, **given)


LINE = filled(Line, kind="points_bought", vat_rate=8, origin="2026-07")
DAY = filled(Day, date=date(2026, 11, 17))
STATEMENT: Statement = filled(
    Statement,
    month="2026-11",
    lines=(LINE,),
    days=(DAY,),
    closed_at_ms=int(CLOSED_AT.timestamp() * 1000),
)
SUMMARY: Summary = filled(
    Summary,
    month="2026-11",
    lines=(msgspec.structs.replace(LINE, contract=0, reason=""),),
    closed_at_ms=STATEMENT.closed_at_ms,
)


def facts(thing: Any) -> Iterator[tuple[str, object]]:
    """Each field of a thing and of all that it is made of, and its value."""
    for name in thing.__struct_fields__:
        value = getattr(thing, name)
        if isinstance(value, tuple):
            for part in value:
                yield from facts(part)
        elif value:
            yield name, value


def as_read(name: str, value: Any, language: Language, *, is_sheet: bool = False) -> str:
    """A value as a person reads it; a spreadsheet has numbers without their units."""
    if name == "kind":
        return word(value, language)
    if name == "closed_at_ms":
        return written.moment(CLOSED_AT, language, ZONE)
    if isinstance(value, date):
        return written.day(value, language)
    if name.endswith("_grosze"):
        sum_of = f"{value // 100}.{value % 100:02}"
        if is_sheet:
            return sum_of.replace(".", ",") if language == "pl" else sum_of
        return written.zloty(value, language)
    if isinstance(value, int) and not is_sheet and name not in ("partner", "contract"):
        return written.percent(value, language) if name == "vat_rate" else written.number(value, language)
    return str(value)


def squeezed(text: str) -> str:
    return "".join(text.split())


@pytest.mark.parametrize("thing", [STATEMENT, SUMMARY], ids=["statement", "summary"])
def test_a_csv_for_programs_has_every_fact(thing: Statement | Summary) -> None:
    """Each value stands in a cell, sums in grosze."""
    text = statements_csv([thing]) if isinstance(thing, Statement) else summary_csv(thing)
    cells = {cell for row in csv.DictReader(io.StringIO(text)) for cell in row.values()}
    assert {name: value for name, value in facts(thing) if str(value) not in cells} == {}


@pytest.mark.parametrize("language", ["pl", "en"])
@pytest.mark.parametrize("thing", [STATEMENT, SUMMARY], ids=["statement", "summary"])
def test_a_spreadsheet_of_an_office_has_every_fact(thing: Statement | Summary, language: Language) -> None:
    """Each value stands in a cell as people of that language and city read it."""
    if isinstance(thing, Statement):
        body = statements_sheet([thing], language, ZONE)
    else:
        body = summary_sheet(thing, language, ZONE)
    rows = csv.reader(io.StringIO(body.decode("utf-8-sig")), delimiter=";" if language == "pl" else ",")
    cells = {cell for row in rows for cell in row}
    read = {name: as_read(name, value, language, is_sheet=True) for name, value in facts(thing)}
    assert {name: text for name, text in read.items() if text not in cells} == {}


@pytest.mark.parametrize("language", ["pl", "en"])
def test_a_pdf_has_every_fact_as_people_read_it(language: Language) -> None:
    """Days, moments by the city's clock, sums and numbers in the form of the language; no ISO day, no UTC."""
    document = statement_pdf(STATEMENT, Organiser("Gmina", zone=ZONE), language)
    text = "".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(document)).pages)
    read = {name: as_read(name, value, language) for name, value in facts(STATEMENT)}
    told = squeezed(text)
    missing = {name: one for name, one in read.items() if squeezed(one) not in told}
    assert {name: one for name, one in missing.items() if name not in OF_WHOSE_PAGES} == {}
    assert "UTC" not in text
    assert re.findall(r"\d{4}-\d\d-\d\d", text) == []
