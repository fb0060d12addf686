"""Between the tills and the switch: every reply is foretold by the auditor, compared, and counted.

Owns the order of requests, the surprises, and the count of what occurred. Must not know a rule. Invariants:
each request is judged once, in the order of their commits; a surprise says all that it takes to see it again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Final, NamedTuple, TypeAlias

from protocol import Reply, Request, TransactionReply
from simulators.world.auditor import Auditor, Committed, Expected
from simulators.world.year.days import day_of
from simulators.world.year.worker import Worker

SURPRISES_MAX: Final = 50
"""So many are kept whole; all are counted."""


class Occurred(NamedTuple):
    """What a request was, what it came to, and under which circumstances."""

    request: str
    code: int
    entry: int
    why: tuple[str, ...]


Occurrences: TypeAlias = Counter[Occurred]


class Surprise(NamedTuple):
    """A reply that was not foretold."""

    seed: int
    city: str
    day: str
    transaction: int
    terminal: int
    request: str
    differences: tuple[str, ...]
    why: tuple[str, ...]

    def __str__(self) -> str:
        return (
            f"seed {self.seed} {self.city} {self.day} transaction {self.transaction} "
            f"terminal {self.terminal}: {self.request}: {'; '.join(self.differences)} ({', '.join(self.why)})"
        )


class Referee:
    """Asks the switch, judges by the auditor. `order` counts what was asked."""

    def __init__(self, seed: int, city: str, worker: Worker, auditor: Auditor) -> None:
        self._seed = seed
        self._city = city
        self._worker = worker
        self._auditor = auditor
        self.order = 0
        self.occurred: Occurrences = Counter()
        self.surprised = 0
        self.surprises: list[Surprise] = []
        self.on_judged: Callable[[int, Request, Expected, int], object] = lambda *_: None
        """Is told of each request: terminal, request, what was foretold, when."""

    async def ask(self, terminal: int, request: Request, why: tuple[str, ...] = ()) -> Reply:
        """Return the switch's reply to a request, judged."""
        worker = self._worker
        reply = await worker.ask(terminal, request)
        self.order += 1
        expected = self._auditor.judge(
            Committed(self.order, terminal, request, worker.directory.number, worker.now_ms)
        )
        self.on_judged(terminal, request, expected, worker.now_ms)
        self.occurred[Occurred(type(request).__name__, reply.code, getattr(request, "entry", 0), why)] += 1
        if lines := expected.differences(reply):
            self._surprise(terminal, request, lines, why)
        return reply

    def must_be(self, terminal: int, request: Request, reply: Reply, first: Reply) -> None:
        """Hold a repeat to the reply that was given first."""
        if reply != first:
            self._surprise(terminal, request, [f"{reply!r} is not the first reply: {first!r}"], ("repeat",))

    def must_say(self, terminal: int, request: Request, reply: Reply, words: str) -> None:
        """Hold a receipt to words that have to stand on it."""
        receipt = reply.receipt if isinstance(reply, TransactionReply) else ""
        if words not in receipt:
            self._surprise(terminal, request, [f"{words!r} does not stand in {receipt!r}"], ("receipt",))

    def _surprise(self, terminal: int, request: Request, lines: list[str], why: tuple[str, ...]) -> None:
        self.surprised += 1
        if len(self.surprises) < SURPRISES_MAX:
            at = f"{day_of(self._worker.now_ms)} {self._worker.now_ms}"
            self.surprises.append(
                Surprise(self._seed, self._city, at, self.order, terminal, repr(request), tuple(lines), why)
            )


def told(reply: Reply) -> TransactionReply:
    """Return a reply as the one of a transaction."""
    assert isinstance(reply, TransactionReply)
    return reply
