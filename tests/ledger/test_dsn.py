"""What reading a DSN promises: libpq's URI whole, other forms refused in one line that says what to write."""

import getpass
from urllib.parse import parse_qsl

import pytest

from ledger.errors import DatabaseMisconfigured
from ledger.postgres.dsn import has_password, read_dsn, without_password

ME = getpass.getuser()


def places(dsn: str) -> list[tuple[str, str, str, str]]:
    """Host, port, user and database of each host."""
    named = [dict(parse_qsl(host.partition("?")[2])) for host in read_dsn(dsn).hosts]
    return [(found["host"], found["port"], found["user"], found["dbname"]) for found in named]


@pytest.mark.parametrize(
    ("dsn", "expected"),
    [
        ("postgresql://u:p@a:1,b:2/x", [("a", "1", "u", "x"), ("b", "2", "u", "x")]),
        ("postgresql://u@a,b:2/x", [("a", "5432", "u", "x"), ("b", "2", "u", "x")]),
        ("postgresql://u@/x?host=/a,/b&port=1,2", [("/a", "1", "u", "x"), ("/b", "2", "u", "x")]),
        ("postgresql://u@/x?host=a,b&port=7", [("a", "7", "u", "x"), ("b", "7", "u", "x")]),
        ("postgresql://u@/x?host=a,b&port=7,", [("a", "7", "u", "x"), ("b", "5432", "u", "x")]),
        ("postgresql://u@[::1]:7,[2001:db8::1]/x", [("[::1]", "7", "u", "x"),
                                                    ("[2001:db8::1]", "5432", "u", "x")]),
        ("postgresql://u@/x?host=::1", [("[::1]", "5432", "u", "x")]),
        ("postgres://u@%2Frun%2Fpg/x", [("/run/pg", "5432", "u", "x")]),
        ("postgresql://?host=a&user=w&dbname=y", [("a", "5432", "w", "y")]),
        ("postgresql://u@a", [("a", "5432", "u", "u")]),
        ("postgresql://", [("localhost", "5432", ME, ME)]),
    ],
)  # fmt: skip
def test_all_hosts_are_named(dsn: str, expected: list[tuple[str, str, str, str]]) -> None:
    """Hosts, ports, user and database, wherever libpq lets them stand in a URI."""
    assert places(dsn) == expected


def test_what_a_dsn_says_besides_is_kept() -> None:
    """Passwords with signs in them, TLS, server settings, the time limit."""
    found = read_dsn(
        "postgresql://u:p%40%2F@a/x?sslmode=require&options=-c%20work_mem%3D1MB&connect_timeout=3"
    )
    (host,) = found.hosts
    named = dict(parse_qsl(host.partition("?")[2]))
    assert (named["password"], named["sslmode"], named["options"]) == ("p@/", "require", "-c work_mem=1MB")
    assert found.connect_s == 3.0
    assert read_dsn("postgresql://a?connect_timeout=0").connect_s is None


@pytest.mark.parametrize(
    ("dsn", "text"),
    [
        ("host=a dbname=x password=secret", "list of key=value: write it as postgresql://USER@HOST1:PORT1"),
        ("mysql://u:secret@x/y", "must begin with postgresql://"),
        ("postgresql://u:se/cret@h/x", "port that is not 1 to 65535; in a password, write"),
        ("postgresql://u:se?cret@h/x", "not name=value&name=value; in a password, write"),
        ("postgresql://h:0/x", "port that is not 1 to 65535"),
        ("postgresql://h/x?host=a,b&port=1,2,3", "2 hosts and 3 ports"),
        ("postgresql://h/x?connect_timeout=soon", "whole number of seconds"),
        ("postgresql://h/x?hostaddr=::1", "`hostaddr`: give the address as the host"),
        ("postgresql://h/x?application_name=me", "`application_name`: leave it out"),
        ("postgresql://h/x?service=main", "`service`: write out"),
        ("postgresql://h/x?statement_timeout=5", "`statement_timeout`: give a setting of the server as `opt"),
    ],
)
def test_other_forms_are_refused_in_one_line(dsn: str, text: str) -> None:
    """What cannot be used says what to write, and shows no password."""
    with pytest.raises(DatabaseMisconfigured, match="DSN") as caught:
        read_dsn(dsn)
    assert text in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "cret" not in str(caught.value)


@pytest.mark.parametrize(
    ("dsn", "shown"),
    [
        ("postgresql://u:secret@a,b:1/x?sslmode=require", "postgresql://u:***@a,b:1/x?sslmode=require"),
        ("postgresql://u:se@c/ret@a/x", "postgresql://u:***@a/x"),
        ("postgresql://u@a/x?password=secret&sslpassword=secret", "postgresql://u@a/x?password=***&sslpassword=***"),
        ("host=a password=secret user=u", "host=a password=*** user=u"),
        ("postgresql://u@a:1/x?host=/run/pg", "postgresql://u@a:1/x?host=/run/pg"),
    ],
)  # fmt: skip
def test_a_dsn_is_shown_without_its_passwords(dsn: str, shown: str) -> None:
    """Wherever a password may stand, also in forms that are refused."""
    assert without_password(dsn) == shown


@pytest.mark.parametrize(
    ("dsn", "message"),
    [
        (f"postgresql://a:{'9' * 5_000}/db", "a port that is not 1 to 65535"),
        ("postgresql://a:0/db", "a port that is not 1 to 65535"),
        ("postgresql://u@[::1/db", "a port that is not 1 to 65535"),
        (f"postgresql://a/db?connect_timeout={'9' * 5_000}", "whole number of seconds"),
        ("postgresql://a/db?target_session_attrs=foo", "one of any, prefer-standby, primary"),
        ("postgresql://a/db?sslmode=on", "one of allow, disable, prefer"),
    ],
)
def test_a_value_out_of_bounds_is_refused_by_name(dsn: str, message: str) -> None:
    """However long a number is, and whatever a word is that nobody knows: one line says what would do."""
    with pytest.raises(DatabaseMisconfigured, match=message) as caught:
        read_dsn(dsn)
    assert "9" * 100 not in str(caught.value)


@pytest.mark.parametrize("error", [KeyError, OSError])
def test_a_process_without_a_user_name(error: type[Exception], monkeypatch: pytest.MonkeyPatch) -> None:
    """In a container, say: a DSN without user is refused in one line, and one with a password still known."""

    def nobody() -> str:
        raise error("getpwuid(): uid not found: 54321")

    monkeypatch.setattr(getpass, "getuser", nobody)
    with pytest.raises(DatabaseMisconfigured, match="names no user"):
        read_dsn("postgresql:///x")
    assert not has_password("postgresql:///x")
    assert has_password("postgresql:///x?pass%77ord=secret")
    assert places("postgresql://u@a/x") == [("a", "5432", "u", "x")]


def test_zeros_before_a_port_change_nothing() -> None:
    """A port is the number its digits are."""
    assert places("postgresql://u@a:05433/x") == [("a", "05433", "u", "x")]
