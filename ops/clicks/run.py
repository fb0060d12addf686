"""The rounds: a switch under a steady load of terminals, with people at the office's pages and without.

Owns the method. Must not know what people click (`users`), nor how load is made (`bench.throughput`).
Invariants: the terminals' requests are due at fixed times, whatever has been answered; the office runs and
everybody is signed in throughout, so that a round differs in the clicking alone; a window in which people got
much fewer pages than they would ask for, or an answer nobody expects, is told; no process is left.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from statistics import median
from typing import Final, NamedTuple, TypeVar

import msgspec
import trio

from bench.circumstances import circumstances
from bench.command import Exit
from bench.errors import CannotRun
from bench.local_switch import STATE, say
from bench.throughput.driver import GENERATOR, Clock, Driven, Timing, drive, running
from bench.throughput.growth_data import WAL_MIB, recycle_wal
from bench.throughput.lanes import ClosedLane
from bench.throughput.load_order import LoadReport, Phase
from bench.throughput.open_lanes import TERMINALS, open_load
from bench.throughput.processes import cpu_s
from bench.throughput.stage import Stage, open_stage, servers
from ledger.registry.secrets import MasterKey
from ops.clicks.order import GO, PAUSE, TOUR, Clicked, Order, Page, Ready
from ops.clicks.people import PASSWORD, People, Sizes, seed_people
from ops.web.identity.second_factor import STEP_S
from simulators.city.example import CARDS, PARTNERS
from simulators.fleet.histogram import Histogram
from switch.process.priority import put_behind

T = TypeVar("T")
TARGET: Final = 1.2
SERVER: Final = "switch 1"
MODULE: Final = "ops.clicks.process"
CAPACITY: Final = Timing(2.0, 4.0)
RATE_PER_S: Final = 300.0
"""One request a second of each terminal: six times a city's peak (docs/reference/capacity.md)."""
NICE: Final = 19
"""Of the people's process: their browsers are other machines', and it is none of the office's."""
OFFICE_NICE: Final = 10
"""As `cityswitch office serve` has it of itself."""
START_S_MAX: Final = 60.0
ANSWER_S_MAX: Final = 600.0
END_S_MAX: Final = 15.0
ASKED_SHARE_MIN: Final = 0.7
"""Of the clicks that people make who wait for no answer."""


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """Return the options."""
    parser = argparse.ArgumentParser(prog="python -m ops.clicks", description=__doc__.split("\n")[0])
    add = parser.add_argument
    sizes = Sizes()
    add("--rounds", type=int, default=8, help="rounds, each with and without (8)")
    add("--seconds", type=float, default=8.0, help="length of a window (8)")
    add("--warm-up", type=float, default=2.0, help="load before a window (2)")
    add("--rate", type=float, default=RATE_PER_S, help=f"requests a second of the terminals ({RATE_PER_S:g})")
    add("--share", type=float, default=0.0, help="of the capacity, found at the beginning, instead of a rate")
    for name, value in sizes._asdict().items():
        add(f"--{name}", type=int, default=value, help=f"({value})")
    add("--holder-pause", type=float, default=30.0, help="a holder's mean seconds between clicks (30)")
    add("--officer-pause", type=float, default=10.0, help="an officer's (10)")
    add("--office-nice", type=int, default=OFFICE_NICE, help=f"as `office serve --nice` ({OFFICE_NICE})")
    add("--wal-mib", type=int, default=WAL_MIB, help=f"MiB of the WAL that are written first ({WAL_MIB})")
    add("--cards", type=int, default=CARDS, help=f"cards ({CARDS})")
    add("--state-dir", type=Path, default=STATE, help=f"where data is made ({STATE})")
    add("--pages", action="store_true", help="print what each page took in all rounds")
    return parser.parse_args(arguments)


class Terminals(NamedTuple):
    """What the terminals met in a window, and the processors' share of each part."""

    latency: Histogram
    cores: dict[str, float]

    @property
    def p50_ms(self) -> float:
        """The median of its replies, in milliseconds."""
        return self.latency.percentile_us(50) / 1_000

    @property
    def p99_ms(self) -> float:
        """The 99th percentile of its replies, in milliseconds."""
        return self.latency.percentile_us(99) / 1_000


