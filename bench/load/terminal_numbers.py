"""Hands out the terminals of the seeded city, each to one simulated user at a time.

Owns who has which terminal index. Two users with one terminal number would use the same STANs for different
requests, and the switch would rightly call that a conflict. One Locust process keeps a `Pool`; with several
the master keeps it and a worker asks for each number (`MasterDesk`, `WorkerDesk`), over Locust's own
messages.

Must not know sockets or keys. Invariants: an index has one holder at most; an index that is given back is
given out last, so that what its last holder left in flight has long ended; a process that is gone holds
nothing.
"""

from __future__ import annotations

import queue
from collections import deque
from collections.abc import Callable, Container
from itertools import count
from typing import Any, Final, Protocol

WANTED: Final = "cityswitch_terminal_wanted"
GRANTED: Final = "cityswitch_terminal_granted"
RETURNED: Final = "cityswitch_terminal_returned"
GRANT_S_MAX: Final = 10.0


class NoTerminalFree(Exception):
    """More users than terminals; the message says what to do."""

    def __init__(self, terminals: int) -> None:
        super().__init__(
            f"all {terminals} terminals of the seeded city are taken: start fewer users,"
            " or seed more partners and say so with --partners"
        )


class Desk(Protocol):
    """Where a user gets its terminal."""

    def take(self) -> int:
        """Return a terminal index that nobody else has. Raises `NoTerminalFree`."""
        ...

    def give_back(self, index: int) -> None:
        """Return an index; the user that held it has stopped."""
        ...


class Runner(Protocol):
    """The part of a Locust runner that carries messages between master and workers."""

    def register_message(
        self, msg_type: str, listener: Callable[..., None], concurrent: bool = False
    ) -> None:
        """Have `listener(environment, msg)` called for messages of a type."""
        ...

    def send_message(self, msg_type: str, data: Any = None, client_id: str | None = None) -> None:
        """Send to one worker (from the master), or to the master."""
        ...


class Pool:
    """The terminals of one test: indexes 0..terminals-1. Also the desk of a run in a single process."""

    def __init__(self, terminals: int) -> None:
        self.terminals = terminals
        self._free = deque(range(terminals))
        self._holders: dict[int, str] = {}

    def take(self, holder: str = "") -> int:
        """Return a free index, now held by the process named `holder`. Raises `NoTerminalFree`."""
        if not self._free:
            raise NoTerminalFree(self.terminals)
        index = self._free.popleft()
        self._holders[index] = holder
        return index

    def give_back(self, index: int, holder: str = "") -> None:
        """Take an index back; ignored unless `holder` has it (a process may be late to say so)."""
        if self._holders.get(index) == holder:
            del self._holders[index]
            self._free.append(index)

    def keep_only(self, alive: Container[str]) -> None:
        """Take back all that is held by processes not in `alive`."""
        for index, holder in list(self._holders.items()):
            if holder not in alive:
                self.give_back(index, holder)


class MasterDesk:
    """Answers the workers. `alive` returns the ids of the workers that are connected."""

    def __init__(self, runner: Runner, pool: Pool, alive: Callable[[], Container[str]]) -> None:
        self._runner = runner
        self._pool = pool
        self._alive = alive
        runner.register_message(WANTED, self._on_wanted)
        runner.register_message(RETURNED, self._on_returned)

    def _on_wanted(self, environment: Any, msg: Any) -> None:
        index: int | None
        try:
            index = self._take(msg.node_id)
        except NoTerminalFree:
            index = None
        self._runner.send_message(GRANTED, [msg.data, index], client_id=msg.node_id)

    def _take(self, worker: str) -> int:
        try:
            return self._pool.take(worker)
        except NoTerminalFree:
            self._pool.keep_only(self._alive())
            return self._pool.take(worker)

    def _on_returned(self, environment: Any, msg: Any) -> None:
        self._pool.give_back(msg.data, msg.node_id)


class WorkerDesk:
    """Asks the master. `terminals` is only for the message when there is none left."""

    def __init__(self, runner: Runner, terminals: int) -> None:
        self._runner = runner
        self._terminals = terminals
        self._tickets = count(1)
        self._waiting: dict[int, queue.Queue[int | None]] = {}
        runner.register_message(GRANTED, self._on_granted)

    def take(self) -> int:
        """Return an index from the master. Raises `NoTerminalFree`, also when the master says nothing."""
        ticket = next(self._tickets)
        answer = self._waiting[ticket] = queue.Queue(1)
        try:
            self._runner.send_message(WANTED, ticket)
            index = answer.get(timeout=GRANT_S_MAX)
        except queue.Empty:
            index = None
        finally:
            del self._waiting[ticket]
        if index is None:
            raise NoTerminalFree(self._terminals)
        return index

    def give_back(self, index: int) -> None:
        """Return an index to the master."""
        self._runner.send_message(RETURNED, index)

    def _on_granted(self, environment: Any, msg: Any) -> None:
        ticket, index = msg.data
        if ticket in self._waiting:
            self._waiting[ticket].put(index)
        elif index is not None:
            # Whoever asked has stopped waiting.
            self.give_back(index)
