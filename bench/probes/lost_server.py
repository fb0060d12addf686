"""What terminals are told when a server of the books is lost: `cityswitch serve` on Citus under a fleet, one
worker's Postgres killed (SIGKILL) in the middle and started again.

    .venv/bin/python -m bench.probes.lost_server --citus DSN --service DSN --start 'pg_ctl -D … start'

The DSNs are the owner's and the service's of a database at the coordinator, with a city of this probe or
nothing in it, every server on this machine. Each reply is taken down at the terminal's end of its line and
told apart by whether the lost server has a bucket of it: its terminal's, its card's, that of the terminal
whose sale it names, or any, where it adds up over all. A status of 1 means that somebody else was told to try
again or lost a line, that something stayed unsettled, or that the books do not hold. Owns the method. Must
not know how a batch travels.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections import Counter
from collections.abc import Callable, Collection, Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import Final, NamedTuple

import msgspec
import trio

from bench.command import Exit, Parser, dsn_option, run
from bench.errors import CannotRun
from bench.local_switch import HOST, say
from bench.probes.fleet import PROBE
from bench.probes.servers import LONG_S, postmasters
from ledger.books.posting import bucket_of
from ledger.books.rebucket import change_buckets
from ledger.books.verify import verify
from ledger.engine.citus import settle
from ledger.engine.shards import Server, Shards, read_shards
from ledger.errors import LedgerError
from ledger.postgres.database import Database, open_database
from ledger.registry.reads import layout_buckets
from ledger.registry.secrets import MasterKey
from protocol import TYPE_OF, ResultCode, Totals, Verify
from protocol.messages import MESSAGE_OF, decoder
from simulators.audit.auditor import audit
from simulators.audit.log import at_rest
from simulators.city.population import Population
from simulators.city.seeding import seed_city
from simulators.city.trade import MIXES
from simulators.fleet.fleet import run_fleet
from simulators.fleet.report import FleetPlan, FleetReport
from simulators.till.channel import Address, Channel, Connector, connector
from simulators.till.tapped import Frame, Tapped
from switch.config import Config
from switch.logs import configure_logs
from switch.process.installation import prepare
from switch.process.supervisor import SwitchFailed, serving
from switch.wire.listener import PortInUse

UNDECIDED: Final = frozenset({int(ResultCode.TRY_AGAIN), int(ResultCode.SYSTEM_ERROR)})
EVERYWHERE: Final = frozenset(map(TYPE_OF.__getitem__, (Totals, Verify)))
"""What adds up over all buckets: a terminal's totals, what is left of a quota of the whole programme."""
LOST: Final = -1
"""Instead of a code: the line was gone before the answer."""
UP_S_MAX: Final = 60.0


class Asked(NamedTuple):
    """A request, as far as it says which buckets it needs."""

    kind: int
    terminal: int
    card: str
    original_terminal: int
    at_s: float


class Answer(NamedTuple):
    """What was told, and how long it took in seconds."""

    asked: Asked
    code: int
    took_s: float


class Ear:
    """Takes down one line."""

    def __init__(self, answers: list[Answer]) -> None:
        self._answers = answers
        self._terminal = 0
        self._open: dict[tuple[int, int], Asked] = {}

    def sends(self, frame: Frame) -> None:
        """A request, or the terminal's first word."""
        message = decoder(MESSAGE_OF[frame.type])(frame.body)
        if not frame.is_data:
            self._terminal = getattr(message, "terminal", self._terminal)
            return
        self._open[frame.type, message.stan] = Asked(
            frame.type,
            self._terminal,
            getattr(message, "card", ""),
            getattr(message, "original_terminal", 0),
            trio.current_time(),
        )

    def came(self, frame: Frame) -> None:
        """A reply."""
        if frame.is_data:
            stan, code, *_ = msgspec.msgpack.decode(frame.body)
            if asked := self._open.pop((frame.type, stan), None):
                self._answers.append(Answer(asked, code, trio.current_time() - asked.at_s))

    def lost(self) -> None:
        """What was open has no answer."""
        now_s = trio.current_time()
        self._answers += [Answer(asked, LOST, now_s - asked.at_s) for asked in self._open.values()]
        self._open.clear()


