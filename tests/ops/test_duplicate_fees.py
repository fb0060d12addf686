"""What a duplicate wants (Żywiec § 3): a fee, owed once it is handed over and never of one that is not; its
payment; and the old card, or a signed declaration, at the hand-over.
"""

from datetime import date, timedelta
from functools import partial

import pytest

from ledger.errors import LedgerError, RegistryRefused
from ledger.postgres.database import Connection, Database
from ledger.registry.audit import Wanted, list_audit, writing
from ledger.registry.card_fees import Fee, PaidHow, record_paid
from ledger.registry.card_states import Hand
from ledger.registry.cards import the_card
from ledger.registry.duplicates import hand_over_card, replace_card
from ledger.registry.erasures import anonymise
from ledger.settlement.closing import compute
from ops.office.applications import ApplicationDesk
from ops.office.forms import Form
from ops.office.holder_file import HolderFile
from ops.settlement.prices import prices_of
from tests.days import today
from tests.ledger.books import write_registry
from tests.ops.test_applications import ADULT, ANNA, FILES, ZYWIEC, found, granted, number_of, with_
from tests.switch.memory import MASTER_KEY

CITY = 2
CZESTOCHOWA = (FILES / "czestochowa.toml").read_text(encoding="utf-8")


def card(n: int) -> str:
    return number_of("96161", n)


async def fees(owner: Database) -> int:
    """What the month's summary has of fees by now."""

    async def job(c: Connection) -> int:
        month = f"{today():%Y-%m}"
        settled = await compute(c, CITY, month, await prices_of(c, CITY))
        return settled.summary.duplicate_fees_grosze

    return await owner.run(job)


async def ready(
    owner: Database, form: Form, rules: str = ZYWIEC, city: int = CITY
) -> tuple[ApplicationDesk, int]:
    """A duplicate that lies ready, of a card that was handed over; the number of its application."""
    prefix = {CITY: "96161", 1: "96160"}[city]
    desk = await found(owner, city, rules)
    first = await granted(desk, "first", ADULT)
    await desk.ready(ANNA, first, number_of(prefix, 0))
    await desk.hand_over(ANNA, first)
    account = (await desk.show(first)).row["account"]
    asked = await granted(desk, "duplicate", form, account)
    await desk.ready(ANNA, asked, number_of(prefix, 10))
    return desk, asked


async def test_a_fee_is_owed_once_the_duplicate_is_handed_over(owner: Database) -> None:
    """Not when it lies ready; not of one whose application was withdrawn; and each once."""
    desk = await found(owner, CITY, ZYWIEC)
    first = await granted(desk, "first", ADULT)
    await desk.ready(ANNA, first, card(0))
    await desk.hand_over(ANNA, first)
    account = (await desk.show(first)).row["account"]
    withdrawn = await granted(desk, "duplicate", Form(why="fault", lost=True), account)
    await desk.ready(ANNA, withdrawn, card(10))
    assert await fees(owner) == 0
    await desk.withdraw(ANNA, withdrawn, "person")
    assert await fees(owner) == 0
    asked = await granted(desk, "duplicate", Form(why="fault"), account)
    await desk.ready(ANNA, asked, card(11))
    assert await fees(owner) == 0
    await desk.hand_over(ANNA, asked, "returned")
    assert await fees(owner) == 1_000


