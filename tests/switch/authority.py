"""An authority of terminals' certificates: what it signs, for whom, until when, and what it has revoked."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID, NameOID

PEM = serialization.Encoding.PEM


class Authority:
    """Writes its files into a folder: `ca` is its own certificate, signed by itself or by `above`."""

    def __init__(self, folder: Path, name: str = "ca", above: "Authority | None" = None) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"tests {name}")])
        self._serial = 100
        now = datetime.now(UTC)
        constraints = x509.BasicConstraints(ca=True, path_length=1 if above is None else 0)
        usage = x509.KeyUsage(
            digital_signature=False, content_commitment=False, key_encipherment=False,
            data_encipherment=False, key_agreement=False, key_cert_sign=True, crl_sign=True,
            encipher_only=False, decipher_only=False,
        )  # fmt: skip
        signed = (
            x509.CertificateBuilder()
            .subject_name(self._name)
            .issuer_name((above or self)._name)
            .public_key(self._key.public_key())
            .serial_number(1 if above is None else 2)
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=1))
            .add_extension(constraints, critical=True)
            .add_extension(usage, critical=True)
            .sign((above or self)._key, hashes.SHA256())
        )
        self.ca = folder / f"{name}.pem"
        self.ca.write_bytes(signed.public_bytes(PEM))

    def issue(
        self,
        *names: str,
        to_days: int = 1,
        usage: x509.ObjectIdentifier = ExtendedKeyUsageOID.CLIENT_AUTH,
        raw_names: bytes = b"",
    ) -> tuple[Path, int]:
        """Write certificate and key of a terminal into one file; return it, and the serial number.

        `raw_names`: the DER of names as nobody should write them.
        """
        key = ec.generate_private_key(ec.SECP256R1())
        self._serial += 1
        now = datetime.now(UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "terminal:1")]))
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(self._serial)
            .not_valid_before(now - timedelta(days=3))
            .not_valid_after(now + timedelta(days=to_days))
            .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
        )
        if names:
            uris = [x509.UniformResourceIdentifier(name) for name in names]
            builder = builder.add_extension(x509.SubjectAlternativeName(uris), critical=False)
        if raw_names:
            raw = x509.UnrecognizedExtension(ExtensionOID.SUBJECT_ALTERNATIVE_NAME, raw_names)
            builder = builder.add_extension(raw, critical=False)
        file = self._folder / f"client-{self._serial}.pem"
        private = key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        file.write_bytes(builder.sign(self._key, hashes.SHA256()).public_bytes(PEM) + private)
        return file, self._serial

    def revoke(self, serials: Iterable[int], *, to_days: int = 1) -> Path:
        """Write the list of what is revoked; return its file."""
        now = datetime.now(UTC)
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(self._name)
            .last_update(now - timedelta(days=3))
            .next_update(now + timedelta(days=to_days))
        )
        for serial in serials:
            revoked = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(now).build()
            builder = builder.add_revoked_certificate(revoked)
        file = self._folder / "revoked.crl"
        file.write_bytes(builder.sign(self._key, hashes.SHA256()).public_bytes(PEM))
        return file
