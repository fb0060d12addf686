"""TLS 1.3 in the pump: the same frames inside, however the records are cut; ends that say what they are."""

import contextlib
import socket
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import structlog.testing
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from protocol import Earn, Echo
from switch.flow.operations import OPERATIONS
from switch.wire.pump import PumpedSocket
from switch.wire.tls import UNSENT_BYTES_MAX, TlsSocket
from tests.entries import SWIPED
from tests.patience import HANG_S
from tests.switch.certificates import make_certificate
from tests.switch.memory import CARD, Line, Memory, receive, running_front

ROOMY = {
    "in_flight_per_connection_max": 2_000,
    "in_flight_per_card_max": 2_000,
    "in_flight_max": 10_000,
    "outbox_bytes_max": 4_000_000,
}
TRANSPORTS = pytest.mark.parametrize("use_pump", [True, False])


class TlsStream(trio.abc.Stream):
    """A client's end of TLS over a stream, with its records in the open: `pieces` cuts what is sent."""

    def __init__(self, stream: trio.SocketStream, context: ssl.SSLContext, *, piece_bytes: int = 1_000_000):
        self.stream = stream
        self.piece_bytes = piece_bytes
        self._incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self._incoming, self.outgoing, server_hostname="localhost")

    async def shake_hands(self) -> None:
        while True:
            with contextlib.suppress(ssl.SSLWantReadError):
                self.tls.do_handshake()
                await self.push()
                return
            await self.push()
            self._incoming.write(await self.stream.receive_some(65_536))

    async def push(self) -> None:
        """Send what has been encrypted, in pieces."""
        data = self.outgoing.read()
        for at in range(0, len(data), self.piece_bytes):
            await self.stream.send_all(data[at : at + self.piece_bytes])

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        self.tls.write(data)
        await self.push()

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        """Return what comes; b"" at close_notify. Raises `ssl.SSLEOFError` at an end without."""
        while True:
            try:
                return self.tls.read(max_bytes or 65_536)
            except ssl.SSLZeroReturnError:
                return b""
            except ssl.SSLWantReadError:
                pass
            data = await self.stream.receive_some(65_536)
            if data:
                self._incoming.write(data)
            else:
                self._incoming.write_eof()

    async def wait_send_all_might_not_block(self) -> None:
        raise AssertionError("nobody waits for this one")

    async def aclose(self) -> None:
        await self.stream.aclose()


class Secured:
    """A front that speaks TLS, and a client's context that trusts it."""

    def __init__(self, memory: Memory, context: ssl.SSLContext) -> None:
        self.memory = memory
        self.context = context

    async def line(self, terminal: int = 1, *, piece_bytes: int = 1_000_000) -> Line:
        stream = TlsStream(await self.memory.connect(), self.context, piece_bytes=piece_bytes)
        await stream.shake_hands()
        line = Line(stream, terminal)
        assert await line.sign_in()
        return line


@contextlib.asynccontextmanager
async def secured_front(directory: Path, **settings: object) -> AsyncIterator[Secured]:
    crt, key = make_certificate(directory)
    async with running_front(tls="on", tls_certificate=str(crt), tls_key=str(key), **settings) as memory:  # type: ignore[arg-type]
        yield Secured(memory, ssl.create_default_context(cafile=str(crt)))


def earn(stan: int) -> Earn:
    return Earn(stan=stan, terminal_time=0, card=CARD, entry=SWIPED, amount=1_000)


def tls_of(line: Line) -> TlsStream:
    assert isinstance(line.stream, TlsStream)
    return line.stream


@TRANSPORTS
async def test_the_same_protocol_runs_inside_tls(use_pump: bool, tmp_path: Path) -> None:
    """TLS 1.3 where confidentiality is wanted (SPEC.md, Transport), with the pump and without."""
    async with secured_front(tmp_path, use_pump=use_pump) as secured:
        line = await secured.line()
        assert tls_of(line).tls.version() == "TLSv1.3"
        assert (await line.ask(earn(1))).code == 0
        assert (await line.ask(Echo(stan=2, terminal_time=0))).code == 0


