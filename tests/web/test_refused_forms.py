"""A form that is refused keeps what was typed and says which field is wrong, in both languages."""

import ast
import re
from html import unescape
from pathlib import Path

import pytest
import structlog.testing

from ops.web.identity.making import NAME_TYPED_MAX
from ops.web.refusals.names import NAMES
from tests.days import today
from tests.web.desk_counter import NOBODY, PERSON, PROGRAMME
from tests.web.office_stage import Client, OfficeStage, Reply
from tests.web.test_apply import GOOD, invited, pickup

WEB = Path(__file__).parents[2] / "ops/web"
READ_BY = {"text_of", "day_of", "year_of", "whole", "grosze_of"}
"""What reads a field of a form, and refuses it by its name."""
NO_BROWSER = {
    *("act", "via", "consent", "role", "hand", "step", "go", "what", "newsletter", "understood", "sure"),
    *("kind", "whose", "why", "lost", "changes", "programme", "credential", "end", "account", "agree"),
    *("through", "digest"),
}
"""Fields that are chosen or sent unseen: only what is no browser holds them too long."""


def fault(page: str) -> str:
    found = re.search(r'id="fault"[^>]*>(.*?)</p>', page, re.DOTALL)
    return unescape(re.sub("<[^>]*>", "", found[1])) if found else ""


def shown(page: str, name: str) -> str:
    """What the field `name` shows."""
    field = re.search(rf'<input id="{name}"[^>]*>', page)
    assert field, name
    value = re.search(r'value="([^"]*)"', field[0])
    return unescape(value[1]) if value else ""


def is_wrong(page: str, name: str) -> bool:
    return bool(re.search(rf'<input id="{name}"[^>]*aria-invalid="true" aria-describedby="fault"', page))


TYPED = {
    **PERSON,
    **NOBODY,
    "kind": "first",
    "flags": "family",
    "lost": "yes",
    "via": "post",
    "guardian": "Halina Q",
    "needs_guardian": "yes",
}


@pytest.mark.parametrize(
    ("field", "wrong", "polish", "english"),
    [
        ("born_on", "2020-13-45", "data urodzenia: to nie jest prawidłowa data", "born_on is no day"),
        ("tax_year", "20x4", "rok podatkowy: to nie jest prawidłowy rok", "tax_year is no year"),
        ("name", "x" * 201, "imię i nazwisko lub nazwa: dopuszczalna liczba znaków to najwyżej 200",
         "name must have at most 200 characters"),
        ("address", "a\x07b", "adres: ", "address must have printable characters only"),
        ("pesel", "4" * 12, "PESEL: ", "pesel must have at most 11 characters"),
    ],
)  # fmt: skip
def test_an_application_that_is_refused_keeps_what_was_typed(
    clerk: Client, field: str, wrong: str, polish: str, english: str
) -> None:
    """A new one: every field as it was, boxes and choices, too; the wrong one is named and marked."""
    typed = {**TYPED, field: wrong}
    for language, told in (("pl", polish), ("en", english)):
        path = f"/{language}/desk/applications/new"
        clerk.get(path)
        reply = clerk.post(path, **typed)
        assert (reply.status, told in fault(reply.text)) == (400, True), fault(reply.text)
        assert 'lang="en"' not in reply.text.partition("<main")[2]
        for name in ("name", "born_on", "address", "email", "tax_year", "guardian"):
            assert shown(reply.text, name) == typed[name]
        assert is_wrong(reply.text, field)
        assert not is_wrong(reply.text, "phone")
        for box in ("consent_data", "lost", "flag_family", "via"):
            assert re.search(rf'<input id="{box}"[^>]* checked', reply.text), box
        assert not re.search(r'<input id="co_signed"[^>]* checked', reply.text)
        assert '<option value="email" selected>' in reply.text


def test_a_change_of_an_application_that_is_refused_keeps_what_was_typed(clerk: Client) -> None:
    """Of one that is there: what was typed, not what stood there before; a box that was cleared stays so."""
    clerk.get("/en/desk/applications/new")
    path = clerk.post("/en/desk/applications/new", **TYPED).header("location")
    clerk.get(path)
    typed = {**TYPED, "name": "Jagna Q", "born_on": "1980-02-31"}
    del typed["lost"]
    reply = clerk.post(f"{path}/form", **typed)
    assert (reply.status, is_wrong(reply.text, "born_on")) == (400, True)
    assert (shown(reply.text, "name"), shown(reply.text, "born_on")) == ("Jagna Q", "1980-02-31")
    assert not re.search(r'<input id="lost"[^>]* checked', reply.text)
    reply = clerk.post(path, act="call", reason="x" * 2_001)
    assert (reply.status, "reason must have" in fault(reply.text), "x" * 2_001 in reply.text) == (
        400,
        True,
        True,
    )
    assert shown(reply.text, "name") == PERSON["name"], "another form of the page is as it was"


