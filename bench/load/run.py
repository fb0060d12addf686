"""`make load` and `make load-headless`: Locust against a switch of our own, or against one that runs already.

    python -m bench.load                              Locust's web page on loopback, until Ctrl-C
    python -m bench.load --headless --seconds 60      a fixed time, HTML and CSV report into bench/reports/
    LOAD_HOST=127.0.0.1 LOAD_PORT=7070 python -m bench.load --headless      a switch that runs already

Owns the command line, the Locust process and the closing check of the books. Must not know users or shapes
(`locustfile`), nor what the report says (`page`). Invariants: the switch outlives Locust, so that a stop is
no failure; when it ends, no process is left, not even after a kill -9; status 0 only if requests were made,
few enough failed, and the books are right.
"""

from __future__ import annotations

import argparse
import os
import socket
import subprocess
import sys
from contextlib import AsyncExitStack
from datetime import datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import trio

from bench.city import city
from bench.command import Exit, run
from bench.errors import CannotRun
from bench.load.outcome import switch_problem
from bench.load.page import Run, locust_page
from bench.load.server_side import READ
from bench.load.shapes import CURVES
from bench.load.watch import Watch
from bench.local_switch import HOST, STATE, SeededBooks, local_switch, say
from ledger.books.verify import verify
from ledger.postgres.database import open_database
from simulators.city.example import CARDS, PARTNERS, SEED
from simulators.city.population import Population

LOCUSTFILE: Final = Path(__file__).with_name("locustfile.py")
REPORTS: Final = Path(__file__).parents[1] / "reports"
STOP_S: Final = 10
"""How long Locust waits for requests that are under way when it stops."""
VERIFY_S_MAX: Final = 120.0
OUTCOMES: Final = {
    int(Exit.OK): "Locust ended in order, within its bounds",
    int(Exit.MISSED): "Locust ended with a status that is not 0: no request was made, or too many failed",
    int(Exit.INTERRUPTED): "it was interrupted",
}
SWITCH_PORT: Final = 7070


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """Return the options; every one can come from the environment as LOAD_…, for the Makefile's sake."""
    parser = argparse.ArgumentParser(prog="python -m bench.load", description="Load test of the switch.")

    def add(name: str, kind: type, default: object, text: str) -> None:
        value = os.environ.get("LOAD_" + name.upper().replace("-", "_")) or default
        parser.add_argument(f"--{name}", type=kind, default=value, help=f"{text} ({default})")

    parser.add_argument("--headless", action="store_true", help="no web page; a fixed time and a report")
    parser.add_argument(
        "--shape", choices=["steady", *CURVES], default=os.environ.get("LOAD_SHAPE", "steady")
    )
    add("seconds", int, 60, "how long a headless run lasts; a shape's 24 hours are compressed to it")
    add("users", int, 100, "terminals at work; for a shape: in an ordinary day's busiest hour")
    add("pause-s", float, 0.5, "mean pause of a till between requests")
    add("processes", int, 1, "Locust processes")
    add("workers", int, 2, "worker processes of our own switch")
    add("web-port", int, 8089, "port of the web page")
    add("state-dir", Path, STATE, "state directory of our own switch")
    add("host", str, "", "a switch that runs already: its host")
    add("port", int, 0, "and its port")
    add("http", str, "", "and its workers' HTTP addresses, host:port with commas between, for the report")
    add("seed", str, SEED, "seed of the city")
    add("cards", int, CARDS, "its cards")
    add("partners", int, PARTNERS, "its partners, a terminal each")
    options = parser.parse_args(arguments)
    if options.shape not in ("steady", *CURVES):
        parser.error(f"LOAD_SHAPE={options.shape}: choose from steady, {', '.join(CURVES)}")
    return options


def locust_command(options: argparse.Namespace, host: str, port: int, report: Path) -> list[str]:
    """Return the Locust command line; `report` is the path of the reports without their endings."""
    command = [sys.executable, "-m", "locust", "-f", str(LOCUSTFILE), "--stop-timeout", str(STOP_S)]
    command += ["--switch-host", host, "--switch-port", str(port), "--seed", options.seed]
    command += ["--cards", str(options.cards), "--partners", str(options.partners)]
    command += ["--users", str(options.users), "--spawn-rate", str(min(options.users, 50))]
    command += ["--pause-s", str(options.pause_s), "--shape", options.shape, "--loglevel", "WARNING"]
    command += ["--parent", str(os.getpid())]
    command += ["--day-s", str(options.seconds)]
    if options.processes > 1:
        command += ["--processes", str(options.processes)]
    if not options.headless:
        return [*command, "--web-host", HOST, "--web-port", str(options.web_port)]
    command += ["--headless", "--only-summary", "--html", str(locust_page(report))]
    command += ["--csv", str(report), "--csv-full-history"]
    return command if options.shape != "steady" else [*command, "--run-time", f"{options.seconds}s"]


