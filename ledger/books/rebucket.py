"""Owns the move of a ledger from one number of buckets to another, while no switch runs.

Every row keeps all it holds but its bucket, so every stored reply stays as it is, byte for byte. Rows are
copied out with their new bucket and put back into emptied tables: a sharded engine does not let a row's
bucket be changed, and one Postgres is left without a dead copy of every row. Roll-ups are made anew by
whoever rolls up. Claims are made from the journal: one without a row (its worker died before it posted) is
dropped, for nothing was done as it, and the same request may still come. Takes the owner's connection.
"""

from functools import partial
from typing import Final, NamedTuple

from ledger.books.layout import take_layout
from ledger.engine.citus import refuse_running, settle
from ledger.engine.shards import is_sharded
from ledger.errors import RegistryRefused
from ledger.postgres.database import Connection, Database
from ledger.postgres.locks import ROLL_UP
from ledger.registry.audit import Actor, writing
from ledger.registry.installation import set_buckets
from ledger.registry.reads import layout_buckets

BUCKETS_MAX: Final = 4096


class Move(NamedTuple):
    """A table `t`: the account that says a row's bucket, where that is found, and the order rows lie in."""

    table: str
    account: str
    found: str
    order: str


# The journal and its legs lie in the order in which they came: the index of moments (0061) rests on it.
_MOVES: Final = (
    Move("account", "t.id", "", "bucket, id"),
    Move("journal", "t.account", "", "transaction_id"),
    Move(
        "posting",
        "j.account",
        "left join ledger.journal j on j.bucket = t.bucket and j.transaction_id = t.transaction_id"
        " and j.digest is not null",
        "transaction_id, leg",
    ),
    Move(
        "reversal",
        "j.account",
        "left join ledger.journal j on j.bucket = t.bucket and j.terminal = t.terminal and j.stan = t.stan",
        "bucket, terminal, original_stan",
    ),
    Move(
        "refund",
        "j.account",
        "left join ledger.journal j on j.bucket = t.bucket and j.terminal = t.terminal"
        " and j.stan = t.original_stan",
        "bucket, terminal, original_stan, number",
    ),
    Move("bonus", "t.account", "", "bucket, terminal, stan, campaign, number"),
    Move("quota", "t.owner", "where t.owner & 7 = 0", "bucket, period, quota, owner"),
)
_EMPTIED: Final = ("claim", "expiry", "rollup", "rollup_mark", "share_move")
_TABLES: Final = ", ".join(f"ledger.{table}" for table in [*(move.table for move in _MOVES), *_EMPTIED])
_COLUMNS: Final = """
select string_agg(quote_ident(attname), ', ' order by attnum) from pg_attribute
  where attrelid = $1::text::regclass and attnum > 0 and not attisdropped and attname <> 'bucket'"""

# Wide quotas: what was used stays where its postings are, what is left is shared out anew.
_LIMITS: Final = """
create temporary table wide_limit on commit drop as
  select owner, quota, period, max(allowed) as allowed
    from ledger.quota where owner & 7 <> 0 group by 1, 2, 3"""
_SHARES: Final = """
insert into moved_quota (new_bucket, bucket, period, quota, allowed, owner, balance, moved, is_short)
  select x.bucket, x.bucket, x.period, x.quota, x.allowed, x.owner, -x.used,
      x.used + sign(x.rest)::int * ledger.share_v1(abs(x.rest), x.bucket, $1)
             - ledger.share_v1(x.allowed, x.bucket, $1), false
    from (
      select l.*, b.bucket, coalesce(u.used, 0) as used,
          l.allowed - (sum(coalesce(u.used, 0)) over (partition by l.owner, l.quota, l.period))::int as rest
        from wide_limit l cross join generate_series(0, $1 - 1) as b(bucket)
        left join (
          select p.new_bucket as bucket, side.owner, p.quota_period, sum(side.uses)::int as used
            from moved_posting p
            cross join lateral (values (p.debit, p.points), (p.credit, -p.points)) as side(owner, uses)
            where p.unit = 1 and side.owner & 7 not in (0, 4) group by 1, 2, 3) u
          on u.bucket = b.bucket and u.owner = l.owner
            and u.quota_period = l.quota::bigint << 32 | l.period) x"""
_CLAIMS: Final = """
insert into ledger.claim (bucket, terminal, stan, home, digest)
  select ledger.bucket_of(j.terminal::bigint << 3, $1), j.terminal, j.stan, j.new_bucket, j.digest
    from moved_journal j where $1 > 1 order by 1, 2, 3"""

# Sales are looked at for campaigns from the least mark on: what was looked at and noted keeps what it has.
_LOOKED: Final = """
with was as (delete from ledger.bonus_mark returning through)
insert into ledger.bonus_mark (bucket, through)
  select b, w.through from generate_series(0, $1::int - 1) as b
    cross join (select min(through) as through from was) w where w.through is not null"""

# Ids that were closed stay so, in every bucket: a month that was settled gets no posting.
_MARKS: Final = """
insert into ledger.rollup_mark (bucket, through, closing)
  select b, 0, $2 from generate_series(0, $1::int - 1) as b"""


async def rebucket(connection: Connection, actor: Actor, buckets: int) -> int:
    """Move the ledger to `buckets` (1..4096) buckets, in one transaction; return how many it had.

    Reads and writes every row; needs room for the books once more. Raises RegistryRefused while a switch
    runs, or if `buckets` is out of bounds.
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
        await connection.execute(f"lock table {_TABLES} in exclusive mode; set local work_mem = '64MB'")
        await connection.execute(_LIMITS)
        for move in _MOVES:
            await _copy_out(connection, move, buckets)
        await connection.execute(_SHARES, buckets)
        await connection.execute(f"truncate {_TABLES}")
        for move in _MOVES:
            await _put_back(connection, move)
        await set_buckets(connection, actor, buckets)
        await connection.execute(_CLAIMS, buckets)
        await connection.execute(_LOOKED, buckets)
        if closing is not None:
            await connection.execute(_MARKS, buckets, closing)
        return before


async def change_buckets(database: Database, actor: Actor, buckets: int, timeout_s: float) -> int:
    """`rebucket` on whatever the books lie on: on several servers no switch may run at any of them, and the
    buckets are spread over them anew.
    """
    is_spread = await database.run(is_sharded)
    if is_spread:
        await refuse_running(database)
    before = await database.run(partial(rebucket, actor=actor, buckets=buckets), timeout_s=timeout_s)
    if is_spread:
        await settle(database)
    return before


async def _copy_out(connection: Connection, move: Move, buckets: int) -> None:
    """The rows of a table beside their new bucket; what has no account stays, for `verify` to name."""
    await connection.execute(
        f"create temporary table moved_{move.table} on commit drop as"  # noqa: S608 fixed names, a number
        f" select coalesce(ledger.bucket_of({move.account}, {buckets}), t.bucket) as new_bucket, t.*"
        f" from ledger.{move.table} t {move.found}"
    )


async def _put_back(connection: Connection, move: Move) -> None:
    columns = await connection.fetchval(_COLUMNS, f"ledger.{move.table}")
    order = move.order.replace("bucket", "new_bucket")
    await connection.execute(
        f"insert into ledger.{move.table} (bucket, {columns})"  # noqa: S608 names out of the catalogue
        f" select new_bucket, {columns} from moved_{move.table} order by {order}"
    )
