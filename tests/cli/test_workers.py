"""`cityswitch workers`, `reload`, `drain`: the switch that runs here, seen and told from another process."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import trio

from ledger.postgres.database import open_database
from ledger.registry.secrets import MasterKey
from ops.cli import main
from ops.exit_codes import Exit
from ops.office.workers import look_at
from ops.place.running import RunningNote, noted, read_note
from ops.place.state_lock import held_by, state_held
from tests.cli.test_serve import start, until_serving
from tests.patience import HANG_S
from tests.postgres import Server
from tests.switch.city import seed

Command = Callable[..., tuple[int, str, str]]
Rows = list[dict[str, Any]]
UNHURRIED = "worker_silent_s = 600\ndrain_s = 120\n"
"""Of the settings: no worker is ended because it stood still, nor given up because it came up slowly."""


class Serving(NamedTuple):
    """A `cityswitch serve` of two workers."""

    process: subprocess.Popen[bytes]
    state: Path
    settings: Path
    log: Path


@pytest.fixture(scope="module")
def serving(postgres_server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """One switch for all tests of this file."""
    state = tmp_path_factory.mktemp("serving")
    fresh = postgres_server.create()
    settings, log_path = state / "cityswitch.toml", state / "serve.log"
    settings.write_text(f"workers = 2\nidle_s = 100\n{UNHURRIED}")

    async def prepare() -> None:
        async with open_database(fresh.owner_dsn) as owner:
            await seed(owner, MasterKey.create(state / "master.key"))

    trio.run(prepare)
    options = ("--listen-port", "0", "--http-port", "0", "--config", str(settings))
    with log_path.open("wb") as log, start(fresh, state, log.fileno(), *options) as process:
        try:
            trio.run(until_serving, state, process)
            yield Serving(process, state, settings, log_path)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(HANG_S)
    postgres_server.drop(fresh)


@pytest.fixture
def command(serving: Serving, capsys: pytest.CaptureFixture[str]) -> Command:
    """Run a command where the switch runs."""

    def run(*words: str) -> tuple[int, str, str]:
        status = main([*words, "--state-dir", str(serving.state), "--config", str(serving.settings)])
        out, err = capsys.readouterr()
        return status, out, err

    return run


def told_when(command: Command, is_so: Callable[[Rows], bool]) -> tuple[int, Rows]:
    """Ask for the workers until what is told is so: one that has no processor does not answer in time."""
    deadline = time.monotonic() + HANG_S
    while True:
        status, out, err = command("workers", "--json")
        rows: Rows = json.loads(out)
        if is_so(rows):
            return status, rows
        assert time.monotonic() < deadline, (out, err)


def views(command: Command) -> Rows:
    """What is told of the workers when all are ready."""
    status, rows = told_when(command, lambda rows: all(row["ready"] for row in rows))
    assert status == Exit.OK
    return rows


def test_workers_are_told_with_what_they_do(command: Command, serving: Serving) -> None:
    """Each with its process, its pages, its version and figures; ready, or why not."""
    first, second = views(command)
    assert (first["worker"], second["worker"]) == (0, 1)
    assert first["pid"] != second["pid"]
    assert {first["connections"], first["in_flight"], first["restarts"]} == {0}
    assert first["version"] is not None
    assert first["why_not"] is None
    assert command("workers", "--csv")[1].count("\n") == 3


def test_a_worker_is_drained_and_another_takes_its_place(command: Command, serving: Serving) -> None:
    """The other goes on; it counts as no death, and the log says so."""
    before = views(command)
    status, out, err = command("drain", "--worker", "1", "--json")
    assert status == Exit.OK, err
    told = json.loads(out)
    after = views(command)
    assert (told["drained_pid"], told["pid"]) == (before[1]["pid"], after[1]["pid"])
    assert told["pid"] != told["drained_pid"]
    assert after[0]["pid"] == before[0]["pid"]
    assert after[1]["restarts"] == 0
    assert '"event":"worker_drained"' in serving.log.read_text()
    assert command("drain", "--worker", "2")[0] == Exit.NOT_FOUND


def test_a_reload_tells_what_became_of_it(command: Command, serving: Serving) -> None:
    """What changed and what wants a restart; settings that cannot be used change nothing: status 3."""
    serving.settings.write_text(f"workers = 3\nidle_s = 50\n{UNHURRIED}")
    status, out, err = command("reload", "--json")
    assert status == Exit.OK, err
    assert json.loads(out) == {"changed": ["idle_s"], "need_restart": ["workers"]}
    status, out, _ = command("reload")
    assert (status, out) == (Exit.OK, "Read again; changed: nothing. To be restarted for: workers.\n")


def test_the_note_follows_the_processes(command: Command, serving: Serving) -> None:
    """Whoever is killed is named by its new process as soon as there is one; nobody else's changes."""

    def current() -> RunningNote:
        note = read_note(serving.state)
        assert note is not None
        return note

    before = current().pids
    assert before == [view["pid"] for view in views(command)]
    assert before[1] is not None
    os.kill(before[1], signal.SIGKILL)

    async def until_another_serves() -> None:
        with trio.fail_after(HANG_S):
            while current().pids[1] in (None, before[1]):  # noqa: ASYNC110 another process'
                await trio.sleep(0.05)
            while not (await look_at(current(), 1)).is_ready:  # noqa: ASYNC110 as above
                await trio.sleep(0.05)

    trio.run(until_another_serves)
    assert current().pids == [view["pid"] for view in views(command)]
    assert current().pids[0] == before[0]


