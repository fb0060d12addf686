"""A request that no posting answers: what is known of it while it waits, and when somebody else is asked.

Owns the shapes alone. Must not know who answers.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, TypeAlias

import msgspec
import trio

from protocol import Received, Reply
from switch.flow.connection import Connection
from switch.rules.cards import Card
from switch.rules.decide import Moment
from switch.rules.directory import Programme, Terminal

FindCard: TypeAlias = Callable[[Programme, str], tuple[Card | int, int]]
"""Gives a programme's card by its text, or why there is none, and the last four digits."""


class Asked(NamedTuple):
    """A question that waits for its turn; `received_at` is trio's clock, in seconds."""

    connection: Connection
    request: Received
    received_at: float


class Question(msgspec.Struct, frozen=True, gc=False):
    """One request of one terminal, and the connection it came by."""

    request: Received
    terminal: Terminal
    connection: Connection
    at: Moment
    find_card: FindCard


class Desk(NamedTuple):
    """Where the questions of a worker come from and their replies go: None for one whose asker has gone."""

    nursery: trio.Nursery
    moment: Callable[[], Moment]
    find_card: FindCard
    on_replies: Callable[[list[tuple[Asked, Reply | None]]], None]

    def question(self, asked: Asked, at: Moment) -> Question:
        """Return a question as it is put at a moment."""
        connection, request, _ = asked
        return Question(request, connection.terminal_of(request), connection, at, self.find_card)
