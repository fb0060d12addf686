"""The way to Postgres over TLS: as the DSN says, and what may stand in it."""

import contextlib
import gc
import random
import signal
import ssl
import struct
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest
import trio

from ledger.errors import DatabaseMisconfigured, DatabaseUnavailable
from ledger.postgres.database import Connection, open_database
from ledger.postgres.encryption import Encryption
from ledger.postgres.wire import Wire
from tests.debian_postgres import DebianPostgres
from tests.patience import HANG_S
from tests.switch.certificates import make_certificate
from tests.tls_postgres import is_encrypted, tls_dsn, tls_postgres


@pytest.fixture(scope="module")
def tls_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DebianPostgres]:
    with tls_postgres(tmp_path_factory.mktemp("tls")) as server:
        yield server


async def test_whether_it_is_over_tls_is_as_the_dsn_says(tls_server: DebianPostgres) -> None:
    """prefer, of which nothing has to be said, takes TLS where the server has it; disable does not."""
    assert await is_encrypted(tls_dsn(tls_server))
    assert await is_encrypted(tls_dsn(tls_server, sslmode="require"))
    assert not await is_encrypted(tls_dsn(tls_server, sslmode="disable"))


async def test_a_certificate_is_looked_at_where_the_dsn_says_so(
    tls_server: DebianPostgres, tmp_path: Path
) -> None:
    """verify-full takes the one that is trusted under its name, and no other; the refusal says why."""
    trusted = str(tls_server.archive / "tls.crt")
    full = {"sslmode": "verify-full", "sslrootcert": trusted}
    assert await is_encrypted(tls_dsn(tls_server, "localhost", **full))
    with pytest.raises(DatabaseMisconfigured, match="certificate"):
        await is_encrypted(tls_dsn(tls_server, "127.0.0.1", **full))
    another, _ = make_certificate(tmp_path)
    with pytest.raises(DatabaseMisconfigured, match="certificate"):
        await is_encrypted(tls_dsn(tls_server, "localhost", sslmode="verify-full", sslrootcert=str(another)))


@asynccontextmanager
async def front(handle: Callable[[trio.SocketStream], Awaitable[None]]) -> AsyncIterator[int]:
    """A server on loopback that does so with each connection; yields its port."""
    async with trio.open_nursery() as nursery:
        listeners = await nursery.start(partial(trio.serve_tcp, handle, 0, host="127.0.0.1"))
        yield listeners[0].socket.getsockname()[1]
        nursery.cancel_scope.cancel()


ANSWERS = {
    "has none": (b"N", "rejected SSL"),
    "speaks before it is encrypted": (b"E" + bytes(8), "during SSL exchange"),
    "speaks no TLS": (b"S", "WRONG_VERSION_NUMBER|wrong version number"),
    "hangs up": (b"S", "hung up on the handshake|reset"),
    "is silent": (b"S", "TimeoutError|timed out"),
}


@pytest.mark.parametrize("how", ANSWERS)
async def test_a_server_with_no_tls_where_it_is_required(how: str) -> None:
    """Refused or given up within the time for it, in words; nothing is sent to it unencrypted."""
    heard: list[bytes] = []
    answer, word = ANSWERS[how]

    async def handle(stream: trio.SocketStream) -> None:
        heard.append(await stream.receive_some(8))
        await stream.send_all(answer)
        if how == "hangs up":
            await stream.aclose()
            return
        heard.append(await stream.receive_some(5))
        if how == "speaks no TLS":
            await stream.send_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await trio.sleep_forever()

    async with front(handle) as port:
        with trio.fail_after(HANG_S), pytest.raises(DatabaseUnavailable, match=word):
            await is_encrypted(f"postgresql://u:secret@127.0.0.1:{port}/x?sslmode=require&connect_timeout=1")
    assert heard[0] == struct.pack("!ii", 8, 80877103)
    assert all(data[:2] in (b"", b"\x16\x03") for data in heard[1:])


@pytest.mark.parametrize("is_direct", [False, True], ids=["asked for", "direct"])
async def test_what_nobody_sealed_ends_the_connection(
    tls_server: DebianPostgres, tmp_path: Path, is_direct: bool
) -> None:
    """Something on the way puts in bytes of its own: unknown, none of it is taken, the next job has another
    connection. Servers of Postgres 17 may be spoken to in TLS from the first byte (sslnegotiation=direct).
    """
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*make_certificate(tmp_path))
    context.set_alpn_protocols(["postgresql"])
    streams: list[trio.SSLStream[trio.SocketStream]] = []

    async def carry(source: trio.abc.ReceiveStream, sink: trio.abc.SendStream) -> None:
        with contextlib.suppress(trio.BrokenResourceError, trio.ClosedResourceError):
            async for data in source:
                await sink.send_all(data)

    async def handle(stream: trio.SocketStream) -> None:
        if not is_direct:
            await stream.receive_some(8)
            await stream.send_all(b"S")
        outer = trio.SSLStream(stream, context, server_side=True)
        streams.append(outer)
        async with (
            trio.open_nursery() as nursery,
            await trio.open_tcp_stream("127.0.0.1", tls_server.port) as inner,
        ):
            nursery.start_soon(carry, inner, outer)
            await carry(outer, inner)
            nursery.cancel_scope.cancel()

    negotiation = "direct" if is_direct else "postgres"
    async with front(handle) as port:
        dsn = tls_dsn(tls_server._replace(port=port), sslmode="require", sslnegotiation=negotiation)
        async with open_database(dsn) as database:
            session = database.session()
            assert await session.run(lambda c: c.fetchval("select 1")) == 1

            async def job(connection: Connection) -> None:
                raw = streams[-1].transport_stream
                trio.lowlevel.spawn_system_task(raw.send_all, b"\x17\x03\x03\x00\x20" + bytes(32))
                await connection.execute("select pg_sleep(60)")

            with trio.fail_after(HANG_S), pytest.raises(DatabaseUnavailable):
                await session.run(job, timeout_s=None)
            assert await session.run(lambda c: c.fetchval("select 2")) == 2
            assert (session.connects, len(streams)) == (2, 2)


