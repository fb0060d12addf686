"""The upgrade drill: under load, the switch of an earlier commit gives way to this one, migrated in between.

`make upgrade-drill BASE=ac417c2`. Owns the order of the steps, which is docs/how-to/upgrade.md's, and the
counting: connections the machine refused, answers that put a terminal off, and the proof of the books at the
end. Must not know what a switch does. Invariant: status 0 if and only if nothing was refused and the books
hold.
"""

from __future__ import annotations

import argparse
import signal
import socket
import sys
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final, NamedTuple

import msgspec
import trio

from bench.paired.checkout import base, present
from ledger.postgres.embedded import embedded_postgres
from ops.exit_codes import Exit
from ops.place.running import read_note
from protocol import ResultClass, ResultCode
from simulators.city.example import CZESTOCHOWA_CITY
from simulators.city.trade import MIXES
from simulators.errors import CannotConnect
from simulators.fleet.fleet import run_fleet
from simulators.fleet.report import FleetPlan, FleetReport
from simulators.till.channel import Address, Channel, connector

READY_S_MAX: Final = 120.0
RULES: Final = "switch/rules/programmes/czestochowa.toml"
PUT_OFF: Final = frozenset(
    code.name for code in ResultCode if code.result_class in {ResultClass.RETRY, ResultClass.FAULT}
)


class Outcome(msgspec.Struct, kw_only=True):
    """What the drill found; `refused` and `put_off` are to be 0."""

    before: str
    after: str
    migrations: list[str]
    transactions: int
    requests: int
    asked_again: int
    links: int
    refused: int
    put_off: dict[str, int]
    given_up: int
    old_status: int
    seconds_of_both: float
    p99_ms: float
    longest_ms: float
    books: str
    holds: bool


class Side:
    """One version of the command, in its checkout."""

    def __init__(self, root: Path, owner_dsn: str, service_dsn: str, key: Path) -> None:
        self.root, self._owner, self._service, self._key = root, owner_dsn, service_dsn, key

    def command(self, *words: str) -> list[str]:
        """Return a command line of this side."""
        return [sys.executable, "-m", "ops.cli", *words, "--master-key-file", str(self._key)]

    async def run(self, *words: str) -> str:
        """Run a command as the owner; return what it printed."""
        line = self.command(*words, "--dsn", self._owner)
        done = await trio.run_process(line, cwd=self.root, capture_stdout=True)
        return done.stdout.decode()

    @asynccontextmanager
    async def serving(self, state: Path, port: int, **settings: object) -> AsyncIterator[trio.Process]:
        """Serve on `port` for as long as the block lasts, at least until it is ready."""
        said = {"listen_port": port, "http_port": 0, "workers": 2, **settings}
        file = settings_file(state, said)
        line = self.command("serve", "--config", str(file), "--dsn", self._service, "--state-dir", str(state))
        with (state / "log").open("wb") as log:
            process = await trio.lowlevel.open_process(line, cwd=self.root, stderr=log)
            try:
                with trio.fail_after(READY_S_MAX):
                    while read_note(state) is None:
                        assert process.poll() is None, (state / "log").read_text()
                        await trio.sleep(0.05)
                yield process
            finally:
                process.kill()
                await process.wait()


def settings_file(state: Path, settings: Mapping[str, object]) -> Path:
    """Make a state directory with a settings file in it; return the file."""
    state.mkdir()
    file = state / "cityswitch.toml"
    file.write_text("".join(f"{name} = {str(value).lower()}\n" for name, value in settings.items()))
    return file


class Lines:
    """Opens the terminals' connections and counts those the machine refuses."""

    def __init__(self, port: int) -> None:
        self._connect = connector(Address("127.0.0.1", port))
        self.refused: Counter[str] = Counter()

    async def connect(self) -> Channel:
        """Open one connection."""
        try:
            return await self._connect()
        except CannotConnect as error:
            self.refused[str(error)] += 1
            raise


