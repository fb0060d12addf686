"""Owns the bounds of what may enter the registry: every number and text is held to them before Postgres
sees it.

Whatever comes in from a command line, a file or a form passes here, so that a number too large, a NUL or a
line break is one line for the operator, never a failure of the database. Texts are told masked where they
might be card numbers: none of these reasons repeats what was typed.
"""

import re
from collections.abc import Mapping
from typing import Final

from ledger.errors import RegistryRefused
from ledger.phrase import Phrase

ID_MAX: Final = 99_999_999
"""Of partners and terminals."""
PROGRAMME_MAX: Final = 9_999
NAME_CHARACTERS_MAX: Final = 64
PAGE_ROWS_MAX: Final = 1_000
INT32_MAX: Final = 2**31 - 1
INT64_MAX: Final = 2**63 - 1
PRINTABLE: Final = Phrase("must have printable characters only")
_BLANK: Final = (
    "\t\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000"
)
_NOTHING: Final = "\u00ad\u200b\ufeff"
_AS_TYPED: Final = str.maketrans(dict.fromkeys(_BLANK, " ") | dict.fromkeys(_NOTHING, ""))
_JOINED: Final = re.compile(
    "(?<=[\u2190-\u2bff\ufe0f\U0001f000-\U0001faff])\u200d(?=[\u2190-\u2bff\U0001f000-\U0001faff])"
)
"""What joins two emoji to one (a family); between letters it is seen by nobody."""


def plain_text(text: str) -> str:
    """Return a text as a keyboard types it: a tab and each kind of space is a space, and what a program put
    in that nobody sees (a soft hyphen, a space of no width, a mark of byte order) is gone.
    """
    return text.translate(_AS_TYPED)


def is_readable(text: str) -> bool:
    """Whether a text that somebody wrote to be read has visible characters only, and breaks of lines; emoji
    may be joined.
    """
    return _JOINED.sub("", text.replace("\n", " ")).isprintable()


def text_fault(text: str, most: int, *, least: int = 1) -> str:
    """Return what is wrong with a text, or an empty one: its length, or characters nobody sees."""
    if not least <= len(text) <= most:
        if least:
            return Phrase("must have {least} to {most} characters", least=least, most=most)
        return Phrase("must have at most {most} characters", most=most)
    return "" if text.isprintable() else PRINTABLE


def number_fault(number: int, least: int, most: int) -> str:
    """Return what is wrong with a number, or an empty text."""
    return "" if least <= number <= most else Phrase("must be {least} to {most}", least=least, most=most)


def check_text(what: str, text: str, most: int, *, least: int = 1) -> None:
    """Raise RegistryRefused for a text that `text_fault` finds fault with; `what` begins the line."""
    if why := text_fault(text, most, least=least):
        raise RegistryRefused("{what} {why}", what=what, why=why)


def check_number(what: str, number: int, least: int, most: int) -> None:
    """Raise RegistryRefused for a number out of bounds; `what` begins the line."""
    if why := number_fault(number, least, most):
        raise RegistryRefused("{what} {why}", what=what, why=why)


def check_page(limit: int, *after: int) -> None:
    """Raise RegistryRefused for a page of a size, or after a number, that there is not."""
    check_number("the rows of a page", limit, 1, PAGE_ROWS_MAX)
    for number in after:
        check_number("the number a page begins after", number, -INT64_MAX, INT64_MAX)


def first_fault(faults: Mapping[str, str]) -> tuple[str, str] | None:
    """Return the first (column, reason) of those that have a reason."""
    return next(((column, why) for column, why in faults.items() if why), None)
