"""Partners of the office's site, each with a login and a statement; the first has an invoice and a note."""

from ledger.registry.invoice_billings import Billing
from ledger.registry.invoice_parties import Seller, set_seller
from ledger.registry.invoices import Numbered, Order, issue
from ops.invoices.drafts import drafts_of
from ops.invoices.fa3 import Parties
from ops.invoices.notes import write_note
from ops.web.identity.making import make_login
from ops.web.identity.passwords import Passwords
from tests.ledger.books import TESTER, write_registry
from tests.ledger.settled import STATEMENT
from tests.ops.statements import rebate
from tests.ops.statements import statement as rebated
from tests.web.office_stage import CITIES, PASSWORD, OfficeStage


def make_partners(office: OfficeStage) -> dict[str, int]:
    """Make two partners of Zgierz and one of Częstochowa, with logins and a statement each; the first has
    an invoice and a note.
    """
    points, benefits = CITIES
    bakery, cinema, pool = benefits.partner_id(0), benefits.partner_id(1), points.partner_id(0)
    found = {"baker": bakery, "cinema": cinema, "pool": pool}

    async def make(_owner: object) -> None:
        for name, partner in found.items():
            office_of = office.offices[1 if name == "pool" else 3]
            await make_login(
                office_of, Passwords(), TESTER, "partner", name, password=PASSWORD, shown=name.title(),
                partner=partner,
            )  # fmt: skip

    office.run(make)
    for name, partner in found.items():
        programme = 1 if name == "pool" else 3
        document = STATEMENT.format(programme=programme, partner=partner).replace("2026-09", "2033-09")
        sql = (
            "insert into registry.statement (programme, month, partner, number, due_grosze, document) "
            "values ($1, '2033-09', $2, $3, 123, $4)"
        )
        number = f"{name}/2033/09"
        office.run(
            lambda o, s=sql, a=(programme, partner, number, document): o.run(
                lambda c: write_registry(c, s, *a)
            )
        )
    office.run(lambda o: o.run(lambda c: set_seller(c, TESTER, 3, Seller("8982145677", "Gmina", "Rynek 1"))))
    order = Order(3, found["baker"], "2033-09", "baker/2033/09", "invoice", 100, 23, "8982145677")
    office.run(lambda o: o.run(lambda c: issue(c, TESTER, order, lambda *_: b"<faktura/>")))
    of = rebated(rebate(1_250), partner=found["baker"], month="2033-09", partner_name="=Piekarnia")
    noted = order._replace(kind="note", net_grosze=1_250, vat_grosze=0)

    def write(numbered: Numbered, _: Billing | None) -> bytes:
        return write_note(of, drafts_of(of)[0], Parties(Seller("8982145677", "Gmina", "Rynek 1")), numbered)

    office.run(lambda o: o.run(lambda c: issue(c, TESTER, noted, write)))
    return found
