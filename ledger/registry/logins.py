"""Owns who signs in on the web: the rows of `web.login`, recovery codes, and codes of one use.

Names, passwords and secrets come in as hashes or sealed (`ops.web.identity`): what is typed never gets here.
Works with the rights of a programme's role, which sees its own logins alone. A change of a login, and a code
that is given out, take their actor; of both the holder is told in the same write. What every sign-in moves
(the step of a second factor, a code that is used up) leaves no trail.
"""

from collections.abc import Sequence
from typing import Any, Final, Literal, NamedTuple

from ledger.errors import NotInRegistry, RegistryRefused
from ledger.postgres.database import Connection
from ledger.registry.audit import Actor, writing
from ledger.registry.bounds import check_text
from ledger.registry.card_states import CardStatus
from ledger.registry.outbox import tell
from ledger.registry.sealed import key_of, place, seal, unseal_bytes
from ledger.registry.vault import Vault

Kind = Literal["holder", "representative", "officer", "partner", "organiser"]
Purpose = Literal["activate", "rename", "contact"]

ROLES: Final = ("clerk", "verifier", "editor", "accounts", "admin")
"""What an officer may do: applications and cards; be the second person; offers and rules; statements and
corrections; logins."""
_TELL_CHANGED: Final = """select registry.tell_v1(programme, 'login.changed', account, null, '{}')
  from web.login where id = $1 and account is not null"""


class NewLogin(NamedTuple):
    """A login to be: `account` of a holder, `partner` of a partner, `shown` (a name) of everybody but
    holders and representatives, who act for holders and have no card (`acting_for`).
    """

    programme: int
    kind: Kind
    name_key: bytes
    password: str
    shown: str = ""
    account: int | None = None
    partner: int | None = None
    desk: str = ""
    roles: Sequence[str] = ()


async def add_login(connection: Connection, actor: Actor, new: NewLogin) -> int:
    """Add a login; returns its number. Raises RegistryRefused where its name or its account has one."""
    if new.kind not in ("holder", "representative"):
        check_text("the name that is shown", new.shown, 64)
    check_text("the desk", new.desk, 64, least=0)
    if unknown := set(new.roles) - set(ROLES):
        raise RegistryRefused(
            "there is no role {unknown}: {roles}", unknown=tuple(sorted(unknown)), roles=ROLES
        )
    async with writing(connection, actor):
        if new.account is not None and not await connection.fetchval(
            "select true from people.person where account = $1 and programme = $2", new.account, new.programme
        ):
            raise NotInRegistry("nobody is known by this card")
        if new.account is not None:
            await check_keeps_login(connection, new.account)
        if new.partner is not None and not await connection.fetchval(
            "select true from registry.partner where id = $1 and programme = $2", new.partner, new.programme
        ):
            raise NotInRegistry("there is no partner {partner} in this programme", partner=new.partner)
        number: int | None = await connection.fetchval(
            "insert into web.login "
            "(programme, kind, name_key, password, shown, account, partner, desk, roles) "
            "values ($1, $2, $3, $4, $5, $6, $7, $8, $9) on conflict do nothing returning id",
            *new._replace(roles=list(new.roles)),
        )
        if number is None:
            raise RegistryRefused("that login is taken, or this holder has one")
    return number


async def check_keeps_login(connection: Connection, account: int) -> None:
    """Raise RegistryRefused for the account of who has resigned, or that was closed: it has no login any more
    (Zgierz § 26, § 31).
    """
    if await connection.fetchval(
        "select true from registry.card where account = $1 and status = any($2::smallint[]) limit 1",
        account,
        [CardStatus.RESIGNED, CardStatus.CLOSED],
    ):
        raise RegistryRefused("this holder's contract has ended: the login went with it")


async def find_login(connection: Connection, programme: int, name_key: bytes) -> Any | None:
    """The login of a name; None where there is none, or it has ended."""
    return await connection.fetchrow(
        "select id, kind, password, totp from web.login "
        "where programme = $1 and name_key = $2 and ended_at is null",
        programme,
        name_key,
    )


async def the_login(connection: Connection, login: int) -> Any:
    """A login by its number. Raises NotInRegistry."""
    row = await connection.fetchrow(
        "select id, programme, kind, name_key, shown, account, partner, desk, roles, password, totp, "
        "created_at, ended_at from web.login where id = $1",
        login,
    )
    if row is None:
        raise NotInRegistry("there is no login {login}", login=login)
    return row


