"""Two months of a simulated year settled in Postgres, all of it held to the auditor's own sums.

`python -m ops.settlement.simulated_month` (make settled-month). Owns the way of a year's postings into a real
ledger: what the real switch decided in the world in memory is posted once more by the real batch function,
each outcome compared; then the real settlement closes both months. Must not compute a statement itself. What
lies in the past is dated back: contracts, and the trail that says since when terminals are there.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Final

import msgspec
import trio

from ledger.books.batch import post
from ledger.books.posting import NOT_JOURNALLED, Kind, Outcome, Posting
from ledger.books.transaction_ids import first_id
from ledger.books.verify import verify
from ledger.postgres.database import Connection, Database, open_database
from ledger.postgres.embedded import embedded_postgres
from ledger.postgres.migrate import migrate
from ledger.registry.audit import Actor
from ledger.registry.dated_back import Begun, date_back
from ledger.registry.outlets import NewOutlet, import_outlets
from ledger.registry.partners import NewPartner, import_partners
from ledger.registry.programmes import add_programme, add_rules
from ledger.registry.terminals import NewTerminal, import_terminals
from ledger.settlement.closing import Settled, close, correct
from ledger.settlement.compute import Summary
from ledger.settlement.statement import LEASE, Statement
from ops.settlement.prices import prices_of
from simulators.world.auditor.month_end import Contract, Foretold, ForetoldSummary, MonthEnd
from simulators.world.year.cities import Edition
from simulators.world.year.city_year import Plan, live_on
from simulators.world.year.days import at_ms
from simulators.world.year.life import Life
from simulators.world.year.worker import Worker
from switch.logs import configure_logs

BATCH: Final = 500
NODES: Final = 4
"""Each city's ids have their own remainder by it."""
CITIES: Final = ("czestochowa", "zywiec", "zgierz")
OFFICE: Final = Actor("anna", "the month's end", second="maria")
JOB_S: Final = 3_600.0
SETTLE_S_MAX: Final = 60.0
CHANGES: Final = (
    Edition(
        (1, 9), (1, 16), (("price_grosze = 10", "price_grosze = 12"), ("vat_percent = 23", "vat_percent = 8"))
    ),
    Edition((2, 5), (2, 14), (("vat_percent = 8", "vat_percent = 5"),)),
)
"""Of the rules of a city with points: what partners pay changes within both months."""


class City:
    """What is heard of a city as its year goes by: postings with outcomes, and the auditor's sums."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.months = (f"{plan.year}-01", f"{plan.year}-02")
        self.auditor = MonthEnd()
        self.posted: list[tuple[Posting, Outcome]] = []
        self.life: Life
        self.worker: Worker

    def open(self, life: Life, worker: Worker) -> None:
        """Listen from the first day on."""
        self.life, self.worker = life, worker
        self.auditor = MonthEnd(has_lease=life.city.code == "czestochowa")
        if life.city.has_points:
            life.city = life.office.city = life.city._replace(editions=(*CHANGES, *life.city.editions))
        for number, edition in enumerate(life.city.editions, start=1):
            since_ms = at_ms(date(self.plan.year, *edition.in_force), 0)
            self.auditor.rules_hold(since_ms, life.city.rules(number))
        partner_of = {till.number: shop.number for shop in life.market.shops for till in shop.tills}
        for n, shop in enumerate(life.market.shops):
            self.auditor.contracts[shop.number] = contracts_of(n, shop.number, self.plan.year)
            outlet = outlet_of(n, shop.number)
            tills = [till.number for till in shop.tills]
            self.auditor.tills[shop.number] = dict.fromkeys(tills) | {tills[-1]: outlet}
        worker.on_posted = self._keep
        life.referee.on_judged = lambda terminal, request, expected, at_ms: self.auditor.heard(
            terminal, partner_of[terminal], request, expected, at_ms
        )

    def _keep(self, posting: Posting, outcome: Outcome) -> None:
        if posting.kind not in NOT_JOURNALLED or posting.kind == Kind.STATUS:
            self.posted.append((msgspec.structs.replace(posting, context=None), outcome))


def outlet_of(n: int, partner: int) -> int | None:
    """Return the outlet that the last till of a partner stands in; None: in none."""
    return partner if n % 3 else None


def contracts_of(n: int, partner: int, year: int) -> list[Contract]:
    """Return the contracts of the nth partner.

    One in three is in its thirteenth month in February; some have other services. Of the others some began
    anew in January, and some have a contract for one outlet, an old one or one of February.
    """
    first = Contract(1, date(year - 1, (2, 9, 12)[n % 3], 1), n % 9 == 0)
    outlet = outlet_of(n, partner)
    match n % 6:
        case 1:
            last = date(year, 1, 15)
            return [first._replace(ends_on=last), Contract(2, last + timedelta(days=1))]
        case 2:
            return [first, Contract(2, date(year - 1, 2, 1), outlet=outlet)]
        case 4:
            return [first, Contract(2, date(year, 2, 10), outlet=outlet)]
    return [first]


class Report(msgspec.Struct):
    """What was settled: statements and those that are not the auditor's, and how long the closing took."""

    transactions: int = 0
    statements: int = 0
    settle_s: tuple[float, float] = (0.0, 0.0)
    """Of the first and of the second month."""
    taken_back_from_earlier: int = 0
    later_prices: int = 0
    several_contracts: int = 0
    """Statements that owe the lease of more than one contract."""
    several_rates: int = 0
    """Statements with VAT of more than one rate."""
    differences: list[str] = msgspec.field(default_factory=list)


