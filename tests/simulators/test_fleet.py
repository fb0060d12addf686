"""Many terminals: whatever is cut off is settled, the pace is kept, the work can be split and merged."""

from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
import trio
import trio.testing

from simulators.audit.log import read_logs
from simulators.city.trade import Mix
from simulators.fleet.fleet import audit_log_path, population_of, run_fleet
from simulators.fleet.histogram import Histogram
from simulators.fleet.process import FleetFailed, main, run_fleet_processes, split_plan
from simulators.fleet.report import FleetPlan, FleetReport, Progress, merge_reports
from simulators.till.posting import REVERSAL
from simulators.till.store import TerminalMemory
from tests.simulators.fake_switch import FakeSwitch

EARN_ONLY = Mix(**{name: 0 for name in Mix.__struct_fields__} | {"earn": 1, "reversal": 0.2, "advice": 0.2})
NOWHERE = "127.0.0.1:1"


@pytest.fixture
async def switch() -> AsyncIterator[FakeSwitch]:
    async with trio.open_nursery() as nursery:
        yield FakeSwitch(nursery)
        nursery.cancel_scope.cancel()


def plan(directory: Path, **options: object) -> FleetPlan:
    values: dict[str, object] = {
        "seed": "test",
        "address": NOWHERE,
        "state_dir": str(directory),
        "cards": 30,  # none of them peculiar, so everything is approved
        "partners": 6,
        "terminals": 6,
        "transactions_max": 50,
        "cut_off_share": 0.0,
        "mix": EARN_ONLY,
    }
    return msgspec.convert(msgspec.to_builtins(values | options), FleetPlan)


async def run(a_plan: FleetPlan, switch: FakeSwitch, **options: object) -> FleetReport:
    population = population_of(a_plan)
    switch.key_of = lambda terminal: population.terminal_key(terminal - population.terminal_id(0))
    return await run_fleet(a_plan, connect=switch.connect, **options)  # type: ignore[arg-type]


