"""One worker process: the nesting of its parts, from start to drained.

    database ─ http ─ feed       base: first up, last down
        └─ committer             back: posts until everything taken has been answered
            └─ front             connections: ends with the drain

Owns start-up order, readiness and the drain. Must not know transactions, nor that it is a process: what it
takes of the machine stands in `Surroundings`. Invariants: no connection is accepted before the registry is in
memory; when `run` returns after `stop`, every request taken has been answered or its connection was lost.
"""

from __future__ import annotations

import random
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from typing import Final, NamedTuple

import structlog
import trio

from ledger.books.outage import Outage
from ledger.books.posting import Outcome, Posting
from ledger.books.quotas import QuotaReader
from ledger.books.shard_map import ShardMap
from ledger.books.sharded import AnyCommitter, make_committer
from ledger.engine.shards import read_shards
from ledger.errors import DatabaseMisconfigured, LedgerError, SecretsError
from ledger.postgres.database import Database, open_database
from ledger.registry.installation import check_master_key
from ledger.registry.secrets import MasterKey
from switch.clock import clock_ms
from switch.config import Config, ConfigError
from switch.flow.flow import Ledger
from switch.flow.inquirer import INQUIRIES_MAX
from switch.flow.inquiry import Inquiries
from switch.logs import configure_logs
from switch.metrics import Meters
from switch.process.campaigns import Campaigns
from switch.process.certificate import read_certificate
from switch.process.city import City
from switch.process.expiry import Expiry
from switch.process.feed import Feed
from switch.process.figures import Parts, attach_parts, attach_process, watch_loop
from switch.process.front import Front
from switch.process.http import HttpServer, bind_http, make_pages
from switch.process.keeper import Keeper
from switch.process.key_use import KeyUse
from switch.process.lines import WorkerReady
from switch.process.ports import bind_patiently
from switch.process.presence import Presence
from switch.process.readiness import PostingWatch, Readiness
from switch.rules.directory import Directory, Terminal
from switch.wire.listener import bind_listener
from switch.wire.stream import Entrance

log = structlog.get_logger()

LOAD_RETRY_S = 0.5
QUERY_CONNECTIONS = INQUIRIES_MAX + 1
"""One is always left for what is no inquiry."""
OWN_CONNECTIONS = 8
"""To listen, to read the registry and what is left of quotas, to look whether sales can be posted; for the
keeper, the use of keys, the node number, and to tell who is on line."""


def database_connections(config: Config) -> int:
    """Return how many connections to the database a worker holds at most.

    For each committer there is one that posts, and one that asks the server about a batch that is late.
    """
    return QUERY_CONNECTIONS + OWN_CONNECTIONS + 2 * config.committers


class Surroundings(NamedTuple):
    """What a worker takes of the machine it runs on; a simulated world gives its own.

    `open_database` as `ledger.postgres.database.open_database`; `listen` opens what terminals come in by;
    `has_pages`: whether an operator looks on: pages are served over HTTP, and it is told who is on line.
    """

    open_database: Callable[..., AbstractAsyncContextManager[Database]] = open_database
    listen: Callable[[Config], socket.socket | Entrance] = bind_listener
    has_pages: bool = True


MACHINE: Final = Surroundings()


