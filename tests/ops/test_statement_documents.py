"""A statement as PDF and CSV: what assistive technology is told of it, and nothing of a partner's becomes
markup or a formula.
"""

import csv
import io
from datetime import UTC, date
from typing import Any

import msgspec
import pypdf
import pytest

from ledger.settlement.compute import Summary
from ledger.settlement.statement import Day, Line, Statement, total
from ops.settlement.chart import chart_of
from ops.settlement.organiser import Organiser
from ops.settlement.pdf import statement_pdf
from ops.settlement.sheets import statements_csv, statements_sheet, summary_csv, summary_sheet
from ops.settlement.words import WORDS, Language
from ops.written import zloty

CITY = Organiser("Gmina Miasto Zgierz", "pl. Jana Pawła II 16", "7321002020")
HOSTILE = '=Kłos "&" *b* #pagebreak() $x$ <b> \\u{41} _i_ @ref'


def statement(name: str = HOSTILE, days: tuple[int, ...] = (1, 5, 30)) -> Statement:
    """A statement with each kind of line, a day below zero, and a name full of markup."""
    lines = (
        Line("points_bought", 120, 10, 1200, 23),
        Line("points_bought", -100, 10, -1000, 23, "2026-10"),
        Line("rebates", 100, 0, 1000, None),
        Line("lease", 2, 100, 200, 23),
        Line("correction", 1, -7, -7, 23, "2026-10"),
        Line("campaign", 3, 10, 30, 23),
    )
    made = tuple(Day(date(2026, 11, day), day, 10 * day - 40, 1, day) for day in days)
    return Statement(
        "CZESTOCHOWA/2026/11/1001",
        1,
        1001,
        "2026-11",
        name,
        "8982145677",
        "Rynek 1",
        lines,
        *total(lines),
        made,
        None,
    )


def structure(element: Any) -> list[tuple[str, str | None]]:
    """The kinds of a structure tree's elements with their alternative texts, in order of reading."""
    element = element.get_object() if hasattr(element, "get_object") else element
    if isinstance(element, list):
        return [found for child in element for found in structure(child)]
    if not isinstance(element, dict):
        return []
    here = [(str(element["/S"]), element.get("/Alt"))] if "/S" in element else []
    return here + structure(element.get("/K", []))


@pytest.mark.parametrize(
    ("language", "title", "said"),
    [
        ("pl", "Rozliczenie CZESTOCHOWA/2026/11/1001", "najwięcej przyznano w dniu 30.11.2026"),
        ("en", "Statement CZESTOCHOWA/2026/11/1001", "most were awarded on 30 Nov 2026"),
    ],
)
def test_a_pdf_can_be_read_aloud(language: Language, title: str, said: str) -> None:
    """PDF/UA-1: tagged, with language, title, headings, table headers, and a chart that tells itself."""
    reader = pypdf.PdfReader(io.BytesIO(statement_pdf(statement(), CITY, language)))
    root: Any = reader.trailer["/Root"]
    assert root["/Lang"] == language
    assert root["/MarkInfo"]["/Marked"]
    assert root["/ViewerPreferences"]["/DisplayDocTitle"]
    assert reader.metadata is not None
    assert reader.metadata.title == title
    assert b"pdfuaid:part" in root["/Metadata"].get_object().get_data()
    kinds = structure(root["/StructTreeRoot"])
    names = [name for name, _ in kinds]
    assert names.count("/H1") == 2
    assert names.count("/Table") == 2
    assert names.count("/TH") == 5 + 10
    alternatives = [alt for name, alt in kinds if name == "/Figure"]
    assert len(alternatives) == 1
    assert said in str(alternatives[0])


def test_a_partner_s_name_is_text() -> None:
    """What would be markup stands in the document letter by letter."""
    text = "".join(
        page.extract_text() for page in pypdf.PdfReader(io.BytesIO(statement_pdf(statement(), CITY))).pages
    )
    assert '=Kłos "&" *b* #pagebreak() $x$ <b> \\u{41} _i_ @ref' in text
    assert "dotyczy 2026-10" in text


def test_a_month_without_days_is_a_document_too() -> None:
    """No chart and no table of days, and a sentence that says so."""
    reader = pypdf.PdfReader(io.BytesIO(statement_pdf(statement(days=()), CITY, "en")))
    root: Any = reader.trailer["/Root"]
    assert "/Figure" not in [name for name, _ in structure(root["/StructTreeRoot"])]
    assert "no transactions" in reader.pages[0].extract_text()


def test_a_chart_draws_a_bar_for_each_day_and_measure() -> None:
    """Two bars a day that has both; a day below zero hangs from the line."""
    drawn = chart_of("2026-11", statement().days)
    assert drawn.count("<rect") == 6
    assert 'height="-' not in drawn