def test_forms_of_a_page_keep_each_its_own(office: OfficeStage, clerk: Client) -> None:
    """On a holder's page what was refused shows in the fields of its own form alone."""
    path = f"/en/desk/holders/{office.accounts['ola3']}"
    clerk.get(path)
    reply = clerk.post(path, act="represent", role="guardian", name="Halina", until="soon", reason="a letter")
    assert (reply.status, fault(reply.text)) == (400, "Not done: until is no day")
    assert (shown(reply.text, "rep_name"), shown(reply.text, "name")) == ("Halina", "Ola Nowa")
    assert shown(reply.text, "reason_represent") == "a letter"
    assert shown(reply.text, "reason_block") == ""
    reply = clerk.post(path, act="change", name="Ola Q", email="no address", channel="email")
    assert (reply.status, is_wrong(reply.text, "email")) == (409, True)
    assert (shown(reply.text, "name"), shown(reply.text, "rep_name")) == ("Ola Q", "")


def test_a_partner_and_an_offer_are_not_typed_twice(office: OfficeStage) -> None:
    """The other forms of the desk that are filled at length."""
    office.officer(PROGRAMME, "types-once", "editor", desk="")
    client = office.signed_in("zgierz", "types-once")
    client.get("/en/desk/partners")
    reply = client.post("/en/desk/partners", partner="7x", name="Kino", legal_name="Kino sp. z o.o.")
    assert (reply.status, fault(reply.text)) == (400, "Not done: partner is written in figures")
    assert (shown(reply.text, "partner"), shown(reply.text, "legal_name")) == ("7x", "Kino sp. z o.o.")
    client.get("/en/desk/offers/new")
    reply = client.post(
        "/en/desk/offers", act="keep", number="1", partner="1", name_pl="x" * 300, text_pl="Film"
    )
    assert reply.status == 400
    assert (shown(reply.text, "text_pl"), is_wrong(reply.text, "name_pl")) == ("Film", True)
    offer = {"number": "7", "partner": "1", "name_pl": "Kino", "text_pl": "Film", "days": "fri"}
    for wrong, field in (
        ({"kind": "percent", "value": "x"}, "value"),
        ({"kind": "fixed_price", "value": "1e3"}, "value"),
        ({"kind": "percent", "value": "120"}, "value"),
        ({"kind": "free_entry", "uses_1": "0", "every_1": "day", "per_1": "offer"}, "uses_1"),
        ({"kind": "free_entry", "hours": "10-12"}, "hours"),
        ({"kind": "free_entry", "max_discount": "0"}, "max_discount"),
    ):
        reply = client.post("/pl/desk/offers", csrf=client.csrf, act="keep", **{**offer, **wrong})
        assert (reply.status, is_wrong(reply.text, field)) == (400, True), (field, fault(reply.text))
        assert re.search(r'<input id="days_fri"[^>]* checked', reply.text)
        assert not re.search("str|int|regex|wzór|typ:|benefits|_grosze|card_and", fault(reply.text)), field


def test_months_points_and_contracts_are_not_typed_twice(office: OfficeStage) -> None:
    """A correction, points, the steps of a contract: as they were typed, the field marked that it is about,
    no other form of the page filled, and never the number of a card.
    """
    office.officer(PROGRAMME, "types-all", "accounts", "editor", desk="")
    client, month = office.signed_in("zgierz", "types-all"), f"{today():%Y-%m}"
    path = f"/en/desk/months/{month}"
    client.get(path)
    typed = {"partner": "99999", "net": "45,90", "origin": "2026-01", "reason": "a letter"}
    reply = client.post(path, act="correct", **typed)
    assert "99999" in fault(reply.text)
    assert is_wrong(reply.text, "partner")
    for name in ("partner", "net", "origin"):
        assert shown(reply.text, name) == typed[name]
    assert (shown(reply.text, "reason_correct"), shown(reply.text, "reason_close")) == ("a letter", "")
    reply = client.post(path, act="correct", **{**typed, "net": "4590 zł"})
    assert (is_wrong(reply.text, "net"), shown(reply.text, "net")) == (True, "4590 zł")
    client.get("/en/desk/points")
    reply = client.post("/en/desk/points", act="correct", card="961629", points="-5", reason="a letter")
    assert is_wrong(reply.text, "card")
    assert (shown(reply.text, "card"), shown(reply.text, "points")) == ("", "-5")
    assert (shown(reply.text, "reason_correct"), shown(reply.text, "reason_open")) == ("a letter", "")
    number = 88_111
    client.get("/en/desk/partners")
    client.post("/en/desk/partners", partner=str(number), name="Sklep")
    path = f"/en/desk/partners/{number}"
    client.get(path)
    assert client.post(path, act="verify").status == 303
    client.get(path)
    reply = client.post(path, act="agree", outlet="", starts_on="2030-01-01", months="1", with_services="yes")
    assert is_wrong(reply.text, "months")
    assert (shown(reply.text, "starts_on"), shown(reply.text, "months")) == ("2030-01-01", "1")
    assert re.search(r'<input id="with_services"[^>]* checked', reply.text)
    assert shown(reply.text, "reason_refuse") == ""
    reply = client.post(
        path, act="details", legal_name="Sklep sp. z o.o.", tax_id="1234567890", address="Rynek"
    )
    assert is_wrong(reply.text, "tax_id")
    assert (shown(reply.text, "legal_name"), shown(reply.text, "address")) == ("Sklep sp. z o.o.", "Rynek")