@dataclass
class Measured:
    """All windows so far; `clicked` is of those with people."""

    rate_per_s: float
    before: tuple[dict[str, int], ...] = ()
    """What nobody expected before the rounds."""
    tour: dict[str, Page] = field(default_factory=dict)
    windows: dict[bool, list[Terminals]] = field(default_factory=lambda: {False: [], True: []})
    clicked: list[Clicked] = field(default_factory=list)

    def latency(self, *, is_clicked: bool) -> Histogram:
        """Return that of all windows together: a stall of the disk every few seconds is in one of them, and
        decides the percentile of that one alone.
        """
        together = Histogram()
        for each in self.windows[is_clicked]:
            together.merge(each.latency)
        return together

    @property
    def ratio(self) -> float:
        """The p99 with people as a multiple of that without, of all windows together."""
        with_, without = (self.latency(is_clicked=each).percentile_us(99) for each in (True, False))
        return with_ / without

    @property
    def unexpected(self) -> int:
        """Answers that nobody expects, in rounds and before."""
        all_ = (*self.before, *(each.unexpected for each in self.clicked))
        return sum(sum(each.values()) for each in all_)

    def ratios(self) -> list[float]:
        """Return the ratio of each round."""
        pairs = zip(self.windows[True], self.windows[False], strict=True)
        return [with_.p99_ms / without.p99_ms for with_, without in pairs]


@dataclass
class Talk:
    """The process of clicking people."""

    process: trio.Process

    async def say(self, word: bytes) -> None:
        """Tell it something."""
        assert self.process.stdin is not None
        await self.process.stdin.send_all(word)

    async def hear(self, kind: type[T]) -> T:
        """Return what it says. Raises CannotRun."""
        line = await line_of(self.process, ANSWER_S_MAX, "the people did not answer")
        return msgspec.json.decode(line, type=kind)


async def measure(options: argparse.Namespace, stop: trio.Event) -> int:
    """Run the rounds; print the ratio; return the status."""
    facts = circumstances()
    measured = await rounds(options, stop)
    return Exit.INTERRUPTED if stop.is_set() else summed_up(options, facts, measured)


async def rounds(options: argparse.Namespace, stop: trio.Event) -> Measured:
    """Run the rounds, until `stop`; return what there was."""
    if options.rounds < 1 or options.persons < options.holders:
        raise CannotRun("--rounds is 1 or more, and holders are among the --persons")
    sizes = Sizes(*(getattr(options, name) for name in Sizes._fields))
    measured = Measured(0.0 if options.share else options.rate)
    async with open_stage(options.state_dir, options.cards, PARTNERS) as stage:
        master, dsn = MasterKey.load(stage.master_key_path), stage.postgres.owner_dsn
        await recycle_wal(stage.owner, options.wal_mib)
        people = await seed_people(stage.owner, dsn, stage.population, master, sizes)
        say(f"{len(people.holders)} holders and {len(people.officers)} officers have logins")
        nice = options.office_nice
        async with servers(stage, [SERVER]), office(stage, nice) as (url, serving), clicking() as talk:
            await talk.say(msgspec.json.encode(order(url, stage, people, options)) + b"\n")
            ready = await talk.hear(Ready)
            say(f"the officers have signed in, after {ready.took_s:.0f} s")
            await talk.say(TOUR)
            tour = await talk.hear(Clicked)
            measured.before, measured.tour = (ready.unexpected, tour.unexpected), tour.pages
            for unexpected in measured.before:
                told(unexpected)
            measured.rate_per_s = measured.rate_per_s or options.share * await capacity(stage)
            clocks = {"office": partial(cpu_s, serving.pid), "people": partial(cpu_s, talk.process.pid)}
            for number in range(options.rounds):
                for is_clicked in (False, True) if number % 2 == 0 else (True, False):
                    if stop.is_set():
                        return measured
                    await window(stage, talk, options, measured, clocks, is_clicked=is_clicked)
                say_round(number + 1, measured)
    return measured


