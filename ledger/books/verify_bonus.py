"""Owns the part of the proof of the books that is about campaigns: each bonus is posted as it was noted.

Each query returns one text per violation; `ledger.books.verify` runs them. Must not change anything.
"""

from typing import Final

from ledger.books.hand import PROGRAMMES, Work, hand_terminal

_FIRST: Final = hand_terminal(Work.CAMPAIGN, 0)

BONUS_INVARIANTS: Final[dict[str, str]] = {
    "a campaign's points are posted as they were noted, and no others": f"""
        select format('terminal %s stan %s', coalesce(j.terminal, {_FIRST} + b.programme),
                      coalesce(j.stan, b.bonus_stan))
          from (select * from ledger.bonus where bonus_stan <> 0) b
          full join (select * from ledger.journal
                      where terminal >= {_FIRST} and terminal < {_FIRST + PROGRAMMES}) j
            on j.bucket = b.bucket and j.terminal = {_FIRST} + b.programme and j.stan = b.bonus_stan
          where b.stan is null or j.stan is null or j.code <> 0
             or (j.account, j.points, j.transaction_id)
                is distinct from (b.account, b.points, b.transaction_id)""",  # noqa: S608 fixed numbers
    "a campaign takes back of a sale no more than it gave": """
        select format('campaign %s, terminal %s stan %s', b.campaign, b.terminal, b.stan)
          from ledger.bonus b
          left join ledger.journal j on j.bucket = b.bucket and j.terminal = b.terminal and j.stan = b.stan
          group by b.bucket, b.terminal, b.stan, b.campaign
          having sum(b.points) - sum(b.waived) not between 0 and min(b.granted)
             or min(b.granted) <> max(b.granted) or max(b.number) <> count(*)
             or not bool_and(j.stan is not null and j.kind in (1, 2) and j.account = b.account
                             and j.counter_account = b.partner::bigint << 3 | 1)""",
}
