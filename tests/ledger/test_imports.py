"""Imports into the registry: judged whole, all or nothing unless asked otherwise, and repeated without
effect (F10).
"""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, date, datetime
from typing import Any

import pytest
import trio
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from ledger.errors import RegistryRefused
from ledger.postgres.database import Connection, Database, open_database
from ledger.registry.audit import Wanted, list_audit
from ledger.registry.card_states import CardStatus
from ledger.registry.cards import CardRow, import_cards, list_cards
from ledger.registry.imports import Import, Mode, Refusal
from ledger.registry.keys import issue_keys, list_keys, next_generations, revoke_key
from ledger.registry.partners import NewPartner, import_partners, list_partners, set_partner_status
from ledger.registry.programmes import add_programme, list_rules, resume_programme
from ledger.registry.reads import Status
from ledger.registry.secrets import MasterKey
from ledger.registry.terminals import NewTerminal, import_terminals, list_terminals, set_terminal_status
from tests.ledger.books import PARTNER, TERMINAL, TESTER, found_registry

CARDS = [
    CardRow(2000, "0001", expires_on=date(2031, 5, 31)),
    CardRow(1000, "0002"),
    CardRow(2000, "0003"),
    CardRow(2001, "12a4"),
    CardRow(1 << 63, "0004"),
    CardRow(2002, "000x"),
    CardRow(2003, "0006"),
    CardRow(1001, "0001"),
]
REFUSED_CARDS = [1000, 2000, 2001, 2002, 1 << 63]


@pytest.fixture
async def registry(owner: Database) -> Database:
    await owner.run(lambda c: found_registry(c, 3))
    return owner


def keys(refused: list[Refusal]) -> list[int]:
    return sorted(refusal.key for refusal in refused)


async def count(database: Database, table: str) -> int:
    found: int = await database.run(lambda c: c.fetchval(f"select count(*) from {table}"))
    return found


async def test_cards_are_imported_all_or_none(registry: Database) -> None:
    """There already and different, twice, out of bounds: one such card and none is added.

    Or the good ones are.
    """

    async def run(mode: Mode) -> Import:
        return await registry.run(lambda c: import_cards(c, TESTER, 1, CARDS, mode))

    for mode, added in ((Mode.WHOLE, 0), (Mode.DRY_RUN, 2)):
        done = await run(mode)
        assert (done.added, done.unchanged, keys(done.refused)) == (added, 1, REFUSED_CARDS)
        assert await count(registry, "registry.card") == 3
    done = await run(Mode.GOOD_ROWS)
    assert (done.added, done.unchanged, keys(done.refused)) == (2, 1, REFUSED_CARDS)
    accounts = "ledger.account a join registry.card c on c.account = a.id"
    assert await count(registry, accounts) == 5
    assert (await run(Mode.GOOD_ROWS))[:2] == (0, 3)


async def test_the_same_import_again_changes_nothing(registry: Database) -> None:
    """Rows that say the same are counted and passed over.

    The reason names what a different one differs in.
    """
    rows = [CardRow(3000 + n, "0000", date(2030, 1, 1), CardStatus.READY) for n in range(20)]
    assert await registry.run(lambda c: import_cards(c, TESTER, 1, rows)) == (20, 0, [])
    before = await count(registry, "registry.audit")
    assert await registry.run(lambda c: import_cards(c, TESTER, 1, rows)) == (0, 20, [])
    assert await count(registry, "registry.audit") == before
    changed = [rows[0]._replace(expires_on=None)]
    done = await registry.run(lambda c: import_cards(c, TESTER, 1, changed))
    assert done.refused == [
        Refusal(3000, "expires_on", "it is there already with another expires_on: 2030-01-01")
    ]


