"""The two sessions joined in memory: what is sealed arrives, in every cut; our own misuse is told apart."""

import pytest

from protocol import (
    REPEAT_BIT,
    Ack,
    AuthenticationFailed,
    ClientSession,
    CloseReason,
    Echo,
    MisuseError,
    ProtocolError,
    Received,
    ServerSession,
    SignOnReply,
    StatusReply,
    TransactionReply,
    encode_request,
    limits,
)
from protocol.published.vector_cases import SESSION_ID, TERMINAL, TIME, opening, plain, sealed
from protocol.state import (
    CLIENT_EVENTS,
    CLIENT_STEPS,
    SERVER_EVENTS,
    SERVER_STEPS,
    Event,
    State,
    step,
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
    single_bytes,
)


def test_handshake_opens_both_sides() -> None:
    """Four frames open both sides; the terminal's identity is known only then."""
    server, client = new_server(), new_client()
    server.receive(client.data_to_send())
    assert (server.terminal, server.generation, server.is_open) == (None, None, False)
    client.receive(server.data_to_send())
    assert (client.session_id, client.is_open) == (SESSION_ID, False)
    server.receive(client.data_to_send())
    assert (server.terminal, server.generation, server.is_open) == (TERMINAL, 1, True)
    client.receive(server.data_to_send())
    assert client.is_open
    assert server.data_to_send() == client.data_to_send() == b""


def test_handshake_survives_any_cut() -> None:
    """The handshake comes out the same byte by byte."""
    server, client = new_server(), new_client()
    for _ in range(2):
        for piece in single_bytes(client.data_to_send()):
            server.receive(piece)
        for piece in single_bytes(server.data_to_send()):
            client.receive(piece)
    assert server.is_open
    assert client.is_open


def test_data_right_behind_proof_is_read() -> None:
    """A chunk may hold the last frame of the handshake and the first of the data."""
    o = opening()
    body = encode_request(EARN)[1]
    server = new_server()
    [received] = server.receive(o.hello + o.proof + sealed(o.keys.client_data, 0, EARN_TYPE, body))
    assert received.message == EARN
    assert server.data_to_send() == o.challenge + o.accept


def test_several_frames_in_one_chunk_and_a_partial_one() -> None:
    """Whole frames come out in order; the rest waits and is visible as a partial frame."""
    server, client = open_pair()
    frames = [client.seal(Echo(stan, TIME)) for stan in (1, 2, 3)]
    received = server.receive(frames[0] + frames[1] + frames[2][:-1])
    assert [item.message.stan for item in received] == [1, 2]
    assert server.has_partial_frame
    assert [item.message.stan for item in server.receive(frames[2][-1:])] == [3]
    assert not server.has_partial_frame


@pytest.mark.parametrize("room", [1, 2, 3, 4])
def test_no_more_is_taken_than_there_is_room_for(room: int) -> None:
    """What comes beyond waits, whole and unverified, for the next call; nothing is lost or reordered."""
    server, client = open_pair()
    frames = [client.seal(Echo(stan, TIME)) for stan in range(1, 8)]
    taken = [[item.message.stan for item in server.receive(b"".join(frames[:6]) + frames[6][:3], room)]]
    while server.has_waiting_frame:
        assert not server.has_partial_frame
        taken.append([item.message.stan for item in server.receive(b"", room)])
    assert taken == [list(range(1, 7))[at : at + room] for at in range(0, 6, room)]
    assert server.has_partial_frame
    assert server.receive(frames[6][3:], 0) == []
    assert server.has_waiting_frame
    assert [item.message.stan for item in server.receive(b"", room)] == [7]
    assert not server.has_waiting_frame


def test_what_waits_is_judged_when_it_is_taken() -> None:
    """A fault behind the room is found with the next call: before it the good ones count."""
    server, client = open_pair()
    good = client.seal(EARN)
    assert len(server.receive(good + good, 1)) == 1
    assert server.has_waiting_frame
    with pytest.raises(ProtocolError) as caught:
        server.receive(b"", 1)
    assert caught.value.reason is CloseReason.TAG
    assert not server.has_waiting_frame


def test_nothing_received_changes_nothing() -> None:
    """An empty chunk is no event."""
    server, _ = open_pair()
    assert server.receive(b"") == []
    assert server.is_open


