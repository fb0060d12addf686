"""Owns the move of a ledger from one number of buckets to another, while no switch runs.

Every row keeps all it holds but its bucket, so every stored reply stays as it is, byte for byte. Roll-ups are
made anew by whoever rolls up. Claims are made from the journal: one without a row (its worker died before it
posted) is dropped, for nothing was done as it, and the same request may still come. Takes the owner's
connection.
"""

from typing import Final

from ledger.books.layout import take_layout
from ledger.errors import RegistryRefused
from ledger.postgres.database import Connection
from ledger.registry.reads import layout_buckets

BUCKETS_MAX: Final = 4096

_EMPTIED: Final = "delete from ledger.rollup; delete from ledger.rollup_mark; delete from ledger.claim"
# Accounts and journal by their own numbers; postings and reversals follow the journal row they belong to.
_MOVES: Final = (
    "update ledger.posting p set bucket = ledger.bucket_of("
    "case when p.debit & 7 = 0 then p.debit else p.credit end, $1)",
    "update ledger.reversal v set bucket = ledger.bucket_of(j.account, $1) from ledger.journal j"
    " where j.bucket = v.bucket and j.terminal = v.terminal and j.stan = v.stan",
    "update ledger.journal set bucket = ledger.bucket_of(account, $1)",
    "update ledger.account set bucket = ledger.bucket_of(id, $1)",
    "update registry.layout set buckets = $1",
)
_CLAIMS: Final = """
insert into ledger.claim (bucket, terminal, stan, home, digest)
  select ledger.bucket_of(j.terminal::bigint << 3, $1), j.terminal, j.stan, j.bucket, j.digest
    from ledger.journal j where $1 > 1"""


async def rebucket(connection: Connection, buckets: int) -> int:
    """Move the ledger to `buckets` (1..4096) buckets, in one transaction; return how many it had.

    Reads and writes every row. Raises RegistryRefused while a switch runs, or if `buckets` is out of bounds.
    """
    if not 1 <= buckets <= BUCKETS_MAX:
        raise RegistryRefused(f"a ledger has 1 to {BUCKETS_MAX} buckets")
    async with connection.transaction():
        await connection.execute("select pg_advisory_xact_lock(1667854707, 2)")
        await take_layout(connection)
        before = await layout_buckets(connection)
        if before == buckets:
            return before
        await connection.execute(_EMPTIED)
        for move in _MOVES:
            await connection.execute(move, buckets)
        await connection.execute(_CLAIMS, buckets)
        return before
