"""The bench of people at the office: a real office, real logins, and a verdict that can be missed."""

import argparse
import os
from pathlib import Path

import pytest
import trio

from bench.command import Exit
from bench.throughput.processes import children
from ops.clicks.order import Clicked, Page
from ops.clicks.people import person_of, surname
from ops.clicks.run import Measured, Terminals, parse, rounds, summed_up
from simulators.fleet.histogram import Histogram

PEOPLE = (
    "--rounds=1 --seconds=0.4 --warm-up=0.1 --rate=20 --holders=20 --officers=2 --persons=60 --applications=5"
    " --cases=2 --cards=600 --holder-pause=0.5 --officer-pause=0.5 --wal-mib=16"
)


async def test_officers_and_holders_click_and_get_what_they_expect(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Beside terminals that are answered 20 holders and 2 officers, signed in by a second factor, do all that
    there is to do, at an office that stands behind the switch; no answer is one that nobody expects, and
    nothing is left behind.
    """
    before = set(children(os.getpid()))
    options = parse([*PEOPLE.split(), f"--state-dir={tmp_path}"])
    measured = await rounds(options, trio.Event())
    assert measured.unexpected == 0, (measured.before, measured.clicked)
    assert {
        "a search by name",
        "an application taken down",
        "a message to the desk",
        "sign in: the code",
    } <= set(measured.tour)
    assert [len(measured.windows[is_clicked]) for is_clicked in (False, True)] == [1, 1]
    assert measured.clicked[0].seconds > 0
    behind = min(19, os.getpriority(os.PRIO_PROCESS, 0) + 10)
    assert f"the office serves, nice {behind}\n" in capsys.readouterr().err
    assert set(children(os.getpid())) <= before
    assert os.listdir(tmp_path) == []


def window_of(usual_ms: float, slow_ms: float, slow: int) -> Terminals:
    """A thousand replies, so many of them slow."""
    latency = Histogram()
    for number in range(1_000):
        latency.add((slow_ms if number < slow else usual_ms) / 1_000)
    return Terminals(latency, {"switch": 0.5})


def measured_of(
    *slow: tuple[int, int],
    ms: tuple[float, float] = (10.0, 13.0),
    unexpected: int = 0,
    answered: int = 1_000,
) -> Measured:
    """Rounds with so many slow replies of a thousand without and with people; how long both take."""
    measured = Measured(100.0)
    for without, with_ in slow:
        measured.windows[False].append(window_of(*ms, without))
        measured.windows[True].append(window_of(*ms, with_))
        wrong = {"/pl/me: 500, not 200": unexpected} if unexpected else {}
        measured.clicked.append(
            Clicked(
                seconds=10.0, answered=answered, pages={"/pl/me": Page(1_000, 5.0, 9.0)}, unexpected=wrong
            )
        )
    return measured


@pytest.mark.parametrize(
    ("measured", "status", "word"),
    [
        (measured_of((0, 20), (20, 0), (0, 0)), Exit.OK, "met with 1.00 (rounds 0.77 to 1.30)"),
        (measured_of((0, 5), (0, 20), (9, 8)), Exit.MISSED, "MISSED with 1.27 (rounds 1.00 to 1.30)"),
        (measured_of((0, 20), ms=(10.0, 11.9)), Exit.OK, "met with 1.19"),
        (measured_of((0, 0), unexpected=1), Exit.MISSED, "no unexpected answer: MISSED"),
        (measured_of((0, 0), answered=500), Exit.MISSED, "too few answers"),
    ],
)
def test_the_verdict(measured: Measured, status: Exit, word: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The p99 of all windows together is judged; an answer nobody expects, or people who hardly got any, fail
    a run that would else be met.
    """
    options: argparse.Namespace = parse(["--pages"])
    assert summed_up(options, [], measured) == status
    assert word in capsys.readouterr().out


def test_no_two_persons_have_one_name() -> None:
    """Among twenty thousand persons a desk's search by name finds one."""
    assert len({surname(index * 7_919) for index in range(20_000)}) == 20_000
    assert person_of(1) != person_of(2)
