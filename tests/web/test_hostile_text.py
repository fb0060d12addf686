"""Markup and formulas in every text field that the site serves: what is kept is text, wherever it is shown.

The fields are found on the pages of the desk, of holders, partners and applicants, and filled as each wants.
Invariant: a field keeps what was typed and it is met again, or refuses it, or stands in `NOT_MET` with why.
"""

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Final, NamedTuple

import pytest
from playwright.sync_api import Browser

from tests.days import today
from tests.postgres import Server
from tests.web.browser import Visit
from tests.web.desk_months import last_month
from tests.web.office_stage import OfficeStage, Reply
from tests.web.one_of_each import CARD, OneOfEach, Place, one_of_each
from tests.web.served_forms import VALID, Form, Input, Routes, forms_of, submit
from tests.web.test_every_page import opened_by, who_opens

ROUNDS: Final = 4
"""So often all pages are looked at: what was done brings other forms."""
DANGER: Final = 2
"""From this round on what warns of itself is done, and in the last one what ends a row that others need."""
ENDS: Final = (
    ("/desk/holders/{account:int}", "resign"), ("/desk/holders/{account:int}", "block"),
    ("/desk/applications/{number:int}", "withdraw"), ("/desk/logins/{login:int}", "reset"),
    ("/desk/logins/{login:int}", "end"), ("/partner/declarations/{number:int}", ""),
    ("/account/passkeys/{number:int}", "remove"), ("/me/block/{place}", ""),
    ("/me/applications/{number:int}", "withdraw"), ("/apply/state/{secret}", "withdraw"),
)  # fmt: skip
LEFT_ALONE: Final = (
    "/logout", "/account/sessions", "/account/password", "/me/end", "/login", "/login/passkey",
    "/me/family/proxies/end",
)  # fmt: skip
"""Forms without a text, or with who one is alone, that end what others need."""
UNDOES: Final = ("remove", "back", "approve_erasure")
"""What takes away what was typed."""
MET: Final = re.compile(r"onerror=w\((\d+)\)")
RAN: Final = "window.ran = []; window.w = number => ran.push(number)"
MARKED: Final = """() => ran.concat([...document.querySelectorAll("[onerror], img[src=x]")]
  .map(one => one.outerHTML))"""
NOT_MET: Final[dict[tuple[str, str], str]] = {
    ("/desk/holders", "who"): "whom one looks for is kept nowhere",
    ("/register", "code"): "compared with what was given out",
    ("/register", "last4"): "compared with what is known",
    ("/register", "login"): "kept as a hash",
    ("/me/family/code", "code"): "compared with what was given out",
    ("/account/passkeys", "name"): "kept with what a device makes, and renamed in another form",
}
"""Fields, by route and name, whose text is kept nowhere or shown to nobody, and why."""


class Field(NamedTuple):
    route: str
    does: str
    name: str


