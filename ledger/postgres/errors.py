"""Owns the turning of what asyncpg and sockets raise into the closed types of `ledger.errors`.

One question decides what becomes of a batch: is the error about its data? Only then may a row be refused for
it (StatementRefused). Everything else is about the connection, the server or the installation: nothing is
known of the batch, and it is sent again over a new connection. That holds for errors nobody has thought of as
well. Opens nothing, knows nothing of postings.
"""

import re
from typing import Final

import asyncpg

from ledger.errors import (
    DatabaseContended,
    DatabaseMisconfigured,
    DatabaseUnavailable,
    IdsClosed,
    LedgerError,
    StatementRefused,
)

_MIGRATE: Final = "run `cityswitch migrate` of this version"
_MISCONFIGURED: Final = {
    "28000": "the server refuses this user: check the user in the DSN and pg_hba.conf",
    "28P01": "the password is wrong: check the DSN, or set one with ALTER ROLE … PASSWORD",
    "3D000": "there is no such database: create it, or correct the DSN",
    "3F000": "the schema is missing: run `cityswitch migrate`",
    "42P01": "a table is missing: run `cityswitch migrate`",
    "42883": "a function is missing: run `cityswitch migrate`",
    "42501": "this role may not do that: see `cityswitch roles --help`, or name another role's DSN",
    "42601": _MIGRATE,
    "42703": _MIGRATE,
    "42804": _MIGRATE,
}
_IDS_CLOSED: Final = "CS001"
"""Raised by the batch function (`ledger.refuse_closed_v1`)."""
_NOT_REACHED: Final = "08006"
# Citus tells the words of the server that it asked, and not the state that would say what they mean.
_ASKED_BY_CITUS: Final = re.compile(
    r"connection to the remote node (?P<role>.+)@(?P<server>\S+) failed with the following error: .*"
    r"(?:password authentication failed|no password supplied|no pg_hba\.conf entry|role .* does not exist"
    r"|not permitted to log in)"
)
_CONTENDED: Final = frozenset({"40001", "40P01"})
# Cardinality, data exception, constraint, check option, limits of a row or statement, raised by a function.
_DATA_CLASSES: Final = frozenset({"21", "22", "23", "44", "54", "P0"})
# A damaged page or index: what lies on it cannot be posted, what lies elsewhere can.
_DATA: Final = frozenset({"XX001", "XX002"})


def first_line(error: BaseException) -> str:
    """What is told of an error: the first line of what it says, for asyncpg appends DETAIL and HINT."""
    return str(error).strip().partition("\n")[0].rstrip() or type(error).__name__


def translate(error: BaseException) -> LedgerError | None:
    """Turn what asyncpg or the socket raised into one of our closed types; None for anything else."""
    sqlstate = getattr(error, "sqlstate", None)
    text = first_line(error)
    closed: LedgerError | None = None
    if isinstance(error, LedgerError):
        closed = error
    elif isinstance(error, asyncpg.PostgresError) and isinstance(sqlstate, str):
        closed = _translate_sqlstate(sqlstate, text)
    elif isinstance(error, asyncpg.ClientConfigurationError):
        closed = DatabaseMisconfigured(f"the DSN cannot be used: {text}")
    elif isinstance(error, asyncpg.InterfaceError) and isinstance(error, ValueError):
        closed = StatementRefused(text, "")  # an argument that cannot be encoded
    elif isinstance(error, OSError | TimeoutError | asyncpg.InterfaceError | asyncpg.InternalClientError):
        closed = DatabaseUnavailable(f"the database does not answer: {text}")
    return closed


def not_let_in(said: str, role: str, server: str) -> DatabaseMisconfigured:
    """The error of a login that a server refused: a wrong password, no such role, or no line for it, which
    the server's words do not tell apart.
    """
    return DatabaseMisconfigured(
        f"{said}: role {role} is to exist at {server} with the password that is given, and pg_hba.conf there"
        " is to let it in (of several servers at each: docs/how-to/citus.md)"
    )


def _translate_sqlstate(sqlstate: str, text: str) -> LedgerError:
    if sqlstate == _NOT_REACHED and (found := _ASKED_BY_CITUS.search(text)):
        return not_let_in(text, found["role"], found["server"])
    if sqlstate == _IDS_CLOSED:
        return IdsClosed(text)
    if sqlstate in _CONTENDED:
        return DatabaseContended(text)
    if sqlstate in _MISCONFIGURED:
        return DatabaseMisconfigured(f"{text}: {_MISCONFIGURED[sqlstate]}")
    if sqlstate[:2] in _DATA_CLASSES or sqlstate in _DATA:
        return StatementRefused(text, sqlstate)
    return DatabaseUnavailable(text)
