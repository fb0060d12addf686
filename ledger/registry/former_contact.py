"""Owns where a holder was told before contact changed, for as long as that place has not been told of it.

Whoever makes the change, holder, desk or command: who had the mailbox, or the number, is told. It is kept
sealed under the holder's key, as the person is, and goes once it was told; what nobody sends goes after some
days. Takes the owner's connection, or a programme's role's.
"""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from ledger.errors import HolderErased
from ledger.postgres.database import Connection
from ledger.registry.outbox import tell
from ledger.registry.sealed import place, seal, unseal
from ledger.registry.vault import Vault

CHANGED: Final = "holder.contact_changed"
KEEP_DAYS: Final = 30
"""So long it waits to be told; a notice is made of no event that is older than a week, and tried for days."""
_KEEP: Final = """insert into people.former_contact (number, account, programme, email, phone)
  overriding system value values ($1, $2, $3, $4, $5)"""
_NUMBER: Final = "select nextval(pg_get_serial_sequence('people.former_contact', 'number'))"
_OLD: Final = """delete from people.former_contact
  where programme = $1 and made_at < now() - make_interval(days => $2)"""


class Former(NamedTuple):
    """Where somebody was told: one of both."""

    email: str
    phone: str


def told_at(email: str, phone: str, channel: str) -> Former | None:
    """Return where a change of this contact is told: by e-mail where an address was known, else by SMS where
    that was chosen; None where no machine told anything there.
    """
    if email:
        return Former(email, "")
    return Former("", phone) if channel == "sms" else None


async def keep_former(
    connection: Connection, vault: Vault, key: int, whose: tuple[int, int], former: Former
) -> None:
    """Keep where somebody was told, of this programme and account, and tell of the change, within a write
    that has begun.
    """
    programme, account = whose
    number: int = await connection.fetchval(_NUMBER)
    sealed = [
        seal(vault, key, text, _at(programme, number, column)) for column, text in former._asdict().items()
    ]
    await connection.execute(_OLD, programme, KEEP_DAYS)
    await connection.execute(_KEEP, number, account, programme, *sealed)
    await tell(connection, programme, CHANGED, account=account, data={"former": number})


async def find_former(
    connection: Connection, vault: Vault, programme: int, data: Mapping[str, Any]
) -> Former | None:
    """Return where the change is to be told that an event is of; None where it is not kept any more."""
    row = await connection.fetchrow(
        "select email, phone from people.former_contact where programme = $1 and number = $2",
        programme,
        _number_in(data),
    )
    if row is None:
        return None
    try:
        return Former(
            *(unseal(vault, row[each], _at(programme, _number_in(data), each)) for each in Former._fields)
        )
    except HolderErased:
        return None


async def forget_former(connection: Connection, programme: int, data: Mapping[str, Any]) -> None:
    """Forget it: it was told, or will not be."""
    await connection.execute(
        "delete from people.former_contact where programme = $1 and number = $2", programme, _number_in(data)
    )


def _number_in(data: Mapping[str, Any]) -> int:
    number = data.get("former")
    return number if isinstance(number, int) else 0


def _at(programme: int, number: int, column: str) -> bytes:
    return place(programme, number, f"former_contact.{column}")
