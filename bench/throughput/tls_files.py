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
    """A client's TLS connection; `recv` and `send` say BlockingIOError as those of a socket do."""

    def __init__(self, sock: ssl.SSLSocket) -> None:
        self._sock = sock
        self.fileno = sock.fileno
        self.setblocking = sock.setblocking
        self.close = sock.close
        self.sendall = sock.sendall

    def recv(self, size: int) -> bytes:
        """Return all that has been decrypted; b"" at the end."""
        try:
            data = self._sock.recv(size)
            while self._sock.pending():
                data += self._sock.recv(size)
        except ssl.SSLWantReadError:
            raise BlockingIOError from None
        return data

    def send(self, data: bytes | memoryview) -> int:
        """Encrypt and send some of `data`; return how much."""
        try:
            return self._sock.send(data)
        except ssl.SSLWantWriteError:
            raise BlockingIOError from None


def connect_tls(host: str, port: int) -> TlsConnection:
    """Return a blocking connection that has shaken hands with TLS. Raises `LoadFailed`."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    sock: socket.socket = connect(host, port)
    try:
        return TlsConnection(context.wrap_socket(sock, server_hostname=host))
    except OSError as error:
        raise LoadFailed(f"no TLS with {host}:{port}: {error}") from None
