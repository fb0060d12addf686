"""Periodic work: what somebody has to do now and then, done by one worker of all that share a database.

Owns the list of jobs, when each is due, and who does them: the worker whose session holds the election's lock
(ledger/postgres/election.py). Must not know how a job is done. Invariants: one worker at a time does them; a
job that fails is done again after its interval and keeps no other from being done; each may be done at any
time and any number of times.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import structlog
import trio

from ledger.books.adjusting import post_adjustments
from ledger.books.rollup import roll_up
from ledger.books.shares import move_shares
from ledger.errors import DatabaseContended, LedgerError
from ledger.postgres.database import Connection
from ledger.postgres.election import elect
from ledger.postgres.session import Session
from ledger.registry.holders import end_notices
from ledger.registry.keys import retire_expired_keys
from ledger.registry.kinds import advance_kinds
from ledger.registry.outbox import keep_outbox
from ledger.registry.partner_contracts import move_contracts
from switch.clock import clock_ms
from switch.metrics import Meters
from switch.metrics import city_catalogue as of
from switch.metrics.meters import Labels
from switch.process.job import Job

log = structlog.get_logger()

TICK_S: Final = 5.0
"""How often it is looked what is due, and where nobody is elected, who is."""
JOB_S_MAX: Final = 600.0


async def roll_up_balances(connection: Connection) -> None:
    """Roll partner balances up; where a transaction does not end, the next time goes on from there."""
    if not await roll_up(connection, clock_ms()):
        raise DatabaseContended("a transaction has been running for longer than a roll-up waits")


async def post_approved(connection: Connection) -> None:
    """Post what an office approved and did not post itself, a bounded part of it at a time."""
    await post_adjustments(connection, clock_ms(), slices_max=50)


JOBS: Final = (
    Job("expired_keys", 60.0, retire_expired_keys),
    Job("partner_balances", 300.0, roll_up_balances),
    Job("kinds_of_holders", 60.0, advance_kinds),
    Job("notices", 60.0, end_notices),
    Job("contracts", 60.0, move_contracts),
    Job("quota_shares", 5.0, move_shares),
    Job("outbox", 600.0, keep_outbox),
    Job("adjustments", 5.0, post_approved),
)


class Keeper:
    """Does the jobs, if it is elected."""

    def __init__(self, session: Session, meters: Meters, jobs: Sequence[Job] = JOBS) -> None:
        self._session = session
        self._jobs = list(jobs)
        self._is_elected = False
        self._due_at_s: dict[str, float] = {}
        self._done_at_s: dict[str, float] = {}  # by trio's clock; the election counts, too
        self._done_at_ms: dict[str, int] = {}
        meters.attach(of.KEEPER_ELECTED, lambda: float(self._is_elected))
        meters.attach(of.KEEPER_LAG, self._lags)
        meters.attach(of.KEEPER_LAST_SUCCESS, self._last_successes)

    def add(self, jobs: Sequence[Job]) -> None:
        """Have more to do, before it is run."""
        self._jobs += jobs

    async def run(self) -> None:
        """Look for ever what is due."""
        while True:
            await self.tick()
            await trio.sleep(TICK_S)

    async def tick(self) -> None:
        """Do what is due, if elected."""
        try:
            if not await self._session.run(self._elect):
                return
            for job in self._jobs:
                if trio.current_time() >= self._due_at_s[job.name]:
                    await self._do(job)
        except LedgerError as error:
            self._is_elected = False
            log.debug("keeper_without_database", problem=str(error))

    async def _elect(self, connection: Connection) -> bool:
        was_elected, self._is_elected = self._is_elected, await elect(self._session, connection)
        if self._is_elected and not was_elected:
            self._done_at_s = dict.fromkeys((job.name for job in self._jobs), trio.current_time())
            self._due_at_s = dict(self._done_at_s)
            log.info("keeper_elected", jobs=[job.name for job in self._jobs])
        return self._is_elected

    async def _do(self, job: Job) -> None:
        async def work(connection: Connection) -> bool:
            if not await elect(self._session, connection):  # the connection was lost, and the lock with it
                return False
            await job.work(connection)
            return True

        self._due_at_s[job.name] = trio.current_time() + job.every_s
        try:
            if await self._session.run(work, timeout_s=JOB_S_MAX):
                self._done_at_s[job.name] = trio.current_time()
                self._done_at_ms[job.name] = clock_ms()
        except LedgerError as error:
            log.warning("keeper_failed", job=job.name, problem=str(error))

    @property
    def is_elected(self) -> bool:
        """Whether this worker does the jobs, when it was last seen."""
        return self._is_elected

    def _lags(self) -> Mapping[Labels, float] | None:
        if not self._is_elected:
            return None
        now_s = trio.current_time()
        return {(job.name,): max(0.0, now_s - self._done_at_s[job.name] - job.every_s) for job in self._jobs}

    def _last_successes(self) -> Mapping[Labels, float] | None:
        if not self._is_elected:
            return None
        return {(name,): ms / 1_000 for name, ms in self._done_at_ms.items()}
