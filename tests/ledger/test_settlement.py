"""A month's end: what partners bought, gave and owe is what the ledger's accounts moved, and stays once it is
closed.
"""

from datetime import date, datetime
from itertools import count
from zoneinfo import ZoneInfo

import pytest
import trio
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from ledger.books.posting import AccountKind, Posting, account_id
from ledger.books.statements import terminal_totals
from ledger.books.transaction_ids import TransactionIds
from ledger.errors import LedgerError, NotInRegistry, RegistryRefused
from ledger.postgres.database import Database, open_database
from ledger.registry.audit import Actor
from ledger.settlement.closing import Settled, close, correct, read_summary, run
from ledger.settlement.prices import Lease, contract_month
from ledger.settlement.statement import Line, Statement, read_statement, read_statements
from tests.ledger.books import PARTNER, PROGRAMME, TERMINAL, TESTER, Books, write_registry
from tests.postgres import FreshDatabase, Server
from tests.prices import lasting_prices

LEASE = Lease(((1, 100), (13, 3000)), 100)
PRICES = lasting_prices({1: 10, 2: 12}, LEASE)
PAIR = Actor("anna", "typed wrong", second="maria")
ZONE = ZoneInfo("Europe/Warsaw")


def at(day: str) -> int:
    """A moment of a day on Warsaw's clock, in ms: "2026-09-30 23:30"."""
    return int(datetime.fromisoformat(day).replace(tzinfo=ZONE).timestamp() * 1000)


class Trade:
    """Requests at moments of one's own choice, of the months before the present one."""

    def __init__(self, books: Books) -> None:
        self.books = books
        self.stans = count(1)

    async def post(self, posting: Posting, when: str) -> Posting:
        posting.accepted_at_ms = at(when)
        posting.transaction_id = TransactionIds(2, floor_ms=at(when)).next(at(when)) + posting.stan
        outcome = await self.books.post(posting)
        assert outcome.transaction_id, outcome
        assert not outcome.replayed
        return posting

    async def earn(self, when: str, points: int, version: int = 1) -> int:
        posting = self.books.earn(next(self.stans), points)
        posting.rules_version = version
        return (await self.post(posting, when)).stan

    async def redeem(self, when: str, points: int) -> int:
        posting = self.books.redeem(next(self.stans), points)
        posting.amount_grosze = points * 10
        return (await self.post(posting, when)).stan

    async def reverse(self, when: str, original: int) -> int:
        return (await self.post(self.books.reversal(next(self.stans), original), when)).stan


@pytest.fixture
async def trade(owner: Database, database: Database) -> Trade:
    return Trade(await Books.open(owner, database, cards=1))


async def settle(owner: Database, month: str) -> Settled:
    return await owner.run(lambda c: run(c, TESTER, PROGRAMME, month, PRICES))


async def closed(owner: Database, month: str) -> Settled:
    return await owner.run(lambda c: close(c, PAIR, PROGRAMME, month, PRICES))


def lines(statement: Statement) -> list[tuple[str, int, int, str]]:
    return [(line.kind, line.quantity, line.net_grosze, line.origin) for line in statement.lines]


async def test_a_month_is_of_the_programme_s_clock(trade: Trade, owner: Database) -> None:
    """Half past eleven on the last evening is of the old month, half past midnight of the new one."""
    await trade.earn("2026-08-31 23:30", 5)
    await trade.earn("2026-09-01 00:30", 7)
    await trade.earn("2026-09-30 23:59", 11)
    await trade.earn("2026-10-01 00:00", 13)
    (september,) = (await settle(owner, "2026-09")).statements
    assert lines(september) == [("points_bought", 18, 180, "")]
    assert [(day.date, day.points_issued) for day in september.days] == [
        (date(2026, 9, 1), 7),
        (date(2026, 9, 30), 11),
    ]
    assert september.number == f"CZESTOCHOWA/2026/09/{PARTNER}"
    assert (september.net_grosze, september.vat_grosze, september.gross_grosze) == (180, 41, 221)


