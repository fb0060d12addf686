"""Owns who writes to the registry: the one door for writes, and the trail they leave in `registry.audit`.

Every write of this package runs inside `writing`, which tells the database who and why for the rest of the
transaction. The database itself refuses a write that names nobody, and leaves the trail's row with what was
before and after (migrations, 0001): what forgets this door cannot write at all. The trail holds no key
material, no card number and no token of one, and is never changed.
"""

import unicodedata
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any, Final, NamedTuple

from ledger.errors import RegistryRefused
from ledger.postgres.database import Connection
from ledger.postgres.locks import REGISTRY_WRITE
from ledger.registry.bounds import INT64_MAX, check_page, check_text
from ledger.registry.card_states import Hand

ACTOR_CHARACTERS_MAX: Final = 64
REASON_CHARACTERS_MAX: Final = 200
SOURCE_CHARACTERS_MAX: Final = 400

_ALONE: Final = f"select pg_advisory_xact_lock({REGISTRY_WRITE})"
# The lock every write takes anyway, but before the act reads what it decides by.
BEGIN: Final = f"""select set_config('cityswitch.actor', $1, true), set_config('cityswitch.reason', $2, true),
    set_config('cityswitch.source', $3, true), set_config('cityswitch.hand', $4, true),
    set_config('cityswitch.second', $5, true), pg_advisory_xact_lock({REGISTRY_WRITE})"""
# Change numbers and past statuses are for `history.py`; a reader of the trail has its order and its moments.
_COLUMNS: Final = (
    "id, at, actor, role, reason, source, hand, second, object, key, rows, "
    "before - array['changed', 'past', 'valid_past'] as before, "
    "after - array['changed', 'changed_last', 'past', 'valid_past'] as after"
)
_VIEW: Final = f"""select {_COLUMNS} from registry.audit
  where id < $1 and ($3::text is null or object = $3) and ($4::text is null or key = $4)
    and ($5::text is null or actor = $5) and ($6::timestamptz is null or at >= $6)
  order by id desc limit $2"""  # noqa: S608 a fixed list
_OF_CARD: Final = f"""select {_COLUMNS} from registry.audit
  where id < $1 and object = 'card' and (key = $3 or (key = '' and $4::bigint between
      (after ->> 'account_first')::bigint and (after ->> 'account_last')::bigint))
  order by id desc limit $2"""  # noqa: S608 a fixed list


class Actor(NamedTuple):
    """Who writes, why, (of an import) from what file: its name and SHA-256; and by whose hand a card
    changes.
    """

    name: str
    reason: str = ""
    source: str = ""
    hand: Hand = Hand.DESK
    second: str = ""
    """Who else agreed, where settings or rules want a second person: a name, as whoever acts gives it."""


SWITCH: Final = Actor("switch")
"""The service itself, for what it writes unasked."""


@asynccontextmanager
async def writing(connection: Connection, actor: Actor) -> AsyncIterator[None]:
    """A transaction whose writes are the actor's, one at a time: what it reads stays true until it writes.

    Raises RegistryRefused for an actor that names nobody.
    """
    check_text("the name of who does it", actor.name, ACTOR_CHARACTERS_MAX)
    check_text("the name of the second person", actor.second, ACTOR_CHARACTERS_MAX, least=0)
    first, second = _folded(actor.name), _folded(actor.second)
    if not first or (actor.second and not second):
        raise RegistryRefused("the name of who does it, or of the second person, is of spaces alone")
    if first == second:
        raise RegistryRefused("the second person is another one than who does it")
    check_text("the reason", actor.reason, REASON_CHARACTERS_MAX, least=0)
    check_text("the name of the file", actor.source, SOURCE_CHARACTERS_MAX, least=0)
    async with connection.transaction():
        await connection.execute(BEGIN, *actor)
        yield


async def be_alone(connection: Connection) -> None:
    """Within a transaction that names no actor: wait until nobody else writes to the registry. What it reads
    from here on stays true until it ends.
    """
    await connection.execute(_ALONE)


def check_second(actor: Actor, what: str, *, needed: bool) -> None:
    """Raise RegistryRefused where the rules want two persons for this, and no second one is named.

    The database holds it, too (migrations, 0001: check_second).
    """
    if needed and not actor.second.strip():
        raise RegistryRefused("{what} wants a second person by the rules of its programme", what=what)


def is_same_person(one: str, other: str) -> bool:
    """Whether two names are one person's, where two are wanted; the database holds it too: folded_name."""
    return _folded(one) == _folded(other)


def _folded(name: str) -> str:
    """Return a name as it is compared: forms, capitals and spaces make no other person."""
    return " ".join(unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold()).split())


class Wanted(NamedTuple):
    """Which rows of the trail: of one kind of object (a table), of one key, of one actor, since when."""

    object: str | None = None
    key: str | None = None
    actor: str | None = None
    since: datetime | None = None


EVERYTHING: Final = Wanted()


async def list_audit(
    connection: Connection, wanted: Wanted = EVERYTHING, *, before: int = INT64_MAX, limit: int = 100
) -> list[Any]:
    """A page of the trail, newest first, of rows with an id below `before`; `before` and `after` are JSON."""
    check_page(limit, before)
    for text in (wanted.object, wanted.key, wanted.actor):
        check_text("what is asked for", text or "", SOURCE_CHARACTERS_MAX, least=0)
    rows: list[Any] = await connection.fetch(_VIEW, before, limit, *wanted)
    return rows


async def list_card_audit(
    connection: Connection, card: Any, *, before: int = INT64_MAX, limit: int = 100
) -> list[Any]:
    """The trail of one card, a row of `cards`, newest first: its own rows, and the import it came with."""
    check_page(limit, before)
    rows: list[Any] = await connection.fetch(
        _OF_CARD, before, limit, f"{card['account']}/{card['carrier']}/{card['issue']}", card["account"]
    )
    return rows
