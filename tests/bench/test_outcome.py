"""What counts as failure and what does not, when a run has failed, what is said of a missing switch."""

from dataclasses import replace

import pytest

from bench.load.outcome import CONNECT, SIGN_ON, Counted, run_problem, switch_problem, verdict
from protocol import ResultClass, ResultCode
from simulators.city.example import CARDS, PARTNERS, SEED
from simulators.city.example import CITY as DEMO_CITY
from simulators.city.population import Population
from tests.bench.scripted_switch import CITY, closed_port, scripted_switch


@pytest.mark.parametrize("code", list(ResultCode), ids=lambda code: code.name)
def test_only_retry_and_fault_are_failures(code: ResultCode) -> None:
    """A decline is an answer of the business under a name of its own; "try again" and faults are failures."""
    name, failure = verdict("earn", int(code))
    assert (failure is not None) == (code.result_class in (ResultClass.RETRY, ResultClass.FAULT))
    is_decline = code.result_class in (ResultClass.DECLINE, ResultClass.PICK_UP)
    assert name == (f"earn, declined: {code.name.lower()}" if is_decline else "earn")


def test_a_code_younger_than_the_bench_is_counted() -> None:
    """An unknown code is counted by its class, with its number for a name."""
    assert verdict("earn", 99) == ("earn, declined: code_99", None)


@pytest.mark.parametrize(
    ("lines", "problem"),
    [
        ([], "no request at all"),
        ([Counted(CONNECT, 5, 5)], "no request at all"),
        ([Counted(CONNECT, 5, 0), Counted(SIGN_ON, 5, 0)], "no request at all"),
        ([Counted("earn", 100, 2)], r"2 failures, 2.00% of all: more than the 1.00% allowed"),
        ([Counted("earn", 50, 0), Counted(CONNECT, 50, 2)], "2 failures"),
    ],
)
def test_a_run_that_shows_nothing_has_failed(lines: list[Counted], problem: str) -> None:
    """No business request, or more failures than allowed, is a failed run."""
    said = run_problem(lines, 0.01)
    assert said is not None
    assert problem in said


def test_a_good_run_has_no_problem() -> None:
    """Declines and a failure within the bound are no problem."""
    lines = [Counted(CONNECT, 10, 0), Counted("earn", 980, 1), Counted("earn, declined: card_blocked", 10, 0)]
    assert run_problem(lines, 0.01) is None


def test_no_switch_is_one_line_with_a_cure() -> None:
    """When nobody listens the message names the address and what to do, in one line."""
    port = closed_port()
    problem = switch_problem("127.0.0.1", port, CITY)
    assert problem is not None
    assert f"no switch on 127.0.0.1:{port} (connection refused)" in problem
    assert "make load" in problem
    assert "\n" not in problem


def test_a_switch_of_another_city_is_told_apart() -> None:
    """A switch that answers but does not know our terminals gets another cure."""
    with scripted_switch() as switch:
        problem = switch_problem("127.0.0.1", switch.port, replace(CITY, seed="another"))
    assert problem is not None
    assert "--seed" in problem


def test_a_switch_that_answers_is_no_problem() -> None:
    """The check signs on as the first terminal and is content."""
    with scripted_switch() as switch:
        assert switch_problem("127.0.0.1", switch.port, CITY) is None
    assert switch.terminals == [CITY.terminal_id(0)]


def test_the_default_city_is_the_demo_s() -> None:
    """A load test drives the switch of `cityswitch up` without being told its city."""
    ours = Population(SEED, CARDS, PARTNERS)
    assert (ours.seed, ours.cards, ours.partners) == (DEMO_CITY.seed, DEMO_CITY.cards, DEMO_CITY.partners)
    assert ours.terminal_key(0) == DEMO_CITY.terminal_key(0)
