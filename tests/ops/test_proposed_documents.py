"""Which documents a proposal has: so many at once, told apart from what can be issued beside them."""

from collections.abc import Mapping
from contextlib import nullcontext

import pytest
from msgspec import to_builtins
from msgspec.json import decode

from ledger.errors import LedgerError
from ledger.postgres.database import Database
from ledger.registry import proposals
from ledger.registry.bounds import INT32_MAX
from ledger.registry.invoices import DIGEST_CHARACTERS, Kind, Order, ToIssue
from ledger.registry.partner_contracts import Details, set_details
from ledger.registry.proposals import TERMS_BYTES_MAX
from ops.invoices import document_desk
from ops.invoices.document_desk import AT_ONCE, ISSUE, Left, terms_of
from ops.office.offer_desk import DRAFTS_MAX
from ops.office.offer_publishing import PUBLISH, Terms
from tests.days import today
from tests.ops.statements import SELLER
from tests.ops.test_document_desk import another_seller, desk_of, numbers
from tests.ops.test_second_person import ANNA, CITY, JAN, PARTNER, city, last_month

GROSZE_MAX = 10**15
"""Above whatever a statement holds."""


@pytest.mark.parametrize("beyond", [0, 1])
async def test_the_database_takes_terms_up_to_their_bound(owner: Database, beyond: int) -> None:
    """And no byte more: what acts are held to is what holds."""
    await city(owner, "month_documents", is_needed=True)
    terms = {"x": "a" * (TERMS_BYTES_MAX - len('{"x": ""}') + beyond)}
    what: tuple[proposals.Act, str] = (ISSUE, last_month())
    with pytest.raises(LedgerError, match="terms") if beyond else nullcontext():
        await owner.run(lambda c: proposals.propose(c, ANNA, CITY, what, terms))


def many_documents() -> Mapping[str, object]:
    """More documents than are proposed at once, over the largest sums."""
    kinds: list[Kind] = ["invoice", "note"] * AT_ONCE
    orders = [Order(CITY, PARTNER, last_month(), "x", kind, -GROSZE_MAX, 0, SELLER.nip) for kind in kinds]
    ready = [ToIssue(order, lambda *_: b"x") for order in orders]
    return terms_of(Left(len(orders), ready, ["f" * DIGEST_CHARACTERS] * len(orders), []))


def many_offers() -> Mapping[str, object]:
    """As many offers as are published at once, of the longest numbers."""
    stands = f"{INT32_MAX}:1:{'f' * 64}"
    offers = {99_999_999 - n: stands for n in range(DRAFTS_MAX)}
    terms: dict[str, object] = to_builtins(Terms(today(), urgent=False, offers=offers), str_keys=True)
    return terms


@pytest.mark.parametrize(("act", "terms"), [(ISSUE, many_documents()), (PUBLISH, many_offers())])
async def test_the_largest_proposals_have_room(
    owner: Database, act: proposals.Act, terms: Mapping[str, object]
) -> None:
    """Whatever is proposed at once is kept as it is."""
    await city(owner, "month_documents", is_needed=True)
    number = await owner.run(lambda c: proposals.propose(c, ANNA, CITY, (act, "x"), terms))
    assert decode((await owner.run(lambda c: proposals.find(c, number)))["terms"]) == terms


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