class Walk:
    """Fills in every form once that any of the pages serves, and knows which text went where."""

    def __init__(self, each: OneOfEach) -> None:
        self.each = each
        self.routes = Routes(each.office)
        self.texts: dict[Field, int] = {}
        self.refused: set[Field] = set()
        self.met: set[int] = set()
        self.shown_again: set[int] = set()
        """Typed in a form that was refused, and told on the page that said so, or in the next step."""
        self.forms = 0
        self.done: set[tuple[str, str, tuple[Input, ...]]] = set()

    def go(self) -> None:
        for at in range(ROUNDS):
            for who, path in self.pages():
                reply = self.each[who].get(f"/en{path}")
                self.met |= {int(number) for number in MET.findall(reply.text)}
                self._forms_of(who, reply, at)
        for who, path in self.pages():  # what the last round left
            self.met |= {int(number) for number in MET.findall(self.each[who].get(f"/en{path}").text)}

    def pages(self) -> list[tuple[str, str]]:
        """Who opens what; officers last, who end what others need."""
        places, month = self.each.places(), f"/desk/months/{last_month()}"
        found = [("every3", f"{month}{more}") for more in ("", "/statements.csv", "/documents")]
        for method, route in self.routes.all:
            if method == "GET":
                place = places.get(route, Place(route, who_opens(route), ()))
                found.append((place.whose, place.path))
        numbers = self.each.office.sql("select number from people.application order by number")
        found += [("every3", f"/desk/applications/{row['number']}") for row in numbers]
        new = self.each.office.sql("select id from registry.partner where id between 88000 and 88999")
        found += [("every3", f"/desk/partners/{row['id']}") for row in new]
        found += [("every1", "/desk/points/2"), ("every3", "/desk/offers/preview?number=831")]
        return sorted(dict.fromkeys(found), key=lambda one: one[1].startswith("/desk"))

    def _forms_of(self, who: str, reply: Reply, at: int) -> None:
        if not reply.header("content-type").startswith("text/html"):
            return
        found = [(self.routes.of("POST", form.action), form) for form in forms_of(reply.text)]
        for route, form in sorted(found, key=lambda one: (one[0], one[1].does) in ENDS):
            first = ROUNDS - 1 if (route, form.does) in ENDS else DANGER if form.is_final else 0
            step = tuple(one for one in form.inputs if one.name == "step")
            key = (route, form.does, step + tuple(one._replace(value="") for one in form.typed()))
            if key not in self.done and route not in LEFT_ALONE and form.does not in UNDOES and at >= first:
                self.done.add(key)
                if not self._fill(who, route, form, at) and at < ROUNDS - 1:
                    self.done.discard(key)

    def _fill(self, who: str, route: str, form: Form, at: int) -> bool:
        """Try each field that takes only what is like it, then all others at once; whether it was taken."""
        valid = self.valid(route, form)
        typed = {one: Field(route, form.does, one.name) for one in form.typed()}
        self._refuse(who, form, {one: self.text(field, one) for one, field in typed.items()})
        free = {one.name: self.text(field, one) for one, field in typed.items() if one.name not in valid}
        tried = {}
        for one, field in typed.items():
            shaped = self.shaped(field, one) if one.name in valid and field not in self.refused else ()
            tried[field] = [
                self._send(who, form, {**self.valid(route, form), one.name: text}) for text in shaped
            ]
        valid = self.valid(route, form)
        reply = self._send(who, form, {**valid, **free})
        if not is_taken(reply) and who.startswith("every"):
            reply = self._send(who.replace("every", "second"), form, {**valid, **free})
        if is_taken(reply):
            self.refused |= {
                field for field, replies in tried.items() if replies and not any(map(is_taken, replies))
            }
            self.shown_again |= {int(number) for number in MET.findall(reply.text)}
            self._forms_of(who, reply, at)
        return is_taken(reply)

    def _refuse(self, who: str, form: Form, texts: dict[Input, str]) -> None:
        """Send what no field takes, the first one too long: the page that says so shows it as text."""
        if not texts:
            return
        sent = {one.name: text for one, text in texts.items()}
        first = next(iter(texts))
        sent[first.name] += "x" * (first.most + 1)
        reply = self._send(who, form, sent)
        assert not is_taken(reply), (form.action, form.does, first.name)
        self.shown_again |= {int(number) for number in MET.findall(reply.text)}

    def _send(self, who: str, form: Form, typed: dict[str, str]) -> Reply:
        if not form.action.startswith("/en/desk"):
            self.each.office.forget_attempts()
        if form.action.startswith("/en/desk/applications/") and not form.has_file:
            # Each step changes what the next one is compared with: the page is opened anew, and tells it.
            self.each[who].get("/".join(form.action.split("/")[:5]))
            form = replace(form, inputs=tuple(one for one in form.inputs if one.name != "digest"))
        reply = submit(self.each[who], form, typed)
        assert reply.status < 500, (form.action, typed)
        assert "<img" not in reply.text, (form.action, typed)
        return reply

    def text(self, field: Field, one: Input) -> str:
        """A text of its own for a field: it would run on a page, and be a formula in a sheet."""
        number = self.texts.setdefault(field, len(self.texts) + 1)
        text = f"=<img src=x onerror=w({number})>\"'"[: one.most]
        if field.name == "lines":
            return f"{CARD} 300 {text}"
        if (field.route, field.name) == ("/desk/offers", "text"):
            partner = self.each.partners["cinema"]
            head = f'programme = "zgierz"\n[[offer]]\nnumber = 833\npartner = {partner}\n'
            lines = f"name = {{ pl = '''{text[:-2]}''', en = 'Film' }}\ntext = {{ pl = 'x', en = 'x' }}\n"
            return head + lines + 'benefits = [{ kind = "free_entry" }]'
        return text

    def shaped(self, field: Field, one: Input) -> Iterator[str]:
        """What a field that takes only what is like it is tried with."""
        yield self.text(field, one)
        if "email" in field.name:
            yield f'"><img/src=x/onerror=w({self.texts[field]})>"@x.example'

    def valid(self, route: str, form: Form) -> dict[str, str]:
        """What the fields of a form have that take only what is like it."""
        mine = {
            "partner": str(self.each.partners["cinema"]),
            "login": f"login-{len(self.done)}",
            "uses_0": "",
        }
        if route.startswith("/desk/months"):
            mine["partner"] = str(self.each.partners["baker"])
        if route == "/desk/partners":
            mine["partner"] = str(88_000 + self.forms)
        if route == "/desk/offers":
            mine["number"] = str(2_000 + self.forms)
        if route == "/desk/points":
            mine["card"] = CARD
        if route == "/desk/holders":
            mine["who"] = "Ktoś"
        if route.startswith("/desk/applications"):  # an adult has no guardian
            mine["born_on"] = f"{today().year - 8}-01-01"
        if route.startswith("/me/family") or form.does == "represent":
            mine["until"] = VALID["until"]
        return {one.name: text for one in form.typed() for text in [{**VALID, **mine}.get(one.name)]
                if text is not None and one.name != "lines"}  # fmt: skip


