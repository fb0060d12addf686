"""A switch's and a terminal's session joined in memory, with the fixed keys of the vectors."""

from protocol import ClientSession, Earn, ProtocolError, Received, ServerSession, TransactionReply
from protocol.published.vector_cases import (
    CARD,
    CLIENT_NONCE,
    DUMMY_KEY,
    GENERATION,
    SERVER_NONCE,
    SESSION_ID,
    TERMINAL,
    TERMINAL_KEY,
    TIME,
    TIME_MS,
)
from tests.entries import SWIPED

EARN = Earn(1, TIME, CARD, SWIPED, 12_345)
EARN_TYPE = 0x20
EARNED = TransactionReply(1, 0, 77, TIME_MS, 12_345, 0, 12, 1_212, -1, 0, "Naliczono 12 pkt")


def find_key(terminal: int, generation: int) -> bytes | None:
    """The registry of these tests: one terminal, one generation."""
    return TERMINAL_KEY if (terminal, generation) == (TERMINAL, GENERATION) else None


def new_server(nonce: bytes = SERVER_NONCE, session_id: bytes = SESSION_ID) -> ServerSession:
    """A switch's session that waits for HELLO."""
    return ServerSession(nonce=nonce, session_id=session_id, find_key=find_key, dummy_key=DUMMY_KEY)


def new_client(
    terminal: int = TERMINAL,
    generation: int = GENERATION,
    key: bytes = TERMINAL_KEY,
    nonce: bytes = CLIENT_NONCE,
) -> ClientSession:
    """A terminal's session with HELLO ready to send."""
    return ClientSession(terminal=terminal, generation=generation, key=key, nonce=nonce)


def shake_hands(server: ServerSession, client: ClientSession) -> None:
    """Carry the four frames of the handshake over."""
    server.receive(client.data_to_send())
    client.receive(server.data_to_send())
    server.receive(client.data_to_send())
    client.receive(server.data_to_send())


def open_pair(server_nonce: bytes = SERVER_NONCE) -> tuple[ServerSession, ClientSession]:
    """Both sides open."""
    server, client = new_server(server_nonce), new_client()
    shake_hands(server, client)
    assert server.is_open
    assert client.is_open
    return server, client


def outcome(
    session: ServerSession | ClientSession, pieces: list[bytes]
) -> tuple[list[Received], str | None, bytes, bool, bool]:
    """Feed the pieces; return all one can see: messages, close reason, bytes to send, open, partial."""
    received: list[Received] = []
    sent = b""
    try:
        for piece in pieces:
            received += session.receive(piece)
            sent += session.data_to_send()
    except ProtocolError as error:
        return received + error.received, error.reason.value, sent, session.is_open, False
    return received, None, sent, session.is_open, session.has_partial_frame


def single_bytes(data: bytes) -> list[bytes]:
    """The bytes one by one."""
    return [data[i : i + 1] for i in range(len(data))]