async def test_partners_and_terminals_are_imported_all_or_none(registry: Database) -> None:
    """The same promise for partners and terminals, with a column for each reason."""
    partners = [
        NewPartner(8, "Kwiaciarnia", True, 500),
        NewPartner(PARTNER, "again"),
        NewPartner(0, "zero"),
        NewPartner(9, ""),
        NewPartner(10, "step", False, 0),
        NewPartner(11, "a\0b"),
    ]
    for mode, there in ((Mode.WHOLE, 1), (Mode.DRY_RUN, 1), (Mode.GOOD_ROWS, 2)):
        done = await registry.run(lambda c, m=mode: import_partners(c, TESTER, 1, partners, m))
        assert sorted((row.key, row.column) for row in done.refused) == [
            (0, "id"), (7, "name"), (9, "name"), (10, "points_step"), (11, "name"),
        ]  # fmt: skip
        assert await count(registry, "registry.partner") == there
    good = partners[:1]
    assert await registry.run(lambda c: import_partners(c, TESTER, 1, good)) == (0, 1, [])
    terminals = [
        NewTerminal(80, 8, "kasa 1"),
        NewTerminal(TERMINAL, 7),
        NewTerminal(81, 999),
        NewTerminal(100_000_000, 8),
        NewTerminal(82, 8, "x" * 65),
        NewTerminal(83, 2**40),
    ]
    done = await registry.run(lambda c: import_terminals(c, TESTER, terminals))
    assert (done.added, done.unchanged, keys(done.refused)) == (0, 1, [81, 82, 83, 100_000_000])
    done = await registry.run(lambda c: import_terminals(c, TESTER, terminals, Mode.GOOD_ROWS))
    assert (done.added, keys(done.refused)) == (1, [81, 82, 83, 100_000_000])
    listed = await registry.run(lambda c: list_terminals(c, partner=8))
    assert [row["label"] for row in listed] == ["kasa 1"]


async def test_tables_are_analysed_once_an_import(registry: Database) -> None:
    """However many chunks an import has, the planner's figures are made once, at its end."""
    asked: list[str] = []

    class Watched:
        def __init__(self, connection: Connection) -> None:
            self._connection = connection

        def __getattr__(self, name: str) -> Any:
            return getattr(self._connection, name)

        async def execute(self, sql: str, *arguments: object) -> Any:
            asked.append(sql)
            return await self._connection.execute(sql, *arguments)

    stored: list[int] = []
    rows = (CardRow(10_000 + n, "0000") for n in range(12_000))
    await registry.run(lambda c: import_cards(Watched(c), TESTER, 1, rows, on_stored=stored.append))
    assert [sql for sql in asked if sql.startswith("analyze")] == [
        "analyze registry.card",
        "analyze ledger.account",
    ]
    assert stored == [5_000, 10_000, 12_000]


wild = st.integers() | st.sampled_from([2**31 - 1, 2**31, -(2**31) - 1, 2**63, -(2**63) - 1, 2**64])
texts = st.text(st.characters() | st.sampled_from("\0\ufeff\n\x7f"), max_size=70)


Call = Callable[[Connection], Awaitable[Any]]


def wild_calls(number: int, other: int, third: int, text: str) -> list[Call]:
    """What an operator can ask of the registry, with wild numbers and texts."""
    master = MasterKey(b"w" * 32, b"p" * 32)
    return [
        lambda c: import_cards(c, TESTER, number, [CardRow(other, text[:4])], Mode.DRY_RUN),
        lambda c: import_cards(c, TESTER, 1, [CardRow(other, "0000")], Mode.DRY_RUN),
        lambda c: import_partners(c, TESTER, 1, [NewPartner(number, text, True, other)], Mode.DRY_RUN),
        lambda c: import_terminals(c, TESTER, [NewTerminal(number, other, text)], Mode.DRY_RUN),
        lambda c: add_programme(c, TESTER, programme=number, code=text, name=text),
        lambda c: resume_programme(c, TESTER, number, datetime.now(UTC)),
        lambda c: set_partner_status(c, TESTER, number, Status.ACTIVE),
        lambda c: set_terminal_status(c, TESTER, number, Status.ACTIVE),
        lambda c: list_rules(c, number),
        lambda c: list_cards(c, after=(number, 0), account=other, limit=third),
        lambda c: list_cards(c, after=(number, 0), account=other),
        lambda c: list_partners(c, after=number),
        lambda c: list_terminals(c, after=number, partner=other),
        lambda c: list_keys(c, number),
        lambda c: list_audit(c, Wanted(text, text, text), before=number),
        lambda c: list_audit(c, Wanted(text, text, text)),
        lambda c: next_generations(c, terminals=[number], partner=other),
        lambda c: issue_keys(c, TESTER, master, {number: bytes(32)}, overlap_days=other),
        lambda c: revoke_key(c, TESTER, number, other),
    ]


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@example(number=1, other=1, third=1, text="a\0b")
@given(number=wild, other=wild, text=texts, third=wild)
def test_no_number_and_no_text_reaches_postgres_out_of_bounds(
    ledger_dsn: str, number: int, other: int, third: int, text: str
) -> None:
    """Whatever comes in, the registry answers or refuses by its own word: never an error of the database."""

    async def ask() -> None:
        async with open_database(ledger_dsn, connections_max=1) as database:
            for call in wild_calls(number, other, third, text):
                with suppress(RegistryRefused):
                    await database.run(call)

    trio.run(ask)
