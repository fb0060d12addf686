"""What the terminals' own logs say: a request has one body, and one answer for ever; and how soon they were
served again after each kill. And of which limits more was used than the offers allow.

Owns these comparisons; what was told is held to the books by `simulators.audit`. Not a line of the switch or
of the ledger decides here, nor do their statements.

Must not know how a fault is done. Invariant: nothing is believed that is not written down.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Final, NamedTuple

from ledger.postgres.database import Connection
from ops.torture.wire import POSTING, Event, Record, is_done, read_wire
from simulators.city.offers import offers_of
from simulators.city.population import Population

EXAMPLES_MAX: Final = 5
STRUCK_S: Final = 5.0
"""A line that breaks so soon after a kill was broken by it."""
_NS: Final = 1_000_000_000
_PERIODS: Final = ("day", "week", "month", "year", "ever")
_USED: Final = """
select programme, owner, (quota_period >> 32)::int as quota, (quota_period & 4294967295)::int as period,
       sum(uses)::bigint as uses
  from (select j.terminal / 10000000 as programme, sides.*
          from (select bucket, transaction_id, debit as owner, quota_period, points as uses
                  from ledger.posting where unit = 1
                union all
                select bucket, transaction_id, credit, quota_period, -points
                  from ledger.posting where unit = 1) as sides
          join ledger.journal j using (bucket, transaction_id) where j.kind <> 0) as of_programmes
 where owner & 7 <> 4 group by 1, 2, 3, 4"""
"""The cities' terminals begin with 1, 2 and 3 of eight digits, which are their programmes."""


class Kill(NamedTuple):
    """A fault as it was played: `at_ns` when it was done, on the clock of the lines' logs."""

    at_ns: int
    fault: str
    in_flight: int


class Recovery(NamedTuple):
    """How long after a kill, in seconds, came the first good reply to what was asked after it, the first to a
    terminal whose line it broke, and that to half of those terminals; -1 where none was broken, or none came.
    """

    fault: str
    later_s: float
    struck_s: float
    half_s: float


@dataclass
class Lines:
    """What the terminals' own logs say, all together."""

    requests: int = 0
    answered: int = 0
    repeated: int = 0
    told_again: int = 0
    violations: list[str] = field(default_factory=list)
    good_ns: list[array[int]] = field(default_factory=list)
    asked_ns: list[array[int]] = field(default_factory=list)
    lost_ns: list[array[int]] = field(default_factory=list)
    sent_ns: list[array[int]] = field(default_factory=list)
    ended_ns: list[array[int]] = field(default_factory=list)
    """When each message that was sent found its end: an answer, or the end of the line."""

    def in_flight(self, at_ns: int) -> int:
        """Return how many terminals had sent what was not answered at a moment, their line still standing."""
        found = 0
        for sent, ended in zip(self.sent_ns, self.ended_ns, strict=True):
            last = bisect_right(sent, at_ns) - 1
            found += last >= 0 and (last >= len(ended) or ended[last] > at_ns)
        return found

    def recoveries(self, kills: Sequence[Kill]) -> list[Recovery]:
        """Return how long each kill was felt, up to the one after it."""
        untils = [*(kill.at_ns for kill in kills), 1 << 62][1:]
        return [self._recovery(kill, until) for kill, until in zip(kills, untils, strict=True)]

    def _recovery(self, kill: Kill, until_ns: int) -> Recovery:
        later, struck = [], []
        for good, asked, lost in zip(self.good_ns, self.asked_ns, self.lost_ns, strict=True):
            at = bisect_right(asked, kill.at_ns)
            if at < len(good) and good[at] < until_ns:
                later.append(good[at])
            at = bisect_left(lost, kill.at_ns)
            if at < len(lost) and lost[at] < min(until_ns, kill.at_ns + STRUCK_S * _NS):
                back = bisect_right(good, lost[at])
                struck.append(good[back] if back < len(good) and good[back] < until_ns else 1 << 62)

        def after_s(at_ns: float) -> float:
            return (at_ns - kill.at_ns) / _NS if at_ns < until_ns else -1.0

        return Recovery(
            kill.fault,
            after_s(min(later)) if later else -1.0,
            after_s(min(struck)) if struck else -1.0,
            after_s(median(struck)) if struck else -1.0,
        )


