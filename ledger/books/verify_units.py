"""Owns the part of the proof of the books that is about units: uses and their quotas, discounts, refunds.

Each query returns one text per violation; `ledger.books.verify` runs them. Must not change anything.
"""

from typing import Final

_QUOTA_SIDE: Final = """
select p.bucket, side.owner, (p.quota_period >> 32)::int as quota,
    (p.quota_period & 4294967295)::int as period, sum(side.uses)::bigint as uses
  from ledger.posting p
  cross join lateral (values (p.debit, -p.points), (p.credit, p.points)) as side(owner, uses)
  where p.unit = 1 and side.owner & 7 <> 4 group by 1, 2, 3, 4"""

# ledger.paid_grosze_v1 of a row `o`, written out: a sharded engine knows no function of a shard's rows.
_PAID: Final = "greatest(o.amount_grosze - coalesce(o.discount_grosze, 0), 0)"
UNIT_INVARIANTS: Final[dict[str, str]] = {
    "every posting stays in its unit": """
        select format('transaction %s leg %s', p.transaction_id, p.leg) from ledger.posting p
          where case p.unit
            when 0 then p.quota_period is not null or p.debit & 7 > 3 or p.credit & 7 > 3
            when 1 then p.quota_period is null or not (p.debit & 7 in (0, 3) and p.credit & 7 = 4
                                                      or p.debit & 7 = 4 and p.credit & 7 in (0, 3))
            when 2 then p.quota_period is not null or (p.debit & 7, p.credit & 7) not in ((5, 6), (6, 5))
            else true end""",
    "what a quota says was used is the sum of its postings": f"""
        select format('quota %s of account %s in period %s, bucket %s: balance %s, postings %s',
                      coalesce(q.quota, s.quota), coalesce(q.owner, s.owner), coalesce(q.period, s.period),
                      coalesce(q.bucket, s.bucket), q.balance, s.uses)
          from ledger.quota q
          full join ({_QUOTA_SIDE}) s
            on s.bucket = q.bucket and s.owner = q.owner and s.quota = q.quota and s.period = q.period
          where q.bucket is null or q.balance <> coalesce(s.uses, 0) or q.balance > 0""",  # noqa: S608 fixed texts
    "no quota is used beyond its limit or its share of it": """
        select format('quota %s of account %s in period %s: %s used', q.quota, q.owner, q.period, -q.balance)
          from ledger.quota q cross join registry.layout l
          where q.balance < 0 and -q.balance > q.moved
            + case when q.owner & 7 = 0 then q.allowed
                   else ledger.share_v1(q.allowed, q.bucket, l.buckets) end""",
    "shares are moved, never made": """
        select format('quota %s of account %s in period %s: %s moved', owner, quota, period, sum(uses)) from (
          select owner, quota, period, moved as uses from ledger.quota
          union all
          select g.owner, g.quota, g.period, case when g.bucket = g.giver then g.uses else -g.uses end
            from ledger.share_move g
          ) part group by owner, quota, period having sum(uses) <> 0""",
    "uses and discounts are those of an approved row": """
        select format('terminal %s stan %s transaction %s', j.terminal, j.stan,
                      coalesce(j.transaction_id, p.transaction_id))
          from (select * from ledger.journal where digest is not null and original_stan = 0
                  and code = 0 and (remaining is not null or discount_grosze > 0)) j
          full join (
            select bucket, transaction_id, count(*) filter (where unit = 1) as uses,
                sum(points) filter (where unit = 2) as grosze
              from ledger.posting p where unit <> 0 and not exists (
                select from ledger.journal r where r.bucket = p.bucket and r.transaction_id = p.transaction_id
                  and r.original_stan <> 0)
              group by bucket, transaction_id) p
            on p.bucket = j.bucket and p.transaction_id = j.transaction_id
          where j.stan is null or p.transaction_id is null
             or (p.uses > 0) <> (j.remaining is not null)
             or coalesce(p.grosze, 0) <> coalesce(j.discount_grosze, 0)""",
    "what was undone was undone in every unit": f"""
        with undone as (
          select o.bucket, o.transaction_id as sale, j.transaction_id as undoer, true as is_whole
            from ledger.reversal v
            join ledger.journal o
              on o.bucket = v.bucket and o.terminal = v.terminal and o.stan = v.original_stan
            join ledger.journal j on j.bucket = v.bucket and j.terminal = v.terminal and j.stan = v.stan
          union all
          select o.bucket, o.transaction_id, j.transaction_id,
              f.refunded_grosze = {_PAID}
            from ledger.refund f
            join ledger.journal o
              on o.bucket = f.bucket and o.terminal = f.terminal and o.stan = f.original_stan
            join ledger.journal j
              on j.bucket = f.bucket and j.terminal = f.refund_terminal and j.stan = f.refund_stan
        ), leg as (
          select u.undoer, p.debit, p.credit, p.points, p.unit, p.quota_period, 1 as side
            from undone u join ledger.posting p on p.bucket = u.bucket and p.transaction_id = u.sale
            where u.is_whole and p.unit <> 0
          union all
          select u.undoer, p.credit, p.debit, p.points, p.unit, p.quota_period, -1
            from undone u join ledger.posting p on p.bucket = u.bucket and p.transaction_id = u.undoer
            where p.unit <> 0
        )
        select format('transaction %s', undoer) from leg
          group by undoer, debit, credit, points, unit, quota_period having sum(side) <> 0""",  # noqa: S608 a fixed text
    "refunds come to no more than their sale, and leave the points of what is still paid": f"""
        select format('terminal %s stan %s, refund %s', f.terminal, f.original_stan, f.number)
          from ledger.refund f
          left join ledger.refund b on b.bucket = f.bucket and b.terminal = f.terminal
            and b.original_stan = f.original_stan and b.number = f.number - 1
          left join ledger.journal o
            on o.bucket = f.bucket and o.terminal = f.terminal and o.stan = f.original_stan
          left join ledger.journal j
            on j.bucket = f.bucket and j.terminal = f.refund_terminal and j.stan = f.refund_stan
          where o.stan is null or j.stan is null or o.code <> 0 or j.code <> 0 or o.original_stan <> 0
             or (j.original_terminal, j.original_stan) is distinct from (f.terminal, f.original_stan)
             or j.account <> o.account or (b.number is null and f.number <> 1)
             or f.refunded_grosze <> coalesce(b.refunded_grosze, 0) + j.amount_grosze
             or f.points <> coalesce(b.points, 0) + j.points
             or f.refunded_grosze > {_PAID}
             or o.points + f.points <> case
               when o.step_grosze > 0 then ({_PAID} - f.refunded_grosze) / o.step_grosze
               when f.refunded_grosze = {_PAID} then 0
               else o.points end
        union all
        select format('terminal %s stan %s', j.terminal, j.stan) from ledger.journal j
          left join ledger.refund f on f.bucket = j.bucket and f.terminal = j.original_terminal
            and f.original_stan = j.original_stan
            and f.refund_terminal = j.terminal and f.refund_stan = j.stan
          where j.original_terminal is not null and j.code = 0 and f.number is null""",  # noqa: S608 a fixed text
}
