"""Writes an invoice or a correction as a structured invoice FA(3), template 13775 (schemas/README.md).

Owns the order of the elements and what stands in each. Must not decide what is invoiced (`drafts`) or number
it. Invariants: the same draft, parties and number give the same bytes; every sum comes from grosze. A
correction is of one invoice and shows the differences, each line once, without the state before (VAT Act,
art. 106j (2) (5)); that an invoice was issued outside KSeF stands there only where a person said so.
"""

from __future__ import annotations

import calendar
from datetime import UTC, date, timedelta
from typing import Final
from xml.etree import ElementTree

from msgspec import Struct

from ledger.registry.invoice_billings import Billing
from ledger.registry.invoice_parties import City, Seller, check_nip
from ledger.registry.invoices import Numbered
from ledger.settlement.statement import CORRECTION, Line, Statement, half_up
from ledger.settlement.vat import RATES
from ops.invoices.drafts import Draft
from ops.invoices.texts import SHORT, UNIT_GROSZE_MAX, count_of, money_of, text_of

NAMESPACE: Final = "http://crd.gov.pl/wzor/2025/06/25/13775/"
DECLARATION: Final = b'<?xml version="1.0" encoding="UTF-8"?>\n'
UNIT_OF_CITY_SELLS: Final = "7"
UNIT_OF_CITY_BUYS: Final = "8"
FIELDS: Final = {23: ("P_13_1", "P_14_1"), 8: ("P_13_2", "P_14_2"), 5: ("P_13_3", "P_14_3")}
"""Where the net sum and the VAT of each rate stand."""
assert tuple(FIELDS) == RATES, "each rate that is known has its place"
GOODS: Final = {
    "points_bought": ("Punkty przyznane uczestnikom programu", "pkt"),
    "lease": ("Dzierżawa terminala", "mies."),
    "duplicate_fees": ("Opłata za duplikat karty", "szt."),
    "correction": ("Korekta rozliczenia", "szt."),
    "campaign": ("Punkty kampanii", "pkt"),
}
"""What a line is called, and what its quantity counts."""
RETURNS: Final = "Zwroty i storna sprzedaży z miesiąca {month}"
ENTERED: Final = "Korekty rozliczenia z powodów podanych w pozycjach"
"""Why a correction is made: points given back, and what somebody entered, in its own words where they fit."""


class Parties(Struct, frozen=True):
    """Who invoices, and the city where the partner is a unit of one."""

    seller: Seller
    city: City | None = None


Element = ElementTree.Element


def _add(parent: Element, name: str, text: str = "") -> Element:
    element = ElementTree.SubElement(parent, name)
    element.text = text or None
    return element


def as_document(root: Element) -> bytes:
    """Return an element as a document in UTF-8."""
    text: str = ElementTree.tostring(root, encoding="unicode")
    return DECLARATION + text.encode() + b"\n"


def write_fa3(
    statement: Statement, draft: Draft, parties: Parties, numbered: Numbered, corrected: Billing | None = None
) -> bytes:
    """Return the document. Raises RegistryRefused for what the schema has no room for."""
    root = ElementTree.Element("Faktura", xmlns=NAMESPACE)
    _header(root, numbered)
    _seller(root, parties.seller)
    _buyer(root, statement, parties.city)
    if parties.city is not None:
        _unit_that_buys(root, statement, parties.city)
    if parties.seller.unit_name:
        _unit_that_sells(root, parties.seller)
    body = _add(root, "Fa")
    _sums(body, statement, draft, numbered)
    _annotations(body)
    if corrected is None:
        _add(body, "RodzajFaktury", "VAT")
    else:
        _correction(body, draft, corrected)
    for key, value in (("Rozliczenie", statement.number), ("Miesiąc", statement.month)):
        described = _add(body, "DodatkowyOpis")
        _add(described, "Klucz", key)
        _add(described, "Wartosc", text_of("the statement's number", value, SHORT))
    for number, line in enumerate(draft.lines, start=1):
        _line(body, number, line)
    _payment(body, draft, parties.seller, numbered)
    return as_document(root)


def _header(root: Element, numbered: Numbered) -> None:
    header = _add(root, "Naglowek")
    form = _add(header, "KodFormularza", "FA")
    form.set("kodSystemowy", "FA (3)")
    form.set("wersjaSchemy", "1-0E")
    _add(header, "WariantFormularza", "3")
    _add(header, "DataWytworzeniaFa", f"{numbered.made_at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}")
    _add(header, "SystemInfo", "cityswitch")


def _address(party: Element, what: str, address: str) -> None:
    place = _add(party, "Adres")
    _add(place, "KodKraju", "PL")
    _add(place, "AdresL1", text_of(what, address))


def _identity(party: Element, tag: str, value: str, what: str, name: str) -> None:
    identity = _add(party, "DaneIdentyfikacyjne")
    _add(identity, tag, value)
    _add(identity, "Nazwa", text_of(what, name))


def _seller(root: Element, seller: Seller) -> None:
    party = _add(root, "Podmiot1")
    nip = check_nip("the organiser's tax number", seller.nip)
    _identity(party, "NIP", nip, "the organiser's name", seller.name)
    _address(party, "the organiser's address", seller.address)


def _nip_of(statement: Statement) -> tuple[str, str]:
    """Return how a partner is told by its tax number, or that it has none."""
    if not statement.tax_id.strip():
        return "BrakID", "1"
    return "NIP", check_nip("the partner's tax number", statement.tax_id)


