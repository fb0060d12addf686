"""Owns the expiry of points in the books: what has ended is posted back to the organiser, card by card.

Accounts are looked at in slices, in order, again and again; one that has not changed since its last look and
of which nothing has ended is passed over (`ledger.expiry`). What is due follows from the account's own rows
(`ledger.books.lots`), read again under its lock in the transaction that posts: a redemption either comes
before, and has taken the oldest points, or after, and finds them gone. So it may be done at any time, by
several, and broken off anywhere. Must not know what the rules say: the caller tells when points end.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple

from ledger.books.hand import Hand, HandRow, Work, hand_terminal
from ledger.books.lots import Ends, Lots, Move
from ledger.books.posting import bucket_of
from ledger.errors import LedgerError
from ledger.postgres.database import Connection
from ledger.registry.reads import layout_buckets

SLICE_ACCOUNTS: Final = 500
CHAIN_ROWS_MAX: Final = 200_000
"""Of an account: 50 a day for eleven years."""
RULES: Final = r"""
select programme, version, (extract(epoch from effective_from) * 1000)::bigint, rules_toml
  from registry.programme_version where programme in (
    select programme from registry.programme_version where rules_toml ~ 'expire_months *= *[1-9]')
  order by programme, version"""
_ACCOUNTS: Final = """select distinct c.account from registry.card c
  where c.programme = $1 and c.account > $2 order by c.account limit $3"""
_TO_LOOK: Final = """select a.id, a.last_terminal, a.last_stan
  from unnest($1::int[], $2::bigint[]) as w(bucket, account)
  join ledger.account a on a.bucket = w.bucket and a.id = w.account
  left join ledger.expiry e on e.bucket = a.bucket and e.account = a.id
  where a.last_stan <> 0 and (e.account is null or e.next_day <= $3
    or (e.seen_terminal, e.seen_stan) <> (a.last_terminal, a.last_stan))
  order by a.id"""
_HOLD: Final = """select last_terminal, last_stan from ledger.account
  where bucket = $1 and id = $2 for no key update"""
_CHAIN: Final = """
with recursive chain as (
  select j.*, 1 as depth from (select $3::int as terminal, $4::int as stan) start
    cross join lateral (select * from ledger.journal j
      where j.bucket = $1 and j.terminal = start.terminal and j.stan = start.stan limit 1) j
  union all
  select j.*, c.depth + 1 from chain c
    cross join lateral (select * from ledger.journal j
      where j.bucket = $1 and j.terminal = c.previous_terminal and j.stan = c.previous_stan limit 1) j
    where c.depth < $2 and c.previous_stan <> 0
)
select terminal, stan, points, original_terminal, original_stan, accepted_at_ms, rules_version, depth
  from chain where points <> 0 or depth = $2 order by depth desc"""
_SEEN: Final = """insert into ledger.expiry as e (bucket, account, seen_terminal, seen_stan, next_day)
  values ($1, $2, $3, $4, $5) on conflict (bucket, account) do update
  set seen_terminal = excluded.seen_terminal, seen_stan = excluded.seen_stan, next_day = excluded.next_day"""


class Ruled(NamedTuple):
    """One version of the rules of a programme whose points expire, now or in another version."""

    programme: int
    version: int
    from_ms: int
    rules_toml: str


class ExpiryRules(NamedTuple):
    """What the rules of a programme say now: its day (since 1970), their version, and when points end."""

    programme: int
    today: int
    rules_version: int
    ends: Ends
    day_of: Callable[[int], int]
    """The day of a moment (ms) in the programme's time zone."""


class Swept(NamedTuple):
    """What one slice came to: the last account looked at (0: the end was reached), cards and points that
    expired, and how many accounts were passed over, for they have more rows than are read.
    """

    after: int
    cards: int
    points: int
    passed_over: int


async def rules_that_expire(connection: Connection) -> list[Ruled]:
    """All versions of the rules of those programmes whose points expire by any of them."""
    return [Ruled(*row) for row in await connection.fetch(RULES)]


async def expire_slice(
    connection: Connection, rules: ExpiryRules, now_ms: int, *, after: int = 0, limit: int = SLICE_ACCOUNTS
) -> Swept:
    """Look at the next accounts of a programme, and post what has ended of their points."""
    found = await connection.fetch(_ACCOUNTS, rules.programme, after, limit)
    accounts = [row["account"] for row in found]
    buckets = await layout_buckets(connection)
    homes = [bucket_of(account, buckets) for account in accounts]
    cards = points = passed_over = 0
    for row in await connection.fetch(_TO_LOOK, homes, accounts, rules.today):
        bucket = bucket_of(row["id"], buckets)
        lots = await _lots(connection, rules, bucket, row["last_terminal"], row["last_stan"])
        if lots is None:
            passed_over += 1
        elif lots.due(rules.today):
            expired = await _expire(connection, rules, row["id"], now_ms)
            cards, points = cards + bool(expired), points + expired
        else:
            await connection.execute(
                _SEEN, bucket, row["id"], row["last_terminal"], row["last_stan"], lots.next_day()
            )
    return Swept(accounts[-1] if len(accounts) == limit else 0, cards, points, passed_over)


async def _expire(connection: Connection, rules: ExpiryRules, account: int, now_ms: int) -> int:
    """Post what has ended of an account's points, under its lock; return how many they were."""
    async with connection.transaction():
        hand = await Hand.take(connection, now_ms, 1)
        bucket = bucket_of(account, hand.buckets)
        newest = await connection.fetchrow(_HOLD, bucket, account)
        lots = await _lots(connection, rules, bucket, newest["last_terminal"], newest["last_stan"])
        points = lots.due(rules.today) if lots else 0
        if lots is None or not points:
            return 0
        stan = await hand.last_stan(Work.EXPIRY, rules.programme) + 1
        row = HandRow(Work.EXPIRY, rules.programme, stan, account, -points, rules.rules_version)
        (outcome,) = await hand.post([row])
        if outcome.code:
            raise LedgerError(f"the expiry of points of one card was declined with code {outcome.code}")
        terminal = hand_terminal(Work.EXPIRY, rules.programme)
        lots.move(Move((terminal, stan), -points, None, now_ms, rules.rules_version, rules.today))
        await connection.execute(_SEEN, bucket, account, terminal, stan, lots.next_day())
        return points


async def _lots(
    connection: Connection, rules: ExpiryRules, bucket: int, terminal: int, stan: int
) -> Lots | None:
    """The lots of an account, of all its rows up to one; None: they are too many."""
    rows = await connection.fetch(_CHAIN, bucket, CHAIN_ROWS_MAX + 1, terminal, stan)
    if rows and rows[0]["depth"] > CHAIN_ROWS_MAX:
        return None
    expiries = hand_terminal(Work.EXPIRY, rules.programme)
    return Lots.after((_move(row, rules, expiries) for row in rows), rules.ends)


def _move(row: Any, rules: ExpiryRules, expiries: int) -> Move:
    terminal, stan, points, original_terminal, original_stan, at_ms, rules_version, _ = row
    original = (original_terminal or terminal, original_stan) if original_stan else None
    expired_on = rules.day_of(at_ms) if terminal == expiries else None
    return Move((terminal, stan), points, original, at_ms, rules_version, expired_on)
