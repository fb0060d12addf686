"""The network of a simulated world: connections in memory, on virtual time, that fail as real lines do.

Owns both ends of every connection: a `trio.abc.Stream` at the switch, a `Channel` at the terminal. Must not
know frames, nor what a terminal is for. Invariants: the bytes of one direction arrive in order, each after
its time on the way, in pieces of any size; a line that has failed stays failed; what fails where follows from
the chance given.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable
from math import inf
from typing import Final

import trio

from simulators.errors import CannotConnect, CannotConnectCause, LinkLost
from simulators.till.channel import CONNECT_TIMEOUT_S, Channel
from simulators.world.evidence import Evidence
from simulators.world.faults import Fault, Faults
from simulators.world.trace import Trace

HISTORY_BYTES: Final = 600
"""So much of what was sent on a line may come again."""
HANDSHAKE_CUT: Final = "a handshake was cut"
HANDSHAKE_BYTES_DOWN: Final = 120
"""So much the switch writes until a terminal is let in."""
RECEIVE_BYTES_MAX: Final = 8_192


class _Pipe:
    """One direction of a line: pieces on their way, each with the moment it arrives."""

    def __init__(self, line: Line, name: str) -> None:
        self._line = line
        self._name = name
        self._pieces: deque[tuple[float, bytes]] = deque()
        self._changed = trio.Event()
        self._receiver: trio.CancelScope | None = None
        """Of whoever waits for bytes: it ends when the next piece arrives."""
        self._arrives_at = 0.0
        self._history = b""
        self.sent = 0
        self.has_ended = False
        self.fault: Fault | None = None
        self.fault_at = 0
        """The fault happens when so many bytes have been sent."""
        self.is_silent = False
        self.is_stuck = False

    def put(self, data: bytes) -> None:
        """Send; the fault of this direction happens if its byte is among these."""
        before, self.sent = self.sent, self.sent + len(data)
        if self.is_silent:
            return
        fault = self.fault
        if fault is None or self.sent <= self.fault_at:
            self._carry(data)
            return
        self.fault = None
        self._line.network.faults.happened(fault)
        if self._line.is_in_handshake and fault is Fault.LINE_CUT:
            self._line.network.faults.counts[HANDSHAKE_CUT] += 1
        self._line.note(f"{self._name} {fault}")
        whole = data[: self.fault_at - before]
        if fault is Fault.LINE_CUT:
            self._carry(whole)
            self._line.cut_at(self._arrives_at)
        elif fault is Fault.LINE_SILENT:
            self._carry(whole)
            self.is_silent = True
        elif fault is Fault.LINE_REPLAYED:
            self._carry(data)
            history = self._history
            self._carry(history[-self._line.rng.randint(1, len(history)) :])
        elif fault is Fault.LINE_DELAYED:
            self._carry(whole)
            self._arrives_at = trio.current_time() + self._line.rng.uniform(1.0, 12.0)
            self._carry(data[len(whole) :])
        else:
            self._carry(data)
            self.is_stuck = True

    def _carry(self, data: bytes) -> None:
        """Put bytes on their way, in pieces."""
        if not data:
            return
        self._history = (self._history + data)[-HISTORY_BYTES:]
        rng = self._line.rng
        if len(data) > 1 and self._line.network.faults.strikes(Fault.LINE_SLICED):
            cut = rng.randrange(1, len(data))
            pieces = [data[:cut], data[cut:]]
        else:
            pieces = [data]
        for piece in pieces:
            on_the_way = self._line.latency_s * rng.uniform(0.8, 1.5)
            self._arrives_at = max(self._arrives_at, trio.current_time() + on_the_way)
            self._pieces.append((self._arrives_at, piece))
        if self._receiver is not None:
            self._receiver.deadline = self._pieces[0][0]

    def end(self) -> None:
        """Nothing more will be sent; on a silent line nobody hears of it."""
        self.has_ended = self.has_ended or not self.is_silent
        self.wake()

    def wake(self) -> None:
        """Let who waits look again."""
        self._changed.set()
        self._changed = trio.Event()

    async def get(self, bytes_max: int, is_open: Callable[[], bool]) -> bytes:
        """Wait for bytes; b"" at the end. Raises BrokenResourceError on a cut line, ClosedResourceError."""
        while not self._is_anything_there(is_open):
            with trio.CancelScope(deadline=self._pieces[0][0] if self._pieces else inf) as self._receiver:
                await self._changed.wait()
            self._receiver = None
            if self._is_anything_there(is_open):
                return self._take(bytes_max)
        await trio.lowlevel.checkpoint()
        self._is_anything_there(is_open)  # it may have been closed meanwhile
        return self._take(bytes_max)

    def _is_anything_there(self, is_open: Callable[[], bool]) -> bool:
        """Whether there are bytes, or the end. Raises BrokenResourceError, ClosedResourceError."""
        if not is_open():
            raise trio.ClosedResourceError
        if self._line.is_cut:
            raise trio.BrokenResourceError
        if self._pieces:
            return self._pieces[0][0] <= trio.current_time()
        return self.has_ended

    def _take(self, bytes_max: int) -> bytes:
        if not self._pieces:
            return b""
        at, data = self._pieces.popleft()
        taken, rest = data[:bytes_max], data[bytes_max:]
        if rest:
            self._pieces.appendleft((at, rest))
        self._line.note(self._name, taken)
        return taken

    async def wait_free(self, is_open: Callable[[], bool]) -> None:
        """Wait while the other side takes nothing."""
        await trio.lowlevel.checkpoint()
        while True:
            if not is_open():
                raise trio.ClosedResourceError
            if self._line.is_cut:
                raise trio.BrokenResourceError
            if not self.is_stuck:
                return
            await self._changed.wait()


class Line:
    """One connection: two directions and what they have in common."""

    def __init__(self, network: Network, number: int, terminal: int, rng: random.Random) -> None:
        self.network = network
        self.terminal = terminal
        self.rng = rng
        self.is_cut = False
        self.latency_s = rng.uniform(0.001, 0.02)
        self._name = f"line {number} of {terminal}"
        self.up = _Pipe(self, ">")
        self.down = _Pipe(self, "<")
        if fault := network.faults.of_line():
            way = self.down if fault is Fault.LINE_STUCK or rng.random() < 0.5 else self.up
            # Some in the handshake, which is about 200 bytes either way, most after it.
            way.fault, way.fault_at = fault, rng.randrange(rng.choice((250, 1_000, 4_000)))

    @property
    def is_in_handshake(self) -> bool:
        """Whether the switch has not said that it lets the terminal in: its second frame has not gone out."""
        return self.down.sent <= HANDSHAKE_BYTES_DOWN

    def note(self, event: str, data: bytes = b"") -> None:
        """Note what happened here."""
        self.network.trace.note(f"{self._name} {event}", data)

    def cut(self) -> None:
        """Break it, both ways: what is on its way is lost."""
        if not self.is_cut:
            self.is_cut = True
            self.note("cut")
        for pipe in (self.up, self.down):
            pipe.wake()

    def cut_at(self, moment: float) -> None:
        """Break it when what was sent before has arrived."""
        self.network.later(moment, self.cut)

    def silence(self) -> None:
        """Let both ends believe that it lives, and carry nothing any more."""
        for pipe in (self.up, self.down):
            pipe.is_silent = True


class ServerEnd(trio.abc.Stream):
    """A line as the switch has it."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self._is_open = True

    def _still_open(self) -> bool:
        return self._is_open

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """Send; waits while the peer takes nothing."""
        await self._line.down.wait_free(self._still_open)
        self._line.network.evidence.sent_down(self._line.terminal, bytes(data))
        self._line.down.put(bytes(data))

    async def wait_send_all_might_not_block(self) -> None:
        """Wait until the peer takes something."""
        await self._line.down.wait_free(self._still_open)

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        """Wait for bytes; b"" at the end."""
        return await self._line.up.get(max_bytes or RECEIVE_BYTES_MAX, self._still_open)

    async def aclose(self) -> None:
        """Close: the peer reads what was sent, and the end."""
        if self._is_open:
            self._is_open = False
            self._line.down.end()
            self._line.up.wake()
        await trio.lowlevel.checkpoint()