async def test_a_fee_is_owed_of_what_is_handed_over_at_once(owner: Database) -> None:
    """And neither sum nor moment changes from then on, whoever tries."""
    desk = await found(owner, CITY, ZYWIEC)
    first = await granted(desk, "first", ADULT)
    await desk.ready(ANNA, first, card(0))
    await desk.hand_over(ANNA, first)
    old, new = (MASTER_KEY.pepper(CITY).token(card(n)) for n in (0, 9))
    asked = partial(replace_card, actor=ANNA, old_token=old, new_token=new, last4=card(9)[-4:])
    handed_over = partial(asked, handed_over=True, fee=Fee("fault", 1_000, old_card_needed=True))
    with pytest.raises(RegistryRefused, match="for the old card, or for a signed declaration"):
        await owner.run(handed_over)
    with pytest.raises(RegistryRefused, match="returned when the duplicate is handed over"):
        await owner.run(partial(asked, old_card="returned"))
    await owner.run(partial(handed_over, old_card="declared"))
    assert await fees(owner) == 1_000
    for change in ("grosze = 0", "owed_at = null", "owed_at = now()", "old_card = ''"):
        sql = f"update registry.card_fee set {change}"
        with pytest.raises(LedgerError, match="stays"):
            await owner.run(partial(write_registry, sql=sql))


@pytest.mark.parametrize("form", [Form(why="fault", lost=True), Form(why="changed-data")])
async def test_zywiec_3_no_duplicate_without_the_old_card_or_a_declaration(
    owner: Database, form: Form
) -> None:
    """Whatever hands it over, lost or not: nothing is written without; then the trail has which there was."""
    desk, asked = await ready(owner, form)
    view = await desk.show(asked)
    kept = await desk.fee(view)
    assert kept is not None
    assert (kept.old_card_needed, kept.old_card) == (True, "")
    with pytest.raises(RegistryRefused, match="for the old card, or for a signed declaration"):
        await desk.hand_over(ANNA, asked)
    token = MASTER_KEY.pepper(CITY).token(card(10))
    with pytest.raises(RegistryRefused, match="for the old card, or for a signed declaration"):
        await owner.run(lambda c: hand_over_card(c, ANNA, token))
    with pytest.raises(LedgerError, match="old_card_first"):
        await owner.run(partial(write_registry, sql="update registry.card_fee set owed_at = now()"))
    assert (await desk.show(asked)).row["state"] == "ready"
    await desk.hand_over(ANNA, asked, "declared")
    kept = await desk.fee(await desk.show(asked))
    assert kept is not None
    assert kept.old_card == "declared"
    rows = await owner.run(lambda c: list_audit(c, Wanted(object="card_fee")))
    assert any('"old_card": "declared"' in str(row["after"]) for row in rows if row["actor"] == ANNA.name)


async def test_where_the_rules_are_silent_the_old_card_may_be_told(owner: Database) -> None:
    """Częstochowa and Zgierz want none; a first card takes no other's place."""
    desk, asked = await ready(owner, Form(), CZESTOCHOWA, 1)
    await desk.hand_over(ANNA, asked)
    another = await granted(desk, "first", with_(ADULT, name="Jan", pesel="", born_on=date(1980, 1, 1)))
    await desk.ready(ANNA, another, number_of("96160", 1))
    with pytest.raises(RegistryRefused, match="takes the place of no other"):
        await desk.hand_over(ANNA, another, "returned")


async def paid_in(owner: Database, month: str) -> int:
    async def job(c: Connection) -> int:
        settled = await compute(c, CITY, month, await prices_of(c, CITY))
        return settled.summary.duplicate_fees_paid_grosze

    return await owner.run(job)


def this_month() -> str:
    return f"{today():%Y-%m}"


def last_month() -> str:
    return f"{today().replace(day=1) - timedelta(days=1):%Y-%m}"


async def payments(owner: Database) -> list[tuple[str, int, str]]:
    """What was taken down of payments, in its order: how, grosze, by whom."""
    sql = "select how, grosze, made_by from registry.card_fee_payment order by number"
    return [tuple(row) for row in await owner.run(lambda c: c.fetch(sql))]


