"""Two who write the same at a time: no save puts back what another changed since the page was opened."""

import re
from typing import NamedTuple

import pytest

from ops.web.identity.making import make_login
from ops.web.identity.passwords import Passwords
from tests.web.crawl import crawl
from tests.web.desk_counter import NOBODY, take
from tests.web.office_stage import CITIES, PASSWORD, TESTER, Client, OfficeStage, Reply
from tests.web.shown_forms import Shown, form_on, forms_of, send
from tests.web.test_own_contact import CODE, letters

PARTNER, OFFER = CITIES[1].partner_id(0), 873
BESIDE = {"reason": "a letter", "password": PASSWORD}
"""What a form wants besides, each time it is saved; a form without such a field passes over it."""


class Edited(NamedTuple):
    """A form that shows a whole record: whose it is, the page, where it goes, and two fields two change."""

    login: str
    page: str
    action: str
    act: str
    mine: tuple[str, str]
    theirs: tuple[str, str]


FORMS = {
    "holder's data": Edited(
        "walks", "/en/desk/holders/{ola}", "/en/desk/holders/{ola}", "change",
        ("phone", "600 100 299"), ("email", "anew@poczta.example"),
    ),
    "flags": Edited(
        "walks", "/en/desk/holders/{ola}", "/en/desk/holders/{ola}", "flags",
        ("needs_guardian", "yes"), ("flags", "family"),
    ),
    "partner's details": Edited(
        "walks", "/en/desk/partners/{partner}", "/en/desk/partners/{partner}", "details",
        ("legal_name", "Sklep sp. z o.o."), ("address", "Rynek 7"),
    ),
    "offer": Edited(
        "walks", "/en/desk/offers/new?like={offer}", "/en/desk/offers", "keep",
        ("name_pl", "Inna nazwa"), ("days", "mon"),
    ),
    "own data": Edited(
        "ola", "/en/me/data", "/en/me/data", "", ("phone", "600 100 298"), ("email", "ola@poczta.example"),
    ),
    "partner's offer": Edited(
        "walks-too", "/en/partner/offers/{offer}", "/en/partner/offers/{offer}", "",
        ("name_pl", "Jeszcze inna"), ("text_en", "Told otherwise"),
    ),
}  # fmt: skip
OTHER_FORMS = {
    "/en/desk/applications/new": "an application that is not there yet",
    "/en/desk/partners/{partner} agree": "the months that the rules want at least",
    "/en/me/renewal": "the year that a renewal is for",
}
"""Forms with something in their fields that is no record which two might change."""


@pytest.fixture(scope="module")
def stage(office: OfficeStage) -> OfficeStage:
    """Zgierz with an officer of every page, a partner who signs in, and an offer of that partner's."""
    office.officer(3, "walks", "clerk", "editor", desk="")

    async def make(_owner: object) -> None:
        await make_login(
            office.offices[3], Passwords(), TESTER, "partner", "walks-too", password=PASSWORD,
            shown="Walks", partner=PARTNER,
        )  # fmt: skip

    office.run(make)
    client = office.signed_in("zgierz", "walks")
    client.get("/en/desk/partners")
    client.post("/en/desk/partners", partner=str(PARTNER), name="Sklep")
    fields = {f"{text}_{language}": "Gazeta" for text in ("name", "text") for language in ("pl", "en")}
    fields |= {"number": str(OFFER), "partner": str(PARTNER), "kind": "free_entry", "combines": ""}
    client.get("/en/desk/offers/new")
    assert client.post("/en/desk/offers", act="keep", **fields).status == 303
    take(client, **NOBODY)
    return office


def saved(office: OfficeStage, client: Client, form: Shown) -> Reply:
    """What a form comes to, with the code that the change of one's own contact wants."""
    reply = send(client, form)
    if reply.header("location") != "/en/me/data":  # not where a code is typed, nor saved
        return reply
    code = CODE.search(letters(office)[-1].get_content())
    assert code is not None
    page = client.get("/en/me/data").text
    return send(client, form_on(page, "/en/me/data/code").typed(code=code[0]))


def filled(office: OfficeStage, text: str) -> str:
    return text.format(ola=office.accounts["ola3"], partner=PARTNER, offer=OFFER)


