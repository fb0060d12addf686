"""What a card weighs in a worker's memory, up to a country's number of them.

    .venv/bin/python -m bench.probes.card_memory

The switch's own directory (`switch.rules.cards` has the layout) is filled as the feed fills it, 2,000 rows at
a time, in a process of its own, and weighed by the memory that the kernel counts. Then cards are looked up,
some are changed and as many new ones come as to a worker that serves. Beside it a part of the same cards as
objects in a dictionary, look-ups of both in turns: what packing costs a transaction.

Owns the method. Invariants: each card is found as it was last given, or the measurement fails; times are of
the processor, so that a busy machine makes none longer but by its caches.
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

import msgspec
import trio

from bench.circumstances import circumstances
from bench.command import Exit, run
from bench.errors import CannotRun
from bench.figures import percentile
from ledger.registry.reads import CARDS_PER_READ, CardTuple, RegistrySnapshot
from ledger.registry.secrets import MasterKey
from switch.rules.cards import Card
from switch.rules.directory import Directory

TARGET_BYTES: Final = 100.0
PAUSE_MS_MAX: Final = 50.0
LOOKUPS: Final = 200_000
LOOKUPS_A_TURN: Final = 1_000
MIB: Final = 1 << 20
OBJECTS_MAX: Final = 1_000_000
CHANGED: Final = 100_000
DAYS: Final = 3_000
T = TypeVar("T")
BITS: Final = (1 << 64) - 1


class Weighed(msgspec.Struct):
    """What a number of cards came to: memory, processor time to fill it a card, the longest that others had
    to wait, and a look-up beside one in a dictionary of objects.
    """

    cards: int
    mib: float
    fill_us: float
    pause_ms: float
    packed_ns: float
    object_ns: float

    @property
    def bytes_a_card(self) -> float:
        """The memory of one."""
        return self.mib * MIB / self.cards


class Pauses:
    """What the directory was busy with, and the longest that others waited for it."""

    def __init__(self) -> None:
        self.total_s = self.longest_s = 0.0

    def time(self, step: Callable[[], T]) -> T:
        """Do one step, after which others have a turn."""
        began = time.thread_time()
        done = step()
        took_s = time.thread_time() - began
        self.total_s += took_s
        self.longest_s = max(self.longest_s, took_s)
        return done


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """Return the options."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.probes.card_memory", description=__doc__.split("\n")[0]
    )
    parser.add_argument(
        "--cards", type=int, nargs="+", default=[1_000_000, 5_000_000, 40_000_000], metavar="N",
        help="how many, one measurement each (1,000,000 5,000,000 40,000,000)",
    )  # fmt: skip
    parser.add_argument("--weigh", type=int, help=argparse.SUPPRESS)
    return parser.parse_args(arguments)


def resident_bytes() -> int:
    """Return the memory of this process, as the kernel counts it."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def token_of(number: int) -> int:
    """Return the token of the n-th card: as evenly spread as a keyed hash's, for less time (splitmix64)."""
    mixed = (number + 1) * 0x9E3779B97F4A7C15 & BITS
    mixed = (mixed ^ mixed >> 30) * 0xBF58476D1CE4E5B9 & BITS
    mixed = (mixed ^ mixed >> 27) * 0x94D049BB133111EB & BITS
    return (mixed ^ mixed >> 31) - (1 << 63)


