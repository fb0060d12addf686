"""Owns which of the servers that say they take writes is the newest, and what one may have left behind.

After a failover the old primary may live on and say that it takes writes; only its timeline, a number that
rises with each promotion, tells that it is one of the past. What a switch reads there is old, and what it
commits there is thrown away. So whoever has seen a newer one never talks to it again. Another system (one
restored or upgraded) counts its timelines anew.

Knows nothing of connections. Invariant: `admit` never takes a server of the past.
"""

from typing import Any, Final, NamedTuple

from ledger.errors import DatabaseUnavailable

# A standby has no timeline of its own to write on: 0.
SERVER: Final = (
    "(select system_identifier from pg_control_system()), case when pg_is_in_recovery() then 0 else"
    " ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::int end"
)
WAIT_FOR_STANDBY: Final = (
    "select count(*) from pg_stat_activity where pid = any($1::int[]) and wait_event = 'SyncRep'"
)
"""How many of some backends have committed and wait for a standby to confirm it."""


class Server(NamedTuple):
    """One server: the system it is of, and the timeline it writes on; 0: not known, or it takes no writes."""

    system: int = 0
    timeline: int = 0

    def is_before(self, other: "Server") -> bool:
        """Whether this is a primary of the past, as another of the same system shows."""
        return self.system == other.system and 0 < self.timeline < other.timeline


class Lineage:
    """The newest server of each system that has been seen."""

    def __init__(self) -> None:
        self._newest: dict[int, Server] = {}

    def admit(self, server: Server) -> bool:
        """Take note of a server; return whether it takes the place of an older one.

        Raises DatabaseUnavailable for one of the past.
        """
        before = self._newest.get(server.system, Server())
        if server.is_before(before):
            raise DatabaseUnavailable(
                f"that server is a primary of the past: it writes on timeline {server.timeline}, and one of"
                f" timeline {before.timeline} was seen"
            )
        if server.timeline:
            self._newest[server.system] = server
        return before.is_before(server)


async def check_left(connection: Any, left: list[int]) -> None:
    """Raise DatabaseUnavailable while one of the backends we left behind waits for a standby.

    Such a backend neither notices that we have gone nor may be ended: what it has committed would become
    visible before it is safe. With another connection for each try they would take all there are.
    """
    if await connection.fetchval(WAIT_FOR_STANDBY, left):
        raise StandbyAwaited("commits wait for a standby, and none confirms them")


class StandbyAwaited(DatabaseUnavailable):
    """Nothing was tried, for an earlier commit of this session still waits for a standby."""
