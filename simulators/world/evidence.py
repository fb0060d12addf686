"""What went over the lines of a world: every request as it was sent, every reply as it was written.

Owns the reading of whole frames at both ends, where they are written (a tag hides nothing). Must not know
what a reply should have been. Invariants: a request is known by its terminal, its STAN and its digest, so
that two requests under one number are told apart; of a repeated request the first is kept.
"""

from __future__ import annotations

from collections import Counter
from typing import Final, NamedTuple, Protocol

from protocol import (
    REPLY_OF,
    REQUEST_OF,
    TYPE_OF,
    BenefitAdvice,
    BenefitUse,
    Earn,
    EarnAdvice,
    Redeem,
    Refund,
    Reply,
    Request,
    Reversal,
    TransactionReply,
    request_digest,
)
from protocol.handshake import Hello
from protocol.limits import HEADER_SIZE, LENGTH_SIZE, TAG_SIZE
from protocol.messages import HELLO, MESSAGE_MASK, REPLY_BIT, Decode, decoder

_DECODE: Final[dict[int, Decode]] = {
    number: decoder(message) for number, message in (*REQUEST_OF.items(), *REPLY_OF.items())
}
_DECODE_HELLO: Final = decoder(Hello)


POSTING: Final = frozenset(
    TYPE_OF[kind] for kind in (Earn, EarnAdvice, Redeem, BenefitUse, BenefitAdvice, Refund, Reversal)
)
"""The requests that can move something."""


class Standing(Protocol):
    """What stands in the store at this moment."""

    @property
    def happened(self) -> int:
        """How many events there were: rows, questions, moves of shares."""

    @property
    def changes(self) -> int:
        """The newest change of the registry."""

    def stands(self, terminal: int, stan: int) -> bool:
        """Whether an id is in the books."""


class Asked(NamedTuple):
    """A request as it was first sent."""

    message: Request
    type: int
    body: bytes
    place: int
    """How many events there were then."""
    generation: int
    """Of the key that the terminal said last it had."""


class Answered(NamedTuple):
    """A reply as the switch wrote it, whether it arrived or not."""

    terminal: int
    type: int
    message: Reply
    body: bytes
    place: int
    """How many events there were then."""
    number: int
    """The newest change of the registry then."""


class Evidence:
    """All requests and replies of one world, in the order they were written.

    `early` names the approvals that were written before they stood in the books.
    """

    def __init__(self, books: Standing) -> None:
        self._books = books
        self.early: list[str] = []
        self.times_asked: Counter[tuple[int, int, int]] = Counter()
        self.asked: dict[tuple[int, int, int], Asked] = {}
        self.answered: list[Answered] = []
        self._generations: dict[int, int] = {}

    def sent_up(self, terminal: int, data: bytes) -> None:
        """Take note of what a terminal writes: one whole frame."""
        number = data[HEADER_SIZE - 1] & MESSAGE_MASK
        if number not in REQUEST_OF:
            if number == HELLO:
                self._generations[terminal] = _DECODE_HELLO(data[HEADER_SIZE:]).generation
            return
        body = data[HEADER_SIZE:-TAG_SIZE]
        message: Request = _DECODE[number](body)
        key = terminal, message.stan, request_digest(number, body)
        if key not in self.asked:
            generation = self._generations.get(terminal, 0)
            self.asked[key] = Asked(message, number, body, self._books.happened, generation)
        self.times_asked[key] += 1

    def sent_down(self, terminal: int, data: bytes) -> None:
        """Take note of what the switch writes: whole frames, one after the other, or a part of such."""
        at = 0
        while at + HEADER_SIZE <= len(data):
            end = at + LENGTH_SIZE + int.from_bytes(data[at : at + LENGTH_SIZE], "big")
            type_byte = data[at + HEADER_SIZE - 1]
            if type_byte in REPLY_OF:
                body = data[at + HEADER_SIZE : end - TAG_SIZE]
                message: Reply = _DECODE[type_byte](body)
                books = self._books
                self._answer(
                    Answered(terminal, type_byte & ~REPLY_BIT, message, body, books.happened, books.changes)
                )
            at = end

    def _answer(self, answer: Answered) -> None:
        """Nothing is answered as done before its commit."""
        self.answered.append(answer)
        reply = answer.message
        is_kept = isinstance(reply, TransactionReply) and reply.transaction_id
        if is_kept and not self._books.stands(answer.terminal, reply.stan):
            self.early.append(f"answered before its commit: terminal {answer.terminal}, {reply}")
