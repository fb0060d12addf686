"""A note of rebates to read and to reckon with: CSV of one or many, and tagged PDF, Polish or English.

Owns how a note that was issued is read back, and both forms. Must not compute: the note as it was issued,
byte for byte, is the only source, so every form of it says the same. Sums of the CSV are in grosze, a credit
note's above 0 and a debit note's below, as its lines are.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date
from importlib import resources
from typing import Any, Final
from xml.etree import ElementTree

from msgspec import Struct

from ledger.errors import RegistryRefused
from ops import written
from ops.csv_text import sheet
from ops.invoices.notes import DEBIT
from ops.settlement.typeset import typeset
from ops.settlement.words import Language

COLUMNS: Final = (
    *("number", "kind", "issued_on", "month", "statement", "partner", "name", "tax_id", "row", "origin"),
    *("quantity", "amount_grosze"),
)
WORDS: Final[dict[str, tuple[str, str]]] = {
    "credit": ("Nota uznaniowa {number}", "Credit note {number}"),
    "debit": ("Nota obciążeniowa {number}", "Debit note {number}"),
    "issued_on": ("Data wystawienia", "Issued on"),
    "month": ("Miesiąc", "Month"),
    "statement": ("Rozliczenie", "Statement"),
    "issuer": ("Wystawca", "Issuer"),
    "receiver": ("Odbiorca", "Receiver"),
    "tax_id": ("NIP {nip}", "Tax number {nip}"),
    "number_of": ("numer partnera {partner}", "number of the partner {partner}"),
    "lines": ("Pozycje", "Lines"),
    "line": ("Pozycja", "Line"),
    "quantity": ("Ilość", "Quantity"),
    "amount": ("Kwota", "Amount"),
    "rebates": ("Rabaty udzielone za punkty", "Rebates given for points"),
    "origin": ("dotyczy {origin}", "of {origin}"),
    "credit_sum": ("Do zwrotu partnerowi", "Credited to the partner"),
    "debit_sum": ("Do zapłaty przez partnera", "Due from the partner"),
    "reason": (
        "{reason}.",
        "Rebates given to holders for points; outside VAT (CJEU C-53/09 and C-55/09).",
    ),
}


class NoteLine(Struct, frozen=True):
    """One sum of a note; `origin`: the month it takes something back from, else empty."""

    quantity: int
    amount_grosze: int
    origin: str


class Party(Struct, frozen=True):
    """Who issued a note, or got it; `tax_id` may be empty."""

    name: str
    address: str
    tax_id: str


class Note(Struct, frozen=True):
    """A note as it was issued; `amount_grosze` below 0 for a debit note."""

    number: str
    issued_on: str
    month: str
    statement: str
    partner: int
    issuer: Party
    receiver: Party
    reason: str
    lines: tuple[NoteLine, ...]
    amount_grosze: int

    @property
    def kind(self) -> str:
        """ "credit" where the organiser owes, "debit" where the partner does."""
        return "debit" if self.amount_grosze < 0 else "credit"


def read_note(document: bytes) -> Note:
    """Return what a note of `ops.invoices.notes` says. Raises RegistryRefused for any other document."""
    try:
        root = ElementTree.fromstring(document)  # noqa: S314 - of the registry, written by `notes`
    except ElementTree.ParseError:
        raise RegistryRefused("this document is no note") from None
    if root.tag != "Nota":
        raise RegistryRefused("this document is no note: invoices are FA(3) documents, as they are")
    sign = -1 if _text(root, "Rodzaj") == DEBIT else 1
    return Note(
        _text(root, "Numer"),
        _text(root, "DataWystawienia"),
        _text(root, "Miesiac"),
        _text(root, "Rozliczenie"),
        int(root.find("Odbiorca").get("partner", "0")),  # type: ignore[union-attr]
        _party(root, "Wystawca"),
        _party(root, "Odbiorca"),
        _text(root, "Tytul"),
        tuple(
            NoteLine(int(_text(row, "Liczba")), _grosze(_text(row, "Kwota")), row.findtext("Dotyczy") or "")
            for row in root.findall("Pozycja")
        ),
        sign * _grosze(_text(root, "Kwota")),
    )


def notes_csv(notes: Iterable[Note]) -> str:
    """Return notes: a row for each line, then one `total` with the sum."""
    return sheet(COLUMNS, (row for note in notes for row in _rows(note)))


def note_pdf(note: Note, language: Language = "pl") -> bytes:
    """Return a note as PDF. Raises RegistryRefused where the extra `office` is not installed."""
    template = resources.files("ops.invoices").joinpath("note.typ").read_bytes()
    return typeset(template, _data(note, language))


def file_name(number: str, kind: str) -> str:
    """Return what a file of a document is called: N-CZESTOCHOWA-2026-1.pdf."""
    return "".join(each if each.isascii() and each.isalnum() else "-" for each in number) + f".{kind}"


def _rows(note: Note) -> Iterator[tuple[object, ...]]:
    head = (note.number, note.kind, note.issued_on, note.month, note.statement, note.partner)
    receiver = (note.receiver.name, note.receiver.tax_id)
    for line in note.lines:
        yield (*head, *receiver, "line", line.origin, line.quantity, line.amount_grosze)
    yield (*head, *receiver, "total", "", "", note.amount_grosze)


def _data(note: Note, language: Language) -> dict[str, Any]:
    def say(name: str, **filled: object) -> str:
        return WORDS[name][language == "en"].format(**filled)

    def party(name: str, of: Party, *more: str) -> dict[str, Any]:
        lines = [of.name, of.address, *([say("tax_id", nip=of.tax_id)] if of.tax_id else []), *more]
        return {"title": say(name), "lines": lines}

    def name_of(line: NoteLine) -> str:
        name = say("rebates")
        return f"{name}, {say('origin', origin=line.origin)}" if line.origin else name

    return {
        "lang": language,
        "title": say(note.kind, number=note.number),
        "author": "cityswitch",
        "head": [
            (say("issued_on"), written.day(date.fromisoformat(note.issued_on), language)),
            (say("month"), note.month),
            (say("statement"), note.statement),
        ],
        "parties": [
            party("issuer", note.issuer),
            party("receiver", note.receiver, say("number_of", partner=note.partner)),
        ],
        "lines_title": say("lines"),
        "columns": [say(name) for name in ("line", "quantity", "amount")],
        "lines": [
            [
                name_of(line),
                written.number(line.quantity, language),
                written.zloty(line.amount_grosze, language),
            ]
            for line in note.lines
        ],
        "sum": (say(f"{note.kind}_sum"), written.zloty(abs(note.amount_grosze), language)),
        "reason": say("reason", reason=note.reason),
    }


def _text(root: ElementTree.Element, tag: str) -> str:
    found = root.findtext(tag)
    if found is None:
        raise RegistryRefused("this document is no note")
    return found


def _party(root: ElementTree.Element, tag: str) -> Party:
    party = root.find(tag)
    if party is None:
        raise RegistryRefused("this document is no note")
    return Party(_text(party, "Nazwa"), _text(party, "Adres"), party.findtext("NIP") or "")


def _grosze(text: str) -> int:
    """Return a sum as `money_of` wrote it."""
    whole, _, part = text.removeprefix("-").partition(".")
    grosze = int(whole) * 100 + int(part)
    return -grosze if text.startswith("-") else grosze
