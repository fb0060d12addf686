"""The figures of a city: each is what books and registry say, and costs the same with a long journal."""

from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime, timedelta

import pytest

from ledger.books import gauges
from ledger.books.gauges import GAUGES, Figure, read_gauge
from ledger.books.rebucket import change_buckets
from ledger.books.rollup import DELAY_MS, roll_up
from ledger.books.statements import partner_balance
from ledger.postgres.database import Connection, Database
from ledger.registry.card_cases import CaseKind, Report, report_card
from ledger.registry.programmes import add_programme, add_rules, today_of
from tests.ledger.books import NOW_MS, PARTNER, TERMINAL, TESTER, Books, wide, write_registry
from tests.ledger.test_growth import GROW, SEED, flush, reads
from tests.patience import HANG_S
from tests.switch.city import RULES

Ask = Callable[[str], Awaitable[dict[tuple[str, str], float]]]
CITY = "czestochowa"


@pytest.fixture
async def books(owner: Database, database: Database) -> Books:
    return await Books.open(owner, database, cards=4)


@pytest.fixture
def ask(database: Database) -> Ask:
    async def asked(name: str) -> dict[tuple[str, str], float]:
        figures: list[Figure] = await database.run(lambda c: read_gauge(c, name))
        return {(figure.programme, figure.part): figure.value for figure in figures}

    return asked


@pytest.mark.parametrize("buckets", [1, 4])
async def test_units_are_those_of_the_books(owner: Database, books: Books, ask: Ask, buckets: int) -> None:
    """Points, uses and grosze, net of what was undone, before a roll-up and after it, in any layout; points
    outstanding are what the cards have.
    """
    if buckets > 1:
        await change_buckets(owner, TESTER, buckets, HANG_S)
        books.buckets = buckets
    for card in range(4):
        for posting in (
            books.earn(10 * card + 1, 300, card=card),
            books.redeem(10 * card + 2, 100, card=card),
            books.earn(10 * card + 3, 7, card=card),
            books.reversal(10 * card + 4, 10 * card + 3, card=card),
            books.use(10 * card + 5, books.per_card(40, 9, card=card), card=card, discount=250),
        ):
            assert (await books.post(posting)).code == 0
    sums = await books.database.run(lambda c: partner_balance(c, PARTNER))
    assert (sums.issued_points, sums.redeemed_points, sums.uses, sums.discount_grosze) == (1200, 400, 4, 1000)
    kept = await owner.run(lambda c: c.fetchval("select sum(balance)::bigint from ledger.account"))
    for _ in range(2):
        found = {part: value for (_, part), value in (await ask("units")).items()}
        assert found == {"1": -1200.0, "2": 400.0, "3": 0.0, "4": 4.0, "5": -1000.0}
        assert kept == -(found["1"] + found["2"] + found["3"])
        assert await owner.run(lambda c: roll_up(c, NOW_MS + 1_000 + DELAY_MS))
    assert await books.count("rollup") > 0


async def test_cards_by_status_and_terminals_by_state(owner: Database, books: Books, ask: Ask) -> None:
    """As the registry has them; a programme without any has its zeros where the states are few."""

    async def change(connection: Connection) -> None:
        await add_programme(connection, TESTER, programme=2, code="zgierz", name="Zgierz")
        await write_registry(connection, "update registry.card set status = 1 where token = 1001")
        await write_registry(connection, "update registry.terminal set status = 1 where id = $1", TERMINAL)

    await owner.run(change)
    assert await ask("cards") == {(CITY, "0"): 3, (CITY, "1"): 1}
    assert await ask("terminals") == {
        (CITY, "active"): 1,
        (CITY, "blocked"): 1,
        ("zgierz", "active"): 0,
        ("zgierz", "blocked"): 0,
    }


async def test_wide_quotas_that_are_nearly_gone(owner: Database, books: Books, ask: Ask) -> None:
    """90 % of a limit of today, of the year or for ever; not a card's own, not a period that is over."""
    today = await owner.run(lambda c: today_of(c, 1))
    day = (today - date(1970, 1, 1)).days
    kinds = {"day": 5 << 3, "week": 5 << 3 | 1, "ever": 5 << 3 | 4, "year of the programme": 3}
    for stan in range(1, 10):
        use = books.use(
            stan,
            wide(kinds["day"], 10, period=day),
            wide(kinds["day"] | 6 << 3, 9, period=day - 1),
            wide(kinds["ever"], 100, period=0),
            wide(kinds["year of the programme"], 10, period=today.year),
            books.per_card(kinds["week"], 9, card=stan % 4, period=day),
            card=stan % 4,
        )
        if stan == 9:
            assert await ask("quotas_nearly_gone") == {(CITY, ""): 0}
        assert (await books.post(use)).code == 0
    assert await ask("quotas_nearly_gone") == {(CITY, ""): 2}