def free_port() -> int:
    """Return a port nobody has."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


class Load:
    """The terminals, from their first sale until they are told to stop and have settled."""

    def __init__(self, plan: FleetPlan, lines: Lines) -> None:
        self._plan, self._lines = plan, lines
        self._stop, self._ended = trio.Event(), trio.Event()
        self._report: FleetReport

    async def run(self) -> None:
        """Trade until `end`."""
        self._report = await run_fleet(self._plan, stop=self._stop, connect=self._lines.connect)
        self._ended.set()

    async def end(self) -> FleetReport:
        """Have no more business begun, wait until all is settled, and return what there was."""
        self._stop.set()
        await self._ended.wait()
        return self._report


class Steps(NamedTuple):
    """What the steps of the upgrade came to."""

    report: FleetReport
    migrations: list[str]
    old_status: int
    seconds_of_both: float


async def drill(commit: str, directory: Path, terminals: int, rate: float, pause_s: float) -> Outcome:
    """Play the upgrade and return what came of it."""
    before, after = base(commit, directory), present()
    with tempfile.TemporaryDirectory(prefix="cityswitch-drill-") as folder:
        here, port = Path(folder), free_port()
        lines = Lines(port)
        async with embedded_postgres(here / "postgres") as server:
            dsns = (server.owner_dsn, server.service_dsn, here / "master.key")
            old, new = Side(before.root, *dsns), Side(after.root, *dsns)
            for words in (["init"], ["programmes", "apply", RULES], ["simulate", "city"]):
                tell(await old.run(*words))
            load = Load(plan_of(here, port, terminals, rate), lines)
            steps = await upgrade(old, new, here=here, port=port, load=load, pause_s=pause_s)
            books = (await new.run("ledger", "verify")).strip().splitlines()[-1]
    report = steps.report
    put_off: Counter[str] = Counter()
    for codes in report.by_operation.values():
        put_off.update({code: count for code, count in codes.items() if code in PUT_OFF})
    refused = lines.refused.total()
    is_clean = not (refused or put_off or report.given_up or steps.old_status)
    return Outcome(
        before=before.name,
        after=after.name,
        migrations=steps.migrations,
        transactions=report.transactions,
        requests=report.requests,
        asked_again=report.repeats,
        links=report.links,
        refused=refused,
        put_off=dict(put_off),
        given_up=report.given_up,
        old_status=steps.old_status,
        seconds_of_both=round(steps.seconds_of_both, 1),
        p99_ms=report.latency.p99_us / 1_000,
        longest_ms=report.latency.max_us / 1_000,
        books=books,
        holds=is_clean and report.is_settled and report.transactions > 0,
    )


async def upgrade(old: Side, new: Side, *, here: Path, port: int, load: Load, pause_s: float) -> Steps:
    """Play the steps under load, with `pause_s` of load between one and the next."""
    async with old.serving(here / "old", port) as old_switch, trio.open_nursery() as nursery:
        nursery.start_soon(load.run)
        await trio.sleep(pause_s)
        migrated = msgspec.json.decode(await new.run("migrate", "--json"))["applied"]
        tell(f"migrated under load: {', '.join(migrated) or 'nothing to do'}")
        await trio.sleep(pause_s)
        async with new.serving(here / "new", port, port_shared=True):
            both_since = trio.current_time()
            tell("the new switch serves beside the old one")
            await trio.sleep(pause_s)
            old_switch.send_signal(signal.SIGTERM)
            old_status = await old_switch.wait()
            seconds_of_both = trio.current_time() - both_since
            tell(f"the old switch has ended with status {old_status}")
            await new.run("migrate", "--after", "--json")
            await trio.sleep(pause_s)
            report = await load.end()
    return Steps(report, migrated, old_status, seconds_of_both)


def plan_of(here: Path, port: int, terminals: int, rate: float) -> FleetPlan:
    """Return what the terminals do: no line is cut but by the upgrade itself."""
    population = CZESTOCHOWA_CITY.population
    return FleetPlan(
        seed=population.seed,
        programme=population.programme,
        mix=MIXES[CZESTOCHOWA_CITY.code],
        address=f"127.0.0.1:{port}",
        state_dir=str(here / "fleet"),
        cards=CZESTOCHOWA_CITY.fleet_cards,
        partners=population.partners,
        population_terminals=population.terminals,
        terminals=terminals,
        rate_per_s=rate,
        duration_s=3_600.0,
        cut_off_share=0.0,
    )


def tell(text: str) -> None:
    """Say on the way what happens."""
    print(text.strip(), file=sys.stderr, flush=True)


def main() -> int:
    """Read the command line, play the drill, print what came of it as JSON."""
    parser = argparse.ArgumentParser(prog="python -m ops.deploy.upgrade_drill", description=__doc__)
    parser.add_argument("--base", required=True, help="the commit that is upgraded from")
    parser.add_argument("--directory", type=Path, default=Path("var/upgrade"), help="where its checkout lies")
    parser.add_argument("--terminals", type=int, default=60)
    parser.add_argument("--rate", type=float, default=100.0, help="requests a second, all terminals together")
    parser.add_argument("--pause", type=float, default=5.0, help="seconds of load between the steps")
    given = parser.parse_args()
    outcome = trio.run(drill, given.base, given.directory, given.terminals, given.rate, given.pause)
    print(msgspec.json.format(msgspec.json.encode(outcome)).decode())
    return Exit.OK if outcome.holds else Exit.DIFFERENCES


if __name__ == "__main__":
    sys.exit(main())