def _buyer(root: Element, statement: Statement, city: City | None) -> None:
    party = _add(root, "Podmiot2")
    if city is None:
        _identity(party, *_nip_of(statement), "the partner's name", statement.partner_name)
        _address(party, "the partner's address", statement.address)
    else:
        _identity(party, "NIP", check_nip("the city's tax number", city.nip), "the city's name", city.name)
        _address(party, "the city's address", city.address)
    _add(party, "NrKlienta", str(statement.partner))
    _add(party, "JST", "2" if city is None else "1")
    _add(party, "GV", "2")


def _unit_that_buys(root: Element, statement: Statement, city: City) -> None:
    party = _add(root, "Podmiot3")
    told = ("IDWew", city.unit_id) if city.unit_id else _nip_of(statement)
    _identity(party, *told, "the partner's name", statement.partner_name)
    _address(party, "the partner's address", statement.address)
    _add(party, "Rola", UNIT_OF_CITY_BUYS)


def _unit_that_sells(root: Element, seller: Seller) -> None:
    party = _add(root, "Podmiot3")
    tag = "IDWew" if "-" in seller.unit_id else "NIP" if seller.unit_id else "BrakID"
    _identity(party, tag, seller.unit_id or "1", "the unit's name", seller.unit_name)
    if seller.unit_address.strip():
        _address(party, "the unit's address", seller.unit_address)
    _add(party, "Rola", UNIT_OF_CITY_SELLS)


def _sums(body: Element, statement: Statement, draft: Draft, numbered: Numbered) -> None:
    _add(body, "KodWaluty", "PLN")
    _add(body, "P_1", numbered.issued_on.isoformat())
    _add(body, "P_2", text_of("the number", numbered.text, SHORT))
    if draft.kind == "invoice":
        year, month = (int(part) for part in statement.month.split("-"))
        period = _add(body, "OkresFa")
        _add(period, "P_6_Od", date(year, month, 1).isoformat())
        _add(period, "P_6_Do", date(year, month, calendar.monthrange(year, month)[1]).isoformat())
    net_of = draft.net_of
    for rate, (net_field, vat_field) in FIELDS.items():
        net = net_of.get(rate)
        if net is not None:
            _add(body, net_field, money_of("the net sum", net))
            _add(body, vat_field, money_of("the VAT", half_up(net, rate)))
    _add(body, "P_15", money_of("the gross sum", draft.net_grosze + draft.vat_grosze))


def _annotations(body: Element) -> None:
    """None of the special procedures holds: 2 is "no", and so is each field that ends in N."""
    notes = _add(body, "Adnotacje")
    for name in ("P_16", "P_17", "P_18", "P_18A"):
        _add(notes, name, "2")
    _add(_add(notes, "Zwolnienie"), "P_19N", "1")
    _add(_add(notes, "NoweSrodkiTransportu"), "P_22N", "1")
    _add(notes, "P_23", "2")
    _add(_add(notes, "PMarzy"), "P_PMarzyN", "1")


def _correction(body: Element, draft: Draft, corrected: Billing) -> None:
    _add(body, "RodzajFaktury", "KOR")
    _add(body, "PrzyczynaKorekty", _why(draft))
    _add(body, "TypKorekty", "2")  # it takes effect on the day it is issued
    named = _add(body, "DaneFaKorygowanej")
    _add(named, "DataWystFaKorygowanej", corrected.issued_on.isoformat())
    _add(named, "NrFaKorygowanej", text_of("the number of the corrected invoice", corrected.text, SHORT))
    if corrected.ksef_number:
        _add(named, "NrKSeF", "1")
        _add(named, "NrKSeFFaKorygowanej", corrected.ksef_number)
    else:
        _add(named, "NrKSeFN", "1")


def _why(draft: Draft) -> str:
    """Return what really happened: returns and reversals of the month, and why a person corrected it."""
    returns = any(line.kind != CORRECTION for line in draft.lines)
    told = [RETURNS.format(month=draft.origin)] if returns else []
    reasons = [line.reason or GOODS[CORRECTION][0] for line in draft.lines if line.kind == CORRECTION]
    whole = "; ".join([*told, *dict.fromkeys(" ".join(reason.split()) for reason in reasons)])
    return text_of("the reason", whole if len(whole) <= SHORT else "; ".join([*told, ENTERED]), SHORT)


def _line(body: Element, number: int, line: Line) -> None:
    row = _add(body, "FaWiersz")
    _add(row, "NrWierszaFa", str(number))
    name, unit = GOODS[line.kind]
    if line.reason:
        name = f"{name}: {line.reason}"
    if line.contract:
        name = f"{name} (umowa nr {line.contract})"
    if line.origin:
        name = f"{name} (dotyczy: {line.origin})"
    _add(row, "P_7", text_of("the name of a line", name))
    quantity, price = line.quantity, line.unit_grosze
    if not price:  # a sum that is no product of a price: one piece of it, for an invoice has both (art. 106e)
        quantity, price, unit = 1, line.net_grosze, "szt."
    if price < 0:  # a price has no sign of its own
        quantity, price = -quantity, -price
    _add(row, "P_8A", unit)
    _add(row, "P_8B", count_of("the quantity of a line", quantity))
    _add(row, "P_9A", money_of("the price of a line", price, UNIT_GROSZE_MAX))
    _add(row, "P_11", money_of("the sum of a line", line.net_grosze))
    _add(row, "P_12", str(line.vat_rate))


def _payment(body: Element, draft: Draft, seller: Seller, numbered: Numbered) -> None:
    if draft.net_grosze + draft.vat_grosze <= 0:
        return  # nothing is to be paid to the organiser
    payment = _add(body, "Platnosc")
    due = numbered.issued_on + timedelta(days=seller.due_days)
    _add(_add(payment, "TerminPlatnosci"), "Termin", due.isoformat())
    _add(payment, "FormaPlatnosci", "6")  # by transfer
    if seller.bank_account:
        _add(_add(payment, "RachunekBankowy"), "NrRB", seller.bank_account)
