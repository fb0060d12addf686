"""What must be true of a world when all is settled, whatever befell it.

Owns the checks and what they say: the books by themselves, what terminals were told against the books, what
the switch wrote against both, and every reply against the auditor's. What happened at all is `sometimes`'.
Must not know how the world was run. Invariant: a check says what is wrong in one line, with the request.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from protocol import ResultClass, ResultCode, result_class
from simulators.audit.auditor import compare
from simulators.audit.log import Id, Witnessed
from simulators.world.books import WorldLedger, books_of
from simulators.world.cities import City
from simulators.world.evidence import POSTING, Answered, Evidence
from simulators.world.facts import Fact
from simulators.world.judging import Judgement
from simulators.world.known import Learned, by_an_old_registry, of_blocked_terminals
from simulators.world.till import Till

EXAMPLES_MAX: Final = 5
JUDGED: Final = "replies_judged"
PUT_OFF: Final = "replies_put_off"
"""How many replies were held to the auditor's, and how many told of a fault instead."""


@dataclass
class Findings:
    """All that is left of a world, and what was found."""

    ledger: WorldLedger
    evidence: Evidence
    facts: Sequence[tuple[int, Fact]]
    cities: Sequence[City]
    witnessed: dict[int, Witnessed]
    tills: Sequence[Till]
    opened: int
    """The change of the registry with which the world began."""
    learned: Sequence[Learned]
    registry_age_s_max: float
    """How old the registry may be that a row was decided by when it is entered."""
    blocks: dict[int, list[int]]
    """By account, when its cards were stopped (ms since 1970)."""
    terminal_blocks: dict[int, list[tuple[int, bool]]]
    """By terminal, each change of it in the registry and whether it was blocked by it."""
    counts: Counter[str]
    violations: list[str] = field(default_factory=list)

    def original_of(self, identity: Id) -> Id | None:
        """Return which request another one of the same terminal names, by what terminals noted."""
        for witnessed in self.witnessed.values():
            if sent := witnessed.sent.get(identity):
                return identity[0], sent.original_stan
        return None


def check_all(found: Findings) -> Findings:
    """Make every check."""
    for lines in (
        _books(found),
        _witnesses(found),
        _totals(found),
        _replies(found.evidence),
        _system_errors(found.evidence),
        _unforetold(found),
        _known(found),
    ):
        found.violations += _some(lines)
    return found


def _some(lines: Iterator[str]) -> list[str]:
    """Return the first few, and how many more there are."""
    everything = list(lines)
    more = len(everything) - EXAMPLES_MAX
    return everything[:EXAMPLES_MAX] + ([f"… and {more} more of this check"] if more > 0 else [])


def _books(found: Findings) -> Iterator[str]:
    yield from (f"books: {line}" for line in found.ledger.check())


def _witnesses(found: Findings) -> Iterator[str]:
    """What terminals were told and what stands, as after a fleet's run."""
    for city in found.cities:
        books = books_of(found.ledger, city.terminals[0], city.terminals[-1])
        result = compare(found.witnessed[city.programme], books, offers_stay=False)
        for difference, what in sorted(result.differences.items()):
            for example in what.examples:
                yield f"{city.place.code}: {difference.value}: {example}"
        if result.unsettled:
            yield f"{city.place.code}: {result.unsettled} requests are unsettled"


def _totals(found: Findings) -> Iterator[str]:
    for till in found.tills:
        if till.totals_differed:
            yield f"terminal {till.number}: its totals differed {till.totals_differed} times"


def _replies(evidence: Evidence) -> Iterator[str]:
    """A request is answered once: whatever is written for it later is the same, byte for byte."""
    first: dict[tuple[int, int, int], Answered] = {}
    for answer in evidence.answered:
        if not is_final(answer):
            continue
        before = first.setdefault((answer.terminal, answer.type, answer.message.stan), answer)
        if before.body != answer.body:
            yield f"two replies: {before.message} and {answer.message} of terminal {answer.terminal}"


def _system_errors(evidence: Evidence) -> Iterator[str]:
    """Nothing that befalls a world makes a row that the store refuses for what it says."""
    for answer in evidence.answered:
        if answer.message.code == ResultCode.SYSTEM_ERROR:
            yield f"a system error: terminal {answer.terminal} was told {answer.message}"


def _unforetold(found: Findings) -> Iterator[str]:
    """The auditor, who has read the rules himself, would have given the same replies."""
    judgement = Judgement(found.facts, found.ledger, found.evidence, found.opened)
    found.counts[JUDGED] += judgement.judged
    found.counts[PUT_OFF] += judgement.put_off
    yield from judgement.run()


def _known(found: Findings) -> Iterator[str]:
    """Workers went by what they knew of the registry, and knew enough of it."""
    ledger = found.ledger
    yield from by_an_old_registry(ledger.commits, ledger.entered_at, found.learned, found.registry_age_s_max)
    yield from of_blocked_terminals(ledger.commits, found.terminal_blocks)


def is_final(answer: Answered) -> bool:
    """Whether it is the answer to a request that can post, and no conflict, which is another request's."""
    code = answer.message.code
    return (
        answer.type in POSTING
        and result_class(code) is not ResultClass.RETRY
        and code not in {ResultCode.STAN_CONFLICT, ResultCode.SYSTEM_ERROR}
    )
