"""A hostile peer: whatever it sends, after whatever was right, only ProtocolError escapes; little is kept."""

import random
import tracemalloc
from collections.abc import Callable
from itertools import pairwise, takewhile
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol import Earn, Echo, MisuseError, ProtocolError, limits
from protocol.published import vector_cases
from protocol.published.make_vectors import requests
from protocol.published.vector_cases import TIME, opening, sealed
from tests.entries import SWIPED
from tests.protocol.pair import EARN, EARN_TYPE, EARNED, new_client, new_server, open_pair, outcome

READ_BYTES = 8_192
KEPT_MAX = 8 * (READ_BYTES + limits.FRAME_MAX)
"""A read, a partial frame, and the copies of both that one call makes."""

STREAM = [bytes.fromhex(row["frame"]) for row in requests()]
HANDSHAKE = [opening().hello, opening().proof]


def pieces(data: bytes, places: list[int]) -> list[bytes]:
    marks = sorted({0, len(data), *(place % (len(data) + 1) for place in places)})
    return [data[a:b] for a, b in pairwise(marks)]


def whole_frames(frames: list[bytes], size: int) -> int:
    """How many frames lie whole within the first `size` bytes of their stream."""
    count, end = 0, 0
    for frame in frames:
        end += len(frame)
        count += end <= size
    return count


