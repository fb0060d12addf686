"""A login of who has no card: made by a code for somebody's card, it acts for that one and nobody else."""

import re
from collections.abc import Iterator
from datetime import date
from itertools import count

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, expect

from ledger.registry.card_states import CardStatus
from ledger.registry.cards import CardRow, import_cards
from ops.office.applications import ApplicationDesk
from ops.web.holder.acting import WHO_MAY
from ops.web.holder.words import HOLDER
from ops.web.holder.words_apply import APPLY
from ops.web.holder.words_family import FAMILY
from ops.web.identity.words import IDENTITY
from ops.web.language import LANGUAGES
from tests.ops.test_applications import number_of
from tests.ops.uploads import png
from tests.web.browser import Visit, whole
from tests.web.office_stage import PASSWORD, TESTER, Client, OfficeStage
from tests.web.test_acting_for import CHILD, end, represent, routes, set_ward
from tests.web.test_apply import number_at, send_file, sent

WORDS = HOLDER | IDENTITY | FAMILY | APPLY
_names = count()
WRONG_FIGURES = "xxxx"


def made(office: OfficeStage, code: str, last4: str, city: str = "czestochowa") -> str:
    """Make a login by a code; return its name."""
    office.forget_attempts()
    client, name = office.client(), f"nocard-{next(_names)}"
    client.get("/en/register")
    said = {"programme": city, "login": name, "password": PASSWORD, "again": PASSWORD}
    assert client.post("/en/register", **said, code=code, last4=WRONG_FIGURES).status == 403
    assert client.post("/en/register", **said, code="AAAA-BBBB-CCCC", last4=last4).status == 403
    assert client.post("/en/register", **said, code=code, last4=last4).status == 303
    office.forget_attempts()
    assert client.post("/en/register", **said | {"login": f"{name}-2"}, code=code, last4=last4).status == 403
    return name


@pytest.fixture(params=["guardian", "proxy"])
def alone(request: pytest.FixtureRequest, office: OfficeStage) -> Iterator[tuple[Client, str, int]]:
    """Who has no card and may act for ela, as a guardian or as a proxy, and acts for nobody yet."""
    number, code = represent(office, CHILD, request.param)
    set_ward(office, is_ward=True)
    client = office.signed_in("czestochowa", made(office, code, office.last4[CHILD]))
    client.get("/en/me/family")
    yield client, request.param, number
    set_ward(office, is_ward=False)
    left = office.sql(
        "select true from people.representative where account = $1 and number = $2",
        office.accounts[CHILD],
        number,
    )
    if left:
        end(office, CHILD, number)


def test_who_acts_for_nobody_has_the_list_and_the_own_login(
    office: OfficeStage, alone: tuple[Client, str, int]
) -> None:
    """Each route of the holder's part: the list and the login; every other page leads there, no form goes."""
    client, _, _ = alone
    assert client.get("/en/").header("location") == "/en/me/family"
    tried = 0
    for method, path in routes():
        if not path.startswith("/me"):
            continue
        may = "nobody" in WHO_MAY.get(path, ())
        asked = path.replace("{place}", "9-9").replace("{number:int}", "9")
        if method == "GET" and not may:
            assert client.get(f"/en{asked}").header("location") == "/en/me/family", path
        elif method == "GET":
            assert client.get(f"/en{asked}").status == 200, path
        elif not may:
            assert client.post(f"/en{asked}").status == 403, path
        tried += 1
    assert tried > 20
    page = client.get("/en/me/family").text
    for word in ("My sessions", "Change of login", "Change of password"):
        assert word in page, word
    for word in ("My data", "Messages", "Duplicate", "Give a proxy"):
        assert word not in page, word
    for path in ("sessions", "password", "passkeys"):
        assert client.get(f"/en/account/{path}").status == 200


def test_no_number_is_a_way_to_a_card(office: OfficeStage, alone: tuple[Client, str, int]) -> None:
    """IDOR: every account there is, of this city and the other, in any form, but the one of the code."""
    client, _, _ = alone
    accounts = {row["account"] for row in office.sql("select distinct account from registry.card")}
    assert len(accounts) > 20
    for account in sorted(accounts - {office.accounts[CHILD]}):
        assert client.post("/en/me/family/switch", account=str(account)).status == 404, account
    for typed in ("x", "-8", "0", "9" * 19, "٣", str(office.accounts[CHILD]) + " 1"):
        assert client.post("/en/me/family/switch", account=typed).status in (400, 404), typed
    assert client.get("/en/me").header("location") == "/en/me/family"
    for path in ("/en/desk", "/en/partner", "/en/desk/holders/8", "/en/desk/months"):
        assert client.get(path).status in (403, 404), path


