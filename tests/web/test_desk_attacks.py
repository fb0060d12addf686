"""The desk attacked, on every route and form that the site has: enumerated, so a new one is in here, too.

CSRF, the matrix of roles, numbers of another city (IDOR), markup in every text field (stored XSS).
"""

import json
import re
from collections.abc import Iterator
from html.parser import HTMLParser

import pytest
from starlette.routing import Route

from ledger.postgres.database import Connection, Database
from ledger.registry import proposals
from ledger.registry.audit import Actor
from ledger.registry.logins import ROLES
from ledger.registry.offer_declarations import Declaration, declare
from ops.web.desk.common import ACCOUNTS, CLERKS, EDITORS
from ops.web.desk.site import ACTS_OF
from tests.web.desk_acts import method_of, routes
from tests.web.office_stage import Client, OfficeStage

XSS = "<img src=x onerror=alert(1)>\"'{{7*7}}"
WHO = {
    "applications": CLERKS, "holders": CLERKS, "cases": CLERKS, "months": ACCOUNTS, "proposals": ACCOUNTS,
    "points": ACCOUNTS, "offers": EDITORS, "partners": EDITORS, "declarations": EDITORS,
}  # fmt: skip
"""Which roles may have the routes below each part of the desk. A part that is not here fails the tests."""
POSTS = [route for route in routes() if method_of(route) == "POST"]
WITH_NUMBER = [route for route in routes() if ":int}" in route.path]


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

    async def job(c: Connection) -> tuple[int, int]:
        what = Declaration(3, 830, (), json.dumps(terms))
        declared = await declare(c, Actor("partner 1"), partner, what)
        sums: dict[str, int | str] = {"net_grosze": 5, "origin": "x"}
        number = await proposals.propose(
            c, Actor("one"), 3, ("correct_statement", f"{partner}/2025-01"), sums
        )
        return declared, number

    async def run(owner: Database) -> tuple[int, int]:
        return await owner.run(job)

    declared, proposed = office.run(run)
    return {
        "applications.number": application, "holders.account": account,
        "partners.partner": partner, "months.partner": partner, "declarations.number": declared,
        "proposals.number": proposed,
    }  # fmt: skip


@pytest.mark.parametrize("route", WITH_NUMBER, ids=named)
def test_a_number_of_another_city_is_no_way_in(
    office: OfficeStage, clients: dict[str, Client], theirs: dict[str, int], route: Route
) -> None:
    """IDOR: an officer of another city with every role meets nothing, and no row is changed."""
    before = state(office)
    client, path = clients["elsewhere"], filled(route, theirs)
    if method_of(route) == "GET":
        assert client.get(path).status == 404
        return
    for act in ACTS_OF.get(route.path, ("x",)):
        reply = client.post(
            path, act=act, reason="x", sure="yes", text="x", hand="desk", points="1", months="12",
            starts_on="2027-01-01", last_day="2030-01-01", card="1", consent="newsletter",
        )  # fmt: skip
        assert reply.status in (400, 404), (act, reply.status)
    assert state(office) == before


def state(office: OfficeStage) -> list[str]:
    """How far everything of Zgierz that a desk can move is: the newest of its trail."""
    rows = office.sql("select max(id)::text as id from registry.audit where programme = 3")
    return [row["id"] for row in rows]


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
            client.get("/en/account/sessions")
            fields = {name: XSS[:most] for name, most in texts.items()}
            for chosen in ({}, fields, *({name: text} for name, text in fields.items())):
                if not chosen:
                    continue
                sent = {**kept, **dict.fromkeys(fields, "1"), **chosen}
                sent.pop("csrf", None)
                reply = client.post(action, **sent)
                assert reply.status < 500, (action, sent)
                assert "<img src=x" not in reply.text, (action, chosen)
                tried.update((action.split("/desk/")[1].split("/")[0], name) for name in chosen)
    assert len(tried) > 40, "the forms are found"
    for path in pages(theirs):
        assert "<img src=x" not in client.get(path).text, path