async def test_open_cases_by_kind(owner: Database, books: Books, ask: Ask) -> None:
    """What terminals reported and nobody has decided."""

    def report(stan: int, kind: CaseKind) -> Report:
        return Report(TERMINAL, stan, 7, kind, 1, 1_800_000_000, 1000 + stan, 42)

    for stan, kind in ((1, CaseKind.RETAINED), (2, CaseKind.RETAINED), (3, CaseKind.DOUBT)):
        await books.database.run(lambda c, s=stan, k=kind: report_card(c, report(s, k)))
    await owner.run(
        lambda c: write_registry(
            c, "update registry.card_case set state = 1, decided_by = 'x', decided_at = now() where stan = 1"
        )
    )
    assert await ask("cases_open") == {(CITY, "retained"): 1, (CITY, "attempt"): 0, (CITY, "doubt"): 1}


async def test_silent_for_longer_than_usual(owner: Database, books: Books, ask: Ask) -> None:
    """As presence has it, in a database that has heard nobody for a fortnight, and in one that has."""
    assert await ask("terminals_silent") == {(CITY, ""): 0}
    await owner.run(
        lambda c: c.execute(
            "insert into registry.terminal_hours (day, terminal, hours)"
            " select registry.today_of(1::smallint) - d, $1, 16777215 from generate_series(6, 15) d",
            TERMINAL,
        )
    )
    assert await ask("terminals_silent") == {(CITY, ""): 1}


async def test_keys_that_end_and_rules_that_wait(owner: Database, books: Books, ask: Ask) -> None:
    """A terminal whose last key ends in three days, not one with a newer key; the next rules alone."""
    assert await ask("rules_pending_timestamp_seconds") == {}
    soon = datetime.now(UTC).replace(microsecond=0) + timedelta(days=40)

    async def change(connection: Connection) -> None:
        for terminal, generation, days in ((TERMINAL, 1, 3), (TERMINAL, 2, 90), (TERMINAL + 1, 1, 3)):
            await write_registry(
                connection,
                "insert into registry.terminal_key (terminal, generation, wrapped, not_after)"
                " values ($1, $2, decode(repeat('00', 60), 'hex'), now() + $3 * interval '1 day')",
                *(terminal, generation, days),
            )
        for days in (0, 10):
            at = soon + timedelta(days=days)
            await add_rules(connection, TESTER, programme=1, effective_from=at, rules_toml=RULES)

    await owner.run(change)
    assert await ask("terminal_keys_expiring") == {(CITY, ""): 1}
    assert await ask("rules_pending_timestamp_seconds") == {(CITY, ""): soon.timestamp()}


async def test_no_figure_costs_more_with_a_long_journal(
    owner: Database, books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    """150,000 rows later each figure reads as many rows of the books as before, and scans none of them; what
    was not rolled up yet is read up to a bound.
    """
    monkeypatch.setitem(GAUGES, "units", gauges.UNITS.replace(str(gauges.TAIL_ROWS_MAX), "1000"))  # type: ignore[arg-type]
    await books.post(books.earn(1, 5))
    await owner.run(lambda c: c.execute("insert into ledger.rollup_mark values (0, 0, 0)"))

    async def price() -> tuple[int, ...]:
        before = await reads(owner)
        for name in GAUGES:
            await books.database.run(lambda c, n=name: read_gauge(c, n))
        await flush(books)
        return tuple(b - a for a, b in zip(before, await reads(owner), strict=True))

    await price()
    _, fetched, entries = await price()
    await owner.run(lambda c: c.execute(GROW))
    await owner.run(lambda c: c.execute(SEED.replace("900, s", f"{TERMINAL}, s + 10")))
    await owner.run(lambda c: c.execute("analyze"))
    assert (await price())[1] <= fetched + 1_100
    await owner.run(
        lambda c: c.execute(
            "update ledger.rollup_mark set through = (select max(transaction_id) from ledger.posting)"
        )
    )
    scanned, later_fetched, later_entries = await price()
    assert scanned <= 2 * len(GAUGES)  # of tables that have a row or two, rollup_mark
    assert (later_fetched, later_entries) <= (fetched + 10, entries + 10)
