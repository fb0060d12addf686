"""Known against unknown terminals: the work the switch does before the line ends, counted in instructions."""

import gc
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import CodeType, FrameType
from typing import Any

import pytest
import trio
from trio.testing import memory_stream_pair

from protocol import AuthenticationFailed, ClientSession, ServerSession
from switch.config import Config
from switch.flow.connection import Connections
from switch.metrics import Meters
from switch.rules.directory import Directory
from switch.wire.admission import ANY_KEY, Admission
from switch.wire.hub import Hub
from switch.wire.stream import StreamDoorway
from switch.wire.tls import PlainSocket
from tests.switch.memory import make_directory, running_front, terminal_key

DIFFERENCE_MAX = 3
"""Instructions of Python's own, of some thousand: a branch's jump, some 30 ns each; no call differs."""
BLOCKED, UNKNOWN = 2, 99
WHO: dict[str, tuple[int, int]] = {
    "wrong key": (1, 1),
    "unknown terminal": (UNKNOWN, 1),
    "blocked terminal": (BLOCKED, 1),
    "unknown generation": (1, 2),
    "key that ended": (3, 1),
    "retired generation": (4, 1),
}


class Work:
    """What a stretch of Python did: instructions, and calls of functions by name."""

    def __init__(self) -> None:
        self.instructions = 0
        self.calls: list[str] = []


@contextmanager
def counted() -> Iterator[Work]:
    """Count what is done within the block, whoever is called."""
    work, outside = Work(), sys._getframe()

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        if event == "call":
            work.calls.append(name_of(frame.f_code))
        elif event == "opcode" and frame is not outside:
            work.instructions += 1
        return trace

    def profile(_: FrameType, event: str, called: Any) -> None:
        if event == "c_call":
            work.calls.append(getattr(called, "__qualname__", repr(called)))

    before = sys.gettrace(), sys.getprofile()
    gc.collect()
    gc.disable()  # what others have left behind is no work of ours
    sys.settrace(trace)
    sys.setprofile(profile)
    try:
        yield work
    finally:
        sys.settrace(before[0])
        sys.setprofile(before[1])
        gc.enable()


def name_of(code: CodeType) -> str:
    return f"{code.co_filename}:{code.co_name}"


def make_admission() -> Admission:
    """The door of a worker whose registry has terminals of every kind that is refused."""
    directory = make_directory(terminals=4)
    directory.terminals[BLOCKED].blocked = True
    directory.terminals[3].keys[1] = terminal_key(3), 1
    directory.terminals[4].keys[2] = terminal_key(4), None
    directory.terminals[4].used_generation = 2
    config, meters = Config(), Meters()
    connections = Connections(config, meters)
    hub = Hub(connections, None, meters)  # type: ignore[arg-type]
    return Admission(config=config, directory=directory, hub=hub, meters=meters, keys=ANY_KEY)


def judged(admission: Admission, terminal: int, generation: int) -> Work:
    """The work of judging one wrong proof, from its last byte to the verdict."""
    server = admission.new_session("192.0.2.1")
    client = ClientSession(terminal=terminal, generation=generation, key=bytes(32), nonce=bytes(range(32)))
    server.receive(client.data_to_send(), 0)
    client.receive(server.data_to_send())
    proof = client.data_to_send()
    with counted() as work, pytest.raises(AuthenticationFailed):
        server.receive(proof, 0)
    return work


async def differences() -> dict[str, tuple[int, bool]]:
    """For each kind of refusal: instructions beyond a wrong key's, and whether all calls were the same."""
    admission = make_admission()
    for who in WHO.values():  # what is computed once only is computed now
        judged(admission, *who)
    base = judged(admission, *WHO["wrong key"])
    assert judged(admission, *WHO["wrong key"]).instructions == base.instructions > 100
    works = {kind: judged(admission, *who) for kind, who in WHO.items()}
    return {
        kind: (one.instructions - base.instructions, one.calls == base.calls) for kind, one in works.items()
    }


async def test_every_refusal_is_the_same_work() -> None:
    """Unknown, blocked, wrong key, wrong, retired or ended generation: the same calls and instructions."""
    for kind, (instructions, same_calls) in (await differences()).items():
        assert abs(instructions) <= DIFFERENCE_MAX, kind
        assert same_calls, kind


def early_return(directory: Directory) -> Callable[[int, int, int], bytes | None]:
    """A look-up that stops where it knows: the smallest leak there is."""

    def find_key(terminal_number: int, generation: int, now_ms: int) -> bytes | None:
        terminal = directory.terminals.get(terminal_number)
        if terminal is None or terminal.blocked or generation < terminal.used_generation:
            return None
        key, expires_ms = terminal.keys.get(generation, (None, None))
        return key if expires_ms is None or now_ms < expires_ms else None

    return find_key


@pytest.mark.parametrize("leak", ["a look-up that stops where it knows", "no proof made without a key"])
async def test_a_planted_leak_is_found(leak: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same count beside a switch that leaks: a few instructions, or the whole derivation of keys."""
    if leak == "no proof made without a key":
        on_proof = ServerSession._on_proof

        def leaky(session: ServerSession, frame: bytes) -> None:
            if session._find_key(session._hello.terminal, session._hello.generation) is None:
                raise AuthenticationFailed(session._hello.terminal, session._hello.generation)
            on_proof(session, frame)

        monkeypatch.setattr(ServerSession, "_on_proof", leaky)
    else:
        monkeypatch.setattr(Directory, "find_key", lambda directory, *asked: early_return(directory)(*asked))
    found = {
        kind for kind, (more, same) in (await differences()).items() if abs(more) > DIFFERENCE_MAX or not same
    }
    assert "unknown terminal" in found


@pytest.mark.parametrize("use_pump", [True, False])
async def test_the_line_has_ended_before_the_operator_is_told(
    use_pump: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The log and the counts tell known from unknown, so a peer's end does not wait for them."""
    events: list[str] = []
    close, told = PlainSocket.close, Admission.failed_protocol

    def noted_close(sock: PlainSocket) -> None:
        events.append("end")
        close(sock)

    def noted_told(admission: Admission, source: str, fault: Any) -> None:
        events.append("told")
        told(admission, source, fault)

    monkeypatch.setattr(PlainSocket, "close", noted_close)
    monkeypatch.setattr(Admission, "failed_protocol", noted_told)
    async with running_front(use_pump=use_pump) as memory, trio.open_nursery() as nursery:
        if use_pump:
            client: trio.abc.Stream = await memory.connect()
        else:
            client, server = memory_stream_pair()
            say_so = server.send_stream.close_hook
            assert say_so is not None

            def noted_end() -> None:
                events.append("end")
                say_so()

            server.send_stream.close_hook = noted_end
            doorway = memory.front.doorway
            assert isinstance(doorway, StreamDoorway)
            nursery.start_soon(doorway.serve_stream, server, "test")
        await client.send_all(b"\0\0")
        assert not await client.receive_some(1)
        while "told" not in events:
            await trio.lowlevel.checkpoint()
    assert events[:2] == ["end", "told"]