def listening(connect: Connector, answers: list[Answer]) -> Connector:
    """Lines that are taken down."""

    async def listened() -> Channel:
        return Tapped(await connect(), Ear(answers))

    return listened


def buckets_of(asked: Asked, account_of: Callable[[str], int], buckets: int) -> set[int]:
    """The buckets that a request needs: of its terminal, of its card, of the terminal whose sale it names."""
    if asked.kind in EVERYWHERE:
        return set(range(buckets))
    numbers = [asked.terminal << 3]
    if asked.card:
        numbers.append(account_of(asked.card))
    if asked.original_terminal:
        numbers.append(asked.original_terminal << 3)
    return {bucket_of(number, buckets) for number in numbers}


class Outage:
    """When the server was killed, and when it took connections again."""

    def __init__(self, server: Server, shards: Shards) -> None:
        self.server, self.shards = server, shards
        self.killed_s = self.up_s = float("inf")
        self._lost = {bucket for bucket, shard in enumerate(shards) if shard.server == server}

    def touches(self, buckets: Collection[int]) -> bool:
        """Whether one of the buckets is there."""
        return not self._lost.isdisjoint(buckets)

    def phase_of(self, answer: Answer) -> str:
        """When an answer was waited for."""
        told_s = answer.asked.at_s + answer.took_s
        if told_s < self.killed_s:
            return "before"
        return "meanwhile" if answer.asked.at_s < self.up_s else "after"


async def play(options: argparse.Namespace, owner: Database, outage: Outage, pid: int) -> None:
    """Kill the server a third of the way, and start it again after `--down` seconds."""
    await trio.sleep(options.seconds / 3)
    os.kill(pid, signal.SIGKILL)
    outage.killed_s = trio.current_time()
    say(f"{outage.server} killed")
    await trio.sleep(options.down)
    await trio.run_process(["sh", "-c", options.start], stdin=b"", capture_stdout=True)
    with trio.fail_after(UP_S_MAX):
        while outage.up_s == float("inf"):
            try:
                await postmasters(owner, outage.shards)
            except LedgerError:
                await trio.sleep(0.2)
            else:
                outage.up_s = trio.current_time()
    say(f"{outage.server} is there again after {outage.up_s - outage.killed_s:.1f} s")


def tell(answers: Iterable[Answer], outage: Outage, needs: Callable[[Asked], set[int]]) -> int:
    """Say what was answered, by phase and by whether the lost server was needed; return how many of the
    others' answers were none.
    """
    codes: dict[tuple[str, bool], Counter[int]] = {}
    slowest_s: dict[tuple[str, bool], float] = {}
    for answer in answers:
        key = outage.phase_of(answer), outage.touches(needs(answer.asked))
        codes.setdefault(key, Counter())[answer.code] += 1
        slowest_s[key] = max(slowest_s.get(key, 0.0), answer.took_s)
    errors = 0
    for phase in ("before", "meanwhile", "after"):
        for is_touched, whose in ((False, "the others"), (True, f"of {outage.server}")):
            found = codes.get((phase, is_touched), Counter())
            undecided = sum(found[code] for code in UNDECIDED)
            errors += 0 if is_touched else undecided + found[LOST]
            say(
                f"{phase}, {whose}: {found.total()} answers, {undecided} of them to try again, {found[LOST]}"
                f" lines lost, the slowest after {slowest_s.get((phase, is_touched), 0.0):.2f} s"
            )
    return errors


async def settled(options: argparse.Namespace, owner: Database, report: FleetReport) -> bool:
    """Whether nothing is open, and the books are what terminals were told."""
    with ExitStack() as stack:
        logs = stack.enter_context(at_rest(sorted(_folder(options).glob("audit-*.log"))))
        result = await audit(owner, logs)
    findings = [each for each in await owner.run(verify, timeout_s=LONG_S) if each.count]
    for line in (*result.lines(), *map(str, findings), *map(str, report.remaining)):
        say(line)
    say(
        f"{report.transactions} transactions of {report.terminals_connected} terminals,"
        f" {len(report.remaining)} terminals unsettled, {len(result.differences)} differences,"
        f" {len(findings)} invariants broken"
    )
    return report.is_settled and result.is_clean and not findings


