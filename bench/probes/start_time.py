"""How long the switch takes from the start of its process until it is ready, and until it serves a terminal.

    .venv/bin/python -m bench.probes.start_time

Postgres runs already and holds 50,000 cards. Each run starts the command an operator starts, `cityswitch
serve`, and asks every worker's /readyz until all say ready; then a terminal connects and signs on, and its
answer shows that the port is open. Interpreter, imports and reading the registry into memory are all in it.
The switch is then stopped with SIGTERM and must end with status 0.

Owns the method. Must not know how a switch starts. Invariants: a run that does not become ready, or does not
end cleanly, fails the measurement; no process is left. A status of 1 means that the target was missed.
"""

from __future__ import annotations

import argparse
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

import trio

from bench.circumstances import circumstances
from bench.city import city, identity
from bench.command import Exit, run
from bench.errors import CannotRun
from bench.figures import table
from bench.load.terminal import BlockingTerminal, LineError
from bench.local_switch import HOST, STATE, SeededBooks, say, seeded_books
from bench.pages import PageError, is_ready, metric
from simulators.city.example import CARDS, PARTNERS, SEED
from simulators.city.population import Population
from simulators.till.identity import TerminalIdentity
from switch.process.supervisor import EXIT_PORT_IN_USE

TARGET_S: Final = 2.0
POLL_PAUSE_S: Final = 0.01
READY_S_MAX: Final = 30.0
STOP_S_MAX: Final = 40.0
PORT_TRIES: Final = 50
STARTS_MAX: Final = 5


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """Return the options."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.probes.start_time", description=__doc__.split("\n")[0]
    )
    parser.add_argument("--runs", type=int, default=10, help="how often to start it (10)")
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2], help="worker processes (1 2)")
    parser.add_argument("--cards", type=int, default=CARDS, help=f"cards of the city ({CARDS})")
    parser.add_argument("--state-dir", type=Path, default=STATE, help=f"state directory ({STATE})")
    return parser.parse_args(arguments)


async def measure(options: argparse.Namespace, stop: trio.Event) -> int:
    """Run the whole measurement and print it; return the exit status."""
    facts = circumstances()
    population = city(SEED, options.cards, PARTNERS)
    if options.runs < 1 or min(options.workers) < 1:
        raise CannotRun("--runs and --workers must be 1 or more")
    rows: dict[str, list[float]] = {}
    async with seeded_books(options.state_dir, population) as books:
        for workers in options.workers:
            say(f"starting a switch with {workers} workers {options.runs} times")
            ready = rows[f"workers={workers}: start to /readyz"] = []
            serving = rows[f"workers={workers}: start to a terminal signed on"] = []
            for _ in range(options.runs):
                if stop.is_set():
                    return Exit.INTERRUPTED
                took = await trio.to_thread.run_sync(start_timed, books, population, workers)
                ready.append(took.ready_s)
                serving.append(took.serving_s)
    print("\n".join([*facts, f"settings: {options.cards} cards, embedded Postgres, up already", ""]))
    print("\n".join([*table({name: [s * 1_000 for s in times] for name, times in rows.items()}, "ms"), ""]))
    worst = max(map(max, rows.values()))
    is_met = worst < TARGET_S
    print(f"target: every start < {TARGET_S:g} s: {'met' if is_met else 'MISSED'}, the longest {worst:.2f} s")
    return Exit.OK if is_met else Exit.MISSED


class Took(NamedTuple):
    """Seconds from the start of the process until /readyz of all workers, and until a terminal's sign-on."""

    ready_s: float
    serving_s: float


class PortTaken(Exception):
    """Somebody else took a port between our choice and the start; that run says nothing about the switch."""


def start_timed(books: SeededBooks, population: Population, workers: int) -> Took:
    """Start the switch once, again with other ports should one be taken meanwhile. Raises `CannotRun`."""
    for _ in range(STARTS_MAX):
        with suppress(PortTaken):
            return start_once(books, population, workers)
    raise CannotRun(f"a port was taken by somebody else {STARTS_MAX} times in a row")


def start_once(books: SeededBooks, population: Population, workers: int) -> Took:
    """Start the switch, wait until it is ready and serves, and stop it. Raises `CannotRun`, `PortTaken`."""
    port, *http = free_ports(1 + workers)
    urls = [f"http://{HOST}:{number}" for number in http]
    command = [str(Path(sys.executable).with_name("cityswitch")), "serve", "--dsn", books.config.dsn]
    command += ["--state-dir", books.config.state_dir, "--workers", str(workers), "--log-level", "warning"]
    command += ["--listen-port", str(port), "--http-port", str(http[0])]
    started = time.perf_counter()
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    try:
        ready_s = _wait(process, started, lambda: all(map(is_ready, urls)))
        serving_s = _wait(process, started, lambda: _signs_on(port, identity(population, 0)))
        _wait(process, started, lambda: all(_has_cards(url, population.cards) for url in urls))
    finally:
        status = _stop(process)
    if status != 0:
        raise CannotRun(f"the switch ended with status {status} after SIGTERM")
    return Took(ready_s, serving_s)


def _has_cards(url: str, cards: int) -> bool:
    """Return whether a worker has all cards in memory: a start without them would be no start."""
    try:
        return metric(url, "cityswitch_directory_cards") >= cards
    except PageError:
        return False


def _signs_on(port: int, who: TerminalIdentity) -> bool:
    try:
        with BlockingTerminal.connect(HOST, port, who) as line:
            line.sign_on()
    except LineError:
        return False
    return True


def _wait(process: subprocess.Popen[bytes], started: float, is_done: Callable[[], bool]) -> float:
    """Ask until it is done; return the seconds since `started`."""
    while time.perf_counter() - started < READY_S_MAX:
        if is_done():
            return time.perf_counter() - started
        if process.poll() == EXIT_PORT_IN_USE:
            raise PortTaken
        if process.poll() is not None:
            raise CannotRun(f"the switch ended with status {process.returncode} before it was ready")
        time.sleep(POLL_PAUSE_S)
    raise CannotRun(f"the switch was not ready within {READY_S_MAX:g} s")


def _stop(process: subprocess.Popen[bytes]) -> int:
    process.terminate()
    try:
        return process.wait(STOP_S_MAX)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()


def free_ports(count: int) -> list[int]:
    """Return `count` neighbouring ports of loopback that are free now. Raises `CannotRun`."""
    for _ in range(PORT_TRIES):
        held: list[socket.socket] = []
        try:
            held.append(socket.create_server((HOST, 0)))
            first = int(held[0].getsockname()[1])
            held += [socket.create_server((HOST, first + step)) for step in range(1, count)]
        except (OSError, OverflowError):
            continue
        else:
            return [first + step for step in range(count)]
        finally:
            for sock in held:
                sock.close()
    raise CannotRun(f"no {count} neighbouring free ports on {HOST}")


if __name__ == "__main__":
    _options = parse()
    sys.exit(run(lambda stop: measure(_options, stop)))