def test_a_worker_that_stands_still_is_told(command: Command) -> None:
    """It does not answer: status 1, its process is named, and the others are told all the same."""
    pid = views(command)[0]["pid"]
    os.kill(pid, signal.SIGSTOP)
    try:
        status, (first, _) = told_when(command, lambda rows: rows[1]["ready"])
        assert status == Exit.DIFFERENCES
        assert (first["ready"], first["pid"]) == (False, pid)
        assert (
            first["why_not"] == f"it does not answer: its process is stopped (let it go on: kill -CONT {pid})"
        )
        assert command("drain", "--worker", "0")[0] == Exit.STATE  # it would be killed
    finally:
        os.kill(pid, signal.SIGCONT)


@pytest.mark.parametrize("words", [("workers",), ("reload",), ("drain", "--yes")], ids=" ".join)
def test_where_no_switch_runs_it_is_said(
    words: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line and status 6: no switch, one that is not ready yet, one that was killed."""
    place = ("--state-dir", str(tmp_path))
    assert main([*words, *place]) == Exit.STATE
    assert "no switch runs" in capsys.readouterr().err
    with state_held(tmp_path, "serve"):
        assert main([*words, *place]) == Exit.STATE
        assert "not ready yet" in capsys.readouterr().err
    note = RunningNote(os.getpid(), "127.0.0.1", 1, [], False)
    with noted(tmp_path, note):  # and nobody holds the place: its process number is another's now
        assert main([*words, *place]) == (Exit.OK if words == ("workers",) else Exit.STATE)
        assert len(capsys.readouterr().err.splitlines()) == 1


@pytest.mark.parametrize("words", [("reload",), ("drain", "--yes")], ids=" ".join)
def test_what_is_no_serve_is_not_signalled(
    words: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A demo would die of SIGHUP; it is said who runs the switch."""
    note = RunningNote(os.getpid(), "127.0.0.1", 1, [], False)
    with state_held(tmp_path, "up"), noted(tmp_path, note):
        assert main([*words, "--state-dir", str(tmp_path)]) == Exit.STATE
        assert "run by `cityswitch up`" in capsys.readouterr().err
        holder = held_by(tmp_path)
        assert holder is not None
        assert (holder.pid, holder.command) == (os.getpid(), "up")
    assert held_by(tmp_path) is None


def test_a_whole_switch_ends_only_when_it_was_meant(command: Command, serving: Serving) -> None:
    """Without --yes nothing happens; with it the command returns when the process has gone."""
    assert command("drain")[0] == Exit.USAGE
    assert serving.process.poll() is None
    status, out, err = command("drain", "--yes", "--json")
    assert status == Exit.OK, err
    assert json.loads(out) == {"pid": serving.process.pid, "ended": True}
    assert serving.process.wait(HANG_S) == 0
