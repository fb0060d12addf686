"""What the tests of a desk's months share: which months they are, what is owed for one, and its documents.

Owns the steps that are the same wherever a month is closed. Must not know who clicks.
"""

from datetime import date, timedelta

from playwright.sync_api import Locator, Page, expect

from ledger.registry.audit import Actor
from ledger.registry.invoice_parties import set_seller
from ledger.settlement.closing import correct
from tests.days import today
from tests.ops.statements import SELLER, ksef_number
from tests.web.office_stage import TESTER, OfficeStage

SETTLED = 3
"""The programme whose months are settled."""


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


def owes(office: OfficeStage, partner: int, month: str) -> None:
    """Let a partner owe something for a month."""
    pair = Actor("one", "x", second="other")
    office.run(lambda owner: owner.run(lambda c: correct(c, pair, partner, month, 700)))


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
