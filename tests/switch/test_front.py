"""The front over real loopback sockets, with the pump and with plain streams; time is jumped, never slept."""

import socket

import pytest
import structlog.testing
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from protocol import Ack, Balance, Earn, Echo, Redeem, ResultCode, SignOff, TransactionReply
from tests.entries import SWIPED
from tests.patience import HANG_S, jump
from tests.switch.memory import CARD, UNKNOWN_CARD, Line, Memory, receive, reset, running_front

TRANSPORTS = pytest.mark.parametrize("use_pump", [True, False])


def earn(stan: int) -> Earn:
    return Earn(stan=stan, terminal_time=0, card=CARD, entry=SWIPED, amount=1_000)


async def closed_by(memory: Memory, reason: str) -> None:
    """Wait until one connection has been closed for `reason`."""
    while not memory.meters.closes[reason]:
        await trio.lowlevel.checkpoint()


@TRANSPORTS
async def test_a_terminal_signs_in_and_earns(use_pump: bool) -> None:
    """The whole way: handshake, request, posting, reply with a receipt."""
    async with running_front(use_pump=use_pump) as memory:
        line = Line(await memory.connect())
        assert await line.sign_in()
        reply = await line.ask(Earn(stan=1, terminal_time=0, card=CARD, entry=SWIPED, amount=4_590))
        assert isinstance(reply, TransactionReply)
        assert (reply.stan, reply.code, reply.points, reply.amount_grosze) == (1, 0, 4, 4_590)
        assert "Przyznane punkty: 4" in reply.receipt
        assert memory.ledger.posted[0].counter_account == 1 << 3 | 1
        assert isinstance(await line.ask(Echo(stan=2, terminal_time=0)), Ack)
        assert isinstance(await line.ask(SignOff(stan=3, terminal_time=0)), Ack)


@TRANSPORTS
async def test_replies_wait_for_the_commit_and_may_come_out_of_order(use_pump: bool) -> None:
    """Several requests in flight: nothing is answered before its commit, replies carry their STAN."""
    async with running_front(use_pump=use_pump) as memory:
        memory.ledger.automatic = False
        line = Line(await memory.connect())
        assert await line.sign_in()
        await line.send(
            *(Earn(stan=stan, terminal_time=0, card=CARD, entry=SWIPED, amount=1_000) for stan in (5, 6, 7)),
            Echo(stan=8, terminal_time=0),
        )
        assert (await line.reply()).stan == 8
        assert len(memory.ledger.waiting) == 3
        memory.ledger.waiting.reverse()
        memory.ledger.commit()
        assert [(await line.reply()).stan for _ in range(3)] == [7, 6, 5]


async def test_refusals_are_journalled_with_their_code_and_post_nothing() -> None:
    """Unknown card, zero amount, invalid number: a result code of its own, a receipt text, no points."""
    cases = [
        (
            Earn(stan=1, terminal_time=0, card=UNKNOWN_CARD, entry=SWIPED, amount=100),
            ResultCode.CARD_UNKNOWN,
        ),
        (
            Earn(stan=2, terminal_time=0, card="12", entry=SWIPED, amount=100),
            ResultCode.CARD_NUMBER_INVALID,
        ),
        (Earn(stan=3, terminal_time=0, card=CARD, entry=SWIPED, amount=0), ResultCode.AMOUNT_ZERO),
        (
            Earn(stan=4, terminal_time=0, card=CARD, entry=SWIPED, amount=-1),
            ResultCode.AMOUNT_NEGATIVE,
        ),
        (
            Earn(stan=5, terminal_time=0, card=CARD, entry=SWIPED, amount=10**12),
            ResultCode.AMOUNT_OVER_LIMIT,
        ),
        (
            Redeem(stan=6, terminal_time=0, card=CARD, entry=SWIPED, tier=101, amount=0),
            ResultCode.TIER_UNKNOWN,
        ),
    ]
    async with running_front() as memory:
        line = Line(await memory.connect())
        assert await line.sign_in()
        for request, code in cases:
            reply = await line.ask(request)
            assert isinstance(reply, TransactionReply)
            assert (reply.code, reply.points) == (code, 0)
            assert code.text_pl in reply.receipt.replace("\n", " ")
        assert [posting.code for posting in memory.ledger.posted] == [code for _, code in cases]
        assert not any(posting.points for posting in memory.ledger.posted)


