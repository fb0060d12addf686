"""Owns what a worker knows of where each bucket lies: one map for all of it that asks servers.

Who posts goes by it, finds that a shard has moved, and has it read anew. Knows nothing of what is asked.
"""

from typing import Final

import trio

from ledger.engine.shards import Server, Shards

LOST_S: Final = 1.0


class ShardMap:
    """Where each bucket lies, as far as known, and which servers did not answer lately.

    `shards`: none where the books lie on one Postgres.
    """

    def __init__(self, shards: Shards) -> None:
        self.shards = shards
        self._lost_until: dict[Server, float] = {}
        self._doubted = trio.Event()

    def doubt(self) -> None:
        """A server has not what should be there."""
        self._doubted.set()

    async def wait_doubted(self) -> None:
        """Wait until somebody doubts the map; what comes after that is another doubt."""
        await self._doubted.wait()
        self._doubted = trio.Event()

    def lose(self, server: Server) -> None:
        """A server does not answer."""
        self._lost_until[server] = trio.current_time() + LOST_S

    def is_lost(self, server: Server) -> bool:
        """Whether a server did not answer a moment ago."""
        return trio.current_time() < self._lost_until.get(server, 0.0)
