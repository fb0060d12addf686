"""What others take of the machine, from a /proc of our own making."""

from pathlib import Path

from bench.machine import OTHERS_MAX, STEAL_MAX, Taken, Watch

US = 100
KERNEL = 0x0020_0000


class Machine:
    """Two processors as /proc shows them: clocks in ticks, processes with name, parent and times."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.clocks = [1_000, 0, 500, 10_000, 0, 0, 0, 50]  # user nice system idle iowait irq softirq steal

    def show(self) -> None:
        ticks = " ".join(map(str, [*self.clocks, 0, 0]))
        (self.directory / "stat").write_text(f"cpu  {ticks}\ncpu0 1 2 3\n")

    def process(
        self,
        pid: int,
        name: str,
        *,
        parent: int,
        ticks: int,
        ended: int = 0,
        flags: int = 0,
        started: int = 5,
    ) -> None:
        fields = [0] * 20
        fields[1], fields[6], fields[11], fields[13], fields[19] = parent, flags, ticks, ended, started
        (self.directory / str(pid)).mkdir(exist_ok=True)
        tail = " ".join(map(str, fields[1:]))
        (self.directory / str(pid) / "stat").write_text(f"{pid} ({name}) S {tail}\n")

    def work(self, *, programs: int, idle: int, steal: int = 0) -> None:
        self.clocks[0] += programs
        self.clocks[3] += idle
        self.clocks[7] += steal


def test_what_is_not_ours_is_others(tmp_path: Path) -> None:
    """Our descendants are ours, living and ended; the rest is others', the kernel's threads are neither."""
    machine = Machine(tmp_path)
    machine.process(US, "bench", parent=1, ticks=10)
    machine.process(101, "switch (a) worker", parent=US, ticks=100)
    machine.process(102, "postgres", parent=101, ticks=200)
    machine.process(50, "compiler", parent=1, ticks=1_000)
    machine.process(7, "kdamond.0", parent=2, ticks=30, flags=KERNEL)
    machine.process(8, "kworker/1:1-old", parent=2, ticks=30, flags=KERNEL)
    machine.show()
    watch = Watch(tmp_path, US)
    machine.process(US, "bench", parent=1, ticks=20, ended=40)
    machine.process(101, "switch (a) worker", parent=US, ticks=150)
    machine.process(102, "postgres", parent=101, ticks=300)
    machine.process(50, "compiler", parent=1, ticks=1_080)
    machine.process(7, "kdamond.0", parent=2, ticks=40, flags=KERNEL)
    machine.process(8, "kworker/1:1-new", parent=2, ticks=40, flags=KERNEL)
    # Ours 200, the kernel's 20, the compiler 80, and 100 of processes that came and went.
    machine.work(programs=400, idle=580, steal=20)
    machine.show()
    taken = watch.taken()
    assert taken == Taken(others=0.18, steal=0.02, kernel=0.02, page_out=0.01, names=("compiler 8.0%",))
    assert "compiler 8.0%" in taken.describe()
    assert watch.taken() == Taken(0, 0, 0, 0)


def test_a_number_used_again_is_another_process(tmp_path: Path) -> None:
    """A new process with the number of an old one has used what its own clock says."""
    machine = Machine(tmp_path)
    machine.process(50, "old", parent=1, ticks=5_000)
    machine.show()
    watch = Watch(tmp_path, US)
    machine.process(50, "new", parent=1, ticks=60, started=9)
    machine.work(programs=60, idle=540)
    machine.show()
    assert watch.taken().names == ("new 10.0%",)


def test_busy_is_much_of_others_or_of_the_host() -> None:
    """A tenth of the processors is the bound, for others and the host alike; our own work is no matter."""
    assert not Taken(OTHERS_MAX, STEAL_MAX, 0.9, 0.9).is_busy
    assert Taken(OTHERS_MAX + 0.01, 0, 0, 0).is_busy
    assert Taken(0, STEAL_MAX + 0.01, 0, 0).is_busy


def test_this_machine_can_be_read() -> None:
    """On this machine the shares are shares."""
    taken = Watch().taken()
    assert all(0 <= share <= 1 for share in (taken.others, taken.steal, taken.kernel, taken.page_out))