def is_taken(reply: Reply) -> bool:
    """Whether a form did what it does: no page that says why not."""
    return reply.status == 303 or (reply.status == 200 and 'role="alert"' not in reply.text)


@pytest.fixture(scope="module")
def walk(postgres_server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Walk]:
    """A site of its own, of which each form was filled in."""
    with one_of_each(postgres_server, tmp_path_factory.mktemp("hostile")) as each:
        each.reported(9_901)
        found = Walk(each)
        found.go()
        yield found


def kept(office: OfficeStage) -> set[int]:
    """The texts that tables hold as they were typed."""
    found: set[int] = set()
    for (name,) in office.sql(
        "select table_schema || '.' || table_name from information_schema.tables "
        "where table_type = 'BASE TABLE' and table_schema not in ('pg_catalog', 'information_schema')"
    ):
        rows = office.sql(f"select x::text from {name} x where x::text like '%onerror=w(%'")
        found |= {int(number) for row in rows for number in MET.findall(row[0])}
    return found


def test_every_text_is_text_wherever_it_is_shown(walk: Walk, browser: Browser) -> None:
    """Each page and file, after all: no markup in it that somebody typed, no formula in a sheet, nothing of
    it in a header; in a browser with scripts nothing runs, and no policy was needed.
    """
    visits: dict[str, Visit] = {}
    sheets = 0
    for who, path in walk.pages():
        reply = walk.each[who].get(f"/en{path}")
        assert not any("onerror" in value for _, value in reply.headers), path
        if reply.header("content-type").startswith("text/csv"):
            sheets += formulas_in(reply)
        elif reply.header("content-type").startswith("text/html") and reply.status == 200:
            assert "<img" not in reply.text, path
            if who not in visits:
                visits[who] = opened_by(walk.each, who, browser)
                visits[who].page.context.add_init_script(RAN)
            visits[who].page.goto(f"{walk.each.office.url}en{path}")
            assert visits[who].page.evaluate(MARKED) == [], path
    assert sheets > 0, "a text stands in a sheet"
    for visit in visits.values():
        assert visit.complaints == []
        visit.page.context.close()


def formulas_in(reply: Reply) -> int:
    """How many texts of a sheet were typed as a formula; none of them is one."""
    cells = [cell for row in csv.reader(io.StringIO(reply.text.lstrip("\ufeff"))) for cell in row]
    assert not [cell for cell in cells if cell.startswith(("=", "+", "@"))]
    return sum(cell.startswith("'=") for cell in cells)


def test_what_a_refused_form_held_is_text_as_well(walk: Walk) -> None:
    """Pages that only a form answers with: each was looked at for markup when it came, and most of what was
    typed stood on one.
    """
    assert len(walk.shown_again) > 95


def test_every_text_field_is_met_again(walk: Walk) -> None:
    """What was typed in a field stands on a page or in a row as it was typed, or its form takes all but that:
    else it is listed with the reason why it is met nowhere.
    """
    seen = walk.met | kept(walk.each.office)
    lost = {field for field, number in walk.texts.items() if number not in seen and field not in walk.refused}
    assert {(field.route, field.name) for field in lost} == set(NOT_MET)
    assert len(walk.texts) - len(lost) - len(walk.refused) > 40, "so many texts are kept"
