"""Owns who is on line: what the workers of a switch tell of themselves and of their terminals, and how it is
read.

A terminal is on line while the worker that has it beats; so a worker that was killed takes its terminals with
it, whatever it told last. Nothing here decides anything, and nothing of it is in the trail. The service
writes, the service and an office read; an office of one programme sees its own terminals (migrations, 0060).
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import Any, Final, NamedTuple

from ledger.postgres.database import Connection
from ledger.registry.bounds import ID_MAX, check_number, check_page
from ledger.registry.partners import check_partner

BEAT_S_MAX: Final = 20.0
"""A worker that has not been heard for so long is gone, and its terminals are off line."""
FORGET_DAYS: Final = 7
"""Of a life of a worker that was killed, and of a number that is no terminal's."""
HOURS_DAYS: Final = 35
STRANGERS_MAX: Final = 1_000

BEGIN: Final = """insert into registry.worker_presence (worker, host, pid, version)
  values ($1, $2, $3, $4) returning id"""
BEAT: Final = "update registry.worker_presence set beat_at = clock_timestamp() where id = $1 returning id"
END: Final = "delete from registry.worker_presence where id = $1"
NOTE: Final = "select registry.note_presence_v1($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)"
FORGET: Final = f"""
with workers as (
  delete from registry.worker_presence where beat_at < now() - interval '{FORGET_DAYS} days'
), hours as (
  delete from registry.terminal_hours where day < (now() at time zone 'UTC')::date - {HOURS_DAYS}
)
delete from registry.terminal_presence p
  where not exists (select from registry.terminal t where t.id = p.terminal)
    and (p.failed_at < now() - interval '{FORGET_DAYS} days' or p.failed_at < (
      select q.failed_at from registry.terminal_presence q
        where not exists (select from registry.terminal t where t.id = q.terminal)
        order by q.failed_at desc offset {STRANGERS_MAX} limit 1))"""  # noqa: S608 fixed numbers
SILENT: Final = """select p.code, count(s.terminal) as terminals
  from registry.programme p left join registry.silent_terminals_v1(now()) s on s.programme = p.id
  group by p.code"""
_STATUS: Final = f"""
select t.id as terminal, t.partner, pa.name as partner_name, pr.code as programme, t.label,
    w.id is not null as on_line, n.worker is not null and w.id is null as worker_gone, w.worker,
    n.since, n.seen_at, coalesce(n.software, '') as software, coalesce(n.ended, '') as ended, n.ended_at,
    coalesce(n.failure, '') as failure, n.failed_at, coalesce(n.failed_from, '') as failed_from,
    coalesce(n.failures, 0) as failures, s.terminal is not null as silent,
    case when t.status = 1 then 'terminal_blocked'
      when not exists (select from registry.terminal_key k where k.terminal = t.id and k.retired_at is null
        and coalesce(k.not_after > now(), true)) then 'no_key'
      when pa.status = 1 then 'partner_blocked'
      when pa.status = 2 or t.status = 2 then 'no_contract'
      when pr.ended_from <= now() then 'programme_ended'
      when pr.suspended @> now() then 'programme_suspended'
      else '' end as hindrance
  from registry.terminal t
  join registry.partner pa on pa.id = t.partner
  join registry.programme pr on pr.id = pa.programme
  left join registry.terminal_presence n on n.terminal = t.id
  left join registry.worker_presence w
    on w.id = n.worker and w.beat_at > clock_timestamp() - make_interval(secs => {BEAT_S_MAX:g})
  left join registry.silent_terminals_v1(now()) s on s.terminal = t.id
  where t.id > $1::bigint and ($3::int[] is null or t.id = any($3))
    and ($4::bigint is null or t.partner = $4) and ($5::text is null or $5 in (pr.code, pr.id::text))
    and case $6::text when 'silent' then s.terminal is not null when 'on_line' then w.id is not null
      when 'off_line' then w.id is null else true end
  order by t.id limit $2"""  # noqa: S608 fixed numbers
_STRANGERS: Final = """select n.terminal, n.failure, n.failed_at, n.failed_from, n.failures
  from registry.terminal_presence n
  where n.terminal = any($1) and not exists (select from registry.terminal t where t.id = n.terminal)"""


class Told(NamedTuple):
    """What a worker tells of one terminal; moments in ms since 1970, None: no such thing happened.

    is_open None: nothing of its connection.
    """

    terminal: int
    is_open: bool | None
    since_ms: int | None
    seen_ms: int | None
    software: str
    ended: str
    ended_ms: int | None
    failure: str
    failed_ms: int | None
    failed_from: str
    failures: int


class Only(StrEnum):
    """Which terminals are wanted."""

    SILENT = "silent"
    """For longer than usual (`registry.silent_terminals_v1`)."""
    ON_LINE = "on_line"
    OFF_LINE = "off_line"


class Wanted(NamedTuple):
    """Which terminals: by number, of a partner, of a programme by code or number, in a state; None: any."""

    terminals: Sequence[int] | None = None
    partner: int | None = None
    programme: str | None = None
    only: Only | None = None


EVERY: Final = Wanted()


async def begin(connection: Connection, *, worker: int, host: str, pid: int, version: str) -> int:
    """Begin a life of a worker; return its number."""
    life: int = await connection.fetchval(BEGIN, worker, host, pid, version)
    return life


async def beat(connection: Connection, life: int) -> bool:
    """Say that a worker lives; False where nothing is known of this life any more."""
    return await connection.fetchval(BEAT, life) is not None


async def note(connection: Connection, life: int, told: Sequence[Told]) -> None:
    """Take down what a worker tells of its terminals."""
    await connection.execute(NOTE, life, *map(list, zip(*told, strict=True)))


async def end(connection: Connection, life: int) -> None:
    """End a life: its terminals are off line."""
    await connection.execute(END, life)


async def forget(connection: Connection) -> None:
    """Drop what is too old to tell anybody anything."""
    await connection.execute(FORGET)


async def silent(connection: Connection) -> dict[str, int]:
    """How many terminals of each programme, by its code, are silent for longer than usual.

    Reads presence and two days of hours, whatever the size of the journal.
    """
    return {row["code"]: row["terminals"] for row in await connection.fetch(SILENT)}


async def terminal_status(
    connection: Connection, wanted: Wanted = EVERY, *, after: int = 0, limit: int = 100
) -> list[Any]:
    """A page of terminals with a number above `after`: how each of them is. Raises NotInRegistry."""
    check_page(limit, after)
    if wanted.partner is not None:
        await check_partner(connection, wanted.partner)
    for terminal in wanted.terminals or ():
        check_number("the number of a terminal", terminal, 1, ID_MAX)
    rows: list[Any] = await connection.fetch(_STATUS, after, limit, *wanted)
    return rows


async def strangers(connection: Connection, terminals: Sequence[int]) -> list[Any]:
    """Of these numbers those that are no terminal's, and that somebody claimed: why he was not let in."""
    rows: list[Any] = await connection.fetch(_STRANGERS, list(terminals))
    return rows
