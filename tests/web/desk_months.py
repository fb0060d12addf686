"""What the tests of a desk's months share: which months they are, what is owed for one, and its documents.

Owns the steps that are the same wherever a month is closed. Must not know who clicks.
"""

from datetime import date, timedelta
from functools import partial

import pytest
from playwright.sync_api import Locator, Page, expect

from ledger.postgres.database import Connection
from ledger.registry.audit import Actor
from ledger.registry.invoice_billings import say_elsewhere, withdraw_elsewhere
from ledger.registry.invoice_parties import set_seller
from ledger.settlement.closing import correct
from ops.settlement.prices import prices_of
from ops.web.desk import document_pages
from tests.days import today
from tests.ops.statements import SELLER, ksef_number
from tests.web.office_stage import TESTER, OfficeStage

SETTLED = 3
"""The programme whose months are settled."""
EARLIER = "2020-05"
"""A month that an invoice from elsewhere billed."""


def month_before(day: date) -> str:
    return f"{day.replace(day=1) - timedelta(days=1):%Y-%m}"


def this_month() -> str:
    return f"{today():%Y-%m}"


def last_month() -> str:
    return month_before(today())


def first_month() -> str:
    """The one before the last."""
    return month_before(date.fromisoformat(f"{last_month()}-01"))


def fault(page: Page) -> str:
    return page.locator("#fault").inner_text()


def newest(page: Page) -> Locator:
    """The form of what was proposed last, of all that waits: other tests may have left something."""
    return page.locator(".steps form").last


def approve(page: Page) -> None:
    """Approve what was proposed last."""
    newest(page).locator("input[name=sure]").check()
    newest(page).locator("button[value=approve]").click()


def owes(office: OfficeStage, partner: int, month: str, net_grosze: int = 700, origin: str = "") -> None:
    """Let a partner owe something for a month, or for an earlier one."""
    pair = Actor("one", "x", second="other")

    async def job(c: Connection) -> None:
        prices = await prices_of(c, SETTLED)
        await correct(c, pair, partner, month, net_grosze, prices=prices, origin=origin)

    office.run(lambda owner: owner.run(job))


def billed_before(office: OfficeStage, partner: int) -> None:
    """Name the invoice from elsewhere of `EARLIER`."""
    said, reason = ("FV/5/2020", date(2020, 6, 2), ""), TESTER._replace(reason="before this office")
    office.run(lambda owner: owner.run(lambda c: say_elsewhere(c, reason, partner, EARLIER, said)))


def owes_of_before(office: OfficeStage, partner: int) -> None:
    """Let a partner owe less of `EARLIER`, whose invoice was named by mistake and is taken back since."""
    billed_before(office, partner)
    owes(office, partner, last_month(), -100, EARLIER)
    reason = TESTER._replace(reason="another partner's")
    office.run(lambda owner: owner.run(lambda c: withdraw_elsewhere(c, reason, partner, EARLIER)))


def the_documents(office: OfficeStage, page: Page) -> None:
    """What the closed month asks for: proposed, approved (the rules want one person here), sent, numbered."""
    office.run(lambda owner: owner.run(lambda c: set_seller(c, TESTER, SETTLED, SELLER)))
    page.goto(f"{office.url}en/desk/months/{first_month()}")
    page.click("#month_documents")
    assert "To be issued: 1." in page.locator("#state").inner_text()
    expect(page.locator("#ready")).to_contain_text("PLN 15.38")
    page.fill("#reason_propose", "month end")
    page.click("#act_propose")
    assert "PLN 12.50" in newest(page).inner_text()
    page.goto(f"{office.url}en/desk/months/{first_month()}/documents")
    assert "waits to be approved" in page.locator("#documents_wait").inner_text()
    page.goto(f"{office.url}en/desk/months")
    approve(page)
    page.goto(f"{office.url}en/desk/months/{first_month()}/documents")
    invoice = page.get_by_role("row").filter(has_text="F/ZGIERZ/")
    expect(invoice).to_contain_text("PLN 15.38")
    page.click("#act_send")
    expect(page.locator("#act_send")).to_have_count(0)
    assert len(list((office.directory / "invoices" / "zgierz").glob("F-ZGIERZ-*.xml"))) == 1
    page.fill("#ksef_number", "none")
    page.click("#act_number")
    assert "KSeF number is like" in fault(page)
    page.fill("#ksef_number", ksef_number())
    page.click("#act_number")
    expect(invoice).to_contain_text(ksef_number())
    page.fill("#reason_outside", "KSeF was away")
    page.click("#act_outside")
    expect(invoice).to_contain_text("outside KSeF")


def what_changed_meanwhile(office: OfficeStage, page: Page, partner: int) -> None:
    """Beside the last month's invoice its correction becomes ready once that is proposed: told apart, and
    in no list longer than a page. What is not as it was proposed is not issued.
    """
    documents = f"{office.url}en/desk/months/{last_month()}/documents"
    page.goto(documents)
    assert "To be issued: 2." in page.locator("#state").inner_text()
    page.click("#act_propose")
    billed_before(office, partner)
    newest(page).get_by_role("link", name=last_month()).click()
    assert "waits to be approved" in page.locator("#documents_wait").inner_text()
    expect(page.locator("#proposed tbody tr")).to_have_count(1)
    expect(page.locator("#proposed")).to_contain_text("PLN 17.22")
    expect(page.locator("#ready tbody tr")).to_have_count(1)
    expect(page.locator("#ready")).to_contain_text(EARLIER)

    terms_of = partial(set_seller, actor=TESTER, programme=SETTLED)
    office.run(lambda owner: owner.run(partial(terms_of, seller=SELLER._replace(due_days=7))))
    page.goto(f"{office.url}en/desk/months")
    approve(page)
    assert "not what was proposed any more" in fault(page)
    page.goto(documents)
    assert "have changed since" in page.locator("#documents_wait").inner_text()
    expect(page.locator("#proposed")).to_have_count(0)
    office.run(lambda owner: owner.run(partial(terms_of, seller=SELLER)))
    page.goto(f"{office.url}en/desk/months")
    newest(page).locator("button[value=refuse]").click()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(document_pages, "PAGE", 1)
        page.goto(documents)
        expect(page.locator("#ready tbody tr")).to_have_count(1)
        page.click("#more_ready")
        expect(page.locator("#ready tbody tr")).to_have_count(1)
        expect(page.locator("#ready")).to_contain_text(EARLIER)
        expect(page.locator("#more_ready")).to_have_count(0)
    page.click("#act_propose")
    approve(page)
    page.goto(documents)
    assert "All is issued" in page.locator("#state").inner_text()
