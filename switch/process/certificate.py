"""The certificate of the terminals' port: whether it can be used, and until when.

Owns the reading of the two files. Must not open sockets. Times are ms since 1970.
"""

from __future__ import annotations

import ssl
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from cryptography import x509

from switch.config import Config, ConfigError
from switch.wire.listener import tls_context


class Certificate(NamedTuple):
    """From when until when the certificate holds."""

    not_before_ms: int
    not_after_ms: int

    @property
    def until(self) -> str:
        """The end, as people read it."""
        return _text(self.not_after_ms)

    def problem(self, now_ms: int) -> str | None:
        """Return why no terminal can trust it now, or None."""
        if now_ms < self.not_before_ms:
            return (
                f"the certificate is not valid before {_text(self.not_before_ms)}: renew it, or set the clock"
            )
        if now_ms >= self.not_after_ms:
            return f"the certificate expired at {self.until}: renew it, then send SIGHUP"
        return None


def read_certificate(config: Config) -> Certificate | None:
    """Return the certificate of the settings, None where terminals speak plain TCP.

    Raises `ConfigError` if certificate and key cannot be used together.
    """
    try:
        if tls_context(config) is None:
            return None
        leaf = x509.load_pem_x509_certificates(Path(config.tls_certificate).read_bytes())[0]
    except (OSError, ssl.SSLError, ValueError) as error:
        raise ConfigError(
            f"tls_certificate or tls_key cannot be used: {error}."
            " Check both files, and that they belong together."
        ) from None
    return Certificate(_ms(leaf.not_valid_before_utc), _ms(leaf.not_valid_after_utc))


def _ms(moment: datetime) -> int:
    return round(moment.timestamp() * 1_000)


def _text(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1_000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
