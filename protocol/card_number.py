"""Card numbers as terminals send them: keyed digits, or what a reader of magnetic stripes read.

Owns the Luhn digit (ISO/IEC 7812-1 annex B), the forms of the tracks (ISO/IEC 7813) and masking; knows
nothing of which cards exist. Invariants: no error or log text made here contains the number; a text never
gives another number than each of its tracks does; reading takes time in proportion to the text, which has a
bound.
"""

import re

from protocol.errors import CardNumberError
from protocol.limits import CARD_BYTES_MAX, CARD_DIGITS_MAX, CARD_DIGITS_MIN

_SHOWN_DIGITS = 4
_DIGITS = rf"[0-9]{{{CARD_DIGITS_MIN},{CARD_DIGITS_MAX}}}"
_SPACE = r"[ \t\r\n]*"

# Keyed digits, in groups if so printed. Or track 2 with or without its sentinels: the separator is = on the
# stripe, D in what chips and some readers give (either case); what follows it, if anything, is not judged,
# for validity rests in the registry. A filler F to whole bytes may end it, with a separator or without. Track
# 1 may come before it, or the sign that it could not be read.
_FORM = re.compile(
    rf"{_SPACE}(?:"
    rf"([0-9](?: ?[0-9]){{{CARD_DIGITS_MIN - 1},{CARD_DIGITS_MAX - 1}}})"
    rf"|(?:%(?:[Bb]({_DIGITS})\^[^%?;^]*\^[^%?;^]*|[Ee])\?{_SPACE})?;?({_DIGITS})(?:[=Dd][0-9=Dd]*)?[Ff]?\??"
    rf"){_SPACE}"
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


def read_card(text: str) -> str:
    """Return the 16 to 19 digits of a keyed number or of a stripe's reading (SPEC.md, "Card texts").

    The check digit is not looked at: of a number that is known it need not be computed. Raises
    `CardNumberError` for any other form, and where two tracks differ.
    """
    match = _FORM(text) if len(text) <= CARD_BYTES_MAX else None
    if match is None:
        raise CardNumberError("neither 16 to 19 digits nor a stripe's track 2")
    keyed, track_1, track_2 = match.groups()
    digits: str = track_2 or keyed.replace(" ", "")
    if track_1 not in {None, digits}:
        raise CardNumberError("track 1 and track 2 have different numbers")
    return digits


def parse_card(text: str) -> str:
    """Return the digits of a card text as `read_card` does. Raises `CardNumberError` for a wrong check digit,
    too.
    """
    digits = read_card(text)
    if _luhn_sum(digits.encode()) % 10:
        raise CardNumberError("wrong check digit")
    return digits


def without_track_1(text: str) -> str:
    """Return what a terminal sends of a reading: nothing of track 1, which holds the holder's name."""
    before, end, rest = text.partition("?")
    return rest.strip() if end and before.lstrip().startswith("%") else text


def mask_card(digits: str) -> str:
    """Return the number with all but its last four digits as asterisks: `************0002`."""
    return "*" * (len(digits) - _SHOWN_DIGITS) + digits[-_SHOWN_DIGITS:]


def mask_text(text: str) -> str:
    """Return what may be shown of a card text: a masked number, or only the length of what is none."""
    try:
        return mask_card(parse_card(text))
    except CardNumberError:
        return f"({len(text)} characters)"
