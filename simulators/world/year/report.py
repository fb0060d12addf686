"""What a year comes to: its figures, its surprises, the table of rules, and whether all is as it has to be.

Owns the words of the report and what makes a year fail. Must not know how it was lived.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from simulators.world.year.cities import CITIES
from simulators.world.year.city_year import Lived, Plan
from simulators.world.year.days import is_leap
from simulators.world.year.defaults_met import DEFAULTS_MET
from simulators.world.year.pairs import ENOUGH, Counted, count
from simulators.world.year.rules_met import MET

WHOLE: Final = 5_000_000
"""From so many transactions on, of all cities together, every pair has to have occurred often enough."""
TABLE: Final = {**MET, **DEFAULTS_MET}


class Report(NamedTuple):
    """A year of some cities."""

    seed: int
    year: int
    lived: Sequence[Lived]
    seconds: float

    @property
    def transactions(self) -> int:
        """What was asked and answered, in all cities."""
        return sum(one.transactions for one in self.lived)

    @property
    def is_whole(self) -> bool:
        """Whether it is large enough for every pair to occur."""
        return len(self.lived) == len(CITIES) and self.transactions >= WHOLE

    def pairs(self) -> list[Counted]:
        """Return every pair of rule and outcome of these cities, with how often it occurred."""
        occurred = {one.plan.city: one.occurred for one in self.lived}
        return count(TABLE, occurred, is_leap=is_leap(self.year))

    def failures(self) -> list[str]:
        """Return why the year is not as it has to be; nothing: it is."""
        found = [
            f"{one.plan.city}: {one.surprised} of {one.transactions} replies were not foretold"
            for one in self.lived
            if one.surprised
        ]
        found += [f"{one.plan.city}: {wrong}" for one in self.lived for wrong in one.books[:10]]
        if self.is_whole:
            found += [
                f"{pair.section}: {pair.rule}: {pair.outcome.words}: {pair.times} times, not {ENOUGH}"
                for pair in self.pairs()
                if pair.times < ENOUGH
            ]
        return found

    def lines(self) -> Iterator[str]:
        """Yield the report, line by line: the surprises, the table, the figures, the failures."""
        for one in self.lived:
            yield from map(str, one.surprises)
        yield from _table(self.pairs())
        for one in self.lived:
            yield (
                f"{one.plan.city}: {one.plan.cards:,} cards, {one.plan.partners} partners, "
                f"{one.transactions:,} transactions, {one.journalled:,} rows in the books, "
                f"{one.changes:,} changes of the registry, {one.surprised} replies not foretold, "
                f"{one.units:,} accounts and limits compared with the auditor's."
            )
        rate = self.transactions / self.seconds if self.seconds else 0.0
        yield (
            f"seed {self.seed}, year {self.year}: {self.transactions:,} transactions in "
            f"{self.seconds:,.0f} s ({rate:,.0f} a second), "
            f"{sum(one.surprised for one in self.lived)} replies not foretold."
        )
        yield from (f"FAILED {failure}" for failure in self.failures())


def _table(pairs: Sequence[Counted]) -> Iterator[str]:
    rule = ""
    for pair in pairs:
        if pair.rule != rule:
            yield f"{pair.section}  {pair.rule}"
            rule = pair.rule
        yield f"   {pair.times:>11,}  {pair.outcome.words}"


def plans(seed: int, cities: Sequence[str], cards: int, partners: int, transactions: int) -> list[Plan]:
    """Return the plan of each city: an equal share of the transactions."""
    share = transactions // len(cities)
    return [Plan(seed, city, cards, partners, share) for city in cities]
