"""Owns for whom a login may act: the links between representatives and logins, and the codes that make them.

A code is brought by who has a login, or makes one that acts for others alone.

Whether a link holds today, and what who acts for somebody may write, the database says (migrations, 0098).
Works with the rights of a programme's role; a change takes its actor. Invariants: of a code its hash alone is
kept, and it works once; nobody acts for himself.
"""

from datetime import date
from typing import Any, Final, NamedTuple

from ledger.errors import NotInRegistry, RegistryRefused
from ledger.postgres.database import Connection
from ledger.registry.agreements import Representative, add_representative, end_representative
from ledger.registry.audit import Actor, writing
from ledger.registry.logins import NewLogin, add_login, check_keeps_login
from ledger.registry.people import find_person
from ledger.registry.vault import Vault

REPRESENTED_MAX: Final = 20
"""For so many one login acts at most."""
PROXIES_MAX: Final = 5
"""So many proxies a holder has at a time, of those given on the web."""
_OF_LOGIN: Final = """select r.account, r.representative, r.role, p.until, (select c.last4
    from registry.card c where c.account = r.account order by c.status <> 0, c.issue desc limit 1) as last4
  from web.represented_v1($1) r
  join people.representative p on p.account = r.account and p.number = r.representative
  order by r.account"""


class Represented(NamedTuple):
    """For whom somebody may act today: `name` and the last figures of the card, to know them by."""

    account: int
    role: str
    until: date | None
    name: str
    last4: str


class NewLink(NamedTuple):
    """A code that lets whoever brings it act as a representative of an account."""

    programme: int
    account: int
    representative: int
    hash: bytes


async def put_code(connection: Connection, actor: Actor, new: NewLink, *, hours: int) -> None:
    """Keep the hash of a code for so many hours; an older one of the representative is void.

    Raises NotInRegistry without such a representative, RegistryRefused where somebody acts as it already, and
    for the account of who has resigned.
    """
    async with writing(connection, actor):
        await check_keeps_login(connection, new.account)
        if not await connection.fetchval(
            "select true from people.representative where account = $1 and number = $2 and programme = $3",
            new.account,
            new.representative,
            new.programme,
        ):
            raise NotInRegistry(
                "there is no representative {number}, or not any more", number=new.representative
            )
        put = await connection.fetchval(
            "insert into web.acting_for as a (programme, account, representative, code, ends_at) "
            "values ($1, $2, $3, $4, now() + make_interval(hours => $5)) "
            "on conflict (account, representative) do update set code = excluded.code, "
            "ends_at = excluded.ends_at where a.login is null returning true",
            *new,
            hours,
        )
        if not put:
            raise RegistryRefused(
                "representative {number} has a login: end it, and add it anew for another",
                number=new.representative,
            )


async def take_code(connection: Connection, actor: Actor, programme: int, code: bytes, login: int) -> int:
    """Use a code up: the login may act for its account from now on, which is returned.

    Raises RegistryRefused, in the same words whatever is wrong.
    """
    async with writing(connection, actor):
        account: int | None = await connection.fetchval(
            "update web.acting_for a set login = $3, code = null, ends_at = null from web.login l "
            "where a.programme = $1 and a.code = $2 and a.ends_at > now() and l.id = $3 "
            "and l.programme = $1 and l.kind in ('holder', 'representative') "
            "and l.account is distinct from a.account "
            "and not exists (select from web.acting_for b where b.login = $3 and b.account = a.account) "
            "and (select count(*) from web.acting_for b where b.login = $3) < $4 returning a.account",
            programme,
            code,
            login,
            REPRESENTED_MAX,
        )
        if account is None:
            raise RegistryRefused("there is no such code")
    return account


async def open_login(connection: Connection, actor: Actor, new: NewLogin, code: bytes, last4: str) -> int:
    """Make a login of who has no card out of a code and the last figures of a card of whom it acts for;
    return its number. Both, or neither: what is refused leaves the code as it was.

    Raises RegistryRefused, in the same words whatever is wrong with code or figures.
    """
    assert new.kind == "representative"
    async with writing(connection, actor):
        if not await connection.fetchval(
            "select true from web.acting_for a join registry.card c on c.account = a.account "
            "where a.programme = $1 and a.code = $2 and a.ends_at > now() and c.last4 = $3 limit 1",
            new.programme,
            code,
            last4,
        ):
            raise RegistryRefused("there is no such code")
        login = await add_login(connection, actor, new)
        await take_code(connection, actor, new.programme, code, login)
    return login


async def give_proxy(
    connection: Connection,
    actor: Actor,
    vault: Vault,
    token: int,
    who: Representative,
    *,
    code: bytes,
    hours: int,
) -> int:
    """Let a holder, of full age and capacity, name a proxy who brings a code; return its number."""
    assert who.role == "proxy"
    async with writing(connection, actor):
        row = await connection.fetchrow(
            """select c.programme, c.account, people.needs_guardian(c.account) as needs_one,
              registry.today_of(c.programme) as today,
              (select count(*) from people.representative r where r.account = c.account and r.role = 'proxy'
                and (r.until is null or r.until >= registry.today_of(c.programme))) as proxies
            from registry.card c join people.person p using (account)
            where c.token = $1""",
            token,
        )
        if row is None:
            raise NotInRegistry("nobody is known by this card")
        if row["needs_one"]:
            raise RegistryRefused("whoever has a guardian gives no proxy")
        if row["proxies"] >= PROXIES_MAX:
            raise RegistryRefused("a holder has {most} proxies at most", most=PROXIES_MAX)
        if who.until is not None and who.until < row["today"]:
            raise RegistryRefused("until is past")
        number = await add_representative(connection, actor, vault, token, who)
        link = NewLink(row["programme"], row["account"], number, code)
        await put_code(connection, actor, link, hours=hours)
    return number


async def end_proxy(connection: Connection, actor: Actor, token: int, number: int) -> None:
    """Let a holder end a proxy, at once; a guardian is the desk's to end."""
    async with writing(connection, actor):
        role = await connection.fetchval(
            "select r.role from people.representative r join registry.card c using (account) "
            "where c.token = $1 and r.number = $2",
            token,
            number,
        )
        if role != "proxy":
            raise NotInRegistry("there is no such proxy, or not any more")
        await end_representative(connection, actor, token, number)


async def represented(connection: Connection, vault: Vault, login: int) -> list[Represented]:
    """For whom a login may act today."""
    found = []
    for row in await connection.fetch(_OF_LOGIN, login):
        person = await find_person(connection, vault, row["account"])
        if person is not None:
            last4 = row["last4"] or ""
            found.append(Represented(row["account"], row["role"], row["until"], person.name, last4))
    return found


async def linked_numbers(connection: Connection, account: int) -> dict[int, bool]:
    """Which representatives of an account have a code (False) or a login (True)."""
    rows: list[Any] = await connection.fetch(
        "select representative, login is not null as has_login from web.acting_for where account = $1",
        account,
    )
    return {row["representative"]: row["has_login"] for row in rows}


async def act_for(connection: Connection, session: bytes, account: int | None) -> bool:
    """Let a session act for an account from now on (None: for its own holder); whether it may."""
    return bool(
        await connection.fetchval(
            "update web.session s set acts_for = $2 where s.hash = $1 and s.stage = 'whole' and ($2::bigint "
            "is null or exists (select from web.represented_v1(s.login) r where r.account = $2)) "
            "returning true",
            session,
            account,
        )
    )
