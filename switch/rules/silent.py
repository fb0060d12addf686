"""Sections of the documents as they are named in Polish, and what the documents are silent about.

Owns these names. Pure. Invariant: every default of the delivered rules files has one (a test holds it).
"""

from __future__ import annotations

from typing import Final

SILENT: Final = "silent: "
"""How a rules file begins the name of a default of ours, where a document says nothing."""
IN_POLISH: Final = {
    "VAT": "VAT",
    "ages in two bands": "wiek w dwóch kategoriach",
    "corrections": "korekty",
    "credit of rebates": "rozliczenie rabatów",
    "days and hours": "dni i godziny",
    "duplicates": "duplikaty",
    "expiry of points": "ważność punktów",
    "goods without points": "towary bez punktów",
    "identity": "tożsamość",
    "keyed cards": "numer wpisany ręcznie",
    "languages": "języki",
    "largest amount": "największa kwota",
    "late sales": "sprzedaż zgłoszona później",
    "notice of changes": "zapowiedź zmian",
    "offline benefits": "ulgi bez połączenia",
    "one tier a redemption": "jeden próg na wymianę",
    "other discounts": "inne zniżki",
    "price of the lease from month 13": "cena dzierżawy od 13. miesiąca",
    "published offers": "opublikowane oferty",
    "refunds": "zwroty",
    "reports of misuse": "zgłoszenia nadużyć",
    "retained cards": "zatrzymane karty",
    "step": "krok naliczania",
    "time to complete an application": "czas na uzupełnienie wniosku",
    "time to keep an application": "czas przechowywania wniosku",
    "time to decide an application": "czas na rozpatrzenie wniosku",
    "validity of cards": "ważność kart",
}


def in_polish(section: str) -> str:
    """Return a section as a Polish reader is told it."""
    what = section.removeprefix(SILENT)
    return section if what == section else f"dokumenty milczą: {IN_POLISH.get(what, what)}"
