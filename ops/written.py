"""How numbers, sums, shares, days and moments are written in Polish and in English.

Owns these forms, for pages, documents and lists alike. Pure; must not know where they stand. Invariants: no
form breaks between a number and its unit; whatever language is named, one of the two is written.
"""

from __future__ import annotations

from datetime import date, datetime, tzinfo
from typing import Final

NO_BREAK: Final = "\u00a0"
MINUS: Final = "\u2212"
NOTHING: Final = "–"
"""What stands where there is no day, and no moment."""
_TO_POLISH: Final = {ord(","): NO_BREAK, ord("."): ","}


def number(value: float, language: str, digits: int = 0) -> str:
    """Return a number with groups of three: "1 234,5" or "1,234.5"."""
    text = f"{value:,.{digits}f}".replace("-", MINUS)
    return text.translate(_TO_POLISH) if language == "pl" else text


def percent(value: str | int, language: str) -> str:
    """Return a percentage that is written with a point or a comma: "12,5 %" or "12.5%"."""
    text = f"{value}".replace(",", ".")
    return text.replace(".", ",") + f"{NO_BREAK}%" if language == "pl" else f"{text}%"


def zloty(grosze: int, language: str) -> str:
    """Return a sum: "1 234,50 zł" or "PLN 1,234.50"."""
    sign = MINUS if grosze < 0 else ""
    whole, rest = divmod(abs(grosze), 100)
    if language == "en":
        return f"{sign}PLN {whole:,}.{rest:02}"
    return f"{sign}{whole:,}".translate(_TO_POLISH) + f",{rest:02}{NO_BREAK}zł"


def day(on: date | None, language: str) -> str:
    """Return a day: "05.11.2026" or "5 Nov 2026"."""
    if on is None:
        return NOTHING
    return f"{on:%d.%m.%Y}" if language == "pl" else f"{on:%-d %b %Y}"


def moment(at: datetime | None, language: str, zone: tzinfo) -> str:
    """Return a day and its minute in a time zone: "05.11.2026, 14:30"; the day alone at midnight."""
    if at is None:
        return NOTHING
    local = at.astimezone(zone)
    on = day(local, language)
    return on if (local.hour, local.minute) == (0, 0) else f"{on}, {local:%H:%M}"


def counted(count: int, forms: str) -> str:
    """Return a number with its noun: of "użycie|użycia|użyć" (1, 2 to 4, 5 and more) or "use|uses"."""
    one, *others = forms.split("|")
    if count == 1:
        return f"1{NO_BREAK}{one}"
    is_few = 2 <= count % 10 <= 4 and not 12 <= count % 100 <= 14
    language = "pl" if len(others) > 1 else "en"
    return f"{number(count, language)}{NO_BREAK}{others[0 if is_few else -1]}"
