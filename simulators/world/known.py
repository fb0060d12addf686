"""What workers did against what they knew of the registry, or had to know by then.

Owns two checks that no reply shows: the auditor judges by the change of the registry that a worker says it
knew. Must not know a rule of the programmes. Invariant: a world's own delays are allowed for, so that what is
said here is wrong whatever befell the worker.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from ledger.books.posting import Kind
from simulators.world.memory.ledger import Commit
from switch.config import Config

_TAKES: Final = frozenset((Kind.REDEEM, Kind.BENEFIT_USE))
_LATE_S: Final = 5.0
"""So long a statement may be carried out after whoever sent it has given it up."""


class Learned(NamedTuple):
    """A change of the registry by its number, and when it was made, by trio's clock."""

    at_s: float
    number: int


def blind_s(config: Config) -> float:
    """Return how old what a worker knows can be when a row is entered that it took something by."""
    return config.feed_stale_after_s + config.give_up_ms / 1_000 + _LATE_S


def by_an_old_registry(
    commits: Sequence[Commit],
    entered_at: Mapping[tuple[int, int], float],
    learned: Sequence[Learned],
    age_s_max: float,
) -> Iterator[str]:
    """Nothing is redeemed or granted by a registry that misses what is older than the bound."""
    moments = [each.at_s for each in learned]
    for commit in commits:
        if commit.posting.kind not in _TAKES or commit.outcome.code:
            continue
        place = bisect_right(moments, entered_at[commit.terminal, commit.stan] - age_s_max)
        if place and commit.posting.registry_number < learned[place - 1].number:
            yield (
                f"taken by an old registry: terminal {commit.terminal} STAN {commit.stan} by change "
                f"{commit.posting.registry_number}, {learned[place - 1].number} was known for {age_s_max:g} s"
            )


def of_blocked_terminals(
    commits: Sequence[Commit], blocks: Mapping[int, Sequence[tuple[int, bool]]]
) -> Iterator[str]:
    """Nothing is taken from a terminal by a worker who knows that it is blocked.

    `blocks`: by terminal, each change of it and whether it was blocked from there on.
    """
    for commit in commits:
        known = [
            is_blocked
            for number, is_blocked in blocks.get(commit.terminal, ())
            if number <= commit.posting.registry_number
        ]
        if commit.is_entered and known and known[-1]:
            yield f"taken from a blocked terminal: {commit.terminal} STAN {commit.stan}"