def test_repeat_bit_and_body_arrive_as_sent() -> None:
    """A persisted request is sealed byte for byte, whatever msgpack form it has, and marked as a repeat."""
    server, client = open_pair()
    type_byte, body = encode_request(EARN)
    wide = body.replace(b"\x94\x01", b"\xdc\x00\x04\xcf" + (1).to_bytes(8, "big"))
    for sent in (body, wide):
        [received] = server.receive(client.seal_body(type_byte | REPEAT_BIT, sent))
        assert received == Received(EARN, type_byte | REPEAT_BIT, sent)
    [received] = server.receive(client.seal(EARN, repeat=True))
    assert received == Received(EARN, type_byte | REPEAT_BIT, body)
    assert client.receive(server.seal(EARNED, received.type))[0].type == 0xA0


def test_good_frames_before_a_fault_are_not_lost() -> None:
    """The error carries what was verified before it; the session then stays failed with the same reason."""
    server, client = open_pair()
    good = client.seal(EARN)
    with pytest.raises(ProtocolError) as caught:
        server.receive(good + good)
    assert [item.message for item in caught.value.received] == [EARN]
    assert caught.value.reason is CloseReason.TAG
    for data in (b"", good):
        with pytest.raises(ProtocolError) as again:
            server.receive(data)
        assert (again.value.reason, again.value.received) == (CloseReason.TAG, [])
        assert again.value.detail == "the session has failed before"
    with pytest.raises(MisuseError):
        server.seal(EARNED, EARN_TYPE)


def test_what_was_wrong_is_said_for_the_log() -> None:
    """A HELLO of another version names it; a session that has read nothing waits for nothing."""
    server, client = new_server(), new_client()
    assert (server.has_partial_frame, client.has_partial_frame) == (False, False)
    hello = bytearray(client.data_to_send())
    hello[2] = 9
    with pytest.raises(ProtocolError) as caught:
        server.receive(bytes(hello))
    assert (caught.value.reason, caught.value.detail) == (CloseReason.VERSION, "9")


def test_biggest_frame_passes() -> None:
    """A receipt of 512 bytes passes both ways of counting; 513 bytes are our own misuse."""
    server, client = open_pair()
    longest = TransactionReply(1, 0, 1, 1, 1, 0, 1, 1, -1, 0, "ż" * 256)
    assert client.receive(server.seal(longest, EARN_TYPE))[0].message == longest
    status = StatusReply(1, 0, 1, longest)
    assert client.receive(server.seal(status, 0x31))[0].message == status
    too_long = TransactionReply(1, 0, 1, 1, 1, 0, 1, 1, -1, 0, "ż" * 256 + "x")
    for message, request_type in ((too_long, EARN_TYPE), (StatusReply(1, 0, 1, too_long), 0x31)):
        with pytest.raises(MisuseError):
            server.seal(message, request_type)
    assert client.receive(server.seal(EARNED, EARN_TYPE))[0].message == EARNED


@pytest.mark.parametrize(
    ("programme", "partner_name", "offers"),
    [("ż" * 17, "", []), ("", "ż" * 33, []), ("", "", [(1, 1, ""), (2, 1, "ż" * 17)])],
)
def test_sign_on_texts_are_counted_in_bytes(
    programme: str, partner_name: str, offers: list[tuple[int, int, str]]
) -> None:
    """A terminal's fixed buffers are filled in bytes: texts within the characters but not the bytes fail."""
    server, _ = open_pair()
    with pytest.raises(MisuseError):
        server.seal(SignOnReply(1, 0, 0, programme, partner_name, 0, 0, 0, [], 7, [], 0, offers, 0), 0x08)


def test_misuse_of_the_switch_session_is_told() -> None:
    """Sealing early, the wrong reply, a number that no msgpack holds: MisuseError, and nothing is counted."""
    with pytest.raises(MisuseError):
        new_server().seal(EARNED, EARN_TYPE)
    server, client = open_pair()
    for message, request_type in (
        (EARNED, 0x0A),
        (Ack(1, 0, 0), EARN_TYPE),
        (EARNED, 0x3F),
        (TransactionReply(1, 0, 2**70, 0, 0, 0, 0, 0, -1, 0, ""), EARN_TYPE),
    ):
        with pytest.raises(MisuseError):
            server.seal(message, request_type)
    assert client.receive(server.seal(EARNED, EARN_TYPE))


def test_misuse_of_the_terminal_session_is_told() -> None:
    """Sealing early, a reply, a handshake type, an empty or an oversized body: MisuseError."""
    with pytest.raises(MisuseError):
        new_client().seal(EARN)
    server, client = open_pair()
    with pytest.raises(MisuseError):
        client.seal(EARNED)  # type: ignore[arg-type]
    for type_byte, body in (
        (0xA0, b"\x90"),
        (0x01, b"\x90"),
        (0x26, b"\x90"),
        (EARN_TYPE, b""),
        (EARN_TYPE, bytes(limits.BODY_MAX + 1)),
    ):
        with pytest.raises(MisuseError):
            client.seal_body(type_byte, body)
    assert server.receive(client.seal(EARN))


