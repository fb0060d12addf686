"""The listening socket: how it is bound, and what every accepted one inherits from it.

Owns the port, the settings of sockets and the TLS context. Must not know handshakes (doorway.py) nor
connections. Invariant: a setting of the accepted sockets is made here, once, and not at each.
"""

from __future__ import annotations

import contextlib
import select
import socket
import ssl

from switch.config import Config, ConfigError

BACKLOG = 4_096
SOCKET_BUFFER_BYTES = 65_536


class PortInUse(Exception):
    """The terminals' port cannot be bound; the message says cause and cure."""


def bind_listener(config: Config) -> socket.socket:
    """Bind and listen; workers share the port by SO_REUSEPORT. Raises `PortInUse`."""
    family = socket.AF_INET6 if ":" in config.listen_host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        set_for_all_accepted(sock, config)
        sock.bind((config.listen_host, config.listen_port))
        sock.listen(BACKLOG)
    except OSError as error:
        sock.close()
        raise PortInUse(
            f"cannot listen on {config.listen_host}:{config.listen_port}: {error.strerror}."
            " Stop what holds it, or choose another with --listen-port."
        ) from None
    sock.setblocking(False)
    return sock


def set_for_all_accepted(sock: socket.socket, config: Config) -> None:
    """Set what accepted sockets inherit, so that it costs nothing at each."""
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    # Buffers that do not grow: what a peer sends unread or leaves unread costs so much memory and no more.
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SOCKET_BUFFER_BYTES)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SOCKET_BUFFER_BYTES)
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        # The write time-out of what lies in the socket's own buffer, where the sweep does not see it.
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, round(config.write_s * 1_000))


def tls_context(config: Config) -> ssl.SSLContext | None:
    """The TLS 1.3 context of the settings, or None for plain TCP.

    Raises OSError (ssl.SSLError is one) on bad files, ConfigError for a list that is more than a list.
    """
    if not config.tls_wanted:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.load_cert_chain(config.tls_certificate, config.tls_key)
    if config.tls_client_ca:
        context.load_verify_locations(config.tls_client_ca)
        context.verify_mode = ssl.CERT_REQUIRED
        context.num_tickets = 0  # who comes again shows the certificate again: it may be revoked by then
        if config.tls_client_crl:
            _load_revocations(context, config.tls_client_crl)
    return context


def _load_revocations(context: ssl.SSLContext, file: str) -> None:
    """Let the context ask each list of the file, also about the authorities between terminal and root."""
    trusted = context.cert_store_stats()["x509"]
    context.load_verify_locations(file)  # takes certificates as well, and trusts them
    stored = context.cert_store_stats()
    if stored["x509"] != trusted or not stored["crl"]:
        raise ConfigError(
            "tls_client_crl cannot be used: a certificate stands in it, or no list does."
            " Lists alone belong there; authorities stand in tls_client_ca."
        )
    context.verify_flags |= ssl.VERIFY_CRL_CHECK_CHAIN


def epoll_available() -> bool:
    """True where the pump can run (Linux)."""
    with contextlib.suppress(AttributeError, OSError):
        select.epoll().close()
        return True
    return False
