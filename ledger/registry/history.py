"""Owns the reading of the registry's past: every row it ever held, each with the change it came by.

A change is told by its number, in order. Rules and offers never change and are read as they stand; of
programmes, partners, contracts, terminals, cards and holders the trail holds each row before and after, and
what came by the hundred is known by what it was before its first change, or is still so. Takes the owner's
connection, for the service may not read the trail. Of a holder the days of kinds are not in the trail, for
they are birthdays: which kinds decided stands in the journal (ARCHITECTURE.md, "What decided is recorded").
"""

import re
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final, NamedTuple, TypeAlias

import msgspec

from ledger.postgres.database import Connection
from ledger.registry.reads import (
    ContractRow,
    OfferRow,
    PartnerRow,
    ProgrammeRow,
    RulesRow,
    TerminalRow,
    since,
)

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_DAY: Final = _EPOCH.date()
_PERIOD: Final = re.compile(r'\["([^"]+)","?([^")]*)"?\)')
"""One period of a tstzmultirange as Postgres writes it."""


class PastCard(msgspec.Struct, frozen=True, gc=False):
    """A card as it stood: as in `registry.card`, without its token."""

    account: int
    carrier: int
    issue: int
    programme: int
    status: int
    last4: str
    expires_on: date | None
    past: tuple[int, ...] | None
    added_at: datetime | None = None
    valid_past: tuple[int | None, ...] | None = None

    def since(self) -> tuple[int, ...] | None:
        """Its statuses before, with when it came, as a worker has them."""
        added_ms = _ms(self.added_at)
        return self.past if added_ms is None else since(added_ms, self.status, self.past)


class PastHolder(msgspec.Struct, frozen=True, gc=False):
    """What decided about a holder, without kinds and their days."""

    account: int
    flags: int
    entitled_until: date | None
    contract_ends_on: date | None
    past: tuple[int | None, ...] | None = None


PastRow: TypeAlias = (
    ProgrammeRow | RulesRow | PartnerRow | ContractRow | TerminalRow | OfferRow | PastCard | PastHolder
)


class Change(NamedTuple):
    """What one row became by one change."""

    number: int
    row: PastRow


class _Programme(msgspec.Struct):
    id: int
    code: str
    name: str
    suspended: str
    ended_from: datetime | None


class _Contract(msgspec.Struct):
    partner: int
    number: int
    outlet: int | None
    starts_on: date | None
    ends_on: date | None


class _Terminal(msgspec.Struct):
    id: int
    partner: int
    status: int
    label: str
    outlet: int | None = None


def day_number(day: date) -> int:
    """Return a day's number since 1970-01-01."""
    return (day - _EPOCH_DAY).days


def _ms(moment: datetime | None) -> int | None:
    """Return ms since 1970, rounded as Postgres does when the switch reads it."""
    return None if moment is None else ((moment - _EPOCH) // timedelta(microseconds=1) + 500) // 1_000


def _told_ms(moment: str) -> Any:
    """Return ms since 1970 of a moment as Postgres writes it; None for no end."""
    return _ms(datetime.fromisoformat(moment)) if moment else None


def _programme(image: str) -> ProgrammeRow:
    row = msgspec.json.decode(image, type=_Programme)
    periods = [(_told_ms(begins), _told_ms(ends)) for begins, ends in _PERIOD.findall(row.suspended)]
    return ProgrammeRow(row.id, row.code, row.name, periods, _ms(row.ended_from))


def _contract(image: str) -> ContractRow:
    row = msgspec.json.decode(image, type=_Contract)
    first, last = (None if day is None else day_number(day) for day in (row.starts_on, row.ends_on))
    return ContractRow(row.partner, row.number, row.outlet or 0, first, last)


def _terminal(image: str) -> TerminalRow:
    row = msgspec.json.decode(image, type=_Terminal)
    return TerminalRow(row.id, row.partner, row.status, row.label, row.outlet or 0)


_READERS: Final[dict[str, tuple[str, Callable[[str], PastRow]]]] = {
    "programme": ("t.id", _programme),
    "partner": ("t.id", msgspec.json.Decoder(PartnerRow).decode),
    "partner_contract": ("t.partner, t.number", _contract),
    "terminal": ("t.id", _terminal),
    "card": ("t.account, t.carrier, t.issue", msgspec.json.Decoder(PastCard).decode),
    "holder": ("t.account", msgspec.json.Decoder(PastHolder).decode),
}
# As it is now, before and after each change; several of these are one and the same.
_IMAGES: Final = """
with present as (
  select concat_ws('/', {key}) as key, to_jsonb(t) as image from registry.{table} t
    where $1::bigint[] is null or {of_accounts}
)
select distinct on (number, key) number, image::text from (
  select (image ->> 'changed')::bigint as number, key, image from present
  union all
  select (side.image ->> 'changed')::bigint, a.key, side.image
    from registry.audit a cross join lateral (values (a.before), (a.after)) as side(image)
    where a.object = '{table}' and side.image ? 'changed'
      and ($1::bigint[] is null or a.key = any (array(select key from present)))
) known order by number, key"""
_RULES: Final = """select changed, programme, version, (extract(epoch from effective_from) * 1000)::bigint,
    rules_toml from registry.programme_version"""
_OFFERS: Final = """select changed, programme, number, version, partner, state = 2,
    (extract(epoch from effective_from) * 1000)::bigint, terms from registry.offer where state > 0"""


async def read_history(connection: Connection, accounts: Sequence[int] | None = None) -> list[Change]:
    """Return all changes of the registry in order; of cards and holders those of some accounts, or all."""
    changes: list[Change] = []
    for table, (key, read) in _READERS.items():
        of_accounts = "t.account = any ($1)" if table in {"card", "holder"} else "true"
        query = _IMAGES.format(table=table, key=key, of_accounts=of_accounts)
        rows: list[Any] = await connection.fetch(query, accounts)
        changes += [Change(number, read(image)) for number, image in rows]
    for query, row_of in ((_RULES, RulesRow), (_OFFERS, OfferRow)):
        changes += [Change(row[0], row_of(*row[1:])) for row in await connection.fetch(query)]
    changes.sort(key=lambda change: change.number)
    return changes
