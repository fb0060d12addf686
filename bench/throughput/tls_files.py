"""TLS for the bench: a certificate for loopback, and a client's socket with the calls of a plain one.

Owns both ends' settings. Must not know load. The client trusts whatever it is shown: it is on loopback, and
what is measured is the work of TLS, not the trust.
"""

from __future__ import annotations

import socket
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from bench.throughput.sealing import LoadFailed, connect

DAYS = 2
READ_BYTES_MAX = 65_536
RECORD_BYTES_MAX = 16_384


def tls_settings(directory: Path) -> dict[str, str]:
    """Write a self-signed certificate for localhost; return the settings of a switch that uses it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=DAYS))
        .sign(key, hashes.SHA256())
    )
    paths = directory / "bench-tls.crt", directory / "bench-tls.key"
    paths[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    paths[1].write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return {"tls": "on", "tls_certificate": str(paths[0]), "tls_key": str(paths[1])}


class TlsConnection:
    """A client's TLS connection with the calls of a socket.

    Over memory, as the switch's own: an `ssl.SSLSocket` asks the kernel twice for each record, and the load
    shares its processors with what is measured.
    """

    def __init__(self, sock: socket.socket, context: ssl.SSLContext, host: str) -> None:
        self._sock = sock
        self.fileno = sock.fileno
        self.close = sock.close
        self.send_wrapped = sock.send
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=host)
        self._is_blocking = True

    def shake_hands(self) -> None:
        """Shake hands with TLS. Raises OSError, `ssl.SSLError` among them."""
        while True:
            try:
                self._tls.do_handshake()
            except ssl.SSLWantReadError:
                self._sock.sendall(self._outgoing.read())
                if not (raw := self._sock.recv(READ_BYTES_MAX)):
                    raise ConnectionResetError("closed while shaking hands") from None
                self._incoming.write(raw)
            else:
                self._sock.sendall(self._outgoing.read())
                return

    def setblocking(self, flag: bool) -> None:
        """Let calls wait, or not."""
        self._is_blocking = flag
        self._sock.setblocking(flag)

    def recv(self, size: int) -> bytes:
        """Return all that a read of the line means; b"" at the end. Raises BlockingIOError for nothing.

        A blocking one reads on until it means something: session tickets come first.
        """
        data = b""
        while not data:
            if not (raw := self._sock.recv(size)):
                return b""
            self._incoming.write(raw)
            try:
                while self._incoming.pending:
                    data += self._tls.read(RECORD_BYTES_MAX)
            except ssl.SSLWantReadError:
                if not data and not self._is_blocking:
                    raise BlockingIOError from None
            except ssl.SSLZeroReturnError:
                return data
        return data

    def wrap(self, data: bytes) -> bytes:
        """Return the record that carries `data`: to be sent by `send_wrapped`, in the order of wrapping."""
        self._tls.write(data)
        return self._outgoing.read()

    def send(self, data: bytes | memoryview) -> int:
        """Encrypt and send all of `data`: what the socket does not take at once is waited for."""
        taken = self._tls.write(data)
        cipher = self._outgoing.read()
        try:
            sent = self._sock.send(cipher)
        except BlockingIOError:
            sent = 0
        if sent < len(cipher):
            self._sock.setblocking(True)
            self._sock.sendall(cipher[sent:])
            self._sock.setblocking(self._is_blocking)
        return taken

    def sendall(self, data: bytes) -> None:
        """Encrypt and send all of `data`."""
        self.send(data)


def connect_tls(host: str, port: int) -> TlsConnection:
    """Return a blocking connection that has shaken hands with TLS. Raises `LoadFailed`."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    sock = connect(host, port)
    try:
        line = TlsConnection(sock, context, host)
        line.shake_hands()
    except OSError as error:
        sock.close()
        raise LoadFailed(f"no TLS with {host}:{port}: {error}") from None
    return line
