"""Sign-ons and totals: how many are asked at a time, and whose turn it is."""

from collections import Counter

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from protocol import Reply, SignOn, SignOnReply
from switch.flow.question import Question
from tests.switch.memory import Line, MemoryLedger, running_front


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