def read_lines(paths: Iterable[Path]) -> Lines:
    """Read the logs of all terminals, and hold each to itself."""
    lines = Lines()
    for path in paths:
        _Terminal(path.stem, lines).read(read_wire(path))
    return lines


class _Terminal:
    """One terminal's log: a STAN stands for one request, and has one answer for ever."""

    def __init__(self, name: str, lines: Lines) -> None:
        self._name, self._lines = name, lines
        self._sent: dict[int, tuple[int, bytes]] = {}
        self._told: dict[int, tuple[int, bytes]] = {}
        self._good, self._asked, self._lost = array("Q"), array("Q"), array("Q")
        self._sent_ns, self._ended_ns = array("Q"), array("Q")
        self._asked_ns = 0

    def read(self, records: Iterable[Record]) -> None:
        """Go through it from its beginning."""
        for record in records:
            self._fly(record)
            if record.event == Event.LOST:
                self._lost.append(record.at_ns)
            elif record.type in POSTING and record.event == Event.SENT:
                self._was_sent(record)
            elif record.type in POSTING and record.event == Event.CAME:
                self._came(record)
        self._lines.good_ns.append(self._good)
        self._lines.asked_ns.append(self._asked)
        self._lines.lost_ns.append(self._lost)
        self._lines.sent_ns.append(self._sent_ns)
        self._lines.ended_ns.append(self._ended_ns)
        self._lines.answered += len(self._told)

    def _fly(self, record: Record) -> None:
        """A message is on its way from here on, or has come to its end; one at a time."""
        is_flying = len(self._sent_ns) > len(self._ended_ns)
        if record.event == Event.SENT and not is_flying:
            self._sent_ns.append(record.at_ns)
        elif record.event != Event.SENT and is_flying:
            self._ended_ns.append(record.at_ns)

    def _was_sent(self, record: Record) -> None:
        named = record.type, record.digest
        self._asked_ns = record.at_ns
        before = self._sent.setdefault(record.stan, named)
        self._lines.requests += before is named
        self._lines.repeated += before is not named
        if before != named:
            self._differs(f"STAN {record.stan} was sent with another body")

    def _came(self, record: Record) -> None:
        if record.stan not in self._sent:
            self._differs(f"STAN {record.stan} was answered and never sent")
        if not is_done(record.code):
            return
        self._good.append(record.at_ns)
        self._asked.append(self._asked_ns)
        told = record.code, record.digest
        before = self._told.setdefault(record.stan, told)
        self._lines.told_again += before is not told
        if before != told:
            self._differs(f"STAN {record.stan} was answered {before[0]}, and then otherwise: {record.code}")

    def _differs(self, what: str) -> None:
        self._lines.violations.append(f"{self._name}: {what}")


async def quotas_over(connection: Connection, populations: Sequence[Population]) -> list[str]:
    """Return the limits of offers of which more was used than they allow, by the postings alone."""
    allowed: dict[tuple[int, bool, int], int] = {}
    for population in populations:
        for offer in offers_of(population):
            for limit in offer.limits:
                quota = offer.number << 3 | _PERIODS.index(limit.every)
                allowed[population.programme, limit.per == "card_and_offer", quota] = limit.uses
    over = []
    for programme, owner, quota, period, uses in await connection.fetch(_USED):
        most = allowed.get((programme, owner & 7 == 0, quota))
        if uses < 0 or (most is not None and uses > most):
            over.append(
                f"programme {programme}, account {owner}, limit {quota} in period {period}: "
                f"{uses} used, {most} allowed"
            )
    return over
