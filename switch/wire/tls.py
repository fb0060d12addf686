"""TLS 1.3 without a stream: a non-blocking socket that encrypts, for the doorway and the pump.

Owns the TLS state of one connection and what is encrypted and not sent yet. Has the calls of a socket, so
that whoever carries bytes need not know which kind it has. Must not know frames. Invariants: whatever the
socket gave is decrypted at once (nothing waits in here that epoll does not know of); what `send` has taken is
on its way or `unsent`. TLS 1.3 has no renegotiation; a key update is answered by OpenSSL.
"""

from __future__ import annotations

import contextlib
import socket
import ssl

from switch.wire.client_certificates import Names, names_of

RECORD_BYTES_MAX = 16_384
"""What a record holds at most (RFC 8446, 5.1)."""
UNSENT_BYTES_MAX = 65_536
"""What may wait for a peer that does not read: some records. Who asks for key after key and reads none of the
answers is ended past it."""
HANDSHAKE_RECORD = 0x16
"""First byte of whatever a TLS client sends first (RFC 8446, 5.1); the first of a HELLO frame is 0."""


class NotTls(Exception):
    """The first byte is not TLS: somebody speaks plainly to a TLS port."""


class PlainSocket:
    """A socket as it is, with what a TLS one has beside."""

    __slots__ = ("fileno", "recv", "send", "sock")

    unsent = b""
    """Something `send` has taken that waits for the socket: never any."""
    ended = False
    """Whether an end has been read behind the bytes last returned."""
    names: Names | None = None
    """What the peer's certificate names: nobody asked for one."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.recv = sock.recv
        self.send = sock.send
        self.fileno = sock.fileno

    def close(self) -> None:
        """Close the socket."""
        self.sock.close()


class TlsSocket:
    """The switch's end of a TLS connection over a non-blocking socket.

    Written for the ordinary case, a record that holds a frame: one call of OpenSSL each way, none of ours.
    """

    __slots__ = (
        "_incoming",
        "_is_begun",
        "_is_shaken",
        "_outgoing",
        "_recv",
        "_send",
        "_tls",
        "ended",
        "fileno",
        "sock",
        "unsent",
    )

    def __init__(self, sock: socket.socket, context: ssl.SSLContext) -> None:
        self.sock = sock
        self.fileno = sock.fileno
        self.ended = False
        self.unsent = b""
        """What `send` has taken and encrypted, and the socket has not taken yet."""
        self._recv = sock.recv
        self._send = sock.send
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self._is_begun = self._is_shaken = False

    @property
    def names(self) -> Names | None:
        """What the peer's certificate names, once hands are shaken; None where none is asked for."""
        return names_of(self._tls)

    def recv(self, size: int) -> bytes:
        """Read at most `size` bytes of the line; return what they mean, b"" at the end.

        Raises BlockingIOError when there is nothing to return yet, `NotTls`, `ssl.SSLError` (a fault of TLS),
        or another OSError (the line is gone).
        """
        raw = self._recv(size)
        if not raw:  # close_notify or not: frames have ends of their own
            self.ended = True
            return b""
        if not self._is_begun and raw[0] != HANDSHAKE_RECORD:
            raise NotTls
        self._is_begun = True
        self._incoming.write(raw)
        try:
            plain = self._decrypt()
        finally:
            if self._outgoing.pending:  # handshake, key update, alert
                self.unsent += self._outgoing.read()
                with contextlib.suppress(OSError):
                    self._push()
                if len(self.unsent) > UNSENT_BYTES_MAX:
                    raise ConnectionAbortedError("it reads nothing of what it asks for")
        if not plain and not self.ended:
            raise BlockingIOError
        return plain

    def _decrypt(self) -> bytes:
        plain, tls = b"", self._tls
        try:
            if not self._is_shaken:
                tls.do_handshake()
                self._is_shaken = True
            while True:
                part = tls.read(RECORD_BYTES_MAX)  # all of one record, so OpenSSL keeps nothing back
                if not part:  # close_notify
                    self.ended = True
                    break
                plain = plain + part if plain else part
                if not self._incoming.pending:
                    break
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLZeroReturnError:
            self.ended = True
        return plain

    def _push(self) -> None:
        while self.unsent:
            self.unsent = self.unsent[self._send(self.unsent) :]

    def send(self, data: bytes | bytearray) -> int:
        """Encrypt some of `data`, when all before it has gone out; return how much.

        With nothing to encrypt it sends what was left. Raises BlockingIOError when the socket takes no more.
        """
        if self.unsent:
            self._push()
        if not data:
            return 0
        taken = self._tls.write(data if len(data) <= RECORD_BYTES_MAX else data[:RECORD_BYTES_MAX])
        cipher = self._outgoing.read()
        try:
            self.unsent = cipher[self._send(cipher) :]
        except BlockingIOError:
            self.unsent = cipher
        return taken

    def close(self) -> None:
        """Say so (close_notify) if the line takes it, and close the socket."""
        if self._is_shaken and not self.unsent:
            with contextlib.suppress(OSError):
                self._tls.unwrap()
            self.unsent = self._outgoing.read()
            with contextlib.suppress(OSError):
                self._push()
        self.sock.close()
