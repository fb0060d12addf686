"""Owns what is read of the registry for an overview: who takes part, and what changes next.

Takes the service's connection and changes nothing. Reads what has changed since it was last asked (as
`ledger.registry.reads` does), and neither keys nor cards nor holders.
"""

from datetime import datetime
from typing import Final

import msgspec

from ledger.postgres.database import Connection
from ledger.registry.presence import BEAT_S_MAX

COMING_MAX: Final = 20
"""So many versions of rules, and so many moments at which offers change, are read."""

PROGRAMMES: Final = """
select p.id, p.code, p.name, z.time_zone,
    (extract(epoch from registry.today_of(p.id)::timestamp at time zone z.time_zone) * 1000)::bigint,
    p.suspended, p.ended_from
  from registry.programme p
  cross join lateral (select coalesce((select v.time_zone from registry.programme_version v
    where v.programme = p.id and v.effective_from <= now()
    order by v.effective_from desc, v.version desc limit 1), 'Europe/Warsaw') as time_zone) z
  order by p.id"""
PARTNERS: Final = """select id, programme, name, status, main_partner, changed
  from registry.partner where changed > $1 order by id"""
TERMINALS: Final = (
    """select id, partner, status, changed from registry.terminal where changed > $1 order by id"""
)
PRESENCE: Final = """
select n.terminal, w.id is not null, (extract(epoch from n.seen_at) * 1000)::bigint
  from registry.terminal_presence n join registry.terminal t on t.id = n.terminal
  left join registry.worker_presence w
    on w.id = n.worker and w.beat_at > clock_timestamp() - make_interval(secs => $1)"""
SILENT: Final = "select s.terminal from registry.silent_terminals_v1(now()) s"
RULES_COMING: Final = """select programme, version, effective_from from registry.programme_version
  where effective_from > now() order by effective_from, programme, version limit $1"""
OFFERS_COMING: Final = """
select programme, effective_from, count(*) from registry.offer
  where state > 0 and effective_from > now() group by 1, 2 order by 2, 1 limit $1"""


class ProgrammeSeen(msgspec.Struct, frozen=True):
    """A programme; since when it is today there, in ms since 1970; the periods it is suspended in (from,
    until; None: without an end), and its end, None: none.
    """

    id: int
    code: str
    name: str
    time_zone: str
    today_ms: int
    suspended: tuple[tuple[datetime, datetime | None], ...]
    ended_from: datetime | None


class PartnerSeen(msgspec.Struct, frozen=True):
    """A partner; status as in `ledger.registry.reads.Status`."""

    id: int
    programme: int
    name: str
    status: int
    main_partner: bool
    changed: int


class TerminalSeen(msgspec.Struct, frozen=True):
    """A terminal; status as in `ledger.registry.reads.Status`."""

    id: int
    partner: int
    status: int
    changed: int


class Presence(msgspec.Struct, frozen=True):
    """A terminal as its worker tells of it: whether on line, and when heard last (ms since 1970)."""

    terminal: int
    on_line: bool
    seen_ms: int | None


class RulesComing(msgspec.Struct, frozen=True):
    """A version of a programme's rules that is not in force yet."""

    programme: int
    version: int
    effective_from: datetime


class OffersComing(msgspec.Struct, frozen=True):
    """How many offers of a programme begin, change or end at a moment to come."""

    programme: int
    effective_from: datetime
    count: int


async def read_programmes(connection: Connection) -> list[ProgrammeSeen]:
    """All programmes, by number."""
    rows = await connection.fetch(PROGRAMMES)
    return [
        ProgrammeSeen(number, code, name, zone, today_ms, tuple((r.lower, r.upper) for r in suspended), ended)
        for number, code, name, zone, today_ms, suspended, ended in rows
    ]


async def read_partners(connection: Connection, since: int) -> list[PartnerSeen]:
    """The partners that have changed since a change number (0: all)."""
    return [PartnerSeen(*row) for row in await connection.fetch(PARTNERS, since)]


async def read_terminals(connection: Connection, since: int) -> list[TerminalSeen]:
    """The terminals that have changed since a change number (0: all)."""
    return [TerminalSeen(*row) for row in await connection.fetch(TERMINALS, since)]


async def read_presence(connection: Connection) -> list[Presence]:
    """Of all terminals that were ever heard, or tried: how they are."""
    return [Presence(*row) for row in await connection.fetch(PRESENCE, BEAT_S_MAX)]


async def read_silent(connection: Connection) -> set[int]:
    """The terminals that are silent for longer than usual."""
    return {row[0] for row in await connection.fetch(SILENT)}


async def read_coming(connection: Connection) -> tuple[list[RulesComing], list[OffersComing]]:
    """The next versions of rules and changes of offers, soonest first."""
    return (
        [RulesComing(*row) for row in await connection.fetch(RULES_COMING, COMING_MAX)],
        [OffersComing(*row) for row in await connection.fetch(OFFERS_COMING, COMING_MAX)],
    )