async def test_the_payment_of_a_fee_is_taken_down(owner: Database) -> None:
    """When, by whom and how; anew with a reason, which the trail has; in the summary of that month."""
    desk, asked = await ready(owner, Form(why="fault"))
    assert await paid_in(owner, this_month()) == 0
    kept = await desk.paid(ANNA, asked, "cash")
    assert (kept.paid_how, kept.paid_by) == ("cash", ANNA.name)
    assert await paid_in(owner, this_month()) == 1_000
    bare = ANNA._replace(name="Jan", reason="")
    assert await desk.paid(bare, asked, "cash") == kept
    with pytest.raises(RegistryRefused, match="replaced with a reason"):
        await desk.paid(bare, asked, "card")
    await desk.hand_over(ANNA, asked, "returned")
    why = bare._replace(reason="by card, not cash")
    assert (await desk.paid(why, asked, "card")).paid_by == "Jan"
    assert await paid_in(owner, this_month()) == 1_000
    assert (await desk.paid(why, asked, None)).paid_at is None
    assert await paid_in(owner, this_month()) == 0
    assert await payments(owner) == [
        ("cash", 1_000, ANNA.name),
        ("cash", -1_000, "Jan"),
        ("card", 1_000, "Jan"),
        ("card", -1_000, "Jan"),
    ]
    rows = await owner.run(lambda c: list_audit(c, Wanted(object="card_fee_payment", actor="Jan")))
    assert {row["reason"] for row in rows} == {why.reason}


async def moved_to_last_month(owner: Database) -> None:
    """All that was taken down so far was so a month ago: the database is told so past its own rule."""
    for sql in (
        "alter table registry.card_fee_payment disable trigger payment_stays",
        "update registry.card_fee_payment set at = date_trunc('month', at) - interval '9 days'",
        "alter table registry.card_fee_payment enable trigger payment_stays",
    ):
        await owner.run(partial(write_registry, sql=sql))


@pytest.mark.parametrize("how", ["card", None])
async def test_a_closed_month_keeps_what_was_paid_in_it(owner: Database, how: PaidHow | None) -> None:
    """Said to be by card, it is no new money; given back, it is taken off the month it is given back in."""
    desk, asked = await ready(owner, Form(why="fault"))
    await desk.paid(ANNA, asked, "cash")
    await moved_to_last_month(owner)
    assert (await paid_in(owner, last_month()), await paid_in(owner, this_month())) == (1_000, 0)
    await desk.paid(ANNA._replace(reason="it was otherwise"), asked, how)
    assert await paid_in(owner, last_month()) == 1_000
    assert await paid_in(owner, this_month()) == (0 if how else -1_000)
    origins = await owner.run(lambda c: c.fetch(f"select how from {PAYMENT} where number in ({ORIGINS})"))
    assert [row["how"] for row in origins] == ["cash"]


PAYMENT = "registry.card_fee_payment"
ORIGINS = f"select takes_back from {PAYMENT}"
PAY = f"insert into {PAYMENT} (fee, how, grosze) select number, 'cash', %d from registry.card_fee"
TAKE_BACK = (
    f"insert into {PAYMENT} (fee, how, grosze, takes_back) select fee, '%s', %d, number from {PAYMENT}"
)


async def test_the_database_holds_what_payments_are(owner: Database) -> None:
    """Whole and once, and whole taken back, with a reason and once; no row changes or goes."""

    async def refused(sql: str, match: str = "whole and once") -> None:
        with pytest.raises(LedgerError, match=match):
            await owner.run(partial(write_registry, sql=sql))

    await ready(owner, Form(why="fault"))
    await refused(PAY % 999)
    await owner.run(partial(write_registry, sql=PAY % 1_000))
    await refused(PAY % 1_000)
    await refused(TAKE_BACK % ("cash", -999))
    await refused(TAKE_BACK % ("card", -1_000))
    await refused(f"update {PAYMENT} set how = 'card'", "UPDATE")
    await refused(f"delete from {PAYMENT}", "DELETE")
    await refused(TAKE_BACK % ("cash", -1_000), "check")

    async def taken_back(c: Connection) -> None:
        async with writing(c, ANNA._replace(reason="given back")):
            await c.execute(TAKE_BACK % ("cash", -1_000))

    await owner.run(taken_back)
    await refused(TAKE_BACK % ("cash", -1_000))
    assert [row[1] for row in await payments(owner)] == [1_000, -1_000]


