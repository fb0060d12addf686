"""The registry of the store in memory reads as Postgres' does, and the days do the same to its holders."""

from datetime import UTC, date, datetime
from typing import Any

import trio

from ledger.books.shares import move_shares
from ledger.postgres.database import Connection, Database, open_database
from ledger.registry.audit import writing
from ledger.registry.card_cases import CaseKind, Report, report_card
from ledger.registry.holder_imports import NewHolder, add_holders
from ledger.registry.key_over_wire import next_key
from ledger.registry.keys import issue_key, note_use
from ledger.registry.kinds import place_kinds
from ledger.registry.people import Person
from ledger.registry.programmes import add_rules
from ledger.registry.reads import CardTuple, RegistrySnapshot, read_changes
from simulators.world.memory import holder_terms
from simulators.world.memory.connection import connector
from simulators.world.memory.holder_terms import Terms, day_number
from simulators.world.memory.ledger import MemoryLedger
from simulators.world.memory.registry import Card, Holder, MemoryRegistry
from switch.metrics import Meters
from switch.process.keeper import JOBS, Keeper
from switch.rules.dates import kind_steps
from tests.ledger.books import NOW_MS, TERMINAL, TESTER, found_registry
from tests.ledger.test_holders import BANDS, BEGIN, BIRTHS, CHANGE, DAYS, LATER
from tests.switch.memory import MASTER_KEY

DSN = "postgresql://memory/world"
VERSIONS = ((1, BEGIN, BANDS), (2, CHANGE, LATER))


async def read(database: Database) -> tuple[RegistrySnapshot, list[CardTuple]]:
    cards: list[CardTuple] = []

    def keep(found: Any) -> None:
        cards.extend((*card[:5], card[5] and tuple(card[5]), *card[6:]) for card in found)

    snapshot = await database.run(lambda c: read_changes(c, 0, keep))
    return snapshot, sorted(cards)


async def found(owner: Database) -> list[CardTuple]:
    """A registry in Postgres: ten cards, each with a holder; two versions of rules; two keys."""
    await owner.run(lambda c: found_registry(c, len(BIRTHS)))
    for _, day, bands in VERSIONS:
        await owner.run(
            lambda c, day=day, bands=bands: add_rules(
                c,
                TESTER,
                programme=1,
                effective_from=datetime(day.year, day.month, day.day, 12, tzinfo=UTC),
                rules_toml="x",
                kind_steps=kind_steps(bands, "both"),
            )
        )
    holders = [
        NewHolder(1_000 + n, flags=n, person=Person("x", born_on=born)) for n, born in enumerate(BIRTHS)
    ]
    await owner.run(lambda c: add_holders(c, TESTER, MASTER_KEY.vault, 1, holders))
    for _ in range(2):
        await owner.run(lambda c: issue_key(c, TESTER, MASTER_KEY, TERMINAL, bytes(32)))
    return (await read(owner))[1]


def copied(snapshot: RegistrySnapshot, cards: list[CardTuple], registry: MemoryRegistry) -> None:
    """Write into the store what was read from Postgres."""
    for programme in snapshot.programmes:
        registry.set_programme(programme)
    for rules, (_, _, bands) in zip(snapshot.rules, VERSIONS, strict=True):
        registry.apply_rules(rules, kind_steps=kind_steps(bands, "both"))
    for partner in snapshot.partners:
        registry.set_partner(partner)
    for terminal in snapshot.terminals:
        registry.set_terminal(terminal)
    for key in snapshot.keys:
        registry.set_key(key)
    for token, account, programme, status, expires_day, past, *_ in cards:
        registry.add_card(Card(token, account, programme, status, expires_day, past and tuple(past)))
    for card, born in zip(cards, BIRTHS, strict=True):
        registry.set_holder(Holder(card[1], 1, flags=card[0] - 1_000), born_on=born)


async def test_the_store_reads_as_postgres(owner: Database) -> None:
    """What was read from Postgres and written into the store is read from it the same."""
    await found(owner)
    snapshot, cards = await read(owner)
    ledger = MemoryLedger(now_ms=lambda: snapshot.database_ms)
    copied(snapshot, cards, ledger.registry)
    async with open_database(DSN, connect=connector(ledger)) as memory:
        again, cards_again = await read(memory)
    assert cards_again == cards
    for table in ("programmes", "rules", "partners", "terminals", "keys", "offers"):
        assert getattr(again, table) == getattr(snapshot, table)


