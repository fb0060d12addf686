"""Owns the look at whether postings could commit now, for a switch that has none to try it with.

Runs what a posting runs, with the same rights and locks, on no rows. Knows nothing of postings themselves.
"""

from typing import Final

from ledger.postgres.database import Connection

LOCK_WAIT_MS: Final = 2_000
"""Longer than a migration keeps postings waiting before it steps back."""
WRITES: Final = "; ".join(
    [
        f"set local lock_timeout = {LOCK_WAIT_MS}",
        "update ledger.account set balance = balance where bucket = -1",
        *(
            f"insert into ledger.{table} select * from ledger.{table} where false"  # noqa: S608 fixed names
            for table in ("claim", "journal", "posting", "quota", "refund", "reversal")
        ),
    ]
)


async def check_write_path(connection: Connection, writes: str = WRITES) -> None:
    """Raise a LedgerError if a posting could not be committed now: read-only, a lock, a right gone.

    Statements that are sent together are one transaction: it is waited for once.
    """
    await connection.execute(writes)
