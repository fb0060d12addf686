"""The terminal's memory: what survives a crash at any byte, and what it refuses to read."""

import itertools
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from protocol.limits import STAN_MAX
from simulators.errors import StansExhausted, StoreDamaged, StoreError, StoreInUse
from simulators.till.records import Advice, PendingRequest, RunningTotals
from simulators.till.store import COMPACT_AT_BYTES, TerminalMemory

TERMINAL = 10_000_001
EARN, REVERSAL = 0x20, 0x30
HEAD_BYTES = 16


def state(memory: TerminalMemory) -> tuple[object, ...]:
    return memory.stan, memory.stan_from, memory.pending, list(memory.advices), memory.totals


def reopened(path: Path) -> tuple[object, ...]:
    with TerminalMemory.open(path, TERMINAL) as memory:
        return state(memory)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "terminal"


def test_all_of_it_comes_back(path: Path) -> None:
    """STAN, pending request, advices in order, totals and cut-over survive closing."""
    with TerminalMemory.open(path, TERMINAL) as memory:
        assert memory.is_new
        memory.begin(PendingRequest(memory.next_stan(), EARN, b"first"))
        memory.finish(1, RunningTotals(earn_count=1, earn_points=5))
        for body in (b"a", b"b", b"c"):
            memory.store_advice(Advice(memory.next_stan(), body))
        memory.finish(2)
        memory.cut_over()
        memory.skip_to(100)
        memory.begin(PendingRequest(memory.next_stan(), EARN, b"second"))
        memory.begin(PendingRequest(memory.next_stan(), REVERSAL, b"undo", EARN))
        expected = state(memory)
    assert expected == (
        102,
        5,
        PendingRequest(102, REVERSAL, b"undo", EARN),
        [Advice(3, b"b"), Advice(4, b"c")],
        RunningTotals(),
    )
    assert reopened(path) == expected
    with TerminalMemory.open(path, TERMINAL) as memory:
        assert not memory.is_new


def test_torn_at_every_byte(path: Path, tmp_path: Path) -> None:
    """Cut the file anywhere in its last record: the state before that record comes back, and goes on well."""
    sizes, states = [], []
    with TerminalMemory.open(path, TERMINAL) as memory:
        for number in range(4):
            memory.begin(PendingRequest(memory.next_stan(), EARN, bytes(number)))
            sizes.append(path.stat().st_size)
            states.append(state(memory))
            memory.finish(memory.stan, RunningTotals(earn_count=1))
            sizes.append(path.stat().st_size)
            states.append(state(memory))
    whole = path.read_bytes()
    torn = tmp_path / "torn"
    for cut in range(sizes[0], len(whole)):
        torn.write_bytes(whole[:cut])
        expected = max(index for index, size in enumerate(sizes) if size <= cut)
        with TerminalMemory.open(torn, TERMINAL) as memory:
            assert state(memory) == states[expected], cut
            memory.store_advice(Advice(memory.next_stan(), b"after"))
            after = state(memory)
        assert reopened(torn) == after, cut


def test_a_torn_head_is_a_new_memory(path: Path) -> None:
    """A crash while the file was being made leaves nothing worth keeping."""
    with TerminalMemory.open(path, TERMINAL):
        pass
    head = path.read_bytes()
    assert len(head) == HEAD_BYTES
    for cut in range(HEAD_BYTES):
        path.write_bytes(head[:cut])
        with TerminalMemory.open(path, TERMINAL) as memory:
            assert memory.is_new
        assert path.read_bytes() == head


def test_zeros_after_a_power_cut_are_cut_off(path: Path) -> None:
    """Blocks that were allocated but never written read as zeros."""
    with TerminalMemory.open(path, TERMINAL) as memory:
        memory.begin(PendingRequest(memory.next_stan(), EARN, b"body"))
        expected = state(memory)
    size = path.stat().st_size
    with path.open("ab") as file:
        file.write(bytes(100))
    assert reopened(path) == expected
    assert path.stat().st_size == size


def test_damage_before_the_last_record_is_never_repaired_silently(path: Path) -> None:
    """A flipped bit anywhere but in the last record is an error: cutting there would lose what follows."""
    with TerminalMemory.open(path, TERMINAL) as memory:
        memory.begin(PendingRequest(memory.next_stan(), EARN, b"body of some length"))
        last = path.stat().st_size
        memory.finish(1)
    whole = path.read_bytes()
    for offset in range(last):
        damaged = bytearray(whole)
        damaged[offset] ^= 0x10
        path.write_bytes(damaged)
        with pytest.raises(StoreDamaged):
            TerminalMemory.open(path, TERMINAL)
        assert path.read_bytes() == damaged


def test_another_terminals_memory_is_refused(path: Path) -> None:
    """Two terminals must not exchange their STANs."""
    with TerminalMemory.open(path, TERMINAL):
        pass
    with pytest.raises(StoreDamaged, match=str(TERMINAL + 1)):
        TerminalMemory.open(path, TERMINAL + 1)
    path.write_bytes(b"something else altogether")
    with pytest.raises(StoreDamaged):
        TerminalMemory.open(path, TERMINAL)


