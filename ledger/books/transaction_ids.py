"""Owns transaction ids: time-ordered, unique over all live workers, below 2**63.

An id is `milliseconds since 1970 << 22 | node (10 bits) << 12 | sequence (12 bits)`. A node number
belongs to one live worker at a time: it is claimed by a session advisory lock, held by a connection that
lives as long as the worker. Ids of one generator strictly increase, even when the clock is set back.
41 bits of milliseconds last until September 2039; a new layout of ids is due before then.
"""

import random
from typing import TYPE_CHECKING, Final

from ledger.errors import DatabaseUnavailable

if TYPE_CHECKING:  # who only counts or packs needs no bridge to a database
    from ledger.postgres.database import Connection

NODES: Final = 1 << 10
SEQUENCES: Final = 1 << 12
_NODE_SHIFT: Final = 12
_TIME_SHIFT: Final = 22
_LOCK_CLASS: Final = 1667854708


class TransactionIds:
    """The generator of one worker; node 0..1023."""

    def __init__(self, node: int) -> None:
        self._now_ms = 0
        self._sequence = 0
        self.node = node

    @property
    def node(self) -> int:
        """The node number in use; may be set anew after the claim was lost."""
        return self._node

    @node.setter
    def node(self, node: int) -> None:
        if not 0 <= node < NODES:
            raise ValueError(f"node must be 0..{NODES - 1}")
        self._node = node
        self._node_bits = node << _NODE_SHIFT

    def next(self, now_ms: int) -> int:
        """The next id. A full millisecond carries into the next one; a clock set back is not followed."""
        if now_ms > self._now_ms:
            self._now_ms = now_ms
            self._sequence = 0
        elif self._sequence == SEQUENCES - 1:
            self._now_ms += 1
            self._sequence = 0
        else:
            self._sequence += 1
        return self._now_ms << _TIME_SHIFT | self._node_bits | self._sequence


def first_id(at_ms: int) -> int:
    """The smallest id a transaction of that millisecond can have: bounds of range scans by time."""
    return at_ms << _TIME_SHIFT


def time_ms(transaction_id: int) -> int:
    """The millisecond in which an id was made."""
    return transaction_id >> _TIME_SHIFT


async def claim_node(connection: "Connection", preferred: int | None = None) -> int:
    """Claim a node number for as long as this connection lives.

    `preferred` is tried first: a worker whose connection was lost takes its own number again. Others are
    taken at random, so that nobody else is likely to take a number whose owner has not yet noticed its
    loss.
    """
    candidates = random.sample(range(NODES), NODES)
    if preferred is not None:
        candidates.insert(0, preferred)
    for node in candidates:
        if await connection.fetchval("select pg_try_advisory_lock($1, $2)", _LOCK_CLASS, node):
            return node
    raise DatabaseUnavailable(f"all {NODES} node numbers are taken: too many workers on this database")
