"""Lines that break at the worst moment: a channel that can be told how its next request goes wrong.

Owns the closed list of cut-offs and how each is done to a real socket. Must not know: what is sent, who
decides when.

Invariant: an armed cut-off happens once, and the channel is dead afterwards, as a real line is.
"""

from enum import StrEnum
from typing import Final

from simulators.errors import LinkLost
from simulators.till.channel import Channel, Connector


class CutOff(StrEnum):
    """How a terminal is cut off in the middle of a request."""

    BEFORE_SENDING = "before_sending"
    """The line is dead when the request should go out."""
    HALF_FRAME = "half_frame"
    """Half of the frame goes out, then a reset."""
    SENT_RESET = "sent_reset"
    """The whole request goes out, then a reset at once."""
    SENT_CLOSED = "sent_closed"
    """The whole request goes out, then an orderly close at once."""
    REPLY_LOST = "reply_lost"
    """The reply arrives and is lost in the terminal."""
    POWER_CUT = "power_cut"
    """The request goes out and the terminal loses its power: only what was persisted is left."""


CUT_OFFS: Final = tuple(CutOff)


class PowerCut(Exception):
    """The terminal's program ends here, without cleaning up; its memory file is all that remains."""


class FragileChannel:
    """A channel that obeys `FaultyLine.armed` on its next request."""

    def __init__(self, channel: Channel, line: "FaultyLine") -> None:
        self._channel = channel
        self._line = line

    async def send(self, data: bytes) -> None:
        """Send, or break in the armed way."""
        cut = self._line.armed
        if cut is None:
            await self._channel.send(data)
            return
        if cut is not CutOff.REPLY_LOST:
            self._line.armed = None
        if cut is not CutOff.BEFORE_SENDING:
            await self._channel.send(data[: len(data) // 2] if cut is CutOff.HALF_FRAME else data)
        if cut is CutOff.SENT_CLOSED:
            self._channel.close()
        elif cut is not CutOff.REPLY_LOST:
            self._channel.abort()
        if cut is CutOff.POWER_CUT:
            raise PowerCut
        # SENT_CLOSED, SENT_RESET and HALF_FRAME are noticed when the reply is waited for.
        if cut is CutOff.BEFORE_SENDING:
            raise LinkLost("cut off before sending")

    async def receive(self) -> bytes:
        """Receive; with REPLY_LOST armed throw away what came and break."""
        data = await self._channel.receive()
        if self._line.armed is CutOff.REPLY_LOST:
            self._line.armed = None
            self._channel.abort()
            raise LinkLost("cut off before the reply was read")
        return data

    def close(self) -> None:
        """Close in an orderly way."""
        self._channel.close()

    def abort(self) -> None:
        """Reset."""
        self._channel.abort()


class FaultyLine:
    """A connector whose channels can be broken: set `armed`, and the next request meets it."""

    def __init__(self, connect: Connector) -> None:
        self._connect = connect
        self.armed: CutOff | None = None

    async def connect(self) -> Channel:
        """Open a channel; nothing is armed while it is being opened."""
        return FragileChannel(await self._connect(), self)