async def test_points_cost_what_the_rules_of_their_sale_said(trade: Trade, owner: Database) -> None:
    """Two versions of the rules in one month are two lines; a redemption is credited without VAT."""
    await trade.earn("2026-09-02 12:00", 100)
    await trade.earn("2026-09-20 12:00", 50, version=2)
    await trade.redeem("2026-09-21 12:00", 100)
    (statement,) = (await settle(owner, "2026-09")).statements
    assert lines(statement) == [
        ("points_bought", 100, 1000, ""),
        ("points_bought", 50, 600, ""),
        ("rebates", 100, 1000, ""),
    ]
    assert (statement.gross_grosze, statement.rebates_grosze, statement.due_grosze) == (1968, 1000, 968)


async def test_the_organiser_pays_for_points_of_campaigns(trade: Trade, owner: Database) -> None:
    """They stand in the statement and the summary, net of what was taken back, and cost the partner 0."""
    await trade.earn("2026-09-02 12:00", 100)
    note = (
        "insert into ledger.bonus (bucket, terminal, stan, campaign, number, programme, partner, account, "
        f"granted, points, waived, transaction_id, bonus_stan) values (0, {TERMINAL}, $1, 1, $1, 1, "
        f"{PARTNER}, 8, 50, $2, 0, $3, $1)"
    )
    given = ((50, "2026-09-02 12:05"), (-20, "2026-09-30 23:59"), (-30, "2026-10-01 00:00"))
    for row in ((number, points, at(when) << 22) for number, (points, when) in enumerate(given, 1)):
        await owner.run(lambda c, row=row: write_registry(c, note, *row))
    september = await settle(owner, "2026-09")
    (statement,) = september.statements
    assert lines(statement) == [("points_bought", 100, 1000, ""), ("campaign", 30, 0, "")]
    assert (statement.net_grosze, statement.vat_grosze, statement.due_grosze) == (1000, 230, 1230)
    assert [(line.kind, line.quantity) for line in september.summary.lines][-1] == ("campaign", 30)
    assert [lines(one) for one in (await settle(owner, "2026-10")).statements] == [[("campaign", -30, 0, "")]]


async def test_what_is_taken_back_later_names_its_month(trade: Trade, owner: Database) -> None:
    """A reversal in October of sales of September is of October, negative, and says 2026-09."""
    sale = await trade.earn("2026-09-02 12:00", 100)
    rebate = await trade.redeem("2026-09-03 12:00", 100)
    before = await closed(owner, "2026-09")
    await trade.reverse("2026-10-02 09:00", rebate)
    await trade.reverse("2026-10-02 10:00", sale)
    (october,) = (await closed(owner, "2026-10")).statements
    assert lines(october) == [("points_bought", -100, -1000, "2026-09"), ("rebates", -100, -1000, "2026-09")]
    assert (october.vat_grosze, october.due_grosze) == (-230, -230)
    assert [(day.reversals, day.points_issued) for day in october.days] == [(2, -100)]
    assert await owner.run(lambda c: read_statements(c, PROGRAMME, "2026-09")) == before.statements


async def test_no_posting_comes_to_a_closed_month(trade: Trade, owner: Database) -> None:
    """An id of a closed month is refused by the database: who is late numbers anew, into the open one."""
    await trade.earn("2026-09-02 12:00", 10)
    await closed(owner, "2026-09")
    with pytest.raises(LedgerError, match="closed"):
        await trade.earn("2026-09-30 23:00", 10)
    await trade.earn("2026-10-01 00:10", 10)
    (october,) = (await settle(owner, "2026-10")).statements
    assert lines(october) == [("points_bought", 10, 100, "")]


@pytest.mark.parametrize(
    "sql",
    [
        "update registry.statement set due_grosze = due_grosze + 1",
        "delete from registry.statement",
        "truncate registry.statement",
        "update registry.settlement_summary set summary = '{}'",
        "delete from registry.settlement_summary",
        "insert into registry.settlement_summary (programme, month, summary) values (1, '2026-01', '{}')",
        "update registry.settlement_period set zone = 'x'",
        "delete from registry.settlement_period",
        "insert into registry.statement (programme, month, partner, number, due_grosze, document) "
        "values (1, '2026-09', 7, 'x', 0, '{}')",
        "insert into registry.statement (programme, month, partner, number, due_grosze, document) "
        "values (1, '2026-01', 7, 'x', 0, '{}')",
        "insert into registry.settlement_correction (programme, partner, month, net_grosze, vat_rate, "
        "second_needed) values (1, 7, '2026-09', 5, 23, false)",
        "insert into registry.settlement_period "
        "(programme, month, first_id, through_id, zone, second_needed) "
        "values (1, '2026-11', 1, 2, 'x', false)",
        "insert into registry.settlement_period "
        "(programme, month, first_id, through_id, zone, second_needed) "
        "values (1, '2026-10', 1, 2, 'x', false)",
    ],
)
async def test_the_database_keeps_what_is_closed(trade: Trade, owner: Database, sql: str) -> None:
    """The owner's own hand changes nothing of a closed month, adds nothing and leaves no month out."""
    await trade.earn("2026-09-02 12:00", 10)
    await closed(owner, "2026-09")
    with pytest.raises(LedgerError):
        await owner.run(lambda c: write_registry(c, sql))
    await owner.run(lambda c: read_summary(c, PROGRAMME, "2026-09"))


