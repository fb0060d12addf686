"""Cards in the registry: what may become of a plastic, and what a duplicate inherits."""

from datetime import date
from typing import Any

import pytest

from ledger.errors import NotInRegistry, RegistryRefused, StatementRefused
from ledger.postgres.database import Database
from ledger.registry.audit import Actor
from ledger.registry.card_states import CardStatus, Hand
from ledger.registry.cards import CardRow, find_card, import_cards, set_card_status
from ledger.registry.duplicates import Carrier, New, add_carrier, hand_over_card, renew_card, replace_card
from tests.ledger.books import TESTER, Books, write_registry

CLOSED, REPLACED, READY = CardStatus.CLOSED, CardStatus.REPLACED, CardStatus.READY
ACTIVE, BLOCKED, WANTED = CardStatus.ACTIVE, CardStatus.BLOCKED, CardStatus.WANTED
RESIGNED, VOID = CardStatus.RESIGNED, CardStatus.VOID


@pytest.fixture
async def books(owner: Database, database: Database) -> Books:
    return await Books.open(owner, database, cards=2)


async def card(owner: Database, token: int) -> Any:
    """A card as the registry has it."""
    return await owner.run(lambda c: find_card(c, token))


async def add(owner: Database, token: int, status: CardStatus) -> None:
    """Add a card that has a status from the beginning."""
    await owner.run(lambda c: import_cards(c, TESTER, 1, [CardRow(token, "0001", status=status)]))


async def test_a_duplicate_inherits_everything_and_waits(owner: Database, books: Books) -> None:
    """Account, balance and last day go over; until the hand-over the old plastic works (F12)."""
    await owner.run(
        lambda c: write_registry(c, "update registry.card set expires_on = '2031-05-31' where token = 1000")
    )
    await books.post(books.earn(1, 250))
    done = await owner.run(lambda c: replace_card(c, TESTER, 1000, 5000, "0099"))
    assert tuple(done) == (2, READY, ACTIVE)
    old, new = await card(owner, 1000), await card(owner, 5000)
    assert (new["expires_on"], new["last4"]) == (date(2031, 5, 31), "0099")
    assert (new["account"], new["programme"], new["issue"]) == (old["account"], old["programme"], 2)
    assert await owner.run(lambda c: hand_over_card(c, TESTER, 5000)) == 1
    assert ((await card(owner, 1000))["status"], (await card(owner, 5000))["status"]) == (REPLACED, ACTIVE)
    assert await books.balance() == 250


@pytest.mark.parametrize("renewed", [1000, 5000])
async def test_a_renewal_is_of_the_duplicate_that_waits_too(
    owner: Database, books: Books, renewed: int
) -> None:
    """Żywiec 3: whichever of the two is named, the old plastic works as long, and the hand-over loses no day.

    A carrier of another kind keeps its own.
    """
    day, later = date(2031, 5, 31), date(2033, 5, 31)
    sql = "update registry.card set expires_on = '2031-05-31' where token in (1000, 1001)"
    await owner.run(lambda c: write_registry(c, sql))
    await owner.run(lambda c: add_carrier(c, TESTER, 1000, New(4000, "0001", Carrier.QR)))
    await owner.run(lambda c: replace_card(c, TESTER, 1000, 5000, "0099"))
    await owner.run(lambda c: renew_card(c, TESTER, renewed, later))
    days = [(await card(owner, token))["expires_on"] for token in (1000, 5000, 4000, 1001)]
    assert days == [later, later, day, day]
    await owner.run(lambda c: hand_over_card(c, TESTER, 5000, expires_on=day))
    assert (await card(owner, 5000))["expires_on"] == later


async def test_the_first_day_of_a_card_is_its_duplicates_too(owner: Database, books: Books) -> None:
    """Handed over while its duplicate waits, it is valid until a day; the duplicate inherits that, no term of
    its own.
    """
    day, later = date(2031, 5, 31), date(2033, 5, 31)
    await add(owner, 3000, READY)
    await owner.run(lambda c: set_card_status(c, TESTER, 3000, BLOCKED))
    await owner.run(lambda c: replace_card(c, TESTER, 3000, 5000, "0099"))
    await owner.run(lambda c: set_card_status(c, TESTER, 3000, ACTIVE))
    await owner.run(lambda c: hand_over_card(c, TESTER, 3000, expires_on=day))
    await owner.run(lambda c: hand_over_card(c, TESTER, 5000, expires_on=later))
    assert [(await card(owner, token))["expires_on"] for token in (3000, 5000)] == [day, day]