async def test_a_stale_feed_answers_redemptions_without_journalling_them() -> None:
    """Feed stale: redemptions get "retry", and their STAN stays free for the retry."""
    async with running_front(clock=lambda: True) as memory:
        line = Line(await memory.connect())
        assert await line.sign_in()
        reply = await line.ask(Redeem(stan=1, terminal_time=0, card=CARD, entry=SWIPED, tier=100, amount=0))
        assert reply.code == ResultCode.FEED_STALE
        assert memory.ledger.posted == []


async def test_a_balance_of_a_refused_card_needs_no_ledger() -> None:
    """A balance that memory refuses is answered at once and not journalled."""
    async with running_front() as memory:
        line = Line(await memory.connect())
        assert await line.sign_in()
        assert (
            await line.ask(Balance(stan=1, terminal_time=0, card="12", entry=SWIPED))
        ).code == ResultCode.CARD_NUMBER_INVALID
        assert memory.ledger.posted == []


@TRANSPORTS
@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda frame: frame[:-1] + bytes([frame[-1] ^ 1]), "tag"),
        (lambda frame: b"\0\0" + frame[2:], "frame_size"),
        (lambda frame: b"\xff\xff" + frame[2:], "frame_size"),
    ],
)
async def test_a_bad_frame_closes_without_a_word(use_pump: bool, damage, reason: str) -> None:  # type: ignore[no-untyped-def]
    """Bad tag, zero or oversized length: closed without a word, counted."""
    async with running_front(use_pump=use_pump) as memory:
        line = Line(await memory.connect())
        assert await line.sign_in()
        await line.stream.send_all(damage(line.session.seal(Echo(stan=1, terminal_time=0))))
        assert await line.closed()
        assert memory.meters.closes[reason] == 1


async def test_requests_before_a_bad_frame_are_still_posted() -> None:
    """Frames verified before a fault are handled: the terminal will ask for them again."""
    async with running_front() as memory:
        line = Line(await memory.connect())
        assert await line.sign_in()
        good = line.session.seal(Earn(stan=1, terminal_time=0, card=CARD, entry=SWIPED, amount=1_000))
        await line.stream.send_all(good + b"\0\0")
        assert await line.closed()
        while not memory.ledger.posted:
            await trio.lowlevel.checkpoint()
        assert memory.ledger.posted[0].stan == 1
        assert memory.front.flow.in_flight == 0


@TRANSPORTS
async def test_a_frame_must_be_whole_within_its_deadline(use_pump: bool, mock_clock: MockClock) -> None:
    """Frame: 5 s from its first byte."""
    async with running_front(use_pump=use_pump) as memory:
        line = Line(await memory.connect())
        assert await line.sign_in()
        await line.stream.send_all(line.session.seal(Echo(stan=1, terminal_time=0))[:3])
        await wait_all_tasks_blocked(0.01)
        await jump(mock_clock, 4.4)
        await wait_all_tasks_blocked(0.01)
        assert not memory.meters.closes["frame_timeout"]
        await jump(mock_clock, 1.2)
        assert await line.closed()
        assert memory.meters.closes["frame_timeout"] == 1


@TRANSPORTS
async def test_an_idle_terminal_is_closed_and_an_echo_keeps_it(use_pump: bool, mock_clock: MockClock) -> None:
    """Idle: 120 s since the last whole frame."""
    async with running_front(use_pump=use_pump) as memory:
        line = Line(await memory.connect())
        assert await line.sign_in()
        await jump(mock_clock, 100)
        assert isinstance(await line.ask(Echo(stan=1, terminal_time=0)), Ack)
        await jump(mock_clock, 100)
        assert isinstance(await line.ask(Echo(stan=2, terminal_time=0)), Ack)
        await jump(mock_clock, 121)
        assert await line.closed()
        assert memory.meters.closes["idle_timeout"] == 1


