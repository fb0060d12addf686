"""`make ha-demo`: the primary of three Patroni nodes is killed under load, and nothing acknowledged is lost.

Owns the order of the steps and the figures printed. Must not know what a switch does. One round: a fleet
trades, the primary's postmaster and Patroni are killed with SIGKILL, its synchronous standby takes over, the
old primary comes back (by pg_rewind where it had written what nobody else has), the fleet settles, and its
own log is compared with the tables. `--freeze`: one more round stops Patroni alone instead, so that two
primaries take writes at once. `--alone`: at the end both standbys are killed, and one comes back.

Invariant: status 0 if and only if in no round anything acknowledged was lost, anything stayed open, the books
did not verify, or the first good reply came after more than `GOOD_S_MAX`.
"""

from __future__ import annotations

import argparse
import secrets
import signal
import statistics
import sys
import tempfile
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final, NamedTuple

import msgspec
import trio

from ledger.postgres.database import open_database
from ledger.postgres.server_facts import count_waiting
from ops.deploy.ha.cluster import LEADER, SYNCHRONOUS, Cluster, HaError
from ops.deploy.ha.settings import HOST, Node, Passwords, dsn_of
from ops.deploy.ha.watch import WINDOW_S, Silence, Watch
from ops.deploy.upgrade_drill import RULES, Lines, Load, Side, free_port, plan_of
from ops.exit_codes import Exit
from simulators.audit.auditor import audit
from simulators.fleet.fleet import audit_log_path
from simulators.fleet.report import FleetPlan

GOOD_S_MAX: Final = 30.0
FAILOVER_S_MAX: Final = 90.0
RETURN_S_MAX: Final = 180.0
ALONE_S: Final = 15.0
KILLED, FROZEN, ALONE = "killed", "frozen", "alone"
ROOT: Final = Path(__file__).parents[3]
REWOUND: Final = "pg_rewind exit code=0"


class Given(NamedTuple):
    """What the command line said."""

    failovers: int
    terminals: int
    rate: float
    freeze: bool
    alone: bool


class Round(msgspec.Struct, kw_only=True):
    """One failover. `differences` is every disagreement between the terminals' log and the tables."""

    kind: str
    in_flight: int
    first_good_s: float
    silence_s: float
    rate_before: float
    rate_during: float
    rate_after: float
    unknown: int
    settled: dict[str, int]
    acknowledged: int
    lost: int
    differences: dict[str, int]
    open: int
    books: str
    came_back: str = ""
    timeline: int = 0

    @property
    def waited_s(self) -> float:
        """How long the failover kept terminals waiting. A frozen Patroni's Postgres served on for a while."""
        return self.silence_s if self.kind == FROZEN else self.first_good_s

    @property
    def is_clean(self) -> bool:
        """Whether the round kept every promise. Without any standby nothing is to be answered at all."""
        is_settled = not (self.lost or self.differences or self.open) and "open" not in self.settled
        is_proven = self.books.endswith("invariants hold.")
        return is_settled and is_proven and (self.kind == ALONE or self.waited_s <= GOOD_S_MAX)


