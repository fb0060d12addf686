"""Owns what is open on the web: sessions, by the hash of what their cookie holds, and what failed of late.

Works with the rights of a programme's role. Leaves no trail: nothing here changes the registry. The
database's clock decides when something ends, whichever process asks. When a session was last seen is written
without waiting for the disk, where sales wait: a crash of the server forgets half a second of it.
"""

from typing import Any, Final, Literal, NamedTuple

from ledger.postgres.database import Connection

Stage = Literal["enrol", "second", "whole"]

SEEN_AGAIN_S: Final = 60
"""A session that was seen so lately is not written again."""
OPEN_MAX: Final = 10
"""Of one login; the oldest ends when one more begins."""


SEEN: Final = (
    "with unhurried as (select set_config('synchronous_commit', 'off', true)) "
    "update web.session set seen_at = now() from unhurried where hash = $1"
)


class NewSession(NamedTuple):
    """A session to be, by the hash of its token."""

    hash: bytes
    programme: int
    login: int
    stage: Stage
    agent: str = ""
    """The browser, as it calls itself: for its owner to know it by."""


async def begin_session(
    connection: Connection, new: NewSession, *, hours: int, replaces: bytes = b""
) -> None:
    """Begin a session of so many hours at most, in place of another of its own where there was one.

    Of more than `OPEN_MAX` of a login those end first that wait for a second factor, the oldest before: who
    has the password alone ends nobody's.
    """
    async with connection.transaction():
        await connection.execute("delete from web.session where hash = $1", replaces)
        await connection.execute(
            "insert into web.session (hash, programme, login, stage, agent, ends_at) "
            "values ($1, $2, $3, $4, $5, now() + make_interval(hours => $6))",
            *new,
            hours,
        )
        await connection.execute(
            "delete from web.session where hash in (select hash from web.session where login = $1 "
            "order by hash = $2 desc, stage = 'whole' desc, created_at desc, number desc offset $3)",
            new.login,
            new.hash,
            OPEN_MAX,
        )


async def find_session(connection: Connection, hash_: bytes, *, idle_s: int) -> Any | None:
    """The session of a token's hash with its login, seen just now; None where there is none that lasts."""
    row = await connection.fetchrow(
        "select s.number, s.stage, s.pending, s.login, s.programme, l.kind, l.shown, l.account, l.partner, "
        "l.desk, l.roles, extract(epoch from now() - s.seen_at)::float8 as unseen_s, s.acts_for, "
        "(select r.role from web.represented_v1(s.login) r "
        "where s.acts_for is not null and r.account = s.acts_for) as acts_as "
        "from web.session s join web.login l on l.id = s.login "
        "where s.hash = $1 and s.ends_at > now() and s.seen_at > now() - make_interval(secs => $2) "
        "and l.ended_at is null",
        hash_,
        float(idle_s),
    )
    if row is not None and row["unseen_s"] > SEEN_AGAIN_S:
        await connection.execute(SEEN, hash_)
    return row


async def keep_pending(connection: Connection, hash_: bytes, sealed: bytes) -> None:
    """Keep the secret that is being enrolled with its session."""
    await connection.execute("update web.session set pending = $2 where hash = $1", hash_, sealed)


async def list_sessions(connection: Connection, login: int, *, idle_s: int) -> list[Any]:
    """What a login has open, the newest first."""
    rows: list[Any] = await connection.fetch(
        "select number, hash, stage, created_at, seen_at, agent from web.session "
        "where login = $1 and ends_at > now() and seen_at > now() - make_interval(secs => $2) "
        "order by number desc",
        login,
        float(idle_s),
    )
    return rows


async def end_session(connection: Connection, hash_: bytes) -> None:
    """End a session."""
    await connection.execute("delete from web.session where hash = $1", hash_)


async def end_session_of(connection: Connection, login: int, number: int) -> bool:
    """End a session of a login by its number; whether it had such a one."""
    return bool(
        await connection.fetchval(
            "delete from web.session where login = $1 and number = $2 returning true", login, number
        )
    )


async def end_other_sessions(connection: Connection, login: int, hash_: bytes) -> None:
    """End all of a login but this one."""
    await connection.execute("delete from web.session where login = $1 and hash <> $2", login, hash_)


async def count_attempt(connection: Connection, programme: int, key: bytes, window_s: int) -> int:
    """Count one more attempt by a key; return how many that makes within the window, this one included."""
    count: int = await connection.fetchval(
        "insert into web.attempt as a (programme, key, count) values ($1, $2, 1) "
        "on conflict (programme, key) do update set "
        "count = case when a.since < now() - make_interval(secs => $3) then 1 "
        "else least(a.count + 1, 1000000) end, "
        "since = case when a.since < now() - make_interval(secs => $3) then now() else a.since end "
        "returning count",
        programme,
        key,
        float(window_s),
    )
    return count


async def forget_attempts(connection: Connection, programme: int, key: bytes) -> None:
    """Forget what failed by a key: it has succeeded."""
    await connection.execute("delete from web.attempt where programme = $1 and key = $2", programme, key)


async def take_attempt_back(connection: Connection, programme: int, key: bytes) -> None:
    """Count one attempt less: it has succeeded, and others by the same key stay counted."""
    await connection.execute(
        "update web.attempt set count = greatest(count - 1, 0) where programme = $1 and key = $2",
        programme,
        key,
    )


async def sweep(connection: Connection, programme: int, window_s: int) -> None:
    """Remove what has ended: sessions, codes, attempts."""
    await connection.execute("delete from web.session where programme = $1 and ends_at < now()", programme)
    await connection.execute("delete from web.code where programme = $1 and ends_at < now()", programme)
    await connection.execute(
        "delete from web.attempt where programme = $1 and since < now() - make_interval(secs => $2)",
        programme,
        float(window_s),
    )
