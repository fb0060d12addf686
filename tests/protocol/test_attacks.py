"""An attacker on the line: whatever is altered, repeated, moved or made up closes the session unanswered."""

import itertools
from collections import Counter

import pytest

import protocol.server
from protocol import AuthenticationFailed, CloseReason, Echo, ProtocolError, ServerSession
from protocol.published.vector_cases import (
    DUMMY_KEY,
    SERVER_NONCE,
    SESSION_ID,
    TERMINAL,
    TERMINAL_KEY,
    TIME,
    opening,
)
from tests.protocol.pair import (
    EARN,
    EARN_TYPE,
    EARNED,
    find_key,
    new_client,
    new_server,
    open_pair,
    outcome,
    shake_hands,
)

SILENT_TAG = ([], "tag", b"", False, False)


def bit_flips(data: bytes) -> list[tuple[int, bytes]]:
    """Every string that differs in one bit, with the bit's place."""
    return [
        (bit, data[: bit // 8] + bytes([data[bit // 8] ^ 0x80 >> bit % 8]) + data[bit // 8 + 1 :])
        for bit in range(len(data) * 8)
    ]


def test_replay_is_refused() -> None:
    """The same frame twice: the second has the wrong sequence number."""
    server, client = open_pair()
    frame = client.seal(EARN)
    assert server.receive(frame)
    assert outcome(server, [frame]) == SILENT_TAG


def test_reorder_and_gap_are_refused() -> None:
    """A frame before its turn is refused, whether its predecessor comes later or never."""
    server, client = open_pair()
    client.seal(EARN)
    assert outcome(server, [client.seal(Echo(2, TIME))]) == SILENT_TAG


@pytest.mark.parametrize("to_switch", [True, False])
def test_reflection_is_refused(to_switch: bool) -> None:
    """A side's own frame sent back to it is refused: each direction has its key."""
    server, client = open_pair()
    if to_switch:
        assert outcome(server, [server.seal(EARNED, EARN_TYPE)]) == SILENT_TAG
    else:
        assert outcome(client, [client.seal(EARN)]) == SILENT_TAG


def test_splice_between_sessions_is_refused() -> None:
    """A frame of another session of the same terminal is refused, even with the same sequence and nonce."""
    server, _ = open_pair()
    _, other_client = open_pair(bytes(32))
    assert outcome(server, [other_client.seal(EARN)]) == SILENT_TAG


def test_recorded_handshake_does_not_open_a_new_session() -> None:
    """HELLO and PROOF of yesterday meet a fresh nonce and fail."""
    o = opening()
    server = new_server(nonce=bytes(32))
    server.receive(o.hello)
    with pytest.raises(AuthenticationFailed):
        server.receive(o.proof)


def test_truncated_frame_gives_nothing() -> None:
    """Every true beginning of a frame leaves the session open and silent, with a partial frame."""
    frame = open_pair()[1].seal(EARN)
    for size in range(1, len(frame)):
        server, _ = open_pair()
        assert outcome(server, [frame[:size]]) == ([], None, b"", True, True)


def test_any_flipped_bit_of_a_data_frame_is_refused() -> None:
    """Header, body, tag: a flip of any bit never yields a message; in the length it may only make us wait."""
    frame = open_pair()[1].seal(EARN)
    for bit, altered in bit_flips(frame):
        server, _ = open_pair()
        received, reason, sent, is_open, partial = outcome(server, [altered])
        assert (received, sent) == ([], b"")
        if reason is None:
            assert bit < 16
            assert is_open
            assert partial
        else:
            assert reason == "tag" or (bit < 16 and reason == "frame_size")


@pytest.mark.parametrize("which", ["hello", "challenge", "proof", "accept"])
def test_any_flipped_bit_of_the_handshake_is_refused(which: str) -> None:
    """A flip of any bit in any frame of the handshake leaves at least one side closed, and none deceived."""
    o = opening()
    for _, altered in bit_flips(getattr(o, which)):
        server, client = new_server(), new_client()
        frames = {"hello": client.data_to_send()}
        try:
            server.receive(altered if which == "hello" else frames["hello"])
            challenge = server.data_to_send()
            client.receive(altered if which == "challenge" else challenge)
            proof = client.data_to_send()
            server.receive(altered if which == "proof" else proof)
            accept = server.data_to_send()
            client.receive(altered if which == "accept" else accept)
        except ProtocolError:
            pass
        assert not client.is_open
        assert not server.is_open or which == "accept"


def failed_exchange(terminal: int, generation: int, key: bytes) -> tuple[list[int], str, str]:
    """The sizes the switch wrote, and how the exchange ended."""
    server, client = new_server(), new_client(terminal, generation, key)
    server.receive(client.data_to_send())
    challenge = server.data_to_send()
    client.receive(challenge)
    with pytest.raises(AuthenticationFailed) as caught:
        server.receive(client.data_to_send())
    assert (caught.value.terminal, caught.value.generation) == (terminal, generation)
    assert (server.terminal, server.data_to_send()) == (None, b"")
    return [len(challenge)], caught.value.reason.value, type(caught.value).__name__


WHO = {
    "unknown terminal": (TERMINAL + 1, 1, TERMINAL_KEY),
    "wrong key": (TERMINAL, 1, bytes(32)),
    "wrong generation": (TERMINAL, 2, TERMINAL_KEY),
    "the dummy key itself": (TERMINAL + 1, 1, DUMMY_KEY),
}


def test_all_failures_of_authentication_look_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    """Unknown terminal, wrong key, wrong generation: the same frames, the same calls to the key schedule."""
    calls: Counter[str] = Counter()

    def counted(name: str):  # type: ignore[no-untyped-def]
        function = getattr(protocol.server, name)

        def call(*arguments: object) -> object:
            calls[name] += 1
            return function(*arguments)

        return call

    for name in ("derive_session_keys", "mac", "sha256", "compare_digest"):
        monkeypatch.setattr(protocol.server, name, counted(name))
    seen = []
    for who in WHO.values():
        calls.clear()
        seen.append((failed_exchange(*who), dict(calls)))
    assert all(item == seen[0] for item in seen)
    assert seen[0] == (
        ([50], "key", "AuthenticationFailed"),
        {"derive_session_keys": 1, "mac": 1, "sha256": 1, "compare_digest": 1},
    )


def test_the_key_is_asked_for_once_and_only_after_proof() -> None:
    """HELLO alone costs the switch no key look-up; PROOF costs one."""
    asked: list[tuple[int, int]] = []

    def counting_find_key(terminal: int, generation: int) -> bytes | None:
        asked.append((terminal, generation))
        return find_key(terminal, generation)

    server = ServerSession(
        nonce=SERVER_NONCE, session_id=SESSION_ID, find_key=counting_find_key, dummy_key=DUMMY_KEY
    )
    client = new_client()
    server.receive(client.data_to_send())
    assert asked == []
    client.receive(server.data_to_send())
    server.receive(client.data_to_send())
    assert asked == [(TERMINAL, 1)]


def test_no_stranger_makes_the_switch_keep_more_than_one_small_frame() -> None:
    """Before PROOF a length above 126 is refused with its second byte; nothing of 60,000 levels gets in."""
    server = new_server()
    assert outcome(server, [b"\xff", b"\xff"])[1] == "frame_size"
    server = new_server()
    assert outcome(server, [(60_004).to_bytes(2, "big") + b"\x01\x01" + b"\x91" * 60_000])[1] == "frame_size"
    server, _ = open_pair()
    assert outcome(server, [(60_020).to_bytes(2, "big") + b"\x01\x20" + b"\x91" * 60_000])[1] == "frame_size"


def test_a_flood_of_whole_frames_is_not_kept() -> None:
    """Frames are taken as they come: nothing but a partial one stays behind."""
    server, client = open_pair()
    frames = b"".join(client.seal(Echo(stan, TIME)) for stan in itertools.islice(itertools.count(1), 500))
    assert len(server.receive(frames)) == 500
    assert not server.has_partial_frame


def test_errors_tell_no_secret() -> None:
    """What is raised, and so logged, holds no key, mac or card number."""
    server, client = open_pair()
    frame = client.seal(EARN)
    with pytest.raises(ProtocolError) as caught:
        server.receive(frame[:-1] + bytes([frame[-1] ^ 1]))
    assert str(caught.value) == "tag: a data frame"
    assert caught.value.reason is CloseReason.TAG
    late_server, late_client = new_server(), new_client(key=bytes(32))
    with pytest.raises(AuthenticationFailed) as failed:
        shake_hands(late_server, late_client)
    assert str(failed.value) == f"key: terminal {TERMINAL}, generation 1"
