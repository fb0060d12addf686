"""Who a terminal's own certificate stands for, where the settings want one.

Owns the names in a certificate and what they cover: URIs of its subjectAltName, `urn:cityswitch:terminal:17`,
`urn:cityswitch:partner:1001` (each terminal of the partner) or `urn:cityswitch:programme:3` (each of the
programme: a vendor's). OpenSSL has held the certificate to the authority and its time by then. Must not know
sockets. Invariant: a certificate only ever shuts out; who is let in has proved the terminal's key as well.
"""

from __future__ import annotations

import ssl
from typing import Any, Final, Protocol

from switch.rules.directory import Terminal

PREFIX: Final = "urn:cityswitch:"
NAMES_TOLD_MAX: Final = 3
NAME_CHARACTERS_TOLD_MAX: Final = 40
_NONE_SHOWN: Final = "PEER_DID_NOT_RETURN_A_CERTIFICATE"

Names = frozenset[str]


class Shaken(Protocol):
    """An end of TLS that has shaken hands."""

    @property
    def context(self) -> ssl.SSLContext:
        """What it was made with."""

    def getpeercert(self) -> Any:
        """Return the peer's certificate, as `ssl` tells it."""


def names_of(tls: Shaken) -> Names | None:
    """Return what the peer's certificate names; None where no certificate is asked for."""
    if tls.context.verify_mode is not ssl.CERT_REQUIRED:
        return None
    try:
        certificate = tls.getpeercert() or {}
    except (ValueError, ssl.SSLError):  # text in it that is none: an authority may sign what it did not read
        return frozenset()
    named = certificate.get("subjectAltName", ())
    return frozenset(str(name) for kind, name in named if kind == "URI" and str(name).startswith(PREFIX))


def covers(names: Names | None, terminal: Terminal) -> bool:
    """Whether a certificate with these names may be shown by a terminal; one with no name covers none."""
    if names is None:
        return True
    partner = terminal.partner
    wanted = {
        f"{PREFIX}terminal:{terminal.number}",
        f"{PREFIX}partner:{partner.number}",
        f"{PREFIX}programme:{partner.programme.number}",
    }
    return not names.isdisjoint(wanted)


def told(names: Names | None) -> str:
    """Return the names as the operator's log has them: a few, each cut."""
    some = [name.removeprefix(PREFIX)[:NAME_CHARACTERS_TOLD_MAX] for name in sorted(names or ())]
    return (
        f"it names {', '.join(some[:NAMES_TOLD_MAX]) or 'no terminal'}{', …' * (len(some) > NAMES_TOLD_MAX)}"
    )


def fault_of(error: ssl.SSLError) -> tuple[str, str]:
    """Return the reason by which a fault of TLS is counted, and what OpenSSL says of it."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return "certificate_refused", error.verify_message
    problem = error.reason or str(error)
    return ("certificate_missing" if problem == _NONE_SHOWN else "tls"), problem
