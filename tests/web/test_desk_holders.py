"""The desk's page of a holder in a real browser: who acts for the holder; anonymising by two persons."""

import pytest
from playwright.sync_api import Page, expect

from ledger.postgres.database import Database
from ledger.registry.logins import login_of_account, renew_login
from ops.web.desk.site import WORDS
from ops.web.identity.passwords import Passwords
from ops.web.identity.secrets import Keys
from tests.days import today
from tests.web.browser import whole
from tests.web.desk_acts import Clicked, by_menu, covers
from tests.web.office_stage import PASSWORD, TESTER, Client, OfficeStage

HOLDER = "/desk/holders/{account:int}"


@pytest.fixture(scope="module")
def clients(office: OfficeStage) -> dict[str, Client]:
    """Two clerks of Zgierz, who have signed in."""
    for name in ("cyd", "dan"):
        office.officer(3, f"{name}-clerk", "clerk")
    return {name: office.signed_in("zgierz", f"{name}-clerk") for name in ("cyd", "dan")}


def fault(page: Page) -> str:
    return page.locator("#fault").inner_text()


def add(page: Page, name: str, role: str, until: str = "") -> None:
    page.select_option("#rep_role", role)
    page.fill("#rep_name", name)
    page.fill("#rep_phone", "600 700 800")
    page.fill("#rep_until", until)
    page.fill("#reason_represent", "a paper that was signed here")
    page.click("#act_represent")


@covers(f"GET {HOLDER}", f"POST {HOLDER} represent", f"POST {HOLDER} end", f"POST {HOLDER}/code")
def test_who_acts_for_a_holder_is_added_given_a_code_and_ended(
    office: OfficeStage, desk: Clicked, clients: dict[str, Client]
) -> None:
    """A guardian and a proxy: the code, shown once, makes a login act; at the end it acts no more."""
    page = desk.browser_of(clients["cyd"])
    account = office.accounts["ola3"]
    page.goto(f"{office.url}en/desk/holders/{account}")
    add(page, "Jan Kowal", "proxy", "2020-01-01")
    assert "until is past" in fault(page)
    add(page, "Jan Kowal", "proxy", f"{today().year + 1}-01-31")
    add(page, "Ewa Kowal", "guardian")
    add(page, "Ewa Kowal", "guardian")
    assert "acts for the holder already" in fault(page)
    shown = page.locator(".representative")
    expect(shown).to_have_count(2)
    assert f"Jan Kowal (proxy, until 31 Jan {today().year + 1})" in shown.first.inner_text()
    shown.first.locator("form[action$=code] input[name=reason]").fill("identity card seen")
    shown.first.get_by_role("button", name="Give out a code").click()
    code = page.locator("#code").inner_text()
    page.goto(f"{office.url}en/desk/holders/{account}")
    assert code not in page.content(), "it is shown once"
    assert "a code is out" in shown.first.inner_text()
    ela = office.signed_in("zgierz", "ela")
    ela.get("/en/me/family")
    assert ela.post("/en/me/family/code", code=code).status in (200, 303)
    page.reload()
    assert "acts by a login" in shown.first.inner_text()
    expect(shown.first.get_by_role("button", name="Give out a code")).to_have_count(0)
    kept = office.sql("select 1 from web.acting_for where account = $1 and login is not null", account)
    assert len(kept) == 1
    for left in (1, 0):
        shown.first.locator("[id^=reason_end_]").fill("it was taken back")
        shown.first.get_by_role("button", name="End").click()
        expect(shown).to_have_count(left)
    assert office.sql("select 1 from web.acting_for where account = $1", account) == []
    said = str(office.sql("select * from registry.audit where programme = 3"))
    assert "Kowal" not in said
    assert code not in said


