"""What becomes of each error of the server: a row refused for its data, or all sent again."""

import asyncpg
import pytest

from ledger.errors import (
    DatabaseContended,
    DatabaseMisconfigured,
    DatabaseUnavailable,
    LedgerError,
    StatementRefused,
)
from ledger.postgres.errors import first_line, translate


def server_error(sqlstate: str, text: str = "as the server says") -> asyncpg.PostgresError:
    return asyncpg.PostgresError.new({"C": sqlstate, "M": text, "S": "ERROR"})


@pytest.mark.parametrize(
    ("sqlstates", "kind"),
    [
        # A number out of range, a constraint, a row too large, a page that cannot be read: of this row.
        ("22003 22P02 22021 23505 23502 21000 44000 54000 P0001 XX001 XX002", StatementRefused),
        # A lost race.
        ("40001 40P01", DatabaseContended),
        # A session that is not what it was: no such statement, one there already, a changed result type, a
        # wrong state, a protocol out of step.
        ("26000 42P05 0A000 08P01 34000 25P01 25P02 25001 XX000", DatabaseUnavailable),
        # Resources, operator, read-only, locked: "too many connections for role" among them.
        ("53300 53100 57P01 57P03 57014 58030 25006 55P03 55006 08006 3B001", DatabaseUnavailable),
        # Nobody has thought of these.
        ("F0000 HV000 99999 38000", DatabaseUnavailable),
        ("42501 42P01 42883 42703 28P01 3D000", DatabaseMisconfigured),
    ],
)
def test_only_an_error_of_data_refuses_a_row(sqlstates: str, kind: type[LedgerError]) -> None:
    """Everything that is not about the data leaves the postings alive."""
    for sqlstate in sqlstates.split():
        assert type(translate(server_error(sqlstate))) is kind, sqlstate


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (asyncpg.InvalidCachedStatementError("cached plan must not change result type"), DatabaseUnavailable),
        (asyncpg.exceptions.OutdatedSchemaCacheError("changed"), DatabaseUnavailable),
        (asyncpg.InterfaceError("another operation is in progress"), DatabaseUnavailable),
        (asyncpg.InterfaceError("the prepared statement is closed"), DatabaseUnavailable),
        (asyncpg.exceptions._base.DataError("an integer is required"), StatementRefused),
        (ConnectionResetError(), DatabaseUnavailable),
        (TimeoutError(), DatabaseUnavailable),
    ],
)
def test_errors_of_the_driver(error: Exception, kind: type[LedgerError]) -> None:
    """What asyncpg finds itself: only an argument that cannot be encoded is about the data."""
    assert type(translate(error)) is kind


def test_an_error_is_told_in_one_line() -> None:
    """asyncpg appends what the server says besides; what is told is what went wrong, or at least its kind."""
    fields = {"C": "22012", "M": "division by zero", "D": "of 1", "H": "try another", "S": "ERROR"}
    error = asyncpg.PostgresError.new(fields)
    assert str(error).count("\n") == 2
    assert first_line(error) == str(translate(error)) == "division by zero"
    assert first_line(TimeoutError()) == "TimeoutError"


@pytest.mark.parametrize(
    "said",
    [
        'connection to server at "w1" (10.0.0.2), port 5433 failed: FATAL:  password authentication failed'
        ' for user "books"\nconnection to server at "w1" (10.0.0.2), port 5433 failed: FATAL:  another',
        'FATAL:  role "books" does not exist',
        'FATAL:  role "books" is not permitted to log in',
        'FATAL:  no pg_hba.conf entry for host "10.0.0.1", user "books", database "city", no encryption',
        "fe_sendauth: no password supplied",
    ],
)
def test_a_server_that_lets_citus_not_in_is_named(said: str) -> None:
    """Which role is to exist at which server, and where that stands; not that the database is away."""
    told = translate(
        server_error(
            "08006", f"connection to the remote node books@w1:5433 failed with the following error: {said}"
        )
    )
    assert type(told) is DatabaseMisconfigured
    assert "role books is to exist at w1:5433 with the password" in str(told)
    assert "docs/how-to/citus.md" in str(told)
    assert "\n" not in str(told)


@pytest.mark.parametrize(
    "said", ["Connection refused", 'FATAL:  database "city" does not exist', "connection not open"]
)
def test_a_server_that_does_not_answer_citus_is_lost(said: str) -> None:
    """What is no refusal of a login may be mended by waiting."""
    text = f"connection to the remote node books@w1:5433 failed with the following error: {said}"
    assert type(translate(server_error("08006", text))) is DatabaseUnavailable


def test_what_is_ours_passes_and_what_is_nobodys_is_not_taken() -> None:
    """A closed type stays what it is; a defect of ours is not called the database's fault."""
    mine = StatementRefused("x", "22003")
    assert translate(mine) is mine
    assert translate(KeyError("x")) is None
