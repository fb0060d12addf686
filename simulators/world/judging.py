"""Every reply of a world against the auditor's, who knows facts and the order of rows, and no rule of ours.

Owns how rows, moves of shares, requests and replies are put before him: each row as it was entered, with the
request it is for; questions that leave no row, at each place where they may have been answered. Must not know
a rule. Invariants: a row that no request is for is told, and a reply that nobody asked for; a reply of class
retry tells of a fault and is not judged; `judged` and `put_off` count all replies there were.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Final, NamedTuple

from ledger.books.posting import Kind, bucket_of
from protocol import TYPE_OF, Request, ResultClass, Status, result_class
from protocol.fields import CardMessage
from simulators.world.auditor import Auditor, Committed, Expected, Shares
from simulators.world.books import ShareMoved, WorldLedger
from simulators.world.evidence import POSTING, Answered, Asked, Evidence
from simulators.world.facts import CardReported, CardSet, Fact, PartnerSet, TerminalSet
from simulators.world.memory.ledger import Commit
from simulators.world.memory.quotas import is_wide, key_of

NUMBERS_MAX: Final = 100
"""So many changes of the registry a worker that answers a question may be behind."""
_OF_ROWS: Final = POSTING | {TYPE_OF[Status]}
"""What is judged by its place among the rows; all else is a question."""
_CHANGE_NOTHING: Final = frozenset((Kind.TOMBSTONE, Kind.BALANCE, Kind.QUOTE))
"""Rows that are no request's, and questions, which are judged for themselves."""
_Key = tuple[int, int, int]
"""Terminal, type of message, STAN."""


class _Question(NamedTuple):
    """A question, the reply to it, its programme, and the changes of the registry it may be judged by."""

    asked: Asked
    answer: Answered
    programme: int
    numbers: list[int]
    """The newest first, and only those that concern the question."""


class KnownOf:
    """Which changes of the registry concern whom: between two that concern a question its answer is the same.

    `opened`: the change with which the world began; earlier ones were known to everybody.
    """

    def __init__(self, facts: Sequence[tuple[int, Fact]], opened: int) -> None:
        self._opened = opened
        self.newest = max(opened, facts[-1][0])
        partners = {fact.partner: fact.programme for _, fact in facts if isinstance(fact, PartnerSet)}
        terminals = [fact for _, fact in facts if isinstance(fact, TerminalSet)]
        self.programme_of = {fact.terminal: partners[fact.partner] for fact in terminals}
        """By terminal."""
        self._of_programme: dict[int, list[int]] = {}
        self._of_terminal: dict[int, list[int]] = {}
        self._of_card: dict[str, list[int]] = {}
        for number, fact in facts:
            if number <= opened:
                continue
            if isinstance(fact, TerminalSet):
                self._of_terminal.setdefault(fact.terminal, []).append(number)
            elif isinstance(fact, CardSet | CardReported):
                self._of_card.setdefault(fact.card, []).append(number)
            else:
                self._of_programme.setdefault(fact.programme, []).append(number)

    def numbers(self, terminal: int, request: Request) -> list[int]:
        """Return the changes that concern a request of a terminal, the first one of the world among them."""
        found = {self._opened, *self._of_terminal.get(terminal, ())}
        found.update(self._of_programme.get(self.programme_of[terminal], ()))
        if isinstance(request, CardMessage):
            for card, numbers in self._of_card.items():
                if card in request.card:
                    found.update(numbers)
        return sorted(found)


