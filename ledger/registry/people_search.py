"""Owns how a desk finds somebody: pages of sealed names to look through, and the accounts of a PESEL.

Names stand sealed, each under its own key, so that nothing can be asked of them in SQL: whoever searches
reads them page by page. Takes the owner's connection or a programme's. No error repeats what was typed.
"""

from typing import Any, Final

from ledger.errors import HolderErased
from ledger.postgres.database import Connection
from ledger.registry.pesel_tokens import accounts_of_pesel
from ledger.registry.sealed import place, unseal
from ledger.registry.vault import Vault

PAGE_ROWS: Final = 2_000

_NAMES: Final = """select account, programme, name from people.person
  where programme = $1 and account > $2 order by account limit $3"""


async def page_of_names(connection: Connection, programme: int, after: int = 0) -> list[Any]:
    """Return a page of persons of a programme with an account above `after`, their names as they stand."""
    rows: list[Any] = await connection.fetch(_NAMES, programme, after, PAGE_ROWS)
    return rows


def name_in(vault: Vault, row: Any) -> str:
    """Return the name of a row of `page_of_names`; nothing where the key was destroyed."""
    try:
        return unseal(vault, row["name"], place(row["programme"], row["account"], "person.name"))
    except HolderErased:
        return ""


__all__ = ["PAGE_ROWS", "accounts_of_pesel", "name_in", "page_of_names"]