class Worker:
    """One switch of those that share a database."""

    def __init__(
        self,
        config: Config,
        worker: int,
        master_key: MasterKey,
        *,
        port_wait_s: float = 0.0,
        restarts: int = 0,
        surroundings: Surroundings = MACHINE,
    ) -> None:
        self._config = config
        self._surroundings = surroundings
        self._port_wait_s = port_wait_s
        self._worker = worker
        self._meters = Meters()
        attach_process(self._meters, restarts=restarts)
        self._master_key = master_key
        self._directory = Directory(master_key)
        self._certificate = read_certificate(config)
        self._outage = Outage()
        self._map = ShardMap([])
        self._postings = PostingWatch(self._meters)
        self._readiness: Readiness
        self._front: Front | None = None
        self._feed: Feed | None = None

    async def run(self, stop: trio.Event, on_ready: Callable[[WorkerReady], None]) -> None:
        """Serve until `stop` is set, then drain.

        Raises `PortInUse`, `DatabaseMisconfigured`, `SecretsError`, OSError.
        """
        config = self._config
        async with (
            self._surroundings.open_database(
                config.dsn, connections_max=QUERY_CONNECTIONS, application_name=f"cityswitch {self._worker}"
            ) as database,
            trio.open_nursery() as base,
        ):
            feed = self._feed = Feed(
                database,
                self._directory,
                meters=self._meters,
                config=config,
                on_terminal=self._terminal_changed,
                outage=self._outage,
            )
            self._readiness = Readiness(self._directory, feed, self._postings)
            http = await self._start_http(base)
            if await _unless_stopped(stop, partial(self._insist, feed, partial(self._find_shards, feed))):
                await self._serve(
                    database,
                    feed,
                    stop,
                    lambda: on_ready(WorkerReady(self._worker, http)),
                    base=base,
                )
            base.cancel_scope.cancel()

    async def _start_http(self, base: trio.Nursery) -> str:
        if not self._surroundings.has_pages:
            return ""
        host, port = self._config.http_host, self._config.http_port
        bind = partial(bind_http, host, port and port + self._worker)
        sock = await bind_patiently(bind, self._port_wait_s)
        self._readiness.report(self._meters)
        server = HttpServer(make_pages(self._meters, self._readiness.checks), self._meters.page_s)
        base.start_soon(server.run, sock)
        base.start_soon(watch_loop, self._meters.stall_s)
        return f"http://{f'[{host}]' if ':' in host else host}:{sock.getsockname()[1]}"

    def _keeper(self, database: Database) -> Keeper:
        """Who does the periodic work; where there are pages, the city's figures are some of it."""
        keeper = Keeper(database.session(), self._meters)
        keeper.add([Expiry().job, Campaigns(self._meters).job])
        if self._surroundings.has_pages:
            keeper.add(City(self._meters, lambda: keeper.is_elected).jobs)
        return keeper

    async def _find_shards(self, feed: Feed) -> None:
        """Find on how many servers the books lie: who posts needs it, and need not wait for the registry."""
        self._map.shards = await feed.session.run(read_shards)

    async def _load(self, feed: Feed) -> None:
        """Load the registry."""
        await feed.session.run(lambda c: check_master_key(c, self._master_key))
        await feed.refresh()

    async def _insist(self, feed: Feed, step: Callable[[], Awaitable[None]]) -> None:
        """Do a step of the start, waiting for Postgres if need be."""
        while True:
            try:
                await step()
                feed.problem = None
                self._outage.works(self)
                return
            except (DatabaseMisconfigured, SecretsError):
                raise
            except LedgerError as error:
                feed.problem = str(error)
                self._outage.failed(self, f"waiting to start: {error}")
                await trio.sleep(LOAD_RETRY_S)

    async def _serve(
        self,
        database: Database,
        feed: Feed,
        stop: trio.Event,
        report: Callable[[], None],
        *,
        base: trio.Nursery,
    ) -> None:
        config = self._config
        async with trio.open_nursery() as back:
            committer = make_committer(
                database,
                self._map,
                on_outcomes=self._on_outcomes,
                batch_max=config.batch_max,
                lanes=config.committers,
                give_up_ms=config.give_up_ms,
                observer=self._postings,
                outage=self._outage,
                now_ms=clock_ms,
                rng=random.Random(self._master_key.draw(16)),
            )
            self._readiness.committer = committer
            if not await _unless_stopped(stop, partial(self._start, feed, committer, back, base)):
                committer.stop()
                return
            base.start_soon(self._postings.probe, database.session())
            base.start_soon(self._keeper(database).run)
            listening = self._surroundings.listen(config)
            reader = QuotaReader(database, self._map, config.question_s)
            inquiries = Inquiries(database, self._master_key, reader, feed.catch_up)
            front = self._front = self._readiness.front = Front(
                config=config,
                directory=self._directory,
                meters=self._meters,
                ledger=Ledger(
                    submit_nowait=committer.submit_nowait,
                    is_behind=partial(committer.is_behind, config.shed_after_ms / 1_000),
                    answer_inquiry=inquiries.answer,
                    uses_left=inquiries.uses_left,
                ),
                feed_is_stale=feed.is_stale,
                nursery=back,
                keys=KeyUse(database.session(), self._directory, base),
                use_pump=None if isinstance(listening, socket.socket) else False,
                draw=self._master_key.draw,
            )
            parts = Parts(config, front, committer, feed, self._directory, lambda: self._certificate)
            attach_parts(self._meters, parts)
            report()
            async with self._presence(database, front):
                await front.run(listening, stop)
            committer.stop()

    async def _start(
        self, feed: Feed, committer: AnyCommitter, back: trio.Nursery, base: trio.Nursery
    ) -> None:
        """Load the registry, and follow it, while the committer opens: neither needs what the other asks."""
        async with trio.open_nursery() as both:
            both.start_soon(back.start, committer.run)
            await self._insist(feed, partial(self._load, feed))
            base.start_soon(feed.run)

    @asynccontextmanager
    async def _presence(self, database: Database, front: Front) -> AsyncIterator[None]:
        """Tell the database who is on line, for as long as the block lasts."""
        if not self._surroundings.has_pages:
            yield
            return
        told = Presence(database.session(), front.connections, self._worker, clock_ms)
        async with trio.open_nursery() as nursery:
            stop = trio.Event()
            nursery.start_soon(told.run, stop)
            try:
                yield
            finally:
                stop.set()
        await told.end()

    def reload(self, new: Config) -> None:
        """Take over other settings as far as a running worker can; the certificate is read anew."""
        changes = self._config.adopt(new)
        self._master_key.refresh()  # forgets a key that was destroyed
        if self._feed is not None:
            self._feed.wake()  # tries the keys again that did not open
        configure_logs(self._config.log_level)
        try:
            if self._front is not None:
                self._front.doorway.reload()
            self._certificate = read_certificate(self._config)
        except (ConfigError, OSError) as error:  # a file may be written between the two readings
            log.error("certificate_not_reloaded", problem=str(error))
        log.debug("reloaded", changed=changes.taken)

    def _on_outcomes(self, outcomes: list[tuple[Posting, Outcome]]) -> None:
        assert self._front is not None
        self._front.flow.on_outcomes(outcomes)

    def _terminal_changed(self, terminal: Terminal) -> None:
        if self._front is None:
            return
        if terminal.blocked:
            self._front.connections.close_terminal(terminal.number, "terminal_blocked")
        else:
            self._front.connections.close_other_keys(terminal)


async def _unless_stopped(stop: trio.Event, start: Callable[[], Awaitable[object]]) -> bool:
    """Await what may wait long for the database; False, and it is cancelled, if told to stop first."""
    with trio.CancelScope() as starting:
        async with trio.open_nursery() as watch:

            async def end_with_stop() -> None:
                await stop.wait()
                starting.cancel()

            watch.start_soon(end_with_stop)
            await start()
            watch.cancel_scope.cancel()
    return not starting.cancelled_caught
