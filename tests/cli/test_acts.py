"""What every command that changes something owes: who and why, a yes where it stops somebody, and the truth
about its effect when it is stopped.
"""

import functools
import inspect
import json
import signal
from pathlib import Path

import pytest
from cyclopts import App

from ledger.postgres.database import Connection
from ops.cli import main
from ops.cli.app import app
from ops.exit_codes import Exit
from ops.office.acting import this_user
from tests.cli.office import SURE, Run, card
from tests.cli.test_hostile import COMMANDS


def test_a_move_of_the_books_says_who_and_why(run: Run) -> None:
    """`ledger rebucket` wants a reason, names its actor in the trail with what was before, and tells JSON."""
    assert run("ledger", "rebucket", "4", "--yes")[0] == Exit.USAGE
    done = run("ledger", "rebucket", "4", "--actor", "anna", "--reason", "more cores", "--yes", "--json")[1]
    assert json.loads(done) == {"buckets": 4, "before": 1}
    (row,) = json.loads(run("audit", "--object", "buckets", "--json")[1])
    assert (row["actor"], row["reason"], row["change"]) == ("anna", "more cores", "buckets: 1 -> 4")


def test_an_installation_s_key_is_in_the_trail(run: Run) -> None:
    """That a master key became the database's is written down with who did it."""
    (row,) = json.loads(run("audit", "--object", "master-key", "--json")[1])
    assert (row["actor"], row["change"]) == (this_user(), "added")


OTHERWISE = {
    "demo", "up", "serve", "board", "terminal", "simulate", "audit", "migrate", "config", "doctor", "backup",
    "roles", "till-page", "workers", "reload", "drain", "office", "notices",
}  # fmt: skip
LOOKS = {"list", "show", "check", "diff", "balance", "history", "verify", "trial-balance"}


def command(words: tuple[str, ...]) -> App:
    """Return what runs for these words."""
    return functools.reduce(lambda group, word: group[word], words, app)


def only_looks(words: tuple[str, ...]) -> bool:
    """Whether a command by its name or by what it opens changes nothing."""
    if words[0] in OTHERWISE or words[-1] in LOOKS or words == ("api", "serve"):
        return True
    source = inspect.getsource(inspect.unwrap(command(words).default_command))
    return "looking(" in source or "to_look=True" in source


CHANGES = [words for words in COMMANDS if not only_looks(words)]


@pytest.mark.parametrize("words", CHANGES, ids=" ".join)
def test_a_command_that_changes_the_registry_asks_who_and_why(words: tuple[str, ...]) -> None:
    """Every one of them takes --actor and --reason, and answers JSON."""
    names = {name for argument in command(words).assemble_argument_collection() for name in argument.names}
    assert names >= {"--actor", "--reason", "--json"}


STOPS = {"block", "retain", "void", "close", "resign", "suspend", "revoke", "rebucket", "destroy"}


@pytest.mark.parametrize("words", [words for words in CHANGES if words[-1] in STOPS], ids=" ".join)
def test_a_command_that_stops_something_is_asked_about(words: tuple[str, ...]) -> None:
    """Every one of them takes --yes: what stops a customer is asked about, or was confirmed."""
    names = {name for argument in command(words).assemble_argument_collection() for name in argument.names}
    assert "--yes" in names


@pytest.mark.parametrize("noun", ["partners", "terminals"])
def test_nothing_is_blocked_without_a_reason_and_a_yes(run: Run, noun: str) -> None:
    """A partner or a terminal works on until somebody says why, and confirms it; the trail has the reason."""
    run("partners", "add", "7", "Kino")
    run("terminals", "add", "7", "--partner", "7")
    for words in ((), ("--yes",), ("--reason", "lost")):
        assert run(noun, "block", "7", *words)[0] == Exit.USAGE
        assert json.loads(run(noun, "show", "7", "--json")[1])["status"] == "active"
    assert run(noun, "block", "7", *SURE)[0] == Exit.OK
    row = json.loads(run("audit", f"--{noun[:-1]}", "7", "--json")[1])[0]
    assert (row["reason"], row["change"]) == (SURE[-1], "status: active -> blocked")


