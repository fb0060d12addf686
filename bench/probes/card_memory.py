"""What a card weighs in a worker's memory: as the switch holds it, and packed, up to a country's number.

    .venv/bin/python -m bench.probes.card_memory

Each layout is filled in a process of its own and weighed by the memory that the kernel counts. As it is: one
object in a dictionary (`switch.rules.directory`), from rows as the feed gives them. Packed: columns in the
order of the tokens, looked up by bisection, beside a dictionary of what has changed since; it is a layout
measured for docs/country.md, which the switch does not have.

Owns the method. Invariant: each layout finds the cards it was given, or the measurement fails.
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import time
from array import array
from bisect import bisect_left
from pathlib import Path
from typing import Final, NamedTuple

import trio

from bench.circumstances import circumstances
from bench.command import Exit, run
from bench.errors import CannotRun
from bench.figures import percentile
from ledger.registry.reads import CardTuple
from ledger.registry.secrets import MasterKey
from switch.rules.directory import Card, Directory

TARGET_BYTES: Final = 100.0
PART: Final = 100_000
LOOKUPS: Final = 200_000
STRIDE: Final = 400_000_000_007
"""Between tokens: 40 million of them spread over 64 bits."""
FIRST: Final = -(2**63) + 1
DAYS: Final = 3_000


class Weighed(NamedTuple):
    """What a layout came to."""

    bytes_a_card: float
    fill_s: float
    lookup_ns: float


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """Return the options."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.probes.card_memory", description=__doc__.split("\n")[0]
    )
    parser.add_argument("--objects", type=int, default=2_000_000, help="cards as they are held (2,000,000)")
    parser.add_argument("--packed", type=int, default=40_000_000, help="cards packed (40,000,000)")
    parser.add_argument("--weigh", choices=["objects", "packed"], help=argparse.SUPPRESS)
    return parser.parse_args(arguments)


def resident_bytes() -> int:
    """Return the memory of this process, as the kernel counts it."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def token_of(number: int) -> int:
    """Return the token of the n-th card; they ascend."""
    return FIRST + number * STRIDE


def row_of(number: int) -> CardTuple:
    """Return the n-th card as the feed hands it over."""
    return token_of(number), 8 * (number + 1), 1, 0, 20_000 + number % DAYS, None, None


class Objects:
    """As the switch holds them."""

    def __init__(self, cards: int) -> None:
        self._directory = Directory(MasterKey(bytes(32), bytes(32)))
        for first in range(0, cards, PART):
            self._directory.apply_cards([row_of(n) for n in range(first, min(first + PART, cards))])

    def find(self, token: int) -> Card | None:
        """Return a card."""
        return self._directory.cards.get(token)


class Packed:
    """Columns in the order of the tokens; what changed since stands beside them."""

    def __init__(self, cards: int) -> None:
        self._tokens, self._accounts = array("q"), array("q")
        self._programmes, self._days, self._states = array("H"), array("H"), array("B")
        self._rare: dict[int, Card] = {}
        """Cards that changed, or of which more is kept: a holder, statuses that were."""
        for first in range(0, cards, PART):
            last = min(first + PART, cards)
            self._tokens.extend(array("q", range(token_of(first), token_of(last), STRIDE)))
            self._accounts.extend(array("q", range(8 * (first + 1), 8 * (last + 1), 8)))
            self._programmes.extend(array("H", [1]) * (last - first))
            self._days.extend(array("H", [20_000 + n % DAYS for n in range(first, last)]))
            self._states.frombytes(bytes(last - first))

    def find(self, token: int) -> Card | None:
        """Return a card."""
        if (card := self._rare.get(token)) is not None:
            return card
        at = bisect_left(self._tokens, token)
        if at == len(self._tokens) or self._tokens[at] != token:
            return None
        return Card(self._accounts[at], self._programmes[at], self._states[at], self._days[at])


def weigh(layout: type[Objects] | type[Packed], cards: int) -> Weighed:
    """Fill a layout and look cards up in it. Raises `CannotRun` where one is not found as it was given."""
    before, began = resident_bytes(), time.perf_counter()
    table = layout(cards)
    fill_s, used = time.perf_counter() - began, resident_bytes() - before
    rng = random.Random(cards)
    numbers = [rng.randrange(cards) for _ in range(LOOKUPS)]
    tokens = [token_of(number) for number in numbers]
    for number, token in zip(numbers, tokens, strict=True):
        card = table.find(token)
        if card is None or (card.account, card.expires_day) != (8 * (number + 1), 20_000 + number % DAYS):
            raise CannotRun(f"card {number} of {cards} is not found as it was given")
        if table.find(token + 1) is not None:
            raise CannotRun(f"a card is found that nobody gave, beside {number}")
    times = []
    for start in range(0, LOOKUPS, 1_000):
        part, at = tokens[start : start + 1_000], time.perf_counter()
        for token in part:
            table.find(token)
        times.append(time.perf_counter() - at)
    return Weighed(used / cards, fill_s, percentile(times, 50) * 1e6)


async def measure(args: argparse.Namespace, stop: trio.Event) -> int:
    """Weigh both, each in a process of its own; return the exit status."""
    found: dict[str, Weighed] = {}
    for name in ("objects", "packed"):
        if stop.is_set():
            return Exit.INTERRUPTED
        sizes = ["--objects", str(args.objects), "--packed", str(args.packed)]
        command = [sys.executable, "-m", "bench.probes.card_memory", *sizes, "--weigh", name]
        done = await trio.run_process(command, capture_stdout=True, check=False, stdin=subprocess.DEVNULL)
        if done.returncode:
            raise CannotRun(f"{name} could not be weighed")
        found[name] = Weighed(*map(float, done.stdout.split()))
    print("\n".join(circumstances()))
    for name, cards in (("objects", args.objects), ("packed", args.packed)):
        one = found[name]
        print(
            f"{name}: {cards:,} cards, {one.bytes_a_card:.0f} B a card, filled in {one.fill_s:.0f} s, "
            f"a look-up {one.lookup_ns:.0f} ns"
        )
    return Exit.OK if found["packed"].bytes_a_card <= TARGET_BYTES else Exit.MISSED


if __name__ == "__main__":
    options = parse()
    if options.weigh:
        wanted = (Objects, options.objects) if options.weigh == "objects" else (Packed, options.packed)
        print(*weigh(*wanted))
    else:
        sys.exit(run(lambda stop: measure(options, stop)))
