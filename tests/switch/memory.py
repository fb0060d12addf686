"""A whole front of the switch against a ledger of memory, and a terminal to talk to it with.

For tests of connections, deadlines and drains, which need no Postgres.
"""

import secrets
import socket
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from importlib.resources import files

import msgspec
import trio

from ledger.books.posting import Outcome, Posting, QuotaLeg, no_effect
from ledger.registry.secrets import MasterKey
from protocol import Ack, ClientSession, KeyChange, Received, Reply, Request, SignOn, SignOnReply, luhn_digit
from switch.config import Config
from switch.flow.flow import UNDECIDED, Ledger
from switch.flow.key_change import no_key
from switch.flow.question import Question
from switch.metrics import Meters
from switch.process.front import Front
from switch.rules.directory import Directory, Partner, Programme, Terminal
from switch.rules.programme import parse_rules
from switch.rules.versions import Version
from switch.wire.admission import ANY_KEY, KeyCheck
from switch.wire.listener import bind_listener
from tests.switch.tills import EVER


def card_digits(number: int) -> str:
    digits = f"{961_600_000_000_000 + number}"
    return digits + luhn_digit(digits)


CARDS = [card_digits(1), *map(card_digits, range(11, 20))]
"""All active, with accounts 8, 16, ..."""
CARD = CARDS[0]
UNKNOWN_CARD = card_digits(2)
MASTER_KEY = MasterKey(b"w" * 32, b"p" * 32)
RULES = parse_rules(files("switch").joinpath("rules/programmes/czestochowa.toml").read_text())


def terminal_key(number: int) -> bytes:
    return number.to_bytes(32, "big")


def make_directory(*, terminals: int = 3) -> Directory:
    """One programme, one partner, terminals 1.., `CARDS`."""
    directory = Directory(MASTER_KEY)
    programme = directory.programmes[1] = Programme(1, MASTER_KEY.pepper(1).token)
    programme.code, programme.name = "czestochowa", "Karta"
    programme.add_version(Version.of(1, 0, RULES))
    directory.choose_versions(1)
    partner = directory.partners[1] = Partner(1)
    partner.contracts.put(1, EVER)
    partner.programme = programme
    partner.name = "Piekarnia Kłos"
    for number in range(1, terminals + 1):
        terminal = directory.terminals[number] = Terminal(number)
        terminal.partner = partner
        terminal.keys[1] = (terminal_key(number), None)
    for number, digits in enumerate(CARDS, start=1):
        directory.cards.put([(MASTER_KEY.pepper(1).token(digits), 8 * number, 1, 0, None, None, None, None)])
    return directory


def approve(posting: Posting) -> Outcome:
    if posting.code in UNDECIDED:
        return no_effect(posting, posting.code)
    return Outcome(
        code=posting.code,
        transaction_id=posting.transaction_id,
        points=posting.points,
        balance=1_000 + posting.points,
        amount_grosze=posting.amount_grosze,
        accepted_at_ms=posting.accepted_at_ms,
        rules_version=posting.rules_version,
        kind=posting.kind,
        counter_account=posting.counter_account,
        original_stan=posting.original_stan,
        last4=posting.last4,
        replayed=False,
        language=posting.language,
    )


class MemoryLedger:
    """Keeps postings until `commit` is called; answers what is decided with an approval or its decline."""

    def __init__(self) -> None:
        self.waiting: list[Posting] = []
        self.posted: list[Posting] = []
        self.front: Front
        self.arrived = trio.Event()
        self.automatic = True
        self.is_behind = False
        self.inquiries = 0

    def submit_nowait(self, posting: Posting) -> None:
        self.waiting.append(posting)
        self.arrived.set()

    async def run(self) -> None:
        while True:
            await self.arrived.wait()
            self.arrived = trio.Event()
            if self.automatic:
                self.commit()

    def commit(self) -> None:
        batch, self.waiting = self.waiting, []
        for number, posting in enumerate(batch, start=len(self.posted) + 1):
            posting.transaction_id = number
        self.posted += [posting for posting in batch if posting.code not in UNDECIDED]
        self.front.flow.on_outcomes([(posting, approve(posting)) for posting in batch])

    async def answer_inquiry(self, question: Question) -> Reply:
        self.inquiries += 1
        await trio.lowlevel.checkpoint()
        if isinstance(question.request.message, KeyChange):
            return no_key(question, 20)
        if isinstance(question.request.message, SignOn):
            stan, now_ms = question.request.message.stan, question.at.now_ms
            return SignOnReply(stan, 0, now_ms, "czestochowa", "Kłos", 0, 1, 1, [], 7, [], 0, [], 0)
        return Ack(stan=question.request.message.stan, code=0, server_time_ms=question.at.now_ms)

    async def uses_left(self, quotas: Iterable[QuotaLeg]) -> dict[QuotaLeg, int]:
        return {quota: quota.uses_allowed for quota in quotas}


