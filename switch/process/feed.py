"""The registry feed: keeps a worker's directory in step with Postgres.

Owns when to read (at a NOTIFY, and once a second in case one was lost), how old the directory may be, and
when what it noted is written back: cards to be re-entered under a newer pepper. Must not know what the
changes mean (directory.py does). Invariants: `fresh_at` is a moment at which the directory
held every change committed before it; the feed reads over a connection of its own, so that nothing terminals
ask for can make a block wait.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress

import structlog
import trio

from ledger.books.outage import Outage
from ledger.errors import DatabaseUnavailable, LedgerError
from ledger.postgres.database import Connection, Database
from ledger.registry.peppers import REENTERED, reenter
from ledger.registry.reads import CardTuple, RegistrySnapshot, read_changes
from switch.clock import clock_ms
from switch.config import Config
from switch.metrics import Meters
from switch.rules.directory import Directory, Terminal

log = structlog.get_logger()

CHANNEL = "registry"
POLL_S = 1.0
RETRY_S = 0.5
READ_S_MAX = 10.0
LOAD_S_MAX = 300.0  # millions of cards, at the start
CATCH_UP_S = 1.0


class Feed:
    """Reads registry changes into a directory; past `feed_stale_after_s` redemptions are refused."""

    def __init__(
        self,
        database: Database,
        directory: Directory,
        *,
        meters: Meters,
        config: Config,
        on_terminal: Callable[[Terminal], None],
        outage: Outage | None = None,
    ) -> None:
        self._database = database
        self.session = database.session()
        """Its own; free for others before it first reads."""
        self._directory = directory
        self._meters = meters
        self._config = config
        self._on_terminal = on_terminal
        self._outage = outage or Outage()
        self._wake = trio.Event()
        self._read = trio.Event()
        self.fresh_at: float | None = None
        self.problem: str | None = None
        self._asked_at: float | None = None

    @property
    def unanswered_s(self) -> float:
        """For how many seconds the database has owed an answer to a reading; 0 while nothing is asked."""
        return 0.0 if self._asked_at is None else trio.current_time() - self._asked_at

    @property
    def age_s(self) -> float:
        """Seconds since the directory was last known to be complete; infinite before the first load."""
        return float("inf") if self.fresh_at is None else trio.current_time() - self.fresh_at

    def wake(self) -> None:
        """Have the registry read now, and not with the next second."""
        self._wake.set()

    async def catch_up(self) -> None:
        """Wait until the directory holds what was committed before this call. Raises `LedgerError` where it
        does not within `CATCH_UP_S`.
        """
        since = trio.current_time()
        with trio.move_on_after(CATCH_UP_S):
            while self.fresh_at is None or self.fresh_at < since:
                self.wake()
                await self._read.wait()
            return
        raise DatabaseUnavailable(f"the registry was not read within {CATCH_UP_S:g} s")

    def is_stale(self) -> bool:
        """True when the directory may miss changes older than the bound."""
        return self.age_s > self._config.feed_stale_after_s

    async def refresh(self) -> None:
        """Read what changed since the last reading. Raises `LedgerError`."""
        asked_at = self._asked_at = trio.current_time()
        directory, since = self._directory, self._directory.number

        def take(cards: Sequence[CardTuple]) -> None:
            self._asked_at = trio.current_time()
            directory.apply_cards(cards)

        async def job(connection: Connection) -> RegistrySnapshot:
            return await read_changes(connection, since, take)

        try:
            changes = await self.session.run(job, timeout_s=READ_S_MAX if since else LOAD_S_MAX)
        finally:
            self._asked_at = None
        directory.apply(changes, now_ms=clock_ms(), on_terminal=self._on_terminal)
        directory.open_keys()
        for fault in directory.take_faults():
            log.error("registry_fault", problem=fault)
        self._meters.feed_reads += 1
        self._outage.works(self)
        self.problem = None
        self.fresh_at = asked_at
        self._read.set()
        self._read = trio.Event()
        while directory.cards.settle():
            await trio.lowlevel.checkpoint()

    async def run(self) -> None:
        """Follow the registry until cancelled; survives the loss of Postgres."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._listen)
            while True:
                self._wake = trio.Event()
                try:
                    await self.refresh()
                except LedgerError as error:
                    self._meters.feed_errors += 1
                    self.problem = str(error)
                    self._outage.failed(self, f"the registry cannot be read: {error}")
                    await trio.sleep(RETRY_S)
                    continue
                for programme, tokens in self._directory.take_to_reenter().items():
                    nursery.start_soon(self._reenter, programme, tokens)
                with trio.move_on_after(POLL_S):
                    await self._wake.wait()

    async def _reenter(self, programme: int, tokens: dict[int, int]) -> None:
        """Have cards re-entered that terminals named and a former pepper found. One that could not be is
        found so, and noted, when it is named again.
        """
        pepper = self._directory.programmes[programme].pepper
        with suppress(LedgerError):
            await self._database.run(lambda c: reenter(c, REENTERED, programme, pepper, tokens))

    async def _listen(self) -> None:
        while True:
            try:
                await self._database.listen(CHANNEL, self.wake, on_ready=self._listening)
            except LedgerError as error:
                self.problem = str(error)
                self.wake()  # it tells whether Postgres is really away
                self._outage.failed(self._listen, f"the registry cannot be listened to: {error}")
                await trio.sleep(RETRY_S)

    def _listening(self) -> None:
        self._outage.works(self._listen)
        self.wake()