async def test_what_was_paid_is_given_back_before_a_duplicate_is_given_up(owner: Database) -> None:
    """Withdrawn, or replaced before it was handed over; nothing is paid for it from then on."""
    desk, asked = await ready(owner, Form(why="fault"))
    await desk.paid(ANNA, asked, "cash")
    old, new = (MASTER_KEY.pepper(CITY).token(card(n)) for n in (10, 11))
    again = partial(replace_card, actor=ANNA, old_token=old, new_token=new, last4=card(11)[-4:])
    with pytest.raises(RegistryRefused, match="give it back first"):
        await desk.withdraw(ANNA, asked, "person")
    assert (await desk.show(asked)).row["state"] == "ready"
    with pytest.raises(RegistryRefused, match="give it back first"):
        await owner.run(again)
    assert (await desk.paid(ANNA._replace(reason="given back"), asked, None)).paid_how == ""
    await desk.withdraw(ANNA, asked, "person")
    with pytest.raises(RegistryRefused, match="not handed over any more"):
        await desk.paid(ANNA, asked, "cash")
    await owner.run(again)
    ended = await owner.run(lambda c: the_card(c, old))
    with pytest.raises(RegistryRefused, match="not handed over any more"):
        await owner.run(lambda c: record_paid(c, ANNA, ended, "cash"))
    assert await paid_in(owner, this_month()) == 0


async def test_what_costs_nothing_is_not_paid(owner: Database) -> None:
    """Nor is what has no card yet."""
    desk, asked = await ready(owner, Form(why="changed-data"))
    with pytest.raises(RegistryRefused, match="costs its holder nothing"):
        await desk.paid(ANNA, asked, "cash")
    await desk.withdraw(ANNA, asked, "person")
    account = (await desk.show(asked)).row["account"]
    waiting = await granted(desk, "duplicate", Form(why="fault"), account)
    with pytest.raises(RegistryRefused, match="there is no card yet"):
        await desk.paid(ANNA, waiting, "cash")


async def test_what_was_paid_is_given_back_whoever_is_erased(owner: Database) -> None:
    """An office gives it back before it erases; whoever deletes the account on line is not kept from it, and
    the payment is found by the account, given back once, and in the books.
    """
    desk, asked = await ready(owner, Form(why="fault"))
    await desk.paid(ANNA, asked, "cash")
    view = await desk.show(asked)
    account, vault = view.row["account"], MASTER_KEY.vault
    token = MASTER_KEY.pepper(CITY).token(card(0))
    for hand in (Hand.DESK, Hand.HOLDER_DESK):
        with pytest.raises(RegistryRefused, match="give it back first"):
            await owner.run(lambda c, h=hand: anonymise(c, ANNA._replace(hand=h), vault, token))
    file = HolderFile(owner, MASTER_KEY, CITY)
    assert await file.fees_to_give_back() == [], "it may be handed over still"
    await owner.run(lambda c: anonymise(c, ANNA._replace(hand=Hand.HOLDER_ONLINE), vault, token))
    (row,) = await file.fees_to_give_back()
    assert (row["account"], row["grosze"], row["how"]) == (account, 1_000, "cash")
    why = ANNA._replace(reason="given back by post")
    with pytest.raises(RegistryRefused, match="nothing of this"):
        await file.give_back(why, account, row["payment"] + 1)
    await file.give_back(why, account, row["payment"])
    assert await file.fees_to_give_back() == []
    with pytest.raises(RegistryRefused, match="nothing of this"):
        await file.give_back(why, account, row["payment"])
    paid = "select sum(grosze) from registry.card_fee_payment"
    assert await owner.run(lambda c: c.fetchval(paid)) == 0