@pytest.mark.parametrize("name", ["nonce", "session_id", "dummy_key"])
def test_server_arguments_have_sizes(name: str) -> None:
    """A nonce, session id or dummy key of the wrong size is our own misuse, told at once."""
    arguments = {"nonce": bytes(32), "session_id": bytes(8), "dummy_key": bytes(32)} | {name: bytes(5)}
    with pytest.raises(MisuseError):
        ServerSession(find_key=find_key, **arguments)


@pytest.mark.parametrize(
    "wrong",
    [
        {"terminal": 0},
        {"terminal": 10**8},
        {"generation": 0},
        {"generation": 32_768},
        {"key": bytes(31)},
        {"nonce": bytes(33)},
    ],
)
def test_client_arguments_have_ranges(wrong: dict[str, object]) -> None:
    """A terminal that could never sign on is told so when it is made."""
    right: dict[str, object] = {"terminal": 1, "generation": 1, "key": bytes(32), "nonce": bytes(32)}
    with pytest.raises(MisuseError):
        ClientSession(**(right | wrong))  # type: ignore[arg-type]


def test_a_key_of_the_wrong_size_is_misuse() -> None:
    """find_key must give 32 bytes or None; anything else is a defect of the switch, not of the terminal."""
    server = ServerSession(
        nonce=bytes(32), session_id=bytes(8), find_key=lambda t, g: b"short", dummy_key=bytes(32)
    )
    client = new_client()
    server.receive(client.data_to_send())
    client.receive(server.data_to_send())
    with pytest.raises(MisuseError):
        server.receive(client.data_to_send())


def test_a_switch_without_the_key_cannot_open_a_terminal() -> None:
    """The terminal checks ACCEPT: a false switch is found out before any card number is sent."""
    o = opening()
    client = new_client()
    client.receive(o.challenge)
    with pytest.raises(AuthenticationFailed) as caught:
        client.receive(plain(0x82, b"\x91\xc4\x20" + bytes(32)))
    assert caught.value.reason is CloseReason.KEY
    assert not client.is_open


@pytest.mark.parametrize(
    ("steps", "events", "legal"),
    [
        (
            SERVER_STEPS,
            SERVER_EVENTS,
            {
                (State.WAIT_HELLO, Event.HELLO): State.WAIT_PROOF,
                (State.WAIT_PROOF, Event.PROOF): State.OPEN,
                (State.OPEN, Event.REQUEST): State.OPEN,
            },
        ),
        (
            CLIENT_STEPS,
            CLIENT_EVENTS,
            {
                (State.WAIT_CHALLENGE, Event.CHALLENGE): State.WAIT_ACCEPT,
                (State.WAIT_ACCEPT, Event.ACCEPT): State.OPEN,
                (State.OPEN, Event.REPLY): State.OPEN,
            },
        ),
    ],
    ids=["switch", "terminal"],
)
def test_every_event_in_every_state(steps, events, legal) -> None:  # type: ignore[no-untyped-def]
    """Each of the 256 type bytes in each state is either a step of the chart or one of the two refusals."""
    for state in steps:
        for type_byte in range(256):
            event = events.get(type_byte)
            if (state, event) in legal:
                assert step(steps, events, state, type_byte) is legal[state, event]
                continue
            with pytest.raises(ProtocolError) as caught:
                step(steps, events, state, type_byte)
            assert caught.value.reason is (CloseReason.TYPE if event is None else CloseReason.STATE)


def test_every_type_byte_on_an_open_session() -> None:
    """An open session takes exactly the requests and their repeats; 256 type bytes are tried, tag right."""
    o = opening()
    body = encode_request(Echo(1, TIME))[1]
    for type_byte in range(256):
        server = new_server()
        server.receive(o.hello + o.proof)
        result = outcome(server, [sealed(o.keys.client_data, 0, type_byte, body)])
        if SERVER_EVENTS.get(type_byte) is Event.REQUEST:
            assert result[1] in {None, "body"}
        else:
            assert result[1] == ("state" if type_byte in {1, 2} else "type")


def test_sessions_share_nothing() -> None:
    """Two pairs run side by side with sequences and buffers of their own."""
    first, second = open_pair(), open_pair(bytes(32))
    for server, client in (first, second, first):
        assert server.receive(client.seal(EARN))[0].message == EARN
    late = new_server(), new_client()
    shake_hands(*late)
    assert late[0].is_open
