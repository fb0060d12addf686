"""Owns which statement of a worker is answered by what: a table by the statement's text, imported from the
module that asks it.

A statement that is not in the table is a fault of whoever added it elsewhere: it is named. What
changes the registry is not here: the office has `MemoryRegistry` for it. A handler takes the connection
and the arguments, and returns rows. Knows nothing of faults or of asyncio.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from ledger.books import campaigns, expiry, layout, node, quotas, rollup, shares, statements, write_path
from ledger.books.batch import CLAIM, HOMES
from ledger.books.posting import QuotaLeg
from ledger.books.rows import POST_BATCH
from ledger.engine.shards import HAS_CITUS
from ledger.postgres import election, fitness, lineage, locks, pooling
from ledger.postgres.database import IS_AT_WORK
from ledger.postgres.session import PROBE
from ledger.registry import (
    adjustments,
    audit,
    card_cases,
    holders,
    installation,
    key_over_wire,
    keys,
    kinds,
    outbox,
    partner_contracts,
    reads,
)
from ledger.registry.card_cases import Report
from simulators.world.memory import card_reports, holder_terms, inquiries, key_terms
from simulators.world.memory.claims import Wish, claim
from simulators.world.memory.entries import id_of, parts_of
from simulators.world.memory.quotas import Key, Quotas
from simulators.world.memory.registry_reads import CARD_READS, changed, former_tokens, newest
from simulators.world.memory.wire import answer_row, column, postings_of

if TYPE_CHECKING:
    from simulators.world.memory.connection import MemoryConnection

Rows: TypeAlias = list[Any]
Handler: TypeAlias = Callable[..., Rows]
DONE: Final[Rows] = [("",)]
"""The row of a function that returns nothing."""


# The books


def _post_batch(connection: MemoryConnection, bucket: int, _: int, *columns: str | None) -> Rows:
    return [answer_row(*connection.ledger.buckets[bucket].post_batch(postings_of(columns)))]


def _claim(connection: MemoryConnection, bucket: int, *columns: str) -> Rows:
    wishes = map(Wish._make, zip(*map(column, columns), strict=True))
    homes, states = zip(*claim(connection.ledger.buckets[bucket], wishes), strict=True)
    return [(homes, states)]


def _homes(connection: MemoryConnection, bucket: int, terminals: str, stans: str) -> Rows:
    claims = connection.ledger.buckets[bucket].claims
    ids = map(id_of, column(terminals), column(stans))
    return [([claims[found][0] if found in claims else None for found in ids],)]


def _totals(
    connection: MemoryConnection, terminal: int, first: int, last: int, *groups: Sequence[int]
) -> Rows:
    return [inquiries.totals(connection.ledger, terminal, first, last, groups[:-1])]


def _last_stan(connection: MemoryConnection, terminal: int) -> Rows:
    return [(connection.ledger.last_stans.get(terminal, 0),)]


def _balance(connection: MemoryConnection, bucket: int, account: int) -> Rows:
    found = connection.ledger.buckets[bucket].accounts.get(account)
    return [(found.balance,)] if found else []


def _newest_row(connection: MemoryConnection, bucket: int, account: int) -> Rows:
    found = connection.ledger.buckets[bucket].accounts.get(account)
    return [parts_of(found.newest)] if found else []


def _history(connection: MemoryConnection, bucket: int, rows_max: int, *start: int) -> Rows:
    terminal, stan = start
    return [*inquiries.history(connection.ledger, bucket, rows_max, terminal, stan)]


def _trial_balance(connection: MemoryConnection) -> Rows:
    return [*inquiries.trial_balance(connection.ledger)]


def _card_accounts(connection: MemoryConnection) -> Rows:
    accounts = (account for bucket in connection.ledger.buckets for account in bucket.accounts)
    return [{"id": account} for account in sorted(accounts)]


def _account_balance(connection: MemoryConnection, account: int) -> Rows:
    return [(inquiries.account_balance(connection.ledger, account),)]


def _left(connection: MemoryConnection, _: int, *columns: str) -> Rows:
    uses = list(map(QuotaLeg, *map(column, columns)))
    return [(left,) for left in inquiries.uses_left(connection.ledger, uses)]


# Shares of wide quotas


def _open_moves(connection: MemoryConnection, bucket: int) -> Rows:
    found = connection.ledger.buckets[bucket].quotas
    return [
        {**_named(move.key), "taker": move.taker, "number": move.number, "uses": move.uses,
         "allowed": row.allowed if (row := found.rows.get(move.key)) else 0}
        for move in found.moves.values() if not move.is_taken
    ]  # fmt: skip


def _short(connection: MemoryConnection, bucket: int) -> Rows:
    rows = connection.ledger.buckets[bucket].quotas.rows.items()
    return [{**_named(key), "allowed": row.allowed} for key, row in rows if row.is_short]


def _named(key: Key) -> dict[str, int]:
    return dict(zip(("owner", "quota", "period"), key, strict=True))


def _rest(connection: MemoryConnection, bucket: int, *limit: int) -> Rows:
    owner, period, quota, allowed, _ = limit
    return [(_quotas(connection, bucket).left_to_give((owner, quota, period), allowed),)]


def _give(connection: MemoryConnection, giver: int, _: int, taker: int, *limit: int) -> Rows:
    owner, period, quota, allowed = limit
    key = owner, quota, period
    move = _quotas(connection, giver).give_share(taker, key, allowed)
    if move:
        connection.ledger.share_moved(key, giver, -move.uses)
    return [{"number": move.number if move else None, "uses": move.uses if move else None}]


def _take(connection: MemoryConnection, taker: int, giver: int, *move: int) -> Rows:
    owner, period, quota, allowed, number, uses = move
    key = owner, quota, period
    if _quotas(connection, taker).take_share(giver, key, allowed, number, uses):
        connection.ledger.share_moved(key, taker, uses)
    return DONE


def _close(connection: MemoryConnection, giver: int, *move: int) -> Rows:
    owner, period, quota, number = move
    _quotas(connection, giver).close_move((owner, quota, period), number)
    return []


def _satisfied(connection: MemoryConnection, bucket: int, *key: int) -> Rows:
    owner, period, quota = key
    _quotas(connection, bucket).is_satisfied((owner, quota, period))
    return []


def _quotas(connection: MemoryConnection, bucket: int) -> Quotas:
    return connection.ledger.buckets[bucket].quotas


# Ids


def _closed(connection: MemoryConnection) -> Rows:
    marks = [bucket.closing for bucket in connection.ledger.buckets if bucket.closing is not None]
    return [(max(marks, default=None),)]


def _close_ids(connection: MemoryConnection, bucket: int, wished: int) -> Rows:
    found = connection.ledger.buckets[bucket]
    if found.newest_id:
        found.closing = max(found.closing or 0, min(wished, found.newest_id))
    return [(found.closing if found.newest_id else None,)]


def _roll_up(connection: MemoryConnection, bucket: int, closing: int) -> Rows:
    found = connection.ledger.buckets[bucket]
    found.through = max(found.through, closing)
    return DONE


def _reserve(connection: MemoryConnection, number: int, now_ms: int, ahead_ms: int) -> Rows:
    nodes = connection.ledger.nodes
    nodes[number] = max(nodes.get(number, now_ms), now_ms) + ahead_ms
    return [(nodes[number],)]


def _renew(connection: MemoryConnection, number: int, reserved_ms: int, wanted_ms: int) -> Rows:
    ledger = connection.ledger
    is_ours = ledger.locks.holds((locks.NODE_SPACE, number), connection)
    if not is_ours or ledger.nodes.get(number) != reserved_ms:
        return []
    ledger.nodes[number] = max(reserved_ms, wanted_ms)
    return [(ledger.nodes[number],)]


# Locks of sessions


def _try_number(connection: MemoryConnection, *number: int) -> Rows:
    return [(connection.ledger.locks.try_take(number, connection), len(connection.ledger.buckets))]


def _elect(connection: MemoryConnection) -> Rows:
    return [(connection.ledger.locks.try_take(locks.KEEPER, connection),)]


def _take_and_tell(connection: MemoryConnection, number: int) -> Rows:
    return [(connection.backend, connection.ledger.locks.try_take((number,), connection))]


def _hold_and_tell(connection: MemoryConnection, number: int) -> Rows:
    return [(connection.backend, connection.ledger.locks.holds((number,), connection))]


# Keys and cards


def _is_live(connection: MemoryConnection, terminal: int, generation: int) -> Rows:
    key = connection.ledger.registry.keys.rows.get((terminal, generation))
    return [(key_terms.is_live(key, connection.ledger.now_ms()),)] if key else []


def _note_use(connection: MemoryConnection, terminal: int, generation: int) -> Rows:
    key_terms.note_use(connection.ledger.registry, terminal, generation)
    return []


def _any_expired(connection: MemoryConnection) -> Rows:
    return [(bool(key_terms.expired(connection.ledger.registry)),)]


def _retire_expired(connection: MemoryConnection) -> Rows:
    key_terms.retire_expired(connection.ledger.registry)
    return []


def _next_key(connection: MemoryConnection, *asked: Any) -> Rows:
    found = key_terms.next_key(connection.ledger.registry, *asked)
    return [found] if found else []


def _advance_kinds(connection: MemoryConnection) -> Rows:
    holder_terms.advance_kinds(connection.ledger.registry)
    return DONE


def _end_notices(connection: MemoryConnection) -> Rows:
    holder_terms.end_notices(connection.ledger.registry)
    return DONE


def _report(connection: MemoryConnection, *report: Any) -> Rows:
    return [(card_reports.report_card(connection.ledger.registry, Report(*report)),)]


def _fixed(*rows: Any) -> Handler:
    """What always has the same answer here."""
    return lambda *_: list(rows)


HANDLERS: Final[dict[str, Handler]] = {
    PROBE: _fixed((1,)),
    POST_BATCH: _post_batch,
    CLAIM: _claim,
    HOMES: _homes,
    write_path.WRITES: _fixed(),
    statements.TOTALS: _totals,
    statements.LAST_STAN: _last_stan,
    statements.BALANCE: _balance,
    statements.NEWEST_ROW: _newest_row,
    statements.HISTORY: _history,
    statements.TRIAL_BALANCE: _trial_balance,
    statements.CARD_ACCOUNTS: _card_accounts,
    statements.ACCOUNT_BALANCE: _account_balance,
    quotas.LEFT: _left,
    shares.OPEN: _open_moves,
    shares.SHORT: _short,
    shares.REST: _rest,
    shares.GIVE: _give,
    shares.TAKE: _take,
    shares.CLOSE: _close,
    shares.SATISFIED: _satisfied,
    node.CLOSED: _closed,
    node.RESERVE: _reserve,
    node.RENEW: _renew,
    node.TRY_NUMBER: _try_number,
    rollup.CLOSE_IDS: _close_ids,
    rollup.ROLL_UP: _roll_up,
    rollup.PAUSE: _fixed(DONE[0]),
    rollup.RUNNING: _fixed(([],)),  # a statement here has ended when the next one begins
    layout.HOLD: _fixed(DONE[0]),  # nobody changes the number of buckets
    HAS_CITUS: lambda connection: [(False,)],
    reads.BUCKETS: lambda connection: [(len(connection.ledger.buckets),)],
    reads.NEWEST: newest,
    reads.CHANGED: changed,
    reads.FORMER_TOKENS: former_tokens,
    **CARD_READS,
    installation.KEY_CHECK: lambda connection: [(connection.ledger.registry.master_key_check,)],
    audit.BEGIN: _fixed(DONE[0]),
    keys.IS_LIVE: _is_live,
    keys.NOTE_USE: _note_use,
    keys.ANY_EXPIRED: _any_expired,
    keys.RETIRE_EXPIRED: _retire_expired,
    key_over_wire.NEXT_KEY: _next_key,
    card_cases.REPORT: _report,
    kinds.ADVANCE: _advance_kinds,
    holders.END_NOTICES: _end_notices,
    partner_contracts.MOVE: _fixed(DONE[0]),  # every partner here has one that runs on
    outbox.KEEP: _fixed(),  # nobody reads what is told here
    campaigns.CAMPAIGNS: _fixed(),  # no campaign runs there
    expiry.RULES: _fixed(),  # nor do points expire
    adjustments.OPEN_ROWS: _fixed(),  # no office changes points there
    election.ELECT: _elect,
    pooling.TAKE: _take_and_tell,
    pooling.HOLD: _hold_and_tell,
    pooling.BEGIN: _fixed(),
    pooling.COMMIT: _fixed(),
    fitness.DURABILITY: _fixed(("on", "on", "on", False, [])),
    lineage.WAIT_FOR_STANDBY: _fixed((0,)),  # there is none
    IS_AT_WORK: lambda connection, backend: [(backend in connection.ledger.at_work,)],
}
WRITES_OF_TRANSACTIONS: Final = frozenset({keys.NOTE_USE, keys.RETIRE_EXPIRED})
"""Those take effect when their transaction commits."""
