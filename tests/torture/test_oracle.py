"""What the torture's oracle finds in the terminals' own logs, and what it makes of a kill."""

from pathlib import Path

import pytest

from ops.torture.oracle import Kill, Lines, read_lines
from ops.torture.wire import Board, Wire
from protocol import TYPE_OF, Earn, ResultCode
from simulators.errors import LinkLost
from simulators.till.channel import Channel

EARN = TYPE_OF[Earn]
TAG = bytes(16)


def body(*fields: int) -> bytes:
    """A body of small numbers, as SPEC.md has them: an array."""
    return bytes((0x90 | len(fields), *fields))


def frame(kind: int, content: bytes) -> bytes:
    return (2 + len(content) + len(TAG)).to_bytes(2) + bytes((1, kind)) + content + TAG


class Played:
    """A channel that gives back what a test says, in the slices it says."""

    def __init__(self, *said: bytes) -> None:
        self.said = list(said)

    async def send(self, data: bytes) -> None:
        pass

    async def receive(self) -> bytes:
        if not self.said:
            raise LinkLost("gone")
        return self.said.pop(0)

    def close(self) -> None:
        pass

    abort = close


class Desk:
    """A terminal's wire whose channels are played."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.board = Board(folder / "board", 1)
        self.played = Played()
        self.wire = Wire(folder / "terminal-1.wire", self.board, 0, self._connect)

    async def _connect(self) -> Channel:
        return self.played

    async def ask(self, request: bytes, *replies: bytes) -> None:
        """Send a request on a new line and take in what comes, until the line breaks."""
        self.played = Played(*replies)
        channel = await self.wire.connect()
        await channel.send(frame(EARN, request))
        for _ in replies:
            await channel.receive()
        with pytest.raises(LinkLost):
            await channel.receive()

    def lines(self) -> Lines:
        return read_lines([self.folder / "terminal-1.wire"])


async def test_the_same_answer_again_is_sound(tmp_path: Path) -> None:
    """One request, told twice the same, however sliced: nothing contradicts itself."""
    desk, reply = Desk(tmp_path), frame(EARN | 0x80, body(7, 0, 3))
    await desk.ask(body(7, 1), reply)
    await desk.ask(body(7, 1), reply[:1], reply[1:9], reply[9:])
    lines = desk.lines()
    assert (lines.requests, lines.repeated, lines.answered, lines.told_again) == (1, 1, 1, 1)
    assert lines.violations == []


async def test_another_answer_is_found(tmp_path: Path) -> None:
    """A repeat that is answered with one other byte is a violation, with terminal, STAN and both codes."""
    desk = Desk(tmp_path)
    await desk.ask(body(7, 1), frame(EARN | 0x80, body(7, 0, 3)))
    await desk.ask(body(7, 1), frame(EARN | 0x80, body(7, 0, 4)))
    assert desk.lines().violations == ["terminal-1: STAN 7 was answered 0, and then otherwise: 0"]


async def test_put_off_is_no_answer(tmp_path: Path) -> None:
    """Try again, then approved: only the second is for ever."""
    desk = Desk(tmp_path)
    await desk.ask(body(7, 1), frame(EARN | 0x80, body(7, ResultCode.TRY_AGAIN)))
    await desk.ask(body(7, 1), frame(EARN | 0x80, body(7, 0)))
    lines = desk.lines()
    assert (lines.answered, lines.violations) == (1, [])


async def test_a_number_with_two_bodies_is_found(tmp_path: Path) -> None:
    """A STAN stands for one request."""
    desk = Desk(tmp_path)
    await desk.ask(body(7, 1))
    await desk.ask(body(7, 2))
    assert desk.lines().violations == ["terminal-1: STAN 7 was sent with another body"]


async def test_what_is_in_flight_is_counted_while_its_line_stands(tmp_path: Path) -> None:
    """From the sending to the answer, or to the end of the line; a handshake is nothing."""
    desk = Desk(tmp_path)
    channel = await desk.wire.connect()
    desk.played.said = [frame(EARN | 0x80, body(7, 0))]
    await channel.send(bytes((0, 3, 1, 1, 0)))
    assert desk.board.in_flight() == 0
    await channel.send(frame(EARN, body(7, 1)))
    assert (desk.board.in_flight(), desk.board.last_final_ns()) == (1, 0)
    await channel.receive()
    assert desk.board.in_flight() == 0
    assert desk.board.last_final_ns() > 0
    await channel.send(frame(EARN, body(8, 1)))
    channel.close()
    assert desk.board.in_flight() == 0
    assert told_in_flight(desk.lines()) == [(0, 1), (1, 0), (0, 1), (1, 0)]


def told_in_flight(lines: Lines) -> list[tuple[int, int]]:
    """What the log says of the moments just before and at each beginning and end."""
    (sent,), (ended,) = lines.sent_ns, lines.ended_ns
    moments = sorted([*sent, *ended])
    return [(lines.in_flight(at_ns - 1), lines.in_flight(at_ns)) for at_ns in moments]


async def test_a_kill_is_felt_by_whose_line_it_broke(tmp_path: Path) -> None:
    """What was asked before a kill says nothing of how soon there was service again."""
    desk = Desk(tmp_path)
    await desk.ask(body(7, 1), frame(EARN | 0x80, body(7, 0)))
    await desk.ask(body(8, 1), frame(EARN | 0x80, body(8, 0)))
    lines = desk.lines()
    (good,), (asked,), (lost,) = lines.good_ns, lines.asked_ns, lines.lost_ns
    kill = Kill(asked[0], "kill worker", 100)
    (recovery,) = lines.recoveries([kill])
    assert recovery.later_s == (good[1] - kill.at_ns) / 1e9
    assert lost[0] < good[1]
    assert recovery.struck_s == recovery.half_s == recovery.later_s
    (after,) = lines.recoveries([Kill(lost[-1] + 1, "kill worker", 100)])
    assert (after.later_s, after.struck_s) == (-1.0, -1.0)
    assert lines.recoveries([]) == []
