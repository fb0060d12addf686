"""An attacker on the line of a running switch: what he keeps, changes or mixes posts nothing."""

import pytest
import trio

from protocol import CloseReason, Earn, Echo, ProtocolError, TransactionReply
from protocol.frames import plain_frame
from protocol.handshake import Challenge, Hello
from protocol.messages import CHALLENGE, HELLO, decoder, encode
from tests.attacks.attacker import Tapped, answers, tapped, until_quiet
from tests.entries import SWIPED
from tests.patience import HANG_S
from tests.switch.memory import CARD, Line, Memory, running_front, terminal_key

TRANSPORTS = pytest.mark.parametrize("use_pump", [True, False])
HEADER = 4


def earn(stan: int = 1) -> Earn:
    return Earn(stan=stan, terminal_time=0, card=CARD, entry=SWIPED, amount=10_000)


async def posted(memory: Memory) -> list[int]:
    """Let all that was taken be decided; return the STANs that posted."""
    while memory.front.flow.in_flight:
        await trio.lowlevel.checkpoint()
    return [posting.stan for posting in memory.ledger.posted]


async def counted(memory: Memory, handshakes: dict[str, int]) -> bool:
    """Wait until so many handshakes have been counted, which is after their lines have ended."""
    with trio.fail_after(HANG_S):
        while memory.meters.handshakes.total() < sum(handshakes.values()):
            await trio.lowlevel.checkpoint()
    return memory.meters.handshakes == handshakes


async def closed_for(memory: Memory, line: Tapped, data: bytes, reason: str) -> None:
    """The switch answers these bytes with nothing but an end, for this reason."""
    before = memory.meters.closes[reason]
    assert await line.exchange(data) == b""
    assert memory.meters.closes[reason] == before + 1


@TRANSPORTS
async def test_a_frame_played_again_in_its_session_posts_once(use_pump: bool) -> None:
    """The very bytes of an approved EARN, sent again: closed, and one posting."""
    async with running_front(use_pump=use_pump) as memory:
        line = await tapped(memory)
        frame = line.session.seal(earn())
        assert line.session.receive(await line.exchange(frame))
        await closed_for(memory, line, frame, "tag")
        assert await posted(memory) == [1]


@TRANSPORTS
async def test_a_session_played_again_whole_gets_no_further_than_its_proof(use_pump: bool) -> None:
    """HELLO, PROOF and EARN of a recorded session, one by one or in one piece: challenge, then the end."""
    async with running_front(use_pump=use_pump) as memory:
        line = await tapped(memory)
        frame = line.session.seal(earn())
        assert await line.exchange(frame)
        for _ in range(3):
            challenge, end = await answers(memory, line.hello, line.proof, frame)
            assert (len(challenge), challenge != line.challenge, end) == (50, True, b"")
            assert await answers(memory, line.hello + line.proof + frame) == [b""]
        assert await posted(memory) == [1]
        assert await counted(memory, {"accepted": 1, "key": 6})


@TRANSPORTS
async def test_frames_of_two_sessions_cannot_be_mixed(use_pump: bool) -> None:
    """A frame of an older session of the same terminal, or of another's, at the same place in the order."""
    async with running_front(use_pump=use_pump) as memory:
        older, other = await tapped(memory, 1), await tapped(memory, 2)
        of_older, of_other = older.session.seal(earn()), other.session.seal(earn())
        newer = await tapped(memory, 1)
        await closed_for(memory, newer, of_older, "tag")
        newest = await tapped(memory, 1)
        await closed_for(memory, newest, of_other, "tag")
        assert await posted(memory) == []


@TRANSPORTS
async def test_handshakes_of_two_terminals_cannot_be_mixed(use_pump: bool) -> None:
    """Two terminals' challenges handed to each other: neither proof is good for the other's HELLO."""
    async with running_front(use_pump=use_pump) as memory:
        first, second = Tapped(await memory.connect(), 1), Tapped(await memory.connect(), 2)
        for line in (first, second):
            line.hello = line.session.data_to_send()
            line.challenge = await line.exchange(line.hello)
        first.session.receive(second.challenge)  # what the attacker hands on
        second.session.receive(first.challenge)
        assert await first.exchange(first.session.data_to_send()) == b""
        assert await second.exchange(second.session.data_to_send()) == b""
        assert await counted(memory, {"key": 2})


@TRANSPORTS
async def test_the_switchs_own_frames_are_nothing_to_it(use_pump: bool) -> None:
    """Reflected: a reply in an open session, a CHALLENGE and an ACCEPT in a handshake."""
    async with running_front(use_pump=use_pump) as memory:
        line = await tapped(memory)
        reply = await line.exchange(line.session.seal(earn()))
        await closed_for(memory, line, reply, "tag")
        assert await answers(memory, line.challenge) == [b""]
        assert [len(heard) for heard in await answers(memory, line.hello, line.accept)] == [50, 0]
        assert await posted(memory) == [1]
        assert await counted(memory, {"accepted": 1, "type": 2})


@TRANSPORTS
async def test_frames_out_of_their_order_post_nothing(use_pump: bool) -> None:
    """The second before the first, or without it."""
    async with running_front(use_pump=use_pump) as memory:
        for frames in ([1, 0], [1], [0, 2, 1], [2]):
            line = await tapped(memory)
            sealed = [line.session.seal(earn(stan)) for stan in (1, 2, 3)]
            before = len(await posted(memory))
            await line.stream.send_all(b"".join(sealed[number] for number in frames))
            while await line.closed() is False:
                pass
            assert len(await posted(memory)) - before == (frames[0] == 0)


