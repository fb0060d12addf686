"""The way to Postgres over TLS: as the DSN says, and what may stand in it."""

import contextlib
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest
import trio

from ledger.errors import DatabaseMisconfigured, DatabaseUnavailable
from ledger.postgres.database import Connection, open_database
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
    "is silent": (b"S", "does not answer"),
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
