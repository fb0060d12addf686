"""Certificates for the tortured switch: one authority that the terminals trust, and as many as are asked for.

Owns the making. For the torture only. Invariant: a certificate is put in place whole.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

_VALID: timedelta = timedelta(days=30)


class Papers:
    """The authority, and the certificate and key that the switch reads."""

    def __init__(self, folder: Path) -> None:
        self.certificate, self.key = folder / "tls.crt", folder / "tls.key"
        self.authority = folder / "authority.crt"
        self._authority_key = ec.generate_private_key(ec.SECP256R1())
        self._key = ec.generate_private_key(ec.SECP256R1())
        self.key.write_bytes(
            self._key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        made = _begun("torture authority", self._authority_key)
        made = made.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        self.authority.write_bytes(_pem(made, self._authority_key))
        self.renew()

    def renew(self) -> None:
        """Put another certificate in the place of the one there is."""
        names = [x509.DNSName("localhost"), x509.IPAddress(ip_address("127.0.0.1"))]
        made = _begun("localhost", self._key).add_extension(
            x509.SubjectAlternativeName(names), critical=False
        )
        beside = self.certificate.with_suffix(".new")
        beside.write_bytes(_pem(made, self._authority_key))
        beside.replace(self.certificate)


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _begun(subject: str, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(_name(subject))
        .issuer_name(_name("torture authority"))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _VALID)
        .not_valid_after(now + _VALID)
    )


def _pem(made: x509.CertificateBuilder, key: ec.EllipticCurvePrivateKey) -> bytes:
    return made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
