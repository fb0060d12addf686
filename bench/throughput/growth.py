"""What grows with the years: the journal, the cards, the connections. Slow, so each is asked for by name.

Owns the three measurements and their goals. Must not know how the data is made (`growth_data`).
Invariants: the journals of different sizes stand side by side in one server and take turns; memory is what
the system counts as resident, over all of a switch's workers.
"""

from __future__ import annotations

import resource
import socket
import time
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from statistics import median
from typing import Final, NamedTuple

import trio

from bench.local_switch import HOST, say
from bench.throughput.driver import Timing
from bench.throughput.goals import Goal, missed
from bench.throughput.growth_data import (
    IDLE_TERMINAL_FIRST,
    copy_database,
    fill_cards,
    fill_journal,
    fill_terminals,
    idle_key,
    settle,
)
from bench.throughput.lanes import ClosedLane, Lane
from bench.throughput.open_lanes import MIB
from bench.throughput.processes import memory_bytes, memory_peak_bytes
from bench.throughput.results_page import goals_table, rates_table
from bench.throughput.rounds import Rounds, Spread, spread
from bench.throughput.sealing import connect, shake_hands
from bench.throughput.stage import Stage, switch
from ledger.postgres.embedded import DATABASE, SERVICE
from ledger.registry.secrets import MasterKey

JOURNALS: Final = (1_000_000, 10_000_000, 50_000_000)
CARD_COUNTS: Final = (50_000, 500_000, 5_000_000)
CONNECTION_COUNTS: Final = (300, 3_000, 15_000)
STARTS: Final = 3
SETTLE_S: Final = 1.0
DESCRIPTORS_SPARE: Final = 1_000

SHAPES: Final = ((300, 1), (20, 16))

RATE_GOAL: Final = Goal("rate at 50 million journal rows ÷ at 1 million", 0.85, 0.95)
CARD_GOAL: Final = Goal("memory a card at 5 million", 100, 50, is_ceiling=True, unit="B")
WORKER_GOAL: Final = Goal("memory of a worker with 5 million cards", 0.7, 0.5, is_ceiling=True, unit="GiB")
LOADING_GOAL: Final = Goal(
    "the same at its most, while it loads", WORKER_GOAL.must, WORKER_GOAL.aim, is_ceiling=True, unit="GiB"
)
CONNECTION_GOAL: Final = Goal("memory an idle connection", 8, 4, is_ceiling=True, unit="KiB")


class Section(NamedTuple):
    """The lines of a section of the page, none if it was stopped, and the goals that are missed."""

    lines: list[str]
    missed: list[str]


NOTHING: Final = Section([], [])


async def measure_journals(
    stage: Stage, timing: Timing, count: int, stop: trio.Event, sizes: Sequence[int] = JOURNALS
) -> Section:
    """Run lane d on journals of several sizes in turn."""
    names = [_make_name(size) for size in sizes]
    source, filled = DATABASE, 0
    for name, size in zip(names, sizes, strict=True):
        await copy_database(stage.postgres.dsn("postgres"), source, name)
        await fill_journal(stage.postgres.dsn(name), stage.population, filled, size)
        source, filled = name, size
    lanes = []
    rounds = Rounds()
    async with AsyncExitStack() as stack:
        for name in names:
            config = stage.config(dsn=stage.postgres.dsn(name, SERVICE))
            stage.servers[name] = await stack.enter_async_context(switch(config))
        for terminals, depth in SHAPES:
            for name, size in zip(names, sizes, strict=True):
                lane = ClosedLane(name, terminals, depth)
                lanes.append(Lane(_lane_name(size, terminals, depth), (name,), lane))
        await rounds.run(stage, lanes, timing, count, stop)
    if not rounds.samples:
        return NOTHING
    ratios = [
        rounds.ratio(
            _lane_name(sizes[-1], terminals, depth),
            _lane_name(sizes[0], terminals, depth),
            lambda sample: sample.rate_per_s,
        )
        for terminals, depth in SHAPES
    ]
    lines = ["### Growth of the journal", "", *rates_table(rounds, list(rounds.samples)), ""]
    for (terminals, depth), ratio in zip(SHAPES, ratios, strict=True):
        lines += [f"{terminals} connections of {depth} in flight:", ""]
        lines += [*goals_table([RATE_GOAL], {RATE_GOAL.name: ratio}), ""]
    return Section(lines, [name for ratio in ratios for name in missed([RATE_GOAL], {RATE_GOAL.name: ratio})])


def _make_name(size: int) -> str:
    return f"journal_{size}"