@covers(f"POST {HOLDER}/login")
def test_a_forgotten_login_is_set_anew_with_a_code_of_the_desk(
    office: OfficeStage, desk: Clicked, clients: dict[str, Client]
) -> None:
    """Shown once; name and password are others then, and whoever was in by the old ones is out. Who gave the
    code out, and why, is in the trail, and the holder is told of both.
    """
    page, account = desk.browser_of(clients["cyd"]), office.accounts["ola3"]
    was = office.signed_in("zgierz", "ola")
    page.goto(f"{office.url}en/desk/holders/{account}")
    page.fill("#reason_login_code", "identity card seen")
    page.click("#act_login_code")
    code = page.locator("#login_code").inner_text()
    page.goto(f"{office.url}en/desk/holders/{account}")
    assert code not in page.content(), "it is shown once"
    holder, other = office.client(), "Niebieski rower 10"
    holder.get("/en/register")
    said = {"programme": "zgierz", "code": code, "last4": office.last4["ola3"], "login": "ola-anew"}
    for wrong in ({"login": "ala"}, {"last4": "xxxx"}):  # somebody's name, another card
        assert holder.post("/en/register", **{**said, **wrong}, password=other, again=other).status == 403
    assert was.get("/en/me").status == 200
    assert holder.post("/en/register", **said, password=other, again=other).status == 303
    assert "/login" in was.get("/en/me").header("location")
    office.forget_attempts()
    assert office.client().sign_in("zgierz", "ola").status == 403
    assert office.client().sign_in("zgierz", "ola-anew", other).status == 303
    assert holder.post("/en/register", **said, password=other, again=other).status == 403, "it works once"
    (trail,) = office.sql("select reason from registry.audit where object = 'login' order by id desc limit 1")
    assert trail["reason"] == "a login anew by an activation code"
    (given,) = office.sql(
        "select actor, reason from registry.audit where object = 'login_code' and key = $1", str(account)
    )
    assert (given["actor"][:9], given["reason"]) == ("Cyd-Clerk", "identity card seen")
    told = office.sql("select kind from registry.outbox where account = $1 order by number", account)
    assert [row["kind"] for row in told][-2:] == ["login.code_given", "login.renewed"]
    give_back(office, account)


def test_no_code_is_given_out_without_a_reason(office: OfficeStage, clients: dict[str, Client]) -> None:
    """A holder's and a representative's: 409, and there is no code, no row of the trail, no notice."""
    client, account = clients["dan"], office.accounts["ala3"]
    path = f"/en/desk/holders/{account}"
    client.get(path)
    added = client.post(
        path, act="represent", role="guardian", name="Ewa Kowal", phone="600100200", reason="a paper"
    )
    assert added.status == 303
    number = office.sql("select max(number) n from people.representative where account = $1", account)[0]["n"]
    for reason in ("", " "):
        assert client.post(f"{path}/login", reason=reason).status == 409
        assert client.post(f"{path}/code", reason=reason, number=str(number)).status == 409
    for text in (
        "select 1 from web.code where account = $1",
        "select 1 from web.acting_for where account = $1",
        "select 1 from registry.audit where object = 'login_code' and key = $1::bigint::text",
        "select 1 from registry.outbox where kind = 'login.code_given' and account = $1",
    ):
        assert office.sql(text, account) == [], text
    assert client.post(path, act="end", number=str(number), reason="it was taken back").status == 303


def give_back(office: OfficeStage, account: int) -> None:
    """Let the login be what other tests know it by."""

    async def job(_owner: Database) -> None:
        site = office.offices[3]
        row = await site.database.run(lambda c: login_of_account(c, account))
        key = Keys(office.master).name_key(3, "ola")
        hashed = await Passwords().hash(PASSWORD)
        await site.database.run(lambda c: renew_login(c, TESTER, row["id"], key, hashed))

    office.run(job)


