"""vectors.json: the committed file is what the code makes, and the sessions agree with every case in it."""

import json
from pathlib import Path
from typing import Any

import pytest

import protocol
from protocol import CardNumberError, ClientSession, CloseReason, ServerSession, parse_card
from protocol.messages import MESSAGE_MASK, MESSAGE_OF, REPEAT_BIT, REPLY_BIT, REPLY_OF, REQUEST_OF
from protocol.published import make_vectors
from tests.protocol.pair import new_client, new_server, outcome, single_bytes

PATH = Path(protocol.__file__).parent / "vectors.json"
VECTORS: dict[str, Any] = json.loads(PATH.read_text(encoding="utf-8"))
H = VECTORS["handshake"]


def server_in(state: str) -> ServerSession:
    """A switch's session brought to a state by the vectors' own frames."""
    server = new_server()
    if state != "wait_hello":
        server.receive(bytes.fromhex(H["hello_frame"]))
        server.data_to_send()
    if state == "open":
        server.receive(bytes.fromhex(H["proof_frame"]))
        server.data_to_send()
    return server


def client_in(state: str) -> ClientSession:
    """A terminal's session brought to a state by the vectors' own frames."""
    client = new_client()
    client.data_to_send()
    if state != "wait_challenge":
        client.receive(bytes.fromhex(H["challenge_frame"]))
        client.data_to_send()
    if state == "open":
        client.receive(bytes.fromhex(H["accept_frame"]))
    return client


def test_committed_file_is_what_the_code_makes() -> None:
    """Whoever changes the wire sees it in vectors.json (make published)."""
    assert PATH.read_text(encoding="utf-8") == make_vectors.make_vectors()


def test_handshake_frames_are_the_sessions_own() -> None:
    """Both sessions write the very frames of the vectors, which are built from the definitions alone."""
    server, client = new_server(), new_client()
    hello = client.data_to_send()
    server.receive(hello)
    challenge = server.data_to_send()
    client.receive(challenge)
    proof = client.data_to_send()
    server.receive(proof)
    accept = server.data_to_send()
    client.receive(accept)
    names = ("hello_frame", "challenge_frame", "proof_frame", "accept_frame")
    assert [hello.hex(), challenge.hex(), proof.hex(), accept.hex()] == [H[name] for name in names]
    assert client.is_open
    assert (server.terminal, server.generation) == (H["terminal"], H["generation"])


def test_requests_are_sealed_and_read_as_in_the_vectors() -> None:
    """Every request: the terminal seals these bytes, the switch reads these fields and this digest."""
    server, client = server_in("open"), client_in("open")
    for case in VECTORS["requests"]:
        frame = client.seal_body(case["type"], bytes.fromhex(case["body"]))
        assert frame.hex() == case["frame"], case["name"]
        [received] = server.receive(frame)
        assert (received.type, received.body.hex()) == (case["type"], case["body"])
        assert make_vectors.fields(received.message) == case["fields"]
        assert protocol.request_digest(received.type, received.body) == case["digest"]


def test_replies_are_sealed_and_read_as_in_the_vectors() -> None:
    """Every reply: the switch seals these bytes, the terminal reads these fields."""
    server, client = server_in("open"), client_in("open")
    for case, (name, request_type, message) in zip(
        VECTORS["replies"], make_vectors.shown_replies(), strict=True
    ):
        frame = server.seal(message, request_type | REPEAT_BIT)
        assert frame.hex() == case["frame"], name
        [received] = client.receive(frame)
        assert (received.type, received.message) == (case["type"], message)
        assert json.loads(json.dumps(make_vectors.fields(received.message))) == case["fields"]


@pytest.mark.parametrize("cut", ["whole", "byte by byte", "with trailing bytes"])
@pytest.mark.parametrize("case", VECTORS["refused"], ids=lambda c: f"{c['refused_by']}-{c['name']}")
def test_refused_frames_close_for_the_stated_reason(case: dict[str, Any], cut: str) -> None:
    """Every refused frame gives its reason and nothing else, however it is cut; nothing is written back."""
    session = (server_in if case["refused_by"] == "switch" else client_in)(case["state"])
    data = bytes.fromhex(case["bytes"])
    pieces = {"whole": [data], "byte by byte": single_bytes(data), "with trailing bytes": [data + data]}[cut]
    assert outcome(session, pieces) == ([], case["reason"], b"", False, False)
    assert session.data_to_send() == b""


def test_every_message_and_every_reason_has_a_vector() -> None:
    """The vectors leave out no message, and no close reason."""
    assert {case["type"] & MESSAGE_MASK for case in VECTORS["requests"]} == set(REQUEST_OF)
    assert {case["type"] for case in VECTORS["replies"]} == set(REPLY_OF)
    assert {case["reason"] for case in VECTORS["refused"]} == {reason.value for reason in CloseReason}
    assert all(number & REPLY_BIT or number in {1, 2} or number in REQUEST_OF for number in MESSAGE_OF)


@pytest.mark.parametrize("case", VECTORS["cards"], ids=lambda c: c["text"] or "empty")
def test_card_vectors(case: dict[str, Any]) -> None:
    """Every card text of the vectors gives its digits, or is refused."""
    if case["digits"] is None:
        with pytest.raises(CardNumberError):
            parse_card(case["text"])
    else:
        assert parse_card(case["text"]) == case["digits"]
