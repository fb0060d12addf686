"""Owns transaction ids: how they are made, and that none is given twice. Pure; the reservation that makes it
true across restarts is kept by `ledger.books.node`.

An id is `milliseconds since 1970 << 22 | node (10 bits) << 12 | sequence (12 bits)`. Ids of one generator
strictly increase, even when the clock is set back, and stay below what was reserved for it in the database:
whoever has the node's number next begins there. So the milliseconds are the clock's where possible, and
always in order. 41 bits of milliseconds last until September 2039; a new layout of ids is due before then.
"""

from typing import Final

from ledger.errors import DatabaseUnavailable

NODES: Final = 1 << 10
SEQUENCES: Final = 1 << 12
MS_MAX: Final = 1 << 41
_NODE_SHIFT: Final = 12
_TIME_SHIFT: Final = 22


class TransactionIds:
    """The generator of one worker; node 0..1023. Gives ids of floor_ms <= milliseconds < ceiling_ms."""

    def __init__(self, node: int, *, floor_ms: int = 0, ceiling_ms: int = MS_MAX) -> None:
        # Milliseconds and sequence as one number that counts up by one: the next to be given.
        self._next = 0
        self.take_over(node, floor_ms, ceiling_ms)

    @property
    def node(self) -> int:
        """The node number in use."""
        return self._node

    @property
    def ceiling_ms(self) -> int:
        """Up to here, exclusive, ids are reserved."""
        return self._end // SEQUENCES

    @property
    def at_ms(self) -> int:
        """The millisecond of the next id, by a clock that stands."""
        return self._next // SEQUENCES

    @property
    def room(self) -> int:
        """How many ids may be given now."""
        return max(self._end - self._next, 0)

    def take_over(self, node: int, floor_ms: int, ceiling_ms: int) -> None:
        """Go on with a reservation of this node."""
        if not 0 <= node < NODES:
            raise ValueError(f"node must be 0..{NODES - 1}")
        self._node = node
        self._end = ceiling_ms * SEQUENCES
        self.rise_to(floor_ms)

    def extend(self, ceiling_ms: int) -> None:
        """More has been reserved for this node."""
        self._end = max(self._end, ceiling_ms * SEQUENCES)

    def rise_to(self, floor_ms: int) -> None:
        """Give no more ids of earlier milliseconds."""
        self._next = max(self._next, floor_ms * SEQUENCES)

    def take(self, now_ms: int, count: int) -> list[int]:
        """The next ids. A full millisecond carries into the next one.

        A clock set back is not followed, nor one that runs ahead of the reservation. Raises
        DatabaseUnavailable if not so many are reserved.
        """
        first = max(self._next, now_ms * SEQUENCES)
        if first + count > self._end:
            first = self._next
        if first + count > self._end:
            raise DatabaseUnavailable("no transaction ids are reserved: the reservation could not be renewed")
        self._next = first + count
        node_bits = self._node << _NODE_SHIFT
        ids: list[int] = []
        while first < self._next:  # those of one millisecond follow each other
            at_ms, sequence = divmod(first, SEQUENCES)
            here = min(self._next - first, SEQUENCES - sequence)
            start = at_ms << _TIME_SHIFT | node_bits | sequence
            ids += range(start, start + here)
            first += here
        return ids

    def next(self, now_ms: int) -> int:
        """The next id. Raises as `take`."""
        return self.take(now_ms, 1)[0]


def first_id(at_ms: int) -> int:
    """The smallest id a transaction of that millisecond can have: bounds of range scans by time."""
    return at_ms << _TIME_SHIFT


def time_ms(transaction_id: int) -> int:
    """The millisecond in which an id was made."""
    return transaction_id >> _TIME_SHIFT