def _lane_name(size: int, terminals: int, depth: int) -> str:
    return f"switch, {size / 1_000_000:g} million in the journal, {terminals} × {depth}"


async def measure_cards(stage: Stage, stop: trio.Event, counts: Sequence[int] = CARD_COUNTS) -> Section:
    """Start a worker with more and more cards: how long until it serves, and what it holds."""
    lines = [
        "### Growth of the cards",
        "",
        "| cards | start until it serves, median | min–max | memory of the worker | at most, loading |"
        " a card more |",
        "| ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    here = len(stage.accounts)
    least: tuple[int, float] | None = None
    per_card, total = 0.0, 0.0
    peaks: list[int] = []
    for count in counts:
        if stop.is_set():
            return NOTHING
        if count > here:
            await fill_cards(stage.postgres.owner_dsn, here, count)
            here = count
        starts, memories, peaks = [], [], []
        for _ in range(STARTS):
            began = time.monotonic()
            async with switch(stage.config()) as server:
                starts.append(time.monotonic() - began)
                await trio.sleep(SETTLE_S)
                memories.append(memory_bytes(server.pids))
                peaks.append(memory_peak_bytes(server.pids))
        took, total = spread(starts), median(memories)
        least = least or (here, total)
        per_card = (total - least[1]) / (here - least[0]) if here > least[0] else 0.0
        memory, each = f"{total / MIB:,.0f} MiB", f"{per_card:.0f} B" if per_card else "–"
        say(f"{here:,} cards: ready after {took.median:.2f} s, {memory}, {each} a card")
        ready = f"{took.median:.2f} s | {took.least:.2f}–{took.most:.2f} s"
        peak = f"{median(peaks) / MIB:,.0f} MiB"
        lines.append(f"| {here:,} | {ready} | {memory} | {peak} | {each} |")
    found = {
        CARD_GOAL: per_card,
        WORKER_GOAL: total / MIB / 1_024,
        LOADING_GOAL: median(peaks) / MIB / 1_024,
    }
    values = {goal.name: Spread(value, value, value) for goal, value in found.items()}
    return Section([*lines, "", *goals_table(list(found), values), ""], missed(found, values))


async def measure_connections(
    stage: Stage, stop: trio.Event, counts: Sequence[int] = CONNECTION_COUNTS
) -> Section:
    """Connect more and more terminals that then say nothing: what each costs the worker."""
    master = MasterKey.load(stage.master_key_path)
    await fill_terminals(stage.postgres.owner_dsn, master, stage.population, max(counts))
    await settle(stage.postgres.owner_dsn)
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    lines = [
        "### Growth of the connections",
        "",
        "Sessions open and idle; the kernel's own socket buffers are not in these figures.",
        "",
        "| connections | memory of the worker | a connection more |",
        "| ---: | ---: | ---: |",
    ]
    held: list[socket.socket] = []
    per_connection, before = 0.0, 0
    config = stage.config(idle_s=3_600, connections_max=max(counts) + DESCRIPTORS_SPARE)
    try:
        async with switch(config) as server:
            await trio.sleep(SETTLE_S)
            memory_before = memory_bytes(server.pids)
            lines.append(f"| 0 | {memory_before / MIB:,.1f} MiB | – |")
            for count in counts:
                if stop.is_set():
                    return NOTHING
                await trio.to_thread.run_sync(_connect_until, held, count, server.port, stop.is_set)
                await trio.sleep(SETTLE_S)
                memory = memory_bytes(server.pids)
                # Beyond the last step: the first ones fit into what the loading of the registry has freed.
                per_connection = (memory - memory_before) / (count - before) / 1_024
                memory_before, before = memory, count
                say(f"{count:,} idle connections: {memory / MIB:,.1f} MiB, {per_connection:.1f} KiB each")
                lines.append(f"| {count:,} | {memory / MIB:,.1f} MiB | {per_connection:.2f} KiB |")
    finally:
        for sock in held:
            sock.close()
    values = {CONNECTION_GOAL.name: Spread(per_connection, per_connection, per_connection)}
    table = goals_table([CONNECTION_GOAL], values)
    return Section([*lines, "", *table, ""], missed([CONNECTION_GOAL], values))


def _connect_until(held: list[socket.socket], count: int, port: int, is_stopped: Callable[[], bool]) -> None:
    """Open connections until there are `count`, each authenticated."""
    for number in range(len(held), count):
        if is_stopped():
            return
        sock = connect(HOST, port)
        held.append(sock)
        shake_hands(sock, IDLE_TERMINAL_FIRST + number, idle_key(number))
