"""The probe of a flooding terminal: it measures what it says, and a missed limit is a status of 1."""

from pathlib import Path

import pytest
import trio

from bench.city import identity
from bench.command import Exit
from bench.errors import CannotRun
from bench.load.terminal import BlockingTerminal
from bench.probes import flooder
from bench.probes.flooder import FLOODS, WATCH_S, Flooded, Redeemer, Served
from bench.throughput.nuisance_order import NuisanceReport
from protocol import ResultCode
from tests.bench.scripted_switch import CITY, Step, scripted_switch

COMMITTED_AT = 1_000.0


def report(**changes: float) -> NuisanceReport:
    """Return what a flooder tells that was served before its block and turned away after it."""
    told = {"seconds": 1.0, "sent": 9, "connected": 1, "turned_away": 3, "served_at": COMMITTED_AT - 1}
    return NuisanceReport(**{**told, **changes})  # type: ignore[arg-type]


def test_it_runs_and_tells_of_every_kind_of_flood(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """On a real switch of two workers each flood is one, its terminal is blocked, and others redeem."""
    arguments = ["--rounds", "1", "--good", "2", "--cards", "300", "--state-dir", str(tmp_path)]
    status = trio.run(flooder.measure, flooder.parse(arguments), trio.Event())
    assert status in (Exit.OK, Exit.MISSED)
    lines = capsys.readouterr().out.splitlines()
    for name in FLOODS:
        assert any(line.startswith(f"| {name}: until its block acts") for line in lines)
        told = next(line for line in lines if line.startswith(f"| {name} |"))
        answered, _, redeemed, *_ = (float(cell) for cell in told.split("|")[2:-1])
        assert answered > 0
        assert redeemed > 0


def test_the_clock_stops_when_the_flooder_was_last_served_or_closed() -> None:
    """What comes last counts; who stood before the door at its block already is told apart."""
    flooded = Flooded()
    flooded.note(report(closed_at=COMMITTED_AT + 0.03, served_at=COMMITTED_AT + 0.02), COMMITTED_AT)
    flooded.note(report(closed_at=COMMITTED_AT - 0.5), COMMITTED_AT)
    assert flooded.acts_ms == pytest.approx([30.0, 0.0])
    assert flooded.shut_out == 1
    assert flooded.is_met


def test_a_flooder_that_never_flooded_proves_nothing() -> None:
    """No figure is made of a round without a flood."""
    with pytest.raises(CannotRun, match="never flooded"):
        Flooded().note(report(sent=0), COMMITTED_AT)


@pytest.mark.parametrize(
    ("told", "refused"),
    [
        ({"served_at": COMMITTED_AT + 0.2}, 0),
        ({"turned_away": 0, "served_at": COMMITTED_AT + WATCH_S}, 0),
        ({"turned_away": 0}, 0),
        ({}, 1),
    ],
)
def test_a_late_block_or_one_refused_redemption_is_a_miss(told: dict[str, float], refused: int) -> None:
    """Served after 0.1 s, never turned away, or somebody else refused: status 1."""
    flooded = Flooded(served=Served(redeemed=5, refused=refused))
    flooded.note(report(**told), COMMITTED_AT)
    assert flooder.verdict({"TOTALS streamed": flooded}) == Exit.MISSED
    fine = Flooded(served=Served(redeemed=5))
    fine.note(report(), COMMITTED_AT)
    assert flooder.verdict({"TOTALS streamed": fine}) == Exit.OK


def test_what_a_good_terminal_was_not_granted_is_counted() -> None:
    """Approved pairs, retries, declines and a lost line are told apart; a lost line ends the trade."""
    pairs = [(0, 0), (0, int(ResultCode.TRY_AGAIN)), (int(ResultCode.TRY_AGAIN),), (0, 45)]
    served = Served()
    with (
        scripted_switch() as switch,
        BlockingTerminal.connect("127.0.0.1", switch.port, identity(CITY, 0)) as line,
    ):
        line.sign_on()
        switch.script.extend(Step(code=code) for pair in pairs for code in pair)
        switch.script.append(Step(answer=False, close=True))
        Redeemer(line, [CITY.card_digits(1)]).run(served, lambda: False)
    assert (served.redeemed, served.refused, served.declined) == (1, 3, 1)
