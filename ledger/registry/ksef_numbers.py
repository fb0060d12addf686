"""Owns the form of a number that the national system of e-invoices (KSeF) gives an invoice. Pure.

NIP of the seller, day the invoice was taken in, twelve hexadecimal digits, and a CRC-8 of all before it
(polynomial 0x07, from 0x00): `CIRFMF/ksef-docs`, faktury/numer-ksef. No error repeats what was typed.
"""

import re
from datetime import date
from typing import Final

from ledger.errors import RegistryRefused

_NUMBER: Final = re.compile(r"([0-9]{10})-([0-9]{8})-[0-9A-F]{12}-[0-9A-F]{2}")
_POLYNOMIAL: Final = 0x07


def check_sum(text: str) -> str:
    """Return the CRC-8 of a number's first 32 characters, in two hexadecimal digits."""
    rest = 0
    for byte in text.encode():
        rest ^= byte
        for _ in range(8):
            rest = (rest << 1 ^ _POLYNOMIAL) & 0xFF if rest & 0x80 else rest << 1
    return f"{rest:02X}"


def check_form(text: str) -> tuple[str, str]:
    """Return the seller's NIP and the day ("20250826") of a number. Raises RegistryRefused."""
    found = _NUMBER.fullmatch(text)
    if not found:
        raise RegistryRefused("a KSeF number is like 5265877635-20250826-0100001AF629-AF")
    if text[-2:] != check_sum(text[:-3]):
        raise RegistryRefused("that KSeF number has another check sum: it was mistyped")
    return found[1], found[2]


def check_ksef_number(text: str, seller_nip: str, first: date, last: date) -> None:
    """Raise RegistryRefused for a number that is not of an invoice of that seller, taken in on a day of
    `first` to `last`, both inclusive.
    """
    nip, day = check_form(text)
    if nip != seller_nip:
        raise RegistryRefused("that KSeF number is of another seller: it begins with another NIP")
    if not f"{first:%Y%m%d}" <= day <= f"{last:%Y%m%d}":
        raise RegistryRefused(
            "that KSeF number is of another day: the invoice can have been taken in from {first} to {last}",
            first=first,
            last=last,
        )
