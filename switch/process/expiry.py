"""Points that expire, day by day: the keeper's job that asks the rules when, and has the books post it.

Owns which programme's cards are looked at next, and when points end by its rules: a term of months is that of
the version under which they were awarded, on the days of the programme. Must not know how it is posted
(`ledger.books.expiry`). Invariant: each day every card of such a programme is looked at once, however often
the work is broken off; a bounded part of them at a time.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Final

import structlog

from ledger.books.expiry import ExpiryRules, expire_slice, rules_that_expire
from ledger.books.lots import Ends
from ledger.postgres.database import Connection
from switch.clock import clock_ms
from switch.process.job import Job
from switch.rules.dates import day_number, day_of_number, end_of_term
from switch.rules.versions import Version, in_force, read_version

log = structlog.get_logger()

EVERY_S: Final = 60.0
SLICES_MAX: Final = 40
"""Of 500 accounts, at a time."""


class Expiry:
    """Where the look at cards stands, in each programme."""

    def __init__(self) -> None:
        self._after: dict[int, int] = {}
        self._done_on: dict[int, int] = {}

    @property
    def job(self) -> Job:
        """What the keeper does."""
        return Job("expired_points", EVERY_S, self.work)

    async def work(self, connection: Connection) -> None:
        """Look at the next cards of each programme whose points expire."""
        now_ms = clock_ms()
        programmes: dict[int, dict[int, Version]] = {}
        for ruled in await rules_that_expire(connection):
            version = read_version(ruled.programme, ruled.version, ruled.from_ms, ruled.rules_toml)
            programmes.setdefault(ruled.programme, {})[ruled.version] = version
        for programme, versions in programmes.items():
            now = in_force(versions.values(), now_ms)
            if now.number:
                await self._sweep(connection, programme, versions, now, now_ms)

    async def _sweep(
        self,
        connection: Connection,
        programme: int,
        versions: Mapping[int, Version],
        now: Version,
        now_ms: int,
    ) -> None:
        today = now.calendar.day(now_ms)
        if self._done_on.get(programme) == today:
            return
        rules = ExpiryRules(programme, today, now.number, ends_by(versions), now.calendar.day)
        cards = points = 0
        for _ in range(SLICES_MAX):
            swept = await expire_slice(connection, rules, now_ms, after=self._after.get(programme, 0))
            self._after[programme] = swept.after
            cards, points = cards + swept.cards, points + swept.points
            if swept.passed_over:
                log.warning("expiry_passed_over", programme=programme, accounts=swept.passed_over)
            if not swept.after:
                self._done_on[programme] = today
                break
        if cards:
            log.info("points_expired", programme=programme, cards=cards, points=points)


def ends_by(versions: Mapping[int, Version]) -> Ends:
    """Return what says when points end: the day of the same number, so many months after they were awarded,
    that day included (Civil Code, art. 112); never, where their version of the rules says nothing.
    """

    @lru_cache(maxsize=8192)
    def end_of(day: int, months: int) -> int:
        return day_number(end_of_term(day_of_number(day), months=months))

    def ends(at_ms: int, rules_version: int) -> int | None:
        version = versions.get(rules_version)
        months = version.rules.earn.expire_months if version and version.rules.earn else 0
        return end_of(version.calendar.day(at_ms), months) if version and months else None

    return ends