@pytest.mark.parametrize("durable", [False, True])
def test_compaction_keeps_the_state_and_the_lock(path: Path, durable: bool) -> None:
    """The log stays small for ever; the state is the same; nobody slips in through the renamed file."""
    with TerminalMemory.open(path, TERMINAL, durable=durable) as memory:
        memory.store_advice(Advice(memory.next_stan(), b"kept"))
        largest = 0
        inode = path.stat().st_ino
        while path.stat().st_ino == inode:
            memory.begin(PendingRequest(memory.next_stan(), EARN, bytes(2000)))
            largest = max(largest, path.stat().st_size)
            memory.finish(memory.stan, RunningTotals(earn_count=1, earn_points=3))
        assert largest <= COMPACT_AT_BYTES
        assert path.stat().st_size < 4096
        with pytest.raises(StoreInUse):
            TerminalMemory.open(path, TERMINAL)
        memory.begin(PendingRequest(memory.next_stan(), EARN, b"after"))
        expected = state(memory)
    assert reopened(path) == expected
    assert not list(path.parent.glob("*.new"))


def test_a_crash_during_compaction_loses_nothing(path: Path) -> None:
    """The half-written new file is ignored and overwritten later."""
    with TerminalMemory.open(path, TERMINAL) as memory:
        memory.begin(PendingRequest(memory.next_stan(), EARN, b"body"))
        expected = state(memory)
    path.with_name(path.name + ".new").write_bytes(b"CSTM half")
    assert reopened(path) == expected


def test_a_disk_too_full_to_compact_loses_nothing(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only a part of the smaller file can be written: the log that is there goes on."""
    whole = os.write
    with TerminalMemory.open(path, TERMINAL) as memory:
        memory.store_advice(Advice(memory.next_stan(), b"kept"))
        inode = path.stat().st_ino
        monkeypatch.setattr(
            "simulators.till.store.os.write",
            lambda fd, data: whole(fd, data[:7] if len(data) > 2_500 or os.fstat(fd).st_size == 0 else data),
        )
        while path.stat().st_size <= 2 * COMPACT_AT_BYTES:
            memory.begin(PendingRequest(memory.next_stan(), EARN, bytes(2000)))
            memory.finish(memory.stan, RunningTotals(earn_count=1, earn_points=3))
        assert path.stat().st_ino == inode
        expected = state(memory)
    monkeypatch.undo()
    assert reopened(path) == expected
    assert not list(path.parent.glob("*.new"))


def test_many_advices_do_not_stop_it(path: Path) -> None:
    """A week offline: more advices than a snapshot should hold, all kept in order."""
    with TerminalMemory.open(path, TERMINAL) as memory:
        bodies = [str(number).encode() * 10 for number in range(2_000)]
        for body in bodies:
            memory.store_advice(Advice(memory.next_stan(), body))
    with TerminalMemory.open(path, TERMINAL) as memory:
        assert [advice.body for advice in memory.advices] == bodies
        while memory.advices:
            memory.finish(memory.advices[0].stan)
        memory.skip_to(5_000)
    assert path.stat().st_size < 4 * COMPACT_AT_BYTES
    assert reopened(path) == (5_000, 1, None, [], RunningTotals())


def test_one_process_at_a_time(path: Path) -> None:
    """A memory that is open cannot be opened again, and can once it is closed."""
    with TerminalMemory.open(path, TERMINAL), pytest.raises(StoreInUse):
        TerminalMemory.open(path, TERMINAL)
    with TerminalMemory.open(path, TERMINAL):
        pass


def test_a_full_disk_is_an_error_and_the_log_stays_readable(path: Path) -> None:
    """A short write is taken back: the terminal refuses to send, and nothing is damaged."""
    room = [1_000, 10]  # bytes the disk takes of the first record, and of the second

    def write(fd: int, data: bytes) -> int:
        return os.write(fd, data[: room.pop(0)])

    with TerminalMemory.open(path, TERMINAL, write=write) as memory:
        memory.begin(PendingRequest(memory.next_stan(), EARN, b"kept"))
        expected = state(memory)
        with pytest.raises(StoreError):
            memory.finish(1)
        assert state(memory) == expected
    assert reopened(path) == expected


def test_the_last_stan_is_the_last(path: Path) -> None:
    """(terminal, STAN) is unique for ever: there is no wrap."""
    with TerminalMemory.open(path, TERMINAL) as memory:
        memory.skip_to(STAN_MAX - 1)
        assert memory.next_stan() == STAN_MAX
        with pytest.raises(StansExhausted):
            memory.next_stan()


_CHILD = """
import sys
from pathlib import Path
from simulators.till.records import PendingRequest
from simulators.till.store import TerminalMemory
with TerminalMemory.open(Path(sys.argv[1]), 10000001) as memory:
    while True:
        stan = memory.next_stan()
        memory.begin(PendingRequest(stan, 0x20, b"x" * 60))
        sys.stdout.write(f"{stan}\\n")
        sys.stdout.flush()
        memory.finish(stan)
"""


def test_kill_9_loses_nothing_that_was_persisted(path: Path) -> None:
    """Whatever STAN the process had announced before it was killed is remembered afterwards."""
    announced = 0
    for _ in range(3):
        with subprocess.Popen(
            [sys.executable, "-c", _CHILD, str(path)], stdout=subprocess.PIPE, text=True
        ) as child:
            assert child.stdout is not None
            heard = [int(line) for line in itertools.islice(child.stdout, 500)]
            child.send_signal(signal.SIGKILL)
            heard += [int(one) for one in child.stdout.read().split("\n")[:-1] if one]
        assert heard[0] == announced + 1
        assert len(heard) >= 500
        announced = heard[-1]
        with TerminalMemory.open(path, TERMINAL) as memory:
            assert memory.stan >= announced
            assert memory.pending is None or memory.pending.stan == memory.stan
            if memory.pending is not None:
                memory.finish(memory.pending.stan)
            announced = memory.stan