async def test_months_are_closed_in_order_once_and_when_over(trade: Trade, owner: Database) -> None:
    """Not the running one, not one twice, none left out, and not before older postings were settled."""
    await trade.earn("2026-08-02 12:00", 10)
    with pytest.raises(RegistryRefused, match="postings before 2026-09"):
        await closed(owner, "2026-09")
    await closed(owner, "2026-08")
    with pytest.raises(RegistryRefused, match="is closed"):
        await closed(owner, "2026-08")
    with pytest.raises(RegistryRefused, match="2026-09 is closed next"):
        await closed(owner, "2026-10")
    with pytest.raises(RegistryRefused, match="before those"):
        await settle(owner, "2026-07")
    now = datetime.now(ZONE).strftime("%Y-%m")
    with pytest.raises(RegistryRefused):
        await closed(owner, now)
    with pytest.raises(RegistryRefused, match="not begun"):
        await settle(owner, "2099-01")
    for wrong in ("2026-13", "2026-1", "x", "2026-11\n", "٢٠٢٦-11"):
        with pytest.raises(RegistryRefused, match="like 2026-11"):
            await settle(owner, wrong)
    with pytest.raises(NotInRegistry):
        await owner.run(lambda c: read_statement(c, PROGRAMME, PARTNER, "2026-09"))


async def corrected(owner: Database, net_grosze: int, origin: str) -> None:
    await owner.run(lambda c: correct(c, PAIR, PARTNER, "2026-10", net_grosze, prices=PRICES, origin=origin))


async def test_a_correction_has_a_reason_and_a_second_person(trade: Trade, owner: Database) -> None:
    """It is a line of the open month with VAT; without either person, or in a closed month, refused."""
    await trade.earn("2026-09-02 12:00", 10)
    await closed(owner, "2026-09")
    for actor, lacks in ((Actor("anna", "x"), "second person"), (Actor("anna", second="maria"), "reason")):
        with pytest.raises(RegistryRefused, match=lacks):
            await owner.run(lambda c, a=actor: correct(c, a, PARTNER, "2026-10", 5, prices=PRICES))
    with pytest.raises(RegistryRefused, match="is closed"):
        await owner.run(lambda c: correct(c, PAIR, PARTNER, "2026-09", 5, prices=PRICES))
    for later in ("2026-11", "CZESTOCHOWA/2026/11/7"):
        with pytest.raises(RegistryRefused, match="later than that of the correction"):
            await corrected(owner, -5, later)
    for net, origin in ((-500, "2026-09"), (-20, "CZESTOCHOWA/2026/09/7"), (70, "2026-10"), (30, "a letter")):
        await corrected(owner, net, origin)
    (october,) = (await settle(owner, "2026-10")).statements
    lines = [("", 70), ("2026-09", -500), ("2026-09", -20), ("a letter", 30)]
    assert october.lines == tuple(
        Line("correction", 1, net, net, 23, origin, reason=PAIR.reason) for origin, net in lines
    ), "with its reason, and the earlier month that its origin names"
    assert october.gross_grosze == 123 - 640


async def test_the_lease_is_of_the_month_of_the_contract(trade: Trade, owner: Database) -> None:
    """A partner taken on today pays 1 zł for each of two terminals this month; one blocked all along none."""
    month = datetime.now(ZONE).strftime("%Y-%m")
    (statement,) = (await settle(owner, month)).statements
    assert statement.lines == (Line("lease", 2, 100, 200, 23, contract=1),)


