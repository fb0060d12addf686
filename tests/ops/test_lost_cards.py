"""A card that is lost or stolen is dead at once (programmes, Żywiec § 3): it is blocked in the write in which
its duplicate is asked for, by the hand of whoever asks.
"""

from ledger.postgres.database import Database
from ledger.registry.audit import Actor, Wanted, list_audit
from ledger.registry.card_states import CardStatus, Hand
from ledger.registry.cards import find_card, set_card_status
from ops.office.applications import ApplicationDesk
from ops.office.forms import Form
from tests.ops.test_applications import ADULT, ANNA, ZYWIEC, found, granted
from tests.ops.test_duplicate_fees import CITY, card
from tests.switch.memory import MASTER_KEY

HOLDER = Actor("holder 1", hand=Hand.HOLDER_ONLINE)
TOKEN = MASTER_KEY.pepper(CITY).token(card(0))


async def active(owner: Database) -> tuple[ApplicationDesk, int]:
    """A card that was handed over; its account."""
    desk = await found(owner, CITY, ZYWIEC)
    first = await granted(desk, "first", ADULT)
    await desk.ready(ANNA, first, card(0))
    await desk.hand_over(ANNA, first)
    return desk, (await desk.show(first)).row["account"]


async def status(owner: Database) -> CardStatus:
    """What the card is."""
    row = await owner.run(lambda c: find_card(c, TOKEN))
    assert row is not None
    return CardStatus(row["status"])


async def test_what_is_lost_is_blocked_as_its_duplicate_is_asked_for(owner: Database) -> None:
    """At a desk as by post: at once, and the trail says by which hand; the duplicate comes as ever."""
    desk, account = await active(owner)
    asked = await granted(desk, "duplicate", Form(why="fault", lost=True), account)
    assert await status(owner) is CardStatus.BLOCKED
    row = (await owner.run(lambda c: list_audit(c, Wanted("card"))))[0]
    assert (row["actor"], row["hand"]) == (ANNA.name, "desk")
    assert row["reason"]
    await desk.ready(ANNA, asked, card(10))
    assert await status(owner) is CardStatus.REPLACED
    assert await desk.hand_over(ANNA, asked, "declared") == card(10)[-4:]


async def test_what_turns_out_to_be_lost_is_blocked_then(owner: Database) -> None:
    """The box is ticked later; ticked again it blocks nothing that the office took up in between; a duplicate
    for another cause leaves the card as it is.
    """
    desk, account = await active(owner)
    number = await desk.take(ANNA, "duplicate", "desk", Form(why="fault"), account=account)
    assert await status(owner) is CardStatus.ACTIVE
    await desk.change(ANNA, number, Form(why="fault", lost=True))
    assert await status(owner) is CardStatus.BLOCKED
    await owner.run(lambda c: set_card_status(c, ANNA, TOKEN, CardStatus.ACTIVE))
    await desk.change(ANNA, number, Form(why="no-fault", lost=True))
    assert await status(owner) is CardStatus.ACTIVE


async def test_what_is_to_be_retained_stays_so(owner: Database) -> None:
    """A loss gives back nothing that the organiser wanted; what is blocked is blocked by the asker, too."""
    desk, account = await active(owner)
    await owner.run(lambda c: set_card_status(c, ANNA, TOKEN, CardStatus.WANTED))
    number = await desk.take(HOLDER, "duplicate", "web", Form(why="fault", lost=True), account=account)
    assert await status(owner) is CardStatus.WANTED
    await desk.withdraw(ANNA, number, "telephone")
    await owner.run(lambda c: set_card_status(c, ANNA, TOKEN, CardStatus.BLOCKED))
    await desk.take(ANNA, "duplicate", "desk", Form(why="fault", lost=True), account=account)
    assert await status(owner) is CardStatus.BLOCKED
