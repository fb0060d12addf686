"""Who stands behind others for the processor."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from switch.process.priority import LONGEST_NS, SHORTEST_NS, add_nice, put_behind, set_slice, slice_ns


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


def test_its_processor_counts_as_free() -> None:
    """Who wakes is put on a processor that only such processes hold; their share is that of their session."""
    with sleeper(leads=True) as pid:
        put_behind(0, pid)
        assert os.sched_getscheduler(pid) == os.SCHED_OTHER
        put_behind(7, pid)
        assert os.sched_getscheduler(pid) == os.SCHED_IDLE


def test_within_a_session_of_others_it_keeps_a_share() -> None:
    """There an idle one would get next to nothing while others are busy."""
    with sleeper(leads=False) as pid:
        put_behind(7, pid)
        assert os.sched_getscheduler(pid) == os.SCHED_OTHER


def test_a_sandbox_that_lets_nobody_choose(monkeypatch: pytest.MonkeyPatch) -> None:
    """The nice value stands all the same."""

    def forbidden(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr("os.sched_setscheduler", forbidden)
    with sleeper(leads=True) as pid:
        own = os.getpriority(os.PRIO_PROCESS, pid)
        assert put_behind(7, pid) == min(19, own + 7) == os.getpriority(os.PRIO_PROCESS, pid)


def test_from_the_first_place_to_the_last() -> None:
    """No step is none, and more than 19 there are not."""
    with sleeper(leads=True) as pid:
        before = group_nice(pid)
        own = put_behind(0, pid)
        assert (own, group_nice(pid)) == (os.getpriority(os.PRIO_PROCESS, pid), before)
        assert put_behind(40, pid) == 19
        assert put_behind(5, pid) == 19


def told_slice_ns(pid: int) -> int:
    if not (told := slice_ns(pid)):
        pytest.skip("this kernel gives no slices of one's own (Linux 6.12 and later do)")
    return told


def test_who_stands_behind_gives_way_at_once() -> None:
    """Between the longest slice and any other the kernel need not wait for its end."""
    with sleeper(leads=True) as pid:
        before = told_slice_ns(pid)
        put_behind(0, pid)
        assert told_slice_ns(pid) == before < LONGEST_NS
        put_behind(3, pid)
        assert told_slice_ns(pid) == LONGEST_NS


def test_a_slice_changes_no_share() -> None:
    """The slice is how soon, and not how much."""
    with sleeper(leads=True) as pid:
        told_slice_ns(pid)
        nice = add_nice(3, pid)
        set_slice(SHORTEST_NS, pid)
        assert (told_slice_ns(pid), os.getpriority(os.PRIO_PROCESS, pid)) == (SHORTEST_NS, nice)


def test_a_slice_beyond_the_bounds_is_the_nearest_within() -> None:
    """The kernel's bounds."""
    with sleeper(leads=True) as pid:
        told_slice_ns(pid)
        set_slice(LONGEST_NS * 10, pid)
        assert told_slice_ns(pid) == LONGEST_NS
        set_slice(1, pid)
        assert told_slice_ns(pid) == SHORTEST_NS


@pytest.mark.parametrize("policy", [os.SCHED_BATCH, os.SCHED_IDLE])
def test_a_process_stays_under_its_policy(policy: int) -> None:
    """Whoever was put under another policy from outside stays there."""
    with sleeper(leads=True) as pid:
        told_slice_ns(pid)
        os.sched_setscheduler(pid, policy, os.sched_param(0))
        set_slice(LONGEST_NS, pid)
        assert os.sched_getscheduler(pid) == policy


def test_a_machine_without_such_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing happens, and nothing fails."""
    monkeypatch.setattr("platform.machine", lambda: "vax")
    with sleeper(leads=True) as pid:
        assert put_behind(3, pid) == os.getpriority(os.PRIO_PROCESS, pid)
        assert slice_ns(pid) == 0
