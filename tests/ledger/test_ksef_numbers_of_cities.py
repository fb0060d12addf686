"""A KSeF number is of one invoice among all programmes of an installation; each meets its own alone."""

from typing import TypeVar

import pytest

from ledger.errors import LedgerError, RegistryRefused
from ledger.postgres.database import Connection, Database, Job
from ledger.registry.audit import Actor
from ledger.registry.invoice_billings import say_elsewhere, withdraw_elsewhere
from ledger.registry.invoice_deliveries import record_number, record_sent
from ledger.registry.invoice_parties import set_seller
from ledger.registry.invoices import Order, find_document, issue, unsent
from ledger.registry.partners import NewPartner, import_partners
from ledger.registry.programme_roles import make_role, role_name
from ledger.registry.programmes import add_programme
from tests.days import today
from tests.ledger.books import PARTNER, PROGRAMME, TESTER, found_registry
from tests.ops.statements import SELLER, ksef_number

T = TypeVar("T")
OTHER_CITY, ITS_PARTNER = 2, 8
WHY = Actor("anna", "before this office")
FOREIGN = "an invoice of another programme"


async def issued(c: Connection, programme: int, partner: int) -> str:
    order = Order(programme, partner, "2026-10", "CZ/1", "invoice", 100, 0, SELLER.nip)
    return (await issue(c, TESTER, order, lambda n, _: n.text.encode()))[0].text


@pytest.fixture
async def ours(owner: Database) -> str:
    """The number of a document of one of two cities that have one taxpayer's NIP."""

    async def found(c: Connection) -> str:
        await found_registry(c, 1)
        await add_programme(c, TESTER, programme=OTHER_CITY, code="zywiec", name="Zywiec")
        await import_partners(c, TESTER, OTHER_CITY, [NewPartner(ITS_PARTNER, "Kino")])
        for programme in (PROGRAMME, OTHER_CITY):
            await set_seller(c, TESTER, programme, SELLER)
        await make_role(c, PROGRAMME)
        return await issued(c, PROGRAMME, PARTNER)

    return await owner.run(found)


def as_the_city(job: Job[T]) -> Job[T]:
    """Do it with the rights of the first city's role."""

    async def lent(c: Connection) -> T:
        async with c.transaction():
            await c.execute(f"set local role {role_name(PROGRAMME)}")
            return await job(c)

    return lent


async def theirs(c: Connection, *, is_issued: bool) -> None:
    """An invoice of the other city has the number: one that it issued, or one from elsewhere."""
    if is_issued:
        await record_sent(c, TESTER, await issued(c, OTHER_CITY, ITS_PARTNER), "file", ksef_number())
    else:
        await say_elsewhere(c, WHY, ITS_PARTNER, "2026-05", ("FV/5", today(), ksef_number()))


@pytest.mark.parametrize("is_issued", [True, False])
async def test_a_number_that_another_city_s_invoice_has_is_kept_as_told(
    owner: Database, ours: str, is_issued: bool
) -> None:
    """The document counts as sent and holds up no other; the city is not told which invoice that is."""
    await owner.run(lambda c: theirs(c, is_issued=is_issued))
    why = await owner.run(as_the_city(lambda c: record_sent(c, TESTER, ours, "ksef", ksef_number())))
    assert FOREIGN in str(why)
    found, _ = await owner.run(lambda c: find_document(c, ours))
    assert (found.ksef_number, found.told_number) == ("", ksef_number())
    assert await owner.run(as_the_city(lambda c: unsent(c, PROGRAMME))) == []


@pytest.mark.parametrize("is_issued", [True, False])
async def test_nor_does_a_person_note_it(owner: Database, ours: str, is_issued: bool) -> None:
    """Of a document of ours or of one from elsewhere: refused in words, until it is nobody's any more."""
    await owner.run(lambda c: theirs(c, is_issued=is_issued))
    said = ("FV/6", today(), ksef_number())
    elsewhere = as_the_city(lambda c: say_elsewhere(c, WHY, PARTNER, "2026-06", said))
    number = as_the_city(lambda c: record_number(c, TESTER, ours, ksef_number()))
    await owner.run(as_the_city(lambda c: record_sent(c, TESTER, ours, "file", "")))
    for job in (elsewhere, number):
        with pytest.raises(RegistryRefused, match=FOREIGN):
            await owner.run(job)
    if not is_issued:
        await owner.run(lambda c: withdraw_elsewhere(c, WHY, ITS_PARTNER, "2026-05"))
        await owner.run(number)


async def test_who_is_no_programme_asks_for_no_number(database: Database) -> None:
    """The yes or no is for who issues invoices: the service is told nothing."""
    ask = "select registry.is_ksef_number_known_v1('x', null, null, null)"
    with pytest.raises(LedgerError, match="permission denied"):
        await database.run(lambda c: c.fetchval(ask))