def order(url: str, stage: Stage, people: People, options: argparse.Namespace) -> Order:
    """Return who is to click where."""
    return Order(
        url=url,
        city=stage.population.place.code,
        password=PASSWORD,
        holders=people.holders,
        sessions=people.sessions,
        officers=people.officers,
        codes=people.codes,
        step_s=STEP_S,
        names=people.names,
        cards=people.cards,
        holder_pause_s=options.holder_pause,
        officer_pause_s=options.officer_pause,
    )


async def capacity(stage: Stage) -> float:
    """Return the closed-loop rate while nobody clicks."""
    sample = await ClosedLane(SERVER, TERMINALS, 1)(stage, CAPACITY, {})
    say(f"capacity: {sample.rate_per_s:,.0f}/s of {TERMINALS} terminals, a request at a time")
    return sample.rate_per_s


async def window(
    stage: Stage,
    talk: Talk,
    options: argparse.Namespace,
    measured: Measured,
    clocks: Mapping[str, Clock],
    *,
    is_clicked: bool,
) -> None:
    """Measure one window. Raises CannotRun where a terminal was refused."""
    timing = Timing(options.warm_up, options.seconds)
    phases = [Phase(timing.warm_up_s + timing.seconds, measured.rate_per_s)]
    all_clocks: dict[str, Clock] = {
        "switch": stage.servers[SERVER].clock,
        "Postgres": stage.postgres_clock,
        **clocks,
    }

    async def begin() -> None:
        if is_clicked:
            await talk.say(GO)

    driven: Driven[LoadReport] = await drive(
        GENERATOR, open_load(stage, phases), LoadReport, timing, all_clocks, on_ready=begin
    )
    if is_clicked:
        await talk.say(PAUSE)
        measured.clicked.append(await talk.hear(Clicked))
    report = driven.report
    refused = sum(count for code, count in report.codes.items() if code)
    if refused or report.dropped or not report.replies:
        raise CannotRun(f"of the terminals' requests {refused} were refused, {report.dropped} dropped")
    latency = Histogram(report.buckets, report.latency_max_us)
    cores = {name: used / timing.seconds for name, used in driven.cpu_s.items()}
    measured.windows[is_clicked].append(Terminals(latency, cores))


@asynccontextmanager
async def office(stage: Stage, nice: int) -> AsyncIterator[tuple[str, trio.Process]]:
    """Run `cityswitch office serve` on the stage's ledger, behind a proxy as its unit has it."""
    command = ["-m", "ops.cli", "office", "serve", "--json", "--until-eof", "--port", "0"]
    settings = stage.directory / "office.toml"
    settings.write_text('log_level = "warning"\n')
    command += ["--proxy", "127.0.0.1", "--config", str(settings), "--state-dir", str(stage.directory)]
    command += ["--mail", str(stage.directory / "mail")]
    command += ["--dsn", stage.postgres.owner_dsn, "--nice", str(nice)]
    async with running(command, "the office", grace_s=END_S_MAX) as process:
        line = await line_of(process, START_S_MAX, "the office did not start")
        say(f"the office serves, nice {os.getpriority(os.PRIO_PROCESS, process.pid)}")
        yield str(msgspec.json.decode(line)["url"]), process
        if process.returncode is not None:
            raise CannotRun("the office ended before its time")


@asynccontextmanager
async def clicking() -> AsyncIterator[Talk]:
    """Have a process of people until the block is left."""
    async with running(["-m", MODULE], "the people", grace_s=END_S_MAX) as process:
        put_behind(NICE, process.pid)
        yield Talk(process)


async def line_of(process: trio.Process, seconds: float, fault: str) -> bytes:
    """Return the next line of a process. Raises CannotRun."""
    assert process.stdout is not None
    line = b""
    with trio.move_on_after(seconds):
        while not line.endswith(b"\n") and (chunk := await process.stdout.receive_some(65_536)):
            line += chunk
    if not line.endswith(b"\n"):
        raise CannotRun(fault)
    return line


