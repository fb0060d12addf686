"""Owns what asyncpg's connection does otherwise than asyncpg has it.

- Arrays of types that every Postgres has are known beforehand: asyncpg would ask each new connection for
  them, two statements of two round trips each.
- A transaction whose connection has gone is over, and one that is cancelled is over with its connection,
  which stands in the middle of a statement and is dropped by its session: why it ends is told. asyncpg says
  in place of that that it cannot be rolled back, and a job that is merely ended would take it for a failure.

Knows nothing of loops or of who uses a connection.
"""

from typing import Any, Final

import asyncpg
from asyncpg.transaction import Transaction

# Of the array, of its elements, as pg_type.dat has them.
_ARRAYS: Final = {
    "bool": (1000, 16),
    "bytea": (1001, 17),
    "int2": (1005, 21),
    "int4": (1007, 23),
    "int8": (1016, 20),
    "float8": (1022, 701),
    "date": (1182, 1082),
    "timestamptz": (1185, 1184),
    "record": (2287, 2249),
}
_KNOWN: Final = [
    {
        "oid": array, "ns": "pg_catalog", "name": f"_{name}", "kind": b"b", "elemtype": element,
        "elemtype_name": name, "elemdelim": b",", "basetype": None, "range_subtype": None,
        "attrtypoids": None, "attrnames": None,
    }
    for name, (array, element) in _ARRAYS.items()
]  # fmt: skip


class EndingTransaction(Transaction):  # type: ignore[misc]
    """A transaction that ends with its connection, and lets be told why."""

    async def __aexit__(self, kind: Any, error: Any, trace: Any) -> None:
        is_cancelled = not isinstance(error, Exception | GeneratorExit)
        if error is None or not (is_cancelled or self._connection.is_closed()):
            await super().__aexit__(kind, error, trace)


class DriverConnection(asyncpg.Connection):  # type: ignore[misc]
    """asyncpg's connection, but for the above."""

    __slots__ = ()

    def know_arrays(self) -> None:
        """Spare the questions; to be called once, when it has been made."""
        self._protocol.get_settings().register_data_types(_KNOWN)

    def transaction(
        self, *, isolation: Any = None, readonly: bool = False, deferrable: bool = False
    ) -> EndingTransaction:
        """As asyncpg says."""
        self._check_open()
        return EndingTransaction(self, isolation, readonly, deferrable)
