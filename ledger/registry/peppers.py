"""Owns the rotation of a programme's pepper in the registry: which peppers hold, and what becomes of cards.

A card is under the pepper its token was made with. From `begin` on new cards are under the newest, and those
under the former one are re-entered when their numbers are named; `end` lets nothing be under it any more. The
database holds the order (migrations, 0101). `reenter` is the service's and a programme's write too, all else
the owner's; every write takes its actor. Must not know a number of a card, nor the key file.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from ledger.errors import NotInRegistry, RegistryRefused
from ledger.postgres.database import Connection
from ledger.registry.audit import SWITCH, Actor, writing
from ledger.registry.card_states import HANDS, CardStatus
from ledger.registry.pepper import TOKEN_BYTES

REENTERED: Final = SWITCH._replace(reason="found under the former pepper")
"""The service, where a card of a request was."""
_PEPPERS: Final = "select id, pepper, pepper_former from registry.programme order by id"
_COUNTS: Final = """select p.id as programme, p.code, p.pepper, p.pepper_former,
    count(c.token) filter (where c.pepper = p.pepper) as newest,
    count(c.token) filter (where c.pepper <> p.pepper) as former
  from registry.programme p left join registry.card c on c.programme = p.id group by p.id order by p.id"""
_BEGIN: Final = "update registry.programme set pepper = $2, pepper_former = pepper where id = $1"
_END: Final = "update registry.programme set pepper_former = null where id = $1"
# Not where a card is under the newest already: a number has one card.
_REENTER: Final = """update registry.card c set token = n.token, pepper = $2
  from unnest($3::bigint[], $4::bigint[]) as n(former, token)
  where c.token = n.former and c.programme = $1 and c.pepper < $2
    and not exists (select from registry.card d where d.token = n.token)
  returning c.token"""
_LEFT: Final = """select token, account, carrier, issue, last4, status from registry.card
  where programme = $1 and pepper <> $2 and (account, carrier, issue) > ($3, $4::smallint, $5::smallint)
  order by account, carrier, issue limit $6"""
_ABANDON: Final = """update registry.card c set token = n.drawn, pepper = $1, status = n.status
  from unnest($2::bigint[], $3::bigint[], $4::smallint[]) as n(token, drawn, status)
  where c.token = n.token"""
_FORGOTTEN: Final = "delete from registry.former_token where programme = $1 returning token"
Place = tuple[int, int, int]
BEGINNING: Final[Place] = (0, 0, 0)


class Peppers(NamedTuple):
    """The number of the pepper that new cards of a programme are under, and of the former one in overlap."""

    newest: int
    former: int | None = None


class Left(NamedTuple):
    """A card whose number nobody named in an overlap, and its state before and after that ended."""

    account: int
    carrier: int
    issue: int
    last4: str
    was: CardStatus
    now: CardStatus


async def read_peppers(connection: Connection) -> dict[int, Peppers]:
    """Return which peppers hold in each programme that this role may see."""
    return {row[0]: Peppers(row[1], row[2]) for row in await connection.fetch(_PEPPERS)}


async def peppers_of(connection: Connection, programme: int) -> Peppers:
    """Return which peppers hold in a programme. Raises NotInRegistry."""
    try:
        return (await read_peppers(connection))[programme]
    except KeyError:
        raise NotInRegistry("there is no programme {programme}", programme=programme) from None


async def count_cards(connection: Connection) -> list[Any]:
    """How many cards of each programme are under its newest pepper, and under the former one."""
    rows: list[Any] = await connection.fetch(_COUNTS)
    return rows


async def begin(connection: Connection, actor: Actor, programme: int, number: int) -> None:
    """Let new cards be under the next pepper; the present one is in overlap from now on."""
    async with writing(connection, actor):
        await connection.execute(_BEGIN, programme, number)


async def reenter(
    connection: Connection, actor: Actor, programme: int, pepper: int, tokens: Mapping[int, int]
) -> int:
    """Give cards the tokens their numbers have under the newest pepper, by those they had under the former;
    return how many were under that.
    """
    if not tokens:
        return 0
    async with writing(connection, actor):
        rows = await connection.fetch(_REENTER, programme, pepper, list(tokens), list(tokens.values()))
    return len(rows)


async def abandon_batch(
    connection: Connection,
    actor: Actor,
    programme: int,
    pepper: int,
    *,
    draw: Callable[[int], bytes],
    after: Place,
    limit: int,
) -> tuple[Place | None, list[Left]]:
    """Give the next cards that are under the former pepper a token that is drawn, and no number's, and block
    those that may be; return up to where it came (None: to the end), and which they were.
    """
    left: list[Left] = []
    async with writing(connection, actor):
        rows = await connection.fetch(_LEFT, programme, pepper, *after, limit)
        for row in rows:
            was = CardStatus(row["status"])
            may = actor.hand in HANDS.get((was, CardStatus.BLOCKED), ())
            _, account, carrier, issue, last4, _ = row
            left.append(Left(account, carrier, issue, last4, was, CardStatus.BLOCKED if may else was))
        await connection.execute(
            _ABANDON,
            pepper,
            [row["token"] for row in rows],
            [int.from_bytes(draw(TOKEN_BYTES), "big", signed=True) for _ in rows],
            [int(card.now) for card in left],
        )
    place = (rows[-1][1], rows[-1][2], rows[-1][3]) if len(rows) == limit else None
    return place, left


async def end(connection: Connection, actor: Actor, programme: int) -> None:
    """End an overlap. Raises RegistryRefused while a card is under the former pepper."""
    async with writing(connection, actor):
        if await connection.fetchval(
            "select true from registry.card c join registry.programme p on p.id = c.programme "
            "where p.id = $1 and c.pepper <> p.pepper limit 1",
            programme,
        ):
            raise RegistryRefused("cards are under the former pepper yet: run `cityswitch pepper retire`")
        await connection.execute(_END, programme)


async def forget_tokens(connection: Connection, actor: Actor, programme: int) -> int:
    """Remove what workers had to forget, once they have; return how many tokens those were."""
    async with writing(connection, actor):
        return len(await connection.fetch(_FORGOTTEN, programme))