async def test_a_loss_while_a_duplicate_waits_kills_the_plastic(owner: Database, books: Books) -> None:
    """The duplicate that waits is named, for it is the newest; what the holder lost is dead at once."""
    await owner.run(lambda c: replace_card(c, TESTER, 1000, 5000, "0099"))
    await owner.run(lambda c: replace_card(c, TESTER, 5000, 5001, "0098", lost=True))
    statuses = [(await card(owner, token))["status"] for token in (1000, 5000, 5001)]
    assert statuses == [REPLACED, REPLACED, READY]


@pytest.mark.parametrize(
    ("how", "old_status", "new_status"),
    [({"lost": True}, REPLACED, READY), ({"handed_over": True}, REPLACED, ACTIVE)],
)
async def test_a_lost_plastic_is_dead_at_once(
    owner: Database, books: Books, how: dict[str, bool], old_status: int, new_status: int
) -> None:
    """Lost or stolen: the old plastic dies now; handed over now: both change places in one step."""
    await owner.run(lambda c: replace_card(c, TESTER, 1000, 5000, "0099", **how))
    assert (await card(owner, 1000))["status"] == old_status
    assert (await card(owner, 5000))["status"] == new_status


@pytest.mark.parametrize(
    ("status", "why"),
    [
        (REPLACED, "replaced already"),
        (CLOSED, "closed"),
        (RESIGNED, "resigned"),
        (VOID, "void"),
        (WANTED, "to be retained"),
    ],
)
async def test_what_gets_no_duplicate(owner: Database, books: Books, status: CardStatus, why: str) -> None:
    """An ended or wanted card has none; nor one that is unknown, or whose new number is taken."""
    await add(owner, 3000, status)
    with pytest.raises(RegistryRefused, match=why):
        await owner.run(lambda c: replace_card(c, TESTER, 3000, 5000, "0099"))
    with pytest.raises(NotInRegistry):
        await owner.run(lambda c: replace_card(c, TESTER, 9, 5000, "0099"))
    with pytest.raises(RegistryRefused, match="in use"):
        await owner.run(lambda c: replace_card(c, TESTER, 1001, 1000, "0000"))
    assert await card(owner, 5000) is None


async def test_a_duplicate_of_a_duplicate_ends_them_all(owner: Database, books: Books) -> None:
    """A duplicate lost before its hand-over dies at once.

    Handing the next one over ends every older plastic.
    """
    await owner.run(lambda c: replace_card(c, TESTER, 1000, 5000, "0099"))
    with pytest.raises(RegistryRefused, match="made already"):
        await owner.run(lambda c: replace_card(c, TESTER, 1000, 5001, "0098"))
    assert (await owner.run(lambda c: replace_card(c, TESTER, 5000, 5001, "0098"))).old_status is REPLACED
    assert (await card(owner, 1000))["status"] == ACTIVE
    assert await owner.run(lambda c: hand_over_card(c, TESTER, 5001)) == 1
    statuses = [(await card(owner, token))["status"] for token in (1000, 5000, 5001)]
    assert statuses == [REPLACED, REPLACED, ACTIVE]
    with pytest.raises(RegistryRefused, match="active cannot be made active"):
        await owner.run(lambda c: hand_over_card(c, TESTER, 5001))


async def test_a_block_lifted_gives_back_what_was(owner: Database, books: Books) -> None:
    """A card blocked before its hand-over waits again after the block: it does not become active by it."""
    rows = [CardRow(2000, "0001", status=READY), CardRow(2001, "0002", status=BLOCKED)]
    await owner.run(lambda c: import_cards(c, TESTER, 1, rows))
    for status in (BLOCKED, WANTED, BLOCKED):
        await owner.run(lambda c, s=status: set_card_status(c, TESTER, 2000, s))
    assert await owner.run(lambda c: set_card_status(c, TESTER, 2000, ACTIVE)) is READY
    assert await owner.run(lambda c: set_card_status(c, TESTER, 2001, ACTIVE)) is ACTIVE
    with pytest.raises(NotInRegistry):
        await owner.run(lambda c: set_card_status(c, TESTER, 4, BLOCKED))