@TRANSPORTS
async def test_a_peer_that_reads_nothing_is_closed(use_pump: bool, mock_clock: MockClock) -> None:
    """Write: 5 s without progress, with the outbox bounded all the while."""
    async with running_front(use_pump=use_pump, outbox_bytes_max=16_777_216) as memory:
        stream = await memory.connect()
        stream.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        line = Line(stream)
        assert await line.sign_in()
        stan, taken = 0, -1
        while len(memory.ledger.posted) > taken:
            taken = len(memory.ledger.posted)
            await line.send(*(earn(stan + number) for number in range(1, 51)))
            stan += 50
            await wait_all_tasks_blocked(0.01)
        await jump(mock_clock, 6)
        await wait_all_tasks_blocked(0.01)
        await jump(mock_clock, 1)
        await closed_by(memory, "write_timeout")


@TRANSPORTS
@pytest.mark.parametrize("at_once", [1, 10])
async def test_the_in_flight_bound_holds_exactly_and_nothing_is_lost(use_pump: bool, at_once: int) -> None:
    """Four means four, however many come in one read; the others wait, and are answered in their turn."""
    async with running_front(use_pump=use_pump, in_flight_per_connection_max=4) as memory:
        memory.ledger.automatic = False
        line = Line(await memory.connect())
        assert await line.sign_in()
        for first in range(1, 11, at_once):
            await line.send(*(earn(stan) for stan in range(first, first + at_once)))
            await wait_all_tasks_blocked(0.005)
        assert [posting.stan for posting in memory.ledger.waiting] == [1, 2, 3, 4]
        answered = []
        while len(answered) < 10:
            assert 0 < len(memory.ledger.waiting) <= 4
            batch = len(memory.ledger.waiting)
            memory.ledger.commit()
            answered += [(await line.reply()).stan for _ in range(batch)]
            await wait_all_tasks_blocked(0.005)
        assert answered == list(range(1, 11))


async def test_reading_stops_at_the_total_bound_and_goes_on_after() -> None:
    """In-flight work is bounded in total, over all connections."""
    async with running_front(in_flight_max=2) as memory:
        memory.ledger.automatic = False
        lines = [Line(await memory.connect(), terminal) for terminal in (1, 2, 3)]
        for line in lines:
            assert await line.sign_in()
        for line in lines:
            await line.send(Earn(stan=1, terminal_time=0, card=CARD, entry=SWIPED, amount=1_000))
            await wait_all_tasks_blocked(0.005)
        assert len(memory.ledger.waiting) == 2
        memory.ledger.automatic = True
        memory.ledger.commit()
        for line in lines:
            assert (await line.reply()).code == 0


async def test_the_total_bound_holds_exactly() -> None:
    """Three means three, also when one connection brings more at once."""
    async with running_front(in_flight_max=3) as memory:
        memory.ledger.automatic = False
        line = Line(await memory.connect())
        assert await line.sign_in()
        await line.send(*map(earn, range(1, 8)))
        await wait_all_tasks_blocked(0.005)
        assert [posting.stan for posting in memory.ledger.waiting] == [1, 2, 3]
        memory.ledger.automatic = True
        memory.ledger.commit()
        assert [(await line.reply()).stan for _ in range(7)] == list(range(1, 8))


async def test_all_who_wait_for_room_go_on() -> None:
    """Over plain streams each reader waits for room by itself; when there is room, none is forgotten."""
    async with running_front(use_pump=False, in_flight_max=1) as memory:
        memory.ledger.automatic = False
        lines = [Line(await memory.connect(), terminal) for terminal in (1, 2, 3)]
        for line in lines:
            assert await line.sign_in()
        for stan in (1, 2):
            for line in lines:
                await line.send(Earn(stan=stan, terminal_time=0, card=CARD, entry=SWIPED, amount=1_000))
                await wait_all_tasks_blocked(0.005)
        memory.ledger.automatic = True
        memory.ledger.commit()
        with trio.fail_after(HANG_S):
            assert [(await line.reply()).stan for line in lines for _ in (1, 2)] == [1, 2] * 3