def same_beginning(one: bytes, other: bytes) -> int:
    """How many bytes two streams have in common at their beginning."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))


cuts = st.lists(st.integers(0, 5_000), max_size=9)


@given(st.integers(0, sum(map(len, STREAM))), st.binary(max_size=100), cuts)
def test_garbage_behind_any_beginning_of_a_session(size: int, garbage: bytes, places: list[int]) -> None:
    """A stream of right frames that turns into anything: what was whole is taken, nothing else is."""
    good = b"".join(STREAM)[:size]
    server = open_pair()[0]
    received, reason, sent, is_open, _ = outcome(server, pieces(good + garbage, places))
    bodies = [bytes.fromhex(row["body"]) for row in requests()]
    taken = whole_frames(STREAM, same_beginning(good + garbage, b"".join(STREAM)))
    assert [one.body for one in received] == bodies[:taken]
    assert sent == b""
    assert is_open == (reason is None)


@given(st.integers(0, sum(map(len, HANDSHAKE))), st.binary(max_size=100), cuts)
def test_garbage_behind_any_beginning_of_a_handshake(size: int, garbage: bytes, places: list[int]) -> None:
    """A handshake that turns into anything never opens, unless it was all there; no message comes of it."""
    whole = b"".join(HANDSHAKE)
    data = whole[:size] + garbage
    received, _, _, _, _ = outcome(server := new_server(), pieces(data, places))
    assert received == []
    assert (server.terminal is not None) <= data.startswith(whole)


@pytest.mark.parametrize("side", ["switch", "terminal"])
@given(data=st.data())
def test_bytes_changed_anywhere_in_a_stream(side: str, data: st.DataObject) -> None:
    """One byte of many frames altered, put in or left out: frames before it count, none after it does."""
    server, client = open_pair()
    seal: Callable[[int], bytes] = (
        (lambda n: client.seal(Echo(n + 1, TIME)))
        if side == "switch"
        else (lambda n: server.seal(EARNED, EARN_TYPE))
    )
    frames = [seal(n) for n in range(6)]
    stream = b"".join(frames)
    place = data.draw(st.integers(0, len(stream) - 1))
    change = data.draw(st.sampled_from(["alter", "insert", "drop"]))
    byte = bytes([stream[place] ^ data.draw(st.integers(1, 255))])
    changed = {
        "alter": stream[:place] + byte + stream[place + 1 :],
        "insert": stream[:place] + byte + stream[place:],
        "drop": stream[:place] + stream[place + 1 :],
    }[change]
    session = server if side == "switch" else client
    received, reason, _, _, is_partial = outcome(session, pieces(changed, data.draw(cuts)))
    assert len(received) == whole_frames(frames, same_beginning(changed, stream))
    assert reason is not None or is_partial


@given(st.binary(max_size=200), st.binary(max_size=200))
def test_after_a_fault_there_is_only_the_fault(first: bytes, more: bytes) -> None:
    """A session at fault takes nothing, writes nothing and seals nothing, whatever comes after."""
    server, client = open_pair()
    frame = client.seal(EARN)
    with pytest.raises(ProtocolError) as fault:
        server.receive(frame[:-1] + bytes([frame[-1] ^ 1]))
    for data in (first, more, frame):
        with pytest.raises(ProtocolError) as again:
            server.receive(data)
        assert (again.value.reason, again.value.received) == (fault.value.reason, [])
    assert server.data_to_send() == b""
    assert not server.has_partial_frame
    with pytest.raises(MisuseError):
        server.seal(EARNED, EARN_TYPE)


@given(st.text(max_size=255).filter(lambda text: len(text.encode()) <= limits.CARD_BYTES_MAX), cuts)
def test_no_card_text_costs_the_line(card: str, places: list[int]) -> None:
    """Any text of up to 255 bytes arrives as a request that can be answered."""
    server, client = open_pair()
    frame = client.seal(Earn(1, TIME, card, SWIPED, 1))
    [received] = [one for piece in pieces(frame, places) for one in server.receive(piece)]
    assert getattr(received.message, "card", None) == card


def feed_in_reads(receive: Callable[[bytes], Any], stream: bytes, sizes: list[int]) -> int:
    """Feed a stream in reads of these sizes, over and over; return the most bytes held beside it."""
    tracemalloc.start()
    try:
        before, place, turn = tracemalloc.get_traced_memory()[0], 0, 0
        while place < len(stream):
            size = sizes[turn % len(sizes)]
            receive(stream[place : place + size])
            place, turn = place + size, turn + 1
        return tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("sizes", [[READ_BYTES], [1], [1, READ_BYTES, 3], [4_095], [4_097]], ids=str)
def test_what_a_session_holds_has_a_bound(sizes: list[int]) -> None:
    """However long a peer goes on and however it cuts: a session holds a read and a frame, never more."""
    key, size = opening().keys.client_data, 0
    frames = []
    body = vector_cases.encode(Earn(1, TIME, "9" * limits.CARD_BYTES_MAX, SWIPED, 1))
    while size < (40_000 if sizes == [1] else 1_000_000):
        frames.append(sealed(key, len(frames), EARN_TYPE, body))
        size += len(frames[-1])
    stream = b"".join(frames)
    held = feed_in_reads(open_pair()[0].receive, stream, sizes)
    # The messages of one read are the caller's, some hundred bytes each beside their text.
    assert held < KEPT_MAX


@pytest.mark.parametrize("make", [new_server, new_client, lambda: open_pair()[0], lambda: open_pair()[1]])
def test_a_frame_that_never_ends_is_not_waited_for_with_more_than_its_cap(make: Callable[[], Any]) -> None:
    """The longest frame of the state comes byte by byte: that much is held, and one byte more refused."""
    session = make()
    cap = limits.FRAME_MAX if session.is_open else limits.FRAME_UNAUTHENTICATED_MAX
    session.receive((cap - 2).to_bytes(2, "big"))
    for _ in range(cap - 3):
        session.receive(b"\x01")
        assert session.has_partial_frame
    with pytest.raises(ProtocolError):
        session.receive(b"\x01")
    refused = make()
    with pytest.raises(ProtocolError) as too_long:
        refused.receive((cap - 1).to_bytes(2, "big"))
    assert too_long.value.reason == "frame_size"


def test_noise_that_begins_like_a_terminal_raises_nothing_else() -> None:
    """Noise that begins like HELLO, seeded: every session ends in ProtocolError or waits within its cap."""
    rng, hello = random.Random(20_161_219), opening().hello
    for _ in range(5_000):
        session = new_server()
        kept = rng.randrange(len(hello) + 1)
        reason = outcome(session, [hello[:kept], rng.randbytes(rng.randrange(1, 200))])[1]
        assert reason is None or isinstance(reason, str)
        assert session.terminal is None
