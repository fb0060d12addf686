"""The drill of the alerts (`make alerts-drill`): what it owes, without running it for half an hour."""

from collections import Counter
from pathlib import Path

import pytest
import trio

from ops.monitoring.drill.__main__ import FAULTS, WATCHDOG, chosen
from ops.monitoring.drill.papers import Papers, TerminalPapers
from ops.monitoring.drill.table import NOT_FIRED, Line, table
from ops.monitoring.drill.watch import Watch
from ops.monitoring.prometheus import Prometheus
from ops.monitoring.rules import ALERTS
from switch.clock import clock_ms
from switch.config import Config
from switch.process.certificate import read_certificate


def test_every_alert_has_a_fault_or_a_reason() -> None:
    """Each alert is fired by one real fault, or the table says why it cannot be on one machine."""
    fired = Counter(name for fault in FAULTS for name in fault.fires)
    assert set(fired.values()) == {1}
    assert set(fired) | set(NOT_FIRED) | {WATCHDOG} == {alert.name for alert in ALERTS}
    assert not set(fired) & {*NOT_FIRED, WATCHDOG}
    assert all(set(fault.late) <= set(fault.fires) for fault in FAULTS)


def test_some_alerts_may_be_asked_for() -> None:
    """Named alerts choose the faults that fire them; none chooses all."""
    assert [fault.fires for fault in chosen(["CityswitchDown"])] == [("CityswitchDown",)]
    assert chosen([]) == FAULTS


@pytest.mark.parametrize(
    ("line", "is_good"),
    [
        (Line("A", "f", 3.0, 4.0, 2, []), True),
        (Line("A", "f", None, None, 2, []), False),
        (Line("A", "f", 3.0, None, 2, []), False),
        (Line("A", "f", 3.0, 4.0, 2, ["curl: status 7"]), False),
        (Line("A", "cannot be", None, None, 0, [], is_expected=False), True),
    ],
)
def test_a_drill_is_good_only_if_all_of_it_is(line: Line, is_good: bool) -> None:
    """An alert that did not fire, did not end or whose runbook fails is not good; one without a fault is."""
    assert line.is_good is is_good
    assert ("**did not**" in table([line])) is (line.is_expected and None in (line.fired_s, line.cleared_s))


async def test_the_watch_knows_when_an_alert_began_and_ended(autojump_clock: trio.testing.MockClock) -> None:
    """What fires is known by its first moment; pending is not firing; what fires no more has an end."""
    watch = Watch(Prometheus(1, Path("no.log"), 1))

    def alert(state: str) -> list[dict[str, object]]:
        return [{"state": state, "labels": {"alertname": "A"}, "annotations": {"description": "d"}}]

    watch.take(alert("pending"))
    assert watch.firing == {}
    began_s = trio.current_time()
    watch.take([*alert("firing"), *alert("firing")])
    await trio.sleep(5)
    watch.take(alert("firing"))
    assert watch.firing == {"A": began_s}
    assert await watch.wait_firing(["A"], 1)
    assert not await watch.wait_silent(["A"], 1)
    watch.take([])
    assert watch.firing == {}
    assert watch.ended["A"] == trio.current_time()
    assert not await watch.wait_firing(["A"], 1)
    assert await watch.wait_silent(["A"], 1)


def test_papers_are_valid_for_as_long_as_a_fault_wants(tmp_path: Path) -> None:
    """A certificate of the drill is one the switch can use, has ended if it is to, and can be put back."""
    papers = Papers(tmp_path)
    first = papers.certificate.read_bytes()
    config = Config(tls="on", tls_certificate=str(papers.certificate), tls_key=str(papers.key))
    read = read_certificate(config)
    assert read is not None
    now_ms = read.not_before_ms + 30 * 86_400_000
    assert read.problem(now_ms + 60_000) is None
    papers.issue(until_days=-1)
    read = read_certificate(config)
    assert read is not None
    assert "expired" in str(read.problem(now_ms + 60_000))
    papers.put_back()
    assert papers.certificate.read_bytes() == first


def test_a_list_of_the_drill_ends_when_a_fault_wants(tmp_path: Path) -> None:
    """The switch can use the authority and its list; until when it holds is read, also once it has ended."""
    papers, terminals = Papers(tmp_path), TerminalPapers(tmp_path, 3)
    config = Config(
        tls="on", tls_certificate=str(papers.certificate), tls_key=str(papers.key),
        tls_client_ca=str(terminals.authority), tls_client_crl=str(terminals.revoked),
    )  # fmt: skip
    found = []
    for days in (3, -1):
        terminals.list_revoked(until_days=days)
        read = read_certificate(config)
        assert read is not None
        assert read.revocations_until_ms is not None
        found.append(round((read.revocations_until_ms - clock_ms()) / 86_400_000))
    assert found == [3, -1]
