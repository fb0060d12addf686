"""Owns the outbox: what other systems are told, in order and without a gap, and up to where each has read.

Events are written by the database, in the transaction of what they tell of (migrations, 0086); `tell` is for
what no trigger sees. They hold numbers of accounts and partners, and nothing of a person. A reader reads,
does its work, and then keeps its place: what ends it in between makes it read the same events again, under
the same numbers. Takes the owner's connection, or a programme's role's.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import msgspec

from ledger.errors import RegistryRefused
from ledger.postgres.database import Connection
from ledger.registry.bounds import INT64_MAX, check_number, check_page

KEEP_DAYS: Final = 90
"""So long an event stays; four times as long for a reader who has not come to it."""
RENEWAL_DAYS: Final = 60
"""So long before an entitlement ends its holder is told: of 31 May on 1 April."""
KEEP: Final = "select registry.tell_renewals_v1($1), registry.prune_outbox_v1($2)"
_READ: Final = """select m.last, m.pruned, e.number, e.kind, e.account, e.partner, e.data, e.made_at
  from registry.outbox_mark m left join lateral (select * from registry.outbox o
    where o.programme = m.programme and o.number > $2 order by o.number limit $3) e on true
  where m.programme = $1 order by e.number"""
_KEEP_PLACE: Final = """insert into registry.outbox_reader as r (programme, reader, place) values ($1, $2, $3)
  on conflict (programme, reader) do update set place = excluded.place, kept_at = clock_timestamp()
    where r.place < excluded.place"""


class Event(msgspec.Struct, frozen=True):
    """Something that happened in a programme: `number` is its own for ever, and one above the one before."""

    number: int
    kind: str
    account: int | None
    partner: int | None
    data: dict[str, Any]
    made_at: datetime


class Events(msgspec.Struct, frozen=True):
    """Events in order, and the newest number there is."""

    events: list[Event]
    newest: int


class EventsGone(RegistryRefused):
    """What was asked for is older than what is kept; `oldest` is the first number that can be had."""

    def __init__(self, oldest: int) -> None:
        super().__init__("events before {number} are no longer kept: read what is there anew", number=oldest)
        self.oldest = oldest


async def tell(
    connection: Connection,
    programme: int,
    kind: str,
    *,
    account: int | None = None,
    partner: int | None = None,
    data: Mapping[str, Any] | None = None,
) -> None:
    """Tell of something, inside the transaction that made it happen. Nothing of a person goes into it."""
    await connection.execute(
        "select registry.tell_v1($1::smallint, $2, $3, $4, $5::jsonb)",
        programme,
        kind,
        account,
        partner,
        msgspec.json.encode(dict(data or {})).decode(),
    )


async def read_events(connection: Connection, programme: int, after: int, limit: int = 100) -> Events:
    """The events after a number, at most 1,000. Raises EventsGone where some of them are pruned."""
    check_page(limit)
    check_number("the number of an event", after, 0, INT64_MAX)
    rows = await connection.fetch(_READ, programme, after, limit)
    last, pruned = (rows[0]["last"], rows[0]["pruned"]) if rows else (0, 0)
    if after < pruned:
        raise EventsGone(pruned + 1)
    return Events([_event(row) for row in rows if row["number"] is not None], last)


def _event(row: Any) -> Event:
    data = msgspec.json.decode(row["data"])
    return Event(row["number"], row["kind"], row["account"], row["partner"], data, row["made_at"])


async def place_of(connection: Connection, programme: int, reader: str) -> int:
    """Up to which event a reader has read; 0 where it has not begun."""
    found: int | None = await connection.fetchval(
        "select place from registry.outbox_reader where programme = $1 and reader = $2", programme, reader
    )
    return found or 0


async def keep_place(connection: Connection, programme: int, reader: str, number: int) -> None:
    """Take down that a reader is done with everything up to a number; it never goes back."""
    await connection.execute(_KEEP_PLACE, programme, reader, number)


async def keep_outbox(connection: Connection) -> None:
    """Remind of renewals that are due, and take away what is old; with the service's rights."""
    await connection.execute(KEEP, RENEWAL_DAYS, KEEP_DAYS)