async def test_whatever_is_cut_off_is_settled(
    switch: FakeSwitch, tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    """With every second request cut off in some way, everything is answered or reversed in the end."""
    report = await run(plan(tmp_path, cut_off_share=0.5), switch)
    assert (report.remaining, report.errors, report.unexpected) == ([], {}, 0)
    assert len(report.cut_offs) == 6
    assert report.repeats > 0
    assert report.given_up > 0
    witnessed = read_logs([audit_log_path(plan(tmp_path))])
    reversed_stans = {
        (terminal, answers[0].original_stan)
        for (terminal, _), answers in witnessed.told.items()
        if answers[0].type == REVERSAL
    }
    assert set(witnessed.sent) <= set(witnessed.told) | reversed_stans
    assert report.latency.count + report.recovery.count == 6 * 50


async def test_the_same_seed_sends_the_same_requests(switch: FakeSwitch, tmp_path: Path) -> None:
    """A run can be repeated: every terminal draws from a generator of its own."""
    logs = []
    for number in range(2):
        a_plan = plan(tmp_path / str(number))
        await run(a_plan, switch)
        logs.append(read_logs([audit_log_path(a_plan)]).sent)
    assert logs[0] == logs[1]
    assert len(logs[0]) > 6 * 50 / 2


async def test_open_loop_keeps_its_pace_and_its_lines(
    switch: FakeSwitch, tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    """At a rate, customers come when they come; a terminal without customers keeps its connection alive."""
    a_plan = plan(tmp_path, transactions_max=0, rate_per_s=0.05, duration_s=3_600)
    seen: list[Progress] = []
    report = await run(a_plan, switch, on_progress=seen.append)
    assert 120 < report.transactions < 250
    assert report.duration_s == pytest.approx(3_600, rel=0.01)
    assert len(switch.of_type(0x0A)) > 50
    assert switch.signed_on == 6
    assert report.errors == {}
    assert {progress.phase for progress in seen} >= {"trading"}


async def test_what_remains_is_named(
    switch: FakeSwitch, tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    """If the switch stays down, the report says which terminals hold what, and their memories do."""
    a_plan = plan(tmp_path, cut_off_share=1.0, transactions_max=1, settle_s=60)

    def go_down(_: object) -> None:
        switch.is_down = True

    switch.on_request = go_down
    report = await run(a_plan, switch)
    assert report.remaining
    assert not report.is_settled
    for remaining in report.remaining:
        with TerminalMemory.open(
            tmp_path / f"terminal-{remaining.terminal}.memory", remaining.terminal
        ) as memory:
            assert (memory.pending.stan if memory.pending else 0) == remaining.pending_stan
            assert len(memory.advices) == remaining.advices
    switch.is_down, switch.on_request = False, lambda received: None
    report = await run(msgspec.structs.replace(a_plan, duration_s=0), switch)
    assert report.remaining == []


async def test_stopping_ends_the_trading_and_settles(
    switch: FakeSwitch, tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    """Told to stop, a fleet takes no new customers and settles what is open."""
    stop = trio.Event()

    def after_some(_: object) -> None:
        if len(switch.requests) > 60:
            stop.set()

    switch.on_request = after_some
    report = await run(plan(tmp_path, transactions_max=0, cut_off_share=0.3), switch, stop=stop)
    assert report.was_stopped_early
    assert report.remaining == []
    assert report.transactions < 120


async def test_an_answer_that_was_not_earned_is_unexpected(switch: FakeSwitch, tmp_path: Path) -> None:
    """A switch that approves anything is found out, without a card number in the report."""
    mix = {name: 0 for name in Mix.__struct_fields__} | {
        "zero_amount": 1,
        "unknown_card": 1,
        "wrong_digit": 1,
    }
    report = await run(plan(tmp_path, mix=mix, transactions_max=10), switch)
    assert report.unexpected == 60
    assert not report.is_settled
    assert not any("9616" in example for example in report.unexpected_examples)


def test_a_plan_is_split_without_gap_or_overlap(tmp_path: Path) -> None:
    """Every terminal is in exactly one part and the rates add up."""
    whole = plan(tmp_path, partners=300, terminals=290, terminal_first=5, rate_per_s=100.0)
    parts = split_plan(whole, 7)
    indexes = [
        index for part in parts for index in range(part.terminal_first, part.terminal_first + part.terminals)
    ]
    assert indexes == list(range(5, 295))
    assert sum(part.rate_per_s for part in parts) == pytest.approx(100.0)
    assert len(split_plan(plan(tmp_path, terminals=2), 8)) == 2


def test_terminals_beyond_the_city_are_refused(tmp_path: Path) -> None:
    """A plan for terminals nobody registered is a mistake, found before anything is opened."""
    with pytest.raises(ValueError, match="the city has 0 to 5"):
        population_of(plan(tmp_path, terminal_first=1))


async def test_reports_of_several_processes_add_up(switch: FakeSwitch, tmp_path: Path) -> None:
    """Sums are sums, percentiles come from the merged histogram."""
    whole = plan(tmp_path, cut_off_share=0.2)
    parts = [await run(part, switch) for part in split_plan(whole, 2)]
    merged = merge_reports(whole, parts)
    assert merged.processes == 2
    assert merged.transactions == sum(part.transactions for part in parts)
    assert merged.latency.count == sum(part.latency.count for part in parts)
    assert merged.latency.max_us == max(part.latency.max_us for part in parts)
    assert sum(merged.by_operation["earn"].values()) == sum(
        sum(part.by_operation["earn"].values()) for part in parts
    )
    assert msgspec.json.decode(msgspec.json.encode(merged), type=FleetReport).repeats == merged.repeats


async def test_processes_report_and_fail_readably(tmp_path: Path) -> None:
    """Two processes without a switch report their failed links; one that cannot start says why in a line."""
    seen: list[Progress] = []
    hopeless = plan(tmp_path, connect_s=0.2, duration_s=1.2, settle_s=0.2)
    report = await run_fleet_processes(hopeless, 2, on_progress=seen.append)
    assert report.processes == 2
    assert report.terminals_connected == 0
    assert report.errors["CannotConnect"] >= 6
    assert seen
    held = TerminalMemory.open(tmp_path / "terminal-10000001.memory", 10_000_001)
    with held, pytest.raises(FleetFailed, match="in use by another terminal process"):
        await run_fleet_processes(hopeless, 1)


def test_the_command_says_what_is_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A bad address or plan is one line and status 2."""
    assert main(["--address", "host:port", "--state-dir", str(tmp_path), "--terminals", "1"]) == 2
    assert capsys.readouterr().err.startswith("fleet: address 'host:port'")
    assert main(["--terminals", "301", "--state-dir", str(tmp_path)]) == 2
    assert "terminals 0 to 300" in capsys.readouterr().err


def test_percentiles_are_close_and_merge_exactly() -> None:
    """At most 3 % above the truth; two merged histograms equal one that saw everything."""
    both, odd, even = Histogram(), Histogram(), Histogram()
    for micros in range(1, 20_001):
        both.add(micros / 1e6)
        (odd if micros % 2 else even).add(micros / 1e6)
    odd.merge(even)
    assert (odd.buckets, odd.max_us) == (both.buckets, both.max_us)
    for percent, truth in ((50, 10_000), (95, 19_000), (99, 19_800)):
        assert truth <= both.percentile_us(percent) + 1 <= truth * 1.04
    assert both.summary().max_us == 20_000
    assert Histogram().summary().p99_us == 0