@pytest.mark.parametrize("name", FORMS)
def test_a_save_puts_nothing_back_that_another_changed_since(stage: OfficeStage, name: str) -> None:
    """Refused, whole: the page shows what stands now and what was typed; saved from there, both stand."""
    form = FORMS[name]
    mine, theirs = dict([form.mine]), dict([form.theirs])
    page, action = filled(stage, form.page), filled(stage, form.action)
    first, second = (stage.signed_in("zgierz", form.login) for _ in range(2))
    opened = [form_on(client.get(page).text, action, form.act) for client in (first, second)]
    beside = {each: text for each, text in BESIDE.items() if dict(opened[0].fields).get(each) is not None}
    if name == "partner's offer":  # the organiser changes it: a partner's declaration is no change yet
        editor = stage.signed_in("zgierz", "walks")
        there = form_on(editor.get(f"/en/desk/offers/new?like={OFFER}").text, "/en/desk/offers", "keep")
        assert send(editor, there.typed(**theirs)).status == 303
    else:
        assert saved(stage, first, opened[0].typed(**theirs, **beside)).status == 303
    reply = send(second, opened[1].typed(**mine, **beside))
    assert reply.status in (400, 409)
    assert re.search("changed since you opened it|changed after you opened the page", reply.text)
    assert f'id="news_{form.theirs[0]}"' in reply.text
    assert f'id="news_{form.mine[0]}"' not in reply.text, "nobody else changed that"
    again = form_on(reply.text, action, form.act)
    assert (again.text(form.mine[0]), again.text(form.theirs[0])) == (form.mine[1], form.theirs[1])
    assert saved(stage, second, again.typed(**beside)).status == 303
    if name == "partner's offer":
        declared = "select max(number) from registry.offer_declaration where offer = $1"
        number = stage.sql(declared, OFFER)[0][0]
        assert second.post(f"/en/partner/declarations/{number}").status == 303, "taken back: nothing waits"
    else:
        now = form_on(second.get(page).text, action, form.act)
        assert (now.text(form.mine[0]), now.text(form.theirs[0])) == (form.mine[1], form.theirs[1])


@pytest.mark.parametrize("name", [name for name in FORMS if name not in ("flags", "partner's offer")])
def test_what_two_typed_in_one_field_is_shown_both(stage: OfficeStage, name: str) -> None:
    """The own text stays in the field, and what stands now is beside it; a form that says nothing of what it
    showed saves nothing.
    """
    form = FORMS[name]
    page, action, field = filled(stage, form.page), filled(stage, form.action), form.mine[0]
    first, second = (stage.signed_in("zgierz", form.login) for _ in range(2))
    opened = [form_on(client.get(page).text, action, form.act) for client in (first, second)]
    beside = {each: text for each, text in BESIDE.items() if dict(opened[0].fields).get(each) is not None}
    one, other = (f"{form.mine[1]}{n}" for n in (7, 8))
    assert saved(stage, first, opened[0].typed(**{field: one}, **beside)).status == 303
    for seen in (opened[1].text("seen"), "", "x", f"{field}:0123456789abcdef"):
        reply = send(second, opened[1].typed(**{field: other}, **beside, seen=seen))
        assert reply.status in (400, 409)
        shown = form_on(reply.text, action, form.act)
        assert shown.text("seen") != seen
        if seen == opened[1].text("seen"):
            assert shown.text(field) == other
            news = re.search(rf'id="news_{field}">([^<]*)<', reply.text)
            assert news
            assert one in news[1]
    assert form_on(first.get(page).text, action, form.act).text(field) == one


def test_what_a_holder_changed_stays_when_a_desk_saves_an_older_page(stage: OfficeStage) -> None:
    """The holder's new address for letters, changed on the web meanwhile, is not put back by a clerk."""
    clerk, holder = stage.signed_in("zgierz", "walks"), stage.signed_in("zgierz", "ela")
    path = f"/en/desk/holders/{stage.accounts['ela3']}"
    opened = form_on(clerk.get(path).text, path, "change")
    own = form_on(holder.get("/en/me/data").text, "/en/me/data")
    assert saved(stage, holder, own.typed(email="ela@nowy.example", password=PASSWORD)).status == 303
    reply = send(clerk, opened.typed(address="Rynek 8"))
    assert reply.status == 409
    again = form_on(reply.text, path, "change")
    assert (again.text("email"), again.text("address")) == ("ela@nowy.example", "Rynek 8")
    assert send(clerk, again).status == 303
    assert 'value="ela@nowy.example"' in holder.get("/en/me/data").text


def test_every_form_that_shows_a_record_says_what_it_showed(stage: OfficeStage) -> None:
    """Whatever an officer, a partner and a holder reach: a form with something in a field carries `seen`, an
    application's its `digest`.
    """
    left, found, applications = tuple(filled(stage, each) for each in OTHER_FORMS), set(), 0
    for login, start in (("walks", "/en/desk/holders"), ("walks-too", "/en/partner"), ("ola", "/en/me")):
        client = stage.signed_in("zgierz", login)
        pages = crawl(client, start).pages
        for path in (filled(stage, form.page) for form in FORMS.values() if form.login == login):
            pages.setdefault(path, client.get(path).text)
        for path, page in pages.items():
            for form in forms_of(page):
                says = form.text("seen") or form.text("digest")
                applications += form.action.startswith("/en/desk/applications/") and bool(form.text("digest"))
                if form.shows and not says and not f"{form.action} {form.act}".startswith(left):
                    found.add((path, form.action, form.act, *form.shows))
    assert found == set()
    assert applications > 3, "the form of an application, and its steps"
