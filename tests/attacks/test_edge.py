"""What knocks at the wrong door or lies at the right one: PROXY headers, other protocols, broken TLS."""

import contextlib
import ssl
import struct
from pathlib import Path

import pytest
import structlog.testing
import trio

from protocol import Echo
from tests.patience import HANG_S
from tests.switch.certificates import make_certificate
from tests.switch.memory import Line, Memory, receive, running_front
from tests.switch.test_tls import TlsStream, client_hello

TRANSPORTS = pytest.mark.parametrize("use_pump", [True, False])
CLAIMED = "203.0.113.7"
V2 = b"\r\n\r\n\0\r\nQUIT\n"
ADDRESSES = bytes([203, 0, 113, 7, 192, 0, 2, 1]) + struct.pack(">HH", 5_000, 7_070)
PROXY_HEADERS = {
    "v1": f"PROXY TCP4 {CLAIMED} 192.0.2.1 5000 7070\r\n".encode(),
    "v1 over IPv6": b"PROXY TCP6 2001:db8::7 2001:db8::1 5000 7070\r\n",
    "v1 unknown": b"PROXY UNKNOWN\r\n",
    "v1 without an end": b"PROXY " + b"9" * 200,
    "v2": V2 + b"\x21\x11" + struct.pack(">H", len(ADDRESSES)) + ADDRESSES,
    "v2 local": V2 + b"\x20\x00\x00\x00",
    "v2 of 65535 bytes": V2 + b"\x21\x11\xff\xff" + ADDRESSES,
}
OTHERS = {
    "HTTP": b"GET / HTTP/1.1\r\nX-Forwarded-For: 203.0.113.7\r\n\r\n",
    "SSH": b"SSH-2.0-OpenSSH_9.2\r\n",
    "Postgres": b"\x00\x00\x00\x08\x04\xd2\x16\x2f",
    "ISO 8583 with its length": b"\x00\x3c0800822000000000000004000000000000001126120000000001001",
    "SMB": b"\x00\x00\x00\x2f\xffSMB\x72",
    "SOCKS": b"\x05\x01\x00",
    "zeros": bytes(64),
    "all ones": b"\xff" * 64,
}


async def ends(memory: Memory, data: bytes, source: str = "127.0.0.5") -> None:
    """Send this from an address, end it, and wait until the switch has ended it, too."""
    stream = await memory.connect(source)
    with contextlib.suppress(trio.BrokenResourceError):
        await stream.send_all(data)
    with contextlib.suppress(trio.BrokenResourceError, OSError):
        await stream.send_eof()
    with trio.fail_after(HANG_S):
        while await receive(stream):
            pass
    await stream.aclose()


async def told(memory: Memory, attempts: int) -> None:
    """Wait until so many handshakes have been counted."""
    with trio.fail_after(HANG_S):
        while memory.meters.handshakes.total() < attempts:
            await trio.lowlevel.checkpoint()


@TRANSPORTS
@pytest.mark.parametrize("header", PROXY_HEADERS)
async def test_a_proxy_header_is_believed_nowhere(use_pump: bool, header: str) -> None:
    """It is no frame, so the line ends; the log has the address the bytes came from, not one they name."""
    async with running_front(use_pump=use_pump) as memory:
        hello = Line(await memory.connect()).session.data_to_send()
        with structlog.testing.capture_logs() as lines:
            await ends(memory, PROXY_HEADERS[header] + hello)
            await told(memory, 1)
        assert memory.meters.handshakes == {"frame_size": 1}
        assert [line["source"] for line in lines if line["event"] == "handshake_failed"] == ["127.0.0.5"]
        assert CLAIMED not in str(lines)


@TRANSPORTS
async def test_other_protocols_end_at_once_and_leave_the_door_open(use_pump: bool) -> None:
    """Whatever else is spoken to the port: an end, one count each, and the next terminal comes in."""
    async with running_front(use_pump=use_pump) as memory:
        for data in OTHERS.values():
            await ends(memory, data)
        await told(memory, len(OTHERS))
        assert memory.meters.handshakes.total() == len(OTHERS)
        assert set(memory.meters.handshakes) <= {"frame_size", "version", "peer_closed", "type"}
        assert memory.front.doorway.half_open == 0
        line = Line(await memory.connect())
        assert await line.sign_in()
        assert (await line.ask(Echo(stan=1, terminal_time=0))).code == 0


def record(kind: int, data: bytes, *, length: int | None = None) -> bytes:
    """Return a plain TLS record, which may lie about its length."""
    return struct.pack(">BHH", kind, 0x0303, len(data) if length is None else length) + data


def hostile_tls() -> dict[str, bytes]:
    """What a client may send that is no TLS, or stops being it."""
    hello = client_hello()
    handshake = hello[5:]
    return {
        "TLS 1.2 at most": client_hello(maximum_version=ssl.TLSVersion.TLSv1_2),
        "a record of 64 KiB": record(22, bytes(200), length=65_535),
        "a ClientHello of 16 MiB": record(22, b"\x01\xff\xff\xff" + bytes(16_000)),
        "a ClientHello of a byte a record": b"".join(record(22, handshake[at : at + 1]) for at in range(40)),
        "a thousand empty records": record(22, b"") * 1_000,
        "ClientHello twice": hello + hello,
        "ClientHello, then an application record": hello + record(23, bytes(64)),
        "ClientHello, then a frame of ours": hello + b"\0\x25\x01\x02" + bytes(35),
        "half a ClientHello": hello[: len(hello) // 2],
        "a ClientHello of noise": record(22, b"\x01\0\0\x80" + bytes(range(128))),
        "ServerHello from a client": record(22, b"\x02" + handshake[1:]),
        "Finished first": record(22, b"\x14\0\0\x20" + bytes(32)),
        "an alert first": record(21, b"\x02\x28"),
        "an application record first": record(23, bytes(64)),
        "a heartbeat": record(24, b"\x01\x40\0" + bytes(16)),
        "SSL 2": b"\x80\x2e\x01\x03\x01\0\x15\0\0\0\x10" + bytes(37),
    }


@TRANSPORTS
async def test_hostile_tls_ends_and_leaves_the_door_open(use_pump: bool, tmp_path: Path) -> None:
    """Each ends, is counted once, and lets nobody in; the next terminal shakes hands as ever."""
    crt, key = make_certificate(tmp_path)
    async with running_front(
        use_pump=use_pump, tls="on", tls_certificate=str(crt), tls_key=str(key)
    ) as memory:
        attempts = hostile_tls()
        for number, data in enumerate(attempts.values(), start=1):
            await ends(memory, data)
            await told(memory, number)
            assert memory.meters.handshakes.total() == number
        assert set(memory.meters.handshakes) <= {"tls", "plain_on_tls_port", "peer_closed"}
        assert memory.front.doorway.half_open == 0
        for header in PROXY_HEADERS.values():
            await ends(memory, header)
        stream = TlsStream(await memory.connect(), ssl.create_default_context(cafile=str(crt)))
        await stream.shake_hands()
        line = Line(stream)
        assert await line.sign_in()
        assert (await line.ask(Echo(stan=1, terminal_time=0))).code == 0
