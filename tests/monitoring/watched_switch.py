"""A real switch with a scripted load and a real Prometheus that watches it, lived through once.

Two workers with TLS, a city of 250 cards, a version of the rules that is pending. First a load that is
counted to the last reply, at two paces; then one with lines that break, and strangers at the door.
"""

import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import msgspec
import trio

from ledger.postgres.database import Connection, Database, open_database
from ledger.registry.campaigns import Campaign, add_campaign
from ledger.registry.programmes import add_rules
from ledger.registry.secrets import MasterKey
from ops.monitoring.dashboards.boards import DASHBOARDS
from ops.monitoring.dashboards.panel import Query
from ops.monitoring.picture import ask
from ops.monitoring.prometheus import Prometheus, Sample, Series, prometheus
from simulators.city.population import Population
from simulators.city.seeding import SEEDER, seed_city
from simulators.city.trade import Mix
from simulators.errors import TerminalError
from simulators.fleet.fleet import run_fleet
from simulators.fleet.report import FleetPlan
from simulators.till.channel import Address, connector
from simulators.till.identity import TerminalIdentity
from simulators.till.link import Link
from switch.config import Config
from switch.process.supervisor import serving
from tests.patience import HANG_S, UNHURRIED
from tests.postgres import FreshDatabase
from tests.switch.authority import Authority
from tests.switch.certificates import make_certificate

CITY = Population("dashboards", cards=250, partners=8)
SCRAPE_S = 0.25
FIGURES_READ = 'max(cityswitch_keeper_last_success_timestamp_seconds{task="figures"})'
WINDOW_S = 2.0
STEP_S = 0.5
STRANGERS = f"rate(cityswitch_sign_on_refusals_total[{round(WINDOW_S)}s])"
AS_FAST_AS_THEY_GO = 0.0
COUNTED = Mix(earn=60, redeem=12, balance=10, benefit=12, verify=4, advice=4, unknown_card=3, reversal=0)
ROUGH = Mix(earn=0, redeem=0, balance=20, benefit=40, benefit_advice=10, verify=10, advice=0, reversal=0)
"""No points: the journal is counted once more when the city's figures have been read again."""


class Journal(NamedTuple):
    """What the books say."""

    rows: Mapping[tuple[int, int], int]
    """How many, by kind and result code."""
    points_issued: int
    points_used: int


class Seen(NamedTuple):
    """What was seen of the whole run, and what at the end of its counted part."""

    series: Mapping[Query, Sequence[Series]]
    """Every query of every dashboard over the whole run."""
    at_count: Mapping[Query, Sequence[Sample]]
    """The same at the end of the counted load, with counters in place of their rates."""
    at_count_journal: Journal
    at_end_journal: Journal
    of_one_worker: Mapping[Query, Sequence[Sample]]
    """The queries at the end, with the variable of the worker set to one of them."""
    started_s: float
    ended_s: float


def counted(query: Query) -> str:
    """Return a query over the counters themselves: what has been counted since the workers began."""
    return query._replace(
        expression=query.expression.replace("rate(", "(").replace("[$__rate_interval]", "")
    ).concrete(WINDOW_S, WINDOW_S)


async def live_through(fresh: FreshDatabase, directory: Path) -> Seen:
    """Serve, trade, look, and come back with what was seen."""
    certificate, key = make_certificate(directory, to_days=90)
    authority = Authority(directory)
    terminals, _ = authority.issue(f"urn:cityswitch:programme:{CITY.programme}")
    config = Config(
        listen_port=0, http_port=0, dsn=fresh.service_dsn, state_dir=str(directory), workers=2, tls="on",
        tls_certificate=str(certificate), tls_key=str(key), log_level="error",
        tls_client_ca=str(authority.ca), tls_client_crl=str(authority.revoke([], to_days=30)),
    )  # fmt: skip
    master = MasterKey.create(directory / "master.key")
    async with open_database(fresh.owner_dsn, connections_max=2) as owner:
        await seed_city(owner, CITY, master)
        await owner.run(_pending_rules)
        await owner.run(_campaign_to_come)
        async with (
            serving(msgspec.structs.replace(config, **UNHURRIED)) as switch,
            prometheus(switch.http, directory / "prometheus", scrape_s=SCRAPE_S) as found,
        ):
            with trio.fail_after(HANG_S):
                await found.wait_scraped(config.workers)
                address = f"tls://localhost:{switch.port}"
                return await _script(_Load(address, certificate, terminals, directory), owner, found)


