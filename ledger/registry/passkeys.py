"""Owns passkeys: the rows of `web.passkey`, and what a holder is told when one comes or goes.

Works with the rights of a programme's role. Keys and names come in as they are kept; whether a signature is
right was judged before (`ops.web.identity.passkeys`). Every change takes its actor and, of a holder's login,
tells an event in the same write; that one was used leaves no trail.
"""

from typing import Any, Final, NamedTuple

from ledger.errors import NotInRegistry, RegistryRefused
from ledger.postgres.database import Connection
from ledger.registry.audit import Actor, writing

PASSKEYS_MAX: Final = 10
"""Of one login."""

_TELL: Final = """select registry.tell_v1(programme, $2, account, null, '{}')
  from web.login where id = $1 and account is not null"""


class NewPasskey(NamedTuple):
    """A passkey to be; `uses` as its device counts."""

    programme: int
    login: int
    credential: bytes
    public_key: bytes
    uses: int
    is_synced: bool
    name: bytes


async def add_passkey(connection: Connection, actor: Actor, new: NewPasskey) -> int:
    """Add a passkey to a login; return its number. Raises RegistryRefused for one too many, or known."""
    async with writing(connection, actor):
        held = await connection.fetchval("select count(*) from web.passkey where login = $1", new.login)
        if held >= PASSKEYS_MAX:
            raise RegistryRefused("a login has at most {most} passkeys", most=PASSKEYS_MAX)
        number: int | None = await connection.fetchval(
            "insert into web.passkey (programme, login, credential, public_key, uses, is_synced, name) "
            "values ($1, $2, $3, $4, $5, $6, $7) on conflict do nothing returning number",
            *new,
        )
        if number is None:
            raise RegistryRefused("that passkey is known already")
        await connection.execute(_TELL, new.login, "login.passkey_added")
    return number


async def list_passkeys(connection: Connection, login: int) -> list[Any]:
    """The passkeys of a login, in the order they were made."""
    rows: list[Any] = await connection.fetch(
        "select number, credential, is_synced, name, created_at, used_at, shut_at from web.passkey "
        "where login = $1 order by number",
        login,
    )
    return rows


async def find_passkey(connection: Connection, programme: int, credential: bytes) -> Any | None:
    """A passkey that lets its login in; None where there is none, it is shut, or its login has ended."""
    return await connection.fetchrow(
        "select k.number, k.login, k.public_key, l.kind "
        "from web.passkey k join web.login l on l.id = k.login "
        "where k.programme = $1 and k.credential = $2 and k.shut_at is null and l.ended_at is null",
        programme,
        credential,
    )


async def use_passkey(connection: Connection, number: int, uses: int) -> bool:
    """Note that a passkey was used; whether its count went on (of a device that does not count: stays 0)."""
    return bool(
        await connection.fetchval(
            "update web.passkey set uses = $2, used_at = now() where number = $1 and shut_at is null "
            "and (uses < $2 or (uses = 0 and $2 = 0)) returning true",
            number,
            uses,
        )
    )


async def name_passkey(connection: Connection, actor: Actor, login: int, number: int, name: bytes) -> None:
    """Give a login's passkey another name. Raises NotInRegistry."""
    async with writing(connection, actor):
        if not await connection.fetchval(
            "update web.passkey set name = $3 where login = $1 and number = $2 returning true",
            login,
            number,
            name,
        ):
            raise NotInRegistry("this login has no such passkey")


async def remove_passkey(connection: Connection, actor: Actor, login: int, number: int) -> None:
    """Remove a login's passkey. Raises NotInRegistry."""
    async with writing(connection, actor):
        if not await connection.fetchval(
            "delete from web.passkey where login = $1 and number = $2 returning true", login, number
        ):
            raise NotInRegistry("this login has no such passkey")
        await connection.execute(_TELL, login, "login.passkey_removed")


async def shut_passkey(connection: Connection, actor: Actor, login: int, number: int) -> None:
    """Let a passkey in no more, of which there is a copy, and end what its login has open."""
    async with writing(connection, actor):
        await connection.execute(
            "update web.passkey set shut_at = coalesce(shut_at, now()) where login = $1 and number = $2",
            login,
            number,
        )
        await connection.execute("delete from web.session where login = $1", login)
        await connection.execute(_TELL, login, "login.passkey_copied")
