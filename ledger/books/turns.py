"""Owns when a batch begins and how many postings go in it, as functions of a few numbers.

While one batch is on its way the worker collects the next and answers the last: half of all that is
unanswered goes, the other half is being worked on. Two batches at once get in each other's way
(ARCHITECTURE.md, "One batch on its way, and it takes half of what waits"), so while one is on its way another
begins only when it is full: for a queue that one connection does not keep up with. A batch that is late is no
longer waited for.
Knows nothing of connections or clocks: times are seconds of any one clock.
"""

from collections.abc import Iterable
from typing import Final

SHARED_MIN: Final = 32
"""What waits is not divided into smaller batches than this."""
PATIENCE_S: Final = 0.1
"""So long a batch on its way is waited for; then it is held up, by a lock or a lost connection."""
NEVER: Final = float("-inf")


def share(unanswered: int, batch_max: int) -> int:
    """How many to take: half of all that is unanswered, all of a few, never more than a batch holds."""
    half = (unanswered + 1) // 2
    return min(half if half >= SHARED_MIN else unanswered, batch_max)


def enough(sent_at: Iterable[float], now_s: float, batch_max: int) -> int:
    """How many waiting postings are worth a batch now. `sent_at`: when each batch on its way was sent, NEVER
    for a lane that has none.
    """
    is_under_way = any(sent_s > now_s - PATIENCE_S for sent_s in sent_at)
    return batch_max if is_under_way else 1


def is_behind(waiting: int, oldest_s: float, batch_max: int, bound_s: float) -> bool:
    """Whether more waits than one batch takes, and the first of it, `oldest_s` old, for longer than
    `bound_s`.

    Fewer than a batch are waiting for Postgres, not for their turn.
    """
    return waiting > batch_max and oldest_s > bound_s
