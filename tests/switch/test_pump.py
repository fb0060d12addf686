"""The pump's rounds: whoever it has no time for in one is read in the next."""

import pytest
import trio

import switch.wire.pump
from protocol import Echo
from tests.patience import HANG_S
from tests.switch.memory import Line, running_front


async def test_more_sockets_than_a_round_reads_are_all_served(monkeypatch: pytest.MonkeyPatch) -> None:
    """One socket a round, three with a request each at once, again and again: every one is answered."""
    monkeypatch.setattr(switch.wire.pump, "READY_MAX", 1)
    async with running_front(use_pump=True) as memory:
        lines = [Line(await memory.connect(), terminal) for terminal in (1, 2, 3)]
        for line in lines:
            assert await line.sign_in()
        answered = []
        with trio.fail_after(HANG_S):
            for stan in (1, 2, 3):
                for line in lines:
                    await line.send(Echo(stan=stan, terminal_time=0))
                answered += [(await line.reply()).stan for line in lines]
    assert answered == [1] * 3 + [2] * 3 + [3] * 3
