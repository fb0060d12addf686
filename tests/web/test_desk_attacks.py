"""The desk attacked, on every route and form that the site has: enumerated, so a new one is in here, too.

CSRF, the matrix of roles; then files that are not what they say, wrong input, and what the log keeps. Numbers
of another's rows (IDOR) are test_every_address.py's, markup in every text field is test_hostile_text.py's.
"""

import json
import re

import pytest
import structlog.testing
from starlette.routing import Route

from ledger.registry.logins import ROLES
from tests.ops.uploads import JPEG, pdf, png, zip_end
from tests.web.desk_acts import WHO, method_of, routes
from tests.web.desk_counter import CITY, NOBODY, PERSON, PROGRAMME, number, send, take
from tests.web.office_stage import Client, OfficeStage

POSTS = [route for route in routes() if method_of(route) == "POST"]


def filled(route: Route) -> str:
    """The address of a route, with a number that is nobody's for each gap."""
    return "/en" + re.sub(r"\{(\w+):int\}", "987654", route.path).replace("{month}", "2026-01")


def named(route: Route) -> str:
    return f"{method_of(route)} {route.path}"


@pytest.fixture(scope="module")
def clients(office: OfficeStage) -> dict[str, Client]:
    """An officer of each role alone, of none, and of all, in Zgierz; one of all roles in Częstochowa."""
    sorts = {**{role: (role,) for role in ROLES}, "nothing": (), "everything": ROLES}
    for name, roles in sorts.items():
        office.officer(3, f"only-{name}", *roles, desk="")
    office.officer(1, "elsewhere-all", *ROLES, desk="")
    found = {name: office.signed_in("zgierz", f"only-{name}") for name in sorts}
    found |= {"elsewhere": office.signed_in("czestochowa", "elsewhere-all")}
    found |= {"holder": office.signed_in("zgierz", "ala"), "stranger": office.client()}
    for client in found.values():
        client.get("/en/account/sessions" if client is not found["stranger"] else "/en/login")
    return found


@pytest.mark.parametrize("route", POSTS, ids=named)
def test_no_form_is_taken_without_the_session_s_own_field(clients: dict[str, Client], route: Route) -> None:
    """CSRF: every POST without the field, with another's or with a wrong one is refused before it is read."""
    for csrf in ("", "0" * 64, clients["elsewhere"].csrf):
        assert clients["everything"].post(filled(route), csrf=csrf, act="x").status == 400
    plain = clients["everything"].ask("POST", filled(route), b"act=x", Content_Type="text/plain")
    assert plain.status == 400


@pytest.mark.parametrize("route", routes(), ids=named)
def test_a_route_is_had_by_its_roles_alone(clients: dict[str, Client], route: Route) -> None:
    """Each route by each role: 403 for all but those it is for; a stranger is led to the sign-in."""
    may = {*WHO[route.path.split("/")[2]], "everything"}
    for who in (*ROLES, "nothing", "everything", "holder"):
        client, path = clients[who], filled(route)
        reply = client.post(path) if method_of(route) == "POST" else client.get(path)
        assert (reply.status != 403) == (who in may), (who, reply.status)
        assert reply.status < 500
    stranger = clients["stranger"]
    asked = stranger.post(filled(route)) if method_of(route) == "POST" else stranger.get(filled(route))
    assert (asked.status, "/login" in asked.header("location")) == (303, True)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"<html><script>alert(1)</script>", "no JPEG, PNG or PDF"),
        (JPEG[:-2] + zip_end(JPEG[-2:]), "read as something else"),
        (JPEG[:-2] + b"<script>alert(1)</script>" + JPEG[-2:], "read as something else"),
        (pdf(b"<</S/JavaScript/JS(app.alert(1))>>"), "programs or other files"),
        (b"", "The file is empty"),
        (JPEG + bytes(5_000_001), ""),
    ],
    ids=["html", "zip", "script", "pdf", "empty", "large"],
)
def test_a_file_that_is_not_what_it_says_is_not_kept(clerk: Client, data: bytes, said: str) -> None:
    """Whatever its name and type say: a polyglot, a program, nothing, too much; told why, and not kept."""
    path = take(clerk, **NOBODY)
    clerk.get(path)
    reply = send(clerk, f"{path}/files", data)
    assert reply.status in (409, 413)
    assert said in reply.text
    assert "/files/" not in clerk.get(path).text


def test_a_file_is_given_out_to_keep_and_never_to_show(clerk: Client) -> None:
    """Its type is that of its content; attachment, nosniff, a sandbox; what rode in it is gone."""
    path = take(clerk, **NOBODY)
    clerk.get(path)
    sent = JPEG + b"<script>alert(1)</script>"
    assert send(clerk, f"{path}/files", sent, name="../../x.html").status == 303
    link = clerk.get(path).text.split(f'href="{path}/files/')[1].split('"')[0]
    reply = clerk.get(f"{path}/files/{link}")
    assert b"script" not in reply.body
    assert reply.header("content-type") == "image/jpeg"
    assert reply.header("content-disposition").startswith("attachment; filename=")
    assert "html" not in reply.header("content-disposition")
    assert reply.header("x-content-type-options") == "nosniff"
    policies = [value for key, value in reply.headers if key.lower() == "content-security-policy"]
    assert any(policy.startswith("sandbox") for policy in policies)