SAYS = """
import socket, sys
listener, kept, said = socket.create_server(("127.0.0.1", 0)), [], sys.argv[1]
print(listener.getsockname()[1], flush=True)
while True:
    connection, _ = listener.accept()
    kept = [*kept[-50:], connection]
    if said == "banner":
        connection.sendall(b"SSH-2.0-OpenSSH_9.2\\r\\n")
    elif connection.recv(8):
        connection.sendall(said.encode())
"""


@contextmanager
def strange_server(program: str, *arguments: str) -> Iterator[int]:
    """A process that does so; yields its port, which it says first."""
    command = [sys.executable, "-c", program, *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            yield int(server.stdout.readline())
        finally:
            server.kill()


async def test_a_server_that_speaks_before_it_is_spoken_to() -> None:
    """Where TLS is spoken from the first byte: told each time, whatever comes first."""
    with strange_server(SAYS, "banner") as port:
        dsn = f"postgresql://u@127.0.0.1:{port}/x?sslmode=require&sslnegotiation=direct"
        async with open_database(dsn) as database:
            for _ in range(100):
                session = database.session()
                with trio.fail_after(HANG_S), pytest.raises(DatabaseUnavailable):
                    await session.run(lambda c: c.fetchval("select 1"))


@pytest.mark.parametrize(("said", "mode"), [("S", "require"), ("N", "prefer"), ("N", "disable")])
async def test_who_is_cancelled_while_it_connects_ends_nobody_else(said: str, mode: str) -> None:
    """At whatever moment: nothing is left that fails the whole program."""
    moments = random.Random(1)
    with strange_server(SAYS, said) as port:
        async with open_database(f"postgresql://u@127.0.0.1:{port}/x?sslmode={mode}") as database:
            for _ in range(150):
                session = database.session()
                with trio.move_on_after(moments.random() * 0.004) as scope:
                    await session.run(lambda c: c.fetchval("select 1"))
                assert scope.cancelled_caught
            await trio.sleep(0.01)
            gc.collect()  # a future that nobody read is told of as it goes
            await trio.sleep(0.01)


CONNECTS = """
import sys, trio
from ledger.postgres.database import open_database
async def main():
    async with open_database(sys.argv[1]) as database:
        while True:
            session = database.session()
            await session.run(lambda c: c.fetchval("select 1"))
            session.terminate()
            print("connected", flush=True)
trio.run(main, restrict_keyboard_interrupt_to_checkpoints=True)  # as a command is run
"""


def test_ctrl_c_while_it_connects(tls_server: DebianPostgres) -> None:
    """Whoever interrupts is heard, at whatever moment of it."""
    dsn, moments = tls_dsn(tls_server, sslmode="require"), random.Random(2)
    for _ in range(4):
        command = [sys.executable, "-c", CONNECTS, dsn]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            try:
                assert process.stdout is not None
                assert process.stdout.readline() == "connected\n"
                time.sleep(moments.random() * 0.02)
                process.send_signal(signal.SIGINT)
                _, told = process.communicate(timeout=HANG_S)
            finally:
                process.kill()
        assert "KeyboardInterrupt" in told


REFUSES = """
import socket, ssl, sys
context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=sys.argv[1])
context.load_cert_chain(sys.argv[1], sys.argv[2])
context.verify_mode = ssl.CERT_REQUIRED
listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
connection, _ = listener.accept()
connection.recv(8)
connection.sendall(b"S")
raw = connection.dup()
try:
    context.wrap_socket(connection, server_side=True)
except ssl.SSLError:
    raw.shutdown(socket.SHUT_WR)
    while raw.recv(4096):  # what is not read would take the alert with it
        pass
"""


async def test_why_tls_ended_after_the_handshake_is_kept(tmp_path: Path) -> None:
    """A server that wants a certificate says so when this end has shaken hands (RFC 8446, 4.4.2.4)."""
    certificate, key = map(str, make_certificate(tmp_path))
    with strange_server(REFUSES, certificate, key) as port, pytest.raises(DatabaseUnavailable) as found:
        await is_encrypted(f"postgresql://u@127.0.0.1:{port}/x?sslmode=require")
    chain: list[BaseException] = [found.value]
    while (cause := chain[-1].__cause__ or chain[-1].__context__) is not None:
        chain.append(cause)
    assert any(isinstance(each, ssl.SSLError) for each in chain), chain


class Beneath:
    """A transport that keeps what it is to send."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []

    def write(self, data: bytes) -> None:
        self.sent.append(bytes(data))


class Renegotiating(Encryption):
    """TLS whose peer wants more than its answer read."""

    def __init__(self) -> None:
        pass

    def opened(self, data: bytes) -> bytes:
        return data.upper()

    def outgoing(self) -> bytes:
        return b"what TLS says by itself"


def test_what_tls_itself_has_to_say_is_sent() -> None:
    """As an answer to what was read, with nothing else to be sent."""
    heard: list[bytes] = []
    wire = Wire(SimpleNamespace(data_received=heard.append))
    wire.beneath = beneath = Beneath()
    wire._encryption = Renegotiating()
    wire.data_received(b"ready")
    assert (heard, beneath.sent) == ([b"READY"], [b"what TLS says by itself"])
