"""Owns the adding of many carriers to accounts that are there: a transport card for each plastic of a
city, say.

As every import: all rows are checked before the first is written, then some thousand are a transaction,
and a row that says what is there already is passed over. One carrier alone is `duplicates.add_carrier`.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

from ledger.errors import RegistryRefused
from ledger.postgres.database import Connection
from ledger.registry.audit import Actor, writing
from ledger.registry.card_states import ENDED, CardStatus
from ledger.registry.cards import IMPORT_ROWS_PER_TRANSACTION, CardRow, card_fault
from ledger.registry.duplicates import Carrier
from ledger.registry.imports import Import, Mode, Refusal, sort_out


class NewCarrier(NamedTuple):
    """A carrier to add: token and last four digits of its number, what it is, and a card of its account by
    token.
    """

    token: int
    last4: str
    carrier: Carrier
    of: int


_ACCOUNTS: Final = """select c.token, c.account, c.programme, c.expires_on,
    registry.status_today(c.account, c.status) as status,
    (select array_agg(k.carrier) from registry.card k
       where k.account = c.account and k.status <> all ($2::smallint[])) as kinds
  from registry.card c where c.token = any($1::bigint[])"""
_INSERT: Final = """
insert into registry.card (token, last4, carrier, account, programme, expires_on, pepper, issue)
  select r.token, r.last4, r.carrier, c.account, c.programme, c.expires_on, $5::smallint,
      (select coalesce(max(k.issue), 0) + 1 from registry.card k
         where k.account = c.account and k.carrier = r.carrier)
    from unnest($1::bigint[], $2::text[], $3::smallint[], $4::bigint[]) as r(token, last4, carrier, of)
    join registry.card c on c.token = r.of
  on conflict (token) do nothing returning token"""


async def import_carriers(
    connection: Connection,
    actor: Actor,
    programme: int,
    rows: Iterable[NewCarrier],
    mode: Mode = Mode.WHOLE,
    *,
    pepper: int = 0,
) -> Import:
    """Give accounts further carriers, active at once; see the module. Raises RegistryRefused where another
    import has just added some of them. `pepper`: the number of the one the tokens are made with.
    """
    sound, refused = sort_out(
        rows, lambda row: row.token, lambda row: card_fault(CardRow(row.token, row.last4))
    )
    there = await _cards(connection, [*sound, *(row.of for row in sound.values())])
    new: list[NewCarrier] = []
    unchanged = 0
    given: set[tuple[int, int]] = set()
    for token, row in sound.items():
        if _says(there.get(token), there.get(row.of), row):
            unchanged += 1
        elif fault := _fault(there, row, programme, given):
            refused.append(Refusal(token, *fault))
        else:
            new.append(row)
            given.add((there[row.of]["account"], int(row.carrier)))
    if not new or mode is Mode.DRY_RUN or (mode is Mode.WHOLE and refused):
        return Import(len(new) if mode is Mode.DRY_RUN else 0, unchanged, refused)
    for begin in range(0, len(new), IMPORT_ROWS_PER_TRANSACTION):
        chunk = new[begin : begin + IMPORT_ROWS_PER_TRANSACTION]
        async with writing(connection, actor):
            added = await connection.fetch(
                _INSERT,
                [row.token for row in chunk],
                [row.last4 for row in chunk],
                [int(row.carrier) for row in chunk],
                [row.of for row in chunk],
                pepper,
            )
            if len(added) != len(chunk):
                raise RegistryRefused(
                    f"another import has just added some of these: {begin} of {len(new)} are in; "
                    "import the file again for the rest"
                )
    return Import(len(new), unchanged, refused)


async def _cards(connection: Connection, tokens: list[int]) -> dict[int, Any]:
    ended = [int(status) for status in ENDED]
    return {row["token"]: row for row in await connection.fetch(_ACCOUNTS, tokens, ended)}


def _says(card: Any | None, of: Any | None, row: NewCarrier) -> bool:
    """Whether the carrier is there already, of that account."""
    if card is None or of is None or card["account"] != of["account"]:
        return False
    return int(row.carrier) in (card["kinds"] or ())


def _fault(
    there: Mapping[int, Any], row: NewCarrier, programme: int, given: set[tuple[int, int]]
) -> tuple[str, str] | None:
    of = there.get(row.of)
    if row.token in there:
        return "number", "is there already, of another account"
    if of is None or of["programme"] != programme:
        return "of", "is no card of this programme"
    if of["status"] != CardStatus.ACTIVE:
        return "of", f"is a card that is {CardStatus(of['status']).name.lower()}"
    if int(row.carrier) in (of["kinds"] or ()) or (of["account"], int(row.carrier)) in given:
        return "kind", f"its account has a {row.carrier.name.lower()} already"
    return None
