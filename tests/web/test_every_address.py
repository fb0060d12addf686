"""Each address of the site that names a row, asked by who has the row and by who has not (IDOR).

No answer, a refusal neither, holds what was planted for others. The routes are the site's own, the rows real
(one_of_each.py), and a form is the one its owner was served: so what is refused to the others is what the
owner is given. A new route with a gap fails here until it has a row.
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

import pytest

from ops.web.desk.site import ACTS_OF
from tests.postgres import Server
from tests.web.office_stage import Client, OfficeStage, Reply
from tests.web.one_of_each import OneOfEach, Place, one_of_each
from tests.web.served_forms import Form, Routes, forms_of, submit

REFUSED = (403, 404)
_TABLES = """select table_schema || '.' || table_name as name from information_schema.columns c
  join information_schema.tables t using (table_schema, table_name)
  where t.table_type = 'BASE TABLE' and table_schema not in ('pg_catalog', 'information_schema')
    and table_schema || '.' || table_name not in ('web.session', 'web.attempt')
    and ($1 = '' or column_name = $1) group by 1"""
"""Those that have a column; but when a session was seen, and who tried."""


@pytest.fixture(scope="module")
def each(postgres_server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OneOfEach]:
    """One of everything, on a site of its own: what is changed here no other test meets."""
    with one_of_each(postgres_server, tmp_path_factory.mktemp("each")) as found:
        yield found


@pytest.fixture(scope="module")
def routes(each: OneOfEach) -> Routes:
    return Routes(each.office)


@pytest.fixture(scope="module")
def places(each: OneOfEach) -> dict[str, Place]:
    return each.places()


def held(office: OfficeStage, column: str = "", value: int = 0) -> dict[str, str]:
    """What each table holds by now, in a word: all of it, or the rows with a column of this value."""
    which = f"where {column} = {value}" if column else ""
    sums = [
        f"select '{name}' as name, md5(coalesce(string_agg(x::text, ' ' order by x::text), '')) as held "
        f"from {name} x {which}"
        for (name,) in office.sql(_TABLES, column)
    ]
    return {row["name"]: row["held"] for row in office.sql(" union all ".join(sums))}


def test_each_route_that_names_a_row_has_one(routes: Routes, places: dict[str, Place]) -> None:
    """No route with a gap is left out, and none is listed that is no more."""
    assert {path for _, path in routes.all if "{" in path} == set(places)


def told(each: OneOfEach, who: str, reply: Reply) -> Reply:
    """An answer, whatever its status: nothing in it that was planted for others alone."""
    said = f"{reply.text} {reply.headers}"
    assert [mark for mark, may in each.marks().items() if mark in said and who not in may] == [], who
    return reply


OWN_PAGES = {
    "member": ("/me/data", "/me/family"), "ola": ("/me/data",), "neighbour": ("/me/data",),
    "baker": ("/partner/statements",), "cinema": ("/partner/statements",), "pool": ("/partner/statements",),
}  # fmt: skip
"""Where who has them is told the marks."""


def test_every_list_tells_its_own_alone(each: OneOfEach, routes: Routes, places: dict[str, Place]) -> None:
    """What is planted is told to whose it is; and no page without a number tells it to anybody else."""
    own = [(who, path) for who, paths in OWN_PAGES.items() for path in paths]
    own.append(("desk1", places["/desk/applications/{number:int}"].path))
    shown = {who: "" for who, _ in own}
    for who, path in own:
        shown[who] += told(each, who, each[who].get(f"/en{path}")).text
    for mark, (whose, *_) in each.marks().items():
        assert mark in shown[whose], (mark, whose)
    for path in sorted({path for method, path in routes.all if method == "GET" and "{" not in path}):
        for who in ("every3", "every1", "desk2", "member", "ola", "neighbour", "cinema", "pool", "stranger"):
            told(each, who, each[who].get(f"/en{path}"))


def altered(path: str) -> str:
    """An address with another secret of its length."""
    where = path.split("/")[3]
    head, dot, secret = where.rpartition(".")
    return path.replace(where, head + dot + secret[::-1])


def test_nobody_reads_another_s_row(each: OneOfEach, routes: Routes, places: dict[str, Place]) -> None:
    """Each page and file that names a row: given to who has it, not found or not allowed for the others."""
    asked = 0
    for route in sorted({path for method, path in routes.all if method == "GET" and "{" in path}):
        path, whose, others, no_others = places[route]
        reply = told(each, whose, each[whose].get(f"/en{path}"))
        assert reply.status == 200, (whose, path)
        for other in others:
            theirs = told(each, other, each[other].get(f"/en{path}"))
            assert no_others or theirs.status in REFUSED, (other, path, theirs.status)
            if theirs.status == 200:
                assert not [word for word in each.tells() if word in theirs.text], (other, path)
            asked += 1
        if whose == "stranger":
            assert each[whose].get(f"/en{altered(path)}").status in REFUSED, path
    assert asked > 30


def served(each: OneOfEach, routes: Routes, places: dict[str, Place]) -> dict[tuple[str, str], Form]:
    """Of each form that names a row, and what it does, the one its owner is served."""
    found: dict[tuple[str, str], Form] = {}
    for method, route in routes.all:
        if method != "GET":
            continue
        for name in [places[route].whose] if route in places else ["every3", "desk1", "member", "baker"]:
            reply = each[name].get(f"/en{places[route].path if route in places else route}")
            is_page = reply.status == 200 and reply.header("content-type").startswith("text/html")
            for form in forms_of(reply.text) if is_page else ():
                at = routes.of("POST", form.action)
                if at in places and f"/en{places[at].path}" == form.action:
                    found.setdefault((at, form.does), form)
    return found


def unserved(each: OneOfEach, routes: Routes, places: dict[str, Place]) -> dict[tuple[str, str], Form]:
    """What a row's state does not offer now: asked all the same, with what such a form would hold."""
    found = {}
    for method, route in routes.all:
        if method == "POST" and "{" in route:
            for act in ACTS_OF.get(route, ()):
                found[route, act] = Form(f"/en{places[route].path}", button=("act", act))
    return found


