"""Questions that the ledger is asked one by one: how many at a time, and whose turn it is.

Owns the turns. Must not know what is asked. Invariants: of one terminal one question is asked at a time,
however many wait; every question gets one reply; what nobody waits for any more is not asked.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from weakref import WeakValueDictionary

import trio

from protocol import Reply
from switch.flow.question import Asked, Desk, Question

INQUIRIES_MAX = 3
"""Questions put to Postgres at a time; the others wait here, and are dropped with their connection."""


class Inquirer:
    """Puts the questions of one worker, each in a task of its own."""

    def __init__(self, desk: Desk, answer: Callable[[Question], Awaitable[Reply]]) -> None:
        self._desk = desk
        self._answer = answer
        self._limiter = trio.CapacityLimiter(INQUIRIES_MAX)
        # One turn a terminal, held while it waits for the limiter: the others wait behind one inquiry of it.
        self._turns: WeakValueDictionary[int, trio.Lock] = WeakValueDictionary()

    @property
    def in_flight(self) -> int:
        """Questions being put."""
        return self._limiter.borrowed_tokens

    def submit_nowait(self, asked: Asked) -> None:
        """Take a question. The caller bounds how many wait."""
        self._desk.nursery.start_soon(self._ask, asked)

    async def _ask(self, asked: Asked) -> None:
        number = asked.connection.terminal_of(asked.request).number
        async with self._turns.setdefault(number, trio.Lock()), self._limiter:
            reply = None
            if not asked.connection.closed:
                # It is dated, and what holds is looked at, when its turn has come: the wait may be long.
                reply = await self._answer(self._desk.question(asked, self._desk.moment()))
        self._desk.on_replies([(asked, reply)])