def test_a_csv_has_lines_sums_and_days_and_no_formula() -> None:
    """One row a line, one with the sums, one a day; a name that begins with = is quoted."""
    rows = list(csv.DictReader(io.StringIO(statements_csv([statement()]))))
    assert [row["row"] for row in rows] == ["line"] * 6 + ["total"] + ["day"] * 3
    assert {row["name"][:2] for row in rows} == {"'="}
    assert sum(int(row["net_grosze"]) for row in rows if row["row"] == "line" and row["vat_rate"]) == int(
        rows[6]["net_grosze"]
    )
    assert rows[6]["due_grosze"] == str(statement().due_grosze)


def test_why_a_correction_was_entered_stands_with_its_line() -> None:
    """In the PDF, in the CSV for programs and in an office's, as text; the organiser's summary has none."""
    why = '=wpisano "dwa razy" <b>'
    line = Line("correction", 1, -500, -500, 23, "2026-10", reason=why)
    given = msgspec.structs.replace(statement("Kino"), lines=(*statement("Kino").lines, line))
    pages = pypdf.PdfReader(io.BytesIO(statement_pdf(given, CITY))).pages
    told = " ".join("".join(page.extract_text() for page in pages).split())
    assert f"Korekta, dotyczy 2026-10: {why}" in told
    (row,) = [row for row in csv.DictReader(io.StringIO(statements_csv([given]))) if row["reason"]]
    assert (row["kind"], row["reason"], row["net_grosze"]) == ("correction", f"'{why}", "-500")
    (row,) = [row for row in sheet_of(statements_sheet([given], "pl", UTC), ";") if row["Powód"]]
    assert (row["Powód"], row["Netto (zł)"]) == (f"'{why}", "-5,00")


def test_a_pdf_names_both_and_no_label_is_empty() -> None:
    """Who it is from and whom to, each with address and NIP; what is not known is left out with its label."""
    text = pypdf.PdfReader(io.BytesIO(statement_pdf(statement("Kino"), CITY))).pages[0].extract_text()
    said = [line.strip() for line in text.splitlines()[1:8]]
    assert said == [
        "Organizator: Gmina Miasto Zgierz",
        "Adres: pl. Jana Pawła II 16",
        "NIP: 7321002020",
        "Partner: Kino (1001)",
        "Adres: Rynek 1",
        "NIP: 8982145677",
        "Miesiąc: 2026-11",
    ]
    short = pypdf.PdfReader(io.BytesIO(statement_pdf(statement("Kino"), Organiser("Karta"))))
    assert "\n:" not in short.pages[0].extract_text()
    assert short.pages[0].extract_text().count("NIP") == 1


def sheet_of(body: bytes, parted_by: str) -> list[dict[str, str]]:
    assert body.startswith(b"\xef\xbb\xbf"), "a spreadsheet takes it for another alphabet"
    return list(csv.DictReader(io.StringIO(body.decode("utf-8-sig")), delimiter=parted_by))


def test_an_office_opens_a_statement_as_it_is() -> None:
    """A Polish one has Polish words, semicolons and decimal commas; an English one commas and points; the
    rows are those of the CSV for programs.
    """
    polish = sheet_of(statements_sheet([statement()], "pl", UTC), ";")
    assert [row["Wiersz"] for row in polish] == ["Pozycja"] * 6 + ["Razem"] + ["Dzień"] * 3
    assert polish[0]["Pozycja"] == "Punkty przyznane klientom"
    assert (polish[0]["Cena netto (zł)"], polish[0]["Netto (zł)"], polish[2]["Cena netto (zł)"]) == (
        "0,10",
        "12,00",
        "",
    )
    assert (polish[1]["Netto (zł)"], polish[6]["Do zapłaty (zł)"]) == ("-10,00", "-4,80")
    assert polish[7]["Rabaty (zł)"] == "0,00"
    english = sheet_of(statements_sheet([statement()], "en", UTC), ",")
    assert (english[1]["Net (PLN)"], english[6]["Due (PLN)"]) == ("-10.00", "-4.80")
    assert {row["Name"][:2] for row in (*english,)} == {"'="}


def test_an_office_opens_the_summary_as_it_is() -> None:
    """How many statements there are has a column of its own, for programs too."""
    lines = statement().lines
    summary = Summary(1, "2026-11", 3, lines, *total(lines), 1_000, None)
    rows = sheet_of(summary_sheet(summary, "pl", UTC), ";")
    assert (rows[-1]["Wiersz"], rows[-1]["Ilość"], rows[-1]["Liczba rozliczeń"]) == ("Razem", "", "3")
    assert rows[-1]["Do zapłaty (zł)"] == "-4,80"
    row = list(csv.DictReader(io.StringIO(summary_csv(summary))))[-1]
    assert (row["row"], row["quantity"], row["statements"], row["due_grosze"]) == ("total", "", "3", "-480")


def test_sums_are_written_as_people_of_each_language_do() -> None:
    """Thousands apart, a real minus, the currency on its side; and each word is there in both."""
    assert zloty(-123456789, "pl") == "−1\u00a0234\u00a0567,89\u00a0zł"
    assert zloty(5, "en") == "PLN 0.05"
    assert all(pl and en for pl, en in WORDS.values())
