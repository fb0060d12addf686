"""Owns the committers of a sharded ledger: one for each server that has buckets, behind the same calls as one
committer on one Postgres.

A posting goes to the committer of the server that has the bucket of its terminal, where its id is claimed;
its lanes reach the others directly. A server that is lost holds up its own committer, whose postings are
answered TRY_AGAIN as without a database, and those of the others that need it; nobody else. Where shards lie
is read anew when a server says that one has moved; who was refused there is told TRY_AGAIN. The registry's
server gives the ids: without it nothing goes on for long. Knows nothing of what a statement holds.
"""

import logging
from functools import partial
from typing import Any, Final, TypeAlias

import trio
import trio.lowlevel

from ledger.books.committer import Committer, OnOutcomes
from ledger.books.layout import ANOTHER_LAYOUT
from ledger.books.posting import Posting, bucket_of, no_effect
from ledger.books.result_codes import TRY_AGAIN
from ledger.books.shard_lane import ShardLane
from ledger.books.shard_map import ShardMap
from ledger.engine.shards import Server, read_shards
from ledger.errors import DatabaseMisconfigured, LedgerError
from ledger.postgres.database import Database

_log = logging.getLogger(__name__)
START_S: Final = 5.0
"""So long a start waits for a server before it goes on without."""
REREAD_S: Final = 0.2
"""The map is not read more often than this."""


class ShardedCommitter:
    """Group commit over several servers; the settings are a `Committer`'s, `lanes` for each server."""

    def __init__(
        self, database: Database, shard_map: ShardMap, *, on_outcomes: OnOutcomes, **settings: Any
    ) -> None:
        self._database = database
        self._on_outcomes = on_outcomes
        self._settings = settings
        self._map = shard_map
        self._parts: dict[Server, Committer] = {}
        self._scopes: dict[Server, trio.CancelScope] = {}
        self._open: set[Committer] = set()
        self._put_off: list[Posting] = []
        self._bell = trio.Event()
        self._opened = {server: trio.Event() for server in {shard.server for shard in shard_map.shards}}
        self._first = trio.Event()
        self._misfit: DatabaseMisconfigured | None = None
        self._stopping = False
        for shard in shard_map.shards:
            self._part(shard.server)

    def _part(self, server: Server) -> Committer:
        if server not in self._parts:
            self._parts[server] = Committer(
                self._database,
                on_outcomes=self._on_outcomes,
                make_lane=partial(ShardLane, self._database, server, self._map),
                **self._settings,
            )
        return self._parts[server]

    @property
    def queued(self) -> int:
        """Postings submitted and not yet answered."""
        return sum(part.queued for part in self._parts.values()) + len(self._put_off)

    @property
    def queue_age_s(self) -> float:
        """How long the oldest posting has waited that was not sent yet; 0 if none waits."""
        return max(part.queue_age_s for part in self._parts.values())

    @property
    def problem(self) -> str | None:
        """Why sales cannot be posted at any server; None if they can at one."""
        problems = [part.problem for part in self._parts.values()]
        return problems[0] if all(problems) else None

    def is_behind(self, bound_s: float) -> bool:
        """Whether a server that works has more than one batch to do, and the first of it for so long."""
        return any(part.is_behind(bound_s) for part in self._parts.values() if not part.problem)

    def submit_nowait(self, posting: Posting) -> None:
        """Take a posting; its outcome comes by `on_outcomes`."""
        shards = self._map.shards
        part = self._parts[shards[bucket_of(posting.terminal << 3, len(shards))].server]
        if part in self._open:
            part.submit_nowait(posting)
        else:
            self._put_off.append(posting)
            self._bell.set()

    def stop(self) -> None:
        """Let `run` end once all that was submitted is answered."""
        self._stopping = True
        for server, part in self._parts.items():
            part.stop()
            if part not in self._open and server in self._scopes:
                self._scopes[server].cancel()

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Run until `stop`; started once every server's committer is, or after a while that of one. Raises as
        a `Committer`'s.
        """
        async with trio.open_nursery() as helpers:
            helpers.start_soon(self._answer_put_off)
            async with trio.open_nursery() as parts:
                helpers.start_soon(self._follow, parts)
                for server in list(self._parts):
                    parts.start_soon(self._run_part, server)
                await self._wait_opened()
                if self._misfit is None:
                    task_status.started()
            while self._put_off:
                await trio.lowlevel.checkpoint()
            helpers.cancel_scope.cancel()
        if self._misfit is not None:
            raise self._misfit

    async def _wait_opened(self) -> None:
        with trio.move_on_after(START_S):
            for opened in self._opened.values():
                await opened.wait()
        await self._first.wait()

    async def _run_part(self, server: Server) -> None:
        """Run one server's committer; where it can never start, nothing can."""
        part = self._parts[server]
        with trio.CancelScope() as self._scopes[server]:
            async with trio.open_nursery() as nursery:
                try:
                    await nursery.start(part.run)
                    self._open.add(part)
                except DatabaseMisconfigured as error:
                    self._misfit = error
                    self.stop()
                self._tell_opened(server)
        self._tell_opened(server)

    def _tell_opened(self, server: Server) -> None:
        """A server's committer has started, or never will."""
        self._first.set()
        self._opened.setdefault(server, trio.Event()).set()

    async def _answer_put_off(self) -> None:
        """Answer what came for a server that has not answered since the start."""
        while True:
            await self._bell.wait()
            self._bell = trio.Event()
            postings, self._put_off = self._put_off, []
            self._on_outcomes([(posting, no_effect(posting, TRY_AGAIN)) for posting in postings])

    async def _follow(self, parts: trio.Nursery) -> None:
        """Read where shards lie when a server has not what it should have."""
        while True:
            await self._map.wait_doubted()
            try:
                shards = await self._database.run(read_shards)
            except LedgerError:
                self._map.doubt()
            else:
                if len(shards) != len(self._map.shards):
                    raise DatabaseMisconfigured(ANOTHER_LAYOUT)
                if shards != self._map.shards:
                    _log.info("shards_moved", extra={"servers": sorted({str(s.server) for s in shards})})
                for server in {shard.server for shard in shards} - self._parts.keys():
                    self._part(server)
                    parts.start_soon(self._run_part, server)
                self._map.shards = shards
            await trio.sleep(REREAD_S)


AnyCommitter: TypeAlias = Committer | ShardedCommitter


def make_committer(
    database: Database, shard_map: ShardMap, *, on_outcomes: OnOutcomes, **settings: Any
) -> AnyCommitter:
    """The committer that a ledger needs whose buckets lie so."""
    if not shard_map.shards:
        return Committer(database, on_outcomes=on_outcomes, **settings)
    return ShardedCommitter(database, shard_map, on_outcomes=on_outcomes, **settings)
