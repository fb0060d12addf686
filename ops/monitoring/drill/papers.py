"""Certificates of the drill's switch and of its terminals, valid for as long as a fault wants.

Owns the making. For the drill only: the switch's vouches for itself, and the drill's terminals trust the
first one; theirs is one for all of a programme. Invariant: a file is put in place whole.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

PEM = serialization.Encoding.PEM
LIST_DAYS = 30


class Papers:
    """The certificate and the key of one switch; each new certificate is of the same key."""

    def __init__(self, folder: Path) -> None:
        self.certificate, self.key = folder / "tls.crt", folder / "tls.key"
        self._key = ec.generate_private_key(ec.SECP256R1())
        self.key.write_bytes(_private(self._key))
        self.issue(until_days=90)
        self._first = self.certificate.read_bytes()

    def issue(self, *, until_days: float) -> None:
        """Write a certificate that ends so many days from now; negative: it has ended."""
        names = x509.SubjectAlternativeName(
            [x509.DNSName("localhost"), x509.IPAddress(ip_address("127.0.0.1"))]
        )
        made = _begun("localhost", "localhost", self._key, until_days).add_extension(names, critical=False)
        _put(self.certificate, made.sign(self._key, hashes.SHA256()).public_bytes(PEM))

    def put_back(self) -> None:
        """Put the first certificate back, which is the one the drill's terminals trust."""
        _put(self.certificate, self._first)


class TerminalPapers:
    """An authority, the one certificate (with its key) that it gave all terminals of a programme, and its
    list of revoked ones, which is empty.
    """

    def __init__(self, folder: Path, programme: int) -> None:
        self.authority, self.certificate = folder / "terminals-ca.crt", folder / "terminals.pem"
        self.revoked = folder / "revoked.crl"
        self._key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
        usage = x509.KeyUsage(
            digital_signature=False, content_commitment=False, key_encipherment=False,
            data_encipherment=False, key_agreement=False, key_cert_sign=True, crl_sign=True,
            encipher_only=False, decipher_only=False,
        )  # fmt: skip
        own = (
            _begun("drill", "drill", self._key, LIST_DAYS)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(usage, critical=True)
        )
        name = x509.UniformResourceIdentifier(f"urn:cityswitch:programme:{programme}")
        given = (
            _begun("terminals", "drill", key, LIST_DAYS)
            .add_extension(x509.SubjectAlternativeName([name]), critical=False)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
        )
        signed, theirs = (made.sign(self._key, hashes.SHA256()).public_bytes(PEM) for made in (own, given))
        self.authority.write_bytes(signed)
        self.certificate.write_bytes(theirs + _private(key))
        self.list_revoked()

    def list_revoked(self, *, until_days: float = LIST_DAYS) -> None:
        """Write a list that ends so many days from now; negative: it has ended."""
        now = datetime.now(UTC)
        made = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(_name("drill"))
            .last_update(now - timedelta(days=LIST_DAYS))
            .next_update(now + timedelta(days=until_days))
        )
        _put(self.revoked, made.sign(self._key, hashes.SHA256()).public_bytes(PEM))


def _begun(
    subject: str, issuer: str, key: ec.EllipticCurvePrivateKey, until_days: float
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(_name(subject))
        .issuer_name(_name(issuer))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=30))
        .not_valid_after(now + timedelta(days=until_days))
    )


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _private(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


def _put(path: Path, pem: bytes) -> None:
    beside = path.with_suffix(".new")
    beside.write_bytes(pem)
    beside.replace(path)