async def test_the_pump_carries_tls_itself(tmp_path: Path) -> None:
    """An authenticated TLS connection is a row of the pump, as a plain one is: it has no task of its own."""
    async with secured_front(tmp_path) as secured:
        await secured.line()
        [connection] = secured.memory.front.connections.snapshot()
        assert isinstance(connection.transport, PumpedSocket)
        assert isinstance(connection.transport.sock, TlsSocket)


async def test_records_may_be_cut_anywhere_and_hold_any_number_of_frames(tmp_path: Path) -> None:
    """Byte by byte from the first of the handshake, and then 40 requests in one record."""
    async with secured_front(tmp_path) as secured:
        line = await secured.line(piece_bytes=1)
        assert (await line.ask(earn(1))).code == 0
        tls_of(line).piece_bytes = 1_000_000
        await line.send(*map(earn, range(2, 42)))
        assert [(await line.reply()).stan for _ in range(40)] == list(range(2, 42))


async def test_reads_of_half_a_record_are_paid_for(tmp_path: Path, mock_clock: MockClock) -> None:
    """A record sent byte by byte is read byte by byte: work without a request, which the allowance bounds."""
    async with secured_front(tmp_path) as secured:
        line = await secured.line()
        [connection] = secured.memory.front.connections.snapshot()
        before = connection.allowance.debt(trio.current_time())
        stream = tls_of(line)
        stream.tls.write(line.session.seal(Echo(stan=1, terminal_time=0)))
        record = stream.outgoing.read()
        for at in range(len(record)):
            await stream.stream.send_all(record[at : at + 1])
            await wait_all_tasks_blocked(0.001)
        assert (await line.reply()).stan == 1
        assert (
            connection.allowance.debt(trio.current_time())
            == before + len(record) - 1 + OPERATIONS[Echo].price
        )


async def test_replies_wait_for_a_slow_peer_and_none_is_lost(tmp_path: Path) -> None:
    """What the socket does not take is kept, encrypted once, and goes out in order when it does."""
    async with secured_front(tmp_path, **ROOMY) as secured:
        memory = secured.memory
        sock = trio.socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2_048)
        await sock.connect(("127.0.0.1", memory.port))
        stream = TlsStream(trio.SocketStream(sock), secured.context)
        memory.streams.append(stream.stream)
        await stream.shake_hands()
        line = Line(stream)
        assert await line.sign_in()
        memory.ledger.automatic = False
        count = 1_500
        for first in range(1, count, 50):
            await line.send(*map(earn, range(first, first + 50)))
        with trio.fail_after(HANG_S):
            while len(memory.ledger.waiting) < count:
                await trio.lowlevel.checkpoint()
        [connection] = memory.front.connections.snapshot()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2_048)
        memory.ledger.commit()
        assert connection.write_since is not None
        with trio.fail_after(HANG_S):
            assert [(await line.reply()).stan for _ in range(count)] == list(range(1, count + 1))
            await wait_all_tasks_blocked(0.01)
        assert connection.write_since is None
        assert (await line.ask(Echo(stan=count + 1, terminal_time=0))).code == 0


@pytest.mark.parametrize("says_so", [True, False])
async def test_a_peer_that_has_sent_all_still_gets_its_replies(says_so: bool, tmp_path: Path) -> None:
    """close_notify or FIN in the same breath as requests: they are answered, then the switch says its end."""
    async with secured_front(tmp_path) as secured:
        memory = secured.memory
        memory.ledger.automatic = False
        line = await secured.line()
        stream = tls_of(line)
        stream.tls.write(b"".join(map(line.session.seal, map(earn, (1, 2, 3)))))
        if says_so:
            with contextlib.suppress(ssl.SSLWantReadError):
                stream.tls.unwrap()
            await stream.push()
        else:
            await stream.push()
            await stream.stream.send_eof()
        with trio.fail_after(HANG_S):
            while len(memory.ledger.waiting) < 3:
                await trio.lowlevel.checkpoint()
            await wait_all_tasks_blocked(0.01)
            assert len(memory.front.connections) == 1
            memory.ledger.commit()
            assert [(await line.reply()).stan for _ in range(3)] == [1, 2, 3]
            assert await stream.receive_some() == b""  # close_notify, not a cut
        assert memory.meters.closes == {"peer_closed": 1}


