"""Owns TLS between a socket and whoever reads it, over memory alone: it opens, waits for and knows nothing.

What comes off the socket is `fed` or `opened`, what goes onto it comes from `sealed` or `outgoing`. Records
of TLS are at most 16 KiB (RFC 8446, section 5.1), arguments and answers may be any length.
"""

import ssl
from typing import Final

RECORD_BYTES_MAX: Final = 1 << 14


class Encryption:
    """One connection's, from the first byte of its handshake on, as the client."""

    def __init__(self, context: ssl.SSLContext, host: str) -> None:
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self.object = context.wrap_bio(self._incoming, self._outgoing, server_hostname=host)

    def is_shaken(self) -> bool:
        """Go on with the handshake; whether it is done. What it wants to say is `outgoing` then.

        Raises ssl.SSLError if there can be none, a certificate that is not trusted among the reasons.
        """
        try:
            self.object.do_handshake()
        except ssl.SSLWantReadError:
            return False
        return True

    def fed(self, data: bytes) -> None:
        """Take what has come in the handshake."""
        self._incoming.write(data)

    def outgoing(self) -> bytes:
        """What is to be sent by now."""
        return self._outgoing.read()

    def sealed(self, data: bytes | memoryview) -> bytes:
        """What is to be sent so that the peer reads this. Raises ssl.SSLError where nothing can be said."""
        rest = memoryview(data)
        while rest:
            rest = rest[self.object.write(rest) :]
        return self._outgoing.read()

    def opened(self, data: bytes) -> bytes | None:
        """What the peer says in what has come, so far as it is whole; None once it has taken leave.

        Raises ssl.SSLError for what no peer has sealed.
        """
        self._incoming.write(data)
        parts: list[bytes] = []
        while self._incoming.pending or self.object.pending():
            try:
                part = self.object.read(RECORD_BYTES_MAX)
            except ssl.SSLWantReadError:
                break
            if not part:
                return b"".join(parts) or None
            parts.append(part)
        return b"".join(parts)