async def load(options: argparse.Namespace, stop: trio.Event) -> int:
    """Run the test to its end, or until `stop`; return the exit status."""
    population = city(options.seed, options.cards, options.partners)
    _check(options, population)
    async with AsyncExitStack() as stack:
        books: SeededBooks | None = None
        if options.host or options.port:
            host, port = options.host or HOST, options.port or SWITCH_PORT
            problem = await trio.to_thread.run_sync(switch_problem, host, port, population)
            if problem is not None:
                raise CannotRun(problem)
            http = [_url(address) for address in options.http.split(",") if address]
        else:
            switch = await stack.enter_async_context(
                local_switch(options.state_dir, population, workers=options.workers)
            )
            books, host, port, http = switch.books, switch.host, switch.port, switch.http
            say(f"a switch of our own with {options.workers} workers on {host}:{port}")
        if stop.is_set():
            return Exit.INTERRUPTED
        run = Run(options, f"{host}:{port}", books is not None, _report_path(options), Watch(http, READ))
        return await _run(run, host, port, books, stop)


async def _run(run: Run, host: str, port: int, books: SeededBooks | None, stop: trio.Event) -> int:
    """Put the load on, check the books, and write the page, also of a run that was cut short."""
    try:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(run.watch.run)
            status = await run_locust(run.options, host, port, run.path, stop)
            nursery.cancel_scope.cancel()
        run.ended(OUTCOMES.get(status, f"ended with status {status}"))
        if books is not None:
            is_right, said = await _books(books)
            run.add(said)
            status = status if is_right else Exit.MISSED
        return status
    finally:
        if run.options.headless:
            run.write()
            say(f"report: bench/reports/{run.path.name}.html and {run.path.name}_stats.csv")


def _check(options: argparse.Namespace, population: Population) -> None:
    """Find out before anything is started what could only fail later."""
    if find_spec("locust") is None:
        raise CannotRun(
            "Locust is not installed: `make venv-dev` installs it with the other development tools"
        )
    if not 1 <= options.users <= population.terminals:
        raise CannotRun(f"--users {options.users}: the city has {population.terminals} terminals")
    if options.seconds < 1 or options.pause_s < 0 or options.processes < 1 or options.workers < 1:
        raise CannotRun("--seconds, --processes and --workers must be 1 or more, --pause-s 0 or more")
    if not options.headless:
        try:
            socket.create_server((HOST, options.web_port)).close()
        except OSError as error:
            raise CannotRun(
                f"port {options.web_port} for the web page: {error.strerror}; name another: LOAD_WEB_PORT="
            ) from None


def _report_path(options: argparse.Namespace) -> Path:
    """Return the path of this run's reports without their endings."""
    REPORTS.mkdir(exist_ok=True)
    return REPORTS / f"load-{options.shape}-{datetime.now().astimezone():%Y%m%d-%H%M%S}"


def _url(address: str) -> str:
    return address.strip() if "://" in address else f"http://{address.strip()}"


async def run_locust(
    options: argparse.Namespace, host: str, port: int, report: Path, stop: trio.Event
) -> int:
    """Run Locust; at `stop` it ends in order. Return its status."""
    command = locust_command(options, host, port, report)
    # In a session of its own: a Ctrl-C at the terminal is for us, and we end Locust before the switch.
    process = await trio.lowlevel.open_process(command, stdin=subprocess.DEVNULL, start_new_session=True)
    if options.headless:
        say(f"{options.shape} load of {options.users} terminals for {options.seconds} s")
    else:
        say(f"open http://{HOST}:{options.web_port} and press Start; Ctrl-C ends")
    try:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_terminate_at, stop, process)
            status = await process.wait()
            nursery.cancel_scope.cancel()
    finally:
        await _reap(process)
    if options.headless and stop.is_set():
        return Exit.INTERRUPTED
    return Exit.OK if status == 0 else Exit.MISSED


async def _terminate_at(stop: trio.Event, process: trio.Process) -> None:
    await stop.wait()
    process.terminate()


async def _reap(process: trio.Process) -> None:
    """Make sure that it is gone, workers of its own included."""
    if process.returncode is not None:
        return
    with trio.CancelScope(shield=True):
        process.terminate()
        with trio.move_on_after(STOP_S + 5):
            await process.wait()
        if process.returncode is None:
            process.kill()
            await process.wait()


async def _books(books: SeededBooks) -> tuple[bool, str]:
    """Check the ledger's invariants after the load; return whether they hold, and what was said."""
    async with open_database(books.postgres.owner_dsn, connections_max=1) as owner:
        findings = await owner.run(verify, timeout_s=VERIFY_S_MAX)
    said = [
        f"books: {finding.invariant}: {finding.count} violations, for example {finding.example}"
        for finding in findings
        if finding.count
    ]
    is_right = not said
    said = said or [f"books: {len(findings)} invariants checked, all hold"]
    for line in said:
        say(line)
    return is_right, "; ".join(said)


def main() -> int:
    """Run what the command line asks for; return the exit status."""
    options = parse()
    return run(lambda stop: load(options, stop))
