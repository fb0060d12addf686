"""VERIFY: which benefits hold for a card here and now, and how often.

Owns the replies, and which questions are put together. What holds is decided from memory
(`switch.rules.decide.verify`); the ledger only counts what is left. While it is asked, the questions that
come wait; then all of them are decided at one moment, and one read counts for all. Invariants: nobody is told
why a benefit holds for a card; what is used up does not hold; what the receipt asks the cashier to see is
wanted by every benefit listed; every question gets one reply, whatever becomes of the ledger.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Sequence
from functools import reduce
from operator import and_
from typing import TypeAlias

from ledger.books.posting import NO_LIMIT, Kind, QuotaLeg
from ledger.errors import LedgerError
from protocol import Reply, ResultCode, Verify, VerifyReply
from switch.flow.operations import is_served
from switch.flow.question import Asked, Desk, Question
from switch.flow.replies import not_supported
from switch.rules.decide import Verdict, decide_verify
from switch.rules.versions import Version

VERIFY = int(Kind.VERIFY)
TOGETHER_MAX = 100
"""Questions of one read: with a few limits each it takes some milliseconds."""

UsesLeft: TypeAlias = Callable[[Sequence[QuotaLeg]], Awaitable[list[int]]]
"""Tells what is left of each quota. Raises `LedgerError`."""


class Verifier:
    """Answers the questions of one worker; those that wait together."""

    def __init__(self, desk: Desk, uses_left: UsesLeft) -> None:
        self._desk = desk
        self._uses_left = uses_left
        self._waiting: list[Asked] = []
        self._is_reading = False

    def submit_nowait(self, asked: Asked) -> None:
        """Take a question; its reply comes by the desk. The caller bounds how many wait."""
        self._waiting.append(asked)
        if not self._is_reading:
            self._is_reading = True
            self._desk.nursery.start_soon(self._answer_all)

    async def _answer_all(self) -> None:
        while self._waiting:
            together, self._waiting = self._waiting[:TOGETHER_MAX], self._waiting[TOGETHER_MAX:]
            at = self._desk.moment()
            questions = [self._desk.question(asked, at) for asked in together]
            looks = [Look(question) if question else None for question in questions]
            left = await self._read([leg for look in looks if look for leg in look.legs])
            replies = [look.reply(left) if look else None for look in looks]
            self._desk.on_replies(list(zip(together, replies, strict=True)))
        self._is_reading = False

    async def _read(self, legs: list[QuotaLeg]) -> Iterator[int] | None:
        """What is left of each; None if the ledger cannot be asked. Without limits nothing is asked."""
        try:
            return iter(await self._uses_left(legs) if legs else ())
        except LedgerError:
            return None


class Look:
    """One question: what holds, decided at its moment, and then its reply."""

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

    def reply(self, left: Iterator[int] | None) -> Reply:
        """Return the reply; takes the rest of each leg from `left`. None: they could not be read."""
        question, verdict = self._question, self._verdict
        if not self._is_served:
            return not_supported(self._message, question.at.now_ms, question.connection.language)
        if left is None and self.legs:
            return self._state(Verdict(int(ResultCode.TRY_AGAIN)), ())
        rests = left or iter(())
        return self._state(
            verdict, [min((next(rests) for _ in found.quotas), default=NO_LIMIT) for found in verdict.found]
        )

    def _state(self, verdict: Verdict, left: Sequence[int]) -> VerifyReply:
        question, now_ms = self._question, self._question.at.now_ms
        benefits = [
            (found.offer, rest, found.checks) for found, rest in zip(verdict.found, left, strict=True) if rest
        ]
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