@pytest.mark.parametrize("stops", [16, 17, 40])
async def test_what_a_card_was_outlives_any_number_of_stops(
    owner: Database, books: Books, stops: int
) -> None:
    """Of sixteen changes that are kept the one before the first stop is one: nothing is handed over by it."""
    await owner.run(lambda c: import_cards(c, TESTER, 1, [CardRow(2000, "0001", status=READY)]))
    for n in range(stops):
        await owner.run(lambda c, s=(BLOCKED, WANTED)[n % 2]: set_card_status(c, TESTER, 2000, s))
    assert len((await card(owner, 2000))["past"]) == 16
    assert await owner.run(lambda c: set_card_status(c, TESTER, 2000, ACTIVE)) is READY


async def test_a_wanted_card_stays_dead_beside_its_duplicate(owner: Database, books: Books) -> None:
    """What was to be retained when its duplicate was handed over is not taken up again, not even once that
    one is stopped or lost, whoever writes.
    """
    await owner.run(lambda c: replace_card(c, TESTER, 1000, 5000, "0099"))
    await owner.run(lambda c: set_card_status(c, TESTER, 1000, WANTED))
    await owner.run(lambda c: hand_over_card(c, TESTER, 5000))
    await owner.run(lambda c: set_card_status(c, TESTER, 5000, BLOCKED))
    with pytest.raises(RegistryRefused, match="a newer card was handed over"):
        await owner.run(lambda c: set_card_status(c, TESTER, 1000, ACTIVE))
    await owner.run(lambda c: replace_card(c, TESTER, 5000, 5001, "0098", lost=True))
    with pytest.raises(RegistryRefused, match="a newer card was handed over"):
        await owner.run(lambda c: set_card_status(c, TESTER, 1000, ACTIVE))
    sql = "update registry.card set status = 0 where token = 1000"
    with pytest.raises(StatementRefused, match="a newer card of this kind was handed over"):
        await owner.run(lambda c: write_registry(c, sql))
    assert (await card(owner, 1000))["status"] == WANTED


async def test_an_older_duplicate_is_not_handed_over(owner: Database, books: Books) -> None:
    """One that was wanted when a newer one was handed over waits for ever."""
    await owner.run(lambda c: replace_card(c, TESTER, 1000, 5000, "0099"))
    for status in (BLOCKED, WANTED):
        await owner.run(lambda c, s=status: set_card_status(c, TESTER, 5000, s))
    await owner.run(lambda c: set_card_status(c, TESTER, 5000, BLOCKED))
    await owner.run(lambda c: replace_card(c, TESTER, 5000, 5001, "0098"))
    await owner.run(lambda c: set_card_status(c, TESTER, 5000, WANTED))
    await owner.run(lambda c: hand_over_card(c, TESTER, 5001))
    await owner.run(lambda c: set_card_status(c, TESTER, 5001, BLOCKED))
    assert await owner.run(lambda c: set_card_status(c, TESTER, 5000, ACTIVE)) is READY
    with pytest.raises(RegistryRefused, match="a newer card was handed over"):
        await owner.run(lambda c: hand_over_card(c, TESTER, 5000))


async def test_a_card_whose_place_was_taken_holds_no_other(owner: Database, books: Books) -> None:
    """The organiser stops a wanted one again after its duplicate was handed over: that one is replaced as
    ever, and the stop of one that works holds the next.
    """
    organiser = Actor("maria", "seen again", hand=Hand.ORGANISER)
    await owner.run(lambda c: replace_card(c, TESTER, 1000, 5000, "0099"))
    await owner.run(lambda c: set_card_status(c, TESTER, 1000, WANTED))
    await owner.run(lambda c: hand_over_card(c, TESTER, 5000))
    await owner.run(lambda c: set_card_status(c, organiser, 1000, WANTED))
    await owner.run(lambda c: replace_card(c, TESTER, 5000, 5001, "0098"))
    await owner.run(lambda c: hand_over_card(c, TESTER, 5001))
    assert (await card(owner, 5001))["status"] == ACTIVE
    await owner.run(lambda c: replace_card(c, TESTER, 5001, 5002, "0097"))
    await owner.run(lambda c: set_card_status(c, organiser, 5001, BLOCKED))
    with pytest.raises(RegistryRefused, match="the organiser stopped this card"):
        await owner.run(lambda c: hand_over_card(c, TESTER, 5002))