class Drill:
    """The cluster, the switch before it and the load, for as long as the rounds last."""

    def __init__(
        self, cluster: Cluster, switch: Side, plan: FleetPlan, *, owner_dsn: str, service_dsn: str
    ) -> None:
        self._cluster = cluster
        self._switch = switch
        self._plan = plan
        self._owner_dsn = owner_dsn
        self._service_dsn = service_dsn
        self._log = audit_log_path(plan)
        self._lines = Lines(int(plan.address.rpartition(":")[2]))

    async def round(self, kind: str) -> Round:
        """Play one failover from load to load, and look at the books."""
        cluster = self._cluster
        view = await cluster.wait_for(cluster.is_whole, RETURN_S_MAX, "all nodes there")
        old = cluster.node(view.named(LEADER) or "")
        rewinds = cluster.count_in_log(old, REWOUND)

        async def fail_over(watch: Watch) -> None:
            await self._fail(kind, old)
            await watch.answered_after(trio.current_time())
            await trio.sleep(WINDOW_S)
            await self._bring_back(kind, old)

        found = await self._under_load(kind, fail_over)
        found.came_back = "by pg_rewind" if cluster.count_in_log(old, REWOUND) > rewinds else "as it was"
        return found

    async def _under_load(self, kind: str, trouble: Callable[[Watch], Awaitable[None]]) -> Round:
        """Trade, have the trouble amid it and trade on; when all is whole and settled, look at the books."""
        watch, load = Watch(self._log), Load(self._plan, self._lines)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(watch.run)
            nursery.start_soon(load.run)
            await watch.answered_after(0.0)
            await trio.sleep(WINDOW_S + 1.0)
            in_flight = watch.mark()
            await trouble(watch)
            report = await load.end()
            watch.look()
            nursery.cancel_scope.cancel()
        view = await self._cluster.wait_for(self._cluster.is_whole, RETURN_S_MAX, "all nodes there")
        found = await self._compared(kind, watch.silence(), in_flight, len(report.remaining))
        found.timeline = view.timeline
        return found

    async def _fail(self, kind: str, old: Node) -> None:
        if kind == KILLED:
            self._cluster.kill(old)
        else:
            self._cluster.signal_patroni(old, signal.SIGSTOP)
        await self._cluster.wait_for(
            lambda view: view.named(LEADER) not in {None, old.name}, FAILOVER_S_MAX, "another leader", but=old
        )

    async def _bring_back(self, kind: str, old: Node) -> None:
        if kind == KILLED:
            self._cluster.start_node(old)
        else:
            self._cluster.signal_patroni(old, signal.SIGCONT)

    async def _compared(self, kind: str, silence: Silence, in_flight: int, remaining: int) -> Round:
        """Compare what terminals were told with the tables, and prove the books."""
        async with open_database(self._owner_dsn) as database:
            found = await audit(database, [self._log])
        books = (await self._switch.run("ledger", "verify")).strip().splitlines()[-1]
        differences = {str(name): each.count for name, each in found.differences.items()}
        return Round(
            kind=kind,
            in_flight=in_flight,
            **silence._asdict(),
            acknowledged=found.told,
            lost=sum(differences.get(name, 0) for name in LOST),
            differences=differences,
            open=remaining + found.unsettled,
            books=books,
        )

    async def alone(self) -> Round:
        """Kill both standbys under load, look what terminals are told, and bring one back."""
        cluster = self._cluster
        view = await cluster.wait_for(cluster.is_whole, RETURN_S_MAX, "all nodes there")
        first, second = (node for node in cluster.nodes if node.name != view.named(LEADER))
        backends = 0

        async def lose_both(watch: Watch) -> None:
            nonlocal backends
            cluster.kill(first)
            cluster.kill(second)
            await trio.sleep(ALONE_S)
            backends = await self._count_waiting()
            cluster.start_node(first)
            await cluster.wait_for(lambda view: bool(view.named(SYNCHRONOUS)), RETURN_S_MAX, "a standby")
            await watch.answered_after(trio.current_time())
            await trio.sleep(WINDOW_S)
            cluster.start_node(second)

        found = await self._under_load(ALONE, lose_both)
        found.came_back = f"a standby was started after {ALONE_S:g} s, {backends} backends waited for one"
        return found

    async def _count_waiting(self) -> int:
        """Return how many backends of the switch wait for a standby; its own role alone may see them."""
        async with open_database(self._service_dsn) as database:
            return await database.run(count_waiting)


LOST: Final = ("approval_not_in_journal", "approval_not_posted", "figures_differ", "reversal_not_in_books")


def told(counts: dict[str, int]) -> str:
    """Return counts as a list of words."""
    return ", ".join(f"{count} {name}" for name, count in counts.items()) or "none"


def line_of(number: int, each: Round) -> str:
    """Return a round as one line."""
    back = (
        each.came_back
        if each.kind == ALONE
        else f"timeline {each.timeline}, the old primary came back {each.came_back}"
    )
    return (
        f"{number:3} {each.kind}: {each.in_flight} in flight; rate {each.rate_before:.0f}/s before,"
        f" {each.rate_during:.1f} during, {each.rate_after:.0f} after; silent for {each.silence_s:.1f} s,"
        f" first good reply after {each.first_good_s:.1f} s; {each.unknown} unknown ({told(each.settled)});"
        f" {each.acknowledged:,} acknowledged so far, {each.lost} lost, {each.open} open"
        f"{differences_of(each)}; {back}; {each.books}"
    )


def differences_of(each: Round) -> str:
    """Return what differed, if anything did."""
    return f", DIFFERENCES: {told(each.differences)}" if each.differences else ""


