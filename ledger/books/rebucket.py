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
from ledger.postgres.locks import ROLL_UP
from ledger.registry.audit import Actor, writing
from ledger.registry.installation import set_buckets
from ledger.registry.reads import layout_buckets

BUCKETS_MAX: Final = 4096

_EMPTIED: Final = (
    "delete from ledger.rollup; delete from ledger.rollup_mark; delete from ledger.claim;"
    " delete from ledger.share_move; delete from ledger.expiry"
)
# Accounts and journal by their own numbers; what belongs to a journal row follows it.
_MOVES: Final = (
    "update ledger.posting p set bucket = ledger.bucket_of(j.account, $1) from ledger.journal j"
    " where j.bucket = p.bucket and j.transaction_id = p.transaction_id and j.digest is not null",
    "update ledger.reversal v set bucket = ledger.bucket_of(j.account, $1) from ledger.journal j"
    " where j.bucket = v.bucket and j.terminal = v.terminal and j.stan = v.stan",
    "update ledger.refund f set bucket = ledger.bucket_of(j.account, $1) from ledger.journal j"
    " where j.bucket = f.bucket and j.terminal = f.terminal and j.stan = f.original_stan",
    "update ledger.journal set bucket = ledger.bucket_of(account, $1)",
    "update ledger.account set bucket = ledger.bucket_of(id, $1)",
    "update ledger.quota set bucket = ledger.bucket_of(owner, $1) where owner & 7 = 0",
)
# Wide quotas: what was used stays where its postings are, what is left is shared out anew.
_LIMITS: Final = """
create temporary table wide_limit on commit drop as
  select owner, quota, period, max(allowed) as allowed
    from ledger.quota where owner & 7 <> 0 group by 1, 2, 3;
delete from ledger.quota where owner & 7 <> 0"""
_SHARES: Final = """
insert into ledger.quota (bucket, period, quota, allowed, owner, balance, moved)
  select x.bucket, x.period, x.quota, x.allowed, x.owner, -x.used,
      x.used + sign(x.rest)::int * ledger.share_v1(abs(x.rest), x.bucket, $1)
             - ledger.share_v1(x.allowed, x.bucket, $1)
    from (
      select l.*, b.bucket, coalesce(u.used, 0) as used,
          l.allowed - (sum(coalesce(u.used, 0)) over (partition by l.owner, l.quota, l.period))::int as rest
        from wide_limit l cross join generate_series(0, $1 - 1) as b(bucket)
        left join (
          select p.bucket, side.owner, p.quota_period, sum(side.uses)::int as used
            from ledger.posting p
            cross join lateral (values (p.debit, p.points), (p.credit, -p.points)) as side(owner, uses)
            where p.unit = 1 and side.owner & 7 not in (0, 4) group by 1, 2, 3) u
          on u.bucket = b.bucket and u.owner = l.owner
            and u.quota_period = l.quota::bigint << 32 | l.period) x"""
_CLAIMS: Final = """
insert into ledger.claim (bucket, terminal, stan, home, digest)
  select ledger.bucket_of(j.terminal::bigint << 3, $1), j.terminal, j.stan, j.bucket, j.digest
    from ledger.journal j where $1 > 1"""

# Ids that were closed stay so, in every bucket: a month that was settled gets no posting.
_MARKS: Final = """
insert into ledger.rollup_mark (bucket, through, closing)
  select b, 0, $2 from generate_series(0, $1::int - 1) as b"""


async def rebucket(connection: Connection, actor: Actor, buckets: int) -> int:
    """Move the ledger to `buckets` (1..4096) buckets, in one transaction; return how many it had.

    Reads and writes every row. Raises RegistryRefused while a switch runs, or if `buckets` is out of bounds.
    """
    if not 1 <= buckets <= BUCKETS_MAX:
        raise RegistryRefused(f"a ledger has 1 to {BUCKETS_MAX} buckets")
    async with writing(connection, actor):
        await connection.execute(f"select pg_advisory_xact_lock({ROLL_UP})")
        await take_layout(connection)
        before = await layout_buckets(connection)
        if before == buckets:
            return before
        closing = await connection.fetchval("select max(closing) from ledger.rollup_mark")
        await connection.execute(_EMPTIED)
        for move in _MOVES:
            await connection.execute(move, buckets)
        await set_buckets(connection, actor, buckets)
        await connection.execute(_CLAIMS, buckets)
        await connection.execute(_LIMITS)
        await connection.execute(_SHARES, buckets)
        if closing is not None:
            await connection.execute(_MARKS, buckets, closing)
        return before
