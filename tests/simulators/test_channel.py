"""Addresses and real sockets: what a cashier is told when there is no connection."""

import socket
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path

import pytest
import trio
import trio.lowlevel
import trio.testing
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from simulators.errors import CannotConnect, CannotConnectCause, LinkLost
from simulators.till.channel import Address, SocketChannel, connector


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("switch.example", Address("switch.example")),
        ("switch.example:7071", Address("switch.example", 7071)),
        ("tcp://127.0.0.1:1", Address("127.0.0.1", 1)),
        ("tls://switch.example:443", Address("switch.example", 443, tls=True)),
        ("[::1]", Address("::1")),
        ("tls://[::1]:65535", Address("::1", 65535, tls=True)),
    ],
)
def test_addresses_are_read(text: str, expected: Address) -> None:
    """Host, port and scheme, each optional but the host; printing gives it back."""
    address = Address.parse(text)
    assert address == expected
    assert Address.parse(str(address)) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        ":7070",
        "host:",
        "[::1]:",
        "http://h",
        "host:0",
        "host:65536",
        "host:x",
        "[::1",
        "[::1]x",
        "host:７",
    ],
)
def test_wrong_addresses_are_refused_readably(text: str) -> None:
    """A typing error is a ValueError that shows what was typed."""
    with pytest.raises(ValueError, match="address"):
        Address.parse(text)


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        listening.setblocking(False)
        yield listening


def address_of(listening: socket.socket) -> Address:
    return Address("127.0.0.1", listening.getsockname()[1])


async def accepted(listening: socket.socket) -> socket.socket:
    await trio.lowlevel.wait_readable(listening)
    return listening.accept()[0]


async def test_bytes_go_both_ways_and_an_end_is_seen(listener: socket.socket) -> None:
    """A plain channel over loopback; b"" when the other side has closed."""
    channel = await connector(address_of(listener))()
    with await accepted(listener) as peer:
        peer.setblocking(True)
        await channel.send(b"question")
        assert await trio.to_thread.run_sync(peer.recv, 100) == b"question"
        peer.sendall(b"answer")
        assert await channel.receive() == b"answer"
    assert await channel.receive() == b""
    channel.close()
    channel.close()
    for _ in range(2):
        with pytest.raises(LinkLost):
            await channel.receive()
        with pytest.raises(LinkLost):
            await channel.send(b"late")


async def test_a_large_message_waits_for_room(listener: socket.socket) -> None:
    """More than the kernel takes at once is sent in parts."""
    channel = await connector(address_of(listener))()
    data = bytes(range(256)) * 40_000
    with await accepted(listener) as peer:
        peer.setblocking(True)

        def read_all() -> bytes:
            parts = []
            while part := peer.recv(1 << 20):
                parts.append(part)
            return b"".join(parts)

        async with trio.open_nursery() as nursery:

            async def send_and_close() -> None:
                await channel.send(data)
                channel.close()

            nursery.start_soon(send_and_close)
            assert await trio.to_thread.run_sync(read_all) == data


async def test_a_reset_is_a_lost_link(listener: socket.socket) -> None:
    """`abort` resets the line, and the side that meets it gets LinkLost, not an OSError."""
    channel = await connector(address_of(listener))()
    peer = await accepted(listener)
    peer.setblocking(False)
    other = SocketChannel(peer)
    channel.abort()
    with pytest.raises(LinkLost):
        await other.receive()
    other.close()


async def test_nobody_listening_is_refused() -> None:
    """A closed port says so at once."""
    with socket.socket() as kept:  # bound, so that nobody else listens there meanwhile
        kept.bind(("127.0.0.1", 0))
        with pytest.raises(CannotConnect, match="refused") as failure:
            await connector(address_of(kept))()
    assert failure.value.cause is CannotConnectCause.REFUSED


async def test_an_unknown_host_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name nobody knows is told apart from a switch that is down."""

    async def fails(*_: object, **__: object) -> list[object]:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(trio.socket, "getaddrinfo", fails)
    with pytest.raises(CannotConnect, match="nowhere") as failure:
        await connector(Address("nowhere"))()
    assert failure.value.cause is CannotConnectCause.NAME_UNKNOWN


async def test_connecting_has_a_deadline(
    monkeypatch: pytest.MonkeyPatch, autojump_clock: trio.testing.MockClock
) -> None:
    """A host that swallows packets is given up after the deadline."""

    async def hangs(*_: object, **__: object) -> list[object]:
        await trio.sleep_forever()
        return []

    monkeypatch.setattr(trio.socket, "getaddrinfo", hangs)
    with pytest.raises(CannotConnect, match="within 3 s") as failure:
        await connector(Address("127.0.0.1"), timeout_s=3)()
    assert failure.value.cause is CannotConnectCause.TIMED_OUT


async def test_a_plain_switch_behind_a_tls_address_is_told(listener: socket.socket) -> None:
    """TLS spoken to a plain port fails as TLS, and the socket is closed."""
    address = Address("127.0.0.1", address_of(listener).port, tls=True)

    async def answer_plainly() -> None:
        with await accepted(listener) as peer:
            peer.setblocking(False)
            await trio.lowlevel.wait_readable(peer)
            peer.send(b"no TLS here" * 10)
            await trio.lowlevel.checkpoint()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(answer_plainly)
        with pytest.raises(CannotConnect) as failure:
            await connector(address)()
    assert failure.value.cause is CannotConnectCause.TLS


def test_a_missing_ca_file_is_the_callers_mistake(tmp_path: Path) -> None:
    """It is found when the connector is made, not at the first sale."""
    with pytest.raises(OSError, match="No such file"):
        connector(Address("127.0.0.1", tls=True, ca_file=tmp_path / "missing.pem"))


def self_signed(directory: Path) -> tuple[Path, Path]:
    """Write a certificate for 127.0.0.1 and its key; return their paths."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "switch")])
    now = datetime.now(UTC)
    alternative = x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(alternative, critical=False)
        .sign(key, hashes.SHA256())
    )
    (directory / "switch.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (directory / "switch.key").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return directory / "switch.pem", directory / "switch.key"


async def test_tls_carries_a_channel_and_checks_the_certificate(
    listener: socket.socket, tmp_path: Path
) -> None:
    """With the right authority bytes go both ways; with another the connection is refused as TLS."""
    certificate, key = self_signed(tmp_path)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(certificate, key)
    port = address_of(listener).port

    async def echo_once() -> None:
        plain = await accepted(listener)
        plain.setblocking(False)
        carried = trio.SocketStream(trio.socket.from_stdlib_socket(plain))
        stream = trio.SSLStream(carried, server, server_side=True, https_compatible=True)
        try:
            await stream.send_all(await stream.receive_some(100))
        except trio.BrokenResourceError:
            pass
        finally:
            await trio.aclose_forcefully(stream)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(echo_once)
        channel = await connector(Address("127.0.0.1", port, tls=True, ca_file=certificate))()
        await channel.send(b"hello")
        assert await channel.receive() == b"hello"
        channel.abort()
        with pytest.raises(LinkLost):
            await channel.send(b"late")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(echo_once)
        with pytest.raises(CannotConnect, match="TLS failed") as failure:
            await connector(Address("127.0.0.1", port, tls=True))()
        assert failure.value.cause is CannotConnectCause.TLS
