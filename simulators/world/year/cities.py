"""The three cities of a year: what tells them apart for who lives, sells and works there.

Owns the differences, and the editions of each city's rules that its council publishes in the year. Must not
know how a rule is kept. Invariant: an edition is the delivered file with a few words changed, so a change of
the file that takes those words away is noticed.
"""

from __future__ import annotations

from datetime import date
from typing import Final, NamedTuple

from simulators.city.places import CZESTOCHOWA, ZGIERZ, ZYWIEC, Place


class Edition(NamedTuple):
    """The rules as changed: published on one day, in force from the midnight that begins another."""

    published: tuple[int, int]
    in_force: tuple[int, int]
    words: tuple[tuple[str, str], ...]


class City(NamedTuple):
    """A city. `suspended`: first and last day on which its programme rests; `is_called_off`: for good, with
    the last evening but one.
    """

    place: Place
    editions: tuple[Edition, ...]
    suspended: tuple[tuple[int, int], tuple[int, int]]
    is_called_off: bool
    has_points: bool
    has_validity: bool
    needs_documents: bool
    is_alone: bool

    @property
    def code(self) -> str:
        """The programme's code."""
        return self.place.code

    @property
    def programme(self) -> int:
        """The programme's number."""
        return self.place.programme

    def rules(self, edition: int) -> str:
        """Return the rules file of an edition; 0 is the delivered one."""
        text = self.place.rules_toml
        for one in self.editions[:edition]:
            for old, new in one.words:
                if old not in text:
                    raise AssertionError(f"{self.code}: the rules no longer say {old!r}")
                text = text.replace(old, new)
        return text


_TOBACCO: Final = 'excluded = [{ pl = "tytoń", en = "tobacco" }]'
_POINTS: Final = (
    Edition((2, 12), (3, 1), (("step_grosze = 1000", "step_grosze = 900"), ("excluded = []", _TOBACCO))),
    Edition((8, 20), (9, 1), (("below_zero = true", "below_zero = false"),)),
)  # fmt: skip
_ZYWIEC: Final = (
    Edition((2, 12), (3, 1), (("amount_max_grosze = 2000000", "amount_max_grosze = 1500000"),)),
    Edition((9, 1), (9, 1), (("amount_max_grosze = 1500000", "amount_max_grosze = 2000000"),)),
)
_LIMITS: Final = """
[limits]
source = ["Zgierz § 18"]
quotas = [
    {{ number = 0, per = "card", period = "week", uses = {uses} }},
    {{ number = 1, per = "programme", period = "day", uses = 100000, kinds = ["adult"] }},
    {{ number = 2, per = "card", period = "day", uses = 3, flags = ["family"] }},
]

[receipt]"""
_ZGIERZ: Final = (
    Edition((2, 12), (3, 1), (("\n[receipt]", _LIMITS.format(uses=9)),)),
    Edition((9, 1), (9, 1), (("uses = 9 }", "uses = 12 }"),)),
)
CITIES: Final = {
    city.code: city
    for city in (
        City(CZESTOCHOWA, _POINTS, ((7, 6), (7, 10)), False, True, False, False, False),
        City(ZYWIEC, _ZYWIEC, ((7, 13), (7, 19)), True, False, True, False, True),
        City(ZGIERZ, _ZGIERZ, ((7, 20), (7, 26)), False, False, False, True, True),
    )
}


def on(year: int, day: tuple[int, int]) -> date:
    """Return a day of the year, by month and day."""
    return date(year, *day)
