"""The desk attacked, on every route and form that the site has: enumerated, so a new one is in here, too.

CSRF, the matrix of roles, markup in every text field (stored XSS); then files that are not what they say,
wrong input, and what the log keeps. Numbers of another's rows (IDOR) are test_every_address.py's.
"""

import json
import re
from collections.abc import Iterator
from html.parser import HTMLParser

import pytest
import structlog.testing
from starlette.routing import Route

from ledger.postgres.database import Connection, Database
from ledger.registry import proposals
from ledger.registry.audit import Actor
from ledger.registry.logins import ROLES
from ledger.registry.offer_declarations import Declaration, declare
from tests.ops.uploads import JPEG, pdf, png, zip_end
from tests.web.desk_acts import WHO, method_of, routes
from tests.web.desk_counter import CITY, NOBODY, PERSON, PROGRAMME, number, send, take
from tests.web.office_stage import Client, OfficeStage

XSS = "<img src=x onerror=alert(1)>\"'{{7*7}}"
POSTS = [route for route in routes() if method_of(route) == "POST"]


def filled(route: Route, ids: dict[str, int] | None = None) -> str:
    """The address of a route, with numbers for its gaps: `ids` by "part.gap", else one that is nobody's."""
    part = route.path.split("/")[2]

    def number(found: re.Match[str]) -> str:
        return str((ids or {}).get(f"{part}.{found[1]}", 987_654))

    return "/en" + re.sub(r"\{(\w+):int\}", number, route.path).replace("{month}", "2026-01")


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


@pytest.fixture(scope="module")
def theirs(office: OfficeStage, clients: dict[str, Client]) -> dict[str, int]:
    """Numbers of things of Zgierz, one for each gap of a route."""
    clerk = clients["everything"]
    clerk.get("/en/desk/applications/new")
    reply = clerk.post(
        "/en/desk/applications/new", kind="first", name="Qx Qx", born_on="1980-01-01", consent_data="yes"
    )
    application = int(reply.header("location").rpartition("/")[2])
    partner = office.sql("select min(id) as id from registry.partner where programme = 3")[0]["id"]
    account = office.sql("select max(account) as account from people.person where programme = 3")[0][
        "account"
    ]
    assert account not in office.accounts.values(), "nobody whom other tests know"
    terms = {"number": 830, "partner": partner, "name": {"pl": "X"}, "text": {"pl": "X"}}
    terms["benefits"] = [{"kind": "free_entry"}]

    async def job(c: Connection) -> tuple[int, int, int]:
        what = Declaration(3, 830, (), json.dumps(terms))
        declared = await declare(c, Actor("partner 1"), partner, what)
        sums: dict[str, int | str] = {"net_grosze": 5, "origin": "x"}
        number = await proposals.propose(
            c, Actor("one"), 3, ("correct_statement", f"{partner}/2025-01"), sums
        )
        offers = {"from_day": None, "urgent": False, "offers": {"830": "1:0:0"}}
        published = await proposals.propose(c, Actor("one"), 3, ("publish_offers", "830"), offers)
        return declared, number, published

    async def run(owner: Database) -> tuple[int, int, int]:
        return await owner.run(job)

    declared, proposed, published = office.run(run)
    return {
        "applications.number": application, "holders.account": account,
        "partners.partner": partner, "months.partner": partner, "declarations.number": declared,
        "proposals.number": proposed, "offers.proposal": published,
    }  # fmt: skip


class Forms(HTMLParser):
    """The forms of a page that post: where to, and their fields with what is in them and their bounds."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.forms: list[tuple[str, dict[str, str], dict[str, int]]] = []
        self._open = False
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a form, or a field of the open one."""
        got = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._open = got.get("method") == "post" and "/desk/" in got.get("action", "")
            if self._open:
                self.forms.append((got["action"], {}, {}))
            return
        if not self._open or not got.get("name"):
            return
        _, kept, texts = self.forms[-1]
        name, kind = got["name"], got.get("type", "text")
        if tag == "textarea" or (tag == "input" and kind == "text"):
            texts[name] = int(got.get("maxlength", "2000"))
        elif tag == "input" and kind == "checkbox":
            kept[name] = got.get("value", "yes")
        elif tag in ("input", "button"):
            kept.setdefault(name, "1980-01-01" if kind == "date" else got.get("value", ""))
        elif tag == "select":
            kept.setdefault(name, "")

    def handle_endtag(self, tag: str) -> None:
        """Close a form."""
        self._open = self._open and tag != "form"


def pages(own: dict[str, int]) -> Iterator[str]:
    """Every page of the desk, with numbers of the officer's own city."""
    yield from (filled(route, own) for route in routes() if method_of(route) == "GET")


def test_markup_in_every_text_field_is_text(
    office: OfficeStage, clients: dict[str, Client], theirs: dict[str, int]
) -> None:
    """Every text field of every form that is served, one at a time and all at once: nowhere does it become
    markup, in no answer and on no page afterwards.
    """
    client = clients["everything"]
    tried: set[tuple[str, str]] = set()
    for path in pages(theirs):
        for action, kept, texts in Forms(client.get(path).text).forms:
            fields = {name: XSS[:most] for name, most in texts.items()}
            for chosen in ({}, fields, *({name: text} for name, text in fields.items())):
                if not chosen:
                    continue
                sent = {**kept, **dict.fromkeys(fields, "1"), **chosen}
                client.get(path)
                for unseen in ("csrf", "digest"):
                    sent.pop(unseen, None)
                reply = client.post(action, **sent)
                assert reply.status < 500, (action, sent)
                assert "<img src=x" not in reply.text, (action, chosen)
                tried.update((action.split("/desk/")[1].split("/")[0], name) for name in chosen)
    assert len(tried) > 40, "the forms are found"
    for path in pages(theirs):
        assert "<img src=x" not in client.get(path).text, path


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
