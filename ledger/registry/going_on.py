"""Owns whether the contract of an account goes on: as long as one of its cards has not ended.

A notice that has run out is over by its day. Of an account whose contract has ended everything stays as it
is, but whoever it was of may be known by another account (Zgierz § 7, § 28). Reads, with any rights that see
the cards.
"""

from collections.abc import Collection
from typing import Final

from ledger.postgres.database import Connection
from ledger.registry.card_states import ENDED

_GOING_ON: Final = """select account from registry.card where account = any($1::bigint[])
  and registry.status_today(account, status) <> all($2::smallint[]) group by account"""


async def going_on(connection: Connection, accounts: Collection[int]) -> set[int]:
    """Return those of the accounts whose contract goes on."""
    rows = await connection.fetch(_GOING_ON, list(accounts), [int(status) for status in ENDED])
    return {row["account"] for row in rows}
