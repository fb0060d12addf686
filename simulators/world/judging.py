"""Every reply of a world against the auditor's, who knows facts and the order of rows, and no rule of ours.

Owns how rows, requests and replies are put before him: each row as it was entered, with the request it is
for; questions that leave no row, at each place where they may have been answered. Must not know a rule.
Invariants: a row that no request is for is told; a reply of class retry tells of a fault and is not judged.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from ledger.books.posting import Kind
from protocol import TYPE_OF, Balance, Quote, ResultClass, SignOn, Status, Totals, Verify, result_class
from simulators.world.auditor import Auditor, Committed, Expected
from simulators.world.evidence import POSTING, Answered, Asked, Evidence
from simulators.world.facts import Fact
from simulators.world.memory.ledger import Commit

NUMBERS_MAX: Final = 100
"""So many changes of the registry a worker that answers a question may be behind."""
_STATUS: Final = TYPE_OF[Status]
_QUESTIONS: Final = frozenset(TYPE_OF[kind] for kind in (Verify, Totals, SignOn, Balance, Quote))
_CHANGE_NOTHING: Final = frozenset((Kind.TOMBSTONE, Kind.BALANCE, Kind.QUOTE))
"""Rows that are no request's, and questions, which are judged for themselves."""
_Key = tuple[int, int, int]
"""Terminal, type of message, STAN."""


class _Question(NamedTuple):
    """A question, the reply to it, and how many rows there were when it was first asked."""

    asked: Asked
    answer: Answered


class Judgement:
    """One world before the auditor."""

    def __init__(
        self,
        facts: Sequence[tuple[int, Fact]],
        commits: Sequence[Commit],
        evidence: Evidence,
        opened: int,
    ) -> None:
        self._commits = commits
        self._evidence = evidence
        self._auditor = Auditor()
        for number, fact in facts:
            self._auditor.learn(number, fact)
        self._numbers = sorted({max(number, opened) for number, _ in facts})
        self._asked: dict[_Key, list[Asked]] = {}
        for (terminal, stan, _), asked in evidence.asked.items():
            self._asked.setdefault((terminal, asked.type, stan), []).append(asked)
        self._expected: dict[_Key, list[Expected]] = {}
        self._last_differences: dict[int, list[str]] = {}

    def run(self) -> Iterator[str]:
        """Judge everything; yield what was not foretold."""
        waiting = sorted(self._questions(), key=lambda question: -question.asked.place)
        open_: list[_Question] = []
        for place in range(len(self._commits) + 1):
            while waiting and waiting[-1].asked.place <= place:
                open_.append(waiting.pop())
            left = [question for question in open_ if not self._is_foretold(question)]
            open_ = [question for question in left if question.answer.place > place]
            yield from (self._unforetold(question) for question in left if question.answer.place <= place)
            if place < len(self._commits):
                yield from self._judge_row(place + 1, self._commits[place])
        yield from self._replies()

    # Questions

    def _questions(self) -> Iterator[_Question]:
        for answer in self._evidence.answered:
            if answer.type in _QUESTIONS and not _is_put_off(answer):
                for asked in self._asked.get((answer.terminal, answer.type, answer.message.stan), ()):
                    yield _Question(asked, answer)

    def _is_foretold(self, question: _Question) -> bool:
        """Whether the reply is right at this place, by some state of the registry a worker may have had."""
        asked, answer = question
        known = [number for number in self._numbers if number <= answer.number][-NUMBERS_MAX:]
        for number in reversed(known):
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
        return self._auditor.judge(Committed(order, terminal, asked.message, number, at_ms, asked.body))

    # Rows

    def _judge_row(self, order: int, commit: Commit) -> Iterator[str]:
        posting, outcome = commit.posting, commit.outcome
        if posting.kind in _CHANGE_NOTHING:
            return
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
            if answer.type not in POSTING | {_STATUS} or _is_put_off(answer):
                continue
            key = answer.terminal, answer.type, answer.message.stan
            tries = [*self._expected.get(key, ()), *self._of_repeats(key, answer)]
            differences = [expected.differences(answer.message) for expected in tries]
            if all(differences):
                requests = [asked.message for asked in self._asked.get(key, ())]
                yield f"unforetold reply: terminal {key[0]} {requests}: {answer.message}: {differences[:1]}"

    def _of_repeats(self, key: _Key, answer: Answered) -> Iterator[Expected]:
        """What a request is told whose number is settled: what stands there, or that it is another's."""
        newest = self._numbers[-1]
        for asked in self._asked.get(key, ()):
            if self._auditor.books.find(key[0], key[2]) is not None:
                yield self._judge(0, key[0], asked, newest, answer)


def _is_put_off(answer: Answered) -> bool:
    return result_class(answer.message.code) is ResultClass.RETRY
