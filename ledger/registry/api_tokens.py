"""Owns the tokens of the HTTP API: which system may do what in which programme, until when; and the answers
its writes got.

A token itself never comes here: its SHA-256 does. Takes the owner's connection, or a programme's role's;
every write of a token takes its actor. An answer is kept in the transaction of the write it tells of.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

from ledger.errors import NotInRegistry, RegistryRefused
from ledger.postgres.database import Connection
from ledger.registry.audit import Actor, be_alone, writing
from ledger.registry.bounds import INT64_MAX, NAME_CHARACTERS_MAX, check_number, check_page, check_text
from ledger.registry.partners import check_partner
from ledger.registry.programmes import check_programme

RIGHTS: Final = ("holders:read", "holders:write", "offers:read", "statements:read", "events:read")
ANSWERS_DAYS: Final = 2
"""So long a write may be asked for again and is done once."""

_VIEW: Final = "number, programme, name, rights, partner, made_at, ends_at, ended_at"
_FIND: Final = """select number, programme, name, rights, partner from registry.api_token
  where digest = $1 and ended_at is null and (ends_at is null or ends_at > clock_timestamp())"""


class Token(NamedTuple):
    """A token that is good now: whose it is and what it may."""

    number: int
    programme: int
    name: str
    rights: frozenset[str]
    partner: int | None


class Kept(NamedTuple):
    """An answer that a write got before: SHA-256 of what was asked, status, body."""

    asked: bytes
    status: int
    body: str


async def add_token(
    connection: Connection,
    actor: Actor,
    programme: int,
    name: str,
    digest: bytes,
    *,
    rights: Sequence[str],
    partner: int | None = None,
    ends_at: datetime | None = None,
) -> int:
    """Let a system in; return the number of its token. Raises NotInRegistry or RegistryRefused."""
    await check_programme(connection, programme)
    check_text("the name of the system", name, NAME_CHARACTERS_MAX)
    if not rights or set(rights) - set(RIGHTS):
        raise RegistryRefused(f"a token has one or more of these rights: {', '.join(RIGHTS)}")
    async with writing(connection, actor):
        if partner is not None and await check_partner(connection, partner) != programme:
            raise NotInRegistry(f"there is no partner {partner} in this programme")
        number: int = await connection.fetchval(
            "insert into registry.api_token (programme, name, digest, rights, partner, ends_at) "
            "values ($1, $2, $3, $4, $5, $6) returning number",
            programme,
            name,
            digest,
            sorted(set(rights)),
            partner,
            ends_at,
        )
    return number


async def end_token(connection: Connection, actor: Actor, number: int) -> None:
    """End a token at once, for good. Raises NotInRegistry, RegistryRefused for one that has ended."""
    check_number("the number of a token", number, 1, INT64_MAX)
    async with writing(connection, actor):
        row = await connection.fetchrow("select ended_at from registry.api_token where number = $1", number)
        if row is None:
            raise NotInRegistry(f"there is no token {number}")
        if row["ended_at"] is not None:
            raise RegistryRefused(f"token {number} has ended already")
        await connection.execute(
            "update registry.api_token set ended_at = clock_timestamp() where number = $1", number
        )


async def list_tokens(connection: Connection, *, after: int = 0, limit: int = 100) -> list[Any]:
    """A page of tokens by number, ended ones too."""
    check_page(limit, after)
    rows: list[Any] = await connection.fetch(
        f"select {_VIEW} from registry.api_token where number > $1 "  # noqa: S608 a fixed list
        "order by number limit $2",
        after,
        limit,
    )
    return rows


async def find_token(connection: Connection, digest: bytes) -> Token | None:
    """The token with this SHA-256, if it is good now."""
    row = await connection.fetchrow(_FIND, digest)
    if row is None:
        return None
    return Token(row["number"], row["programme"], row["name"], frozenset(row["rights"]), row["partner"])


async def begin_write(connection: Connection, token: Token, key: str) -> Kept | None:
    """Within a transaction: be alone in writing, and return what this key was answered, if it was used."""
    await be_alone(connection)
    row = await connection.fetchrow(
        "select asked, status, body from registry.api_answer where token = $1 and key = $2",
        token.number,
        key,
    )
    return None if row is None else Kept(*row)


async def keep_answer(connection: Connection, token: Token, key: str, kept: Kept) -> None:
    """Within the transaction of a write: keep what it was answered; forget what is older than two days."""
    await connection.execute(
        "delete from registry.api_answer where token = $1 and made_at < now() - make_interval(days => $2)",
        token.number,
        ANSWERS_DAYS,
    )
    await connection.execute(
        "insert into registry.api_answer (programme, token, key, asked, status, body) "
        "values ($1, $2, $3, $4, $5, $6)",
        token.programme,
        token.number,
        key,
        *kept,
    )
