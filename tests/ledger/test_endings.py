"""What ends a contract at a day of its own: each a row that stays, and the earliest holds."""

from collections.abc import Awaitable, Callable
from datetime import date, timedelta
from typing import Any

import pytest

from ledger.errors import LedgerError, RegistryRefused
from ledger.postgres.database import Connection, Database
from ledger.registry.audit import Actor, Wanted, list_audit, writing
from ledger.registry.card_states import Hand
from ledger.registry.endings import Ending, give_notice, list_endings, take_objection, withdraw
from ledger.registry.erasures import anonymise
from ledger.registry.holder_imports import NewHolder, add_holders
from ledger.registry.holders import end_notices, find_holder
from ledger.registry.reads import CardTuple, read_changes
from tests.days import today
from tests.ledger.books import TESTER, found_registry
from tests.switch.memory import MASTER_KEY

CLERK = Actor("Anna", hand=Hand.HOLDER_POST)
ORGANISER = Actor("organiser", hand=Hand.ORGANISER)
PROXY = Actor("Jan", hand=Hand.PROXY_ONLINE)
EPOCH = date(1970, 1, 1)
BY_NOTICE = "the notice has run out"
BY_OBJECTION = "an objection to changed rules has ended the contract"
Take = Callable[[Database, int], Awaitable[date]]


async def notice(owner: Database, days: int) -> date:
    """Give notice that ends in so many days; return the contract's last day."""
    ends = today() + timedelta(days)
    return await owner.run(lambda c: give_notice(c, TESTER, 1000, given_on=today(), ends_on=ends))


async def objection(owner: Database, days: int) -> date:
    """Take down an objection that ends in so many days; return the contract's last day."""
    ends = today() + timedelta(days)
    return await owner.run(lambda c: take_objection(c, CLERK, 1000, given_on=today(), ends_on=ends))


async def take_back(owner: Database, kind: Ending) -> date | None:
    """Take back what stands of a kind; return the contract's last day."""
    actor = TESTER._replace(hand=Hand.HOLDER_POST) if kind == "objection" else TESTER
    return await owner.run(lambda c: withdraw(c, actor, 1000, kind))


async def account_of(owner: Database) -> int:
    """Return the account of the card."""
    found = await owner.run(lambda c: c.fetchval("select account from registry.card where token = 1000"))
    return int(found)


async def last_days(owner: Database, database: Database, changed: int = 0) -> tuple[date | None, date | None]:
    """Return the contract's last day, and that of the card as a worker is told of it."""
    account = await account_of(owner)
    holder = await owner.run(lambda c: find_holder(c, account))
    cards: list[CardTuple] = []
    await database.run(lambda c: read_changes(c, changed, cards.extend))
    told = {card[0]: card[4] for card in cards}[1000]
    return holder["contract_ends_on"], None if told is None else EPOCH + timedelta(told)


@pytest.fixture
async def registry(owner: Database) -> Database:
    """A card without a last day, with a holder."""
    await owner.run(lambda c: found_registry(c, 1))
    await owner.run(lambda c: add_holders(c, TESTER, MASTER_KEY.vault, 1, [NewHolder(1000)]))
    return owner


@pytest.mark.parametrize("acts", [(notice, objection), (objection, notice)])
@pytest.mark.parametrize("days", [(30, 10), (10, 30), (10, 10)])
async def test_of_two_ends_of_a_contract_the_earlier_holds(
    registry: Database, database: Database, acts: tuple[Take, Take], days: tuple[int, int]
) -> None:
    """Zgierz § 33, § 35: whichever came first, in the registry and at the tills; each is taken down."""
    assert await acts[0](registry, days[0]) == today() + timedelta(days[0])
    first = today() + timedelta(min(days))
    assert await acts[1](registry, days[1]) == first
    assert await last_days(registry, database) == (first, first)
    account = await account_of(registry)
    assert len(await registry.run(lambda c: list_endings(c, account))) == 2


@pytest.mark.parametrize(("kind", "left"), [("objection", 30), ("notice", 10)])
async def test_taking_one_back_leaves_the_other(
    registry: Database, database: Database, kind: Ending, left: int
) -> None:
    """What nobody took back ends the contract still, and every worker is told of the day it is now."""
    await notice(registry, 30)
    await objection(registry, 10)
    changed = await registry.run(lambda c: c.fetchval("select max(changed) from registry.holder"))
    day = today() + timedelta(left)
    assert await take_back(registry, kind) == day
    if kind == "objection":  # the workers' feed has it as a change
        assert await last_days(registry, database, changed) == (day, day)
    assert await last_days(registry, database) == (day, day)
    assert await take_back(registry, "notice" if kind == "objection" else "objection") is None
    assert await last_days(registry, database) == (None, None)


