"""The desk's pages of logins, in a real browser: listed, made, set anew, ended; and by whom not."""

import pytest
from playwright.sync_api import Page

from tests.web.browser import whole
from tests.web.desk_acts import Clicked, by_menu, covers
from tests.web.office_stage import PASSWORD, Client, OfficeStage

LOGIN = "/desk/logins/{login:int}"
OTHER = "Niebieski rower 10"


@pytest.fixture(scope="module")
def admin(office: OfficeStage) -> Client:
    """Zgierz's officer who makes logins, and does nothing else."""
    office.officer(3, "logins-only", "admin", desk="")
    return office.signed_in("zgierz", "logins-only")


def number_of(office: OfficeStage, shown: str) -> int:
    return int(office.sql("select id from web.login where shown = $1 and programme = 3", shown)[0]["id"])


def fault(page: Page) -> str:
    return page.locator("#fault").inner_text()


@covers("GET /desk/logins", "POST /desk/logins officer", "POST /desk/logins partner", f"GET {LOGIN}",
        f"POST {LOGIN} reset", f"POST {LOGIN} end")  # fmt: skip
def test_a_login_is_made_set_anew_and_ended(office: OfficeStage, desk: Clicked, admin: Client) -> None:
    """Each with a reason, which the trail has; a form that is refused keeps all but the password."""
    page = desk.browser_of(admin)
    by_menu(office, page, "/desk/logins")
    page.fill("#shown", "Zofia Nowa")
    page.fill("#login", "zofia")
    page.fill("#password", "too short")
    page.check("#role_clerk")
    page.fill("#reason_officer", "works here from today")
    page.click("#act_officer")
    assert "password" in fault(page)
    assert page.locator("#password").get_attribute("aria-invalid") == "true"
    assert page.locator("#password").input_value() == ""
    assert page.locator("#shown").input_value() == "Zofia Nowa"
    assert page.locator("#role_clerk").is_checked()
    page.fill("#password", PASSWORD)
    page.click("#act_officer")
    assert whole(page).get_by_role("cell", name="Zofia Nowa").count() == 1
    reply = office.client().sign_in("zgierz", "zofia")
    assert (reply.status, "/enrol" in reply.header("location")) == (303, True)
    partner = office.sql("select min(id) as id from registry.partner where programme = 3")[0]["id"]
    page.fill("#partner_p", str(partner))
    page.fill("#shown_p", "Kino Nowe")
    page.fill("#login_p", "kino-nowe")
    page.fill("#password_p", PASSWORD)
    page.fill("#reason_partner", "asked by letter")
    page.click("#act_partner")
    assert office.client().sign_in("zgierz", "kino-nowe").status == 303
    made = number_of(office, "Zofia Nowa")
    page.get_by_role("link", name=str(made), exact=True).click()
    page.fill("#password", OTHER)
    page.fill("#reason_reset", "forgot it")
    page.click("#act_reset")
    assert office.client().sign_in("zgierz", "zofia").status == 403
    assert office.client().sign_in("zgierz", "zofia", OTHER).status == 303
    page.fill("#reason_end", "left the office")
    page.click("#act_end")
    assert page.locator("#ended").inner_text() != "–"
    assert office.client().sign_in("zgierz", "zofia", OTHER).status == 403
    trail = office.sql(
        "select actor, reason from registry.audit where object like 'login%' and key = $1 order by id",
        str(made),
    )
    assert {row["reason"] for row in trail} >= {"works here from today", "forgot it", "left the office"}
    assert all(row["actor"].startswith("Logins-Only") for row in trail)


def test_nobody_makes_the_second_person_of_the_own_acts(office: OfficeStage) -> None:
    """Who has another role beside it makes no login, sets none anew and ends none, and may look."""
    office.officer(3, "both-roles", "admin", "verifier", desk="")
    client, login = office.signed_in("zgierz", "both-roles"), number_of(office, "Novice")
    client.get("/en/desk/logins")
    new = {"shown": "Me Too", "login": "me-too", "password": PASSWORD, "roles": "verifier", "reason": "x"}
    reply = client.post("/en/desk/logins", act="officer", **new)
    assert (reply.status, "another role" in reply.text) == (409, True)
    for act in ("reset", "end"):
        reply = client.post(f"/en/desk/logins/{login}", act=act, password=OTHER, reason="x")
        assert (reply.status, "another role" in reply.text) == (409, True)
    assert office.sql("select true from web.login where shown = 'Me Too'") == []
    assert office.sql("select ended_at from web.login where id = $1", login)[0]["ended_at"] is None


def test_a_login_may_be_an_e_mail_address_as_long_as_one(office: OfficeStage, admin: Client) -> None:
    """Of 254 characters, as everywhere else; with one more it is refused."""
    admin.get("/en/desk/logins")
    host = ".".join(["a" * 60] * 3)
    for count, status in ((255, 400), (254, 303)):
        name = "x" * (count - len(host) - 1) + "@" + host
        new = {"shown": "Long Address", "login": name, "password": PASSWORD, "roles": "clerk", "reason": "x"}
        assert admin.post("/en/desk/logins", act="officer", **new).status == status
    assert office.client().sign_in("zgierz", name).status == 303


def test_the_own_login_and_holders_are_not_touched_there(office: OfficeStage, admin: Client) -> None:
    """Neither set anew nor ended; a holder's or another city's is not found; none without a reason."""
    own, theirs = number_of(office, "Logins-Only"), number_of(office, "Novice")
    admin.get(f"/en/desk/logins/{own}")
    for act in ("reset", "end"):
        reply = admin.post(f"/en/desk/logins/{own}", act=act, password=OTHER, reason="x")
        assert (reply.status, "own login" in reply.text) == (409, True)
    holder = office.sql("select id from web.login where account = $1", office.accounts["ala3"])[0]["id"]
    city = office.sql("select min(id) as id from web.login where programme = 1 and kind = 'officer'")[0]["id"]
    kept = "select password, totp, ended_at from web.login where id = $1"
    for number in (holder, city):
        before = office.sql(kept, number)
        assert admin.get(f"/en/desk/logins/{number}").status == 404
        for act in ("reset", "end"):
            reply = admin.post(f"/en/desk/logins/{number}", act=act, password=OTHER, reason="x")
            assert reply.status == 404
        assert office.sql(kept, number) == before
    assert admin.post(f"/en/desk/logins/{theirs}", act="end", reason=" ").status == 409
    assert office.sql("select ended_at from web.login where id = $1", theirs)[0]["ended_at"] is None