class Memory(msgspec.Struct):
    """A running front."""

    front: Front
    ledger: MemoryLedger
    meters: Meters
    directory: Directory
    port: int
    stop: trio.Event
    stopped: trio.Event

    streams: list[trio.SocketStream]

    async def connect(self, source: str = "127.0.0.1") -> trio.SocketStream:
        """Open a connection; every address 127.x.y.z is this machine's."""
        stream = await trio.open_tcp_stream("127.0.0.1", self.port, local_address=source)
        self.streams.append(stream)
        return stream


@asynccontextmanager
async def running_front(
    *,
    use_pump: bool = True,
    clock: Callable[[], bool] = lambda: False,
    terminals: int = 3,
    keys: KeyCheck = ANY_KEY,
    **settings: object,
) -> AsyncIterator[Memory]:
    """Run a front on a free loopback port; `clock` says whether the feed is stale."""
    config = msgspec.convert({"listen_port": 0, **settings}, Config)
    meters, directory, ledger = Meters(), make_directory(terminals=terminals), MemoryLedger()
    async with trio.open_nursery() as nursery:
        front = ledger.front = Front(
            config=config,
            directory=directory,
            meters=meters,
            ledger=Ledger(
                submit_nowait=ledger.submit_nowait,
                is_behind=lambda: ledger.is_behind,
                answer_inquiry=ledger.answer_inquiry,
                uses_left=ledger.uses_left,
            ),
            feed_is_stale=clock,
            nursery=nursery,
            use_pump=use_pump,
            keys=keys,
        )
        listening = bind_listener(config)
        memory = Memory(
            front=front,
            ledger=ledger,
            meters=meters,
            directory=directory,
            port=listening.getsockname()[1],
            stop=trio.Event(),
            stopped=trio.Event(),
            streams=[],
        )

        async def run() -> None:
            await front.run(listening, memory.stop)
            memory.stopped.set()

        nursery.start_soon(run)
        nursery.start_soon(ledger.run)
        try:
            yield memory
        finally:
            for stream in memory.streams:
                stream.socket.close()
            nursery.cancel_scope.cancel()


class Line:
    """One terminal's connection: raw when a test wants to misbehave, else request and reply."""

    def __init__(
        self, stream: trio.abc.Stream, terminal: int = 1, *, key: bytes | None = None, generation: int = 1
    ) -> None:
        self.stream = stream
        self.session = ClientSession(
            terminal=terminal,
            generation=generation,
            key=terminal_key(terminal) if key is None else key,
            nonce=secrets.token_bytes(32),
        )
        self._received: list[Received] = []

    async def sign_in(self) -> bool:
        """Shake hands; False if the switch closed the connection instead, or reset it."""
        while not self.session.is_open:
            try:
                await self.stream.send_all(self.session.data_to_send())
            except trio.BrokenResourceError:
                return False
            data = await receive(self.stream)
            if not data:
                return False
            self._received += self.session.receive(data)
        return True

    async def send(self, *requests: Request) -> None:
        await self.stream.send_all(b"".join(self.session.seal(request) for request in requests))

    def send_nowait(self, *requests: Request) -> None:
        """Put requests into the socket at once, letting nobody else run. Raises OSError when it is full."""
        assert isinstance(self.stream, trio.SocketStream)
        data = b"".join(self.session.seal(request) for request in requests)
        stdlib = socket.fromfd(self.stream.socket.fileno(), socket.AF_INET, socket.SOCK_STREAM)
        with stdlib:
            assert stdlib.send(data, socket.MSG_DONTWAIT) == len(data)

    async def reply(self) -> Reply:
        while not self._received:
            data = await receive(self.stream)
            assert data, "the switch closed the connection"
            self._received += self.session.receive(data)
        message = self._received.pop(0).message
        assert isinstance(message, Reply)
        return message

    async def ask(self, request: Request) -> Reply:
        await self.send(request)
        return await self.reply()

    async def closed(self) -> bool:
        """Wait for the switch to close; False if it says something instead."""
        return not await receive(self.stream)


async def receive(stream: trio.abc.Stream) -> bytes:
    """Read some bytes; a reset counts as the end."""
    try:
        return bytes(await stream.receive_some(65_536))
    except trio.BrokenResourceError:
        return b""


def reset(stream: trio.SocketStream) -> None:
    """Close with RST instead of FIN."""
    stream.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
    stream.socket.close()
