"""A request that no posting answers: what is known of it when somebody else is asked.

Owns the shape alone. Must not know who answers.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import msgspec

from protocol import Received
from switch.flow.connection import Connection
from switch.rules.cards import Card
from switch.rules.decide import Moment
from switch.rules.directory import Programme, Terminal

FindCard: TypeAlias = Callable[[Programme, str], tuple[Card | int, int]]
"""Gives a programme's card by its text, or why there is none, and the last four digits."""


class Question(msgspec.Struct, frozen=True, gc=False):
    """One request of one terminal, and the connection it came by."""

    request: Received
    terminal: Terminal
    connection: Connection
    at: Moment
    find_card: FindCard
