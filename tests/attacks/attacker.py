"""An attacker on the line of a terminal: whatever either side wrote, to keep, change and send again."""

import trio

from switch.process.front import Front
from tests.patience import HANG_S
from tests.switch.memory import Line, Memory, receive


class Tapped(Line):
    """A terminal's line of which every frame of the handshake is kept."""

    hello: bytes
    challenge: bytes
    proof: bytes
    accept: bytes

    async def sign_in(self) -> bool:
        """Shake hands frame by frame; False if the switch closes instead."""
        self.hello = self.session.data_to_send()
        self.challenge = await self.exchange(self.hello)
        if not self.challenge:
            return False
        self.session.receive(self.challenge)
        self.proof = self.session.data_to_send()
        self.accept = await self.exchange(self.proof)
        if not self.accept:
            return False
        self.session.receive(self.accept)
        return True

    async def exchange(self, data: bytes) -> bytes:
        """Send bytes as they are and return what comes of them; nothing where the switch closes."""
        try:
            await self.stream.send_all(data)
        except trio.BrokenResourceError:
            return b""
        return await receive(self.stream)


async def tapped(memory: Memory, terminal: int = 1, *, generation: int = 1) -> Tapped:
    """Return an open line of a terminal."""
    line = Tapped(await memory.connect(), terminal, generation=generation)
    assert await line.sign_in()
    return line


async def answers(memory: Memory, *pieces: bytes) -> list[bytes]:
    """Send pieces over a connection of their own, each after the answer to the last; return the answers.

    The last one is empty where the switch closed.
    """
    stream, heard = await memory.connect(), []
    for piece in pieces:
        try:
            await stream.send_all(piece)
        except trio.BrokenResourceError:
            heard.append(b"")
            break
        heard.append(await receive(stream))
        if not heard[-1]:
            break
    await stream.aclose()
    return heard


async def until_quiet(front: Front) -> None:
    """Wait until the switch has seen the end of every connection."""
    with trio.fail_after(HANG_S):
        while front.doorway.half_open or len(front.connections):
            await trio.lowlevel.checkpoint()
