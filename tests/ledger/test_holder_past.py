"""What the registry remembers of a holder and of a card's last day, for sales that arrive late."""

import time
from collections.abc import Awaitable, Callable
from datetime import date

import pytest

from ledger.postgres.database import Connection, Database
from ledger.registry.endings import give_notice
from ledger.registry.erasures import anonymise
from ledger.registry.holder_imports import NewHolder
from ledger.registry.holders import prove_tax, set_flags
from ledger.registry.reads import read_changes
from switch.rules.as_of import stood_at
from switch.rules.cards import Card
from switch.rules.dates import day_number
from switch.rules.directory import Directory
from tests.days import today
from tests.ledger.books import TESTER, found_old_registry, write_registry
from tests.ledger.test_holders import VAULT, add, holder
from tests.switch.memory import MASTER_KEY


@pytest.fixture
async def registry(owner: Database) -> Database:
    await owner.run(lambda connection: found_old_registry(connection, 3))
    return owner


def now_ms() -> int:
    """The clock, which is the database's, too."""
    return time.time_ns() // 1_000_000


async def read(database: Database, token: int = 1000) -> Card:
    """A card as a worker has it that has just read everything."""
    directory = Directory(MASTER_KEY)
    await database.run(lambda c: read_changes(c, 0, directory.apply_cards))
    return directory.cards[token]


async def past_of(registry: Database) -> list[int | None]:
    """What is kept of what decided about the holder of card 1000."""
    account = (await holder(registry))["account"]
    sql = "select past from registry.holder where account = $1"
    past: list[int | None] = await registry.run(lambda c: c.fetchval(sql, account))
    return past


async def change(registry: Database, job: Callable[[Connection], Awaitable[object]]) -> int:
    """Let something change; return a moment of before it."""
    before_ms = now_ms()
    while now_ms() == before_ms:
        pass
    await registry.run(job)
    while now_ms() == before_ms + 1:
        pass
    return before_ms


async def test_flags_and_proof_of_any_moment_are_known(registry: Database, database: Database) -> None:
    """Each change leaves what was; a card of another account has nothing to remember."""
    await add(registry, NewHolder(1000, flags=1), NewHolder(1001, flags=1))
    assert (await read(database)).days is None
    may = date(today().year + 1, 5, 31)
    moments = [
        await change(registry, lambda c: set_flags(c, TESTER, 1000, flags=2)),
        await change(
            registry,
            lambda c: prove_tax(c, TESTER, 1000, tax_year=today().year - 1, entitled_until=may),
        ),
        await change(registry, lambda c: set_flags(c, TESTER, 1000, flags=2)),
    ]
    card = await read(database)
    stood = [stood_at(card, at_ms).held for at_ms in moments]
    assert [held and (held.flags, held.entitled_until) for held in stood] == [
        (1, None), (2, None), (2, day_number(may)),
    ]  # fmt: skip
    assert (await read(database, 1001)).days is None


async def test_last_days_of_any_moment_are_known(registry: Database, database: Database) -> None:
    """That of the card and that of its contract, whichever is earlier, as they were."""
    await add(registry, NewHolder(1000))
    renew = "update registry.card set expires_on = $1 where token = 1000"
    first, second = date(2031, 5, 31), date(2033, 5, 31)
    moments = [
        await change(registry, lambda c: write_registry(c, renew, first)),
        await change(registry, lambda c: write_registry(c, renew, second)),
        await change(registry, lambda c: give_notice(c, TESTER, 1000, given_on=today(), ends_on=today())),
    ]
    card = await read(database)
    assert [stood_at(card, at_ms).expires_day for at_ms in moments] == [
        None, day_number(first), day_number(second),
    ]  # fmt: skip
    assert card.expires_day == stood_at(card, now_ms() + 1).expires_day
    assert card.expires_day == day_number(today())


async def test_sixteen_changes_are_kept_and_an_erasure_keeps_none(registry: Database) -> None:
    """The oldest goes; what was kept of somebody who is forgotten goes with the rest."""
    await add(registry, NewHolder(1000))
    for flags in range(1, 21):
        await registry.run(lambda c, flags=flags: set_flags(c, TESTER, 1000, flags=flags))
    assert (await past_of(registry))[1::4] == list(range(4, 20))
    await registry.run(lambda c: anonymise(c, TESTER, VAULT, 1000))
    assert await past_of(registry) == []
