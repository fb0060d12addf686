"""When there is too much to do: what is told to try again at once, instead of late.

Owns the counts that say so, and two rules: while the ledger or the worker is behind, some new business is
refused, one request for every `SERVED_PER_REFUSAL` served; and of one card no more than `per_card_max`
requests may be in flight: further ones are refused, and nobody else's. Pure: reads no clock, knows neither
messages nor connections. Invariant: what waits behind its own card never counts against others.
"""

from __future__ import annotations

SERVED_PER_REFUSAL = 5
"""A refusal has a price: refusing all that is too much left time for a third of the rest (ARCHITECTURE.md).
What is neither served nor refused waits, at last in its socket."""


class Overload:
    """The counts of one worker. Times are seconds of one clock, whichever the caller uses."""

    def __init__(
        self, *, in_flight_max: int, per_card_max: int, shed_after_s: float, batch_max: int, now: float
    ) -> None:
        self._in_flight_max = in_flight_max
        self._per_card_max = per_card_max
        self._shed_after_s = shed_after_s
        self._credit_max = SERVED_PER_REFUSAL * batch_max
        self._credit = 0
        self._ample_at = now
        self._of_account: dict[int, int] = {}
        self._behind_own_card = 0
        self.hot: set[int] = set()
        """Card accounts of which as much is in flight as may be."""

    def is_crowded(self, in_flight: int, now: float) -> bool:
        """Whether half of what may be in flight has been so for long: the rest waits unseen in sockets."""
        if 2 * (in_flight - self._behind_own_card) < self._in_flight_max:
            self._ample_at = now
        return now - self._ample_at > self._shed_after_s

    def note_served(self, count: int) -> None:
        """So many requests were answered; they pay for refusals to come."""
        self._credit = min(self._credit + count, self._credit_max)

    def take_refusal(self) -> bool:
        """Whether one more request may be refused; if so, it is paid for."""
        if self._credit < SERVED_PER_REFUSAL:
            return False
        self._credit -= SERVED_PER_REFUSAL
        return True

    def enter(self, account: int) -> None:
        """A request of this account goes to the ledger (0: of no card; it is not counted)."""
        if not account:
            return
        here = self._of_account.get(account, 0)
        self._of_account[account] = here + 1
        if here:
            self._behind_own_card += 1
        if here + 1 >= self._per_card_max:
            self.hot.add(account)

    def leave(self, account: int) -> None:
        """A request that has entered was answered."""
        if not account:
            return
        left = self._of_account.pop(account) - 1
        if self.hot and left < self._per_card_max:
            self.hot.discard(account)
        if left:
            self._of_account[account] = left
            self._behind_own_card -= 1
