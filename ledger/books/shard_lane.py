"""Owns one connection of a committer on a sharded ledger: to the server that has the buckets of the
terminals; what lies elsewhere it asks of the other servers directly, each over a connection of its own.

Invariants: a server that does not answer costs those alone who need it (`ServerLost`), and for a second
nobody asks it again. Where a shard has moved the map is read anew. Knows nothing of queues.
"""

from typing import Any, Final

from ledger.books.lane import Lane
from ledger.books.layout import HOLD
from ledger.books.shard_map import ShardMap
from ledger.books.write_path import WRITES, check_write_path
from ledger.engine.shard_functions import MOVED
from ledger.engine.shards import Server, Shard, at_server
from ledger.errors import DatabaseContended, LedgerError, ServerLost, StatementRefused
from ledger.postgres.database import Connection, Database
from ledger.postgres.errors import first_line, translate
from ledger.postgres.session import Session

_STALE: Final = frozenset({MOVED, "3F000", "42883", "42P01"})
"""What a server says that has not the shard: it has moved, its functions or tables are not there."""


class ShardLane(Lane):
    """A lane to one server of a sharded ledger."""

    def __init__(self, database: Database, server: Server, shards: ShardMap) -> None:
        target = at_server(database.target, server)
        super().__init__(database.session(target))
        self._database = database
        self._server = server
        self._map = shards
        self._others: dict[Server, Session] = {}

    async def prepare(self, connection: Connection) -> None:
        """Inside a job: hold the number of buckets at this server as well. The functions have it in their
        names.
        """
        await _hold(self.session, connection)

    async def check(self, connection: Connection) -> None:
        """Inside a job: raise a LedgerError if a posting could not be committed at this server now."""
        for shard in self._map.shards:
            if shard.server == self._server:
                writes = f"set local citus.enable_manual_changes_to_shards = on; {shard.here(WRITES)}"
                await check_write_path(connection, writes)
                return

    async def ask(
        self, connection: Connection, limit_s: float, statement: str, arguments: tuple[object, ...]
    ) -> Any:
        """Inside a job: put one statement of a batch, whose first argument is its bucket, where that lies."""
        bucket = arguments[0]
        assert isinstance(bucket, int)
        shard = self._map.shards[bucket]
        try:
            if shard.server == self._server:
                await self.prepare(connection)
                return await self.session.limit(
                    _put(self.session, connection, shard, statement, arguments), limit_s
                )
            return await self._ask_other(shard, limit_s / 2, statement, arguments)
        except Exception as error:
            if getattr(error, "sqlstate", None) in _STALE:
                self._map.doubt()
                raise ServerLost(f"bucket {bucket} is not at {shard.server}: {first_line(error)}") from error
            raise

    async def _ask_other(
        self, shard: Shard, limit_s: float, statement: str, arguments: tuple[object, ...]
    ) -> Any:
        if self._map.is_lost(shard.server):
            raise ServerLost(f"{shard.server} does not answer")
        session = self._others.get(shard.server)
        if session is None:
            session = self._database.session(at_server(self._database.target, shard.server))
            self._others[shard.server] = session
        try:
            self.asked = session
            connection = await session.join(limit_s)
            await session.limit(_hold(session, connection), limit_s)
            return await session.limit(_put(session, connection, shard, statement, arguments), limit_s)
        except Exception as error:
            closed = translate(error)
            if isinstance(closed, StatementRefused | DatabaseContended) or _is_stale(error):
                raise
            session.terminate()
            if closed is None and not isinstance(error, LedgerError):
                raise
            self._map.lose(shard.server)
            raise ServerLost(f"{shard.server} does not answer: {closed}") from error
        except BaseException:  # cancelled in the middle of a statement
            session.terminate()
            raise
        finally:
            self.asked = self.session


def _is_stale(error: Exception) -> bool:
    return getattr(error, "sqlstate", None) in _STALE


async def _hold(session: Session, connection: Connection) -> None:
    """Hold the number of buckets, once on a connection."""
    if HOLD not in session.state:
        await connection.execute(HOLD)
        session.state[HOLD] = True


async def _put(
    session: Session, connection: Connection, shard: Shard, statement: str, arguments: tuple[object, ...]
) -> Any:
    key = f"{shard.schema} {statement}"
    if key not in session.state:
        session.state[key] = await connection.prepare(shard.here(statement))
    return await session.state[key].fetchrow(*arguments)