def test_it_acts_for_whom_the_code_was(office: OfficeStage, alone: tuple[Client, str, int]) -> None:
    """The nine functions that a role has, of that card; the trail names the login, whom, and the hand."""
    client, role, _ = alone
    account = office.accounts[CHILD]
    assert client.post("/en/me/family/switch", account=str(account)).status == 303
    for method, path in routes():
        if method == "GET" and path.startswith("/me") and "{" not in path:
            may = role in WHO_MAY.get(path, ())
            assert client.get(f"/en{path}").status == (200 if may else 403), path
    page = client.get("/en/me").text
    assert "You act for Ela Trzecia" in page
    assert "Stop acting for this person" in page
    if role == "guardian":
        client.get("/en/me/messages")
        assert client.post("/en/me/messages", text="od opiekuna bez karty").status == 303
        assert "od opiekuna" in office.signed_in("czestochowa", "ela").get("/en/me/messages").text
        trail = office.sql(
            "select actor from registry.audit where actor like 'representative %' order by id desc limit 1"
        )
        assert re.fullmatch(rf"representative \d+ for {account}", trail[0]["actor"])
    client.get("/en/me")
    assert client.post("/en/me/family/switch", account="").status == 303
    assert client.get("/en/me").header("location") == "/en/me/family"


def test_login_password_and_sessions_are_its_own(office: OfficeStage, alone: tuple[Client, str, int]) -> None:
    """Both change, and let in; another session is ended; a wrong password is refused."""
    client, _, _ = alone
    name, other = f"other-{next(_names)}", "Niebieski rower 9"
    client.get("/en/me/login")
    assert client.post("/en/me/login", login=name, password="wrong password").status == 403
    assert client.post("/en/me/login", login=name, password=PASSWORD).status == 303
    second = office.signed_in("czestochowa", name)
    assert second.get("/en/me/family").status == 200
    client.get("/en/account/sessions")
    assert client.post("/en/account/sessions", end="others").status == 303
    assert second.get("/en/me/family").status == 303
    client.get("/en/account/password")
    assert client.post("/en/account/password", old=PASSWORD, new=other, again=other).status == 303
    assert office.client().sign_in("czestochowa", name, PASSWORD).status == 403
    assert office.client().sign_in("czestochowa", name, other).status == 303


def test_it_ends_with_the_representation(office: OfficeStage, alone: tuple[Client, str, int]) -> None:
    """Nobody left to act for: the session is over at the next request, and the login is no more."""
    client, _, number = alone
    client.post("/en/me/family/switch", account=str(office.accounts[CHILD]))
    client.get("/en/me")
    before = office.sql("select count(*) from web.login where kind = 'representative'")[0][0]
    end(office, CHILD, number)
    assert "/en/login" in client.get("/en/me").header("location")
    assert client.post("/en/me/block/1-1").status in (303, 400, 403)
    assert office.sql("select count(*) from web.login where kind = 'representative'")[0][0] == before - 1


def test_a_code_of_another_city_makes_no_login(office: OfficeStage) -> None:
    """It is of one programme; and one that has run out makes none."""
    number, code = represent(office, CHILD, "proxy")
    client = office.client()
    office.forget_attempts()
    client.get("/en/register")
    said = {"login": "elsewhere-1", "password": PASSWORD, "again": PASSWORD, "last4": office.last4[CHILD]}
    assert client.post("/en/register", programme="zgierz", **said, code=code).status == 403
    office.write("update web.acting_for set ends_at = now() - interval '1 minute' where code is not null")
    assert client.post("/en/register", programme="czestochowa", **said, code=code).status == 403
    end(office, CHILD, number)


def collected(office: OfficeStage, path: str, client: Client, card: int) -> str:
    """Let an application on line be decided and its card be collected; return the card's last figures."""
    digits = number_of("96162", card)
    assert send_file(client, path, png(), "tax") == 303
    number = number_at(client, path)
    desk = ApplicationDesk(office.offices[3].database, office.master, 3)
    token = office.master.pepper(3).token(digits)

    async def job(owner: object) -> None:
        row = CardRow(token, digits[-4:], None, CardStatus.ORDERED)
        await owner.run(lambda c: import_cards(c, TESTER, 3, [row]))  # type: ignore[attr-defined]
        await desk.verify(TESTER, number)
        await desk.grant(TESTER._replace(name="another tester"), number)
        await desk.ready(TESTER, number, digits)
        await desk.hand_over(TESTER, number)

    office.run(job)
    return digits[-4:]


