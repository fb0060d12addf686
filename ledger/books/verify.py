"""Owns the proof of the books: every invariant of the design, counted, each with one example of what
breaks it.

Reads everything in one snapshot and changes nothing; takes the service's connection. That every
acknowledged reply is in the journal cannot be seen from here: an auditor outside holds what the terminals
were told against the journal.
"""

from typing import Final

import msgspec

from ledger.books.verify_bonus import BONUS_INVARIANTS
from ledger.books.verify_units import UNIT_INVARIANTS
from ledger.postgres.database import Connection


class Finding(msgspec.Struct, frozen=True):
    """One invariant: how many rows break it (0: it holds), and one of them."""

    invariant: str
    count: int
    example: str | None


# Each query returns one text per violation.
_INVARIANTS: Final[dict[str, str]] = {
    "the postings of each bucket and unit sum to zero": """
        select format('bucket %s unit %s sums to %s', p.bucket, p.unit, sum(side.points))
          from ledger.posting p
          cross join lateral (values (p.debit, -p.points), (p.credit, p.points)) as side(account, points)
          where side.account <> 0
          group by p.bucket, p.unit having sum(side.points) <> 0""",
    "a posting names two accounts and a positive number of points": """
        select format('transaction %s', transaction_id) from ledger.posting
          where debit = credit or debit <= 0 or credit <= 0 or points <= 0""",
    "a cached balance is the sum of its postings": """
        select format('account %s: balance %s, postings %s', coalesce(a.id, s.account), a.balance, s.points)
          from (select bucket, id, balance from ledger.account) a
          full join (
            select p.bucket, side.account, sum(side.points)::bigint as points from ledger.posting p
              cross join lateral (values (p.debit, -p.points), (p.credit, p.points)) as side(account, points)
              where p.unit = 0 and side.account & 7 = 0 group by p.bucket, side.account
          ) s on s.bucket = a.bucket and s.account = a.id
          where a.id is null or a.balance <> coalesce(s.points, 0)""",
    "no card is below its floor but by a recorded reversal, refund or adjustment": """
        select format('account %s: balance %s', a.id, a.balance) from ledger.account a
          where a.balance < a.floor and not exists (
            select from ledger.journal j
              where j.bucket = a.bucket and j.account = a.id and j.code = 0
                and (j.original_stan <> 0 or j.kind = 7) and j.points < 0)
        union all
        select format('terminal %s stan %s', j.terminal, j.stan) from ledger.journal j
          join ledger.account a on a.bucket = j.bucket and a.id = j.account
          where j.code = 0 and j.points < 0 and j.balance < a.floor
            and (j.original_stan = 0 and (j.kind <> 7 or j.details & 4096 = 0)
              or j.original_terminal is not null and j.details & 4096 = 0)""",
    "one effect per id: what is approved is posted once, what is declined never": """
        select format('terminal %s stan %s, transaction %s', j.terminal, j.stan,
                      coalesce(j.transaction_id, p.transaction_id))
          from (select * from ledger.journal where points <> 0) j
          full join (select * from ledger.posting where unit = 0) p
            on p.bucket = j.bucket and p.transaction_id = j.transaction_id
          where j.terminal is null or p.transaction_id is null or j.code <> 0 or p.leg <> 1
             or p.points <> abs(j.points)
             or (p.debit, p.credit) is distinct from
                case when j.points > 0 then (j.counter_account, j.account)
                     else (j.account, j.counter_account) end
        union all
        select format('transaction %s occurs %s times', transaction_id, count(*)) from ledger.journal
          where digest is not null group by bucket, transaction_id having count(*) > 1""",
    "one reversal per original, its mirror": """
        select format('terminal %s stan %s', coalesce(v.terminal, j.terminal), coalesce(v.stan, j.stan))
          from ledger.reversal v
          full join (select * from ledger.journal
                      where original_stan <> 0 and original_terminal is null and code = 0) j
            on j.bucket = v.bucket and j.terminal = v.terminal and j.stan = v.stan
          left join ledger.journal o
            on o.bucket = v.bucket and o.terminal = v.terminal and o.stan = v.original_stan
          left join lateral (select f.points from ledger.refund f
            where f.bucket = v.bucket and f.terminal = v.terminal and f.original_stan = v.original_stan
            order by f.number desc limit 1) f on true
          where v.stan is null or j.stan is null or o.stan is null or j.original_stan <> v.original_stan
             or o.account <> j.account or o.points + coalesce(f.points, 0) <> -j.points or o.code <> 0""",
    "an account's last row is its newest, and each row names the one before": """
        select format('account %s', a.id) from ledger.account a
          left join ledger.journal j
            on j.bucket = a.bucket and j.terminal = a.last_terminal and j.stan = a.last_stan
          where case when a.last_stan = 0 then a.balance <> 0
                     else j.account is distinct from a.id or j.balance <> a.balance end
        union all
        select format('terminal %s stan %s', j.terminal, j.stan) from ledger.journal j
          left join ledger.journal b
            on b.bucket = j.bucket and b.terminal = j.previous_terminal and b.stan = j.previous_stan
          where j.account <> 0
            and (j.balance <> coalesce(b.balance, 0) + j.points
                 or (j.previous_stan <> 0 and b.account is distinct from j.account))""",
    "every row of an account is in its chain exactly once": """
        select format('terminal %s stan %s', coalesce(j.terminal, n.terminal), coalesce(j.stan, n.stan))
          from (select bucket, terminal, stan from ledger.journal where account <> 0) j
          full join (
            select bucket, terminal, stan, count(*) as times from (
              select bucket, last_terminal as terminal, last_stan as stan
                from ledger.account where last_stan <> 0
              union all
              select bucket, previous_terminal, previous_stan from ledger.journal where previous_stan <> 0
            ) named group by bucket, terminal, stan
          ) n on n.bucket = j.bucket and n.terminal = j.terminal and n.stan = j.stan
          where j.stan is null or n.stan is null or n.times <> 1""",
    "an id stands once, whatever its card": """
        select format('terminal %s stan %s stands %s times', j.terminal, j.stan, count(*))
          from ledger.journal j group by j.terminal, j.stan having count(*) > 1
        union all
        select format('terminal %s stan %s stands in bucket %s, claimed for %s',
                      j.terminal, j.stan, j.bucket, c.home)
          from ledger.journal j cross join registry.layout l
          left join (select * from ledger.claim offset 0) c
            on c.bucket = ledger.bucket_of(j.terminal::bigint << 3, l.buckets)
            and c.terminal = j.terminal and c.stan = j.stan
          where l.buckets > 1 and (c.home is distinct from j.bucket or c.digest is distinct from j.digest
            and c.digest is not null and j.digest is not null)
        union all
        select format('terminal %s stan %s is claimed in bucket %s', c.terminal, c.stan, c.bucket)
          from ledger.claim c cross join registry.layout l
          where c.bucket <> ledger.bucket_of(c.terminal::bigint << 3, l.buckets)""",
    "everything is in the bucket of its card account": """
        select format('account %s in bucket %s', a.id, a.bucket)
          from ledger.account a cross join registry.layout l
          where a.bucket <> ledger.bucket_of(a.id, l.buckets)
        union all
        select format('terminal %s stan %s', j.terminal, j.stan)
          from ledger.journal j cross join registry.layout l
          where j.account <> 0 and j.bucket <> ledger.bucket_of(j.account, l.buckets)
        union all
        select format('quota %s of account %s in bucket %s', q.quota, q.owner, q.bucket)
          from ledger.quota q cross join registry.layout l
          where q.owner & 7 = 0 and q.bucket <> ledger.bucket_of(q.owner, l.buckets)""",
    "the rollup is the sum of the postings up to its mark": """
        select format('account %s: rollup %s, postings %s',
                      coalesce(r.account, s.account), r.balance, s.points)
          from ledger.rollup r
          full join (
            select p.bucket, side.account, sum(side.points)::bigint as points
              from ledger.posting p
              join ledger.rollup_mark m on m.bucket = p.bucket and p.transaction_id <= m.through
              cross join lateral (values (p.debit, -p.points), (p.credit, p.points)) as side(account, points)
              where side.account & 7 <> 0 and (p.unit <> 1 or side.account & 7 = 4)
              group by p.bucket, side.account
          ) s on s.bucket = r.bucket and s.account = r.account
          where coalesce(r.balance, 0) <> coalesce(s.points, 0)""",
    "every card has its account": """
        select format('account %s', c.account) from registry.card c cross join registry.layout l
          left join ledger.account a on a.bucket = ledger.bucket_of(c.account, l.buckets) and a.id = c.account
          where a.id is null""",
    **UNIT_INVARIANTS,
    **BONUS_INVARIANTS,
}
INVARIANTS: Final = tuple(_INVARIANTS)


async def verify(connection: Connection) -> list[Finding]:
    """Check every invariant and return one Finding each, in a fixed order. Reads the whole ledger."""
    findings = []
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        for invariant, query in _INVARIANTS.items():
            row = await connection.fetchrow(
                f"select count(*), min(example) from ({query}) as violation(example)"  # noqa: S608 fixed texts
            )
            findings.append(Finding(invariant, row[0], row[1]))
    return findings
