"""Owns the errors of the store: those asyncpg raises, so that their real translation runs on them.

Knows nothing of what went wrong.
"""

from typing import Final

import asyncpg

IDS_CLOSED: Final = "CS001"
NO_DATA_FOUND: Final = "P0002"


def refusal(sqlstate: str, message: str, constraint: str = "") -> Exception:
    """The error of a server that refuses a statement with this SQLSTATE."""
    fields = {"S": "ERROR", "C": sqlstate, "M": message}
    if constraint:
        fields["n"] = constraint
    found: Exception = asyncpg.PostgresError.new(fields)
    return found


def connection_lost() -> Exception:
    """The error of a statement whose connection went away under it: nothing is known of it."""
    return _made(asyncpg.ConnectionDoesNotExistError("connection was closed in the middle of operation"))


def connection_closed() -> Exception:
    """The error of a statement on a connection that was closed before."""
    return _made(asyncpg.InterfaceError("connection is closed"))


def _made(error: Exception) -> Exception:
    return error
