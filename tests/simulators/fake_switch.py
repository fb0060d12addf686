"""A switch for the terminal's tests: real handshake and frames over memory streams, scripted answers.

It decides nothing: each request meets the next step of the script, and when the script is spent everything is
approved. It keeps every request as it came, so that a test can compare the bytes of a retry.
"""

import itertools
import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import trio
import trio.testing

from protocol import (
    Ack,
    CardReport,
    Echo,
    ProtocolError,
    Received,
    Reply,
    ServerSession,
    SignOff,
    SignOn,
    SignOnReply,
    Status,
    StatusReply,
    Totals,
    TotalsReply,
    TransactionReply,
    Verify,
    VerifyReply,
)
from simulators.errors import CannotConnect, CannotConnectCause
from simulators.till.channel import Channel, StreamChannel
from simulators.till.identity import TerminalIdentity
from simulators.till.store import TerminalMemory
from simulators.till.terminal import PosTerminal

CARD = ";9616001234567897=4912101?"
IDENTITY = TerminalIdentity(10_000_001, bytes(range(32)))


@dataclass
class Step:
    """What happens to one request that is not a sign-on, sign-off or echo."""

    code: int = 0
    points: int = 0
    discount: int = 0
    answer: bool = True
    close: bool = False
    after_s: float = 0.0


SILENCE = Step(answer=False)
HANG_UP = Step(answer=False, close=True)


@dataclass
class FakeSwitch:
    """Hand `connect` to a terminal; read `requests` afterwards."""

    nursery: trio.Nursery
    script: deque[Step] = field(default_factory=deque)
    requests: list[Received] = field(default_factory=list)
    last_stan: int = 0
    sign_on_code: int = 0
    key: bytes | None = IDENTITY.key
    key_of: Callable[[int], bytes | None] | None = None
    is_down: bool = False
    signed_on: int = 0
    on_request: Callable[[Received], None] = lambda received: None
    _ids: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))

    async def connect(self) -> Channel:
        await trio.lowlevel.checkpoint()
        if self.is_down:
            raise CannotConnect(CannotConnectCause.REFUSED, "fake: connection refused")
        mine, theirs = trio.testing.memory_stream_pair()
        self.nursery.start_soon(self._serve, theirs)

        def close() -> None:
            mine.send_stream.close()
            mine.receive_stream.close()

        return StreamChannel(mine, close=close, abort=close)

    def of_type(self, *types: int) -> list[Received]:
        return [received for received in self.requests if received.type & 0x3F in types]

    async def _serve(self, stream: trio.abc.Stream) -> None:
        session = ServerSession(
            nonce=bytes(32),
            session_id=bytes(8),
            find_key=self._find_key,
            dummy_key=bytes(32),
        )
        try:
            async for data in stream:
                received = session.receive(bytes(data))
                if handshake := session.data_to_send():
                    await stream.send_all(handshake)
                for one in received:
                    if not await self._answer(stream, session, one):
                        return
        except (ProtocolError, trio.BrokenResourceError):
            return
        finally:
            await trio.aclose_forcefully(stream)

    def _find_key(self, terminal: int, generation: int) -> bytes | None:
        return self.key_of(terminal) if self.key_of else self.key

    async def _answer(self, stream: trio.abc.Stream, session: ServerSession, received: Received) -> bool:
        message = received.message
        step = Step()
        if not isinstance(message, SignOn | SignOff | Echo):
            self.on_request(received)
            if self.script:
                step = self.script.popleft()
        self.requests.append(received)
        if step.after_s:
            await trio.sleep(step.after_s)
        if step.answer:
            await stream.send_all(session.seal(self._reply(message, step), received.type))
        return not step.close

    def _reply(self, message: Any, step: Step) -> Reply:
        match message:
            case SignOn():
                self.signed_on += 1
                return SignOnReply(
                    message.stan,
                    self.sign_on_code,
                    1,
                    "czestochowa",
                    "Piekarnia Kłos",
                    self.last_stan,
                    500_000,
                    1000,
                    [],
                    7,
                    [],
                    0,
                    [],
                    0,
                )
            case Verify():
                return VerifyReply(message.stan, step.code, 1, 5, [(17, 3, 5)], 0, "")
            case SignOff() | Echo() | CardReport():
                return Ack(message.stan, step.code, 1)
            case Status():
                return StatusReply(message.stan, 25, 1, None)
            case Totals():
                return TotalsReply(message.stan, step.code, 1, *msgspec.structs.astuple(message)[4:])
            case _:
                figures = (getattr(message, "amount", 0), step.discount, step.points, 0, -1, 0)
                return TransactionReply(message.stan, step.code, next(self._ids), 1, *figures, "")


def make(memory: TerminalMemory, switch: FakeSwitch, **options: Any) -> PosTerminal:
    rng = random.Random(1)
    return PosTerminal(IDENTITY, memory, switch.connect, rng=rng, clock=lambda: 1_700_000_000, **options)


def on_disk(path: Path, scratch: Path) -> TerminalMemory:
    """What another process would find in the memory at this moment."""
    scratch.write_bytes(path.read_bytes())
    with TerminalMemory.open(scratch, IDENTITY.terminal) as copy:
        return copy
