"""The fee of a duplicate: owed once it is handed over, and never of one that is not (Żywiec § 3)."""

from functools import partial

import pytest

from ledger.errors import LedgerError
from ledger.postgres.database import Connection, Database
from ledger.registry.duplicates import Fee, replace_card
from ledger.settlement.closing import compute
from ops.office.forms import Form
from ops.settlement.prices import prices_of
from tests.days import today
from tests.ledger.books import write_registry
from tests.ops.test_applications import ADULT, ANNA, ZYWIEC, found, granted, number_of
from tests.switch.memory import MASTER_KEY

CITY = 2


def card(n: int) -> str:
    return number_of("96161", n)


async def fees(owner: Database) -> int:
    """What the month's summary has of fees by now."""

    async def job(c: Connection) -> int:
        month = f"{today():%Y-%m}"
        settled = await compute(c, CITY, month, await prices_of(c, CITY, month))
        return settled.summary.duplicate_fees_grosze

    return await owner.run(job)


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
    await desk.withdraw(ANNA, withdrawn)
    assert await fees(owner) == 0
    asked = await granted(desk, "duplicate", Form(why="fault"), account)
    await desk.ready(ANNA, asked, card(11))
    assert await fees(owner) == 0
    await desk.hand_over(ANNA, asked)
    assert await fees(owner) == 1_000


async def test_a_fee_is_owed_of_what_is_handed_over_at_once(owner: Database) -> None:
    """And neither sum nor moment changes from then on, whoever tries."""
    desk = await found(owner, CITY, ZYWIEC)
    first = await granted(desk, "first", ADULT)
    await desk.ready(ANNA, first, card(0))
    await desk.hand_over(ANNA, first)
    old, new = (MASTER_KEY.pepper(CITY).token(card(n)) for n in (0, 9))
    fee = Fee("fault", 1_000)
    await owner.run(lambda c: replace_card(c, ANNA, old, new, card(9)[-4:], handed_over=True, fee=fee))
    assert await fees(owner) == 1_000
    for change in ("grosze = 0", "owed_at = null", "owed_at = now()"):
        sql = f"update registry.card_fee set {change}"
        with pytest.raises(LedgerError, match="stays"):
            await owner.run(partial(write_registry, sql=sql))