def test_wrong_input_of_representatives_is_an_answer(office: OfficeStage, clients: dict[str, Client]) -> None:
    """A role, a number, a name, a day that cannot be, no reason: 400, 404 or 409, and nobody is added."""
    client, path = clients["dan"], f"/en/desk/holders/{office.accounts['ala3']}"
    client.get(path)
    good = {"act": "represent", "role": "proxy", "name": "Qxy", "reason": "x"}
    for wrong in (
        {"role": "king"},
        {"name": ""},
        {"name": "a\x00b"},
        {"until": "2026-13-01"},
        {"reason": ""},
    ):
        assert client.post(path, **{**good, **wrong}).status in (400, 409), wrong
    for number in ("", "0", "-1", "100", "9999999999", "99999999999999", "x", "7"):
        assert client.post(path, act="end", number=number, reason="x").status in (400, 404, 409), number
        assert client.post(f"{path}/code", number=number).status in (400, 404, 409), number
    assert "Qxy" not in client.get(path).text


@covers(
    f"POST {HOLDER} propose_erasure", f"POST {HOLDER} refuse_erasure", "GET /desk/holders",
    by_second=(f"POST {HOLDER} approve_erasure",),
)  # fmt: skip
def test_a_holder_is_anonymised_by_two_persons(
    office: OfficeStage, desk: Clicked, clients: dict[str, Client]
) -> None:
    """Proposed with a warning, refused, proposed anew; not approved by who proposed; then nobody is known."""
    cyd, dan = (desk.browser_of(clients[name]) for name in ("cyd", "dan"))
    name = "Zofia Znikająca"
    account = office.sql(
        "select account from people.person where programme = 3 and account <> all($1::bigint[]) "
        "order by account limit 1",
        list(office.accounts.values()),
    )[0]["account"]
    cyd.goto(f"{office.url}en/desk/holders/{account}")
    cyd.fill("#name", name)
    cyd.click("#act_change")
    for reason in ("asked by letter", "asked by letter again"):
        assert "cannot be taken back" in cyd.locator("section[aria-labelledby=h_erasure]").inner_text()
        cyd.fill("#reason_propose_erasure", reason)
        cyd.click("#act_propose_erasure")
        if reason == "asked by letter":
            cyd.click("#act_refuse_erasure")
    cyd.check("#sure_erasure")
    cyd.click("#act_approve_erasure")
    assert "another person" in fault(cyd)
    assert cyd.locator("#name").input_value() == name, "nothing is gone"
    by_menu(office, dan, "/desk/holders")
    dan.locator("section[aria-labelledby=h_erasures] a").last.click()
    dan.check("#sure_erasure")
    dan.click("#act_approve_erasure")
    expect(whole(dan).locator("#erasure")).to_have_count(0)
    assert name not in dan.content()
    assert office.sql("select 1 from people.person where account = $1", account) == []
    assert office.sql("select 1 from people.key where account = $1", account) == []
    rows = office.sql("select state from registry.proposal where subject = $1 order by number", str(account))
    assert [row["state"] for row in rows] == [3, 2]
    trail = office.sql("select actor from registry.audit where second like 'Cyd%' and object = 'holder'")
    assert {row["actor"][:3] for row in trail} == {"Dan"}


def test_both_languages_say_the_same() -> None:
    """Each word of the desk is there in Polish and English, and in both with the same places to fill."""
    for key, (polish, english) in WORDS.items():
        assert polish, key
        assert english, key
        assert polish.count("{") == english.count("{"), key


def test_a_refused_answer_leaves_the_message_waiting(office: OfficeStage, clients: dict[str, Client]) -> None:
    """Nothing is read by an answer that nobody got (Zgierz § 19, no. 8)."""
    account, holder = office.accounts["ela3"], office.signed_in("zgierz", "ela")
    holder.get("/en/me/messages")
    assert holder.post("/en/me/messages", text="Kiedy odbiór?").status == 303
    path, waits = f"/en/desk/holders/{account}", f"/desk/holders/{account}"
    clerk = clients["dan"]
    clerk.get(path)
    assert clerk.post(path, act="write", text="   ").status == 409
    assert waits in clerk.get("/en/desk/holders").text
    assert clerk.post(path, act="write", text="Jutro.").status == 303
    assert waits not in clerk.get("/en/desk/holders").text
