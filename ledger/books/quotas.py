"""Owns the reading of quotas: what is left of each. Takes the service's connection, and changes nothing.

What a use may take is decided where it is posted; this is what a terminal is told beforehand. Knows nothing
of offers or calendars: a `QuotaLeg` names owner, quota, period and limit.
"""

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

import trio

from ledger.books.posting import AccountKind, QuotaLeg, bucket_of
from ledger.books.rows import array_literal
from ledger.engine.shards import Server, Shards
from ledger.errors import LedgerError
from ledger.postgres.database import Connection, Database
from ledger.postgres.session import Session
from ledger.registry.reads import layout_buckets

READ_S: Final = 1.5
"""So long a read may take, and the opening of its connection: a terminal waits 5 s (SPEC.md, "Time-outs")."""
LEFT: Final = (
    "select ledger.uses_left_v1($1, $2::text::bigint[], $3::text::int[], $4::text::int[], $5::text::int[])"
)


async def uses_left(connection: Connection, quotas: Sequence[QuotaLeg]) -> list[int]:
    """What is left of each, in the order given (>= 0); of a wide one: in all buckets together."""
    if not quotas:
        return []
    buckets = await layout_buckets(connection)
    columns = map(array_literal, zip(*quotas, strict=True))
    return [row[0] for row in await connection.fetch(LEFT, buckets, *columns)]


class Left(NamedTuple):
    """What is left of quotas (>= 0) as far as it could be read, and why not of the others."""

    uses: dict[QuotaLeg, int]
    problem: str | None


class QuotaReader:
    """Reads quotas, each once, over connections of its own. Not for two tasks at once.

    `shards`: where each bucket lies, if not on one Postgres. What lies on one server is read together, and
    what adds up over all of them apart: a server that is lost keeps nobody from what the others know.
    """

    def __init__(self, database: Database, shards: Shards) -> None:
        self._database = database
        self._shards = shards
        self._sessions: dict[Server | None, Session] = {}

    async def read(self, quotas: Iterable[QuotaLeg]) -> Left:
        """What is left of each. Never raises for a database that is away."""
        groups: dict[Server | None, dict[QuotaLeg, None]] = {}
        for quota in quotas:
            groups.setdefault(self._server_of(quota), {})[quota] = None
        uses: dict[QuotaLeg, int] = {}
        problems: list[str] = []

        async def read_group(session: Session, asked: list[QuotaLeg]) -> None:
            try:
                left = await session.run(lambda connection: uses_left(connection, asked), timeout_s=READ_S)
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
        if not self._shards or quota.owner & 7 != AccountKind.CARD:
            return None
        return self._shards[bucket_of(quota.owner, len(self._shards))].server

    def _session_of(self, server: Server | None) -> Session:
        if server not in self._sessions:
            self._sessions[server] = self._database.session()
        return self._sessions[server]
