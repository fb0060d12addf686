"""Every rule of docs/rules.md that a till can meet, each with the outcomes it has there; and how often.

Owns the counting. Must not know how a reply comes about. Invariant: every row of that page is here or among
those that no till meets (a test holds it).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from simulators.world.year.referee import Occurrences

A, B, C = "czestochowa", "zywiec", "zgierz"
EVERYWHERE: Final = (A, B, C)
ENOUGH: Final = 100
"""So often each pair occurs in a whole year."""


class Outcome(NamedTuple):
    """What a rule comes to at a till: of which requests, with which code, in which circumstances.

    `only_in`: the pair is one of years with this property ("leap", "common").
    """

    words: str
    cities: tuple[str, ...]
    requests: tuple[str, ...]
    code: int
    when: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    entry: int = 0
    only_in: str = ""

    def is_met(self, request: str, code: int, entry: int, why: Iterable[str]) -> bool:
        """Whether something that occurred is one of these."""
        return (
            code == self.code
            and request in self.requests
            and self.entry in (0, entry)
            and set(self.when) <= set(why)
            and not set(self.without) & set(why)
        )


class Counted(NamedTuple):
    """A pair, and how often it occurred."""

    section: str
    rule: str
    outcome: Outcome
    times: int


def seen(
    words: str,
    cities: str | tuple[str, ...],
    requests: str,
    code: int,
    *when: str,
    without: tuple[str, ...] = (),
    entry: int = 0,
    only_in: str = "",
) -> Outcome:
    """Return an outcome; several requests are parted by spaces."""
    where = (cities,) if isinstance(cities, str) else cities
    return Outcome(words, where, tuple(requests.split()), code, when, without, entry, only_in)


Table = Mapping[tuple[str, str], tuple[Outcome, ...]]


def count(table: Table, occurred: Mapping[str, Occurrences], *, is_leap: bool) -> list[Counted]:
    """Return how often each pair of a table occurred in these cities; without what this year cannot have."""
    years = {"": True, "leap": is_leap, "common": not is_leap}
    return [
        Counted(section, rule, outcome, _times(outcome, occurred))
        for (section, rule), outcomes in table.items()
        for outcome in outcomes
        if years[outcome.only_in] and set(outcome.cities) & set(occurred)
    ]


def _times(outcome: Outcome, occurred: Mapping[str, Occurrences]) -> int:
    return sum(
        times
        for city in outcome.cities
        for what, times in occurred.get(city, {}).items()
        if outcome.is_met(*what)
    )
