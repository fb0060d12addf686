"""Owns the reading of quotas: what is left of each. Takes the service's connection, and changes nothing.

What a use may take is decided where it is posted; this is what a terminal is told beforehand. Knows nothing
of offers or calendars: a `QuotaLeg` names owner, quota, period and limit.
"""

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

import trio

from ledger.books.layout import held_buckets
from ledger.books.posting import AccountKind, QuotaLeg, bucket_of
from ledger.books.rows import array_literal
from ledger.books.shard_map import ShardMap
from ledger.engine.shards import Server
from ledger.errors import LedgerError
from ledger.postgres.database import Connection, Database
from ledger.postgres.session import Session

READ_S: Final = 1.5
"""As a switch has it of itself: a terminal waits 5 s (SPEC.md, "Sending, retrying, reversing")."""
LEFT: Final = (
    "select ledger.uses_left_v1($1, $2::text::bigint[], $3::text::int[], $4::text::int[], $5::text::int[])"
)


async def uses_left(connection: Connection, buckets: int, quotas: Sequence[QuotaLeg]) -> list[int]:
    """What is left of each, in the order given (>= 0), in so many buckets as there are; of a wide one: in all
    of them together.
    """
    if not quotas:
        return []
    columns = map(array_literal, zip(*quotas, strict=True))
    return [row[0] for row in await connection.fetch(LEFT, buckets, *columns)]


class Left(NamedTuple):
    """What is left of quotas (>= 0) as far as it could be read, and why not of the others."""

    uses: dict[QuotaLeg, int]
    problem: str | None


class QuotaReader:
    """Reads quotas, each once, over connections of its own. Not for two tasks at once.

    What lies on one server is read together, and what adds up over all of them apart: a server that is lost
    keeps nobody from what the others know. The map only says who is asked together: where a bucket lies now
    the coordinator knows. The number of buckets is asked once on a connection, and stays while it lives: a
    rebucket empties its tables, and who read them in that moment would find nothing used. `read_s`: so long a
    read may take, in seconds, and as long the opening of its connection.
    """

    def __init__(self, database: Database, shard_map: ShardMap, read_s: float = READ_S) -> None:
        self._database = database
        self._read_s = read_s
        self._map = shard_map
        self._sessions: dict[Server | None, Session] = {}

    async def read(self, quotas: Iterable[QuotaLeg]) -> Left:
        """What is left of each. Never raises for a database that is away."""
        groups: dict[Server | None, dict[QuotaLeg, None]] = {}
        for quota in quotas:
            groups.setdefault(self._server_of(quota), {})[quota] = None
        uses: dict[QuotaLeg, int] = {}
        problems: list[str] = []

        async def read_group(session: Session, asked: list[QuotaLeg]) -> None:
            async def job(connection: Connection) -> list[int]:
                return await uses_left(connection, await held_buckets(session, connection), asked)

            try:
                left = await session.run(job, timeout_s=self._read_s)
            except LedgerError as error:
                problems.append(str(error))
            else:
                uses.update(zip(asked, left, strict=True))

        async with trio.open_nursery() as nursery:
            for server, group in groups.items():
                nursery.start_soon(read_group, self._session_of(server), list(group))
        return Left(uses, problems[0] if problems else None)

    def _server_of(self, quota: QuotaLeg) -> Server | None:
        """The server of a card's quota; None for a wider one, and where there is one server."""
        shards = self._map.shards
        if not shards or quota.owner & 7 != AccountKind.CARD:
            return None
        return shards[bucket_of(quota.owner, len(shards))].server

    def _session_of(self, server: Server | None) -> Session:
        if server not in self._sessions:
            self._sessions[server] = self._database.session()
        return self._sessions[server]