async def found(options: argparse.Namespace, config: Config, city: Population) -> MasterKey:
    """Have books in so many buckets, with the city in them."""
    master = (await prepare(config, options.citus)).master_key
    async with open_database(options.citus, connections_max=2) as owner:
        if await owner.run(layout_buckets) == 1:
            await change_buckets(owner, PROBE, options.buckets, LONG_S)
            await settle(owner)
        await seed_city(owner, city, master)
    return master


async def measure(options: argparse.Namespace, stop: trio.Event) -> int:
    """Serve, trade, kill, compare."""
    configure_logs("error")
    config = Config(
        state_dir=str(options.state_dir.absolute()), listen_host=HOST, listen_port=0, http_host=HOST,
        http_port=0, workers=options.workers, dsn=options.service, log_level="error",
    )  # fmt: skip
    city = Population("lost server", options.cards, 20, options.terminals)
    master = await found(options, config, city)
    pepper = master.pepper(city.programme)
    answers: list[Answer] = []
    async with open_database(options.citus, connections_max=2) as owner:
        shards = await owner.run(read_shards)
        tokens = await owner.run(lambda c: c.fetch("select token, account from registry.card"))
        accounts = {row["token"]: row["account"] for row in tokens}
        pids = await postmasters(owner, shards)
        lost = max(server for server in pids if server is not None and pids[server] != pids[None])
        outage = Outage(lost, shards)
        try:
            async with serving(config) as switch, trio.open_nursery() as nursery:
                plan = _plan(options, city, f"{switch.host}:{switch.port}")
                nursery.start_soon(play, options, owner, outage, pids[lost])
                report = await run_fleet(
                    plan, stop=stop, connect=listening(connector(Address.parse(plan.address)), answers)
                )
        except (PortInUse, SwitchFailed) as error:
            raise CannotRun(str(error)) from None

        def account_of(card: str) -> int:
            digits = card.removeprefix(";").partition("=")[0]
            return accounts.get(pepper.token(digits), 0) if digits.isdigit() else 0

        errors = tell(answers, outage, lambda asked: buckets_of(asked, account_of, len(shards)))
        is_settled = await settled(options, owner, report)
    say(f"errors of the others: {errors}")
    return Exit.OK if is_settled and not errors else Exit.MISSED


def _folder(options: argparse.Namespace) -> Path:
    return Path(options.state_dir) / "fleet"


def _plan(options: argparse.Namespace, city: Population, address: str) -> FleetPlan:
    return FleetPlan(
        seed=city.seed, programme=city.programme, mix=MIXES[city.place.code], address=address,
        state_dir=str(_folder(options)), cards=city.cards, partners=city.partners,
        population_terminals=city.terminals, terminals=city.terminals, rate_per_s=options.rate,
        duration_s=options.seconds, cut_off_share=0.0, settle_s=120.0,
    )  # fmt: skip


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """Return the options."""
    parser = Parser(prog="python -m bench.probes.lost_server", description=__doc__.split("\n")[0])
    add = parser.add_argument
    add("--citus", type=dsn_option, required=True, help="owner's DSN of the books at Citus' coordinator")
    add("--service", type=dsn_option, required=True, help="service's DSN of the same")
    add("--start", required=True, help="shell command that starts the last of the workers again")
    add("--state-dir", type=Path, default=Path("var/lost-server"), help="master key, terminals, logs")
    add("--buckets", type=int, default=8, help="of books that hold nothing yet (8)")
    add("--workers", type=int, default=2, help="processes of the switch (2)")
    add("--cards", type=int, default=5_000, help="cards (5000)")
    add("--terminals", type=int, default=200, help="terminals (200)")
    add("--rate", type=float, default=150.0, help="requests a second (150)")
    add("--seconds", type=float, default=180.0, help="of trading (180)")
    add("--down", type=float, default=30.0, help="seconds from the kill to the start (30)")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    _options = parse()
    sys.exit(run(lambda stop: measure(_options, stop)))