def test_a_parent_who_applied_on_line_makes_a_login_without_a_card(office: OfficeStage) -> None:
    """Not before the card was collected; then by the code of the application's page, for the child's card."""
    client, path = sent(
        office, "tata@example.org", whose="child", name="Staś Mały", pesel="", born_on="2019-05-06",
        guardian="Jan Mały",
    )  # fmt: skip
    assert "act_login" not in client.get(path).text
    assert client.post(path, act="login").status == 400
    last4 = collected(office, path, client, 7_001)
    assert "act_login" in client.get(path).text
    page = client.post(path, act="login").text
    code = re.findall(r'id="new-code">([A-Z0-9-]+)<', page)[0]
    assert "hreflang" not in page
    assert code not in client.get(path).text
    parent = office.signed_in("zgierz", made(office, code, last4, "zgierz"))
    page = parent.get("/en/me/family").text
    assert "Act for Staś Mały" in page
    account = re.findall(r'name="account" value="(\d+)"', page)[0]
    assert parent.post("/en/me/family/switch", account=account).status == 303
    assert "Staś Mały" in parent.get("/en/me/data").text
    assert client.post(path, act="login").status == 400, "somebody acts by it already"


def test_who_applied_on_line_for_oneself_makes_a_login(office: OfficeStage) -> None:
    """The same code for the own card makes the holder's login."""
    client, path = sent(office, "sama@example.org", pesel="", born_on=f"{date(1980, 1, 2)}")
    last4 = collected(office, path, client, 7_002)
    client.get(path)
    code = re.findall(r'id="new-code">([A-Z0-9-]+)<', client.post(path, act="login").text)[0]
    holder = office.signed_in("zgierz", made(office, code, last4, "zgierz"))
    assert "Jan Zażółć" in holder.get("/en/me/data").text
    reply = client.post(path, act="login")
    assert (reply.status, "A desk sets a forgotten" in reply.text) == (400, True), "no mailbox takes it over"


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_guardian_without_a_card_in_a_browser(browser: Browser, office: OfficeStage, language: str) -> None:
    """From the code to the child's card and back, without scripts; axe finds nothing on the way."""

    def say(word: str, **values: object) -> str:
        return WORDS[word][LANGUAGES.index(language)].format(**values)

    number, code = represent(office, CHILD, "guardian")
    set_ward(office, is_ward=True)
    office.forget_attempts()
    context = browser.new_context(locale=f"{language}-PL")
    visit, axe = Visit(context), Axe()
    page, name = visit.page, f"browser-{language}"

    def is_fit() -> None:
        found = axe.run(whole(page), options={"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]})
        assert found.response["violations"] == [], found.generate_report()

    page.goto(f"{office.url}{language}/login")
    page.get_by_role("link", name=say("h_register")).click()
    page.get_by_label(say("id_city")).select_option("czestochowa")
    page.get_by_label(say("h_activation")).fill(code)
    page.get_by_label(say("h_last4")).fill(office.last4[CHILD])
    page.get_by_label(say("h_new_login")).fill(name)
    page.get_by_label(say("id_new_password"), exact=True).fill(PASSWORD)
    page.get_by_label(say("id_new_again")).fill(PASSWORD)
    is_fit()
    page.get_by_role("button", name=say("h_make_login")).click()
    expect(page.get_by_role("status")).to_have_text(say("h_registered"))
    page.get_by_role("link", name=say("id_sign_in")).last.click()
    page.get_by_label(say("id_city")).select_option("czestochowa")
    page.get_by_label(say("id_login")).fill(name)
    page.get_by_label(say("id_password")).fill(PASSWORD)
    page.get_by_role("button", name=say("id_sign_in")).click()
    expect(page.get_by_role("heading", level=1)).to_have_text(say("h_family"))
    is_fit()
    page.get_by_role("button", name=say("h_fam_act", name="Ela Trzecia")).click()
    expect(page.get_by_text(say("h_fam_now", name="Ela Trzecia"))).to_be_visible()
    is_fit()
    page.get_by_role("link", name=say("h_data")).click()
    expect(page.locator("#name")).to_have_text("Ela Trzecia")
    page.get_by_role("button", name=say("h_fam_stop")).click()
    expect(page.get_by_role("heading", level=1)).to_have_text(say("h_family"))
    expect(page.get_by_text(say("h_fam_no_card"))).to_be_visible()
    assert visit.complaints == []
    context.close()
    end(office, CHILD, number)
    set_ward(office, is_ward=False)
