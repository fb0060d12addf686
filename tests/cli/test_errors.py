"""Failures of the command: one line with cause and cure, a status of its own, never a traceback."""

import errno
import os
import socket
from pathlib import Path

import pytest

from ops.cli import main
from ops.cli.failures import report
from ops.errors import CommandError
from ops.exit_codes import Exit
from simulators.city.example import EXAMPLE_CARD
from tests.postgres import FreshDatabase


def failure_of(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    """Run a command that fails; return its status and the last line it said."""
    status = main(arguments)
    lines = capsys.readouterr().err.splitlines()
    assert lines
    assert "Traceback" not in "".join(lines)
    return status, lines[-1]


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("listen_port = 70000", "listen_port"),
        ('workers = "many"', "workers"),
        ("listen_prot = 7070", "listen_prot"),
        ("listen_port = ", "TOML"),
        ('listen_host = "0.0.0.0"', "tls"),
    ],
)
def test_a_bad_settings_file_is_named_with_its_key(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, named: str
) -> None:
    """A settings file that cannot be used: status 3, the file and the key named."""
    file = tmp_path / "cityswitch.toml"
    file.write_text(text, encoding="utf-8")
    status, line = failure_of(["config", "check", "--config", str(file)], capsys)
    assert status == Exit.CONFIGURATION
    assert str(file) in line
    assert named in line


def test_a_settings_file_that_is_not_there_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A settings file that is not there: status 3, the path named."""
    file = tmp_path / "absent.toml"
    status, line = failure_of(["cards", "list", "--config", str(file)], capsys)
    assert status == Exit.CONFIGURATION
    assert str(file) in line


@pytest.mark.parametrize(
    ("dsn", "status"),
    [
        ("mysql://localhost/x", Exit.CONFIGURATION),
        ("postgresql://somebody@127.0.0.1:1/nothing", Exit.DATABASE),
    ],
)
def test_a_wrong_dsn_says_what_is_wrong(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, dsn: str, status: Exit
) -> None:
    """A DSN that is none is status 3; one where nobody answers is status 4."""
    found, line = failure_of(["partners", "list", "--dsn", dsn, "--state-dir", str(tmp_path)], capsys)
    assert found == status
    assert line.startswith("cityswitch: ")


def test_a_database_that_is_not_there_is_a_matter_of_configuration(
    capsys: pytest.CaptureFixture[str], fresh: FreshDatabase
) -> None:
    """A server without the database named: status 3 and the cure."""
    dsn = fresh.owner_dsn.replace(fresh.name, "no_such_database")
    status, line = failure_of(["partners", "list", "--dsn", dsn], capsys)
    assert status == Exit.CONFIGURATION
    assert "no_such_database" in line


def test_an_empty_state_directory_points_to_the_first_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without a DSN and without an embedded database yet: status 6, and nothing is made."""
    status, line = failure_of(["cards", "list", "--state-dir", str(tmp_path / "none")], capsys)
    assert status == Exit.STATE
    assert "cityswitch demo" in line
    assert not (tmp_path / "none").exists()


def test_a_missing_master_key_says_how_to_get_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], ledger_dsn: str
) -> None:
    """A command that needs the master key and finds none: status 3, the path and the cure named."""
    status, line = failure_of(
        ["cards", "show", EXAMPLE_CARD, "--dsn", ledger_dsn, "--state-dir", str(tmp_path)], capsys
    )
    assert status == Exit.CONFIGURATION
    assert "master.key is missing" in line


@pytest.mark.parametrize("amount", ["45.901", "abc", "4,5,6"])
def test_a_bad_amount_is_a_matter_of_usage(capsys: pytest.CaptureFixture[str], amount: str) -> None:
    """An amount that is none: status 2, before anything is connected."""
    status, line = failure_of(["terminal", "earn", "--card", EXAMPLE_CARD, "--amount", amount], capsys)
    assert status == Exit.USAGE
    assert "45.90" in line


