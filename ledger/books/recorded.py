"""Owns the journal's rows as they are read to make their decisions again.

Reads only. Must not know what a row means to a programme.
"""

from typing import Any, Final

import msgspec

from ledger.books.posting import Kind
from ledger.postgres.database import Connection


class Recorded(msgspec.Struct, frozen=True, gc=False):
    """One row of the journal; `details` as in 0002. `is_wanted`: it was asked for, and is not here for the
    sake of another.
    """

    terminal: int
    stan: int
    original_stan: int
    transaction_id: int
    account: int
    counter_account: int
    points: int
    balance: int
    amount_grosze: int
    accepted_at_ms: int
    terminal_time: int
    registry_number: int
    rules_version: int
    previous_terminal: int
    previous_stan: int
    kind: int
    code: int
    last4: int
    details: int
    step_grosze: int
    offer: int
    remaining: int | None
    original_terminal: int
    discount_grosze: int
    tier: int
    basis: int
    is_wanted: bool = True

    @property
    def entry(self) -> int:
        """How the card was read."""
        return self.details & 7

    @property
    def confirmed(self) -> int:
        """What the cashier confirmed, in the wire's bits."""
        return self.details >> 6 & 7

    @property
    def checks(self) -> int:
        """What the cashier was told to check, in the wire's bits."""
        return self.details >> 9 & 7

    @property
    def is_decided_by_switch(self) -> bool:
        """Whether it was a terminal's request, and no tombstone or a hand's adjustment."""
        return self.kind not in (Kind.TOMBSTONE, Kind.ADJUSTMENT)


_COLUMNS: Final = ", ".join(
    f"coalesce(j.{name}, 0)"
    if name in {"offer", "original_terminal", "discount_grosze", "tier", "basis"}
    else f"j.{name}"
    for name in Recorded.__struct_fields__[:-1]
)
_ONE: Final = f"select {_COLUMNS} from office.row_v1($1, $2) j"  # noqa: S608 fixed names
_BETWEEN: Final = f"""select {_COLUMNS}, j.accepted_at_ms >= $1 and j.accepted_at_ms < $2
  from ledger.journal j
  where j.accepted_at_ms >= $1 and j.accepted_at_ms < $2
    or j.account in (select w.account from ledger.journal w
      where w.account <> 0 and w.accepted_at_ms >= $1 and w.accepted_at_ms < $2)
    or (j.terminal, j.stan) in (select coalesce(w.original_terminal, w.terminal), w.original_stan
      from ledger.journal w where w.original_stan <> 0 and w.accepted_at_ms >= $1 and w.accepted_at_ms < $2)
  order by j.registry_number, j.transaction_id"""  # noqa: S608 fixed names


async def read_row(connection: Connection, terminal: int, stan: int) -> Recorded | None:
    """Return the row of one id, or None."""
    row: Any = await connection.fetchrow(_ONE, terminal, stan)
    return None if row is None else Recorded(*row)


async def read_journal(connection: Connection, from_ms: int, to_ms: int) -> list[Recorded]:
    """Return the rows accepted from a moment until before another, with all of their accounts and what they
    name.

    In the order of the registry's numbers. Reads the whole journal.
    """
    return [Recorded(*row) for row in await connection.fetch(_BETWEEN, from_ms, to_ms)]
