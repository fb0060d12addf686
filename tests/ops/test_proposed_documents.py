"""Which documents a proposal has: so many at once, told apart from what can be issued beside them."""

import pytest

from ledger.postgres.database import Database
from ledger.registry.partner_contracts import Details, set_details
from ops.invoices import document_desk
from tests.ops.test_document_desk import another_seller, desk_of, numbers
from tests.ops.test_second_person import ANNA, JAN, PARTNER, last_month


async def test_what_becomes_ready_meanwhile_is_told_apart(owner: Database) -> None:
    """What waits to be approved is what was proposed, whatever else can be issued since."""
    desk = await desk_of(owner, address="", others=1)
    number = await desk.propose(ANNA, last_month())
    await owner.run(lambda c: set_details(c, ANNA, PARTNER, Details("Another", "", "Rynek 1")))
    view = await desk.show(last_month())
    partners = [[each.order.partner for each in view.ready(is_proposed=is_so)] for is_so in (True, False)]
    assert partners == [[PARTNER + 1], [PARTNER]]
    assert not view.is_changed
    await another_seller(owner)
    view = await desk.show(last_month())
    assert (view.is_changed, view.ready(is_proposed=True)) == (True, []), "nothing is as it was proposed"
    await desk.refuse(JAN, number)
    view = await desk.show(last_month())
    assert [len(view.ready(is_proposed=is_so)) for is_so in (True, False)] == [0, 2]


async def test_more_than_is_proposed_at_once_waits_for_the_next(
    owner: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One write holds so many documents at most; the others are proposed after it."""
    monkeypatch.setattr(document_desk, "AT_ONCE", 1)
    desk = await desk_of(owner, others=1)
    for issued in ([1], [1, 2]):
        await desk.approve(JAN, await desk.propose(ANNA, last_month()))
        assert await numbers(owner) == issued
