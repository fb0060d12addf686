"""Who stands behind others for the processor."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ops.priority import put_behind


@contextmanager
def sleeper(*, leads: bool) -> Iterator[int]:
    with subprocess.Popen(["sleep", "600"], start_new_session=leads) as process:
        try:
            yield process.pid
        finally:
            process.kill()


def group_nice(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/autogroup").read_text().split()[-1])
    except (OSError, IndexError):
        pytest.skip("this kernel does not group processes by session")


def test_a_session_comes_with_its_leader() -> None:
    """Between sessions a process' own value does not count, so the session's is set as well."""
    with sleeper(leads=True) as pid:
        own = os.getpriority(os.PRIO_PROCESS, pid)
        assert put_behind(7, pid) == min(19, own + 7) == os.getpriority(os.PRIO_PROCESS, pid)
        assert group_nice(pid) == min(19, own + 7)


def test_a_session_of_others_stays_as_it_is() -> None:
    """Whoever shares a session with the switch puts itself behind, and not the switch."""
    with sleeper(leads=False) as pid:
        before = group_nice(pid)
        put_behind(7, pid)
        assert group_nice(pid) == before


def test_from_the_first_place_to_the_last() -> None:
    """No step is none, and more than 19 there are not."""
    with sleeper(leads=True) as pid:
        before = group_nice(pid)
        own = put_behind(0, pid)
        assert (own, group_nice(pid)) == (os.getpriority(os.PRIO_PROCESS, pid), before)
        assert put_behind(40, pid) == 19
        assert put_behind(5, pid) == 19
