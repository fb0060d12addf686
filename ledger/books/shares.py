"""Owns the moving of shares of wide quotas from bucket to bucket, where one has been used up and others not.

A move is three statements, each a transaction of one bucket: the giver's share gets smaller and a row says
what left for whom; the taker's share gets larger and a row says so; the giver's row is marked as taken.
Whatever stops it in between, a part of a share belongs to nobody for a while, so the shares never come to
more than the limit; the next call finds the move open and ends it. A row in the taker's bucket makes
sure that it is added once.

Takes the service's connection, outside a transaction. Safe at any time and by several at once. Knows nothing
of who calls it, or when.
"""

from typing import Any, Final

from ledger.postgres.database import Connection
from ledger.registry.reads import layout_buckets

_KEY: Final = "owner, period, quota"
OPEN: Final = f"""
select m.taker, m.owner, m.period, m.quota, m.number, m.uses, coalesce(q.allowed, 0) as allowed
  from ledger.share_move m left join ledger.quota q using (bucket, {_KEY})
  where m.bucket = $1 and not m.is_taken"""  # noqa: S608 fixed names
TAKE: Final = "select ledger.take_share_v1($1, $2, $3, $4, $5, $6, $7, $8)"
CLOSE: Final = """
update ledger.share_move set is_taken = true
  where bucket = $1 and giver = $1 and owner = $2 and period = $3 and quota = $4 and number = $5"""
SHORT: Final = f"select {_KEY}, allowed from ledger.quota where bucket = $1 and is_short"  # noqa: S608 fixed names
REST: Final = """
select ledger.share_v1(coalesce(q.allowed, $5), $1, $6) + coalesce(q.moved + q.balance, 0)
  from (select) as one
  left join ledger.quota q on q.bucket = $1 and q.owner = $2 and q.period = $3 and q.quota = $4"""
GIVE: Final = "select number, uses from ledger.give_share_v1($1, $2, $3, $4, $5, $6, $7)"
SATISFIED: Final = """
update ledger.quota set is_short = false
  where bucket = $1 and owner = $2 and period = $3 and quota = $4 and is_short"""


async def move_shares(connection: Connection) -> None:
    """End what moves are open, then give every bucket that was short half of what the richest has left."""
    buckets = await layout_buckets(connection)
    if buckets == 1:
        return
    for bucket in range(buckets):
        for move in await connection.fetch(OPEN, bucket):
            await _end(connection, bucket, move)
    for bucket in range(buckets):
        for short in await connection.fetch(SHORT, bucket):
            await _feed(connection, buckets, bucket, short)


async def _end(connection: Connection, giver: int, move: Any) -> None:
    key = (move["owner"], move["period"], move["quota"])
    await connection.execute(TAKE, move["taker"], giver, *key, move["allowed"], move["number"], move["uses"])
    await connection.execute(CLOSE, giver, *key, move["number"])


async def _feed(connection: Connection, buckets: int, taker: int, short: Any) -> None:
    key, allowed = (short["owner"], short["period"], short["quota"]), short["allowed"]
    rests = {
        bucket: await connection.fetchval(REST, bucket, *key, allowed, buckets)
        for bucket in range(buckets)
        if bucket != taker
    }
    giver = max(rests, key=lambda bucket: rests[bucket])
    given = await connection.fetchrow(GIVE, giver, buckets, taker, *key, allowed)
    if given["number"] is None:  # it is used up everywhere: who is refused next asks anew
        await connection.execute(SATISFIED, taker, *key)
        return
    await connection.execute(TAKE, taker, giver, *key, allowed, given["number"], given["uses"])
    await connection.execute(CLOSE, giver, *key, given["number"])
