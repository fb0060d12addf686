"""A renewal by proof of tax: what it would not prolong is refused as it is asked for, not when granted."""

import pytest

from ledger.errors import RegistryRefused
from ledger.postgres.database import Database
from ops.office.forms import Form
from tests.days import today
from tests.ops.test_applications import ADULT, ANNA, ZGIERZ, found, granted, number_of, with_


async def test_a_proof_that_renews_nothing_is_not_taken_down(owner: Database) -> None:
    """Zgierz § 20: neither with an application nor put into one anew; without a year it may still come."""
    desk, proved = await found(owner, 3, ZGIERZ), today().year - 1
    first = await granted(desk, "first", with_(ADULT, tax_year=proved))
    await desk.ready(ANNA, first, number_of("96162", 0))
    await desk.hand_over(ANNA, first)
    account = (await desk.show(first)).row["account"]
    with pytest.raises(RegistryRefused, match="renews nothing"):
        await desk.take(ANNA, "renewal", "web", Form(tax_year=proved), account=account)
    waiting = await desk.take(ANNA, "renewal", "desk", Form(), account=account)
    with pytest.raises(RegistryRefused, match="renews nothing"):
        await desk.change(ANNA, waiting, Form(tax_year=proved))
    form = (await desk.show(waiting)).form
    assert form is not None
    assert form.tax_year is None
