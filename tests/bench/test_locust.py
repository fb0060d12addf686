"""Locust with our locustfile, as a process: it checks the switch, makes requests, ends with a status."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

from protocol import SignOn
from tests.bench.scripted_switch import CITY, Step, closed_port, scripted_switch
from tests.patience import HANG_S

ROOT = Path(__file__).resolve().parents[2]


def start(port: int, *options: str) -> "subprocess.Popen[str]":
    command = [
        sys.executable, "-m", "locust", "-f", str(ROOT / "bench" / "load" / "locustfile.py"), "--headless",
        "--only-summary", "--switch-port", str(port), "--seed", CITY.seed, "--cards", str(CITY.cards),
        "--partners", str(CITY.partners), *options,
    ]  # fmt: skip
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("LOCUST", "LOAD"))}
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, cwd=ROOT, env=kept)


def locust_until(is_enough: Callable[[], bool], port: int, *options: str) -> tuple[int, str]:
    """Run Locust until the switch has seen enough; return the exit status and what was said."""
    process = start(port, *options)
    try:
        while process.poll() is None and not is_enough():
            threading.Event().wait(0.02)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=HANG_S)
    finally:
        process.kill()
    return process.returncode, said


def test_without_a_switch_there_is_no_run() -> None:
    """One line says what to do, the status is not zero, and no run of zero requests looks fine."""
    process = start(closed_port(), "-u", "1", "-t", "1s")
    _, said = process.communicate(timeout=HANG_S)
    assert process.returncode == 1
    assert said.strip().splitlines()[-1].startswith("bench: no switch on 127.0.0.1:")
    assert "Traceback" not in said


def test_users_are_terminals_and_declines_are_not_failures() -> None:
    """Two users are two terminals; a decline has a name of its own; a clean run ends with status 0."""
    with scripted_switch() as switch:
        switch.script.extend(Step(code=45) for _ in range(4))

        def is_enough() -> bool:
            return len(set(switch.terminals)) == 2 and not switch.script

        status, said = locust_until(is_enough, switch.port, "-u", "2", "-r", "10", "--pause-s", "0.01")
    assert status == 0, said
    assert "declined: card_blocked" in said
    assert set(switch.terminals) == {CITY.terminal_id(0), CITY.terminal_id(1)}
    assert sum(isinstance(request, SignOn) for request in switch.requests) == 3  # the check, then one each


def test_failures_fail_the_run() -> None:
    """A compressed day at a switch that only says "try again" ends with a status that is not zero."""
    with scripted_switch() as switch:
        switch.script.extend(Step(code=10) for _ in range(20_000))
        options = ("-u", "2", "--shape", "day", "--day-s", "600", "--pause-s", "0.01")
        status, said = locust_until(lambda: len(switch.requests) > 10, switch.port, *options)
    assert status == 1
    assert "try_again" in said
    assert "more than the 1.00% allowed" in said
