"""Sign-ons and totals: how many are asked at a time, whose turn it is, and of which moment the reply is."""

from collections import Counter
from collections.abc import Callable
from typing import Any, cast

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from ledger.books.quotas import QuotaReader
from ledger.books.shard_map import ShardMap
from ledger.postgres.database import Database
from protocol import Received, Reply, SignOn, SignOnReply, encode_request
from switch.flow.connection import Connection
from switch.flow.inquiry import Inquiries
from switch.flow.question import Question
from switch.rules.decide import Moment
from switch.rules.programme import parse_rules
from switch.rules.versions import Version
from tests.switch.city import RULES
from tests.switch.memory import MASTER_KEY, Line, MemoryLedger, make_directory, running_front


def sign_on(stan: int) -> SignOn:
    return SignOn(stan=stan, terminal_time=0, software="t", language="pl", offers_after=0)


async def test_a_terminal_with_many_inquiries_takes_its_turn_with_the_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Of one terminal one is asked at a time: two others, who come later, wait behind one of its ten."""
    asked: list[int] = []
    running: Counter[int] = Counter()
    go = trio.Semaphore(0)

    async def answer(_: MemoryLedger, question: Question) -> Reply:
        terminal = question.terminal
        asked.append(terminal.number)
        running[terminal.number] += 1
        assert running[terminal.number] == 1
        await go.acquire()
        running[terminal.number] -= 1
        return SignOnReply(
            question.request.message.stan,
            0,
            question.at.now_ms,
            "czestochowa",
            "Kłos",
            0,
            1,
            1,
            [],
            7,
            [],
            0,
            [],
            0,
        )

    monkeypatch.setattr(MemoryLedger, "answer_inquiry", answer)
    async with running_front() as memory:
        lines = [Line(await memory.connect(), number) for number in (1, 2, 3)]
        for line in lines:
            assert await line.sign_in()
        await lines[0].send(*map(sign_on, range(1, 11)))
        await wait_all_tasks_blocked(0.01)
        assert asked == [1]
        for line in lines[1:]:
            await line.send(sign_on(1))
        await wait_all_tasks_blocked(0.01)
        assert sorted(asked) == [1, 2, 3]
        for _ in range(12):
            go.release()
        for line, count in zip(lines, (10, 1, 1), strict=True):
            assert sorted([(await line.reply()).stan for _ in range(count)]) == list(range(1, count + 1))
        assert asked[3:] == [1] * 9


async def test_a_sign_on_tells_what_held_at_the_moment_it_states() -> None:
    """Rules that come in force while the database is asked are told by the next one, not under this time."""
    directory = make_directory()
    (programme,) = directory.programmes.values()
    stricter = parse_rules(
        RULES.replace("advice_age_max_days = 7", "advice_age_max_days = 3"), source="t.toml"
    )

    class SlowDatabase:
        async def run(self, job: Callable[..., Any]) -> int:
            programme.add_version(Version.of(2, 5_000, stricter))
            directory.choose_versions(9_000)
            return 17

    message = sign_on(1)
    received = Received(message, *encode_request(message))
    question = Question(
        received, directory.terminals[1], cast(Connection, None), Moment(4_000), lambda *_: (0, 0)
    )
    database = cast(Database, SlowDatabase())
    inquiries = Inquiries(database, MASTER_KEY, QuotaReader(database, ShardMap([])), trio.lowlevel.checkpoint)
    for last_stan, days in ((17, 7), (17, 3)):
        reply = await inquiries.answer(question)
        assert isinstance(reply, SignOnReply)
        assert (reply.last_stan, reply.advice_age_max_days) == (last_stan, days)
