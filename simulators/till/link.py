"""One authenticated connection of a terminal: handshake, then a request out and its reply in.

Owns the joining of a `Channel` and a `protocol.ClientSession`. Must not know: what the messages mean, what
is persisted, when to try again.

Invariants: nothing is sent but the handshake until the switch has proved that it knows the terminal's key;
a reply is matched by type and STAN, and a late one to an earlier request is dropped; after any error the
link is dead.
"""

import secrets
from collections.abc import Callable

import trio

from protocol import (
    MESSAGE_MASK,
    REPLY_BIT,
    AuthenticationFailed,
    ClientSession,
    KeyChangeReply,
    ProtocolError,
    Received,
    Reply,
    limits,
)
from simulators.errors import LinkLost, RefusedBySwitch
from simulators.till.channel import Channel, Connector
from simulators.till.identity import TerminalIdentity


class NoReply(LinkLost):
    """The deadline passed; the request may or may not have arrived."""


class Link:
    """An open session over a channel."""

    __slots__ = ("_channel", "_session")

    def __init__(self, channel: Channel, session: ClientSession) -> None:
        self._channel = channel
        self._session = session

    @classmethod
    async def open(
        cls,
        connect: Connector,
        identity: TerminalIdentity,
        *,
        timeout_s: float = limits.HANDSHAKE_TIMEOUT_S,
        make_nonce: Callable[[int], bytes] = secrets.token_bytes,
    ) -> "Link":
        """Connect and shake hands. Raises CannotConnect, RefusedBySwitch or LinkLost."""
        channel = await connect()
        try:
            session = ClientSession(
                terminal=identity.terminal,
                generation=identity.generation,
                key=identity.key,
                nonce=make_nonce(limits.NONCE_SIZE),
            )
            with trio.move_on_after(timeout_s):
                await _shake_hands(channel, session)
                return cls(channel, session)
            raise LinkLost(f"the switch did not finish the handshake within {timeout_s:g} s")
        except BaseException:
            channel.close()
            raise

    async def ask(self, type_byte: int, body: bytes, stan: int, deadline: float) -> Reply:
        """Send a request (its type byte with or without the repeat bit) and wait for its reply.

        Raises NoReply past `deadline` (trio's clock), LinkLost when the connection breaks.
        """
        reply_type = type_byte & MESSAGE_MASK | REPLY_BIT
        frame = self._session.seal_body(type_byte, body)
        with trio.move_on_at(deadline):
            await self._channel.send(frame)
            while True:
                for received in await self._receive():
                    if received.type == reply_type and received.message.stan == stan:
                        return received.message  # type: ignore[return-value]  # a client only receives replies
        raise NoReply("no answer in time")

    def unwrap_key(self, reply: KeyChangeReply) -> bytes:
        """Return the key in a reply of this session. Raises LinkLost if it is not one."""
        try:
            return self._session.unwrap_key(reply)
        except ProtocolError as error:
            raise LinkLost(f"the switch broke the protocol ({error.reason})") from None

    async def _receive(self) -> list[Received]:
        data = await self._channel.receive()
        if not data:
            raise LinkLost("the switch closed the connection")
        try:
            return self._session.receive(data)
        except ProtocolError as error:
            raise LinkLost(f"the switch broke the protocol ({error.reason})") from None

    def close(self) -> None:
        """Close the connection; never waits."""
        self._channel.close()


async def _shake_hands(channel: Channel, session: ClientSession) -> None:
    await channel.send(session.data_to_send())
    while not session.is_open:
        try:
            data = await channel.receive()
        except LinkLost:
            data = b""
        if not data:
            raise RefusedBySwitch(
                "the switch closed the connection during the handshake:"
                " unknown or blocked terminal, or wrong key"
            )
        try:
            session.receive(data)
        except AuthenticationFailed:
            raise RefusedBySwitch("the switch could not prove that it knows this terminal's key") from None
        except ProtocolError as error:
            raise LinkLost(f"the switch broke the protocol ({error.reason})") from None
        if answer := session.data_to_send():
            await channel.send(answer)