def row_of(number: int, status: int = 0) -> CardTuple:
    """Return the n-th card as the feed hands it over; one in eight has a holder of whom something is kept."""
    held = None if number % 8 else (0, 8, 4, 9_000 + number // 8 % 9_999, 8, 30_000, 20_000 + number % 3)
    return token_of(number), 8 * (number + 1), 1, status, 20_000 + number % DAYS, None, held, None


def readings(first: int, last: int, status: int = 0) -> Iterator[list[CardTuple]]:
    """Yield cards as the feed hands them over."""
    for begin in range(first, last, CARDS_PER_READ):
        yield [row_of(number, status) for number in range(begin, min(begin + CARDS_PER_READ, last))]


def end_reading(directory: Directory, number: int, pauses: Pauses) -> None:
    """Let what was handed over count, as the feed does."""
    snapshot = RegistrySnapshot(number, 1, [], [], [], [], [], [])
    pauses.time(partial(directory.apply, snapshot, now_ms=1))
    while pauses.time(directory.cards.settle):
        pass


def check(directory: Directory, numbers: Iterable[int], status: int) -> None:
    """Raise `CannotRun` where a card is not found as it was given."""
    for number in numbers:
        card = directory.cards.get(token_of(number))
        row = row_of(number, status)
        if card is None or (card.account, card.status, card.expires_day) != (row[1], row[3], row[4]):
            raise CannotRun(f"card {number} is not found as it was given")
        held = None if card.held is None else tuple(card.held)
        if held != row[6]:
            raise CannotRun(f"the holder of card {number} is not found as it was given")
        if directory.cards.get(row[0] + 1) is not None:
            raise CannotRun(f"a card is found that nobody gave, beside {number}")


def weigh(cards: int) -> Weighed:
    """Fill a directory, look cards up in it and change some. Raises `CannotRun` where one is not found as it
    was last given.
    """
    before, loading, serving = resident_bytes(), Pauses(), Pauses()
    directory = Directory(MasterKey(bytes(32), bytes(32)))

    def read(first: int, last: int, status: int, pauses: Pauses) -> None:
        for rows in readings(first, last, status):
            pauses.time(partial(directory.apply_cards, rows))

    read(0, cards, 0, loading)
    end_reading(directory, 1, loading)
    used = resident_bytes() - before
    chance, changed = random.Random(cards), min(CHANGED, cards)
    check(directory, (chance.randrange(cards) for _ in range(LOOKUPS)), 0)
    read(0, changed, 1, serving)
    read(cards, cards + changed, 1, serving)
    end_reading(directory, 2, serving)
    check(directory, range(0, changed, 7), 1)
    check(directory, range(cards, cards + changed, 7), 1)
    packed_ns, object_ns = lookups(directory, min(cards, OBJECTS_MAX))
    return Weighed(
        cards=cards,
        mib=used / MIB,
        fill_us=loading.total_s / cards * 1e6,
        pause_ms=1e3 * max(loading.longest_s, serving.longest_s),
        packed_ns=packed_ns,
        object_ns=object_ns,
    )


def lookups(directory: Directory, objects: int) -> tuple[float, float]:
    """Return the median time of a look-up, packed and among objects, in ns; they take turns."""
    table: dict[int, Card] = {token_of(n): Card(8 * (n + 1), 1, 0, 20_000) for n in range(objects)}
    chance, cards = random.Random(1), len(directory.cards)
    found: tuple[list[float], list[float]] = ([], [])
    for _ in range(LOOKUPS // LOOKUPS_A_TURN):
        for get, size, times in ((directory.cards.get, cards, found[0]), (table.get, objects, found[1])):
            tokens = [token_of(chance.randrange(size)) for _ in range(LOOKUPS_A_TURN)]
            began = time.thread_time()
            for token in tokens:
                get(token)
            times.append(time.thread_time() - began)
    packed, objects_ns = (percentile(times, 50) / LOOKUPS_A_TURN * 1e9 for times in found)
    return packed, objects_ns


async def measure(args: argparse.Namespace, stop: trio.Event) -> int:
    """Weigh each number of cards in a process of its own; return the exit status."""
    print("\n".join(circumstances()))
    status = Exit.OK
    for cards in args.cards:
        if stop.is_set():
            return Exit.INTERRUPTED
        command = [sys.executable, "-m", "bench.probes.card_memory", "--weigh", str(cards)]
        done = await trio.run_process(command, capture_stdout=True, check=False, stdin=subprocess.DEVNULL)
        if done.returncode:
            raise CannotRun(f"{cards:,} cards could not be weighed")
        one = msgspec.json.decode(done.stdout, type=Weighed)
        objects = min(cards, OBJECTS_MAX)
        print(
            f"{cards:,} cards: {one.mib:,.0f} MiB, {one.bytes_a_card:.1f} B a card; filled at "
            f"{one.fill_us:.2f} µs a card; longest step {one.pause_ms:.1f} ms; a look-up "
            f"{one.packed_ns:.0f} ns, among {objects:,} objects {one.object_ns:.0f} ns",
            flush=True,
        )
        if one.bytes_a_card > TARGET_BYTES or one.pause_ms > PAUSE_MS_MAX:
            status = Exit.MISSED
    return status


if __name__ == "__main__":
    options = parse()
    if options.weigh:
        print(msgspec.json.encode(weigh(options.weigh)).decode())
    else:
        sys.exit(run(lambda stop: measure(options, stop)))
