"""Owns the figures of a city that somebody watches all day: each is one query, and gives (programme's code,
what else tells it apart, figure).

What a figure costs must not grow with the journal. It is had from what is kept anyway (roll-ups, wide quotas,
open cases), from look-ups by primary key, or from tables that are as large as the city is (cards, terminals).
Each query has `LIMIT_MS` and is given up past it, for sales come first. Takes the service's connection and
changes nothing. Knows nothing of who asks.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple

from ledger.postgres.database import Connection
from ledger.registry.presence import SILENT

LIMIT_MS: Final = 2_000
TAIL_ROWS_MAX: Final = 50_000
"""Postings after the last roll-up that are looked at, in each bucket: the others with the next one."""
NEARLY: Final = 9
"""So many tenths of a limit."""
EXPIRY_DAYS: Final = 14


class Figure(NamedTuple):
    """One figure of one programme; `part`: what else tells it apart, empty for nothing."""

    programme: str
    part: str
    value: float


CARDS: Final = """
select p.code, n.status::text, n.cards
  from (select programme, status, count(*) as cards from registry.card group by programme, status) n
  join registry.programme p on p.id = n.programme"""

# Accounts of partners and organisers are looked up one by one: a roll-up has a row of each card, too.
UNITS: Final = f"""
with watched as (
  select r.programme, k.kind, r.id::bigint << 3 | k.kind as account
    from registry.partner r cross join (values (1), (2), (4), (5)) as k(kind)
  union all
  select p.id, 3, p.id::bigint << 3 | 3 from registry.programme p
), summed as (
  select w.programme, w.kind, s.points
    from registry.layout l
    cross join lateral ledger.sums_v1(l.buckets, array(select account from watched), {TAIL_ROWS_MAX}) s
    join watched w on w.account = s.account
)
select p.code, k.kind::text, coalesce(sum(s.points), 0)::float8
  from registry.programme p cross join generate_series(1, 5) as k(kind)
  left join summed s on s.programme = p.id and s.kind = k.kind
  group by p.code, k.kind"""  # noqa: S608 fixed texts

# Numbers of periods: switch/rules/dates.py. A programme's own limit does not say which kind of period it has.
QUOTAS_NEARLY_GONE: Final = f"""
with today as (
  select p.id, p.code, d.day, d.day - date '1970-01-01' as number
    from registry.programme p cross join lateral registry.today_of(p.id) as d(day)
), running as (
  select t.code, t.id::bigint << 3 | 3 as owner, k.kind, k.period from today t cross join lateral (values
    (0, t.number), (1, t.number - (t.number + 3) % 7),
    (2, extract(year from t.day)::int * 12 + extract(month from t.day)::int - 1),
    (3, extract(year from t.day)::int), (4, 0)) as k(kind, period)
), gone as (
  select u.code
    from registry.layout l
    cross join lateral ledger.wide_quotas_v1(
      l.buckets, array(select owner from running), array(select period from running)) q
    join (select distinct code, owner, period, kind from running) u
      on u.owner = q.owner and u.period = q.period and (q.quota < 8 or q.quota & 7 = u.kind)
    where q.allowed > 0 and q.used * 10 >= q.allowed * {NEARLY}
    group by u.code, q.quota, q.period
)
select p.code, '', count(g.code) from registry.programme p left join gone g using (code)
  group by p.code"""  # noqa: S608 fixed texts

CASES_OPEN: Final = """
select p.code, k.name, count(c.number)
  from registry.programme p
  cross join (values (1, 'retained'), (2, 'attempt'), (3, 'doubt')) as k(kind, name)
  left join registry.card_case c on c.programme = p.id and c.kind = k.kind and c.state = 0
  group by p.code, k.name"""

TERMINALS: Final = """
select p.code, s.name, count(t.id)
  from registry.programme p cross join (values (0, 'active'), (1, 'blocked')) as s(status, name)
  left join (registry.terminal t join registry.partner r on r.id = t.partner)
    on r.programme = p.id and t.status = s.status
  group by p.code, s.name"""

TERMINALS_SILENT: Final = f"select s.code, '', s.terminals from ({SILENT}) s"  # noqa: S608 fixed texts

KEYS_EXPIRING: Final = f"""
with last_key as (
  select k.terminal,
      max(case when k.retired_at is null then coalesce(k.not_after, 'infinity') else '-infinity' end) as until
    from registry.terminal_key k group by k.terminal
)
select p.code, '', count(k.terminal)
  from registry.programme p
  left join (registry.terminal t join registry.partner r on r.id = t.partner
      join last_key k on k.terminal = t.id and k.until < now() + interval '{EXPIRY_DAYS} days')
    on r.programme = p.id and t.status <> 1
  group by p.code"""  # noqa: S608 fixed texts

RULES_PENDING: Final = """
select p.code, '', extract(epoch from min(v.effective_from))::float8
  from registry.programme_version v join registry.programme p on p.id = v.programme
  where v.effective_from > now() group by p.code"""

GAUGES: Final[Mapping[str, str]] = {
    "cards": CARDS,
    "units": UNITS,
    "quotas_nearly_gone": QUOTAS_NEARLY_GONE,
    "cases_open": CASES_OPEN,
    "terminals": TERMINALS,
    "terminals_silent": TERMINALS_SILENT,
    "terminal_keys_expiring": KEYS_EXPIRING,
    "rules_pending_timestamp_seconds": RULES_PENDING,
}


async def limit_time(connection: Connection) -> None:
    """Within a transaction: give up what takes longer than `LIMIT_MS`, and compile nothing.

    How many buckets there are the planner guesses a thousand times too high; to compile a plan of that price
    takes longer than to carry it out.
    """
    await connection.execute(f"set local statement_timeout = {LIMIT_MS}; set local jit = off")


async def read_gauge(connection: Connection, name: str) -> list[Figure]:
    """Return one of `GAUGES`. Raises what the database raises, past its time limit, too."""
    async with connection.transaction(readonly=True):
        await limit_time(connection)
        return [Figure(*row) for row in await connection.fetch(GAUGES[name])]
