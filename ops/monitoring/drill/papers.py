"""Certificates of the drill's switch, valid for as long as a fault wants.

Owns the making. For the drill only: each vouches for itself. The drill's terminals trust the first one.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


class Papers:
    """The certificate and the key of one switch; each new certificate is of the same key."""

    def __init__(self, folder: Path) -> None:
        self.certificate, self.key = folder / "tls.crt", folder / "tls.key"
        self._key = ec.generate_private_key(ec.SECP256R1())
        self.key.write_bytes(
            self._key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        self.issue(until_days=90)
        self._first = self.certificate.read_bytes()

    def issue(self, *, until_days: float) -> None:
        """Write a certificate that ends so many days from now; negative: it has ended."""
        name, now = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")]), datetime.now(UTC)
        names = x509.SubjectAlternativeName(
            [x509.DNSName("localhost"), x509.IPAddress(ip_address("127.0.0.1"))]
        )
        made = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(self._key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=30))
            .not_valid_after(now + timedelta(days=until_days))
            .add_extension(names, critical=False)
            .sign(self._key, hashes.SHA256())
        )
        self._put(made.public_bytes(serialization.Encoding.PEM))

    def put_back(self) -> None:
        """Put the first certificate back, which is the one the drill's terminals trust."""
        self._put(self._first)

    def _put(self, pem: bytes) -> None:
        beside = self.certificate.with_suffix(".new")
        beside.write_bytes(pem)
        beside.replace(self.certificate)