class _Load(NamedTuple):
    """How the fleet reaches the switch."""

    address: str
    certificate: Path
    terminals: Path
    """The certificate that every terminal shows."""
    directory: Path

    async def trade(self, mix: Mix, seconds: float, rate_per_s: float, cut_off_share: float = 0.0) -> None:
        plan = FleetPlan(
            seed=CITY.seed, address=self.address, state_dir=str(self.directory / "fleet"), cards=CITY.cards,
            partners=CITY.partners, terminals=CITY.terminals, rate_per_s=rate_per_s, duration_s=seconds,
            cut_off_share=cut_off_share, mix=mix, audited=False, ca_file=str(self.certificate),
            certificate=str(self.terminals),
        )  # fmt: skip
        report = await run_fleet(plan)
        assert not report.errors or cut_off_share, report.errors
        assert report.unexpected == 0, report.unexpected_examples

    async def come_as_a_stranger(self) -> None:
        """Shake hands with a key that is nobody's: the switch closes the line."""
        connect = connector(Address.parse(self.address, ca_file=self.certificate, certificate=self.terminals))
        stranger = TerminalIdentity(CITY.terminal_id(0), bytes(32))
        try:
            link = await Link.open(connect, stranger)
        except TerminalError:
            return
        link.close()
        raise AssertionError("a stranger was let in")


async def _script(load: _Load, owner: Database, found: Prometheus) -> Seen:
    started_s = time.time()
    await load.trade(COUNTED, 2.0, 60)
    await load.trade(COUNTED, 2.0, AS_FAST_AS_THEY_GO)
    at_count, journal = await _count(owner, found)
    await load.trade(ROUGH, 2.0, 120, cut_off_share=0.1)
    time_of_load_s = time.time()
    while not any(sample.value for sample in await found.query(STRANGERS)):
        await load.come_as_a_stranger()  # again, until they have been seen to come, and then to be gone
    await found.wait_for(STRANGERS, lambda samples: not any(sample.value for sample in samples))
    await found.wait_for(FIGURES_READ, lambda samples: bool(samples) and samples[0].value > time_of_load_s)
    await _scraped_since(found, time.time())
    ended_s = time.time()
    series: dict[Query, Sequence[Series]] = {}
    for board in DASHBOARDS:
        series |= await ask(board, found, started_s, ended_s, window_s=WINDOW_S, step_s=STEP_S)
    first = (await found.query("cityswitch_ready"))[0].labels["instance"]
    narrowed = {
        query: await found.query(query.concrete(WINDOW_S, ended_s - started_s, first))
        for query in all_queries()
    }
    return Seen(series, at_count, journal, await owner.run(_journal), narrowed, started_s, ended_s)


async def _count(owner: Database, found: Prometheus) -> tuple[Mapping[Query, Sequence[Sample]], Journal]:
    """Wait until all that was replied has been scraped, and count on both sides."""
    await _scraped_since(found, time.time())
    journal = await owner.run(_journal)
    return {query: await found.query(counted(query)) for query in all_queries()}, journal


async def _scraped_since(found: Prometheus, moment_s: float) -> None:
    """Wait until every worker has been scraped after a moment."""
    oldest = "min(timestamp(cityswitch_in_flight))"
    await found.wait_for(oldest, lambda samples: bool(samples) and samples[0].value > moment_s + SCRAPE_S)


async def _journal(connection: Connection) -> Journal:
    rows = await connection.fetch("select kind, code, count(*) from ledger.journal group by kind, code")
    points = await connection.fetchrow(
        "select coalesce(sum(points) filter (where kind in (1, 2)), 0),"
        " -coalesce(sum(points) filter (where kind = 3), 0) from ledger.journal"
    )
    assert points is not None
    return Journal({(kind, code): count for kind, code, count in rows}, int(points[0]), int(points[1]))


async def _pending_rules(connection: Connection) -> None:
    """Publish the rules that are in force once more, for the day after tomorrow."""
    start = datetime.now(UTC) + timedelta(days=2)
    place = CITY.place
    await add_rules(
        connection, SEEDER, programme=CITY.programme, effective_from=start, rules_toml=place.rules_toml
    )


async def _campaign_to_come(connection: Connection) -> None:
    """Announce extra points for the days to come."""
    day = datetime.now(UTC).date() + timedelta(days=2)
    campaign = Campaign(name="double points", starts_on=day, ends_on=day, percent=100)
    await add_campaign(connection, SEEDER._replace(second="an organiser"), CITY.programme, campaign)


def all_queries() -> list[Query]:
    """Return the queries of all dashboards, each once."""
    found = [query for board in DASHBOARDS for panel in board.panels for query in panel.queries]
    return list(dict.fromkeys(found))
