"""Around the lanes: rounds, goals, the page, the picture, pgbench's answer, /proc, the peers."""

import os
import subprocess
import sys
from xml.etree import ElementTree

import pytest
import trio

from bench.throughput import goals, processes
from bench.throughput.driver import Driven, DriverFailed, Timing
from bench.throughput.goals import GOALS, missed, reached
from bench.throughput.lanes import (
    ECHO,
    LIMIT_1,
    LIMIT_2,
    NAIVE,
    PGBENCH,
    SWITCH_1,
    SWITCH_1_CONCENTRATED,
    WINDOW_S_MAX,
    Lane,
    Sample,
    WindowEmpty,
    sample_of,
)
from bench.throughput.load_order import Bin, DirectReport
from bench.throughput.open_lanes import recovered_after_s
from bench.throughput.pgbench import read_answer
from bench.throughput.picture import Bar, draw
from bench.throughput.processes import (
    children,
    cpu_s,
    family_cpu_s,
    is_running,
    memory_bytes,
    memory_peak_bytes,
)
from bench.throughput.results_page import goals_table, picture, replace_section, throughput
from bench.throughput.rounds import Rounds, Spread
from bench.throughput.stage import Stage


def sample(rate: float, server: float = 20.0) -> Sample:
    return Sample(rate, {"server": server, "Postgres": 30.0, "driver": 5.0})


def rounds() -> Rounds:
    made = Rounds()
    made.samples = {
        ECHO: [sample(40_000, 20), sample(30_000, 40), sample(20_000, 30)],
        SWITCH_1: [sample(10_000, 30), sample(5_000, 50), sample(9_000, 36)],
        SWITCH_1_CONCENTRATED: [sample(20_000), sample(10_000), sample(15_000)],
        LIMIT_1: [sample(40_000), sample(20_000), sample(45_000)],
        LIMIT_2: [sample(50_000), sample(40_000), sample(30_000)],
        PGBENCH: [sample(10_000), sample(5_000), sample(5_000)],
        NAIVE: [sample(1_000), sample(1_000), sample(1_000)],
    }
    return made


async def test_lanes_take_turns() -> None:
    """Every lane has its turn in every round, and sees what the round has measured before it."""
    seen: list[tuple[str, list[str]]] = []

    def lane(name: str) -> Lane:
        async def measure(stage: object, timing: Timing, so_far: object) -> Sample:
            assert isinstance(so_far, dict)
            seen.append((name, list(so_far)))
            return sample(len(seen))

        return Lane(name, (), measure)

    made = Rounds()
    stage = object.__new__(Stage)
    await made.run(stage, [lane("a"), lane("b")], Timing(0, 1), 2, trio.Event())
    assert seen == [("a", []), ("b", ["a"])] * 2
    assert made.rates("b") == Spread(3, 2, 4)


async def test_a_round_cut_short_is_not_kept() -> None:
    """After the stop signal no lane is started, and the samples of the broken round are dropped."""
    stop = trio.Event()

    async def measure(stage: object, timing: Timing, so_far: object) -> Sample:
        stop.set()
        return sample(1)

    made = Rounds()
    lanes = [Lane("a", (), measure), Lane("b", (), measure)]
    await made.run(object.__new__(Stage), lanes, Timing(0, 1), 2, stop)
    assert made.samples == {}


async def test_a_window_too_short_for_a_request_is_measured_again_twice_as_long() -> None:
    """A slow machine makes a lane longer, not a failure; one that never answers fails in the end."""
    windows: list[float] = []
    answers_from_s = 1.0

    async def measure(stage: object, timing: Timing, so_far: object) -> Sample:
        windows.append(timing.seconds)
        if timing.seconds < answers_from_s:
            raise WindowEmpty("nothing was answered")
        return sample(1)

    lane = Lane("a", (), measure)
    stage = object.__new__(Stage)
    assert await lane.sample(stage, Timing(0, 0.2), {}) == sample(1)
    assert windows == [0.2, 0.4, 0.8, 1.6]
    answers_from_s = float("inf")
    with pytest.raises(DriverFailed, match="nothing was answered"):
        await lane.sample(stage, Timing(0, 0.2), {})
    assert WINDOW_S_MAX / 2 < windows[-1] <= WINDOW_S_MAX


def test_a_window_in_which_the_server_did_nothing_is_empty() -> None:
    """What was answered in it had been done before: it is measured again, and not a figure."""
    driven: Driven[DirectReport] = Driven(DirectReport(postings=4, seconds=0.2, made_late=0), {"server": 0.0})
    with pytest.raises(WindowEmpty, match="no CPU"):
        sample_of(driven, 4, 0.2)


def test_ratios_are_taken_within_a_round() -> None:
    """A ratio is the median of the rounds' own ratios, not a ratio of medians."""
    values = reached(rounds())
    assert values["CPU of the switch a transaction ÷ CPU of the trio echo a request"] == Spread(
        1.25, 1.2, 1.5
    )
    assert values["switch ÷ pgbench, one function a request"] == Spread(2.0, 2.0, 3.0)
    assert values["switch ÷ naive asyncio server"] == Spread(15.0, 10.0, 20.0)


def test_a_goal_whose_lanes_did_not_run_is_left_out() -> None:
    """Only what was measured is reported."""
    made = rounds()
    del made.samples[NAIVE]
    assert "switch ÷ naive asyncio server" not in reached(made)