async def login_of_account(connection: Connection, account: int) -> Any | None:
    """The login of a holder's account; None where it has none."""
    return await connection.fetchrow("select id, created_at from web.login where account = $1", account)


async def list_logins(connection: Connection, programme: int) -> list[Any]:
    """The logins of those who work for a programme or a partner, in the order they were made."""
    rows: list[Any] = await connection.fetch(
        "select id, kind, shown, partner, desk, roles, totp is not null as has_second, created_at, ended_at "
        "from web.login where programme = $1 and kind not in ('holder', 'representative') order by id",
        programme,
    )
    return rows


async def set_password(connection: Connection, actor: Actor, login: int, password: str) -> None:
    """Put the hash of a login's password anew."""
    async with writing(connection, actor):
        await connection.execute("update web.login set password = $2 where id = $1", login, password)


async def set_name(connection: Connection, actor: Actor, login: int, name_key: bytes) -> None:
    """Put another name. Raises RegistryRefused where somebody has it."""
    async with writing(connection, actor):
        row = await the_login(connection, login)
        if await connection.fetchval(
            "select true from web.login where programme = $1 and name_key = $2 and id <> $3",
            row["programme"],
            name_key,
            login,
        ):
            raise RegistryRefused("that login is taken")
        await connection.execute("update web.login set name_key = $2 where id = $1", login, name_key)


async def change_password(connection: Connection, actor: Actor, login: int, password: str) -> None:
    """Put the hash of a password that its owner chose anew; a holder is told."""
    async with writing(connection, actor):
        await set_password(connection, actor, login, password)
        await connection.execute(_TELL_CHANGED, login)


async def change_name(connection: Connection, actor: Actor, login: int, name_key: bytes) -> None:
    """Put a name that its owner chose anew; a holder is told. Raises RegistryRefused where it is taken."""
    async with writing(connection, actor):
        await set_name(connection, actor, login, name_key)
        await connection.execute(_TELL_CHANGED, login)


async def set_second_factor(
    connection: Connection, actor: Actor, login: int, sealed: bytes | None, codes: Sequence[bytes] = ()
) -> None:
    """Put the secret of a login's second factor, sealed, and the hashes of its recovery codes; None: it has
    none any more.
    """
    async with writing(connection, actor):
        row = await the_login(connection, login)
        await connection.execute("update web.login set totp = $2, totp_step = 0 where id = $1", login, sealed)
        await connection.execute("delete from web.recovery_code where login = $1", login)
        await connection.execute(
            "insert into web.recovery_code (login, programme, hash) select $1, $2, unnest($3::bytea[])",
            login,
            row["programme"],
            list(codes),
        )


async def renew_login(
    connection: Connection, actor: Actor, login: int, name_key: bytes, password: str
) -> None:
    """Put name and password anew, by a desk's code: whoever had the old ones is out.

    Sessions, passkeys, second factor and recovery codes end; for whom the login acts stays. Raises
    RegistryRefused where somebody else has the name, or the login has ended.
    """
    async with writing(connection, actor):
        row = await _shut_out(connection, actor, login, password)
        await set_name(connection, actor, login, name_key)
        if row["account"] is not None:
            await tell(connection, row["programme"], "login.renewed", account=row["account"])


async def reset_login(connection: Connection, actor: Actor, login: int, password: str) -> None:
    """Put the password of who works here, or for a partner, anew, and take the second factor away: for who
    has lost either. Sessions, passkeys and recovery codes end.

    Raises RegistryRefused for a login that has ended, and for a holder's, which a code sets anew.
    """
    async with writing(connection, actor):
        await _a_worker_s(connection, login)
        await _shut_out(connection, actor, login, password)


async def _a_worker_s(connection: Connection, login: int) -> None:
    if (await the_login(connection, login))["kind"] in ("holder", "representative"):
        raise RegistryRefused("login {login} is a holder's: a code sets it anew", login=login)


async def _shut_out(connection: Connection, actor: Actor, login: int, password: str) -> Any:
    """Put the password anew, and end all that the old one opened, or stood for; return what the login was."""
    row = await the_login(connection, login)
    if row["ended_at"] is not None:
        raise RegistryRefused("that login has ended")
    await set_password(connection, actor, login, password)
    await set_second_factor(connection, actor, login, None)
    await connection.execute("delete from web.passkey where login = $1", login)
    await connection.execute("delete from web.session where login = $1", login)
    return row


