"""Owns what an import is: rows sorted into new, unchanged and refused before anything is written.

A row is known by its key (a partner's or terminal's number, a card's token). A row that is there already
and says the same is unchanged; one that says something else is refused with what differs: an import adds,
it never changes. Pure; the reading and the writing are the nouns' own (`partners`, `terminals`, `cards`).
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import Enum
from typing import Any, NamedTuple, TypeVar

from ledger.phrase import Phrase

T = TypeVar("T")


class Mode(Enum):
    """What an import does about rows it has to refuse."""

    WHOLE = "whole"
    """All or nothing: one refused row, and nothing is written."""
    GOOD_ROWS = "good rows"
    """The good rows are written."""
    DRY_RUN = "dry run"
    """Nothing is written: it only tells what would be."""


class Refusal(NamedTuple):
    """A row that is refused: its key, the column at fault ("": the row as such), and why."""

    key: int
    column: str
    reason: str


class Import(NamedTuple):
    """How many rows were added (would be, in a dry run), how many were there already, and those refused."""

    added: int
    unchanged: int
    refused: list[Refusal]


class Plan(NamedTuple):
    """What an import comes to, by key."""

    new: dict[int, Any]
    unchanged: int
    refused: list[Refusal]

    def done(self) -> Import:
        """What to report when all that is new was added."""
        return Import(len(self.new), self.unchanged, self.refused)

    def is_to_be_written(self, mode: Mode) -> bool:
        """Whether there is something to write."""
        return bool(self.new) and (mode is Mode.GOOD_ROWS or (mode is Mode.WHOLE and not self.refused))

    def report(self, mode: Mode) -> Import:
        """What to report when nothing was written."""
        return Import(len(self.new) if mode is Mode.DRY_RUN else 0, self.unchanged, self.refused)


def sort_out(
    rows: Iterable[T], key: Callable[[T], int], fault: Callable[[T], tuple[str, str] | None]
) -> tuple[dict[int, T], list[Refusal]]:
    """Return the sound rows by key, and the refused: those with a fault, and those whose key came before."""
    sound: dict[int, T] = {}
    refused: list[Refusal] = []
    for row in rows:
        number = key(row)
        if why := fault(row):
            refused.append(Refusal(number, *why))
        elif number in sound:
            refused.append(Refusal(number, "", Phrase("it occurs twice in the import")))
        else:
            sound[number] = row
    return sound, refused


def plan(
    sound: Mapping[int, T],
    known: Iterable[Mapping[str, Any]],
    key: str,
    said: Callable[[T], Mapping[str, Any]],
    refused: Sequence[Refusal],
) -> Plan:
    """Return what is to be done with the sound rows, given those of them that are there.

    `key`: the column that knows a row; `said`: what a row says, by column, as the registry would hold it.
    """
    new = dict(sound)
    more: list[Refusal] = []
    unchanged = 0
    for there in known:
        row = new.pop(there[key])
        differing = [column for column, value in said(row).items() if there[column] != value]
        if differing:
            column = differing[0]
            value = "none" if there[column] is None else there[column]
            reason = Phrase("it is there already with another {column}: {value}", column=column, value=value)
            more.append(Refusal(there[key], column, reason))
        else:
            unchanged += 1
    return Plan(new, unchanged, [*refused, *more])
