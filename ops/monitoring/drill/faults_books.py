"""Faults of Postgres and of the books: stopped, locked, slow, tampered with, work that is held up.

Owns how each is made and undone. Must not know when an alert fires.
"""

from __future__ import annotations

import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Final

import trio

from ledger.postgres.locks import KEEPER
from ops.monitoring.drill.fault import Fault
from ops.monitoring.drill.hands import psql_session, signal_all
from ops.monitoring.drill.loads import ASKING, MORE, trading
from ops.monitoring.drill.stage import Stage
from simulators.city.trade import Mix

VERIFYING: Final = Mix(**{name: 0 for name in Mix.__struct_fields__} | {"verify": 1})
"""A till that does nothing but ask what a card may have."""


@asynccontextmanager
async def postgres_stopped(stage: Stage) -> AsyncIterator[None]:
    """Postgres is stopped as an administrator would, and started again."""
    await stage.stop_postgres()
    try:
        yield
    finally:
        await stage.start_postgres()


@asynccontextmanager
async def table_locked(stage: Stage) -> AsyncIterator[None]:
    """A psql somebody left open holds the books, while tills sign on and ask what cards may have."""
    lock = "begin; lock table ledger.account, ledger.journal, ledger.quota in access exclusive mode;"
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(
            psql_session(stage.psql, stage.postgres.owner_dsn, lock, stage.environment)
        )
        await stack.enter_async_context(trading(stage, ASKING, rate_per_s=0, mix=VERIFYING))
        yield


@asynccontextmanager
async def slow_commits(stage: Stage) -> AsyncIterator[None]:
    """Somebody locks the accounts for half a second, again and again: a report that was written badly."""

    async def again() -> None:
        while True:
            await stage.sql(
                "do $$ begin lock table ledger.account in exclusive mode; perform pg_sleep(0.6); end $$"
            )
            await trio.sleep(0.1)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(again)
        yield
        nursery.cancel_scope.cancel()


@asynccontextmanager
async def overload(stage: Stage) -> AsyncIterator[None]:
    """Eighty more terminals trade as fast as they can, while the accounts are locked again and again."""
    async with trading(stage, MORE, rate_per_s=0), slow_commits(stage):
        yield


@asynccontextmanager
async def rows_refused(stage: Stage) -> AsyncIterator[None]:
    """Somebody adds a constraint to the journal by hand that some sales break."""
    add = "alter table ledger.journal add constraint by_hand check (stan % 5 <> 0) not valid"
    await stage.sql(add)
    try:
        yield
    finally:
        await stage.sql("alter table ledger.journal drop constraint by_hand")


@asynccontextmanager
async def books_tampered(stage: Stage) -> AsyncIterator[None]:
    """Somebody changes a balance in psql, and puts it back; the workers are killed for a new look."""
    account = await stage.sql("select id from ledger.account where last_stan = 0 order by id desc limit 1")
    change = "update ledger.account set balance = balance {} 1000000 where id = {}"
    await stage.sql(change.format("+", account))
    try:
        yield
    finally:
        await stage.sql(change.format("-", account))
        signal_all(stage.workers, signal.SIGKILL)


@asynccontextmanager
async def periodic_work_held_up(stage: Stage) -> AsyncIterator[None]:
    """A psql somebody left open holds the holders, whose notices end by a periodic job."""
    lock = "begin; lock table registry.holder in access exclusive mode;"
    async with psql_session(stage.psql, stage.postgres.owner_dsn, lock, stage.environment):
        yield


@asynccontextmanager
async def election_taken(stage: Stage) -> AsyncIterator[None]:
    """A session that is no worker holds the lock of the periodic work (an old installation, say)."""
    holder = (
        "select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory' and granted"  # noqa: S608
        f" and classid = {KEEPER.space} and objid = {KEEPER.number} and pid <> pg_backend_pid()"
    )
    take = f"{holder}; select pg_advisory_lock({KEEPER});"
    async with psql_session(stage.psql, stage.postgres.owner_dsn, take, stage.environment):
        yield


@asynccontextmanager
async def registry_locked(stage: Stage) -> AsyncIterator[None]:
    """A psql somebody left open holds the terminals: the registry cannot be read, sales go on."""
    lock = "begin; lock table registry.terminal in access exclusive mode;"
    async with psql_session(stage.psql, stage.postgres.owner_dsn, lock, stage.environment):
        yield


BOOKS: Final = (
    Fault(
        "accounts locked for 0.6 s again and again",
        slow_commits,
        ("CityswitchLatencyBurnFast", "CityswitchLatencyBurnSlow"),
        late=("CityswitchLatencyBurnFast", "CityswitchLatencyBurnSlow"),
    ),
    Fault(
        "Postgres stopped",
        postgres_stopped,
        (
            "CityswitchNotReady",
            "CityswitchLedgerNotCommitting",
            "CityswitchPostingsGivenUp",
            "CityswitchAnswersBurnFast",
            "CityswitchAnswersBurnSlow",
        ),
        late=("CityswitchAnswersBurnFast", "CityswitchAnswersBurnSlow"),
        databaseless=True,
    ),
    Fault(
        "the books locked by a forgotten psql",
        table_locked,
        ("CityswitchQueueOld", "CityswitchInquiriesWaiting"),
    ),
    Fault("80 more terminals on accounts that are locked often", overload, ("CityswitchRequestsShed",)),
    Fault("terminals locked by a forgotten psql", registry_locked, ("CityswitchFeedStale",)),
    Fault("a constraint added to the journal by hand", rows_refused, ("CityswitchPoisonRows",)),
    Fault("the keeper's lock taken by another session", election_taken, ("CityswitchKeeperMissing",)),
    Fault(
        "holders locked by a forgotten psql",
        periodic_work_held_up,
        ("CityswitchKeeperLate",),
        fire_s_max=180.0,
    ),
    Fault(
        "a balance changed by hand",
        books_tampered,
        ("CityswitchInvariantBroken", "CityswitchVerifyOld"),
        fire_s_max=300.0,
    ),
)