@pytest.mark.parametrize(
    ("name", "value", "verdict"),
    [
        ("300 terminals, TLS ÷ plain", 0.84, "**missed**"),
        ("300 terminals, TLS ÷ plain", 0.85, "must met, aim missed"),
        ("CPU of the switch a transaction, TLS ÷ plain", 1.31, "**missed**"),
        ("CPU of the switch a transaction, TLS ÷ plain", 1.3, "must met, aim missed"),
    ],
)
def test_what_tls_costs_has_a_must(name: str, value: float, verdict: str) -> None:
    """A rate below 0.85 of plain, or CPU above 1.3 times, is missed, and so is the run."""
    (goal,) = (goal for goal in GOALS if goal.name == name)
    assert goal.verdict(value) == verdict
    values = {name: Spread(value, value, value)}
    assert missed(GOALS, values) == ([name] if verdict == "**missed**" else [])


def test_goals_are_judged_by_their_side() -> None:
    """A floor is met from above, a ceiling from below; without bounds a figure is only reported."""
    floor = next(goal for goal in GOALS if goal.aim and not goal.is_ceiling)
    ceiling = next(goal for goal in GOALS if goal.aim and goal.is_ceiling)
    assert floor.must is not None
    assert ceiling.must is not None
    assert floor.verdict(floor.must) == "must met, aim missed"
    assert floor.verdict(floor.must - 0.01) == "**missed**"
    assert ceiling.verdict(ceiling.must) == "must met, aim missed"
    assert ceiling.verdict(ceiling.must + 0.01) == "**missed**"
    assert ceiling.verdict(0.0) == "aim reached"
    assert goals.Goal("any", 1).verdict(1) == "met"
    assert goals.Goal("any", None, 1).verdict(0.9) == "aim missed"
    assert goals.Goal("any").verdict(1) == "reported"


def test_a_section_is_replaced_and_the_rest_stays() -> None:
    """A run writes between its own markers; what others wrote before and after them stays."""
    page = replace_section("# Page\n\nMine.\n", "throughput", "first")
    page = replace_section(page + "\nAlso mine.\n", "growth", "other")
    page = replace_section(page, "throughput", "second")
    assert "first" not in page
    assert [line for line in page.splitlines() if line and not line.startswith("<!--")] == [
        "# Page", "Mine.", "second", "Also mine.", "other",
    ]  # fmt: skip


def test_the_page_and_the_picture_name_every_lane() -> None:
    """Table and picture show every lane that ran; the picture is well-formed XML."""
    made = rounds()
    page = throughput(["machine: a"], made, reached(made))
    drawn = picture(made)
    ElementTree.fromstring(drawn)
    for lane in made.samples:
        assert lane in page
        assert lane in drawn
    assert len(goals_table(GOALS, reached(made))) > 2


def test_names_in_the_picture_are_escaped() -> None:
    """Whatever a lane is called, the SVG stays one."""
    picture = ElementTree.fromstring(draw("<&>", [Bar("a < b & c", Spread(1, 1, 1), "<1 µs")]))
    assert {"<&>", "a < b & c"} <= {text.strip() for text in picture.itertext()}


def test_recovery_counts_to_the_last_late_reply() -> None:
    """Recovered is when no slot after it holds a late or refused reply."""
    fine, late = Bin(5, 0, 0.01), Bin(5, 0, 1.0)
    refused = Bin(5, 1, 0.01)
    assert recovered_after_s([late, late, fine, fine], 0.2) == 0.0
    assert recovered_after_s([late, fine, late, fine], 0.1) == pytest.approx(0.2)
    assert recovered_after_s([fine, fine, refused], 0.1) == pytest.approx(0.2)


def test_pgbench_is_believed_only_when_nothing_failed() -> None:
    """Rate and count are read; a failed transaction or a missing figure fails the lane."""
    text = (
        "number of transactions actually processed: 4321\nnumber of failed transactions: 0 (0.000%)\n"
        "tps = 2160.500000 (without initial connection time)\n"
    )
    assert read_answer(text) == (4321, 2160.5)
    for broken in (text.replace("transactions: 0", "transactions: 3"), text.replace("tps", "bps"), ""):
        with pytest.raises(DriverFailed):
            read_answer(broken)


def test_clocks_of_processes() -> None:
    """A process' CPU clock advances with its work; an unknown process has used nothing."""
    before = cpu_s(os.getpid())
    while cpu_s(os.getpid()) - before < 0.001:
        pass
    now = memory_bytes([os.getpid()])  # before the peak is read: this process grows meanwhile
    assert memory_peak_bytes([os.getpid()]) >= now > 1_000_000
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        assert child.pid in children(os.getpid())
        assert is_running(child.pid, "input()")
        assert family_cpu_s(os.getpid()) > 0
    finally:
        child.communicate(b"\n")
    assert cpu_s(child.pid) == 0.0
    assert memory_bytes([child.pid]) == memory_peak_bytes([child.pid]) == 0
    assert not is_running(child.pid, "input()")


def test_what_an_ended_child_has_used_stays_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """A family's clock never goes back, not even when a child ends while its processes are being counted."""
    work = "import time\nwhile time.process_time() < 0.2: pass\nprint(flush=True)\ninput()"
    child = subprocess.Popen([sys.executable, "-c", work], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert child.stdout is not None
    child.stdout.readline()
    before = family_cpu_s(os.getpid())
    counted = processes.children

    def end_first(pid: int) -> list[int]:
        if child.returncode is None:
            child.communicate(b"\n")
        return counted(pid)

    monkeypatch.setattr(processes, "children", end_first)
    assert family_cpu_s(os.getpid()) >= before - 2 / processes.TICKS_PER_S
