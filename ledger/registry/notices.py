"""Owns what holders are told of events: which notice waits, which was sent, which never will be.

A notice is made of an event in the transaction in which its reader keeps the place, so each event makes it
once, whatever ends whom. That it was sent is written down before the next one is begun. Nothing of a person
stands here. Takes the owner's connection, or a programme's role's.
"""

from collections.abc import Collection
from enum import IntEnum
from typing import Any, Final, NamedTuple

import msgspec

from ledger.postgres.database import Connection
from ledger.postgres.locks import NOTICE_SPACE
from ledger.registry.bounds import INT64_MAX, check_page
from ledger.registry.former_contact import CHANGED, forget_former
from ledger.registry.outbox import EventsGone, keep_place, place_of, read_events

READER: Final = "notices"
EVENTS_A_TURN: Final = 500
AGE_DAYS_MAX: Final = 7
"""What happened earlier is no news: it is not told any more, after an outage or at a first start."""

_ELECT: Final = "select pg_try_advisory_lock($1, $2)"
_MAKE: Final = """insert into registry.notice (programme, event, account, kind, data)
  select $1, e.number, e.account, e.kind, e.data::jsonb
    from unnest($2::bigint[], $3::bigint[], $4::text[], $5::text[], $6::timestamptz[])
      as e(number, account, kind, data, made_at)
    where e.made_at >= now() - make_interval(days => $7)
  on conflict do nothing"""
_DUE: Final = """select event, account, kind, data, tries, made_at from registry.notice
  where programme = $1 and state = 0 and due_at <= clock_timestamp() order by due_at, event limit $2"""
_DONE: Final = """update registry.notice set state = $3, channel = $4, why = $5, done_at = clock_timestamp()
  where programme = $1 and event = $2 and state = 0"""
_AGAIN: Final = """update registry.notice set tries = tries + 1, channel = $3, why = $4,
    due_at = clock_timestamp() + make_interval(secs => $5)
  where programme = $1 and event = $2 and state = 0"""
_LIST: Final = """select programme, event, account, kind, state, channel, tries, why, made_at, due_at, done_at
  from registry.notice where programme = $1 and event < $2 and ($4::smallint is null or state = $4)
  order by event desc limit $3"""

_LETTERS: Final = """select o.number, o.made_at, o.data ->> 'letter' as letter, n.state, n.why,
    o.made_at > now() - interval '1 day' as is_of_today
  from registry.outbox o left join registry.notice n on (n.programme, n.event) = (o.programme, o.number)
  where o.programme = $1 and o.kind = 'application.letter' and (o.data ->> 'application')::bigint = $2
  order by o.number desc limit 20"""


class NoticeState(IntEnum):
    """What has become of a notice."""

    WAITS = 0
    SENT = 1
    GIVEN_UP = 2
    BY_HAND = 3
    """No address is known, or the holder wants to be telephoned: somebody at a desk has to."""


class Due(msgspec.Struct, frozen=True):
    """A notice that is to be sent now."""

    programme: int
    event: int
    account: int | None
    kind: str
    data: dict[str, Any]
    tries: int


class Fate(NamedTuple):
    """What became of a notice: by which channel, and why not, in a word."""

    state: NoticeState
    channel: str = ""
    why: str = ""


async def be_the_one(connection: Connection, programme: int) -> bool:
    """Whether this session alone sends the notices of a programme, from now until it ends."""
    found: bool = await connection.fetchval(_ELECT, NOTICE_SPACE, programme)
    return found


async def take_events(connection: Connection, programme: int, kinds: Collection[str]) -> int:
    """Make a notice of each new event of these kinds, and keep the place; return how many events were read.

    Where events are gone that were never read, it goes on with the oldest there is.
    """
    async with connection.transaction():
        place = await place_of(connection, programme, READER)
        try:
            found = await read_events(connection, programme, place, EVENTS_A_TURN)
        except EventsGone as gone:
            found = await read_events(connection, programme, gone.oldest - 1, EVENTS_A_TURN)
        events = [event for event in found.events if event.kind in kinds]
        await connection.execute(
            _MAKE,
            programme,
            [event.number for event in events],
            [event.account for event in events],
            [event.kind for event in events],
            [msgspec.json.encode(event.data).decode() for event in events],
            [event.made_at for event in events],
            AGE_DAYS_MAX,
        )
        if found.events:
            await keep_place(connection, programme, READER, found.events[-1].number)
    return len(found.events)


async def due_notices(connection: Connection, programme: int, limit: int = 50) -> list[Due]:
    """The notices of a programme that are to be sent now, the longest due first."""
    rows = await connection.fetch(_DUE, programme, limit)
    return [
        Due(
            programme,
            row["event"],
            row["account"],
            row["kind"],
            msgspec.json.decode(row["data"]),
            row["tries"],
        )
        for row in rows
    ]


async def notice_done(connection: Connection, due: Due, fate: Fate) -> None:
    """Take down what became of a notice for good, and forget where a former contact was told."""
    await connection.execute(_DONE, due.programme, due.event, int(fate.state), fate.channel, fate.why)
    if due.kind == CHANGED:
        await forget_former(connection, due.programme, due.data)


async def notice_again(connection: Connection, due: Due, channel: str, why: str, wait_s: float) -> None:
    """Take down that it could not be sent now, and after how long it is tried again."""
    await connection.execute(_AGAIN, due.programme, due.event, channel, why, wait_s)


async def letters_of(connection: Connection, programme: int, application: int) -> list[Any]:
    """The letters of an application that were asked for by e-mail, the newest first: when, which, and what
    became of each; `state` None: not read yet.
    """
    rows: list[Any] = await connection.fetch(_LETTERS, programme, application)
    return rows


async def list_notices(
    connection: Connection,
    programme: int,
    *,
    state: NoticeState | None = None,
    before: int = INT64_MAX,
    limit: int = 100,
) -> list[Any]:
    """A page of a programme's notices, newest first, of events with a number below `before`."""
    check_page(limit, before)
    rows: list[Any] = await connection.fetch(
        _LIST, programme, before, limit, None if state is None else int(state)
    )
    return rows