class ClientEnd:
    """A line as the terminal has it; a `Channel`."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self._is_open = True

    def _still_open(self) -> bool:
        return self._is_open

    async def send(self, data: bytes) -> None:
        """Hand all of `data` to the network."""
        await trio.lowlevel.checkpoint()
        if not self._is_open or self._line.is_cut:
            raise LinkLost("connection lost while sending")
        self._line.network.evidence.sent_up(self._line.terminal, data)
        self._line.up.put(data)

    async def receive(self) -> bytes:
        """Wait for bytes; b"" when the switch has closed."""
        try:
            return await self._line.down.get(RECEIVE_BYTES_MAX, self._still_open)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            raise LinkLost("connection lost") from None

    def close(self) -> None:
        """Close in an orderly way."""
        if self._is_open:
            self._is_open = False
            self._line.up.end()
            self._line.down.wake()

    def abort(self) -> None:
        """Break the line."""
        self._is_open = False
        self._line.cut()


class Entrance:
    """Where lines reach one worker (`switch.wire.stream.Entrance`)."""

    def __init__(self, network: Network, worker: int) -> None:
        self._network = network
        self.worker = worker
        self._came: deque[Line] = deque()
        self._bell = trio.Event()
        self._lines: list[Line] = []

    async def accept(self) -> tuple[trio.abc.Stream, str]:
        """Wait for the next line."""
        while not self._came:
            self._bell = trio.Event()
            await self._bell.wait()
        return ServerEnd(self._came.popleft()), f"world {self.worker}"

    def come(self, line: Line) -> None:
        """Let a line in."""
        self._lines = [each for each in self._lines if not each.is_cut]
        self._lines.append(line)
        self._came.append(line)
        self._bell.set()

    def close(self) -> None:
        """Let nobody in any more; who was not accepted is turned away."""
        self._network.entrances.pop(self, None)
        while self._came:
            self._came.popleft().cut()

    def crash(self, *, silently: bool) -> None:
        """The machine is gone: its lines break, or nobody hears of it."""
        self.close()
        for line in self._lines:
            if silently:
                line.silence()
            else:
                line.cut()


class Network:
    """All lines of one world. `nursery` holds what happens later."""

    def __init__(
        self, rng: random.Random, faults: Faults, evidence: Evidence, trace: Trace, nursery: trio.Nursery
    ) -> None:
        self._rng = rng
        self._newest: dict[int, Line] = {}
        self.evidence = evidence
        self._nursery = nursery
        self._lines = 0
        self.faults = faults
        self.trace = trace
        self.entrances: dict[Entrance, None] = {}

    def open_entrance(self, worker: int) -> Entrance:
        """Return where terminals reach a worker from now on."""
        entrance = Entrance(self, worker)
        self.entrances[entrance] = None
        return entrance

    async def connect(self, terminal: int) -> Channel:
        """Connect a terminal to some worker. Raises CannotConnect."""
        if self.faults.strikes(Fault.CONNECT_LOST):
            await trio.sleep(CONNECT_TIMEOUT_S)
            raise CannotConnect(CannotConnectCause.TIMED_OUT, "the world's network lost it")
        self._lines += 1
        line = Line(self, self._lines, terminal, random.Random(self._rng.getrandbits(64)))
        await trio.sleep(2 * line.latency_s)
        if not self.entrances:
            raise CannotConnect(CannotConnectCause.REFUSED, "no worker listens")
        entrance = self._rng.choice(list(self.entrances))
        line.note(f"reaches worker {entrance.worker}")
        entrance.come(line)
        self._newest[terminal] = line
        return ClientEnd(line)

    def cut_reply(self, terminal: int, after_bytes: int) -> None:
        """What the switch says next to a terminal is cut after so many bytes, and the line with it."""
        if line := self._newest.get(terminal):
            line.down.fault, line.down.fault_at = Fault.LINE_CUT, line.down.sent + after_bytes

    def silence(self, terminal: int) -> None:
        """A terminal is gone, and its line says nothing of that."""
        if line := self._newest.get(terminal):
            line.silence()

    def later(self, moment: float, action: Callable[[], None]) -> None:
        """Do something at a moment of trio's clock."""

        async def wait() -> None:
            await trio.sleep_until(moment)
            action()

        self._nursery.start_soon(wait)