async def take_step(connection: Connection, login: int, step: int) -> bool:
    """Use up the code of a step; whether it, or a later one, had not been used before."""
    return bool(
        await connection.fetchval(
            "update web.login set totp_step = $2 where id = $1 and totp_step < $2 returning true", login, step
        )
    )


async def take_recovery_code(connection: Connection, login: int, code: bytes) -> bool:
    """Use up a recovery code; whether there was one."""
    return bool(
        await connection.fetchval(
            "delete from web.recovery_code where login = $1 and hash = $2 returning true", login, code
        )
    )


async def end_login(connection: Connection, actor: Actor, login: int) -> None:
    """End the login of who works here, or for a partner, and whatever it has open.

    Raises RegistryRefused for a holder's, which ends with what is kept of the holder.
    """
    async with writing(connection, actor):
        await _a_worker_s(connection, login)
        await connection.execute(
            "update web.login set ended_at = coalesce(ended_at, now()) where id = $1", login
        )
        await connection.execute("delete from web.session where login = $1", login)


async def remove_of_account(connection: Connection, account: int) -> None:
    """Remove the login of a holder's account, its codes, and every way of others to act for it (Zgierz § 26,
    § 31), within a write that has begun.
    """
    for table in ("code", "acting_for", "login"):
        await connection.execute(f"delete from web.{table} where account = $1", account)  # noqa: S608 fixed


async def remove_sent_codes(connection: Connection, account: int) -> None:
    """Remove the codes that were sent to an account's e-mail address, within the write by which it has
    another: who has the old mailbox confirms nothing any more.
    """
    await connection.execute("delete from web.code where account = $1 and purpose <> 'activate'", account)


class NewCode(NamedTuple):
    """A code of one use to be: its hash, what for, whose, and what it confirms: of a login's change the key
    of the name to come, of contact what it is to be, which is kept sealed.
    """

    programme: int
    purpose: Purpose
    hash: bytes
    account: int
    wanted: bytes | None = None


async def put_code(
    connection: Connection, actor: Actor, new: NewCode, *, hours: int, vault: Vault | None = None
) -> None:
    """Keep the hash of a code for so many hours; an older one of the account, for the same, is of no use any
    more. `vault`: what it confirms is sealed under the holder's key. The holder is told of a code by which
    whoever has it makes the login, or sets it anew.

    Raises RegistryRefused for the account of who has resigned.
    """
    async with writing(connection, actor):
        await check_keeps_login(connection, new.account)
        if vault is not None and new.wanted is not None:
            key = await key_of(connection, vault, new.programme, new.account)
            at = _wanted_at(new.programme, new.account)
            new = new._replace(wanted=seal(vault, key, new.wanted, at))
        await connection.execute(
            "insert into web.code (programme, purpose, hash, account, wanted, ends_at) "
            "values ($1, $2, $3, $4, $5, now() + make_interval(hours => $6)) "
            "on conflict (account, purpose) do update set hash = excluded.hash, "
            "wanted = excluded.wanted, made_at = now(), ends_at = excluded.ends_at",
            *new,
            hours,
        )
        if new.purpose == "activate":
            await tell(connection, new.programme, "login.code_given", account=new.account)


async def take_code(
    connection: Connection, programme: int, purpose: Purpose, code: bytes, *, account: int | None = None
) -> Any | None:
    """Use up a code (`account`: of this one alone): whose it was, and what it confirms; None where there is
    none that still holds.
    """
    row = await connection.fetchrow(
        "delete from web.code where hash = $1 and programme = $2 and purpose = $3 "
        "and ($4::bigint is null or account = $4) "
        "returning account, wanted, ends_at > now() as holds",
        code,
        programme,
        purpose,
        account,
    )
    return row if row is not None and row["holds"] else None


async def waiting_code(
    connection: Connection, programme: int, purpose: Purpose, account: int
) -> bytes | None:
    """What the code confirms that was sent to an account for this and still holds; None where none does."""
    wanted: bytes | None = await connection.fetchval(
        "select wanted from web.code "
        "where account = $1 and programme = $2 and purpose = $3 and ends_at > now()",
        account,
        programme,
        purpose,
    )
    return wanted


def unseal_wanted(vault: Vault, programme: int, account: int, wanted: bytes) -> bytes:
    """Return what a code confirms that `put_code` sealed. Raises HolderErased."""
    return unseal_bytes(vault, wanted, _wanted_at(programme, account))


def _wanted_at(programme: int, account: int) -> bytes:
    return place(programme, account, "code.wanted")