@pytest.mark.parametrize(
    ("starts", "ends", "month", "number"),
    [
        ("2026-01-31", None, (2026, 2), 2),
        ("2026-01-31", "2026-02-27", (2026, 2), 0),
        ("2026-01-31", "2026-02-28", (2026, 2), 0),
        ("2026-01-31", "2026-03-01", (2026, 2), 2),
        ("2025-06-13", "2026-06-13", (2026, 5), 12),
        ("2025-06-13", "2026-06-13", (2026, 6), 0),
        ("2025-06-13", "2026-06-14", (2026, 6), 13),
        ("2026-01-15", None, (2027, 1), 13),
        ("2026-01-15", None, (2025, 12), 0),
        ("2026-01-15", "2026-01-15", (2026, 1), 1),
    ],
)
def test_a_month_begun_is_charged_whole(
    starts: str, ends: str | None, month: tuple[int, int], number: int
) -> None:
    """The month of the contract that begins in a calendar month, on its day or the last there is; the last
    day of a term is of the month that ends on it.
    """
    last = date.fromisoformat(ends) if ends else None
    assert contract_month(date.fromisoformat(starts), last, *month) == number


def test_the_price_table_holds_from_month_13() -> None:
    """1 zł in the first year, the table's price from then on; 1 zł always with other services."""
    prices = [LEASE.monthly_grosze(number, with_services=False) for number in (1, 12, 13, 40)]
    assert prices == [100, 100, 3000, 3000]
    assert LEASE.monthly_grosze(40, with_services=True) == 100


@settings(max_examples=6, phases=[Phase.explicit, Phase.generate])
@given(
    acts=st.lists(
        st.tuples(
            st.sampled_from(["earn", "redeem", "reverse"]),
            st.integers(1, 400),
            st.sampled_from(["2026-08-31 23:59", "2026-09-01 00:00", "2026-09-15 12:00", "2026-09-30 23:59"]),
        ),
        max_size=14,
    )
)
def test_statements_are_what_the_accounts_moved(
    acts: list[tuple[str, int, str]], postgres_server: Server
) -> None:
    """Whatever is sold, given and taken back: a month's lines are the change of the partner's accounts in it,
    by a sum of the postings alone, and days, lines and terminals' own totals agree.
    """
    fresh = postgres_server.create()
    try:
        trio.run(check_month, fresh, acts)
    finally:
        postgres_server.drop(fresh)


async def check_month(fresh: FreshDatabase, acts: list[tuple[str, int, str]]) -> None:
    async with (
        open_database(fresh.owner_dsn, connections_max=1) as owner,
        open_database(fresh.service_dsn, connections_max=1) as database,
    ):
        trade = Trade(await Books.open(owner, database, cards=1))
        done: list[int] = []
        for act, points, when in sorted(acts, key=lambda one: one[2]):
            if act == "earn":
                done.append(await trade.earn(when, points))
            elif act == "redeem":
                done.append(await trade.redeem(when, points))
            elif done:
                await trade.reverse(when, done.pop(points % len(done)))
        settled = await settle(owner, "2026-09")
        moved = await owner.run(
            lambda c: c.fetchrow(
                MOVED, account_id(PARTNER, AccountKind.PARTNER_ISSUED), at("2026-09-01 00:00") << 22
            )
        )
        lines_of = [line for one in settled.statements for line in one.lines]
        bought = sum(line.quantity for line in lines_of if line.kind == "points_bought")
        credited = [line for line in lines_of if line.kind == "rebates"]
        assert (bought, sum(line.quantity for line in credited)) == tuple(moved)
        assert sum(line.net_grosze for line in credited) == 10 * moved[1]
        days = [day for one in settled.statements for day in one.days]
        of_days = (sum(day.points_issued for day in days), sum(day.points_redeemed for day in days))
        assert of_days == tuple(moved)
        totals = await owner.run(lambda c: terminal_totals(c, TERMINAL, 1, 10_000))
        august = (await settle(owner, "2026-08")).statements
        of_august = sum(day.points_issued - day.points_redeemed for one in august for day in one.days)
        net = totals.earn_points - totals.redeem_points + totals.reversal_points
        assert net == moved[0] - moved[1] + of_august


MOVED = """
select (coalesce(sum(points) filter (where debit = $1), 0)
      - coalesce(sum(points) filter (where credit = $1), 0))::bigint,
    (coalesce(sum(points) filter (where credit = $1 + 1), 0)
      - coalesce(sum(points) filter (where debit = $1 + 1), 0))::bigint
  from ledger.posting where unit = 0 and transaction_id >= $2"""
