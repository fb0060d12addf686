"""Owns the reads of the books: balances, a card's history, partner balances, totals of a terminal, trial
balance.

Takes the service's connection, or an office's: balances and histories are read through schema office
(migrations, 0052), which shows a programme's role its own. Nothing here changes what was posted. Money in
grosze, points as integers, times in ms since 1970.
"""

from typing import Any, Final

import msgspec

from ledger.books.posting import TOTALLED, AccountKind, Unit, account_id, bucket_of
from ledger.errors import RegistryRefused
from ledger.postgres.database import Connection
from ledger.registry.reads import layout_buckets

HISTORY_ROWS_MAX: Final = 1000
BALANCE: Final = "select balance from office.account_v1($1, $2)"
NEWEST_ROW: Final = "select last_terminal, last_stan from office.account_v1($1, $2)"
HISTORY: Final = """
select terminal, stan, transaction_id, kind, code, points, balance, amount_grosze, counter_account,
    original_stan, rules_version, accepted_at_ms, terminal_time, previous_terminal, previous_stan,
    coalesce(discount_grosze, 0), coalesce(offer, 0)
  from office.chain_v1($1, $3, $4, $2) with ordinality as chain order by ordinality"""
TOTALS: Final = (
    "select count(*) filter (where kind = any($4)),"
    " coalesce(sum(points) filter (where kind = any($4)), 0)::bigint,"
    " count(*) filter (where kind = any($5)),"
    " coalesce(-sum(points) filter (where kind = any($5)), 0)::bigint,"
    " count(*) filter (where kind = any($6)),"
    " coalesce(sum(points) filter (where kind = any($6)), 0)::bigint,"
    " count(*) filter (where kind = any($7)),"
    " coalesce(sum(discount_grosze) filter (where kind = any($7)), 0)::bigint,"
    " count(*) filter (where kind = any($8)),"
    " coalesce(sum(points) filter (where kind = any($8)), 0)::bigint "
    "from ledger.journal j where j.bucket = any($9) and j.terminal = $1 and j.stan between $2 and $3 "
    "and j.code = 0"
)
LAST_STAN: Final = "select ledger.last_stan_v1(l.buckets, $1) from registry.layout l"
ACCOUNT_BALANCE: Final = "select office.balance_v1($1)"
TRIAL_BALANCE: Final = (
    "select p.bucket, "
    "case when p.unit = 1 and side.account & 7 <> 4 then 7 else side.account & 7 end::int as kind, "
    "count(distinct side.account)::int, sum(side.debit)::bigint, sum(side.credit)::bigint, p.unit::int "
    "from ledger.posting p "
    "cross join lateral (values (p.debit, p.points, 0), (p.credit, 0, p.points)) "
    "as side(account, debit, credit) "
    "group by 1, 2, 6 order by 1, 2"
)
CARD_ACCOUNTS: Final = "select id from ledger.account order by id"


class HistoryRow(msgspec.Struct, frozen=True, gc=False):
    """One journal row of a card account; balance is the balance after it; `offer` 0: none."""

    terminal: int
    stan: int
    transaction_id: int
    kind: int
    code: int
    points: int
    balance: int
    amount_grosze: int
    counter_account: int
    original_stan: int
    rules_version: int
    accepted_at_ms: int
    terminal_time: int
    previous_terminal: int
    previous_stan: int
    discount_grosze: int
    offer: int


class TerminalTotals(msgspec.Struct, frozen=True, gc=False):
    """What a terminal's STANs came to: approved ones that had an effect.

    redeem_points counts redeemed points as a positive number; reversal_points is the signed change of the
    card accounts, as refund_points is, so the terminal's net is earn_points - redeem_points + reversal_points
    + refund_points. benefit_grosze are the discounts of benefits used.
    """

    earn_count: int
    earn_points: int
    redeem_count: int
    redeem_points: int
    reversal_count: int
    reversal_points: int
    benefit_count: int = 0
    benefit_grosze: int = 0
    refund_count: int = 0
    refund_points: int = 0


class PartnerBalance(msgspec.Struct, frozen=True, gc=False):
    """What a partner has issued, redeemed, granted against quotas and taken off prices since the beginning.

    All >= 0 unless reversals outweigh.
    """

    issued_points: int
    redeemed_points: int
    uses: int = 0
    discount_grosze: int = 0


class TrialRow(msgspec.Struct, frozen=True, gc=False):
    """The sums of one kind of account, in its unit: over all rows of a bucket and unit, debit and credit are
    equal.
    """

    bucket: int
    kind: int
    accounts: int
    debit_points: int
    credit_points: int
    unit: int = int(Unit.POINTS)


async def balance(connection: Connection, account: int) -> int | None:
    """The balance of a card account in points; None if there is no such account."""
    bucket = bucket_of(account, await layout_buckets(connection))
    found: int | None = await connection.fetchval(BALANCE, bucket, account)
    return found


async def history(
    connection: Connection, account: int, *, limit: int = 100, before: HistoryRow | None = None
) -> list[HistoryRow]:
    """The newest journal rows of a card account, newest first; with `before`, those older than that row.

    Walks the chain from row to row: its cost depends on `limit` (1..1000), not on the size of the journal.
    """
    if not 1 <= limit <= HISTORY_ROWS_MAX:
        raise RegistryRefused("a history has 1 to {most} rows", most=HISTORY_ROWS_MAX)
    bucket = bucket_of(account, await layout_buckets(connection))
    if before is not None:
        start = (before.previous_terminal, before.previous_stan)
    else:
        head = await connection.fetchrow(NEWEST_ROW, bucket, account)
        start = tuple(head) if head else (0, 0)
    return [HistoryRow(*row) for row in await connection.fetch(HISTORY, bucket, limit, *start)]


async def terminal_totals(
    connection: Connection, terminal: int, stan_from: int, stan_to: int
) -> TerminalTotals:
    """The totals of a terminal's STANs in stan_from..stan_to, both inclusive."""
    row = await connection.fetchrow(
        TOTALS,
        terminal,
        stan_from,
        stan_to,
        *([int(kind) for kind in kinds] for kinds in TOTALLED),
        list(range(await layout_buckets(connection))),
    )
    return TerminalTotals(*row)


async def last_stan(connection: Connection, terminal: int) -> int:
    """The highest STAN that a terminal has used in the journal; 0 if there is none.

    A tombstone is no use: whoever named it may have mistyped it.
    """
    found: int = await connection.fetchval(LAST_STAN, terminal)
    return found


async def partner_balance(connection: Connection, partner: int) -> PartnerBalance:
    """What a partner has issued and redeemed: the rollup plus the postings since."""
    issued, redeemed, uses, discounts = [
        await connection.fetchval(ACCOUNT_BALANCE, account_id(partner, kind))
        for kind in (
            AccountKind.PARTNER_ISSUED,
            AccountKind.PARTNER_REDEEMED,
            AccountKind.PARTNER_USES,
            AccountKind.PARTNER_DISCOUNTS,
        )
    ]
    return PartnerBalance(-issued, redeemed, uses, -discounts)


async def trial_balance(connection: Connection) -> list[TrialRow]:
    """The sums of all postings by bucket and kind of account (AccountKind). Reads all postings."""
    rows: list[Any] = await connection.fetch(TRIAL_BALANCE)
    return [TrialRow(*row) for row in rows]


async def card_accounts(connection: Connection) -> list[int]:
    """The accounts of all cards, in order."""
    return [row["id"] for row in await connection.fetch(CARD_ACCOUNTS)]
