"""The figures of the city, and a light proof of its books: jobs of the worker that is elected.

Owns what is read how often, and the last values, as the metrics want them. Must not know SQL. Invariants:
what could not be read is not there, instead of an old value; one figure that fails stops no other, nor the
worker; where nobody is elected, nothing is told.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Final, NamedTuple

import structlog

from ledger.books.gauges import Figure, read_gauge
from ledger.books.posting import AccountKind
from ledger.books.verify_window import WINDOWED, Window, verify_window
from ledger.postgres.database import Connection
from ledger.registry.card_states import CardStatus
from switch.clock import clock_ms
from switch.metrics import Meters, Metric
from switch.metrics import city_catalogue as of
from switch.metrics.meters import Labels
from switch.process.job import Job

log = structlog.get_logger()

Values = dict[Metric, dict[Labels, float]]
Take = Callable[[Sequence[Figure]], Values]


class Reading(NamedTuple):
    """A query of `ledger.books.gauges`, and what becomes of its rows."""

    gauge: str
    metrics: tuple[Metric, ...]
    take: Take


def _as_they_are(metric: Metric) -> Reading:
    """Rows whose second column is the label's value, or of no meaning where there is none."""

    def take(figures: Sequence[Figure]) -> Values:
        is_parted = len(metric.labels) > 1
        return {metric: {(f.programme, f.part) if is_parted else (f.programme,): f.value for f in figures}}

    return Reading(metric.name.removeprefix("cityswitch_"), (metric,), take)


def _cards(figures: Sequence[Figure]) -> Values:
    return {of.CARDS: {(f.programme, CardStatus(int(f.part)).name.lower()): f.value for f in figures}}


def _units(figures: Sequence[Figure]) -> Values:
    """From the balances of partners' and organisers' accounts; what cards have is the other side of them."""
    balances = {(f.programme, int(f.part)): f.value for f in figures}
    values: Values = {of.UNITS_ISSUED: {}, of.UNITS_USED: {}, of.UNITS_OUTSTANDING: {}}
    for programme in {f.programme for f in figures}:
        issued, redeemed, organiser, uses, discounts = (
            balances[programme, int(kind)]
            for kind in (
                AccountKind.PARTNER_ISSUED,
                AccountKind.PARTNER_REDEEMED,
                AccountKind.ORGANISER,
                AccountKind.PARTNER_USES,
                AccountKind.PARTNER_DISCOUNTS,
            )
        )
        points = (programme, "points")
        values[of.UNITS_ISSUED][points] = 0 - issued  # of nothing: 0, not -0
        values[of.UNITS_OUTSTANDING][points] = 0 - (issued + redeemed + organiser)
        values[of.UNITS_USED] |= {
            points: redeemed,
            (programme, "uses"): uses,
            (programme, "grosze"): -discounts,
        }
    return values


QUICK: Final = (
    Reading("units", (of.UNITS_ISSUED, of.UNITS_USED, of.UNITS_OUTSTANDING), _units),
    *map(_as_they_are, (of.QUOTAS_NEARLY_GONE, of.CASES_OPEN, of.TERMINALS, of.RULES_PENDING)),
    _as_they_are(of.TERMINAL_KEYS_EXPIRING),
)
CARDS: Final = (Reading("cards", (of.CARDS,), _cards),)
SILENT: Final = (_as_they_are(of.TERMINALS_SILENT),)


class City:
    """Reads the city's figures in `jobs`, and tells them to the metrics while `is_elected`."""

    def __init__(self, meters: Meters, is_elected: Callable[[], bool]) -> None:
        self._is_elected = is_elected
        self._values: Values = {}
        self._failed = 0
        self._window = Window()
        self._broken: set[str] = set()
        self._looked_at_ms: int | None = None
        self._verified_at_ms: int | None = None
        for reading in (*QUICK, *CARDS, *SILENT):
            for metric in reading.metrics:
                meters.attach(metric, partial(self._told, metric))
        meters.attach(of.INVARIANT_HOLDS, self._invariants)
        meters.attach(of.VERIFY_LAST_SUCCESS, self._verified_s)
        meters.attach(of.CITY_ERRORS, lambda: self._failed)
        self.jobs: Final = (
            Job("figures", 15.0, self._reader(QUICK)),
            Job("card_counts", 60.0, self._reader(CARDS)),
            Job("silent_terminals", 60.0, self._reader(SILENT)),
            Job("verify", 60.0, self._verify),
        )

    def _told(self, metric: Metric) -> Mapping[Labels, float] | None:
        return self._values.get(metric) if self._is_elected() else None

    def _reader(self, readings: Sequence[Reading]) -> Callable[[Connection], Awaitable[None]]:
        async def read(connection: Connection) -> None:
            for reading in readings:
                try:
                    self._values |= reading.take(await read_gauge(connection, reading.gauge))
                except Exception as error:  # a figure's boundary: the others, and the worker, go on
                    for metric in reading.metrics:
                        self._values.pop(metric, None)
                    self._note_failure(connection, reading.gauge, error)

        return read

    async def _verify(self, connection: Connection) -> None:
        try:
            findings, self._window = await verify_window(connection, self._window)
        except Exception as error:  # as above
            self._note_failure(connection, "verify", error)
            return
        self._looked_at_ms = clock_ms()
        for finding in findings:
            if finding.count and finding.invariant not in self._broken:
                self._broken.add(finding.invariant)
                log.error("invariant_broken", invariant=finding.invariant, example=finding.example)
        if not self._broken:
            self._verified_at_ms = self._looked_at_ms

    def _note_failure(self, connection: Connection, figure: str, error: Exception) -> None:
        """Count it; where the connection is gone, that is the job's failure, and its session's to mend."""
        self._failed += 1
        log.warning("city_figure_failed", figure=figure, problem=f"{type(error).__name__}: {error}")
        if connection.is_closed():
            raise error

    def _invariants(self) -> Mapping[Labels, float] | None:
        if self._looked_at_ms is None or not self._is_elected():
            return None
        return {(invariant,): float(invariant not in self._broken) for invariant in WINDOWED}

    def _verified_s(self) -> float | None:
        if self._verified_at_ms is None or not self._is_elected():
            return None
        return self._verified_at_ms / 1_000