async def test_of_one_kind_a_later_end_changes_nothing(registry: Database) -> None:
    """It is refused with the day; one that ends sooner is taken down, and both are taken back together."""
    await objection(registry, 20)
    for days in (20, 30):
        with pytest.raises(RegistryRefused, match=f"on {today() + timedelta(20)} already"):
            await objection(registry, days)
    assert await objection(registry, 10) == today() + timedelta(10)
    assert await take_back(registry, "objection") is None
    with pytest.raises(RegistryRefused, match="no objection was taken down"):
        await take_back(registry, "objection")
    with pytest.raises(RegistryRefused, match="no notice was given"):
        await take_back(registry, "notice")
    await notice(registry, 20)
    with pytest.raises(RegistryRefused, match="notice was given already"):
        await notice(registry, 30)


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ([(notice, -1)], BY_NOTICE),
        ([(objection, -1)], BY_OBJECTION),
        ([(notice, 5), (objection, -1)], BY_OBJECTION),
        ([(objection, 5), (notice, -1)], BY_NOTICE),
    ],
)
async def test_the_trail_of_a_card_says_what_ended_its_contract(
    registry: Database, database: Database, given: list[tuple[Take, int]], reason: str
) -> None:
    """Zgierz § 33, § 35: the keeper voids the cards by the end that has come, whatever else was given."""
    for take, days in given:
        await take(registry, days)
    await database.run(end_notices)
    trail = await registry.run(lambda c: list_audit(c, Wanted(object="card")))
    assert (trail[0]["actor"], trail[0]["hand"], trail[0]["reason"]) == ("keeper", Hand.CLOCK, reason)


async def test_who_objects_is_who_resigns(registry: Database) -> None:
    """Zgierz § 35, § 31.3: the holder or a guardian, on the web, at a desk, by post; nobody else."""
    for hand in Hand:
        actor = Actor("Anna", hand=hand)
        if hand.startswith(("holder", "guardian")):
            await registry.run(
                lambda c, a=actor: take_objection(c, a, 1000, given_on=today(), ends_on=today())
            )
            await take_back(registry, "objection")
        else:
            with pytest.raises(RegistryRefused, match=f"nobody objects by {hand}"):
                await registry.run(
                    lambda c, a=actor: take_objection(c, a, 1000, given_on=today(), ends_on=today())
                )
    await objection(registry, 10)
    for hand in (Hand.PROXY_ONLINE, Hand.DESK, Hand.ORGANISER):
        with pytest.raises(RegistryRefused, match=f"nothing is taken back by {hand}"):
            await registry.run(lambda c, h=hand: withdraw(c, PROXY._replace(hand=h), 1000, "objection"))


async def test_what_ended_a_contract_stays_to_be_read(registry: Database) -> None:
    """By whom, by which way, when; when and by whom it was taken back: rows and the trail, which nobody
    changes, whoever the holder was once nobody is known any more.
    """
    await objection(registry, 10)
    await take_back(registry, "objection")
    await notice(registry, 30)
    account = await account_of(registry)
    rows = await registry.run(lambda c: list_endings(c, account))
    told = [(row["kind"], row["given_by"], row["given_hand"], row["withdrawn_by"]) for row in rows]
    assert told == [
        ("notice", TESTER.name, str(TESTER.hand), None),
        ("objection", "Anna", "holder-post", TESTER.name),
    ]
    trail = await registry.run(lambda c: list_audit(c, Wanted(object="ending")))
    assert [(row["key"], row["actor"]) for row in trail] == [
        ("2", TESTER.name), ("1", TESTER.name), ("1", "Anna"),
    ]  # fmt: skip
    for sql in (
        "update registry.ending set withdrawn_at = null where number = 1",
        "update registry.ending set withdrawn_at = now() where number = 1",
        "update registry.ending set ends_on = ends_on + 1, withdrawn_at = now() where number = 2",
        "delete from registry.ending",
    ):

        async def try_it(c: Connection, sql: str = sql) -> None:
            async with writing(c, TESTER):
                await c.execute(sql)

        with pytest.raises(LedgerError):
            await registry.run(try_it)
    await registry.run(lambda c: anonymise(c, ORGANISER, MASTER_KEY.vault, 1000))
    after: list[Any] = await registry.run(lambda c: list_endings(c, account))
    assert after == rows
