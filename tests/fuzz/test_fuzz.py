"""Every harness replays its corpus and is fed mutations of it; planted faults show that escapes are found.

FUZZ_SEED and FUZZ_TIMES draw others, and more. `make fuzz` is guided by coverage.
"""

import linecache
import os
import random
import tracemalloc
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from multiprocessing import get_context
from typing import Final

import pytest

from protocol import limits
from protocol.messages import DECODE_ERRORS, MESSAGE_OF, decoder
from tests.fuzz import edges, engine
from tests.fuzz.engine import BLOCKS_MAX, fuzz
from tests.fuzz.target import Outcome, Target
from tests.fuzz.targets import TARGETS, beginning, read_corpus

SEED: Final = int(os.environ.get("FUZZ_SEED", "16"))
TIMES: Final = int(os.environ.get("FUZZ_TIMES", "1"))
"""So many times the inputs of a run of the suite."""
INPUTS: Final = {
    "decoder": 100_000, "session": 100_000, "frames": 4_000, "handshake": 5_000,
    "programme_files": 600, "csv_files": 6_000, "http_api": 10_000,
}  # fmt: skip
CORPUS_BYTES_MAX: Final = 400_000
BOMB_BYTES_MAX: Final = 262_144
"""What a body of 4 KiB may make a decoder hold for a moment."""


@pytest.mark.parametrize("name", TARGETS)
def test_nothing_escapes(name: str) -> None:
    """The corpus and so many mutations: only the documented answers, no hang, nothing held for ever."""
    target = TARGETS[name]
    report = fuzz(target, beginning(target), seed=SEED, inputs=INPUTS[name] * TIMES)
    assert report.escapes == []
    assert report.inputs == INPUTS[name] * TIMES
    assert report.blocks < BLOCKS_MAX
    assert len(report.kinds) >= 2
    past = report.share(target.past)
    assert past > 0.9 if name == "session" else past == 0


def test_the_corpus_reaches_every_line_of_a_session() -> None:
    """Frame reader, handshake and session: no line that a peer's bytes can reach is left out."""
    from protocol import client, frames, server, session, state

    ours = (
        "seal",
        "seal_body",
        "wrap_key",
        "unwrap_key",
        "_seal",
        "_request_decoders",
        "_reply_decoders",
        "require_size",
        "_on_handshake",
    )
    wanted = {
        (module.__file__, line)
        for module in (frames, session, state, server, client)
        for line in edges.lines_of(module, without=(*ours, "<module>", "__init__"))
    }
    reached: set[tuple[str, int]] = set()
    for name in ("frames", "handshake", "session"):
        target = TARGETS[name]
        for took in edges.edges(target.run, beginning(target), edges.files_of(("protocol",))):
            reached |= {(file, line) for file, _, line in took}
    missed = {linecache.getline(file, line).strip() for file, line in wanted - reached if file}
    assert missed == {'raise AssertionError("a legal type without a decoder")'}


def test_the_corpus_is_small_and_the_seeds_are_not_in_it() -> None:
    """It is read by every run of the suite: the least of what runs have found, and nothing made anyway."""
    total = 0
    for target in TARGETS.values():
        inputs = read_corpus(target)
        assert inputs
        assert len(set(inputs)) == len(inputs)
        assert not set(inputs) & set(target.seeds())
        assert all(len(data) <= target.length_max for data in inputs)
        total += sum(map(len, inputs))
    assert total < CORPUS_BYTES_MAX


HELD: list[bytearray] = []


def planted(fault: str) -> Target:
    """A harness with a fault behind one byte."""

    def run(data: bytes) -> Outcome:
        if data[:1] == b"\xc6":
            match fault:
                case "raises":
                    raise KeyError(data)
                case "hangs":
                    while True:
                        pass
        if fault == "grows":
            HELD.append(bytearray(64))
        return Outcome("read", data[:1])

    def mutate(rng: random.Random, data: bytes, _: list[bytes]) -> bytes:
        return rng.randbytes(1) + data[1:]

    return Target("planted", run, lambda: [b"\0"], mutate, (), 8)


@pytest.mark.parametrize("fault", ["raises", "hangs"])
def test_a_planted_escape_is_found(fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another exception than the documented, and a loop without end: told with the input."""
    monkeypatch.setattr(engine, "HANG_CPU_S", 0.2)
    report = fuzz(planted(fault), [b"\0"], seed=SEED, inputs=2_000, escapes_max=1)
    [(data, why)] = report.escapes
    assert data[:1] == b"\xc6"
    assert why.startswith("KeyError" if fault == "raises" else "Hang")


def test_planted_growth_is_found() -> None:
    """Two blocks an input, kept for ever: more than a run may leave behind."""
    report = fuzz(planted("grows"), [b"\0"], seed=SEED, inputs=BLOCKS_MAX)
    HELD.clear()
    assert report.blocks > BLOCKS_MAX
    assert fuzz(planted("nothing"), [b"\0"], seed=SEED, inputs=BLOCKS_MAX).blocks < 1_000


def bombs() -> Iterator[bytes]:
    """Bodies as long as a frame allows: nested, or with lengths that promise gigabytes."""
    for opener in (b"\x91", b"\x81\x01", b"\xdc\0\1", b"\xdd\0\0\0\1", b"\xde\0\1\x01", b"\x92\x01"):
        yield (opener * limits.BODY_MAX)[: limits.BODY_MAX]
        yield b"\x9b\x01\x00" + (opener * limits.BODY_MAX)[: limits.BODY_MAX - 3]
    for mark in (0xC6, 0xC9, 0xDB, 0xDD, 0xDF):
        for size in (b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\x00\xff\xff\xff"):
            yield bytes([mark]) + size
            yield b"\x95\x01\x02" + bytes([mark]) + size + bytes(2_000)
            yield b"\x9e" + (bytes([mark]) + size) * 14


def most_held(number: int) -> tuple[int, int]:
    """Return how many bombs a message's decoder refused, and the most bytes that one made it hold."""
    decode, tried, most = decoder(MESSAGE_OF[number]), 0, 0
    tracemalloc.start()
    for bomb in bombs():
        before = tracemalloc.get_traced_memory()[0]
        tracemalloc.reset_peak()
        with pytest.raises(DECODE_ERRORS):
            decode(bomb)
        most, tried = max(most, tracemalloc.get_traced_memory()[1] - before), tried + 1
    return tried, most


@pytest.fixture(scope="module")
def alone() -> Iterator[Executor]:
    """A process without other threads: where one allocates while tracemalloc stops, CPython before 3.12.9 may
    crash (python/cpython issue 128679).
    """
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as executor:
        yield executor


@pytest.mark.parametrize("number", MESSAGE_OF)
def test_a_bomb_is_refused_and_holds_little(number: int, alone: Executor) -> None:
    """Nesting and false lengths, for every message: refused, within a few frames of memory."""
    tried, most = alone.submit(most_held, number).result()
    assert tried == 57
    assert most < BOMB_BYTES_MAX
