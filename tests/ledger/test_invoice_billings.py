"""Which invoice billed a month: a number of KSeF is of one invoice, and a correction of its own alone."""

import pytest

from ledger.errors import LedgerError, NotInRegistry, RegistryRefused
from ledger.postgres.database import Database
from ledger.registry.audit import Actor, Wanted, list_audit
from ledger.registry.invoice_billings import billing_of, say_elsewhere, withdraw_elsewhere
from ledger.registry.invoice_deliveries import record_number, record_sent
from ledger.registry.invoice_parties import set_seller
from ledger.registry.invoices import Issued, Order, issue
from ledger.registry.ksef_numbers import check_sum
from ledger.registry.partners import NewPartner, import_partners
from tests.days import today
from tests.ledger.books import PARTNER, PROGRAMME, TESTER, found_registry, write_registry
from tests.ops.statements import SELLER, ksef_number

OTHER = PARTNER + 1
WHY = Actor("anna", "before this office")


@pytest.fixture
async def city(owner: Database) -> Database:
    """A programme that invoices two partners."""
    await owner.run(lambda c: found_registry(c, 1))
    await owner.run(lambda c: import_partners(c, TESTER, PROGRAMME, [NewPartner(OTHER, "Kino")]))
    await owner.run(lambda c: set_seller(c, TESTER, PROGRAMME, SELLER))
    return owner


async def issued(city: Database, month: str, partner: int = PARTNER, takes_from: str = "") -> Issued:
    kind, net = ("correction", -10) if takes_from else ("invoice", 100)
    order = Order(
        *(PROGRAMME, partner, month, f"CZ/{month}/{partner}", kind, net, 0, SELLER.nip),
        *(takes_from, takes_from),
    )._replace(net_of={23: net})
    document, _ = await city.run(lambda c: issue(c, TESTER, order, lambda n, _: n.text.encode()))
    return document


async def sent(city: Database, document: Issued, number: str = "") -> None:
    await city.run(lambda c: record_sent(c, TESTER, document.text, "file", number))


async def say(city: Database, month: str, text: str, number: str = "", partner: int = PARTNER) -> None:
    said = (text, today(), number)
    await city.run(lambda c: say_elsewhere(c, WHY, partner, month, said))


async def test_a_ksef_number_is_of_one_invoice_ours_or_from_elsewhere(city: Database) -> None:
    """Whichever is told first, by its own command."""
    ours, number = await issued(city, "2026-10"), ksef_number()
    await sent(city, ours)
    await say(city, "2026-05", "FV/5", number)
    await say(city, "2026-05", "FV/5a", number)
    with pytest.raises(RegistryRefused, match="is that of FV/5a"):
        await city.run(lambda c: record_number(c, TESTER, ours.text, number))
    with pytest.raises(RegistryRefused, match="is that of FV/5a"):
        await say(city, "2026-06", "FV/6", number)
    await city.run(lambda c: withdraw_elsewhere(c, WHY, PARTNER, "2026-05"))
    await city.run(lambda c: record_number(c, TESTER, ours.text, number))
    with pytest.raises(RegistryRefused, match=f"is that of {ours.text}"):
        await say(city, "2026-06", "FV/6", number)


ANOTHER = """insert into registry.invoice_elsewhere (programme, partner, month, text, issued_on, ksef_number)
  values (1, 7, '2026-06', 'FV/6', '2026-06-02', '{number}')"""


@pytest.mark.parametrize(
    ("is_ours", "sql"),
    [
        (False, "update registry.invoice_delivery set ksef_number = '{number}'"),
        (False, ANOTHER),
        (True, ANOTHER),
    ],
)
async def test_the_database_knows_a_ksef_number_once(city: Database, is_ours: bool, sql: str) -> None:
    """Whatever program writes, and in whichever of the two places it stands already."""
    await sent(city, await issued(city, "2026-10"), ksef_number() if is_ours else "")
    if not is_ours:
        await say(city, "2026-05", "FV/5", ksef_number())
    with pytest.raises(LedgerError):
        await city.run(lambda c: write_registry(c, sql.format(number=ksef_number())))


async def test_what_carries_an_invoice_is_a_correction_of_it_and_no_namesake_s(city: Database) -> None:
    """Two invoices from elsewhere, and ours, may show the same number: each has its own corrections."""
    ours = await issued(city, "2026-10")
    await sent(city, ours, ksef_number())
    for partner, text in ((PARTNER, "FV/1"), (OTHER, "FV/1")):
        await say(city, "2026-05", text, partner=partner)
    await say(city, "2026-06", ours.text, partner=OTHER)
    await issued(city, "2026-11", OTHER, "2026-05")
    await issued(city, "2026-11", OTHER, "2026-06")
    await say(city, "2026-05", "FV/2")
    await city.run(lambda c: withdraw_elsewhere(c, WHY, PARTNER, "2026-05"))
    later = f"{ksef_number()[:19]}-0200001AF629"
    await city.run(lambda c: record_number(c, WHY, ours.text, later + "-" + check_sum(later)))
    billing = await city.run(lambda c: billing_of(c, PROGRAMME, PARTNER, "2026-10"))
    assert billing is not None
    assert billing.left_of == {23: 100}, "another partner's correction takes nothing off"


async def test_an_invoice_from_elsewhere_is_withdrawn_until_a_correction_is_of_it(city: Database) -> None:
    """With a reason, which the trail has; its month is invoiced here then, or named anew. What we issued
    ourselves is none, whatever was withdrawn of its month before.
    """
    with pytest.raises(NotInRegistry, match="2026-05"):
        await city.run(lambda c: withdraw_elsewhere(c, WHY, PARTNER, "2026-05"))
    await say(city, "2026-05", "FV/5")
    with pytest.raises(RegistryRefused, match="reason"):
        await city.run(lambda c: withdraw_elsewhere(c, Actor("anna"), PARTNER, "2026-05"))
    assert await city.run(lambda c: withdraw_elsewhere(c, WHY, PARTNER, "2026-05")) == "FV/5"
    with pytest.raises(NotInRegistry):
        await city.run(lambda c: withdraw_elsewhere(c, WHY, PARTNER, "2026-05"))
    rows = await city.run(lambda c: list_audit(c, Wanted(object="invoice_elsewhere")))
    assert (rows[0]["actor"], rows[0]["reason"]) == ("anna", WHY.reason)
    assert await city.run(lambda c: billing_of(c, PROGRAMME, PARTNER, "2026-05")) is None
    await say(city, "2026-04", "FV/4")
    await issued(city, "2026-05")
    await issued(city, "2026-06", takes_from="2026-04")
    with pytest.raises(RegistryRefused, match="is of FV/4, as it was told then"):
        await city.run(lambda c: withdraw_elsewhere(c, WHY, PARTNER, "2026-04"))

    with pytest.raises(NotInRegistry, match="2026-05"):
        await city.run(lambda c: withdraw_elsewhere(c, WHY, PARTNER, "2026-05"))

    by_hand = "update registry.invoice_elsewhere set withdrawn = true where month = '2026-04'"
    with pytest.raises(LedgerError, match="as it is known to KSeF"):
        await city.run(lambda c: write_registry(c, by_hand))
