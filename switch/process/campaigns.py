"""Points of campaigns: the keeper's job that has the books post what is due, by the rules in force.

Owns when it is looked and by which version it is posted. Must not know how (`ledger.books.campaigns`).
Invariant: a bounded part at a time; what is left is looked at the next time.
"""

from __future__ import annotations

from typing import Final

import structlog

from ledger.books.campaigns import Points, Terms, award_slice, programmes_with_campaigns, spans_to_look_at
from ledger.postgres.database import Connection
from switch.clock import clock_ms
from switch.metrics import Meters
from switch.metrics import city_catalogue as of
from switch.metrics.meters import Labels
from switch.process.job import Job
from switch.rules.versions import Version, in_force, read_version

log = structlog.get_logger()

EVERY_S: Final = 30.0
SLICES_MAX: Final = 200
"""Of 500 postings, at a time."""


class Campaigns:
    """What bonuses came to since this worker began to post them, by programme's code and what it was."""

    def __init__(self, meters: Meters) -> None:
        self._points: dict[Labels, int] = {}
        meters.attach(of.CAMPAIGN_POINTS, lambda: self._points)

    @property
    def job(self) -> Job:
        """What the keeper does."""
        return Job("campaigns", EVERY_S, self.work)

    async def work(self, connection: Connection) -> None:
        """Post the bonuses of the sales that have been rolled up since the last time."""
        now_ms = clock_ms()
        ruled = await programmes_with_campaigns(connection)
        if not ruled:
            return
        versions: dict[int, list[Version]] = {}
        for one in ruled:
            version = read_version(one.programme, one.version, one.from_ms, one.rules_toml)
            versions.setdefault(one.programme, []).append(version)
        now = {programme: in_force(of_it, now_ms) for programme, of_it in versions.items()}
        terms = {programme: terms_of(version) for programme, version in now.items() if version.number}
        for programme in terms:  # from nothing on: an increase is seen from the first points
            for what in Points._fields:
                self._points.setdefault((now[programme].rules.programme.code, what), 0)
        slices = SLICES_MAX
        for span in await spans_to_look_at(connection, min(one.since_ms for one in ruled)):
            left = span
            while left.through < left.until and slices:
                slices -= 1
                left, awarded = await award_slice(connection, left, terms, now_ms)
                for programme, points in awarded.items():
                    self._told(programme, now[programme].rules.programme.code, points)

    def _told(self, programme: int, code: str, points: Points) -> None:
        log.info("campaign_points", programme=programme, **points._asdict())
        for what, count in points._asdict().items():
            self._points[code, what] = self._points.get((code, what), 0) + count


def terms_of(version: Version) -> Terms:
    """By what bonuses are posted under a version of the rules: as a refund may, a card goes below zero."""
    refund = version.rules.refund
    return Terms(version.number, refund is not None and refund.below_zero)