async def settle_cities(owner: Database, plans: Sequence[Plan], report: Report) -> None:
    """Live through two months of the cities, post them, settle month by month, compare."""
    cities = [await _live(owner, plan, report) for plan in plans]
    for number in range(2):
        for city in cities:
            programme, month = city.life.city.programme, city.months[number]
            began_s = time.monotonic()
            settled = await owner.run(
                lambda c, p=programme, m=month: _close(c, p, m),  # type: ignore[misc]
                timeout_s=JOB_S,
            )
            took_s = time.monotonic() - began_s
            first_s, second_s = report.settle_s
            report.settle_s = (first_s, second_s + took_s) if number else (first_s + took_s, second_s)
            _compare(city, month, settled, report)
    report.differences += [
        f"{finding.invariant}: {finding.example}"
        for finding in await owner.run(verify, timeout_s=JOB_S)
        if finding.count
    ]


async def _live(owner: Database, plan: Plan, report: Report) -> City:
    city = City(plan)
    lived = await live_on(plan, on_open=city.open)
    if lived.surprised or lived.books:
        report.differences.append(f"{plan.city}: the year itself: {lived.surprises[:1]} {lived.books[:1]}")
    await owner.run(lambda c: _found(c, city), timeout_s=JOB_S)
    report.transactions += len(city.posted)
    report.differences += await owner.run(lambda c: _post(c, city), timeout_s=JOB_S)
    for n, shop in enumerate(city.life.market.shops):
        if n % 5 == 0:
            await _correct(owner, city, n, shop.number)
    return city


