"""Locust with our locustfile, as a process: it checks the switch, makes requests, ends with a status."""

import os
import subprocess
import sys
from pathlib import Path

from protocol import SignOn
from tests.bench.scripted_switch import CITY, Step, closed_port, scripted_switch

ROOT = Path(__file__).resolve().parents[2]


def locust(port: int, *options: str) -> subprocess.CompletedProcess[str]:
    command = [
        sys.executable, "-m", "locust", "-f", str(ROOT / "bench" / "load" / "locustfile.py"), "--headless",
        "--only-summary", "--switch-port", str(port), "--seed", CITY.seed, "--cards", str(CITY.cards),
        "--partners", str(CITY.partners), *options,
    ]  # fmt: skip
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("LOCUST", "LOAD"))}
    return subprocess.run(
        command, capture_output=True, text=True, check=False, cwd=ROOT, env=kept, timeout=60
    )


def test_without_a_switch_there_is_no_run() -> None:
    """One line says what to do, the status is not zero, and no run of zero requests looks fine."""
    done = locust(closed_port(), "-u", "1", "-t", "1s")
    assert done.returncode == 1
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("bench: no switch on 127.0.0.1:")
    assert "Traceback" not in done.stderr


def test_users_are_terminals_and_declines_are_not_failures() -> None:
    """Two users are two terminals; a decline has a name of its own; a clean run ends with status 0."""
    with scripted_switch() as switch:
        switch.script.extend(Step(code=45) for _ in range(4))
        done = locust(switch.port, "-u", "2", "-r", "10", "-t", "1s", "--pause-s", "0.01")
    assert done.returncode == 0, done.stderr
    assert "declined: card_blocked" in done.stderr
    assert set(switch.terminals) == {CITY.terminal_id(0), CITY.terminal_id(1)}
    assert sum(isinstance(request, SignOn) for request in switch.requests) == 3  # the check, then one each


def test_failures_fail_the_run() -> None:
    """A compressed day at a switch that only says "try again" ends with a status that is not zero."""
    with scripted_switch() as switch:
        switch.script.extend(Step(code=10) for _ in range(20_000))
        done = locust(switch.port, "-u", "2", "--shape", "day", "--day-s", "1", "--pause-s", "0.01")
    assert done.returncode == 1
    assert "try_again" in done.stderr
    assert "more than the 1.00% allowed" in done.stderr
