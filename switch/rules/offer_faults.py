"""What is wrong with the terms of an offer: which key, why, and in which offer of which file.

Owns how that is told, also of what msgspec finds by itself. Pure; must not know what terms mean. Invariant:
a reason is a phrase, so that a page tells it in its own language.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from ledger.phrase import Phrase

CODE: Final = "^[A-Za-z][A-Za-z0-9_]{0,31}$"
PERCENT: Final = "^[0-9]{1,3}([.,][0-9]{1,2})?$"
WRITTEN: Final = {
    CODE: Phrase("is no code: up to 32 letters, figures and _, a letter first"),
    PERCENT: Phrase("is written like 10 or 12.5"),
}
"""Of each pattern that a text of an offer has to match: how it is written."""
_TOP: Final = "(top level)"
_OF_MSGSPEC: Final[tuple[tuple[str, Callable[..., Phrase]], ...]] = (
    (
        r"Expected `(?P<type>.+)` of length >= (?P<least>\d+)",
        lambda **parts: Phrase("Expected `{type}` of length >= {least}", **parts),
    ),
    (
        r"Expected `(?P<type>.+)` of length <= (?P<most>\d+)",
        lambda **parts: Phrase("Expected `{type}` of length <= {most}", **parts),
    ),
    (
        r"Expected `(?P<type>.+)` >= (?P<least>\d+)",
        lambda **parts: Phrase("Expected `{type}` >= {least}", **parts),
    ),
    (
        r"Expected `(?P<type>.+)` <= (?P<most>\d+)",
        lambda **parts: Phrase("Expected `{type}` <= {most}", **parts),
    ),
    (r"Expected `str` matching regex (?P<pattern>.+)", lambda pattern: WRITTEN[pattern.strip("'")]),
    (
        r"Expected `(?P<type>.+)`, got `(?P<given>.+)`",
        lambda **parts: Phrase("Expected `{type}`, got `{given}`", **parts),
    ),
    (
        r"Object missing required field `(?P<field>.+)`",
        lambda **parts: Phrase("Object missing required field `{field}`", **parts),
    ),
    (
        r"Object contains unknown field `(?P<field>.+)`",
        lambda **parts: Phrase("Object contains unknown field `{field}`", **parts),
    ),
    (r"Invalid enum value (?P<given>.+)", lambda **parts: Phrase("Invalid enum value {given}", **parts)),
    (r"Invalid value (?P<given>.+)", lambda **parts: Phrase("Invalid value {given}", **parts)),
    (r"Invalid RFC3339 encoded date", lambda: Phrase("Invalid RFC3339 encoded date")),
)
"""What it says by itself: how each is known, and the phrase of it."""


class TermFault(ValueError):
    """What an offer says against itself: a key within its part of the offer, and why."""

    def __init__(self, key: str, why: Phrase) -> None:
        super().__init__(f"{key}: {why}")
        self.key, self.why = key, why


class OfferError(Exception):
    """Terms that cannot be: why, at which key (empty: of none), in which offer, in which file."""

    def __init__(self, why: Phrase, key: str = "", *, number: int | None = None, source: str = "") -> None:
        super().__init__(why, key)
        self.why, self.key, self.number, self.source = why, key, number, source

    @property
    def phrase(self) -> Phrase:
        """All of it, as it is told."""
        told = Phrase("key '{key}': {why}", key=self.key, why=self.why) if self.key else self.why
        if self.number is not None:
            told = Phrase("offer {number}: {why}", number=self.number, why=told)
        return Phrase("{source}: {why}", source=self.source, why=told) if self.source else told

    def __str__(self) -> str:
        return str(self.phrase)


def offer_error(
    error: msgspec.DecodeError, *, raw: Mapping[str, Any] | None = None, source: str = ""
) -> OfferError:
    """Return what msgspec found as an error of terms; `raw`: the file of offers that they are one of."""
    problem = str(error)
    number = _number_at(problem, raw or {})
    what, _, where = problem.partition(" - at `$")
    path = where.strip(".`")
    if number is not None:
        path = re.sub(r"^offer\[\d+\]\.?", "", path)
    fault = error.__cause__
    if isinstance(fault, TermFault):
        path, why = ".".join(filter(None, (path, fault.key))), fault.why
    else:
        why = _found(what)
    return OfferError(why, path or _TOP, number=number, source=source)


def _number_at(problem: str, raw: Mapping[str, Any]) -> int | None:
    """Return the number of the offer that a problem of a file is in."""
    at, written = re.search(r"at `\$\.offer\[(\d+)\]", problem), raw.get("offer")
    if at is None or not isinstance(written, list) or not isinstance(entry := written[int(at[1])], dict):
        return None
    number = entry.get("number")
    return number if isinstance(number, int) else None


def _found(what: str) -> Phrase:
    """Return a problem that msgspec words by itself as a phrase of the same text."""
    for pattern, phrase in _OF_MSGSPEC:
        if found := re.fullmatch(pattern, what, re.DOTALL):
            return phrase(**found.groupdict())
    return Phrase("{why}", why=what)
