"""What it costs the switch to be watched: its rate with board, Prometheus and two viewers ÷ its rate without.

    .venv/bin/python -m bench.probes.watched

One switch under a closed loop, round after round in both ways, the order turned each round: unwatched, and
with `cityswitch board`, a Prometheus that scrapes, and viewers who read the board's stream. A ratio is taken
within a round; the median of the rounds counts.

Owns the method. Must not know what board and Prometheus do (they are processes, started here). Invariants: a
watched window counts only if every viewer was told of the switch throughout it; no process is left. A status
of 1 means that the target was missed.
"""

from __future__ import annotations

import argparse
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Final
from urllib.parse import urlsplit

import msgspec
import trio

from bench.circumstances import circumstances
from bench.command import Exit, run
from bench.errors import CannotRun
from bench.local_switch import HOST, STATE, say
from bench.throughput.driver import Timing, running
from bench.throughput.lanes import ClosedLane
from bench.throughput.stage import Stage, open_stage, servers
from simulators.city.example import CARDS, PARTNERS

TARGET: Final = 0.97
SERVER: Final = "switch 1"
TERMINALS: Final = 300
DEPTH: Final = 1
VIEWERS: Final = 2
START_S_MAX: Final = 60.0
END_S_MAX: Final = 10.0
LOOKS_SHARE_MIN: Final = 0.5
"""So many looks a second each viewer must have been told of (one a second is the board's promise)."""


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """Return the options."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.probes.watched", description=__doc__.split("\n")[0]
    )
    parser.add_argument("--rounds", type=int, default=5, help="rounds, each both ways (5)")
    parser.add_argument("--seconds", type=float, default=8.0, help="length of a window (8)")
    parser.add_argument("--warm-up", type=float, default=3.0, help="load before a window (3)")
    parser.add_argument("--scrape-seconds", type=float, default=5.0, help="how often Prometheus scrapes (5)")
    parser.add_argument("--cards", type=int, default=CARDS, help=f"cards ({CARDS})")
    parser.add_argument("--state-dir", type=Path, default=STATE, help=f"where data is made ({STATE})")
    return parser.parse_args(arguments)


@dataclass
class Viewer:
    """One who reads the board's stream."""

    looks: int = 0

    async def watch(self, url: str) -> None:
        """Read until cancelled."""
        parts = urlsplit(url)
        request = f"GET /en/board/events HTTP/1.1\r\nHost: {parts.netloc}\r\n\r\n"
        async with await trio.open_tcp_stream(parts.hostname or HOST, parts.port or 80) as stream:
            await stream.send_all(request.encode())
            async for chunk in stream:
                self.looks += bytes(chunk).count(b"event: look")


async def measure(options: argparse.Namespace, stop: trio.Event) -> int:
    """Run the rounds and print the ratio."""
    if options.rounds < 1 or shutil.which("prometheus") is None:
        raise CannotRun("--rounds 1 or more; and `apt install prometheus`")
    facts = circumstances()
    timing = Timing(options.warm_up, options.seconds)
    ratios: list[float] = []
    rates: dict[bool, list[float]] = {False: [], True: []}
    async with open_stage(options.state_dir, options.cards, PARTNERS) as stage, servers(stage, [SERVER]):
        lane = ClosedLane(SERVER, TERMINALS, DEPTH)
        for number in range(options.rounds):
            here: dict[bool, float] = {}
            for is_watched in (False, True) if number % 2 == 0 else (True, False):
                if stop.is_set():
                    return Exit.INTERRUPTED
                here[is_watched] = await _rate(stage, lane, timing, options, is_watched=is_watched)
            for is_watched, rate in here.items():
                rates[is_watched].append(rate)
            ratios.append(here[True] / here[False])
            say(f"round {number + 1}: {here[False]:,.0f}/s, watched {here[True]:,.0f}/s: {ratios[-1]:.3f}")
    ratio = median(ratios)
    print("\n".join(facts))
    print(
        f"settings: 1 worker, {TERMINALS} connections of depth {DEPTH}, {options.cards} cards, fsync on,"
        f" windows of {options.seconds:g} s; watched by the board, {VIEWERS} viewers, and Prometheus every"
        f" {options.scrape_seconds:g} s"
    )
    print(f"unwatched {median(rates[False]):,.0f}/s, watched {median(rates[True]):,.0f}/s (medians)")
    print(f"ratios of {len(ratios)} rounds: {min(ratios):.3f} to {max(ratios):.3f}")
    is_met = ratio >= TARGET
    print(f"target: median ratio >= {TARGET:g}: {'met' if is_met else 'MISSED'} with {ratio:.3f}")
    return Exit.OK if is_met else Exit.MISSED


