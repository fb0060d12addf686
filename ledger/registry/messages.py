"""Owns the messages between a holder and the desk (Zgierz § 19): written, listed, marked as read.

Rows of schema `people`, which go with the person, sealed under the holder's key. A message, once sent, stays
as it is. Takes the owner's connection or a programme's; every write takes its actor. No error repeats what
was typed.
"""

from typing import Any, Final, NamedTuple

from ledger.errors import HolderErased, NotInRegistry, RegistryRefused
from ledger.postgres.database import Connection
from ledger.registry.audit import Actor, writing
from ledger.registry.bounds import INT64_MAX, check_page, is_readable, plain_text
from ledger.registry.sealed import key_of, place, seal, unseal
from ledger.registry.vault import Vault

BODY_CHARACTERS_MAX: Final = 4_000
PAGE_MESSAGES: Final = 100
UNREAD_MAX: Final = 20
"""How many a holder may have waiting at the desk: nobody fills it with one login."""

_NUMBER: Final = "select nextval(pg_get_serial_sequence('people.message', 'number'))"
_VIEW: Final = "number, programme, account, sent_at, read_at, from_holder, sent_by, body"


async def send_message(
    connection: Connection, actor: Actor, vault: Vault, account: int, text: str, *, from_holder: bool
) -> int:
    """Write a message to or from the holder of an account; return its number. Lines may be broken."""
    text = plain_text(text.replace("\r\n", "\n")).strip()
    if not 1 <= len(text) <= BODY_CHARACTERS_MAX:
        raise RegistryRefused("a message has 1 to {most} characters", most=BODY_CHARACTERS_MAX)
    if not is_readable(text):
        raise RegistryRefused("a message has printable characters only")
    async with writing(connection, actor):
        programme = await connection.fetchval(
            "select programme from people.person where account = $1", account
        )
        if programme is None:
            raise NotInRegistry("nobody is known by this account")
        waiting = await connection.fetchval(
            "select count(*) from people.message where account = $1 and from_holder and read_at is null",
            account,
        )
        if from_holder and waiting >= UNREAD_MAX:
            raise RegistryRefused(
                "{most} messages wait to be read: the desk answers those first", most=UNREAD_MAX
            )
        key = await key_of(connection, vault, programme, account)
        number: int = await connection.fetchval(_NUMBER)
        await connection.execute(
            "insert into people.message (number, account, programme, from_holder, body) "
            "values ($1, $2, $3, $4, $5)",
            number,
            account,
            programme,
            from_holder,
            seal(vault, key, text, place(programme, number, "message.body")),
        )
    return number


class Messages(NamedTuple):
    """Messages, newest first; `older`: before which number there are more, 0 where there are none."""

    rows: list[dict[str, Any]]
    older: int = 0


async def page_of_messages(connection: Connection, vault: Vault, account: int, before: int = 0) -> Messages:
    """The newest messages of an account before a number (0: of all), as many as a page shows."""
    rows = await list_messages(
        connection, vault, account, before=before or INT64_MAX, limit=PAGE_MESSAGES + 1
    )
    shown = rows[:PAGE_MESSAGES]
    return Messages(shown, shown[-1]["number"] if len(rows) > PAGE_MESSAGES else 0)


async def list_messages(
    connection: Connection, vault: Vault, account: int, *, before: int = INT64_MAX, limit: int = 100
) -> list[dict[str, Any]]:
    """A page of the messages of an account, newest first; `body` is text; nothing of who was erased."""
    check_page(limit, before)
    rows = await connection.fetch(
        f"select {_VIEW} from people.message where account = $1 and number < $2 "  # noqa: S608 a fixed list
        "order by number desc limit $3",
        account,
        before,
        limit,
    )
    try:
        return [{**row, "body": unseal(vault, row["body"], _place(row))} for row in rows]
    except HolderErased:
        return []


def _place(row: Any) -> bytes:
    return place(row["programme"], row["number"], "message.body")


async def unread_accounts(connection: Connection, programme: int, *, limit: int = 100) -> list[Any]:
    """Accounts with messages the desk has not read, the longest waiting first: account, since, count."""
    check_page(limit)
    rows: list[Any] = await connection.fetch(
        "select account, min(sent_at) as since, count(*) as count from people.message "
        "where programme = $1 and from_holder and read_at is null group by account order by 2 limit $2",
        programme,
        limit,
    )
    return rows


async def mark_read(
    connection: Connection, actor: Actor, account: int, *, from_holder: bool, through: int
) -> int:
    """Mark what the holder sent (or what the desk sent) as read, up to the last message that was shown, by
    its number; return how many were not. What came after it waits on.
    """
    async with writing(connection, actor):
        rows = await connection.fetch(
            "update people.message set read_at = clock_timestamp() "
            "where account = $1 and from_holder = $2 and number <= $3 and read_at is null returning number",
            account,
            from_holder,
            through,
        )
    return len(rows)
