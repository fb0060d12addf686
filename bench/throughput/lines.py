"""One connection of a load generator: sends sealed frames, counts replies, reads their codes.

Owns a non-blocking socket and how far it has come in its block of frames. Must not know when a request is
due. The checks: on some connections every reply goes through the sans-I/O session, tag and all; on the others
the shape of the frame is checked and the result code read where it stands, which costs a tenth. Invariant:
`answered` never exceeds what was sent; a reply that is not one raises `LoadFailed`.
"""

from __future__ import annotations

from typing import Final

from bench.throughput.load_order import Asks, Load
from bench.throughput.requests import draws
from bench.throughput.sealing import (
    Block,
    Connect,
    LoadFailed,
    Socket,
    connect,
    population_of,
    shake_hands,
    unconnected_session,
)
from bench.throughput.tls_files import TlsConnection
from bench.throughput.towns import towns
from protocol import (
    REPLY_BIT,
    Balance,
    BenefitUse,
    ClientSession,
    Earn,
    ProtocolError,
    TransactionReply,
    Verify,
    VerifyReply,
)
from protocol.limits import HEADER_SIZE, LENGTH_SIZE
from protocol.messages import TYPE_OF

READ_BYTES_MAX: Final = 65_536
_REPLY_HEADS: Final[dict[Asks, bytes]] = {
    **dict.fromkeys(("earn", "repeat", "declined"), bytes([TYPE_OF[Earn] | REPLY_BIT]) + b"\x9b\xce"),
    "balance": bytes([TYPE_OF[Balance] | REPLY_BIT]) + b"\x9b\xce",
    **dict.fromkeys(
        ("benefit", "verified benefit", "cities"), bytes([TYPE_OF[BenefitUse] | REPLY_BIT]) + b"\x9b\xce"
    ),
}
"""Type byte of the reply, an array of eleven fields, and a STAN in five bytes."""
_OTHER_HEADS: Final[dict[Asks, frozenset[bytes]]] = {
    "verified benefit": frozenset({bytes([TYPE_OF[Verify] | REPLY_BIT]) + b"\x97\xce"}),
    "cities": frozenset({_REPLY_HEADS["earn"]}),
}
"""How other replies of a load may begin; one to VERIFY has seven fields."""
_TYPE_AT: Final = 3
_STAN_AT: Final = HEADER_SIZE + 2
_CODE_AT: Final = _STAN_AT + 4


class LoadLine:
    """A connection to the switch, or one that speaks as it does; replies are checked by their shape."""

    def __init__(self, sock: Socket, block: Block, asks: Asks = "earn") -> None:
        sock.setblocking(False)
        self._reply_head = _REPLY_HEADS[asks]
        self._other_heads = _OTHER_HEADS.get(asks, frozenset())
        self.sock = sock
        self.fd = sock.fileno()
        self._recv = sock.recv
        self._send = sock.send_wrapped if isinstance(sock, TlsConnection) else sock.send
        self._block = block
        self._frame_bytes = block.frame_bytes
        self._sent_bytes = 0
        self._due_bytes = 0
        self.answered = 0
        self.verified = 0
        self.sealed_late = 0
        self.stans: list[int] | None = None
        """Set to a list, it collects the STANs of the purchases approved (open loop)."""
        self._rest = b""

    @property
    def sent(self) -> int:
        """Requests handed to `send` so far."""
        return self._due_bytes // self._frame_bytes

    @property
    def is_behind(self) -> bool:
        """Whether the socket has not taken all that is due."""
        return self._sent_bytes < self._due_bytes

    def send(self, count: int) -> bool:
        """Send the next `count` requests; return whether the socket took them all."""
        self._due_bytes += count * self._frame_bytes
        while self._due_bytes > len(self._block.data):
            more = max(64, count)
            self.sealed_late += more
            self._block.grow(more)
        return self.flush()

    def flush(self) -> bool:
        """Write what is due, as far as the socket takes it; return whether that was all."""
        try:
            self._sent_bytes += self._send(self._block.data[self._sent_bytes : self._due_bytes])
        except BlockingIOError:
            return False
        except OSError as error:
            raise LoadFailed(f"a connection broke: {error}") from None
        return self._sent_bytes == self._due_bytes

    def receive(self, codes: dict[int, int]) -> int:
        """Read once; return how many replies that completed, their codes other than 0 counted in `codes`."""
        try:
            data = self._recv(READ_BYTES_MAX)
        except BlockingIOError:
            return 0
        except OSError as error:
            raise LoadFailed(f"a connection broke: {error}") from None
        if not data:
            raise LoadFailed("the server closed a connection")
        count = self._take(data, codes)
        self.answered += count
        return count

    def _take(self, data: bytes, codes: dict[int, int]) -> int:
        """Count the replies that end in `data`, checking their shape."""
        if self._rest:
            data = self._rest + data
        size, head = len(data), self._reply_head
        at = count = 0
        while size - at >= LENGTH_SIZE:
            end = at + LENGTH_SIZE + (data[at] << 8 | data[at + 1])
            if end > size:
                break
            began = data[at + _TYPE_AT : at + _STAN_AT]
            if began != head and began not in self._other_heads:
                raise LoadFailed(f"not the reply to such a request: {data[at:end].hex()}")
            if code := data[at + _CODE_AT]:
                codes[code] = codes.get(code, 0) + 1
            elif self.stans is not None:
                self.stans.append(int.from_bytes(data[at + _STAN_AT : at + _CODE_AT], "big"))
            count += 1
            at = end
        self._rest = data[at:]
        return count

    def close(self) -> None:
        """Close the socket."""
        self.sock.close()


