"""The pump's rounds: whoever it has no time for in one is read in the next."""

import socket
from select import epoll as select_epoll

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

import switch.wire.pump
from protocol import Earn, Echo
from switch.wire.hub import TURN_REQUESTS_MAX
from tests.entries import SWIPED
from tests.patience import HANG_S
from tests.switch.memory import CARD, Line, Memory, running_front


async def test_more_sockets_than_a_round_reads_are_all_served(monkeypatch: pytest.MonkeyPatch) -> None:
    """One socket a round, three with a request each at once, again and again: every one is answered."""
    monkeypatch.setattr(switch.wire.pump, "READY_MAX", 1)
    async with running_front(use_pump=True) as memory:
        lines = [Line(await memory.connect(), terminal) for terminal in (1, 2, 3)]
        for line in lines:
            assert await line.sign_in()
        answered = []
        with trio.fail_after(HANG_S):
            for stan in (1, 2, 3):
                for line in lines:
                    await line.send(Echo(stan=stan, terminal_time=0))
                answered += [(await line.reply()).stan for line in lines]
    assert answered == [1] * 3 + [2] * 3 + [3] * 3


async def signed_on(memory: Memory, terminals: range) -> list[Line]:
    lines = [Line(await memory.connect(), terminal) for terminal in terminals]
    for line in lines:
        assert await line.sign_in()
    return lines


@pytest.mark.parametrize("use_pump", [True, False])
async def test_everybody_has_a_turn_before_a_flooder_has_its_second(use_pump: bool) -> None:
    """Twenty stream echoes, eight sell: when the last sale has come, no flooder had more than two turns."""
    flood, flooders, sellers = 200, 20, 8
    async with running_front(use_pump=use_pump, terminals=flooders + sellers) as memory:
        lines = await signed_on(memory, range(1, flooders + sellers + 1))
        memory.ledger.automatic = False
        for line in lines[:flooders]:  # no await in here: all of it is in the sockets before the switch runs
            line.send_nowait(*(Echo(stan=stan, terminal_time=0) for stan in range(1, flood + 1)))
        for line in lines[flooders:]:
            line.send_nowait(Earn(stan=1, terminal_time=0, card=CARD, entry=SWIPED, amount=1_000))
        with trio.fail_after(HANG_S):
            while len(memory.ledger.waiting) < sellers:
                await trio.lowlevel.checkpoint()
        assert memory.meters.replies["Echo", 0] <= 2 * flooders * TURN_REQUESTS_MAX
        with trio.fail_after(HANG_S):
            for line in lines[:flooders]:
                assert [(await line.reply()).stan for _ in range(flood)] == list(range(1, flood + 1))


@pytest.mark.parametrize("use_pump", [True, False])
async def test_a_peer_that_has_sent_all_still_gets_its_replies(use_pump: bool) -> None:
    """Half-close: what came before the end is answered when it has committed, then the switch closes."""
    async with running_front(use_pump=use_pump, in_flight_per_connection_max=4) as memory:
        memory.ledger.automatic = False
        [line] = await signed_on(memory, range(1, 2))
        line.send_nowait(
            *(Earn(stan=stan, terminal_time=0, card=CARD, entry=SWIPED, amount=1_000) for stan in range(1, 7))
        )
        assert isinstance(line.stream, trio.SocketStream)
        await line.stream.send_eof()
        replies = []
        with trio.fail_after(HANG_S):
            while len(replies) < 6:
                await wait_all_tasks_blocked(0.005)
                batch = len(memory.ledger.waiting)
                memory.ledger.commit()
                replies += [(await line.reply()).stan for _ in range(batch)]
            assert await line.closed()
        assert replies == list(range(1, 7))
        assert memory.meters.closes["peer_closed"] == 1


async def test_tcp_itself_gives_up_on_who_takes_nothing() -> None:
    """Replies that wait in the socket's own buffer have the write time-out, too: there nobody sees them."""
    async with running_front(write_s=0.2, in_flight_per_connection_max=200) as memory:
        memory.ledger.automatic = False
        sock = trio.socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2_048)
        await sock.connect(("127.0.0.1", memory.port))
        memory.streams.append(trio.SocketStream(sock))
        line = Line(memory.streams[0])
        assert await line.sign_in()
        await line.send(
            *(
                Earn(stan=stan, terminal_time=0, card=CARD, entry=SWIPED, amount=1_000)
                for stan in range(1, 201)
            )
        )
        with trio.fail_after(HANG_S):
            while len(memory.ledger.waiting) < 200:
                await trio.lowlevel.checkpoint()
            memory.ledger.commit()
            [connection] = memory.front.connections.snapshot()
            assert connection.write_since is None
            while not memory.meters.closes["write_timeout"]:
                await trio.lowlevel.checkpoint()


class CountingEpoll:
    """An epoll object that counts how often it is told something."""

    def __init__(self) -> None:
        self._epoll = select_epoll()
        self.modified = 0

    def __getattr__(self, name: str) -> object:
        return getattr(self._epoll, name)

    def modify(self, fd: int, events: int) -> None:
        self.modified += 1
        self._epoll.modify(fd, events)


@pytest.mark.parametrize(("depth", "told"), [(1, 0), (16, 0), (17, 2)])
async def test_a_turn_that_takes_all_costs_no_word_to_epoll(
    depth: int, told: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Read, decide, write: epoll is told of a connection only when something is left for another turn."""
    made: list[CountingEpoll] = []

    def make() -> CountingEpoll:
        made.append(CountingEpoll())
        return made[-1]

    monkeypatch.setattr(switch.wire.pump.select, "epoll", make)
    async with running_front(use_pump=True) as memory:
        monkeypatch.setattr(switch.wire.pump.select, "epoll", select_epoll)
        pump = made[0]
        [line] = await signed_on(memory, range(1, 2))
        for turn in range(5):
            line.send_nowait(
                *(
                    Earn(
                        stan=1 + turn * depth + at,
                        terminal_time=0,
                        card=CARD,
                        entry=SWIPED,
                        amount=1,
                    )
                    for at in range(depth)
                )
            )
            for _ in range(depth):
                await line.reply()
            await wait_all_tasks_blocked(0.005)
        assert pump.modified == 5 * told