class Judgement:
    """One world before the auditor."""

    def __init__(
        self, facts: Sequence[tuple[int, Fact]], ledger: WorldLedger, evidence: Evidence, opened: int
    ) -> None:
        self._events = ledger.events
        self._evidence = evidence
        buckets = len(ledger.buckets)
        self._auditor = Auditor(Shares(buckets, partial(bucket_of, buckets=buckets)))
        for number, fact in facts:
            self._auditor.learn(number, fact)
        self._known = KnownOf(facts, opened)
        self._asked: dict[_Key, list[Asked]] = {}
        for (terminal, stan, _), asked in evidence.asked.items():
            self._asked.setdefault((terminal, asked.type, stan), []).append(asked)
        self._expected: dict[_Key, list[Expected]] = {}
        self._last_differences: dict[int, list[str]] = {}
        self.judged = sum(not _is_put_off(answer) for answer in evidence.answered)
        self.put_off = len(evidence.answered) - self.judged

    def run(self) -> Iterator[str]:
        """Judge everything; yield what was not foretold."""
        yield from self._never_asked()
        waiting = sorted(self._questions(), key=lambda question: -question.asked.place)
        open_: list[_Question] = []
        for place in range(len(self._events) + 1):
            came = self._programme_of(self._events[place - 1]) if place else None
            left = [
                question
                for question in open_
                if came not in (None, question.programme) or not self._is_foretold(question)
            ]
            while waiting and waiting[-1].asked.place <= place:
                if not self._is_foretold(question := waiting.pop()):
                    left.append(question)
            open_ = [question for question in left if question.answer.place > place]
            yield from (self._unforetold(question) for question in left if question.answer.place <= place)
            if place < len(self._events):
                yield from self._judge_event(place + 1, self._events[place])
        yield from self._replies()

    def _programme_of(self, event: Commit | ShareMoved) -> int | None:
        """Return the only programme whose questions an event may change the answers to; None: any."""
        return None if isinstance(event, ShareMoved) else self._known.programme_of[event.terminal]

    def _never_asked(self) -> Iterator[str]:
        for answer in self._evidence.answered:
            if (answer.terminal, answer.type, answer.message.stan) not in self._asked:
                yield f"answered what nobody asked: terminal {answer.terminal} {answer.message}"

    # Questions

    def _questions(self) -> Iterator[_Question]:
        for answer in self._evidence.answered:
            if answer.type not in _OF_ROWS and not _is_put_off(answer):
                programme = self._known.programme_of[answer.terminal]
                for asked in self._asked.get((answer.terminal, answer.type, answer.message.stan), ()):
                    numbers = self._known.numbers(answer.terminal, asked.message)
                    known = [number for number in numbers if number <= answer.number][-NUMBERS_MAX:]
                    yield _Question(asked, answer, programme, known[::-1])

    def _is_foretold(self, question: _Question) -> bool:
        """Whether the reply is right at this place, by some state of the registry a worker may have had."""
        asked, answer = question.asked, question.answer
        for number in question.numbers:
            differences = self._judge(0, answer.terminal, asked, number, answer).differences(answer.message)
            if not differences:
                return True
            self._last_differences.setdefault(id(answer), differences)
        return False

    def _unforetold(self, question: _Question) -> str:
        differences = "; ".join(self._last_differences[id(question.answer)])
        return f"unforetold: terminal {question.answer.terminal} {question.asked.message}: {differences}"

    def _judge(self, order: int, terminal: int, asked: Asked, number: int, answer: Answered) -> Expected:
        at_ms = answer.message.server_time_ms
        return self._auditor.judge(
            Committed(order, terminal, asked.message, number, at_ms, asked.body, generation=asked.generation)
        )

    # Rows

    def _judge_event(self, order: int, event: Commit | ShareMoved) -> Iterator[str]:
        if isinstance(event, ShareMoved):
            if not self._auditor.share_moved(*event):
                yield f"shares: of {event.key} more was taken than given, or nobody was counted: {event}"
        elif event.posting.kind not in _CHANGE_NOTHING:
            yield from self._judge_row(order, event)

    def _judge_row(self, order: int, commit: Commit) -> Iterator[str]:
        posting, outcome = commit.posting, commit.outcome
        asked = self._evidence.asked.get((commit.terminal, commit.stan, posting.digest))
        if asked is None:
            yield f"nobody asked: terminal {commit.terminal} STAN {commit.stan}: {outcome}"
            return
        expected = self._auditor.judge(
            Committed(
                order,
                commit.terminal,
                asked.message,
                posting.registry_number,
                posting.accepted_at_ms,
                asked.body,
                tuple(key_of(use) for use in posting.quotas if is_wide(use.owner)),
            )
        )
        self._expected.setdefault((commit.terminal, asked.type, commit.stan), []).append(expected)
        foretold = expected.code, expected.points, expected.balance
        if commit.is_entered and foretold != (outcome.code, outcome.points, outcome.balance):
            yield f"unforetold row: terminal {commit.terminal} {asked.message}: {outcome}, not {expected}"

    # Replies

    def _replies(self) -> Iterator[str]:
        """All that was written for what leaves a row: the first time and again."""
        for answer in self._evidence.answered:
            if answer.type not in _OF_ROWS or _is_put_off(answer):
                continue
            key = answer.terminal, answer.type, answer.message.stan
            tries = [*self._expected.get(key, ()), *self._of_repeats(key, answer)]
            differences = [expected.differences(answer.message) for expected in tries]
            if all(differences):
                requests = [asked.message for asked in self._asked.get(key, ())]
                yield f"unforetold reply: terminal {key[0]} {requests}: {answer.message}: {differences[:1]}"

    def _of_repeats(self, key: _Key, answer: Answered) -> Iterator[Expected]:
        """What a request is told whose number is settled: what stands there, or that it is another's."""
        newest = self._known.newest
        for asked in self._asked.get(key, ()):
            if self._auditor.books.find(key[0], key[2]) is not None:
                yield self._judge(0, key[0], asked, newest, answer)


def _is_put_off(answer: Answered) -> bool:
    return result_class(answer.message.code) is ResultClass.RETRY
