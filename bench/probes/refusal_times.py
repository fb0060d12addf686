"""Whether the time of a refusal tells more than the refusal: Welch's t of interleaved samples in one process.

    .venv/bin/python -m bench.probes.refusal_times

Proofs of every kind that is refused in the same words (wrong key, no such terminal, blocked, a generation
that never was, is not valid any more, was retired) are judged in turn, in an order drawn anew each round; so
are frames whose tag is wrong in its first byte alone, or its last. What is taken is the processor time of the
judging thread, which others on the machine do not lengthen. Each kind is compared with the first; a control
compares the first with itself, and two planted leaks show what would be seen: a look-up that stops where it
knows, and tags compared byte by byte.

Owns the method (that of dudect: the slowest twentieth of both left out, a |t| over 4.5 is a difference). Must
not know how a proof is judged. Invariant: a difference too small to hear over any line does not fail the run,
but it is printed: the smallest shift that does is `HEARD_NS`.
"""

from __future__ import annotations

import argparse
import random
import secrets
import sys
import time
from collections.abc import Callable
from math import ceil, sqrt
from statistics import fmean, variance
from typing import Final, NamedTuple

import trio

from bench.circumstances import circumstances
from bench.command import Exit, run
from ledger.registry.secrets import MasterKey
from protocol import AuthenticationFailed, ClientSession
from protocol.sealing import IS_NATIVE, Opener, Sealer, plain
from switch.config import Config
from switch.flow.connection import Connections
from switch.metrics import Meters
from switch.rules.directory import Directory, Partner, Programme, Terminal
from switch.wire.admission import ANY_KEY, Admission
from switch.wire.hub import Hub

T_MAX: Final = 4.5
HEARD_NS: Final = 250.0
"""At two guesses a minute a shift of so little is a matter of years, over a line that wavers by 20 µs."""
KEPT: Final = 0.95
LINE_NS: Final = 20_000.0
BLOCKED, ENDED, RETIRED, UNKNOWN = 2, 3, 4, 99
WHO: Final = {
    "wrong key": (1, 1),
    "wrong key, again (control)": (1, 1),
    "unknown terminal": (UNKNOWN, 1),
    "blocked terminal": (BLOCKED, 1),
    "unknown generation": (1, 2),
    "key that ended": (ENDED, 1),
    "retired generation": (RETIRED, 1),
}
Sample = Callable[[], int]
"""Does one thing and returns the nanoseconds of processor time it took."""


class Compared(NamedTuple):
    """One kind beside the first: how much longer it takes, and how sure that is."""

    name: str
    difference_ns: float
    t: float

    @property
    def is_heard(self) -> bool:
        """Whether it differs, and by more than a line could hide."""
        return abs(self.t) > T_MAX and abs(self.difference_ns) > HEARD_NS

    def line(self) -> str:
        """Return it in words; with how many samples of each it would take over a line."""
        if abs(self.t) <= T_MAX:
            return f"  {self.name:32} {self.difference_ns:+9.0f} ns   t {self.t:+7.2f}   no difference"
        needed = ceil(2 * (T_MAX * LINE_NS / self.difference_ns) ** 2)
        word = "DIFFERS" if self.is_heard else "differs"
        return (
            f"  {self.name:32} {self.difference_ns:+9.0f} ns   t {self.t:+7.2f}   {word}; "
            f"{needed:,} samples of each over a line that wavers by {LINE_NS / 1_000:.0f} µs"
        )


def compare(name: str, base: list[int], other: list[int]) -> Compared:
    """Return Welch's t of two samples, the slowest of both together left out."""
    bound = sorted([*base, *other])[int(KEPT * (len(base) + len(other))) - 1]
    a, b = ([one for one in sample if one <= bound] for sample in (base, other))
    difference = fmean(b) - fmean(a)
    spread = sqrt(variance(a) / len(a) + variance(b) / len(b))
    return Compared(name, difference, difference / spread if spread else 0.0)


def interleaved(samples: dict[str, Sample], count: int, rng: random.Random) -> list[Compared]:
    """Take so many of each, one of each a round; compare each with the first."""
    taken: dict[str, list[int]] = {name: [] for name in samples}
    order = list(samples)
    for _ in range(count):
        rng.shuffle(order)
        for name in order:
            taken[name].append(samples[name]())
    first, *others = samples
    return [compare(name, taken[first], taken[name]) for name in others]


# Proofs