async def _rate(
    stage: Stage, lane: ClosedLane, timing: Timing, options: argparse.Namespace, *, is_watched: bool
) -> float:
    if not is_watched:
        return (await lane(stage, timing, {})).rate_per_s
    async with _watched(stage, options.scrape_seconds) as viewers:
        before = [viewer.looks for viewer in viewers]
        began_s = trio.current_time()
        sample = await lane(stage, timing, {})
        took_s = trio.current_time() - began_s
        for viewer, looks in zip(viewers, before, strict=True):
            if viewer.looks - looks < LOOKS_SHARE_MIN * took_s:
                raise CannotRun(f"a viewer was told of {viewer.looks - looks} looks in {took_s:.0f} s")
    return sample.rate_per_s


@asynccontextmanager
async def _watched(stage: Stage, scrape_s: float) -> AsyncIterator[list[Viewer]]:
    """Have board, Prometheus and viewers for as long as the block lasts."""
    address = stage.servers[SERVER].http[0].removeprefix("http://")
    settings = _settings(stage.directory, address.rpartition(":")[2])
    command = ["-m", "ops.cli", "board", "--json", "--until-eof", "--port", "0"]
    command += ["--config", str(settings), "--dsn", stage.postgres.service_dsn]
    viewers = [Viewer() for _ in range(VIEWERS)]
    async with (
        _prometheus(stage.directory / "prometheus", address, scrape_s),
        running(command, "the board", grace_s=END_S_MAX) as board,
        trio.open_nursery() as nursery,
    ):
        url = await _started(board)
        for viewer in viewers:
            nursery.start_soon(viewer.watch, url)
        with trio.move_on_after(START_S_MAX):
            while not all(viewer.looks > 2 for viewer in viewers):  # noqa: ASYNC110 - told by another process
                await trio.sleep(0.1)
        yield viewers
        nursery.cancel_scope.cancel()


def _settings(directory: Path, port: str) -> Path:
    """Write where the board finds the worker."""
    path = directory / "board.toml"
    path.write_text(f"http_port = {port}\nstate_dir = {msgspec.json.encode(str(directory)).decode()}\n")
    return path


async def _started(board: trio.Process) -> str:
    assert board.stdout is not None
    line = b""
    with trio.move_on_after(START_S_MAX):
        while not line.endswith(b"\n") and (chunk := await board.stdout.receive_some(4_096)):
            line += chunk
    if not line:
        raise CannotRun("the board did not start")
    return str(msgspec.json.decode(line)["url"])


def _prometheus_settings(directory: Path, address: str, scrape_s: float) -> Path:
    directory.mkdir(exist_ok=True)
    every = f"{round(scrape_s * 1_000)}ms"
    scrapes = {"job_name": "cityswitch", "static_configs": [{"targets": [address]}]}
    told = {"global": {"scrape_interval": every, "scrape_timeout": every}, "scrape_configs": [scrapes]}
    path = directory / "prometheus.yml"
    path.write_bytes(msgspec.json.encode(told))  # JSON is YAML, too
    return path


@asynccontextmanager
async def _prometheus(directory: Path, address: str, scrape_s: float) -> AsyncIterator[None]:
    path = _prometheus_settings(directory, address, scrape_s)
    command = ["prometheus", f"--config.file={path}", f"--storage.tsdb.path={directory / 'data'}"]
    command += [f"--web.listen-address={HOST}:{_free_port()}", "--enable-feature=native-histograms"]
    process = await trio.lowlevel.open_process(
        command,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        env={**os.environ},
    )
    try:
        yield
        if process.returncode is not None:
            raise CannotRun("Prometheus ended before its time")
    finally:
        with trio.CancelScope(shield=True):
            process.terminate()
            with trio.move_on_after(END_S_MAX):
                await process.wait()
            if process.returncode is None:
                process.kill()
                await process.wait()


def _free_port() -> int:
    with socket.socket() as sock:
        sock.bind((HOST, 0))
        return int(sock.getsockname()[1])


if __name__ == "__main__":
    _options = parse()
    sys.exit(run(lambda stop: measure(_options, stop)))