def test_nobody_gets_past_his_city_desk_and_role(office: OfficeStage, clerk: Client) -> None:
    """Another city's clerk, another desk's, a holder, a stranger: no application, file, holder or act."""
    path = take(clerk, **NOBODY)
    clerk.get(path)
    assert send(clerk, f"{path}/files", png()).status == 303
    file = path + "/files/" + clerk.get(path).text.split(f'href="{path}/files/')[1].split('"')[0]
    account = f"/en/desk/holders/{office.accounts['ala3']}"
    paths = (path, file, f"{path}/letter", account)
    other = office.signed_in("czestochowa", "clerk")
    other.get("/en/desk/holders")
    for each in paths:
        assert other.get(each).status == 404, each
    for each in (path, account):
        for act in ("withdraw", "block", "write"):
            assert other.post(each, act=act, reason="x", text="x", hand="holder-desk").status in (400, 404)
    assert send(other, f"{path}/files", png()).status == 404
    office.officer(PROGRAMME, "other-desk", "clerk", desk="2")
    elsewhere = office.signed_in(CITY, "other-desk")
    elsewhere.get("/en/desk/holders")
    assert elsewhere.get(path).status == 404
    assert elsewhere.get(file).status == 404
    assert elsewhere.post(path, act="withdraw").status == 404
    assert path not in elsewhere.get("/en/desk/applications").text
    holder = office.signed_in(CITY, "ala")
    stranger = office.client()
    for each in (*paths, "/en/desk/applications", "/en/desk/cases"):
        assert holder.get(each).status == 403, each
        assert stranger.get(each).status == 303, each


def test_no_act_without_the_session_s_own_field(clerk: Client) -> None:
    """CSRF: every form of the desk without the field, or with another's, does nothing."""
    path = take(clerk, **NOBODY)
    for csrf in ("", "0" * 64):
        for each in (
            path,
            f"{path}/form",
            "/en/desk/holders",
            "/en/desk/applications/new",
            "/en/desk/cases/1",
        ):
            assert clerk.post(each, csrf=csrf, act="withdraw", who="x").status == 400, each
        assert send(clerk, f"{path}/files", png(), csrf=csrf).status == 400
    assert "received" in clerk.get(path).text


def test_a_proxy_blocks_nothing_at_a_desk(office: OfficeStage, clerk: Client) -> None:
    """Zgierz § 24: holder and guardian may, at a desk; a proxy may not, whatever a form says."""
    account = f"/en/desk/holders/{office.accounts['ola3']}"
    page = clerk.get(account).text
    assert 'value="proxy-' not in page
    for hand in ("proxy-desk", "proxy-online", "terminal", "clock"):
        assert clerk.post(account, act="block", hand=hand, reason="x").status == 409
    assert clerk.post(account, act="block", hand="nobody", reason="x").status == 400
    assert clerk.post(account, act="block", hand="holder-desk").status == 409


def test_wrong_input_is_an_answer_and_never_a_failure(clerk: Client) -> None:
    """Numbers out of bounds, unknown acts and kinds, too much text: 400, 404 or 409, nothing fails."""
    clerk.get("/en/desk/applications/new")
    with structlog.testing.capture_logs() as lines:
        for path in ("0", "99999999999999999999", "x", "-1"):
            assert clerk.get(f"/en/desk/applications/{path}").status == 404
            assert clerk.get(f"/en/desk/holders/{path}").status == 404
        for fields in (
            {"kind": "second"}, {"born_on": "2020-13-45"}, {"name": "x" * 201}, {"name": "a\x00b"},
            {"tax_year": "١٢٣٤"}, {"tax_year": "-5"}, {"why": "x"}, {"account": "9" * 25},
            {"flags": "x" * 99},
        ):  # fmt: skip
            posted = {"kind": "first", **PERSON, **NOBODY, **fields}
            assert clerk.post("/en/desk/applications/new", **posted).status in (400, 409), fields
        for query in ("state=x", "after=x", "after=2026-01-01_x", "after=9999-99-99_1", "account=%00"):
            assert clerk.get(f"/en/desk/applications?{query}").status == 200
        for who in ("", "ab", "x" * 200, "'; drop table people.person;--", "4" * 19, "%"):
            assert clerk.post("/en/desk/holders", who=who).status in (200, 409)
    assert [line for line in lines if line["event"] == "page_failed"] == []


def test_no_person_reaches_a_log(clerk: Client) -> None:
    """Searched, taken, refused, changed: neither lines of the log nor addresses hold what was typed."""
    with structlog.testing.capture_logs() as lines:
        path = take(clerk, pesel="", born_on="1911-11-11")
        clerk.get("/en/desk/holders")
        for who in (PERSON["name"], PERSON["pesel"], number(0)):
            clerk.post("/en/desk/holders", who=who)
        clerk.get(path)
        clerk.post(path, act="refuse", reason=PERSON["name"])
        clerk.post("/en/desk/applications/new", kind="first", **{**PERSON, "pesel": "44051401358"})
    said = json.dumps(lines, default=str, ensure_ascii=False)
    assert not [text for text in (*PERSON.values(), number(0), "1911") if len(text) > 3 and text in said]
