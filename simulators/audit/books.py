"""Reads the books for the auditor, with SQL of its own and in one snapshot that cannot write.

Owns the queries and the rows they give. Must not know: what terminals were told. Not a function of `ledger`
is used but the connection: an auditor who asked the ledger's own statements would repeat their mistakes.

Invariant: all rows come from one repeatable-read, read-only transaction.
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import Any, Final, NamedTuple

from ledger.postgres.database import Connection

_EXAMPLES_MAX: Final = 5
POINTS: Final = 0
USES: Final = 1
GROSZE: Final = 2


class JournalRow(NamedTuple):
    """One row of the journal; points is the change of the card account, balance the balance after it."""

    terminal: int
    stan: int
    kind: int
    code: int
    account: int
    counter_account: int
    points: int
    balance: int
    amount_grosze: int
    transaction_id: int
    original_stan: int
    offer: int = 0
    original_terminal: int = 0
    discount_grosze: int = 0
    remaining: int = -1


class Leg(NamedTuple):
    """One posting of a transaction: `points` of a unit (0 points, 1 uses, 2 grosze)."""

    debit: int
    credit: int
    points: int
    unit: int = POINTS


class BookFault(StrEnum):
    """What the books get wrong by themselves, whatever terminals say."""

    BALANCE = "balance"
    ORPHAN = "orphan"
    INVALID = "invalid"
    UNBALANCED = "unbalanced"
    QUOTA = "quota"


class Books(NamedTuple):
    """What stands in the ledger for a range of terminals.

    `legs` by transaction number; `reversals` the reversing STANs by (terminal, original STAN); `faults`
    with their count and a few examples.
    """

    journal: list[JournalRow]
    legs: dict[int, list[Leg]]
    reversals: dict[tuple[int, int], list[int]]
    faults: list[tuple[BookFault, int, Sequence[str]]]


_JOURNAL: Final = """
select terminal, stan, kind, code, account, counter_account, points, balance, amount_grosze, transaction_id,
       original_stan, coalesce(offer, 0), coalesce(original_terminal, 0), coalesce(discount_grosze, 0),
       coalesce(remaining, -1)
  from ledger.journal where terminal between $1 and $2"""

_LEGS: Final = """
select p.transaction_id, p.debit, p.credit, p.points, p.unit
  from ledger.posting p
  join ledger.journal j on j.bucket = p.bucket and j.transaction_id = p.transaction_id
 where j.terminal between $1 and $2 and j.kind <> 0"""

_REVERSALS: Final = """
select terminal, original_stan, stan from ledger.reversal where terminal between $1 and $2"""

# Every account that has postings or a row: a posting to a card account without a row differs too.
_BALANCES: Final = """
with moved as (
  select bucket, account, sum(points) as points from (
    select bucket, unit, credit as account, points from ledger.posting
    union all
    select bucket, unit, debit, -points from ledger.posting) as sides
   where unit = 0 and account & 7 = 0 group by bucket, account
)
select coalesce(a.id, m.account) as account, a.balance, coalesce(m.points, 0)::bigint as points
  from ledger.account a full join moved m on m.bucket = a.bucket and m.account = a.id
 where a.balance is distinct from coalesce(m.points, 0)"""

_ORPHANS: Final = """
select p.transaction_id, p.debit, p.credit, p.points from ledger.posting p
 where not exists (select from ledger.journal j
                    where j.bucket = p.bucket and j.transaction_id = p.transaction_id and j.kind <> 0)"""

_INVALID: Final = """
select transaction_id, debit, credit, points from ledger.posting where points <= 0 or debit = credit"""

# What the cards hold was issued by somebody: card balances and the net of all other accounts cancel out.
_UNBALANCED: Final = """
select b.bucket, coalesce(c.points, 0)::bigint as cards, coalesce(o.points, 0)::bigint as others
  from (select bucket from ledger.account union select bucket from ledger.posting) as b
  left join (select bucket, sum(balance) as points from ledger.account group by bucket) as c using (bucket)
  left join (
    select bucket, sum(points) as points from (
      select bucket, unit, credit as account, points from ledger.posting
      union all
      select bucket, unit, debit, -points from ledger.posting) as sides
     where unit = 0 and account & 7 <> 0 group by bucket) as o using (bucket)
 where coalesce(c.points, 0) + coalesce(o.points, 0) <> 0"""

# What a quota's row says was used, and what was posted to its owner under its number and period.
_QUOTAS: Final = """
with used as (
  select bucket, owner, (quota_period >> 32)::int as quota, (quota_period & 4294967295)::int as period,
         sum(uses)::bigint as uses from (
    select bucket, debit as owner, quota_period, points as uses from ledger.posting where unit = 1
    union all
    select bucket, credit, quota_period, -points from ledger.posting where unit = 1) as sides
   where owner & 7 <> 4 group by 1, 2, 3, 4
)
select owner, quota, period, -q.balance as said, coalesce(u.uses, 0) as posted
  from ledger.quota q full join used u using (bucket, owner, quota, period)
 where -q.balance is distinct from coalesce(u.uses, 0) or q.balance > 0"""

_FAULTS: Final = (
    (BookFault.QUOTA, _QUOTAS),
    (BookFault.BALANCE, _BALANCES),
    (BookFault.ORPHAN, _ORPHANS),
    (BookFault.INVALID, _INVALID),
    (BookFault.UNBALANCED, _UNBALANCED),
)


async def read_books(connection: Connection, terminal_from: int, terminal_to: int) -> Books:
    """Read the books of the terminals in a range (inclusive), and the faults of the whole ledger."""
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        journal = [JournalRow(*row) for row in await connection.fetch(_JOURNAL, terminal_from, terminal_to)]
        legs: dict[int, list[Leg]] = {}
        for transaction_id, *leg in await connection.fetch(_LEGS, terminal_from, terminal_to):
            legs.setdefault(transaction_id, []).append(Leg(*leg))
        reversals: dict[tuple[int, int], list[int]] = {}
        for terminal, original_stan, stan in await connection.fetch(_REVERSALS, terminal_from, terminal_to):
            reversals.setdefault((terminal, original_stan), []).append(stan)
        faults: list[tuple[BookFault, int, Sequence[str]]] = []
        for fault, statement in _FAULTS:
            rows: Sequence[Any] = await connection.fetch(statement)
            if rows:
                faults.append((fault, len(rows), [str(dict(row)) for row in rows[:_EXAMPLES_MAX]]))
    return Books(journal, legs, reversals, faults)
