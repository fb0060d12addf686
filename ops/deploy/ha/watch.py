"""What terminals' own log says while it is written: the rate, the silence of a failover, what became of whom.

Owns the watching of one audit log. Must not know of nodes or databases: what it tells is what terminals were
told. An answer is good if it is final (approved or declined); "try again" is none and is not in the log.

Invariant: every request begun before the first good reply and not answered by then is *unknown*, and is
counted once under how it was settled.
"""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Final, NamedTuple

import trio

from protocol import ResultClass, ResultCode, result_class
from simulators.audit.log import Id, LogTail, Told
from simulators.till.posting import REVERSAL

LOOK_S: Final = 0.02
WINDOW_S: Final = 4.0
"""The rates before and after are taken over so long."""
_NAME_OF: Final = {int(code): code.name.lower() for code in ResultCode}
_GOOD: Final = frozenset({ResultClass.APPROVE, ResultClass.DECLINE, ResultClass.PICK_UP})


class Silence(NamedTuple):
    """A failover as the terminals met it; seconds, rates a second. `silence_s`: without a good reply."""

    first_good_s: float
    silence_s: float
    rate_before: float
    rate_during: float
    rate_after: float
    unknown: int
    settled: dict[str, int]


class Watch:
    """One log from now on. `run` reads it; `mark` is the moment of the kill."""

    def __init__(self, log: Path) -> None:
        self._tail = LogTail(log)
        self._sent: dict[Id, float] = {}
        self._told: dict[Id, tuple[float, Told]] = {}
        self._undone: dict[Id, Told] = {}
        self._answers: list[float] = []
        self.killed_at = 0.0
        self._tail.more()

    async def run(self) -> None:
        """Look for ever."""
        while True:
            self.look()
            await trio.sleep(LOOK_S)

    def look(self) -> None:
        """Take what is new in the log as of this moment."""
        more, now = self._tail.more(), trio.current_time()
        for name in more.sent:
            self._sent.setdefault(name, now)
        for name, answers in more.told.items():
            for answer in answers:
                self._take(name, answer, now)

    def _take(self, name: Id, answer: Told, now: float) -> None:
        self._told.setdefault(name, (now, answer))
        if answer.type == REVERSAL:
            self._undone[name[0], answer.original_stan] = answer
        if result_class(answer.code) in _GOOD:
            self._answers.append(now)

    def mark(self) -> int:
        """Note the moment of the kill; return how many requests are in flight."""
        self.look()
        self.killed_at = trio.current_time()
        return len(self._sent.keys() - self._told.keys())

    async def answered_after(self, at: float) -> None:
        """Wait for a good reply that came later than a moment."""
        while not (self._answers and self._answers[-1] > at):  # noqa: ASYNC110 a file tells of no event
            await trio.sleep(LOOK_S)

    def silence(self) -> Silence:
        """Return what the failover came to, once all is settled.

        The first good reply is the one that ends the longest silence after the kill: what the old primary had
        committed may still have been on its way for a moment.
        """
        killed = self.killed_at
        after = [killed, *(at for at in self._answers if at > killed)]
        gaps = [(later - earlier, earlier, later) for earlier, later in pairwise(after)]
        _, last, first = max(gaps)
        unknown = [
            name
            for name, sent_at in self._sent.items()
            if sent_at < first and not (name in self._told and self._told[name][0] <= last)
        ]
        return Silence(
            first_good_s=first - killed,
            silence_s=first - last,
            rate_before=self._rate(killed - WINDOW_S, killed),
            rate_during=sum(killed < at < first for at in self._answers) / (first - killed),
            rate_after=self._rate(first, first + WINDOW_S),
            unknown=len(unknown),
            settled=dict(Counter(map(self._how, unknown)).most_common()),
        )

    def _rate(self, since: float, until: float) -> float:
        return sum(since <= at < until for at in self._answers) / (until - since)

    def _how(self, name: Id) -> str:
        """Say how an unknown outcome was settled, by what its terminal was told in the end."""
        if name in self._told:
            return f"answered when asked again: {result_class(self._told[name][1].code)}"
        if name in self._undone:
            return f"given up and reversed: {_NAME_OF[self._undone[name].code]}"
        return "open"