def test_an_applicant_s_form_keeps_what_was_typed(office: OfficeStage) -> None:
    """On line, step by step: a field that is too long is named, and the step is shown as it was typed."""
    applicant = invited(office, "typed@once.example")
    said = {**GOOD, "pickup": pickup(office, applicant), "name": "y" * 201}
    for language, told in (("en", "name of the person"), ("pl", "imię i nazwisko")):
        form = applicant.form.replace("/en/", f"/{language}/")
        applicant.client.get(form)
        reply = applicant.client.post(form, step="1", go="next", **said)
        assert (reply.status, "y" * 201 in reply.text) == (400, True)
        assert told.lower() in fault(reply.text).lower()


PUTS = re.compile(r"{{\s*(field|box|why|why_field|reason|person_fields|form_fields)\((.*?)\)\s*}}", re.DOTALL)
"""What puts fields into a form of the desk."""
FIELD = re.compile(
    r"<(?:(?P<tag>select|textarea)|input)\b(?P<says>(?:{{.*?}}|{%.*?%}|[^<>{}])*)>"
    r"(?P<holds>(?(tag).*?</(?P=tag)>|))",
    re.DOTALL,
)
UNTYPED = re.compile(r'type="(hidden|file|password)"|name="(sure|who)"')
"""What is sent unseen, or is typed again for good: a file, that one is sure, and whom one looks for."""
CARDS = re.compile(r'name="(card|lines)"')
"""What holds numbers of cards, which no page shows."""


@pytest.mark.parametrize("path", sorted(WEB.glob("desk/templates/*.html")), ids=lambda path: path.name)
def test_every_form_of_the_desk_shows_what_was_typed(path: Path) -> None:
    """Every field of every form that is posted holds what was typed there, and is marked where it is wrong;
    the number of a card is marked alone.
    """
    text = re.sub(r'<form method="get".*?</form>', "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    for put in PUTS.finditer(text):
        assert "typed" in put[2], put[0]
    for field in FIELD.finditer(text):
        says, is_chosen = field["says"], field["tag"] == "select" or 'type="checkbox"' in field["says"]
        if UNTYPED.search(says):
            continue
        assert is_chosen or "typed.marks(" in says, field[0]
        shows = says.replace("typed.marks", "") + field["holds"]
        assert ("typed." in shows) != bool(CARDS.search(says)), field[0]


def test_where_no_form_is_shown_again_the_page_says_which_field_it_was(office: OfficeStage) -> None:
    """Any page that reads a field: 400, by the same words, and no failure in the log."""
    client = office.client()
    client.get("/en/register")
    with structlog.testing.capture_logs() as logs:
        reply: Reply = client.post("/en/register", programme="zgierz", login="e" * 2_000)
        polish = client.post("/pl/register", programme="zgierz", login="e" * 2_000)
    assert (reply.status, fault(reply.text)) == (400, f"login must have at most {NAME_TYPED_MAX} characters")
    assert fault(polish.text).startswith("login: dopuszczalna liczba znaków")
    assert [each for each in logs if each["event"] == "page_failed"] == []


def test_every_field_that_is_typed_has_a_name_in_polish() -> None:
    """Whatever page reads it: a refusal is told by a name, and not by the form's own word for it."""
    read = {
        argument.value
        for path in WEB.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") in READ_BY
        for argument in node.args[1:2]
        if isinstance(argument, ast.Constant)
    }
    assert len(read) > 40
    assert read - NO_BROWSER - NAMES["column"].keys() == set()
