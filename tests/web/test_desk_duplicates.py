"""A duplicate at the desk in a real browser: for the old card, its fee taken down as paid (Żywiec § 3)."""

import re
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from ledger.registry.card_fees import Fee
from ops import written
from ops.office import granting
from ops.office.applications import ApplicationDesk
from ops.office.forms import Form
from tests.web.desk_acts import Clicked, by_menu, covers
from tests.web.desk_counter import CITY, PROGRAMME, press, state
from tests.web.desk_counter import number as card
from tests.web.office_stage import PASSWORD, TESTER, OfficeStage
from tests.web.shown_forms import form_on, send

ONE = "/desk/applications/{number:int}"
WHOSE = "/desk/holders/{account:int}"
WANTED = Fee("fault", 1_000, old_card_needed=True)
"""As Żywiec wants it, of which the stage has no office."""


@pytest.fixture(scope="module")
def application(office: OfficeStage) -> int:
    """The application for a duplicate at the holder's fault, whose card lies ready."""
    return lies_ready(office, office.accounts["ola3"], 500)


def lies_ready(office: OfficeStage, account: int, n: int) -> int:
    """Let a duplicate of an account's card lie ready, for a fee; return the number of its application."""
    desk = ApplicationDesk(office.offices[PROGRAMME].database, office.master, PROGRAMME)

    async def job(_owner: object) -> int:
        number = await desk.take(TESTER, "duplicate", "desk", Form(why="fault", pickup="1"), account=account)
        await desk.verify(TESTER, number)
        await desk.grant(TESTER._replace(name="another tester"), number)
        await desk.ready(TESTER, number, card(n))
        return number

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(granting, "fee_of", lambda *_: WANTED)
        return office.run(job)


def paid_at(office: OfficeStage, number: int) -> datetime | None:
    """When the fee of an application's duplicate was paid, as it is kept."""
    desk = ApplicationDesk(office.offices[PROGRAMME].database, office.master, PROGRAMME)

    async def job(_owner: object) -> datetime | None:
        kept = await desk.fee(await desk.show(number))
        return kept and kept.paid_at

    return office.run(job)


def test_no_payment_is_taken_down_on_a_page_that_shows_an_older_one(
    office: OfficeStage, application: int
) -> None:
    """Given back by another meanwhile, it is not booked anew: the page says so, and shows what stands."""
    office.officer(PROGRAMME, "till-one", "clerk", desk="")
    office.officer(PROGRAMME, "till-two", "clerk", desk="")
    one, two = (office.signed_in(CITY, login) for login in ("till-one", "till-two"))
    path = f"/en/desk/applications/{application}"
    unpaid = form_on(one.get(path).text, path, "paid")
    assert send(two, form_on(two.get(path).text, path, "paid").typed(how="cash")).status == 303
    refused = [send(one, unpaid.typed(how="cash"))]
    stale = form_on(one.get(path).text, path, "paid")
    back = form_on(two.get(path).text, path, "paid").typed(how="", reason="given back")
    assert send(two, back).status == 303
    for seen in (stale.text("seen"), "", "payment:0123456789abcdef"):
        refused.append(send(one, stale.typed(how="transfer", reason="it was otherwise", seen=seen)))
    assert {reply.status for reply in refused} == {409}
    assert all("changed since you opened it: nothing was saved" in reply.text for reply in refused)
    assert "PLN 10.00, not paid" in refused[-1].text
    sums = "select grosze from registry.card_fee_payment order by number"
    assert [row["grosze"] for row in office.sql(sums)] == [1_000, -1_000]


@covers(f"POST {ONE} paid")
def test_a_duplicate_is_paid_and_handed_over_for_the_old_card(
    office: OfficeStage, desk: Clicked, application: int
) -> None:
    """The page says what is wanted, then when, how and by whom; without a word of the old card: refused."""
    office.officer(PROGRAMME, "till", "clerk")
    client = office.signed_in(CITY, "till")
    page, path = desk.browser_of(client), f"en/desk/applications/{application}"
    page.goto(f"{office.url}{path}")
    fee = page.locator("#fee")
    assert fee.inner_text() == "PLN 10.00, not paid"
    page.select_option("#how", "cash")
    press(page, "paid")
    moment = written.moment(paid_at(office, application), "en", ZoneInfo("Europe/Warsaw"))
    assert fee.inner_text().startswith(f"PLN 10.00, paid (cash) {moment}, taken by ")
    client.get(f"/{path}")
    kept = client.post(f"/{path}", act="paid", how="transfer", reason="x" * 201)
    assert (kept.status, '<option value="transfer" selected>' in kept.text) == (409, True)
    assert re.search(r'id="reason_paid" name="reason" value="x{201}"[^>]* aria-invalid="true"', kept.text)
    assert "give it back first" in client.post(f"/{path}", act="withdraw", told="person").text
    page.select_option("#how", "card")
    press(page, "paid", reason="it was by card")
    assert "paid (by payment card)" in fee.inner_text()
    assert "returned, or declared" in page.locator("#old").inner_text()
    client.get(f"/{path}")
    refused = client.post(f"/{path}", act="collect")
    assert (refused.status, "signed declaration" in refused.text) == (409, True)
    assert client.post(f"/{path}", act="collect", old_card="lost").status == 400
    in_polish = f"/{path.replace('en/', 'pl/', 1)}"
    client.get(in_polish)
    assert "dotychczasow" in client.post(in_polish, act="collect").text
    page.select_option("#old_card", "declared")
    press(page, "collect")
    assert state(page) == "collected"
    assert page.locator("#old").inner_text() == "declared with a signature that it cannot be returned"
    assert page.locator("#act_paid").count() == 1, "a fee may be paid later"


@covers(f"POST {WHOSE} give_back")
def test_the_fee_of_who_deleted_the_account_is_given_back(office: OfficeStage, desk: Clicked) -> None:
    """The holder's pages erase whoever asks; the desk finds the payment by the account, and takes it down."""
    account = office.new_member("paid-and-gone", CITY)
    number = lies_ready(office, account, 501)
    office.officer(PROGRAMME, "cashier", "clerk")
    client = office.signed_in(CITY, "cashier")
    path = f"/en/desk/applications/{number}"
    client.get(path)
    assert client.post(path, act="paid", how="cash").status == 303
    member = office.signed_in(CITY, "paid-and-gone")
    member.get("/en/me/end")
    gone = member.post("/en/me/end", what="delete", understood="yes", password=PASSWORD)
    assert gone.status == 200
    assert client.get(path).status == 404
    page = desk.browser_of(client)
    by_menu(office, page, "/desk/holders")
    page.locator("section[aria-labelledby=h_fees] a").click()
    assert "PLN 10.00, paid (cash)" in page.locator("section[aria-labelledby=h_fees]").inner_text()
    page.fill("section[aria-labelledby=h_fees] input[name=reason]", "given back in cash")
    page.click("section[aria-labelledby=h_fees] button")
    assert page.locator("#h_fees").count() == 0
    paid = (
        "select sum(p.grosze) from registry.card_fee_payment p join registry.card_fee f on f.number = p.fee "
        "where f.account = $1"
    )
    assert office.sql(paid, account)[0][0] == 0
