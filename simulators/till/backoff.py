"""How long a terminal keeps quiet after failures: longer each time, and never together with its neighbours.

Owns the pause between two tries, which belongs to the terminal and not to a request: it grows with every
failure in a row, whatever failed, and ends with the first final answer (SPEC.md, section 6). Must not know
what is sent, or to whom. Chance comes in as an argument. Invariant: after n failures in a row at least half
of `pause_min_s` * 2**(n - 1) passes, up to half of `pause_max_s`, before anything is sent again by itself.
"""

import random

import trio

_DOUBLINGS_MAX = 60


class Backoff:
    """The pause of one terminal, in seconds of trio's clock."""

    def __init__(self, rng: random.Random, *, pause_min_s: float, pause_max_s: float) -> None:
        self._rng = rng
        self._pause_min_s = pause_min_s
        self._pause_max_s = pause_max_s
        self._failures = 0
        self._until = float("-inf")

    def failed(self) -> None:
        """Note a failure: no connection, no answer in time, or a code of the class retry."""
        doublings = min(self._failures, _DOUBLINGS_MAX)
        self._failures += 1
        longest_s = min(self._pause_max_s, self._pause_min_s * 2**doublings)
        self._until = trio.current_time() + self._rng.uniform(longest_s / 2, longest_s)

    def succeeded(self) -> None:
        """Note a final answer: the next failure is the first again."""
        self._failures = 0
        self._until = float("-inf")

    async def wait(self, deadline: float) -> bool:
        """Wait until the pause is over, or `deadline` (trio's clock) if that comes first; return which."""
        if self._until <= trio.current_time():
            return True
        await trio.sleep_until(min(self._until, deadline))
        return self._until <= deadline
