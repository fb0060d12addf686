"""One worker of the switch as the tills of a year reach it: everything of it but wire, crypto and Postgres.

Owns the joining of the real `Flow` (and with it every decision, receipt and inquiry) to the store in memory,
past sockets and committer. Must not know what is asked, or why. Invariants: a request is read from its own
bytes; the registry has been followed to its newest change before anything is decided; one request is answered
before the next is taken.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from itertools import count
from typing import Any, Final, TypeVar

import trio

from ledger.books.posting import Outcome, Posting
from ledger.books.quotas import QuotaReader
from ledger.books.shard_map import ShardMap
from ledger.registry.reads import CardTuple, RegistrySnapshot, read_changes
from ledger.registry.secrets import MasterKey
from protocol import REQUEST_OF, Received, Reply, Request, encode_request
from protocol.messages import decoder
from simulators.world.memory.connection import MemoryConnection
from simulators.world.memory.ledger import MemoryLedger
from switch.config import Config
from switch.flow.allowance import Allowance
from switch.flow.connection import Connection, Connections
from switch.flow.flow import Flow, Ledger
from switch.flow.inquiry import Inquiries
from switch.metrics import Meters
from switch.rules.directory import Directory

T = TypeVar("T")

MASTER: Final = MasterKey(b"the wrapping key of a whole year", b"the pepper of all cards in there")
_DECODE: Final = {number: decoder(message) for number, message in REQUEST_OF.items()}


class Line:
    """Session and transport of one till: what is sealed is heard, and nothing is ever half there."""

    has_partial_frame = has_waiting_frame = False

    def __init__(self, heard: list[Reply]) -> None:
        self._heard = heard

    def seal(self, message: Reply, request_type: int) -> bytes:
        """Hear a reply."""
        self._heard.append(message)
        return b""

    def flush(self, connection: Connection) -> bool:
        """Everything is taken at once."""
        return True

    def watch(self, connection: Connection) -> None:
        """Nothing comes unasked."""

    def receive(self, data: bytes, messages_max: int) -> list[Received]:
        """No bytes travel here."""
        raise AssertionError

    def wrap_key(self, generation: int, key: bytes, nonce: bytes) -> bytes:
        """No key is changed here."""
        raise AssertionError

    def drop(self, connection: Connection) -> None:
        """Nobody hangs up here."""
        raise AssertionError


class Store:
    """The store as inquiries ask it: at once, on a connection of its own, without faults."""

    def __init__(self, ledger: MemoryLedger) -> None:
        self.connection: Any = MemoryConnection(ledger, None, "year")
        self.state: dict[str, Any] = {}

    def session(self) -> Store:
        """Return it as a connection of its own."""
        return self

    async def run(self, job: Callable[[Any], Awaitable[T]], **_: object) -> T:
        """Do a job on the connection."""
        return await job(self.connection)


class Worker:
    """The switch. `now_ms` is its clock, and is the caller's to set."""

    def __init__(self, nursery: trio.Nursery) -> None:
        self.now_ms = 0
        self.on_posted: Callable[[Posting, Outcome], object] = lambda *_: None
        """Is told of each posting and what came of it."""
        self.ledger = MemoryLedger(now_ms=lambda: self.now_ms, keeps_commits=False)
        self.registry = self.ledger.registry
        self.directory = Directory(MASTER)
        self._store = Store(self.ledger)
        self._lines: dict[int, Connection] = {}
        self._heard: list[Reply] = []
        self._submitted: list[Posting] = []
        self._ids = count(1)
        meters, config = Meters(), Config()
        database: Any = self._store
        inquiries = Inquiries(database, MASTER, QuotaReader(database, ShardMap([])), trio.lowlevel.checkpoint)
        self._flow = Flow(
            config=config,
            directory=self.directory,
            connections=Connections(config, meters),
            meters=meters,
            ledger=Ledger(self._submitted.append, lambda: False, inquiries.answer, inquiries.uses_left),
            clock_ms=lambda: self.now_ms,
            feed_is_stale=lambda: False,
            nursery=nursery,
        )

    async def ask(self, terminal: int, request: Request) -> Reply:
        """Return the reply to a request of a terminal."""
        if self.directory.number != self.registry.number:
            self.follow()
        kind, body = encode_request(request)
        received = Received(_DECODE[kind](body), kind, body)
        self._flow.receive(self._line(terminal), [received], trio.current_time())
        if self._submitted:
            self._post()
        while not self._heard:
            await trio.lowlevel.checkpoint()
        return self._heard.pop()

    def _post(self) -> None:
        postings, self._submitted[:] = self._submitted[:], []
        for posting in postings:
            posting.transaction_id = next(self._ids)
        answers = list(zip(postings, self.ledger.post(postings), strict=True))
        for posting, outcome in answers:
            self.on_posted(posting, outcome)
        self._flow.on_outcomes(answers)

    def follow(self) -> None:
        """Take over what changed in the registry, as the feed does."""
        changes = at_once(self._read())
        self.directory.apply(changes, now_ms=self.now_ms)
        if faults := self.directory.take_faults():
            raise AssertionError(faults)

    async def _read(self) -> RegistrySnapshot:
        return await read_changes(self._store.connection, self.directory.number, self._take_cards)

    def _take_cards(self, cards: Any) -> None:
        rows: list[CardTuple] = cards
        self.directory.apply_cards(rows)

    def _line(self, number: int) -> Connection:
        connection = self._lines.get(number)
        if connection is None:
            line, terminal = Line(self._heard), self.directory.terminals[number]
            connection = self._lines[number] = Connection(
                line,
                line,
                terminal=terminal,
                terminal_of=lambda _: terminal,
                allowance=Allowance(),
                source="year",
                now=trio.current_time(),
            )
        return connection


def at_once(work: Awaitable[T]) -> T:
    """Return what comes of work that waits for nothing."""
    running = work.__await__()
    try:
        next(running)
    except StopIteration as done:
        result: T = done.value
        return result
    raise AssertionError("the store in memory was waited for")
