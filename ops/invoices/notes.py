"""Writes the note of a month's rebates (nota uznaniowa): what the organiser owes a partner for its points.

Owns its form, plain XML of our own: it is no invoice, bears no VAT and never goes to KSeF. Invariant: the
same draft, parties and number give the same bytes.
"""

from __future__ import annotations

from typing import Final
from xml.etree import ElementTree

from ledger.registry.invoice_parties import check_nip
from ledger.registry.invoices import Numbered
from ledger.settlement.statement import Statement
from ops.invoices.drafts import Draft
from ops.invoices.fa3 import Parties, as_document
from ops.invoices.texts import count_of, money_of, text_of

CREDIT: Final = "Nota uznaniowa"
DEBIT: Final = "Nota obciążeniowa"
"""Where more was taken back than given, the partner owes."""
REASON: Final = "Rabaty udzielone uczestnikom za punkty; poza zakresem VAT (wyrok TSUE C-53/09 i C-55/09)"


def write_note(statement: Statement, draft: Draft, parties: Parties, numbered: Numbered) -> bytes:
    """Return the document. Raises RegistryRefused for a text or sum out of bounds."""
    root = ElementTree.Element("Nota", wersja="1")
    seller = parties.seller
    partner_nip = check_nip("the partner's tax number", statement.tax_id) if statement.tax_id.strip() else ""
    issuer = (("the organiser's", seller.name), ("the organiser's", seller.address))
    _party(root, "Wystawca", seller.nip, *issuer)
    told = (("the partner's", statement.partner_name), ("the partner's", statement.address))
    _party(root, "Odbiorca", partner_nip, *told).set("partner", str(statement.partner))
    for name, value in (
        ("Rodzaj", CREDIT if draft.net_grosze > 0 else DEBIT),
        ("Numer", numbered.text),
        ("DataWystawienia", numbered.issued_on.isoformat()),
        ("Rozliczenie", text_of("the statement's number", statement.number)),
        ("Miesiac", statement.month),
        ("Tytul", REASON),
    ):
        ElementTree.SubElement(root, name).text = value
    for line in draft.lines:
        row = ElementTree.SubElement(root, "Pozycja")
        ElementTree.SubElement(row, "Liczba").text = count_of("the quantity of a line", line.quantity)
        ElementTree.SubElement(row, "Kwota").text = money_of("the sum of a line", line.net_grosze)
        if line.origin:
            ElementTree.SubElement(row, "Dotyczy").text = text_of("the origin of a line", line.origin)
    amount = ElementTree.SubElement(root, "Kwota", waluta="PLN")
    amount.text = money_of("the sum", abs(draft.net_grosze))
    return as_document(root)


def _party(
    root: ElementTree.Element, tag: str, nip: str, name: tuple[str, str], address: tuple[str, str]
) -> ElementTree.Element:
    party = ElementTree.SubElement(root, tag)
    if nip:
        ElementTree.SubElement(party, "NIP").text = nip
    ElementTree.SubElement(party, "Nazwa").text = text_of(f"{name[0]} name", name[1])
    ElementTree.SubElement(party, "Adres").text = text_of(f"{address[0]} address", address[1])
    return party