@pytest.mark.parametrize("card", ["123", EXAMPLE_CARD[:-1] + str((int(EXAMPLE_CARD[-1]) + 1) % 10), "x" * 16])
def test_a_bad_card_is_a_matter_of_usage_and_not_repeated(
    capsys: pytest.CaptureFixture[str], card: str
) -> None:
    """A card number that is none: status 2, and the line does not repeat it."""
    status, line = failure_of(["terminal", "balance", "--card", card], capsys)
    assert status == Exit.USAGE
    assert card not in line


def test_a_switch_that_is_not_there_is_told_from_a_refusal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nobody listens where the terminal connects: status 10 and how to start a switch."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        status, line = failure_of(
            ["terminal", "echo", "--switch", f"127.0.0.1:{port}", "--state-dir", str(tmp_path)], capsys
        )
    assert status == Exit.CANNOT_CONNECT
    assert "cityswitch up" in line


def test_a_port_in_use_is_found_by_the_check(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], fresh: FreshDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`config check` tells a taken port, which one and which setting moves it."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        monkeypatch.setenv("CITYSWITCH_LISTEN_PORT", str(port))
        main(["config", "check", "--dsn", fresh.service_dsn, "--state-dir", str(tmp_path)])
    shown = capsys.readouterr().out
    assert f"FAIL  ports        127.0.0.1:{port}" in shown
    assert f"listen_port = {port}  # environment CITYSWITCH_LISTEN_PORT" in shown
    assert "listen_port" in shown


def test_a_terminal_key_that_is_none_is_not_repeated(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A key that is not 64 hex digits: status 3, and it is not printed."""
    monkeypatch.setenv("CITYSWITCH_TERMINAL_KEY", "abcd" * 15)
    status, line = failure_of(["terminal", "echo", "--state-dir", str(tmp_path)], capsys)
    assert status == Exit.CONFIGURATION
    assert "abcd" not in line


def test_a_foreign_terminal_needs_its_key(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A terminal that is not of the simulated city and has no key given: status 3 and how to get one."""
    status, line = failure_of(["terminal", "echo", "--terminal", "17", "--state-dir", str(tmp_path)], capsys)
    assert status == Exit.CONFIGURATION
    assert "key issue" in line


@pytest.mark.parametrize(
    ("number", "status"),
    [
        (errno.ENOSPC, Exit.STATE),
        (errno.EDQUOT, Exit.STATE),
        (errno.EACCES, Exit.STATE),
        (errno.EADDRINUSE, Exit.PORT),
    ],
)
def test_the_system_s_refusals_have_statuses_of_their_own(number: int, status: Exit) -> None:
    """A full disk, a forbidden folder and a taken port are told apart, also from inside a nursery."""
    error = ExceptionGroup("nursery", [OSError(number, os.strerror(number), "/some/where")])
    told = report(error)
    assert told.status is status
    assert "/some/where" in str(told)
    assert "\n" not in str(told)


def test_an_unexpected_failure_leaves_its_details_in_a_private_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A defect of ours: status 70, one line, the traceback in a file that only this user can read."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    told = report(ExceptionGroup("nursery", [ZeroDivisionError("a\nb")]))
    assert told.status is Exit.INTERNAL
    line = str(told)
    assert "\n" not in line
    (details,) = tmp_path.glob("cityswitch-failure-*.log")
    assert str(details) in line
    assert "ZeroDivisionError" in details.read_text()
    assert details.stat().st_mode & 0o077 == 0


def test_ctrl_c_is_an_end_not_a_failure() -> None:
    """Ctrl-C ends in status 130, whatever else was under way."""
    group = BaseExceptionGroup("nursery", [KeyboardInterrupt(), CommandError(Exit.PORT, "x")])
    assert report(group).status is Exit.INTERRUPTED


def test_the_readme_lists_every_exit_status() -> None:
    """README's table has exactly the statuses that there are."""
    page = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    table = page.partition("| exit status |")[2].partition("\n\n")[0]
    assert [int(row.split("|")[1]) for row in table.splitlines()[2:]] == sorted(
        int(status) for status in Exit
    )
