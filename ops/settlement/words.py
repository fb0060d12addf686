"""The words of a statement, Polish and English.

Owns them. Must not know where they stand in a document.
"""

from __future__ import annotations

from typing import Final, Literal

Language = Literal["pl", "en"]
WORDS: Final[dict[str, tuple[str, str]]] = {
    "title": ("Rozliczenie {number}", "Statement {number}"),
    "partner": ("Partner", "Partner"),
    "month": ("Miesiąc", "Month"),
    "tax_id": ("NIP", "Tax number"),
    "closed": ("Miesiąc zamknięty {moment}.", "The month was closed at {moment}."),
    "open": ("Miesiąc otwarty: kwoty mogą się zmienić.", "The month is open: sums may change."),
    "sums": ("Pozycje", "Lines"),
    "line": ("Pozycja", "Line"),
    "quantity": ("Ilość", "Quantity"),
    "unit": ("Cena netto", "Net price"),
    "net": ("Netto", "Net"),
    "vat": ("VAT", "VAT"),
    "gross": ("Brutto", "Gross"),
    "rebates_sum": ("Rabaty do zwrotu (poza VAT)", "Rebates credited (outside VAT)"),
    "due": ("Do zapłaty przez partnera", "Due from the partner"),
    "owed": ("Do zapłaty partnerowi", "Due to the partner"),
    "points_bought": ("Punkty przyznane klientom", "Points awarded to customers"),
    "rebates": ("Rabaty udzielone za punkty", "Rebates given for points"),
    "lease": ("Dzierżawa terminali", "Lease of terminals"),
    "duplicate_fees": ("Opłaty za duplikaty kart", "Fees for duplicates of cards"),
    "correction": ("Korekta", "Correction"),
    "campaign": ("Punkty kampanii, na koszt organizatora", "Points of campaigns, the organiser pays"),
    "origin": ("dotyczy {origin}", "of {origin}"),
    "contract": ("umowa nr {contract}", "contract {contract}"),
    "days": ("Dni", "Days"),
    "day": ("Dzień", "Day"),
    "earns": ("Sprzedaże", "Sales"),
    "issued": ("Punkty przyznane", "Points awarded"),
    "redeemed": ("Punkty wymienione", "Points spent"),
    "rebate": ("Rabaty", "Rebates"),
    "uses": ("Użycia ulg", "Benefits used"),
    "discounts": ("Zniżki", "Discounts"),
    "redemptions": ("Wymiany", "Redemptions"),
    "refunds": ("Zwroty", "Refunds"),
    "reversals": ("Anulowania", "Reversals"),
    "chart": ("Punkty przyznane i wymienione według dni", "Points awarded and spent by day"),
    "chart_alt": (
        "Wykres słupkowy dni miesiąca {month}: przyznano {issued} punktów, wymieniono {redeemed}; "
        "najwięcej przyznano w dniu {top}.",
        "Bar chart of the days of {month}: {issued} points awarded, {redeemed} spent; "
        "most were awarded on {top}.",
    ),
    "no_days": ("W tym miesiącu nie było transakcji.", "There were no transactions in this month."),
    "summary": ("Zestawienie organizatora {month}", "Organiser's summary {month}"),
    "statements": ("Rozliczenia", "Statements"),
    "outside": ("poza VAT", "outside VAT"),
    "total": ("Razem", "Total"),
    "organiser": ("Organizator", "Organiser"),
    "address": ("Adres", "Address"),
    "col_number": ("Numer rozliczenia", "Number of the statement"),
    "col_programme": ("Nr programu", "Number of the programme"),
    "col_month": ("Miesiąc", "Month"),
    "col_closed_at_ms": ("Zamknięty", "Closed"),
    "col_partner": ("Nr partnera", "Number of the partner"),
    "col_name": ("Nazwa", "Name"),
    "col_tax_id": ("NIP", "Tax number"),
    "col_address": ("Adres", "Address"),
    "col_row": ("Wiersz", "Row"),
    "col_kind": ("Pozycja", "Line"),
    "col_origin": ("Dotyczy", "Of"),
    "col_contract": ("Umowa nr", "Contract"),
    "col_reason": ("Powód", "Reason"),
    "col_quantity": ("Ilość", "Quantity"),
    "col_unit_grosze": ("Cena netto (zł)", "Net price (PLN)"),
    "col_net_grosze": ("Netto (zł)", "Net (PLN)"),
    "col_vat_rate": ("Stawka VAT (%)", "VAT rate (%)"),
    "col_vat_grosze": ("VAT (zł)", "VAT (PLN)"),
    "col_gross_grosze": ("Brutto (zł)", "Gross (PLN)"),
    "col_rebates_grosze": ("Rabaty do zwrotu, poza VAT (zł)", "Rebates credited, outside VAT (PLN)"),
    "col_due_grosze": ("Do zapłaty (zł)", "Due (PLN)"),
    "col_statements": ("Liczba rozliczeń", "Number of statements"),
    "col_duplicate_fees_grosze": ("Opłaty za duplikaty (zł)", "Fees of duplicates (PLN)"),
    "col_duplicate_fees_paid_grosze": (
        "Wpłacono opłat za duplikaty (zł)",
        "Fees of duplicates paid (PLN)",
    ),
    "col_date": ("Dzień", "Day"),
    "col_earns": ("Sprzedaże", "Sales"),
    "col_points_issued": ("Punkty przyznane", "Points awarded"),
    "col_redemptions": ("Wymiany", "Redemptions"),
    "col_points_redeemed": ("Punkty wymienione", "Points spent"),
    "col_rebates": ("Rabaty (zł)", "Rebates (PLN)"),
    "col_uses": ("Użycia ulg", "Benefits used"),
    "col_discounts": ("Zniżki (zł)", "Discounts (PLN)"),
    "col_refunds": ("Zwroty", "Refunds"),
    "col_reversals": ("Anulowania", "Reversals"),
}


def word(name: str, language: Language, **filled: object) -> str:
    """Return a word or sentence, its gaps filled."""
    return WORDS[name][language == "en"].format(**filled)
