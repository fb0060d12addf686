"""Data of a later year: small amounts of it, in a real database, behave as the real ones would."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio

from bench.command import Exit
from bench.throughput import growth, run
from bench.throughput.driver import Timing
from bench.throughput.growth_data import (
    IDLE_TERMINAL_FIRST,
    fill_cards,
    fill_journal,
    fill_terminals,
    idle_key,
)
from bench.throughput.stage import Stage, open_stage
from ledger.postgres.database import Database
from ledger.registry.secrets import MasterKey
from simulators.city.population import FIRST_TERMINAL, Population
from simulators.city.seeding import seed_city
from tests.ledger.books import write_registry

CITY = Population("growth", cards=200, partners=3)


@pytest.fixture
def master(tmp_path: Path) -> MasterKey:
    return MasterKey.create(tmp_path / "master.key")


async def value(owner: Database, sql: str) -> object:
    found: object = await owner.run(lambda connection: connection.fetchval(sql))
    return found


async def test_a_filled_journal_holds_what_a_switch_would_have_written(
    owner: Database, ledger_dsn: str, master: MasterKey
) -> None:
    """Ids are unique and ordered by time; every row has its posting; filling goes on where it stopped."""
    await seed_city(owner, CITY, master)
    await fill_journal(ledger_dsn, CITY, 0, 1_000)
    await fill_journal(ledger_dsn, CITY, 1_000, 1_500)
    assert await value(owner, "select count(*) from ledger.journal") == 1_500
    assert await value(owner, "select count(distinct transaction_id) from ledger.journal") == 1_500
    assert await value(owner, "select min(terminal) from ledger.journal") == FIRST_TERMINAL
    assert await value(owner, "select max(stan) from ledger.journal") == 500
    assert (
        await value(
            owner,
            "select count(*) from ledger.posting p join ledger.journal j using (transaction_id)"
            " where p.credit = j.account and p.points = j.points",
        )
        == 1_500
    )
    assert (
        await value(owner, "select count(*) from ledger.journal j join ledger.account a on a.id = j.account")
        == 1_500
    )


async def test_added_cards_have_accounts_and_change_numbers(
    owner: Database, ledger_dsn: str, master: MasterKey
) -> None:
    """Every added card has an account of its own and a change number a worker's feed will find."""
    await seed_city(owner, CITY, master)
    before = await value(owner, "select max(changed) from registry.card")
    await fill_cards(ledger_dsn, 0, 500)
    assert await value(owner, f"select count(*) from registry.card where changed > {before}") == 500
    assert (
        await value(
            owner,
            "select count(*) from registry.card c"
            " where not exists (select from ledger.account a where a.id = c.account)",
        )
        == 0
    )
    await owner.run(lambda c: write_registry(c, "update registry.card set expires_on = null"))
    assert await value(owner, f"select bool_and(changed > {before}) from registry.card")


async def test_idle_terminals_can_be_known_by_their_number(
    owner: Database, ledger_dsn: str, master: MasterKey
) -> None:
    """A terminal that only connects has the key that follows from its number."""
    await seed_city(owner, CITY, master)
    await fill_terminals(ledger_dsn, master, CITY, 7)
    rows = await owner.run(
        lambda connection: connection.fetch(
            "select terminal, wrapped from registry.terminal_key where terminal >= $1 order by terminal",
            IDLE_TERMINAL_FIRST,
        )
    )
    keys = [master.unwrap(row["terminal"], 1, row["wrapped"]) for row in rows]
    assert keys == [idle_key(number) for number in range(7)]


async def test_a_stop_ends_growth_between_steps() -> None:
    """After the stop signal nothing more is filled or started."""
    stop = trio.Event()
    stop.set()
    stage = object.__new__(Stage)
    stage.accounts = []
    assert await growth.measure_cards(stage, stop) == growth.NOTHING


async def test_what_grows_is_measured_on_small_steps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Journals, cards and connections: each measurement runs to its table against a real switch."""
    monkeypatch.setattr(growth, "STARTS", 1)
    monkeypatch.setattr(growth, "SETTLE_S", 0)
    stop, timing = trio.Event(), Timing(0.05, 0.2)
    async with open_stage(tmp_path, cards=600, partners=300) as stage:
        journals = await growth.measure_journals(stage, timing, 1, stop, sizes=(1_000, 3_000))
        cards = await growth.measure_cards(stage, stop, counts=(600, 900))
        connections = await growth.measure_connections(stage, stop, counts=(2, 5))
    assert sum(line.startswith("| switch, 0.003 million in the journal") for line in journals.lines) == 2
    assert [line.split("|")[1].strip() for line in cards.lines if "MiB" in line] == ["600", "900"]
    assert [line.split("|")[1].strip() for line in connections.lines if "MiB" in line] == ["0", "2", "5"]


async def test_what_grows_too_much_is_no_success(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A goal of growth that is missed is named, and the run does not end in status 0."""
    missed = growth.Section(["### Growth of the cards"], ["memory a card at 5 million"])

    async def measured(*_: object) -> growth.Section:
        return missed

    @asynccontextmanager
    async def no_stage(*_: object) -> AsyncIterator[None]:
        yield

    monkeypatch.setattr(growth, "measure_cards", measured)
    monkeypatch.setattr(run, "open_stage", no_stage)
    plan = run.Plan(directory=tmp_path, is_written=False)
    assert await run.run_growth(plan, ["cards"], trio.Event()) is Exit.MISSED
