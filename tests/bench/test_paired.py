"""Two commits side by side: the checkout, the turns, the ratios, the verdict, and a small run of it all."""

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
import trio

from bench.circumstances import ROOT
from bench.command import Exit
from bench.errors import CannotRun
from bench.machine import Taken
from bench.paired import pairs as pairs_module
from bench.paired.checkout import Checkout, base, is_changed
from bench.paired.pairs import BASE, NEW, PairPlan, Pairs, Turn, in_turn
from bench.paired.ratios import Ratio, interval, table
from bench.paired.run import judge
from bench.paired.sides import SideOrder, open_side
from bench.throughput.driver import GENERATOR, DriverFailed, Program, Timing
from bench.throughput.lanes import Sample
from bench.throughput.processes import children, is_running

QUIET, BUSY = Taken(0.01, 0, 0, 0), Taken(0.5, 0, 0, 0, ("compiler 50.0%",))


def git(root: Path, *arguments: str) -> str:
    named = ["-c", "user.name=t", "-c", "user.email=t@example.invalid"]
    done = subprocess.run(["git", *named, *arguments], cwd=root, capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    root.mkdir()
    git(root, "init", "--quiet")
    for text in ("old", "new"):
        (root / "code.py").write_text(text)
        git(root, "add", "code.py")
        git(root, "commit", "--quiet", "-m", text)
    return root


def test_the_base_is_checked_out_beside_and_used_again(repository: Path, tmp_path: Path) -> None:
    """The commit's own files stand below the bench's directory; the checkout itself is left alone."""
    made = base("HEAD^", tmp_path / "bench", repository)
    assert (made.root / "code.py").read_text() == "old"
    assert (repository / "code.py").read_text() == "new"
    assert made.root == tmp_path / "bench" / f"base-{made.name}"
    assert base(made.name, tmp_path / "bench", repository) == made
    assert not is_changed(repository)


def test_a_base_that_is_not_as_committed_is_refused(repository: Path, tmp_path: Path) -> None:
    """What somebody changed in the base's checkout would be measured as the base: one line says so."""
    made = base("HEAD^", tmp_path / "bench", repository)
    (made.root / "code.py").write_text("tried something")
    with pytest.raises(CannotRun, match="is not as commit"):
        base("HEAD^", tmp_path / "bench", repository)
    with pytest.raises(CannotRun, match="no such commit"):
        base("not-a-commit", tmp_path / "bench", repository)


def test_the_median_lies_between_order_statistics() -> None:
    """The interval of 95 %: all of six, the second to the eighth of nine, whatever the order (binomial)."""
    assert interval([3, 1, 2, 6, 5, 4]) == (1, 6)
    assert interval([9, 8, 7, 6, 5, 4, 3, 2, 1]) == (2, 8)
    assert interval(range(1, 21)) == (6, 15)
    assert interval([5]) == (5, 5)


@pytest.mark.parametrize(
    ("values", "is_ceiling", "verdict"),
    [
        ([0.90, 0.91, 0.92, 0.93, 0.94, 0.95], False, "**worse**"),
        ([1.06, 1.07, 1.08, 1.09, 1.10, 1.11], True, "**worse**"),
        ([0.96, 0.97, 0.97, 0.98, 0.98, 0.99], False, "a little worse"),
        ([0.98, 0.99, 1.00, 1.00, 1.01, 1.02], False, "the same"),
        ([0.5, 0.8, 0.9, 1.0, 1.1, 1.2], False, "not known to 5 %"),
        ([1.06, 1.07, 1.08, 1.09, 1.10, 1.11], False, "better"),
        ([0.90, 0.91, 0.92, 0.93, 0.94, 0.95], True, "better"),
        ([0.5, 0.5], False, "too few pairs"),
    ],
)
def test_worse_is_said_only_where_chance_does_not_explain_it(
    values: list[float], is_ceiling: bool, verdict: str
) -> None:
    """More than 5 % and outside the interval; two pairs say nothing."""
    ratio = Ratio("rate", tuple(values), is_ceiling)
    assert ratio.verdict == verdict
    assert judge([ratio], "base") is (Exit.MISSED if verdict == "**worse**" else Exit.OK)
    assert f"| {len(values)} | {verdict} |" in table([ratio])[-1]


@pytest.mark.parametrize(
    ("value", "verdict", "status"),
    [
        (0.97, "a little worse; **missed**", Exit.MISSED),
        (1.06, "better; must met, aim missed", Exit.OK),
        (1.2, "better; aim reached", Exit.OK),
    ],
)
async def test_the_first_version_is_a_goal(
    monkeypatch: pytest.MonkeyPatch, value: float, verdict: str, status: Exit
) -> None:
    """Against the first version the rate must be 1.0 and should be 1.1; the exit status follows the must."""
    sides = {NEW: StubSide("n", value), BASE: StubSide("d5b569b604", 1)}
    pairs = stub_pairs(monkeypatch, [], sides, rounds=6)
    await pairs.run(trio.Event())
    rates = [ratio for ratio in pairs.ratios() if ratio.name.startswith("rate")]
    assert {ratio.verdict for ratio in rates} == {verdict}
    assert judge(rates, "d5b569b604") is status


def test_a_drift_falls_on_both_sides() -> None:
    """The windows of a pair are neighbours, and who goes first changes from round to round."""
    turns: Any = [Turn(name, None, None) for name in ("a new", "a base", "b new", "b base")]  # type: ignore[arg-type]
    assert [turn.name for turn in in_turn(turns, 0)] == ["a new", "a base", "b new", "b base"]
    assert [turn.name for turn in in_turn(turns, 1)] == ["a base", "a new", "b base", "b new"]


class StubSide:
    """A side whose switch answers at a rate; `refuses` a generator."""

    def __init__(self, name: str, rate: float, refuses: Program | None = None) -> None:
        self.checkout = Checkout(Path(), name)
        self.own_generator = Program("its.own", Path())
        self.switch: Any = None
        self._rate = rate
        self._refuses = refuses

    def lane(self, terminals: int, depth: int, generator: Program, **_: object) -> Any:
        async def measure(side: object, timing: Timing, so_far: object) -> Sample:
            if generator == self._refuses:
                raise DriverFailed("not the reply to a purchase")
            return Sample(self._rate, {"server": 20.0, "Postgres": 30.0})

        return measure


def stub_pairs(
    monkeypatch: pytest.MonkeyPatch, seen: list[Taken], sides: dict[str, Any], **plan: Any
) -> Pairs:
    """Pairs on a machine that is as busy, round after round, as `seen` says, and quiet from then on."""

    class Watch:
        def taken(self) -> Taken:
            self._is_after = not getattr(self, "_is_after", True)
            return QUIET if not self._is_after else seen.pop(0) if seen else QUIET

    monkeypatch.setattr(pairs_module, "Watch", Watch)
    monkeypatch.setattr(pairs_module, "committed", lambda switch: None)
    return Pairs(sides, PairPlan(base="x", **plan))


async def test_a_round_on_a_busy_machine_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was measured beside another program does not count; the rounds stop when all is known."""
    sides = {NEW: StubSide("n", 900), BASE: StubSide("b", 1_000)}
    pairs = stub_pairs(monkeypatch, [QUIET, BUSY, BUSY], sides, rounds=10)
    await pairs.run(trio.Event())
    ratios = {ratio.name: ratio for ratio in pairs.ratios()}
    assert ratios["rate, 300 × 1"].values == (0.9,) * 6
    assert ratios["rate, 300 × 1"].is_worse
    assert not ratios["CPU of the worker a transaction, 20 × 16"].is_worse
    assert "2 rounds were not kept, for the machine was busy" in pairs.facts()


async def test_a_machine_that_stays_busy_is_no_judge(monkeypatch: pytest.MonkeyPatch) -> None:
    """When most rounds fall on a busy machine, the run ends with a line that names who took it."""
    sides = {NEW: StubSide("n", 1), BASE: StubSide("b", 1)}
    pairs = stub_pairs(monkeypatch, [BUSY] * 20, sides, rounds=10)
    with pytest.raises(CannotRun, match=r"nothing is judged: .*compiler"):
        await pairs.run(trio.Event())


async def test_a_base_of_another_wire_is_driven_by_its_own_generator(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ours is tried first; where it cannot, the base's own drives the base, and the page says so."""
    sides = {NEW: StubSide("n", 1), BASE: StubSide("b", 1, refuses=GENERATOR)}
    pairs = stub_pairs(monkeypatch, [], sides, rounds=1)
    await pairs.choose_generators()
    await pairs.run(trio.Event())
    assert any("its own generator" in fact for fact in pairs.facts())
    broken = stub_pairs(monkeypatch, [], {NEW: StubSide("n", 1, refuses=GENERATOR), BASE: StubSide("b", 1)})
    with pytest.raises(DriverFailed):
        await broken.choose_generators()


async def test_two_sides_run_out_of_their_checkouts_and_leave_nothing(tmp_path: Path) -> None:
    """Each has a city, a Postgres and a switch of its own; one generator drives both; then all is gone."""
    order = SideOrder(str(tmp_path), cards=600, partners=300, wal_mib=1)
    plan = PairPlan(base="x", rounds=1, timing=Timing(0.05, 0.2), shapes=[(4, 2)], is_judged_when_busy=True)
    async with open_side(Checkout(ROOT, "a"), order) as one, open_side(Checkout(ROOT, "b"), order) as other:
        assert one.switch.port != other.switch.port
        pairs = Pairs({NEW: one, BASE: other}, plan)
        await pairs.choose_generators()
        await pairs.run(trio.Event())
        sides = [pid for pid in children(os.getpid()) if is_running(pid, "-P")]
        assert len(sides) == 2
    assert [len(samples) for samples in pairs.rounds.samples.values()] == [1, 1]
    assert all(ratio.values[0] > 0 for ratio in pairs.ratios())
    assert not set(sides) & set(children(os.getpid()))
    assert os.listdir(tmp_path) == []


async def test_a_side_that_cannot_start_is_one_line(tmp_path: Path) -> None:
    """A checkout without a bench is refused: nothing else is measured in its place."""
    order = SideOrder(str(tmp_path), cards=600, partners=300, wal_mib=0)
    with pytest.raises(CannotRun, match="the switch of nothing did not start"):
        async with open_side(Checkout(tmp_path, "nothing"), order):
            pass
