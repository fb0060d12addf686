"""The demo's reconciliation: its verdict, and its lines on a terminal and in a file."""

import io
import re

import msgspec
import pytest

from ledger.books.statements import TrialRow
from ledger.books.verify import Finding
from ops.demo.report import CityOutcome, DemoOutcome, live_line, report_lines
from ops.demo.screen import Screen
from simulators.audit.differences import AuditResult, Difference, Sums
from simulators.fleet.report import FleetPlan, FleetReport, Progress, Remaining, Tally


def fleet_report(**changes: object) -> FleetReport:
    """Return the report of a fleet that did a little."""
    plan = FleetPlan(seed="s", address="127.0.0.1:1", state_dir="x")
    report = Tally().report(plan, duration_s=2.0, cpu_s=0.1, stopped_early=False)
    return msgspec.structs.replace(report, transactions=10, **changes)


def outcome(
    fleet: FleetReport | None = None,
    audit: AuditResult | None = None,
    broken: int = 0,
    credit: int = 70,
    unit_off: int = 0,
) -> DemoOutcome:
    """Return an outcome that holds, but for what is given."""
    clean = AuditResult(sent=10, told=10, approved=9, declined=1)
    return DemoOutcome(
        cities=[
            CityOutcome("gora", fleet_report(), clean),
            CityOutcome("dolina", fleet or fleet_report(), audit or clean),
        ],
        findings=[Finding("balances", broken, "account 8" if broken else None), Finding("others", 0, None)],
        trial=[
            TrialRow(0, 0, 3, 20, credit - 20),
            TrialRow(0, 1, 2, 50, 20),
            TrialRow(0, 7, 2, 5, 0, 1),
            TrialRow(0, 4, 2, 0, 5 + unit_off, 1),
        ],
        replays=1,
    )


def with_difference() -> AuditResult:
    """Return an audit that found a lost transaction."""
    audit = AuditResult(sent=10, told=10, approved=10)
    audit.add(Difference.APPROVAL_NOT_IN_JOURNAL, "terminal 1 STAN 2")
    return audit


def test_a_clean_run_reconciles() -> None:
    """Nothing lost, nothing twice, all settled, all invariants: the verdict is good and says so last."""
    assert outcome().holds
    assert report_lines(outcome())[-1] == "Everything reconciles."
    text = "\n".join(report_lines(outcome()))
    assert "2 of 2 invariants hold" in text
    assert re.search(r"^ +gora +dolina +together$", text, re.MULTILINE)
    assert re.search(r"^ +could post +10 +10 +20$", text, re.MULTILINE)


@pytest.mark.parametrize(
    ("bad", "named"),
    [
        (outcome(audit=with_difference()), "approval not in journal, such as terminal 1 STAN 2"),
        (outcome(broken=3), "balances: 3 times, such as account 8"),
        (outcome(credit=71), "debits of 70 points differ from credits of 71"),
        (outcome(unit_off=1), "debits of 5 uses differ from credits of 6"),
        (
            outcome(audit=AuditResult(sent=1, told=1, told_sums=Sums(0, 1, 5), posted_sums=Sums(0, 1, 6))),
            "dolina: terminals were told Sums(points=0, uses=1, grosze=5)",
        ),
        (outcome(audit=AuditResult(sent=10, told=9, unsettled=1)), "1 requests are not settled"),
        (
            outcome(fleet=fleet_report(remaining=[Remaining(1, 2, False, 0)])),
            "went home with something unsettled",
        ),
        (outcome(fleet=fleet_report(totals_differed=1)), "totals differ"),
        (
            outcome(fleet=msgspec.structs.replace(fleet_report(), transactions=0)),
            "no transaction was answered",
        ),
    ],
)
def test_anything_amiss_spoils_the_verdict_and_is_named(bad: DemoOutcome, named: str) -> None:
    """Each thing that does not reconcile makes the run fail, with a line that names it."""
    assert not bad.holds
    lines = report_lines(bad)
    assert lines[-1] == "It does NOT reconcile."
    assert any("DIFFERENCE" in line and named in line for line in lines)


def test_ended_before_it_traded_is_told_and_spoils_nothing() -> None:
    """Who ends a demo at once has lost nothing; what is amiss besides is a difference all the same."""
    ended = msgspec.structs.replace(fleet_report(), transactions=0, was_stopped_early=True)
    assert outcome(fleet=ended).holds
    assert "  note: dolina was ended before it had traded." in report_lines(outcome(fleet=ended))
    assert not outcome(fleet=ended, audit=with_difference()).holds


def test_surprised_cashiers_are_told_and_spoil_nothing() -> None:
    """A card blocked by hand surprises the simulated cashiers; the books are right all the same."""
    surprised = outcome(fleet=fleet_report(unexpected=2, unexpected_examples=["card index 5: CARD_BLOCKED"]))
    assert surprised.holds
    assert any("card index 5" in line for line in report_lines(surprised))


def test_the_live_line_tells_rate_latency_and_counts() -> None:
    """One line a second: rate, p99, approved, declined, sent again."""
    line = live_line(Progress("trading", 7.0, 20_000, 3_456, 300, 1, 19_000, 1_000, 12, 45_600))
    for figure in ("7 s", "3,456/s", "45.6 ms", "19,000 approved", "1,000 declined", "12 resent"):
        assert figure in line


class Terminal(io.StringIO):
    """A text stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def test_into_a_file_every_line_stays() -> None:
    """Where nobody watches, lines are not overwritten and carry no control codes."""
    out = io.StringIO()
    screen = Screen(2, out)
    with screen.step("First") as step:
        step.note = "fine"
    screen.renew("a")
    screen.renew("b")
    screen.heading("Second")
    assert out.getvalue().startswith("[1/2] First ... fine (")
    assert out.getvalue().endswith(" s)\na\nb\n[2/2] Second\n")


def test_on_a_terminal_the_live_line_renews_itself() -> None:
    """On a terminal one line is written over and over, and left whole by what follows."""
    out = Terminal()
    screen = Screen(1, out)
    screen.renew("a")
    screen.renew("b")
    screen.line("c")
    assert out.getvalue() == "\r\x1b[2Ka\r\x1b[2Kb\nc\n"


def test_a_failing_step_ends_its_line() -> None:
    """The line of a step that fails is ended, so the message after it stands alone."""
    out = io.StringIO()
    with pytest.raises(ValueError, match="no"), Screen(1, out).step("First"):
        raise ValueError("no")
    assert out.getvalue() == "[1/1] First ... \n"
