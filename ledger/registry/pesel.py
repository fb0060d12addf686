"""Owns what a PESEL says: whether it can be one, and the date of birth in it.

Source: Ustawa z dnia 24 września 2010 r. o ewidencji ludności, art. 15, and its regulation: six digits of
birth with the century in the month, four of order, one to check. Pure.
"""

from datetime import date
from typing import Final

_WEIGHTS: Final = (1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1)
_CENTURIES: Final = {80: 1800, 0: 1900, 20: 2000, 40: 2100, 60: 2200}


def born_of_pesel(pesel: str) -> date | None:
    """Return the date of birth in a PESEL; None where it is none."""
    if len(pesel) != 11 or not (pesel.isascii() and pesel.isdigit()):
        return None
    digits = [int(digit) for digit in pesel]
    if sum(digit * weight for digit, weight in zip(digits, _WEIGHTS, strict=True)) % 10:
        return None
    month = int(pesel[2:4])
    try:
        return date(_CENTURIES[month // 20 * 20] + int(pesel[:2]), month % 20, int(pesel[4:6]))
    except ValueError:
        return None
