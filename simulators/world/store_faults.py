"""What befalls the statements of a world's workers: the store's faults, by the seed.

Owns which statement is struck and how (`memory.faults.Strike`), outages, and what a worker that has crashed
still gets. Must not know what a statement does. Invariants: a crashed worker reaches the store no more; after
the faults' end all statements are answered at once.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Final

import trio

from ledger.books.batch import CLAIM
from ledger.books.rows import POST_BATCH
from simulators.world.faults import Fault, Faults
from simulators.world.memory.connection import MemoryConnection
from simulators.world.memory.faults import BEGIN, Ending, Strike

_LOST: Final = Strike(Ending.LOST_BEFORE)
_POSTING_S: Final = (0.0005, 0.001, 0.002, 0.004)
"""What a batch takes where nothing is wrong; others meet it on its way."""
_ENDINGS: Final = {
    Fault.STORE_FAILS_BEFORE: Ending.LOST_BEFORE,
    Fault.STORE_FAILS_AFTER: Ending.LOST_AFTER,
    Fault.STORE_CONTENDED: Ending.REFUSED,
}


class StoreFaults:
    """One worker's way to the store: a `memory.faults.Faults`.

    `lose_answer` is told when a statement will be carried out whose answer is lost.
    """

    def __init__(self, faults: Faults, chance: random.Random, lose_answer: Callable[[float], None]) -> None:
        self._lose_answer = lose_answer
        self._faults = faults
        self._chance = chance
        self._connections: dict[MemoryConnection, None] = {}
        self._is_dead = False
        self._away_until_s = float("-inf")
        self._registry_away_until_s = float("-inf")

    def crash(self) -> None:
        """The worker is gone: what the server has is carried out, nothing else ever comes."""
        self._is_dead = True
        for connection in list(self._connections):
            connection.terminate()

    def go_away(self, seconds: float, *, only_registry: bool = False) -> None:
        """Let no statement through for a while; `only_registry`: none of those that read it."""
        until_s = trio.current_time() + seconds
        if only_registry:
            self._registry_away_until_s = until_s
            return
        self._away_until_s = until_s
        for connection in list(self._connections):
            connection.terminate()

    def strike(self, connection: MemoryConnection, statement: str) -> Strike | None:
        """Choose what befalls a statement."""
        if connection.is_closed():
            self._connections.pop(connection, None)
        else:
            self._connections[connection] = None
        now_s, faults = trio.current_time(), self._faults
        is_posting = statement in (POST_BATCH, CLAIM)
        if self._is_dead or now_s < self._away_until_s:
            return _LOST
        # What is read in one look is known by its beginning alone.
        reads_registry = statement == BEGIN or (not is_posting and "registry." in statement)
        if now_s < self._registry_away_until_s and reads_registry:
            return _LOST
        delay_s = self._chance.choice(_POSTING_S) if is_posting else 0.0
        strike = None if faults.have_ended else self._by_chance(delay_s, is_posting=is_posting)
        return strike or (Strike(delay_s=delay_s) if delay_s else None)

    def _by_chance(self, delay_s: float, *, is_posting: bool) -> Strike | None:
        faults = self._faults
        if faults.strikes(Fault.STORE_SILENT):
            if faults.rng(Fault.STORE_SILENT).random() < 0.5:
                return Strike(Ending.SILENT_BEFORE, delay_s)
            self._lose_answer(trio.current_time() + delay_s)
            return Strike(Ending.SILENT_AFTER, delay_s)
        for fault, ending in _ENDINGS.items() if is_posting else ():
            if faults.strikes(fault):
                if fault is Fault.STORE_FAILS_AFTER:
                    self._lose_answer(trio.current_time() + delay_s)
                return Strike(ending, delay_s)
        if faults.strikes(Fault.STORE_SLOW):
            return Strike(delay_s=faults.rng(Fault.STORE_SLOW).choice((0.05, 0.3, 1.0, 4.0)))
        return None
