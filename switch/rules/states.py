"""Whether a programme runs: suspended from–until (it comes back by itself), called off for good (Żywiec § 6).

Owns the two states and the code of each. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

import msgspec

from protocol import ResultCode

PROGRAMME_SUSPENDED, PROGRAMME_ENDED = int(ResultCode.PROGRAMME_SUSPENDED), int(ResultCode.PROGRAMME_ENDED)


class States(msgspec.Struct, frozen=True, gc=False):
    """The moments (ms since 1970) of one programme: each period it is suspended in, past ones too, and its
    end.

    A suspension begins with its first moment and is over at its second; None: without an end.
    """

    suspended_ms: tuple[tuple[int, int | None], ...] = ()
    ended_from_ms: int | None = None

    def refusal(self, at_ms: int) -> int:
        """Return why nothing new is done at a moment; 0: the programme runs.

        What was called off is not suspended any more.
        """
        if self.ended_from_ms is not None and at_ms >= self.ended_from_ms:
            return PROGRAMME_ENDED
        for from_ms, until_ms in self.suspended_ms:
            if from_ms <= at_ms and (until_ms is None or at_ms < until_ms):
                return PROGRAMME_SUSPENDED
        return 0

    def turns(self) -> Iterator[int]:
        """Yield the moments at which it stops or runs again."""
        moments = chain.from_iterable((*self.suspended_ms, (self.ended_from_ms,)))
        return (moment for moment in moments if moment is not None)


RUNNING = States()
