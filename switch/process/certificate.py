"""The certificate of the terminals' port and the lists of terminals' revoked ones: whether they can be used,
and until when.

Owns the reading of the files. Must not open sockets. Times are ms since 1970.
"""

from __future__ import annotations

import re
import ssl
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, NamedTuple

from cryptography import x509

from switch.config import Config, ConfigError
from switch.wire.listener import tls_context

_LIST: Final = re.compile(rb"-----BEGIN X509 CRL-----.+?-----END X509 CRL-----", re.DOTALL)


class Certificate(NamedTuple):
    """From when until when the certificate holds; until when the lists of revoked ones do, None: for ever."""

    not_before_ms: int
    not_after_ms: int
    revocations_until_ms: int | None = None

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

    Raises `ConfigError` if certificate and key cannot be used together, or a list cannot be read.
    """
    try:
        if tls_context(config) is None:
            return None
        leaf = x509.load_pem_x509_certificates(Path(config.tls_certificate).read_bytes())[0]
    except (OSError, ssl.SSLError, ValueError) as error:
        raise ConfigError(
            f"{_named(config)} cannot be used: {error}."
            " Check the files, and that certificate and key belong together."
        ) from None
    return Certificate(
        _ms(leaf.not_valid_before_utc), _ms(leaf.not_valid_after_utc), revocations_until(config)
    )


def revocations_until(config: Config) -> int | None:
    """Return when the first of the lists of revoked certificates ends: from then on nobody is let in.

    None where there is no list, or one without an end. Raises `ConfigError`.
    """
    if not config.tls_client_crl:
        return None
    try:
        found = _LIST.findall(Path(config.tls_client_crl).read_bytes())
        lists = [x509.load_pem_x509_crl(one) for one in found]
    except (OSError, ValueError) as error:
        raise ConfigError(f"tls_client_crl cannot be used: {error}. Check the file.") from None
    return min((_ms(one.next_update_utc) for one in lists if one.next_update_utc is not None), default=None)


def revocations_problem(config: Config, now_ms: int) -> str | None:
    """Return why no terminal's certificate is taken now, or None. Raises `ConfigError`."""
    until = revocations_until(config)
    if until is None or now_ms < until:
        return None
    return (
        f"the list of revoked certificates ended at {_text(until)}, and nobody is let in:"
        " put a newer one in its place, then send SIGHUP"
    )


def _named(config: Config) -> str:
    files = ("tls_certificate", "tls_key", "tls_client_ca", "tls_client_crl")
    return " or ".join(name for name in files if getattr(config, name))


def _ms(moment: datetime) -> int:
    return round(moment.timestamp() * 1_000)


def _text(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1_000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