def say_round(number: int, measured: Measured) -> None:
    """Tell what a round was like."""
    without, with_ = (measured.windows[is_clicked][-1] for is_clicked in (False, True))
    clicked = measured.clicked[-1]
    say(
        f"round {number}: p50 {without.p50_ms:.2f} ms, p99 {without.p99_ms:.2f} ms; with people"
        f" {with_.p50_ms:.2f} ms, {with_.p99_ms:.2f} ms: {with_.p99_ms / without.p99_ms:.2f};"
        f" {clicked.answered / clicked.seconds:.1f} answers/s of the office"
    )
    say(f"  processors without: {shares(without)}; with: {shares(with_)}")
    told(clicked.unexpected)


def shares(terminals: Terminals) -> str:
    """Return what each part took of the processors."""
    return ", ".join(f"{name} {cores:.2f}" for name, cores in terminals.cores.items())


def told(unexpected: dict[str, int]) -> None:
    """Tell what nobody expected."""
    for what, count in unexpected.items():
        say(f"  unexpected, {count} times: {what}")


def summed_up(options: argparse.Namespace, facts: list[str], measured: Measured) -> int:
    """Print all of it; return the status."""
    answered = sum(each.answered for each in measured.clicked)
    seconds = sum(each.seconds for each in measured.clicked)
    unexpected = measured.unexpected
    asked = options.holders / options.holder_pause + options.officers / options.officer_pause
    ratio, ratios = measured.ratio, measured.ratios()
    print("\n".join(facts))
    print(
        f"settings: 1 worker, {TERMINALS} terminals, {measured.rate_per_s:,.0f} requests/s due at fixed times"
        f" ({f'{options.share:g} of the capacity' if options.share else 'given'}), {options.cards} cards,"
        f" fsync on, windows of {options.seconds:g} s; {options.holders} holders who click every"
        f" {options.holder_pause:g} s and {options.officers} officers every {options.officer_pause:g} s"
    )
    for is_clicked in (False, True):
        windows = measured.windows[is_clicked]
        together, p99s = Terminals(measured.latency(is_clicked=is_clicked), {}), [w.p99_ms for w in windows]
        who = "with people" if is_clicked else "without"
        print(
            f"{who:<11}: p50 {together.p50_ms:.2f} ms, p99 {together.p99_ms:.2f} ms of {len(windows)} windows"
            f" together (by itself {min(p99s):.2f} to {max(p99s):.2f}, median {median(p99s):.2f})"
        )
    print(f"office: {answered} answers, {answered / seconds:.1f}/s; unexpected: {unexpected}")
    if options.pages:
        print("\n".join(pages(measured.clicked)))
    is_asked = answered / seconds >= ASKED_SHARE_MIN * asked
    if not is_asked:
        print(f"too few answers: who waits for no answer makes {asked:.1f}/s; this says little")
    is_met = ratio <= TARGET
    print(
        f"target: p99 with people <= {TARGET:g} x without: {'met' if is_met else 'MISSED'} with {ratio:.2f}"
        f" (rounds {min(ratios):.2f} to {max(ratios):.2f}); no unexpected answer:"
        f" {'MISSED' if unexpected else 'met'}"
    )
    return Exit.OK if is_met and not unexpected and is_asked else Exit.MISSED


def pages(clicked: list[Clicked]) -> list[str]:
    """Return a line for each kind of request, the most frequent first."""
    names = {name for each in clicked for name in each.pages}
    rows = []
    for name in names:
        found = [each.pages[name] for each in clicked if name in each.pages]
        count = sum(page.requests for page in found)
        rows.append((count, name, median(p.p50_ms for p in found), max(p.p99_ms for p in found)))
    return [
        f"  {count:>6}  {name:<38} p50 {p50_ms:>7.0f} ms, worst p99 {p99_ms:>7.0f} ms"
        for count, name, p50_ms, p99_ms in sorted(rows, reverse=True)
    ]
