"""`cityswitch demo`, whole: it reconciles, ends clean on Ctrl-C, and takes over from a killed run."""

import os
import re
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from pathlib import Path

import pytest

from tests.patience import HANG_S

PAGE = "Terminal in the browser"
PAGE_TITLE = "<title>cityswitch: a terminal in the browser</title>"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A state directory; whoever comes first fills it with cities, which takes longest."""
    return tmp_path_factory.mktemp("demo")


def start(state: Path, seconds: float) -> "subprocess.Popen[str]":
    """Start a demo in a session of its own, as a shell would."""
    command = [sys.executable, "-m", "ops.cli", "demo", "--seconds", str(seconds), "--state-dir", str(state)]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
    )


def read_until(process: "subprocess.Popen[str]", text: str) -> str:
    """Read a demo's output up to the line with `text`."""
    assert process.stdout is not None
    read = ""
    for line in process.stdout:
        read += line
        if text in line:
            return read
    raise AssertionError(f"the demo ended before '{text}':\n{read}")


def read_page(said: str, name: str) -> str:
    """Return the page whose address a demo has printed."""
    address = re.search(rf"{name}: (http://127\.0\.0\.1:\d+/)$", said, re.MULTILINE)
    assert address, said
    with urllib.request.urlopen(address[1]) as response:
        return str(response.read().decode())


def processes_of(state: Path) -> list[int]:
    """Return the processes that know the state directory: Postgres, the fleet, the demo itself."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and os.fsencode(state) in (entry / "cmdline").read_bytes():
                found.append(int(entry.name))
        except OSError:
            continue
    return found


def test_the_demo_reconciles_also_after_a_kill_and_ends_on_ctrl_c(place: Path) -> None:
    """A run killed in full swing is settled and audited by the next one; Ctrl-C leaves nothing behind.

    While a demo runs, the pages whose addresses it prints are there, and `till-page` serves one more.
    """
    killed = start(place, 60)
    said = read_until(killed, "approved")
    assert "<title>" in read_page(said, "Board")
    assert PAGE_TITLE in read_page(said, PAGE)
    command = [sys.executable, "-m", "ops.cli", "till-page", "--port", "0", "--state-dir", str(place)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as own:
        assert own.stdout is not None
        try:
            assert PAGE_TITLE in read_page(own.stdout.readline(), PAGE)
        finally:
            own.send_signal(signal.SIGINT)
    assert own.returncode == 0
    killed.kill()
    killed.communicate()

    whole = start(place, 1)
    out, _ = whole.communicate(timeout=HANG_S)
    assert whole.returncode == 0, out
    assert "Everything reconciles." in out
    assert "Przyznane punkty: 4" in out
    assert "Discount: 4.59 zł" in out
    assert "Zgierska Karta Mieszkańca" in out
    assert re.search(r"^ +czestochowa +zywiec +zgierz +together$", out, re.MULTILINE)
    assert "surprised" not in out
    assert re.search(r"(\d+) of \1 invariants hold", out)
    assert "\x1b" not in out

    stopped = start(place, 60)
    read_until(stopped, "approved")
    os.killpg(stopped.pid, signal.SIGINT)
    rest, _ = stopped.communicate(timeout=HANG_S)
    assert stopped.returncode == 130, rest
    assert "Traceback" not in rest
    deadline = time.monotonic() + HANG_S
    while processes_of(place):
        assert time.monotonic() < deadline, processes_of(place)
        threading.Event().wait(0.05)


def test_two_demos_in_one_clone_do_not_meet(place: Path) -> None:
    """The second is told who holds the place and touches nothing; the first reconciles, and a third too."""
    first = start(place, 3)
    read_until(first, "approved")  # whoever is stopped while it starts is out of time when it goes on
    os.kill(first.pid, signal.SIGSTOP)  # else it may have ended before the second is there
    try:
        second = start(place, 1)
        out, _ = second.communicate(timeout=HANG_S)
    finally:
        os.kill(first.pid, signal.SIGCONT)
    assert second.returncode == 6, out
    assert f"is in use by process {first.pid} (cityswitch demo) since" in out
    rest, _ = first.communicate(timeout=HANG_S)
    assert first.returncode == 0, rest
    third = start(place, 1)
    out, _ = third.communicate(timeout=HANG_S)
    assert third.returncode == 0, out
    assert "a card for you" in out
