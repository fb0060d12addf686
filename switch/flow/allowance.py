"""What one peer may have under way and may ask for, whatever connection it comes by.

Owns the count of its unanswered requests and its debt for what no ledger's batch paces: greetings, reads that
bring no whole request, and requests that have a price (operations.py). An allowance belongs to a terminal and
outlives its connections, so that closing and coming again resets nothing. Must not know sockets. Pure: reads
no clock; times are seconds of one clock. Invariants: a debt shrinks by `PER_S` a second and by nothing else;
what is neither in debt nor in flight may be forgotten.
"""

from __future__ import annotations

PER_S = 100.0
"""Units paid back a second: a terminal that sends nothing but ECHO is read a hundred times a second."""
BURST = 1_000.0
"""Units that may be spent at once; past them the peer is left unread until its debt is below it again."""
DOOR = 3_000.0
"""Units of debt past which it is not even let in: so many are only owed by coming again and again."""
HANDSHAKE = 10.0
"""Units of a handshake that succeeded: ten a second. (Whoever only claims a number spends nothing of it.)"""
FRUITLESS_READ = 1.0
"""Units of a read that completed no request."""


class Allowance:
    """One peer's requests in flight, and its debt."""

    __slots__ = ("_at", "_debt", "in_flight")

    def __init__(self) -> None:
        self.in_flight = 0
        self._debt = 0.0
        self._at = 0.0

    def debt(self, now: float) -> float:
        """Units spent and not paid back yet."""
        return max(0.0, self._debt - (now - self._at) * PER_S)

    def spend(self, units: float, now: float) -> None:
        """Add to the debt."""
        self._debt = self.debt(now) + units
        self._at = now

    def is_spent(self, now: float) -> bool:
        """Whether the peer is to be left unread for now."""
        return self._debt > BURST and self.debt(now) > BURST

    def is_shut_out(self, now: float) -> bool:
        """Whether the peer is not to be let in for now."""
        return self.debt(now) > DOOR

    def is_clean(self, now: float) -> bool:
        """Whether forgetting it would change nothing."""
        return not self.in_flight and not self.debt(now)