async def test_authenticated_connections_are_bounded() -> None:
    """Cap after authentication: one more is closed and counted."""
    async with running_front(connections_max=1) as memory:
        first = Line(await memory.connect(), 1)
        assert await first.sign_in()
        second = Line(await memory.connect(), 2)
        await second.sign_in()
        assert await second.closed()
        assert memory.meters.handshakes["connections_full"] == 1
        assert isinstance(await first.ask(Echo(stan=1, terminal_time=0)), Ack)


@TRANSPORTS
async def test_a_newer_connection_replaces_the_older(use_pump: bool) -> None:
    """A terminal that comes back need not wait for its dead connection to time out."""
    async with running_front(use_pump=use_pump) as memory:
        older = Line(await memory.connect())
        assert await older.sign_in()
        newer = Line(await memory.connect())
        assert await newer.sign_in()
        assert await older.closed()
        assert isinstance(await newer.ask(Echo(stan=1, terminal_time=0)), Ack)


@TRANSPORTS
async def test_one_peers_reset_harms_nobody_else(use_pump: bool) -> None:
    """A client's RST ends its own connection only, whether it comes early or with work in flight."""
    async with running_front(use_pump=use_pump) as memory:
        reset(await memory.connect())
        memory.ledger.automatic = False
        line = Line(await memory.connect(), 1)
        assert await line.sign_in()
        await line.send(Earn(stan=1, terminal_time=0, card=CARD, entry=SWIPED, amount=1_000))
        await wait_all_tasks_blocked(0.01)
        assert isinstance(line.stream, trio.SocketStream)
        reset(line.stream)
        await closed_by(memory, "peer_closed")
        memory.ledger.automatic = True
        memory.ledger.commit()
        assert memory.meters.replies_dropped == 1
        other = Line(await memory.connect(), 2)
        assert await other.sign_in()
        assert (
            await other.ask(Earn(stan=1, terminal_time=0, card=CARD, entry=SWIPED, amount=1_000))
        ).code == 0


@TRANSPORTS
async def test_a_drain_answers_what_is_in_flight_and_then_closes(use_pump: bool) -> None:
    """SIGTERM: stop accepting, answer what is in flight, close."""
    async with running_front(use_pump=use_pump) as memory:
        memory.ledger.automatic = False
        line = Line(await memory.connect())
        assert await line.sign_in()
        await line.send(Earn(stan=1, terminal_time=0, card=CARD, entry=SWIPED, amount=1_000))
        await wait_all_tasks_blocked(0.01)
        memory.stop.set()
        await wait_all_tasks_blocked(0.01)
        if use_pump:  # over a plain stream the read that waits already is still served
            await line.send(Earn(stan=2, terminal_time=0, card=CARD, entry=SWIPED, amount=1_000))
            await wait_all_tasks_blocked(0.01)
        assert not memory.stopped.is_set()
        memory.ledger.commit()
        assert (await line.reply()).stan == 1
        assert await line.closed()
        await memory.stopped.wait()
        assert [posting.stan for posting in memory.ledger.posted] == [1]
        with pytest.raises(OSError, match="all attempts to connect"):
            await memory.connect()


async def test_a_source_that_sends_garbage_is_logged_once() -> None:
    """Closed, counted each time, logged once per source and reason."""
    async with running_front() as memory:
        with structlog.testing.capture_logs() as lines:
            for _ in range(5):
                stream = await memory.connect()
                await stream.send_all(b"\xff\xff\0\0")
                assert not await receive(stream)
        faults = [line for line in lines if line["event"] == "handshake_failed"]
        assert [(line["source"], line["reason"]) for line in faults] == [("127.0.0.1", "frame_size")]
        assert memory.meters.handshakes["frame_size"] == 5
