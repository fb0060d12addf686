"""A worker tells who is on line: over its own connection, in rounds, and nothing waits for it."""

from pathlib import Path
from typing import Any

import pytest
import trio

from ledger.postgres.database import Database
from ledger.registry.presence import Wanted, strangers, terminal_status
from ledger.registry.reads import Status
from ledger.registry.terminals import set_terminal_status
from protocol import SignOn
from switch.flow.attendance import STRANGERS_MAX, STRANGERS_S, Attendance
from switch.process import presence
from tests.ledger.books import TESTER
from tests.patience import HANG_S, until
from tests.postgres import FreshDatabase
from tests.switch.memory import Line
from tests.switch.test_worker import Running, running_worker


async def told_of(owner: Database, terminal: int, what: str, value: object) -> Any:
    """Wait until the database says so of a terminal; return its row."""
    with trio.fail_after(HANG_S):
        while True:
            (row,) = await owner.run(lambda c: terminal_status(c, Wanted(terminals=[terminal])))
            if row[what] == value:
                return row
            await trio.sleep(0.05)


async def signs_in(running: Running, number: int) -> bool:
    """Try it once."""
    async with await trio.open_tcp_stream("127.0.0.1", running.port) as stream:
        return await Line(stream, number).sign_in()


async def test_a_worker_tells_who_is_on_line_and_who_was_refused(
    fresh: FreshDatabase, owner: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Software from SIGN_ON, the true cause of a refusal and where it came from; after the drain all are off
    line.
    """
    monkeypatch.setattr(presence, "ROUND_S", 0.05)
    async with running_worker(fresh, owner, tmp_path) as running:
        line = await running.line()
        await line.ask(
            SignOn(stan=1, terminal_time=0, software="acme-pos 1.4.2", language="pl", offers_after=0)
        )
        here = await told_of(owner, 1, "software", "acme-pos 1.4.2")
        assert (here["on_line"], here["worker"], here["failures"]) == (True, 0, 0)
        await owner.run(lambda c: set_terminal_status(c, TESTER, 2, Status.STOPPED))
        await told_of(owner, 2, "hindrance", "terminal_blocked")
        await until(lambda: running.worker._directory.terminals[2].blocked)
        for number in (2, 4711):  # once: who keeps coming in is turned away for that, too
            assert not await signs_in(running, number)
        refused = await told_of(owner, 2, "failures", 1)
        assert (refused["failure"], refused["failed_from"]) == ("terminal_blocked", "127.0.0.1")
        await signs_in(running, 2)  # is told after it
        await told_of(owner, 2, "failures", 2)
        (stranger,) = await owner.run(lambda c: strangers(c, [4711]))
        assert stranger["failure"] == "unknown_terminal"
    gone = await told_of(owner, 1, "on_line", False)
    assert gone["ended"] in {"drained", "peer_closed"}
    assert await owner.run(lambda c: c.fetchval("select count(*) from registry.worker_presence")) == 0


async def test_strangers_are_bounded() -> None:
    """Whoever claims numbers at random fills nothing: so many an hour, and no terminal's place is taken."""
    attendance = Attendance()
    for number in range(1, 10 * STRANGERS_MAX):
        attendance.failed(number, "unknown_terminal", "x", is_known=False)
    assert len(attendance) == STRANGERS_MAX
    attendance.failed(99_999_999, "wrong_key", "x", is_known=True)
    assert len(attendance) == STRANGERS_MAX + 1
    assert STRANGERS_S >= 60


async def test_what_could_not_be_written_is_told_again() -> None:
    """Given back, it stands beside what has come since: counts add up, and the newest cause counts."""
    attendance = Attendance()
    attendance.failed(1, "wrong_key", "a", is_known=True)
    attendance.failed(2, "wrong_key", "a", is_known=True)
    taken = attendance.take(1)
    assert list(taken) == [1]
    assert len(attendance) == 1
    attendance.failed(1, "key_expired", "b", is_known=True)
    attendance.give_back(taken)
    news = attendance.take(10)
    assert set(news) == {1, 2}
    assert (news[1].failure, news[1].failed_from, news[1].failures) == ("key_expired", "b", 2)
    assert len(attendance) == 0