WHOSE: Final = {"/desk": "every3", "/me": "member", "/account": "member", "/partner": "baker"}
"""Who has the pages of a route that names no row."""
SHOWN_ONCE: Final = re.compile(r'<strong id="(?:code|login_code|new-code)"|<ul class="codes"')
_OTHER_LANGUAGE: Final = re.compile(r'<a href="([^"]+)" hreflang')


def reached(client: Client, path: str) -> Reply:
    """The page that an address leads to in the end."""
    for _ in range(4):
        reply = client.get(path)
        if reply.status != 303:
            break
        path = reply.header("location")
    return reply


def test_each_address_that_is_posted_to_leads_to_a_page(
    each: OneOfEach, routes: Routes, places: dict[str, Place]
) -> None:
    """Asked for, by a language's link or after a sign-in: in the language that was asked for."""
    for route in sorted({path for method, path in routes.all if method == "POST"}):
        whose = next((who for begin, who in WHOSE.items() if route.startswith(begin)), "stranger")
        place = places.get(route, Place(route, whose, ()))
        page = reached(each[place.whose], f"/pl{place.path}")
        assert page.status == 200, route
        assert '<html lang="pl">' in page.text, route


def check_other_language(client: Client, reply: Reply, route: str) -> None:
    """The other language's link of a page that answered a form leads to one; what is shown once has none."""
    links = _OTHER_LANGUAGE.findall(reply.text)
    if SHOWN_ONCE.search(reply.text):
        assert links == [], route
    for link in links:
        assert reached(client, link).status in (200, reply.status), (route, link)


def test_nobody_moves_another_s_row(each: OneOfEach, routes: Routes, places: dict[str, Place]) -> None:
    """Each form that names a row, sent just as its owner would: refused to the others, and nothing is
    changed; sent by the owner it is taken, or told why the row's state forbids it.
    """
    shown = served(each, routes, places)
    posts = {route for method, route in routes.all if method == "POST" and "{" in route}
    assert {route for route, _ in shown} == posts
    forms = dict(
        sorted(
            (unserved(each, routes, places) | shown).items(), key=lambda one: not places[one[0][0]].no_others
        )
    )
    member = ("account", each.office.accounts["member3"])
    was = held(each.office)
    for (route, does), form in forms.items():
        place = places[route]
        if place.no_others:
            of = member if route.startswith("/me") else ("programme", 3)
            before = held(each.office, *of)
            for other in place.others:
                assert told(each, other, submit(each[other], form)).status < 500
            assert held(each.office, *of) == before, (route, does)
            was = held(each.office)
            continue
        for other in place.others:
            reply = told(each, other, submit(each[other], form))
            assert reply.status in REFUSED, (other, route, does, reply.status)
        if place.whose == "stranger":
            reply = submit(each["stranger"], replace(form, action=altered(form.action)))
            assert reply.status in REFUSED, (route, does)
    assert held(each.office) == was
    for (route, does), form in sorted(forms.items(), key=last):
        whose = places[route].whose
        reply = told(each, whose, submit(each[whose], form))
        is_told = 'id="fault"' in reply.text and reply.status != 403
        assert reply.status in (200, 303) or is_told, (route, does, reply.status)
        check_other_language(each[whose], reply, route)


def last(one: tuple[tuple[str, str], Form]) -> tuple[bool, bool, bool]:
    """By this, what ends a login or a row comes after what needs it."""
    (route, _), form = one
    return route.startswith("/desk/logins"), route.startswith("/desk"), form.is_final
