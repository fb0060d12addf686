"""Card numbers as terminals send them: keyed digits, or magnetic stripe track 2.

Owns the Luhn digit (ISO/IEC 7812-1 annex B), the track 2 form (ISO/IEC 7813) and masking; knows nothing of
which cards exist. Invariant: no error or log text made here contains the number.
"""

import re

from protocol.errors import CardNumberError
from protocol.limits import CARD_DIGITS_MAX, CARD_DIGITS_MIN

_SHOWN_DIGITS = 4

# Digits alone, or track 2: sentinels optional, separator, YYMM, then service code and discretionary digits.
# The stripe's date is not judged: validity rests in the registry.
_FORM = re.compile(
    rf"(?:([0-9]{{{CARD_DIGITS_MIN},{CARD_DIGITS_MAX}}})"
    rf"|;?([0-9]{{{CARD_DIGITS_MIN},{CARD_DIGITS_MAX}}})=[0-9]{{4,}}\??)"
).fullmatch

# Byte of a digit -> byte whose low part is the Luhn value of the doubled digit.
_DOUBLED = bytes.maketrans(b"0123456789", b"0246813579")


def _luhn_sum(digits: bytes) -> int:
    """Luhn sum of a number whose last digit is the check digit; 0 modulo 10 when it is right."""
    plain, doubled = digits[::-2], digits[-2::-2].translate(_DOUBLED)
    return sum(plain) + sum(doubled) - 48 * len(digits)  # each byte counts 48 (ASCII "0") too many


def luhn_digit(digits: str) -> str:
    """Return the check digit for `digits` (decimal, without one). Raises `CardNumberError`."""
    if not (digits.isascii() and digits.isdigit()):
        raise CardNumberError("not decimal digits")
    return str(-_luhn_sum(digits.encode() + b"0") % 10)


def parse_card(text: str) -> str:
    """Return the 16 to 19 digits of a keyed number or of a track 2 reading.

    Accepts `4000000000000002` and `;4000000000000002=2512…?`, sentinels optional; no spaces, no other
    digits than ASCII. Raises `CardNumberError` for any other form and for a wrong check digit.
    """
    match = _FORM(text)
    if match is None:
        raise CardNumberError("neither 16 to 19 digits nor track 2")
    digits: str = match[1] or match[2]
    if _luhn_sum(digits.encode()) % 10:
        raise CardNumberError("wrong check digit")
    return digits


def mask_card(digits: str) -> str:
    """Return the number with all but its last four digits as asterisks: `************0002`."""
    return "*" * (len(digits) - _SHOWN_DIGITS) + digits[-_SHOWN_DIGITS:]