async def test_the_switch_says_the_end(tmp_path: Path) -> None:
    """Where the switch closes, close_notify goes before: the peer can tell it from a cut line."""
    async with secured_front(tmp_path) as secured:
        line = await secured.line()
        secured.memory.front.connections.close_terminal(1, "terminal_blocked")
        assert await tls_of(line).receive_some() == b""


async def test_a_damaged_record_closes_and_is_told(tmp_path: Path) -> None:
    """A fault of TLS has a reason of its own, and what OpenSSL says of it is in the operator's log."""
    async with secured_front(tmp_path) as secured:
        line = await secured.line()
        with structlog.testing.capture_logs() as lines:
            await tls_of(line).stream.send_all(b"\x17\x03\x03\x00\x20" + bytes(32))
            with contextlib.suppress(ssl.SSLError):
                while await tls_of(line).receive_some():
                    pass
        assert secured.memory.meters.closes == {"tls": 1}
        [fault] = [line for line in lines if line["event"] == "peer_fault"]
        assert (fault["terminal"], fault["reason"]) == (1, "tls")
        assert fault["problem"]


async def faults_of(memory: Memory, hello: bytes) -> list[tuple[str, str | None]]:
    """Send this and wait for the end; return reason and problem of each line in the log."""
    with structlog.testing.capture_logs() as lines:
        stream = await memory.connect()
        await stream.send_all(hello)
        while await receive(stream):
            pass
        await wait_all_tasks_blocked(0.01)
    return [(line["reason"], line.get("problem")) for line in lines if line["event"] == "handshake_failed"]


def client_hello(**versions: ssl.TLSVersion) -> bytes:
    context = ssl.create_default_context()
    for name, version in versions.items():
        setattr(context, name, version)
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    with contextlib.suppress(ssl.SSLWantReadError):
        context.wrap_bio(incoming, outgoing, server_hostname="localhost").do_handshake()
    return outgoing.read()


async def test_plain_bytes_on_a_tls_port_are_called_so(tmp_path: Path) -> None:
    """A terminal set to plain TCP: the operator reads the cause, the terminal gets nothing."""
    async with secured_front(tmp_path) as secured:
        hello = Line(await secured.memory.connect()).session.data_to_send()
        assert await faults_of(secured.memory, hello) == [("plain_on_tls_port", None)]
        assert secured.memory.meters.handshakes == {"plain_on_tls_port": 1}


async def test_tls_on_a_plain_port_is_called_so() -> None:
    """A terminal set to TLS where the switch speaks plainly."""
    async with running_front() as memory:
        assert await faults_of(memory, client_hello()) == [("tls_on_plain_port", None)]
        assert memory.meters.handshakes == {"tls_on_plain_port": 1}


async def test_an_older_tls_is_refused_by_name(tmp_path: Path) -> None:
    """Only 1.3 is spoken, and the log says what the peer offered less."""
    async with secured_front(tmp_path) as secured:
        old = client_hello(maximum_version=ssl.TLSVersion.TLSv1_2)
        assert await faults_of(secured.memory, old) == [("tls", "UNSUPPORTED_PROTOCOL")]


def test_what_waits_for_a_peer_that_does_not_read_has_a_bound(tmp_path: Path) -> None:
    """One that makes the switch's TLS write, and reads none of it, is ended past the bound; not before."""
    crt, key = make_certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(crt, key)
    for waiting, is_ended in ((0, False), (UNSENT_BYTES_MAX, True)):
        ours, theirs = socket.socketpair()
        with ours, theirs:
            ours.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                while True:
                    ours.send(b"x" * 65_536)  # the line takes no more
            tls = TlsSocket(ours, context)
            tls.unsent = b"x" * waiting
            theirs.sendall(client_hello())
            with pytest.raises(ConnectionAbortedError if is_ended else BlockingIOError):
                tls.recv(65_536)
            assert len(tls.unsent) > waiting  # the answer to the hello stands behind it
