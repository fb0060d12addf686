"""A terminal's line with somebody listening: each frame is told before it goes out, and before the terminal
sees it.

Owns the finding of frames by the layout that SPEC.md states, with no code of the switch: length, version,
type, body, tag; the body an array that begins with the STAN, and a reply's with the code after it. Must not
know: what a message means, who listens for what.

Invariant: the end of a line is told once, whoever ended it.
"""

from typing import Final, NamedTuple, Protocol, Self

from simulators.errors import LinkLost
from simulators.till.channel import Channel

HEADER_BYTES: Final = 4
TAG_BYTES: Final = 16
FIRST_DATA: Final = 0x08
"""Below it stand the messages of the handshake, which have no tag."""
MESSAGE: Final = 0x3F


class Frame(NamedTuple):
    """What was on the line: the type without its bits, and the body."""

    type: int
    body: bytes

    @classmethod
    def of(cls, data: bytes) -> Self:
        """Read one whole frame."""
        kind = data[3] & MESSAGE
        return cls(kind, data[HEADER_BYTES:] if kind < FIRST_DATA else data[HEADER_BYTES:-TAG_BYTES])

    @property
    def is_data(self) -> bool:
        """Whether it comes after the handshake."""
        return self.type >= FIRST_DATA


class Tap(Protocol):
    """Who listens."""

    def sends(self, frame: Frame) -> None:
        """Take a frame before it goes out."""

    def came(self, frame: Frame) -> None:
        """Take a frame before the terminal sees it."""

    def lost(self) -> None:
        """The line is gone."""


class Tapped:
    """A channel that is listened to."""

    def __init__(self, channel: Channel, tap: Tap) -> None:
        self._channel, self._tap = channel, tap
        self._rest = b""
        self._is_open = True

    async def send(self, data: bytes) -> None:
        """As the channel's; `data` is one frame."""
        self._tap.sends(Frame.of(data))
        await self._channel.send(data)

    async def receive(self) -> bytes:
        """As the channel's."""
        try:
            data = await self._channel.receive()
        except LinkLost:
            self._ended()
            raise
        if not data:
            self._ended()
        self._rest += data
        while len(self._rest) >= HEADER_BYTES:
            size = 2 + int.from_bytes(self._rest[:2])
            if len(self._rest) < size:
                break
            frame, self._rest = self._rest[:size], self._rest[size:]
            self._tap.came(Frame.of(frame))
        return data

    def _ended(self) -> None:
        if self._is_open:
            self._is_open = False
            self._tap.lost()

    def close(self) -> None:
        """As the channel's."""
        self._ended()
        self._channel.close()

    def abort(self) -> None:
        """As the channel's."""
        self._ended()
        self._channel.abort()