@TRANSPORTS
async def test_what_ends_at_any_byte_does_nothing(use_pump: bool) -> None:
    """HELLO, PROOF and EARN cut at every byte, then the end: no session, no posting, nothing kept."""
    async with running_front(use_pump=use_pump, terminals=20) as memory:
        whole = await tapped(memory)
        cuts, accepted = 0, 1
        for size in range(len(whole.hello)):
            stream = await memory.connect()
            await stream.send_all(whole.hello[:size])
            await stream.send_eof()
            assert await Line(stream).closed()
            cuts += 1
        for size in range(len(whole.proof)):
            line = Tapped(await memory.connect())
            line.session.receive(await line.exchange(line.session.data_to_send()))
            await line.stream.send_all(line.session.data_to_send()[:size])
            assert isinstance(line.stream, trio.SocketStream)
            await line.stream.send_eof()
            assert await line.closed()
            cuts += 1
        frame = whole.session.seal(earn())
        for size in range(len(frame)):
            line = await tapped(memory, 2 + size % 19)
            await line.stream.send_all(line.session.seal(earn())[:size])
            assert isinstance(line.stream, trio.SocketStream)
            await line.stream.send_eof()
            assert await line.closed()
            cuts, accepted = cuts + 1, accepted + 1
        await whole.stream.aclose()
        await until_quiet(memory.front)
        assert cuts == len(whole.hello) + len(whole.proof) + len(frame)
        assert await posted(memory) == []
        assert memory.meters.handshakes["accepted"] == accepted
        assert not memory.meters.sign_on_refusals


@pytest.mark.parametrize("versions", [[1, 2], [2, 1], [1, 1], [1, 255, 7, 3]])
async def test_a_changed_list_of_versions_ends_the_handshake(versions: list[int]) -> None:
    """Who makes a HELLO offer other versions breaks its proof: the list is part of the transcript."""
    async with running_front() as memory:
        line = Tapped(await memory.connect())
        hello = decoder(Hello)(line.session.data_to_send()[HEADER:])
        forged = Hello(versions, hello.terminal, hello.generation, hello.nonce)
        line.session.receive(await line.exchange(plain_frame(HELLO, encode(forged))))
        assert await line.exchange(line.session.data_to_send()) == b""
        assert await counted(memory, {"key": 1})


async def test_nothing_but_the_version_there_is_can_be_agreed_on() -> None:
    """HELLO without version 1, frames of version 0 and 2: closed. A terminal told another version closes."""
    async with running_front() as memory:
        line = await tapped(memory)
        hello = decoder(Hello)(line.hello[HEADER:])
        for versions in ([2], [255, 2]):
            other = plain_frame(HELLO, encode(Hello(versions, hello.terminal, 1, hello.nonce)))
            assert await answers(memory, other) == [b""]
        for number in (0, 2, 255):
            assert await answers(memory, line.hello[:2] + bytes([number]) + line.hello[3:]) == [b""]
        assert await counted(memory, {"accepted": 1, "version": 5})
        for number in (2, 255):
            terminal = Tapped(await memory.connect()).session
            terminal.data_to_send()
            with pytest.raises(ProtocolError) as caught:
                terminal.receive(plain_frame(CHALLENGE, encode(Challenge(number, bytes(8), bytes(32)))))
            assert caught.value.reason is CloseReason.VERSION


async def test_a_generation_that_was_left_behind_opens_nothing() -> None:
    """Once generation 2 was used: the old key, a recording of it, a HELLO turned back to it are refused."""
    async with running_front() as memory:
        recorded = await tapped(memory)
        device = memory.directory.terminals[1]
        device.keys[2] = terminal_key(77), None
        device.used_generation = 2
        assert not await Tapped(await memory.connect(), 1, generation=1).sign_in()  # who stole the old key
        assert [len(one) for one in await answers(memory, recorded.hello, recorded.proof)] == [50, 0]
        turned = Tapped(await memory.connect(), 1, key=terminal_key(77), generation=2)
        hello = decoder(Hello)(turned.session.data_to_send()[HEADER:])
        back = plain_frame(HELLO, encode(Hello(hello.versions, 1, 1, hello.nonce)))
        turned.session.receive(await turned.exchange(back))
        assert await turned.exchange(turned.session.data_to_send()) == b""
        assert memory.meters.sign_on_refusals == {"generation_retired": 3}
        assert await Tapped(await memory.connect(), 1, key=terminal_key(77), generation=2).sign_in()


@TRANSPORTS
async def test_of_one_terminal_signed_on_many_times_one_line_is_open(use_pump: bool) -> None:
    """Twenty handshakes of one terminal at once, each finished: one line lives, nobody else's is touched."""
    async with running_front(use_pump=use_pump) as memory:
        other = await tapped(memory, 2)
        lines = [Tapped(await memory.connect()) for _ in range(20)]
        for line in lines:
            line.session.receive(await line.exchange(line.session.data_to_send()))
        for line in reversed(lines):
            line.session.receive(await line.exchange(line.session.data_to_send()))
        with trio.fail_after(HANG_S):
            while memory.meters.closes["replaced"] < 19:
                await trio.lowlevel.checkpoint()
        assert memory.meters.closes == {"replaced": 19}
        for line in lines[1:]:
            assert await line.closed()
        assert isinstance(await lines[0].ask(earn()), TransactionReply)
        assert (await other.ask(Echo(stan=1, terminal_time=0))).code == 0
