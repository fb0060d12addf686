"""What the database tells the board: a few bounded reads, each no more often than its figure changes.

Owns which reads there are and how often. Must not know SQL (`ledger`) nor words. Takes the service's
role, in transactions that can only read. Invariants: no read's price grows with the journal; a database
that is gone is said so, and what was known stays; nothing of a card or a holder is read.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple, TypeVar

import structlog
import trio

from ledger.books.lately import Decline, Posted, last_declines, posted_between
from ledger.errors import LedgerError
from ledger.postgres.database import Connection, Database
from ledger.registry.overview import (
    OffersComing,
    PartnerSeen,
    Presence,
    ProgrammeSeen,
    RulesComing,
    TerminalSeen,
    read_coming,
    read_partners,
    read_presence,
    read_programmes,
    read_silent,
    read_terminals,
)
from ops.web.board.today import Counted, Today
from protocol import ResultClass, ResultCode
from switch.clock import clock_ms

log = structlog.get_logger()
T = TypeVar("T")

READ_S_MAX: Final = 5.0
DECLINES_SHOWN: Final = 12
DECLINED: Final = tuple(
    int(code) for code in ResultCode if code.result_class in {ResultClass.DECLINE, ResultClass.PICK_UP}
)


@dataclass
class Known:
    """What is known of the database; `problem`: why nothing new is, and since when (Unix time)."""

    programmes: dict[int, ProgrammeSeen] = field(default_factory=dict)
    partners: dict[int, PartnerSeen] = field(default_factory=dict)
    terminals: dict[int, TerminalSeen] = field(default_factory=dict)
    registry_number: int = 0
    presence: dict[int, Presence] = field(default_factory=dict)
    silent: set[int] = field(default_factory=set)
    declines: list[Decline] = field(default_factory=list)
    today: Counted | None = None
    rules: list[RulesComing] = field(default_factory=list)
    offers: list[OffersComing] = field(default_factory=list)
    is_read: bool = False
    problem_since_s: float | None = None


class _Step(NamedTuple):
    every_s: float
    read: Callable[[], Awaitable[None]]


class Books:
    """Reads the database for the board."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._today = Today()
        self._due_s: dict[int, float] = {}
        self.known = Known()
        self._steps = (
            _Step(5.0, self._registry),
            _Step(15.0, self._coming),
            _Step(5.0, self._presence),
            _Step(30.0, self._silent),
            _Step(2.0, self._lately),
            _Step(3.0, self._count),
        )

    async def look(self) -> None:
        """Read what is due, in turn."""
        known = self.known
        try:
            for number, step in enumerate(self._steps):
                if trio.current_time() >= self._due_s.get(number, 0.0):
                    await step.read()
                    self._due_s[number] = trio.current_time() + step.every_s
        except LedgerError as error:
            if known.problem_since_s is None:
                known.problem_since_s = clock_ms() / 1_000
                log.warning("board_without_database", problem=str(error))
        else:
            if known.problem_since_s is not None:
                log.info("board_has_database_again")
            known.problem_since_s = None
            known.is_read = True

    async def _run(self, job: Callable[[Connection], Awaitable[T]]) -> T:
        async def read_only(connection: Connection) -> T:
            # One snapshot, so that whatever has a change number up to the greatest read is there.
            async with connection.transaction(isolation="repeatable_read", readonly=True):
                return await job(connection)

        return await self._database.run(read_only, timeout_s=READ_S_MAX)

    async def _registry(self) -> None:
        known = self.known

        async def job(
            connection: Connection,
        ) -> tuple[list[ProgrammeSeen], list[PartnerSeen], list[TerminalSeen]]:
            since = known.registry_number
            return (
                await read_programmes(connection),
                await read_partners(connection, since),
                await read_terminals(connection, since),
            )

        programmes, partners, terminals = await self._run(job)
        known.programmes = {row.id: row for row in programmes}
        known.partners.update({row.id: row for row in partners})
        known.terminals.update({row.id: row for row in terminals})
        numbers = [row.changed for row in partners] + [row.changed for row in terminals]
        known.registry_number = max(numbers, default=known.registry_number)

    async def _coming(self) -> None:
        self.known.rules, self.known.offers = await self._run(read_coming)

    async def _presence(self) -> None:
        self.known.presence = {row.terminal: row for row in await self._run(read_presence)}

    async def _silent(self) -> None:
        self.known.silent = await self._run(read_silent)

    async def _lately(self) -> None:
        self.known.declines = await self._run(
            lambda connection: last_declines(connection, DECLINED, DECLINES_SHOWN, clock_ms())
        )

    async def _count(self) -> None:
        days = {row.id: row.today_ms for row in self.known.programmes.values()}

        async def read(
            from_ms: int, until_ms: int, days: Mapping[int, int], rows_max: int
        ) -> list[Posted] | None:
            return await self._run(
                lambda connection: posted_between(connection, from_ms, until_ms, days, rows_max)
            )

        self.known.today = await self._today.count(read, days, clock_ms())
