"""Owns the reading of quotas: what is left of each. Takes the service's connection, and changes nothing.

What a use may take is decided where it is posted; this is what a terminal is told beforehand. Knows nothing
of offers or calendars: a `QuotaLeg` names owner, quota, period and limit.
"""

from collections.abc import Sequence
from typing import Final

from ledger.books.outage import Outage
from ledger.books.posting import QuotaLeg
from ledger.books.rows import array_literal
from ledger.errors import LedgerError
from ledger.postgres.database import Connection
from ledger.postgres.session import Session
from ledger.registry.reads import layout_buckets

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


class QuotaReader:
    """Reads quotas over a connection of its own, one read at a time."""

    def __init__(self, session: Session, outage: Outage) -> None:
        self._session = session
        self._outage = outage

    async def read(self, quotas: Sequence[QuotaLeg]) -> list[int]:
        """What is left of each, in the order given (>= 0). Raises `LedgerError`, which the log is told."""
        try:
            left = await self._session.run(lambda connection: uses_left(connection, quotas))
        except LedgerError as error:
            self._outage.failed(self, str(error))
            raise
        self._outage.works(self)
        return left
