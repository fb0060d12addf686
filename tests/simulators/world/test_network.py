"""The world's network: what arrives, when, and what becomes of it when the line fails."""

import random
from collections.abc import Awaitable, Callable

import pytest
import trio

from simulators.errors import CannotConnect, LinkLost
from simulators.till.channel import Channel
from simulators.world.books import WorldLedger
from simulators.world.evidence import Evidence
from simulators.world.faults import Fault, Faults
from simulators.world.network import Entrance, Network
from simulators.world.scheduling import WallClock, run_virtually
from simulators.world.trace import Trace
from tests.patience import HANG_S

TERMINAL = 10_000_001
Ends = tuple[Channel, trio.abc.Stream, Entrance]


class Deaf(Evidence):
    """Evidence of bytes that are no frames: none."""

    def sent_up(self, terminal: int, data: bytes) -> None:
        """Nothing to be read."""

    def sent_down(self, terminal: int, data: bytes) -> None:
        """Nothing to be read."""


class Planned(Faults):
    """Faults of which each line has the one it is given."""

    def __init__(self, fault: Fault | None) -> None:
        super().__init__("test", kinds=())
        self._fault = fault

    def of_line(self) -> Fault | None:
        return self._fault


def play(
    scene: Callable[[Ends], Awaitable[None]], fault: Fault | None = None, seed: str = "1"
) -> tuple[Faults, str]:
    """Play a scene on one connected line; return its faults and the hash of what happened."""
    faults, trace = Planned(fault), Trace()

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            network = Network(random.Random(seed), faults, Deaf(WorldLedger()), trace, nursery)
            entrance = network.open_entrance(0)
            channel = await network.connect(TERMINAL)
            stream, _ = await entrance.accept()
            with trio.fail_after(HANG_S):
                await scene((channel, stream, entrance))
            nursery.cancel_scope.cancel()

    run_virtually(seed, WallClock(0), main)
    return faults, trace.digest


async def read(stream: trio.abc.Stream, count: int) -> bytes:
    """Read so many bytes, or to the end."""
    data = b""
    while len(data) < count and (part := await stream.receive_some()):
        data += part
    return data


async def drain(receive: Callable[[], Awaitable[bytes]]) -> bytes:
    """Read until nothing more comes for a while."""
    data = b""
    with trio.move_on_after(20):
        while True:
            data += await receive()
    return data


async def talk(channel: Channel, stream: trio.abc.Stream) -> None:
    """Send for ever, and read at the terminal."""
    while True:
        await channel.send(b"x" * 10)
        await stream.send_all(b"y" * 10)
        await channel.receive()


def test_bytes_arrive_in_order_both_ways() -> None:
    """What is sent arrives whole and in order, after a time on the way."""

    async def scene(ends: Ends) -> None:
        channel, stream, _ = ends
        began = trio.current_time()
        await channel.send(b"hello ")
        await channel.send(b"world")
        assert await read(stream, 11) == b"hello world"
        assert trio.current_time() > began
        await stream.send_all(b"yes")
        assert await channel.receive() == b"yes"
        channel.close()
        assert await stream.receive_some() == b""

    play(scene)


def test_the_same_chance_gives_the_same_events() -> None:
    """Two runs of a seed have one hash; another seed has another."""

    async def scene(ends: Ends) -> None:
        channel, stream, _ = ends
        for number in range(20):
            await channel.send(bytes([number]) * 50)
            await stream.send_all(await read(stream, 50))
            await channel.receive()

    assert play(scene)[1] == play(scene)[1] != play(scene, seed="2")[1]


def test_a_cut_breaks_both_ends() -> None:
    """After the byte where a line is cut nothing arrives, and both ends are told."""

    async def scene(ends: Ends) -> None:
        channel, stream, _ = ends
        with pytest.raises(LinkLost):
            await talk(channel, stream)
        with pytest.raises(trio.BrokenResourceError):
            await read(stream, 100_000)

    faults, _ = play(scene, Fault.LINE_CUT)
    assert faults.counts[Fault.LINE_CUT] == 1


def test_a_silent_line_tells_nobody() -> None:
    """A direction that has gone silent takes everything and delivers nothing."""

    async def scene(ends: Ends) -> None:
        channel, stream, _ = ends
        for _ in range(1_000):
            await channel.send(b"x" * 10)
            await stream.send_all(b"y" * 10)
        with trio.move_on_after(60) as quiet:
            assert len(await read(stream, 10_000)) == 10_000
            while True:
                await channel.receive()
        assert quiet.cancelled_caught

    faults, _ = play(scene, Fault.LINE_SILENT)
    assert faults.counts[Fault.LINE_SILENT] == 1


def test_a_replayed_segment_is_a_part_of_what_was_sent() -> None:
    """Replayed bytes are the last ones sent, once more: nothing else comes, and nothing is missing."""

    async def scene(ends: Ends) -> None:
        channel, stream, _ = ends
        sent = bytes(range(250)) * 20
        for at in range(0, len(sent), 50):
            await channel.send(sent[at : at + 50])
            await stream.send_all(sent[at : at + 50])
        got = max(await drain(stream.receive_some), await drain(channel.receive), key=len)
        parted_at = next(at for at in range(len(got)) if got[: at + 1] != sent[: at + 1])
        assert got[parted_at:] not in {b"", sent[parted_at:]}
        assert len(got) > len(sent)

    faults, _ = play(scene, Fault.LINE_REPLAYED)
    assert faults.counts[Fault.LINE_REPLAYED] == 1


def test_a_stuck_terminal_holds_the_sender_up() -> None:
    """A peer that takes nothing makes the switch wait, until the switch closes."""

    async def scene(ends: Ends) -> None:
        _, stream, _ = ends
        with trio.move_on_after(60) as stuck:
            for _ in range(1_000):
                await stream.send_all(b"y" * 10)
        assert stuck.cancelled_caught
        await trio.aclose_forcefully(stream)
        with pytest.raises(trio.ClosedResourceError):
            await stream.send_all(b"y")

    play(scene, Fault.LINE_STUCK)


@pytest.mark.parametrize("silently", [False, True])
def test_a_crashed_worker_is_not_reached_again(silently: bool) -> None:
    """Lines of a worker that is gone break or go silent, and nobody connects to it."""

    async def scene(ends: Ends) -> None:
        channel, _, entrance = ends
        entrance.crash(silently=silently)
        with trio.move_on_after(60) as quiet:
            with pytest.raises(LinkLost):
                await channel.receive()
            assert not silently
        assert quiet.cancelled_caught == silently
        with pytest.raises(CannotConnect):
            await entrance._network.connect(TERMINAL)

    play(scene)