async def test_birthdays_place_kinds_as_postgres_does(owner: Database) -> None:
    """For births and days at every edge, over a change of the rules: the same kinds from the same days."""
    await found(owner)
    snapshot, cards = await read(owner)
    ledger = MemoryLedger(now_ms=lambda: NOW_MS)
    copied(snapshot, cards, ledger.registry)
    async with open_database(DSN, connect=connector(ledger)) as memory:
        for day in DAYS:

            async def place(connection: Connection, day: date = day) -> None:
                async with writing(connection, TESTER):
                    await place_kinds(connection, 1, None, day)

            await owner.run(place)
            holder_terms.place_kinds(ledger.registry, 1, day)
            assert (await read(memory))[1] == (await read(owner))[1]


async def test_keys_and_reports_as_postgres_has_them(owner: Database) -> None:
    """A key over the wire, its use, reports of cards and their repeats: the same answers, the same cards."""
    await found(owner)
    snapshot, cards = await read(owner)
    ledger = MemoryLedger(now_ms=lambda: snapshot.database_ms)
    copied(snapshot, cards, ledger.registry)
    reports = [
        Report(TERMINAL, stan, digest, kind, 1, NOW_MS // 1_000, token, 1_234)
        for stan, digest, kind, token in [
            (1, 7, CaseKind.ATTEMPT, 1_000), (1, 7, CaseKind.ATTEMPT, 1_000), (1, 8, CaseKind.ATTEMPT, 1_000),
            (2, 9, CaseKind.RETAINED, 1_000), (3, 9, CaseKind.ATTEMPT, 1_000), (4, 1, CaseKind.DOUBT, 1_001),
            (5, 2, CaseKind.RETAINED, 9_999),
        ]
    ]  # fmt: skip
    async with open_database(DSN, connect=connector(ledger)) as memory:

        async def both(job: Any) -> Any:
            there, here = await owner.run(job), await memory.run(job)
            assert there == here
            return there

        for in_use in (1, 2, 3):
            assert await both(lambda c, g=in_use: _generation(c, g)) == in_use + 1
        assert await both(lambda c: note_use(c, TERMINAL, 2))
        assert await both(lambda c: _generation(c, 1)) is None
        assert not await both(lambda c: note_use(c, TERMINAL, 1))
        for report in reports:
            await both(lambda c, report=report: report_card(c, report))
        there, here = (await read(owner))[1], (await read(memory))[1]
        assert [card[:5] for card in there] == [card[:5] for card in here]
        assert [card[3] for card in here][:3] == [7, 0, 0]
        assert [entry & 15 for entry in here[0][5] or ()] == [4, 0, 1]


async def _generation(connection: Connection, in_use: int) -> int | None:
    found_key = await next_key(connection, MASTER_KEY, TERMINAL, in_use)
    return found_key.generation if found_key else None


def test_the_keeper_does_its_jobs_over_the_store() -> None:
    """All periodic work runs: birthdays advance, notices end, keys expire, balances roll up, shares move."""

    async def run() -> None:
        ledger = MemoryLedger(2, now_ms=lambda: NOW_MS)
        today = holder_terms.today_of(ledger.registry, 1)
        registry = ledger.registry
        registry.terms[1] = [Terms(1, 0, "Europe/Warsaw", kind_steps(BANDS, "both"))]
        for number in range(2):
            registry.add_card(Card(1_000 + number, (1 + number) << 3, 1))
        born = today.replace(year=today.year - 61)
        late = Holder(8, 1, kinds=8, next_from=day_number(today))
        registry.set_holder(late, born_on=born)
        registry.set_holder(Holder(16, 1, contract_ends_day=day_number(today) - 1))
        async with open_database(DSN, connect=connector(ledger)) as database:
            keeper = Keeper(database.session(), Meters())
            await keeper.tick()
            assert keeper._done_at_ms.keys() == {job.name for job in JOBS}
            await database.run(move_shares)
        assert (registry.holders.rows[8].kinds, registry.holders.rows[8].kinds_before) == (16, 8)
        assert [card.status for card in registry.cards.rows.values()] == [0, 9]

    trio.run(run)