def sum_of(rounds: list[Round]) -> str:
    """Return all rounds as a few lines: primaries killed, a Patroni frozen, and what all came to."""
    killed = [each for each in rounds if each.kind == KILLED]
    waited = sorted(each.waited_s for each in killed)
    settled: Counter[str] = Counter()
    for each in rounds:
        settled.update(each.settled)
    return "\n".join(
        [
            f"{len(killed)} primaries killed under load: first good reply after {waited[0]:.1f} to"
            f" {waited[-1]:.1f} s, median {statistics.median(waited):.1f}",
            f"rate, medians of these: {statistics.median(each.rate_before for each in killed):.0f}/s before,"
            f" {statistics.median(each.rate_during for each in killed):.1f} during,"
            f" {statistics.median(each.rate_after for each in killed):.0f} after",
            *(f"Patroni frozen: silent for {each.waited_s:.1f} s" for each in rounds if each.kind == FROZEN),
            f"all {len(rounds)} rounds: {sum(each.lost for each in rounds)} acknowledged lost of"
            f" {rounds[-1].acknowledged:,}; {sum(each.open for each in rounds)} open",
            f"unknown for a while: {sum(each.unknown for each in rounds)}"
            f" ({told(dict(settled.most_common()))})",
            f"old primaries back by pg_rewind: {sum('rewind' in each.came_back for each in rounds)}",
        ]
    )


def kinds_of(given: Given) -> list[str]:
    """Return the rounds in their order: so many primaries killed, and what else was asked for after them."""
    return [KILLED] * given.failovers + [FROZEN] * given.freeze + [ALONE] * given.alone


async def play(given: Given, here: Path) -> list[Round]:
    """Make the cluster and the switch, and play all rounds."""
    nodes = [Node(f"node{number}", free_port(), free_port(), here / f"node{number}") for number in (1, 2, 3)]
    passwords = Passwords(*(secrets.token_urlsafe(16) for _ in Passwords._fields))
    cluster = Cluster(here, nodes, (free_port(), free_port()), passwords)
    try:
        await cluster.start()
        tell(f"three nodes: {', '.join(f'{node.name} on {HOST}:{node.port}' for node in nodes)}; one etcd")
        return await _play(given, here, cluster)
    finally:
        cluster.close()


async def _play(given: Given, here: Path, cluster: Cluster) -> list[Round]:
    secret = cluster.passwords
    await cluster.administer("owner.sql", "postgres", {"HA_OWNER_PASSWORD": secret.owner})
    owner_dsn = dsn_of(cluster.nodes, "cityswitch_owner", secret.owner)
    service_dsn = dsn_of(cluster.nodes, "cityswitch_service", secret.service)
    switch = Side(ROOT, owner_dsn, service_dsn, here / "master.key")
    tell(await switch.run("init"))
    await cluster.administer("service.sql", "cityswitch", {"HA_SERVICE_PASSWORD": secret.service})
    for words in (["programmes", "apply", RULES], ["simulate", "city"]):
        tell(await switch.run(*words))
    port = free_port()
    plan = plan_of(here, port, given.terminals, given.rate)
    drill = Drill(cluster, switch, plan, owner_dsn=owner_dsn, service_dsn=service_dsn)
    rounds: list[Round] = []
    async with switch.serving(here / "switch", port):
        for kind in kinds_of(given):
            rounds.append(await (drill.alone() if kind == ALONE else drill.round(kind)))
            tell(line_of(len(rounds), rounds[-1]))
    return rounds


def tell(text: str) -> None:
    """Say on the way what happens."""
    print(text.strip(), file=sys.stderr, flush=True)


def main() -> int:
    """Read the command line, play the rounds, print what they came to."""
    parser = argparse.ArgumentParser(prog="python -m ops.deploy.ha", description=__doc__)
    parser.add_argument("--failovers", type=int, default=3, help="primaries killed (3)")
    parser.add_argument("--terminals", type=int, default=120)
    parser.add_argument("--rate", type=float, default=120.0, help="requests a second, all terminals together")
    parser.add_argument("--freeze", action="store_true", help="then stop Patroni alone")
    parser.add_argument("--alone", action="store_true", help="in the end kill both standbys")
    given = Given(**vars(parser.parse_args()))
    if given.failovers < 1:
        parser.error("argument --failovers: 1 or more")
    with tempfile.TemporaryDirectory(prefix="cityswitch-ha-") as folder:
        try:
            rounds = trio.run(play, given, Path(folder))
        except HaError as error:
            print(f"ha-demo: {error}", file=sys.stderr)
            return Exit.ENVIRONMENT
    print(sum_of(rounds))
    return Exit.OK if all(each.is_clean for each in rounds) else Exit.DIFFERENCES


if __name__ == "__main__":
    sys.exit(main())