def make_admission(kind: type[Directory]) -> Admission:
    """The door of a worker whose registry has terminals of every kind that is refused."""
    master = MasterKey(bytes(32), bytes(32))
    directory = kind(master)
    partner = directory.partners[1] = Partner(1)
    partner.programme = Programme(1, master.pepper(1).token)
    for number in (1, BLOCKED, ENDED, RETIRED):
        terminal = directory.terminals[number] = Terminal(number)
        terminal.partner = partner
        terminal.keys[1] = secrets.token_bytes(32), 1 if number == ENDED else None
    directory.terminals[BLOCKED].blocked = True
    directory.terminals[RETIRED].keys[2] = secrets.token_bytes(32), None
    directory.terminals[RETIRED].used_generation = 2
    config, meters = Config(), Meters()
    connections = Connections(config, meters)
    hub = Hub(connections, None, meters)  # type: ignore[arg-type]  # nobody is let in
    return Admission(config=config, directory=directory, hub=hub, meters=meters, keys=ANY_KEY)


def proof_of(admission: Admission, terminal: int, generation: int) -> Sample:
    """Return what judges one wrong proof of somebody's."""

    def judge() -> int:
        server = admission.new_session("192.0.2.1")
        client = ClientSession(
            terminal=terminal, generation=generation, key=bytes(32), nonce=secrets.token_bytes(32)
        )
        server.receive(client.data_to_send(), 0)
        client.receive(server.data_to_send())
        proof = client.data_to_send()
        began = time.thread_time_ns()
        try:
            server.receive(proof, 0)
        except AuthenticationFailed:
            return time.thread_time_ns() - began
        raise AssertionError("a wrong proof was taken")

    return judge


class Leaky(Directory):
    """The planted leak: a look-up that stops where it knows, and has more to do where it does not."""

    def find_key(self, terminal_number: int, generation: int, now_ms: int) -> bytes | None:
        """Return the key, soon or late."""
        if terminal_number not in self.terminals:
            return None
        for _ in range(10):
            key = super().find_key(terminal_number, generation, now_ms)
        return key


# Tags


def tag_of(opener: Callable[[bytes], bytes | None], frame: bytes, place: int) -> Sample:
    """Return what opens a frame whose tag is wrong in one byte, a hundred times."""
    wrong = bytearray(frame)
    wrong[place] ^= 1
    sealed = bytes(wrong)

    def judge() -> int:
        began = time.thread_time_ns()
        for _ in range(100):
            opener(sealed)
        return (time.thread_time_ns() - began) // 100

    return judge


def byte_by_byte(frame: bytes, right: bytes) -> bytes | None:
    """The planted leak: tags compared until a byte differs."""
    for mine, theirs in zip(frame[-16:], right[-16:], strict=True):
        if mine != theirs:
            return None
    return frame


def tags() -> dict[str, dict[str, Sample]]:
    """Return for each way to open frames: wrong in the first byte of the tag, again, in the last byte."""
    key = secrets.token_bytes(32)
    frame = Sealer(key).seal(0x20, secrets.token_bytes(60))
    ways = {
        f"tags as the switch compares them ({'C' if IS_NATIVE else 'Python'})": Opener(key).open,
        "tags compared in Python": plain.Opener(key).open,
        "planted: byte by byte": lambda sealed: byte_by_byte(sealed, frame),
    }
    return {
        name: {
            "first byte": tag_of(way, frame, -16),
            "first byte, again (control)": tag_of(way, frame, -16),
            "last byte": tag_of(way, frame, -1),
        }
        for name, way in ways.items()
    }


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """Return the options."""
    name = "python -m bench.probes.refusal_times"
    parser = argparse.ArgumentParser(prog=name, description=__doc__.split("\n")[0])
    parser.add_argument("--samples", type=int, default=10_000, help="of each kind (10,000)")
    parser.add_argument("--seed", type=int, default=1, help="of the order they are taken in")
    return parser.parse_args(arguments)


async def measure(options: argparse.Namespace, stop: trio.Event) -> int:
    """Compare everything; the exit status says whether all was as it should be, the planted found."""
    rng = random.Random(options.seed)
    admissions = {
        "proofs that are refused": make_admission(Directory),
        "planted: a look-up that stops where it knows": make_admission(Leaky),
    }
    groups = {
        name: {kind: proof_of(admission, *who) for kind, who in WHO.items()}
        for name, admission in admissions.items()
    }
    print("\n".join(circumstances()))
    print(f"processor time beyond the first kind's, {options.samples:,} samples of each, interleaved")
    is_as_it_should_be = True
    for name, samples in {**groups, **tags()}.items():
        if stop.is_set():
            return Exit.INTERRUPTED
        compared = interleaved(samples, options.samples, rng)
        print(f"{name} (first: {next(iter(samples))})", *(one.line() for one in compared), sep="\n")
        is_planted = name.startswith("planted")
        is_as_it_should_be &= any(one.is_heard for one in compared) == is_planted
        await trio.lowlevel.checkpoint()
    return Exit.OK if is_as_it_should_be else Exit.MISSED


if __name__ == "__main__":
    OPTIONS = parse()
    sys.exit(run(lambda stop: measure(OPTIONS, stop)))
