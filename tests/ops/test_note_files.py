"""Notes of rebates as CSV and PDF: what was issued, to the grosz; nothing is a formula."""

import csv
import io
from datetime import date
from typing import Any

import pypdf
import pytest
from hypothesis import given

from ledger.errors import RegistryRefused
from ledger.registry.invoices import Numbered
from ledger.settlement.statement import Line, Statement
from ops.invoices.drafts import drafts_of
from ops.invoices.fa3 import Parties
from ops.invoices.issuing import write_document
from ops.invoices.note_files import WORDS, Note, file_name, note_pdf, notes_csv, read_note
from ops.settlement.words import Language
from tests.ops.statements import CLOSED_AT_MS, PARTIES, SELLER, STATEMENTS, points, rebate, statement
from tests.ops.test_invoice_documents import NUMBERED
from tests.ops.test_statement_documents import HOSTILE, structure

NOTE_NUMBER = Numbered("N/CZESTOCHOWA/2026/3", date(2026, 12, 3), NUMBERED.made_at)


def document(of: Statement, parties: Parties) -> bytes:
    """The note of a statement that asks for one."""
    (draft,) = [draft for draft in drafts_of(of) if draft.kind == "note"]
    return write_document(of, draft, parties, NOTE_NUMBER, None)


def note(*lines: Line, name: str = "Piekarnia", tax_id: str = "8982145677") -> Note:
    return read_note(document(statement(*lines, partner_name=name, tax_id=tax_id), Parties(SELLER)))


@given(STATEMENTS, PARTIES)
def test_whatever_the_statement_the_files_of_its_note_say_its_rebates(
    of: Statement, parties: Parties
) -> None:
    """Read back from what was issued: lines and sum to the grosz, credit above 0 and debit below."""
    if not of.rebates_grosze:
        return
    found = read_note(document(of, parties))
    assert found.amount_grosze == of.rebates_grosze == sum(line.amount_grosze for line in found.lines)
    assert [(line.quantity, line.amount_grosze, line.origin) for line in found.lines] == [
        (line.quantity, line.net_grosze, line.origin)
        for line in of.lines
        if line.vat_rate is None and line.net_grosze
    ]
    rows = list(csv.DictReader(io.StringIO(notes_csv([found]))))
    assert [row["row"] for row in rows] == ["line"] * len(found.lines) + ["total"]
    assert sum(int(row["amount_grosze"]) for row in rows[:-1]) == int(rows[-1]["amount_grosze"])
    assert int(rows[-1]["amount_grosze"]) == of.rebates_grosze
    assert {row["kind"] for row in rows} == {"credit" if of.rebates_grosze > 0 else "debit"}
    assert not any(row["name"].startswith(("=", "+", "-", "@")) for row in rows)
    assert (found.partner, found.month, found.statement) == (of.partner, of.month, of.number)
    assert found.receiver.name == " ".join(of.partner_name.split())


@pytest.mark.parametrize(
    ("language", "sums", "title", "said"),
    [
        ("pl", (5000, -1000), "Nota uznaniowa N/CZESTOCHOWA/2026/3", "Do zwrotu partnerowi: 40,00\u00a0zł"),
        ("en", (5000, -1000), "Credit note N/CZESTOCHOWA/2026/3", "Credited to the partner: PLN 40.00"),
        (
            "pl",
            (-1000,),
            "Nota obciążeniowa N/CZESTOCHOWA/2026/3",
            "Do zapłaty przez partnera: 10,00\u00a0zł",
        ),
        ("en", (-1000,), "Debit note N/CZESTOCHOWA/2026/3", "Due from the partner: PLN 10.00"),
    ],
)
def test_a_note_can_be_read_aloud(language: Language, sums: tuple[int, ...], title: str, said: str) -> None:
    """PDF/UA-1: tagged, with language, title and table headers; who owes whom is said in words."""
    reader = pypdf.PdfReader(io.BytesIO(note_pdf(note(*map(rebate, sums)), language)))
    root: Any = reader.trailer["/Root"]
    assert (root["/Lang"], root["/MarkInfo"]["/Marked"]) == (language, True)
    assert reader.metadata is not None
    assert reader.metadata.title == title
    assert b"pdfuaid:part" in root["/Metadata"].get_object().get_data()
    names = [name for name, _ in structure(root["/StructTreeRoot"])]
    assert (names.count("/Table"), names.count("/TH"), names.count("/H1")) == (1, 3, 3)
    text = reader.pages[0].extract_text()
    assert said.replace("\u00a0", " ") in text.replace("\u00a0", " ")
    assert "C-53/09" in text


def test_a_partner_s_name_is_text_in_a_note() -> None:
    """No markup in the PDF, no formula in the CSV; without a tax number none is named."""
    hostile = note(rebate(5000), name=HOSTILE, tax_id="")
    text = pypdf.PdfReader(io.BytesIO(note_pdf(hostile))).pages[0].extract_text()
    assert HOSTILE in text
    assert text.count("NIP") == 1, "the organiser's"
    rows = csv.DictReader(io.StringIO(notes_csv([hostile])))
    assert {row["name"] for row in rows} == {f"'{HOSTILE}"}


def test_what_is_no_note_is_refused() -> None:
    """An invoice, a document of something else, one cut short: a refusal, never half a note."""
    of = statement(points(10), closed_at_ms=CLOSED_AT_MS)
    invoice = write_document(of, drafts_of(of)[0], Parties(SELLER), NUMBERED, None)
    whole = document(statement(rebate(1)), Parties(SELLER))
    for other in (invoice, b"<faktura/>", b"", whole[:-30], b"<Nota/>", b"<Nota><Rodzaj/></Nota>"):
        with pytest.raises(RegistryRefused, match="no note"):
            read_note(other)
    assert file_name("N/CZESTOCHOWA/2026/3", "pdf") == "N-CZESTOCHOWA-2026-3.pdf"
    assert all(pl and en for pl, en in WORDS.values())