class VerifiedLine(LoadLine):
    """A connection on which every reply goes through the session: order, tag, decoding."""

    def __init__(self, sock: Socket, block: Block, session: ClientSession) -> None:
        super().__init__(sock, block)
        self._session = session

    def _take(self, data: bytes, codes: dict[int, int]) -> int:
        try:
            received = self._session.receive(data)
        except ProtocolError as error:
            raise LoadFailed(f"a reply is not right: {error}") from None
        for reply in received:
            message = reply.message
            if not isinstance(message, TransactionReply | VerifyReply):
                raise LoadFailed(f"not the reply to a purchase: {message}")
            if message.code:
                codes[message.code] = codes.get(message.code, 0) + 1
            elif self.stans is not None:
                self.stans.append(message.stan)
        self.verified += len(received)
        return len(received)


class EchoLine(LoadLine):
    """A connection to an echo server: what comes back must be, byte for byte, what was sent."""

    def __init__(self, sock: Socket, block: Block, *, is_verified: bool) -> None:
        super().__init__(sock, block)
        self._is_verified = is_verified
        self._came_bytes = 0

    def _take(self, data: bytes, codes: dict[int, int]) -> int:
        before = self._came_bytes // self._frame_bytes
        end = self._came_bytes + len(data)
        if end > self._sent_bytes or (self._is_verified and data != self._block.data[self._came_bytes : end]):
            raise LoadFailed("what came back is not what was sent")
        self._came_bytes = end
        count = end // self._frame_bytes - before
        self.verified += count if self._is_verified else 0
        return count


def open_lines(load: Load, connect: Connect = connect) -> list[LoadLine]:
    """Connect and authenticate all terminals of an order and seal their frames. Raises `LoadFailed`."""
    population = population_of(load)
    cities = towns(population) if load.asks == "cities" else (population,)
    draw_of = draws(load, population)
    lines: list[LoadLine] = []
    for number in range(load.terminals):
        city, index = cities[number % len(cities)], load.terminal_first + number // len(cities)
        terminal, key = city.terminal_id(index), city.terminal_key(index)
        is_verified = number % load.verified_every == 0
        sock = connect(load.host, load.port)
        if load.speaks == "echo":
            session = unconnected_session(terminal, key)
            block = Block(session, draw_of(number), load.stan_first, load.sealed_ahead)
            lines.append(EchoLine(sock, block, is_verified=is_verified))
            continue
        session = shake_hands(sock, terminal, key)
        wrap = sock.wrap if isinstance(sock, TlsConnection) else bytes
        block = Block(session, draw_of(number), load.stan_first, load.sealed_ahead, wrap)
        lines.append(VerifiedLine(sock, block, session) if is_verified else LoadLine(sock, block, load.asks))
    return lines
