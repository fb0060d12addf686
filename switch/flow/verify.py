"""VERIFY: which benefits hold for a card here and now, and how often.

Owns the replies, and which questions are read together. What holds is decided from memory as it is asked
(`switch.rules.decide.verify`), and what has no limit is answered at once; the ledger only counts what is
left. While one read is on its way the others wait, in turn by terminal; then one read counts for many.
Invariants: nobody is told why a benefit holds for a card; what is used up does not hold; what the receipt
asks the cashier to see is wanted by every benefit listed; every question gets one reply, before its terminal
stops waiting.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from functools import reduce
from operator import and_
from typing import Final, TypeAlias

import trio

from ledger.books.posting import NO_LIMIT, Kind, QuotaLeg
from protocol import Reply, ResultCode, Verify, VerifyReply
from switch.flow.operations import is_served
from switch.flow.question import Asked, Desk, Question
from switch.flow.replies import not_supported
from switch.rules.decide import Moment, Verdict, decide_verify
from switch.rules.versions import Version

VERIFY: Final = int(Kind.VERIFY)
TOGETHER_MAX: Final = 100
LEGS_MAX: Final = 500
"""Questions of one read, and limits, by the question that goes past: it takes some milliseconds."""

Left: TypeAlias = Mapping[QuotaLeg, int]
UsesLeft: TypeAlias = Callable[[list[QuotaLeg]], Awaitable[Left]]
"""Tells what is left of those quotas that can be read. Never raises for a ledger that is away."""


class Verifier:
    """Answers the questions of one worker; those that wait together.

    Who has waited for more than `wait_s` seconds when its turn comes is told to try again: a read may take as
    long once more.
    """

    def __init__(self, desk: Desk, uses_left: UsesLeft, wait_s: float) -> None:
        self._desk = desk
        self._wait_s = wait_s
        self._uses_left = uses_left
        self._lines: dict[int, deque[tuple[Asked, Look]]] = {}
        """By terminal; the one whose turn is next first."""
        self._is_reading = False

    @property
    def waiting(self) -> int:
        """Questions whose turn has not come."""
        return sum(map(len, self._lines.values()))

    def submit_nowait(self, asked: Asked, at: Moment) -> Reply | None:
        """Decide a question. Return its reply if the ledger has nothing to say to it; else it comes by the
        desk. The caller bounds how many wait.
        """
        question = self._desk.question(asked, at)
        look = Look(question)
        if not look.legs:
            return look.reply({})
        self._lines.setdefault(question.terminal.number, deque()).append((asked, look))
        if not self._is_reading:
            self._is_reading = True
            self._desk.nursery.start_soon(self._answer_all)
        return None

    async def _answer_all(self) -> None:
        while self._lines:
            replies: list[tuple[Asked, Reply | None]] = []
            turns: list[tuple[Asked, Look]] = []
            late_at = trio.current_time() - self._wait_s
            for asked, look in self._next_turns():
                if asked.connection.closed:
                    replies.append((asked, None))
                elif asked.received_at < late_at:
                    replies.append((asked, look.reply({})))
                else:
                    turns.append((asked, look))
            left = await self._uses_left([leg for _, look in turns for leg in look.legs]) if turns else {}
            self._desk.on_replies(replies + [(asked, look.reply(left)) for asked, look in turns])
            await trio.lowlevel.checkpoint()
        self._is_reading = False

    def _next_turns(self) -> list[tuple[Asked, Look]]:
        """Take a question of each terminal that has one, and another of each, until there are enough."""
        taken: list[tuple[Asked, Look]] = []
        legs = 0
        while self._lines and len(taken) < TOGETHER_MAX and legs < LEGS_MAX:
            number = next(iter(self._lines))
            line = self._lines.pop(number)
            taken.append(line.popleft())
            legs += len(taken[-1][1].legs)
            if line:
                self._lines[number] = line
        return taken


class Look:
    """One question: what holds, decided as it comes, and then its reply."""

    def __init__(self, question: Question) -> None:
        self._question = question
        message = question.request.message
        assert isinstance(message, Verify)
        self._message = message
        programme = question.terminal.partner.programme
        card, self._last4 = question.find_card(programme, message.card)
        self._version: Version = programme.current  # taken down before the wait
        self._is_served = question.at.is_stale or is_served(message, self._version.rules)  # 11 goes before 20
        self._verdict = decide_verify(message, question.terminal, card, question.at)
        self.legs = [leg for found in self._verdict.found for leg in found.quotas]
        """Whose rest is to be read."""

    def reply(self, left: Left) -> Reply:
        """Return the reply: to try again, if the rest of a leg is not known."""
        question, verdict = self._question, self._verdict
        if not self._is_served:
            return not_supported(self._message, question.at.now_ms, question.connection.language)
        if any(leg not in left for leg in self.legs):
            return self._state(Verdict(int(ResultCode.TRY_AGAIN)), {})
        return self._state(verdict, left)

    def _state(self, verdict: Verdict, left: Left) -> VerifyReply:
        question, now_ms = self._question, self._question.at.now_ms
        rests = [min((left[leg] for leg in found.quotas), default=NO_LIMIT) for found in verdict.found]
        listed = zip(verdict.found, rests, strict=True)
        benefits = [(found.offer, rest, found.checks) for found, rest in listed if rest]
        checks = reduce(and_, (wanted for _, _, wanted in benefits)) if benefits else 0
        return VerifyReply(
            stan=self._message.stan,
            code=verdict.code,
            server_time_ms=now_ms,
            checks=checks,
            benefits=benefits,
            benefits_next=verdict.next_after,
            receipt=self._version.printer.text(
                VERIFY,
                verdict.code,
                at_ms=now_ms,
                last4=self._last4,
                amount_grosze=0,
                points=0,
                balance=0,
                language=question.connection.language,
                checks=checks,
            ),
        )
