"""Key rotation at sign-on: the first use of a generation ends the older ones, in every worker.

Owns the question whether a generation may still be used, asked after a terminal has proved its key and before
it is told so. Must not know handshakes. Invariant: once a terminal was accepted with a generation, no worker
accepts it with an older one: the retirement is committed first, and while two generations live a worker asks
the database about the older one instead of its own memory.
"""

from __future__ import annotations

import structlog
import trio

from ledger.errors import LedgerError
from ledger.postgres.database import Connection
from ledger.postgres.session import Session
from ledger.registry.keys import is_live, note_use
from switch.rules.directory import Directory, Terminal

log = structlog.get_logger()


class KeyUse:
    """Asks and tells the registry over a connection of its own. `nursery` holds what nobody waits for, one
    note a terminal; what it is cancelled before is noted at the next sign-on.
    """

    def __init__(self, session: Session, directory: Directory, nursery: trio.Nursery) -> None:
        self._session = session
        self._directory = directory
        self._nursery = nursery
        self._turn = trio.Lock()
        self._noting: set[int] = set()

    def may_use_at_once(self, number: int, generation: int) -> bool:
        """Return whether the terminal may be accepted without asking, as no other generation lives."""
        terminal = self._directory.terminals[number]
        if any(other != generation for other in terminal.keys):
            return False
        if generation > terminal.used_generation and number not in self._noting:
            self._noting.add(number)
            self._nursery.start_soon(self._note_unwaited, terminal, generation)
        return True

    async def may_use(self, number: int, generation: int) -> bool:
        """Return whether the terminal may be accepted with this generation of its key.

        Waits for the database only while another generation lives; False where it does not answer.
        """
        if self.may_use_at_once(number, generation):
            return True
        terminal = self._directory.terminals[number]
        is_first_use = generation > terminal.used_generation
        return await (self._note if is_first_use else self._ask)(terminal, generation)

    async def _ask(self, terminal: Terminal, generation: int) -> bool:
        async def job(connection: Connection) -> bool:
            return await is_live(connection, terminal.number, generation)

        try:
            async with self._turn:
                return await self._session.run(job)
        except LedgerError as error:
            log.warning("key_not_asked", terminal=terminal.number, problem=str(error))
            return False

    async def _note_unwaited(self, terminal: Terminal, generation: int) -> None:
        try:
            await self._note(terminal, generation)
        finally:
            self._noting.discard(terminal.number)

    async def _note(self, terminal: Terminal, generation: int) -> bool:
        async def job(connection: Connection) -> bool:
            return await note_use(connection, terminal.number, generation)

        try:
            async with self._turn:
                if not await self._session.run(job):
                    return False
        except LedgerError as error:
            log.warning("key_use_not_noted", terminal=terminal.number, problem=str(error))
            return False
        terminal.used_generation = max(terminal.used_generation, generation)
        log.info("key_generation_used", terminal=terminal.number, generation=generation)
        return True