def test_an_import_that_is_stopped_says_how_much_is_in(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C in the middle: status 130 with how many cards are in; the same file adds the rest."""
    file = tmp_path / "cards.csv"
    file.write_text("number\n" + "".join(f"{card(number)}\n" for number in range(12_000)), encoding="utf-8")
    with monkeypatch.context() as patched:
        patched.setattr("rich.progress.Progress.update", lambda *_, **__: signal.raise_signal(signal.SIGINT))
        status, _, err = run("cards", "import", str(file))
    assert status == Exit.INTERRUPTED
    there = 12_000 - json.loads(run("cards", "import", str(file), "--dry-run", "--json")[1])["imported"]
    assert there in (5_000, 10_000)
    assert "At least 5000 of the new cards are in: the same file adds the rest." in err
    again = json.loads(run("cards", "import", str(file), "--json")[1])
    assert (again["imported"], again["unchanged"]) == (12_000 - there, there)


def test_an_act_that_is_stopped_says_that_it_may_have_been_done(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C while the database works: nobody is left to think that nothing happened."""

    async def stop(connection: Connection, *_: object) -> None:
        async with connection.transaction():
            signal.raise_signal(signal.SIGINT)
            await connection.execute("select pg_sleep(600)")

    monkeypatch.setattr("ops.cli.partners.set_partner_status", stop)
    status, _, err = run("partners", "unblock", "7")
    assert status == Exit.INTERRUPTED
    assert "It may have taken effect" in err


def test_a_refused_init_leaves_nothing(run: Run, tmp_path: Path) -> None:
    """A DSN that cannot be used: one line, and neither a key nor a note of what it was used for."""
    key = tmp_path / "keys" / "new.key"
    for dsn in ("postgresql://u@[::1/db", "postgresql://u@127.0.0.1:1/db"):
        assert main(["init", "--dsn", dsn, "--master-key-file", str(key)]) in (
            Exit.CONFIGURATION,
            Exit.DATABASE,
        )
    assert list(key.parent.glob("*")) == []


def test_a_number_that_nothing_can_have_is_not_there(run: Run) -> None:
    """`show` of a number out of all bounds says that there is no such thing, of that very number's kind."""
    for noun in ("partners", "terminals"):
        status, _, err = run(noun, "show", "9" * 26)
        assert status == Exit.NOT_FOUND
        assert f"there is no {noun[:-1]}" in err


def test_a_card_that_is_there_is_told_with_what_differs(run: Run) -> None:
    """Adding a card once more says in words in what it differs."""
    run("cards", "add", typed=card(1))
    status, _, err = run("cards", "add", "--expires-on", "2049-12-31", typed=card(1))
    assert status == Exit.USAGE
    assert "it is there already with another expires_on: none" in err
    assert "expires_on it is" not in err


@pytest.mark.parametrize("moment", ["9999-12-31T23:59-12:00", "0001-01-01T00:00+14:00", "soon"])
def test_a_moment_that_no_year_has_is_none(run: Run, moment: str) -> None:
    """In UTC it would lie before all years or after: status 2, with what was written."""
    status, _, err = run("audit", "--since", moment)
    assert status == Exit.USAGE
    assert f"'{moment}' is no moment" in err


@pytest.mark.parametrize("hand", ["terminal", "clock"])
def test_nobody_at_a_desk_is_a_terminal_or_the_clock(run: Run, hand: str) -> None:
    """Their hands are no choice of a command: the card stays as it is."""
    run("cards", "add", typed=card(1))
    status, _, err = run("cards", "block", "--hand", hand, *SURE, typed=card(1))
    assert (status, "--hand" in err) == (Exit.USAGE, True)
    assert json.loads(run("cards", "show", "--json", typed=card(1))[1])["status"] == "active"
    assert hand not in run("cards", "block", "--help")[1].split("--hand")[1].split("--")[0]