async def _correct(owner: Database, city: City, n: int, partner: int) -> None:
    """Correct a partner's first or second month, at one of the rates at which that was billed."""
    month, grosze, origin = city.months[1], (-1) ** n * (n + 1) * 101, "" if n % 10 else city.months[0]
    rates = city.auditor.rates(partner, origin or month)
    rate = city.auditor.corrected(partner, month, grosze, origin, rates[n // 10 % len(rates)])

    async def job(connection: Connection) -> None:
        prices = await prices_of(connection, city.life.city.programme)
        await correct(connection, OFFICE, partner, month, grosze, prices=prices, origin=origin, vat_rate=rate)

    await owner.run(job)


async def _close(connection: Connection, programme: int, month: str) -> Settled:
    return await close(connection, OFFICE, programme, month, await prices_of(connection, programme))


async def _found(connection: Connection, city: City) -> None:
    """Write the registry that the month's end reads; contracts and the trail are dated back."""
    place, market = city.life.city, city.life.market
    await add_programme(connection, OFFICE, programme=place.programme, code=place.code, name=place.code)
    rules = [row for row in city.worker.registry.rules.rows.values() if row.programme == place.programme]
    for row in sorted(rules, key=lambda row: row.version):
        at = datetime.fromtimestamp(row.effective_from_ms / 1000, UTC)
        text = row.rules_toml
        number = await add_rules(
            connection, OFFICE, programme=place.programme, effective_from=at, rules_toml=text
        )
        assert number == row.version
    partners = [NewPartner(shop.number, shop.name) for shop in market.shops]
    await import_partners(connection, OFFICE, place.programme, partners)
    outlets = [
        NewOutlet(outlet, shop.number, f"Outlet {outlet}")
        for n, shop in enumerate(market.shops)
        if (outlet := outlet_of(n, shop.number)) is not None
    ]
    await import_outlets(connection, OFFICE, outlets)
    tills = [
        NewTerminal(till, shop.number, outlet=outlet)
        for shop in market.shops
        for till, outlet in city.auditor.tills[shop.number].items()
    ]
    await import_terminals(connection, OFFICE, tills)
    accounts = sorted({posting.account for posting, _ in city.posted if posting.account > 0})
    begun = [
        Begun(partner, one.number, one.outlet, one.starts_on, one.ends_on, one.with_services)
        for partner, contracts in city.auditor.contracts.items()
        for one in contracts
    ]
    since = datetime(city.plan.year - 1, 12, 1, tzinfo=UTC)
    await date_back(connection, OFFICE, begun, since, accounts)


async def _post(connection: Connection, city: City) -> list[str]:
    """Post it all once more, as it was decided; return where Postgres says another thing than memory did."""
    differences: list[str] = []
    last_id = city.life.city.programme
    for batch in _batches(city.posted):
        for posting, _ in batch:
            last_id = max(last_id + NODES, first_id(posting.accepted_at_ms) + city.life.city.programme)
            posting.transaction_id = last_id
        outcomes = await post(connection, [posting for posting, _ in batch])
        for (posting, was), outcome in zip(batch, outcomes, strict=True):
            if (was.code, was.points, was.balance) != (outcome.code, outcome.points, outcome.balance):
                differences.append(f"terminal {posting.terminal} stan {posting.stan}: {was} is {outcome}")
    return differences


def _batches(posted: Sequence[tuple[Posting, Outcome]]) -> Iterator[list[tuple[Posting, Outcome]]]:
    """Cut into batches in which no id, own or original's, and no account stands twice, in order."""
    batch: list[tuple[Posting, Outcome]] = []
    seen: set[object] = set()
    for posting, outcome in posted:
        names: set[object] = {(posting.terminal, posting.stan), posting.account}
        if posting.original_stan:
            names.add((posting.original_terminal or posting.terminal, posting.original_stan))
        names.discard(0)
        if len(batch) >= BATCH or names & seen or posting.account < 0:
            if batch:
                yield batch
            batch, seen = [], set()
        batch.append((posting, outcome))
        seen |= names
    if batch:
        yield batch


def told(statement: Statement) -> Foretold:
    """Return a statement as the auditor would say it."""
    lines = sorted(
        (line.kind, line.origin, line.contract, line.vat_rate, line.quantity, line.net_grosze)
        for line in statement.lines
    )
    days = tuple(
        (
            day.date,
            (day.earns, day.points_issued, day.redemptions, day.points_redeemed, day.rebates_grosze,
             day.uses, day.discounts_grosze, day.refunds, day.reversals),
        )
        for day in statement.days
    )  # fmt: skip
    return Foretold(
        tuple(lines), statement.net_grosze, statement.vat_grosze, statement.gross_grosze,
        statement.rebates_grosze, statement.due_grosze, days,
    )  # fmt: skip


def told_in_sum(summary: Summary) -> ForetoldSummary:
    """Return the organiser's summary as the auditor would say it."""
    lines: dict[tuple[str, str, int | None], tuple[int, int]] = {}
    for line in summary.lines:
        which = (line.kind, line.origin, line.vat_rate)
        quantity, net = lines.get(which, (0, 0))
        lines[which] = (quantity + line.quantity, net + line.net_grosze)
    return ForetoldSummary(
        summary.statements, frozenset((*which, *sums) for which, sums in lines.items()), summary.net_grosze,
        summary.vat_grosze, summary.gross_grosze, summary.rebates_grosze, summary.due_grosze,
    )  # fmt: skip


def _compare(city: City, month: str, settled: Settled, report: Report) -> None:
    there = {statement.partner: statement for statement in settled.statements}
    whole, got = city.auditor.summary(list(city.auditor.tills), month), told_in_sum(settled.summary)
    if got != whole:
        report.differences.append(f"{city.plan.city} {month}: the summary {got} is not {whole}")
    for shop in city.life.market.shops:
        foretold, statement = city.auditor.month(shop.number, month), there.pop(shop.number, None)
        if statement is None or told(statement) != foretold:
            said = None if statement is None else told(statement)
            report.differences.append(f"{city.plan.city} {month} {shop.number}: {said} is not {foretold}")
        report.statements += statement is not None
        lines = statement.lines if statement is not None else ()
        report.taken_back_from_earlier += any(line.origin for line in lines)
        report.later_prices += any(line.unit_grosze == 3_000 for line in lines)
        report.several_contracts += sum(line.kind == LEASE for line in lines) > 1
        report.several_rates += len({line.vat_rate for line in lines} - {None}) > 1
    report.differences += [f"{city.plan.city} {month} {partner}: not foretold" for partner in there]


def plan_of(seed: int, city: str, cards: int, partners: int, transactions: int) -> Plan:
    """January and February of the year that a seed has drawn; `transactions` are of a whole year."""
    whole = Plan(seed, city, cards, partners, transactions)
    return msgspec.structs.replace(whole, last_day=date(whole.year, 3, 1))


async def _main(plans: Sequence[Plan]) -> int:
    configure_logs("error")
    report = Report()
    with tempfile.TemporaryDirectory() as folder:
        async with embedded_postgres(Path(folder) / "postgres") as server:
            await migrate(server.owner_dsn)
            async with open_database(server.owner_dsn) as owner:
                await settle_cities(owner, plans, report)
    for line in report.differences[:5]:
        print(line)
    print(
        f"{report.statements} statements of two months, {report.transactions:,} postings: closed in "
        f"{report.settle_s[0]:.1f} s and {report.settle_s[1]:.1f} s; "
        f"{len(report.differences)} differences from the auditor's sums; "
        f"{report.taken_back_from_earlier} take sales of an earlier month back, "
        f"{report.later_prices} pay the price from month 13, {report.several_contracts} more than one lease, "
        f"{report.several_rates} VAT of more than one rate"
    )
    slow = max(report.settle_s) > SETTLE_S_MAX
    verdict = "MISSED" if slow or report.differences else "met"
    print(f"target: each month closed in {SETTLE_S_MAX:g} s, no difference: {verdict}")
    return 1 if slow or report.differences else 0


def parse(arguments: Sequence[str] | None, today: date) -> list[Plan]:
    """Return the plans that the command line asks for. A month that is not over cannot be settled."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--cards", type=int, default=50_000)
    parser.add_argument("--partners", type=int, default=300)
    parser.add_argument("--transactions", type=int, default=5_000_000, help="a year, of all three cities")
    given = parser.parse_args(arguments)
    a_city = given.transactions // len(CITIES)
    plans = [plan_of(given.seed, city, given.cards, given.partners, a_city) for city in CITIES]
    if (over := max(plan.last_day or date.max for plan in plans)) > today:
        parser.error(f"argument --seed: {given.seed} draws {over.year}, whose February is not over")
    return plans


if __name__ == "__main__":
    sys.exit(trio.run(_main, parse(None, datetime.now(UTC).date())))
