"""Whether a programme runs: suspended from–until (it comes back by itself), called off for good (Żywiec § 6).

Owns the two states and the code of each. Pure.
"""

from __future__ import annotations

import msgspec

from protocol import ResultCode

PROGRAMME_SUSPENDED, PROGRAMME_ENDED = int(ResultCode.PROGRAMME_SUSPENDED), int(ResultCode.PROGRAMME_ENDED)


class States(msgspec.Struct, frozen=True, gc=False):
    """The moments (ms since 1970) of one programme; None: never, or without an end.

    A suspension begins with its first moment and is over at `suspended_until_ms`.
    """

    suspended_from_ms: int | None = None
    suspended_until_ms: int | None = None
    ended_from_ms: int | None = None

    def refusal(self, at_ms: int) -> int:
        """Return why nothing new is done at a moment; 0: the programme runs.

        What was called off is not suspended any more.
        """
        if self.ended_from_ms is not None and at_ms >= self.ended_from_ms:
            return PROGRAMME_ENDED
        if self.suspended_from_ms is None or at_ms < self.suspended_from_ms:
            return 0
        is_over = self.suspended_until_ms is not None and at_ms >= self.suspended_until_ms
        return 0 if is_over else PROGRAMME_SUSPENDED


RUNNING = States()
