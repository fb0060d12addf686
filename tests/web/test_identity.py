"""Signing in: who gets in, who does not, and what neither can be told by."""

import re
import time

import pytest
from argon2 import PasswordHasher

from ledger.registry.audit import ACTOR_CHARACTERS_MAX, is_same_person
from ledger.registry.web_sessions import OPEN_MAX
from ops.web.identity.person import Person, actor_of
from ops.web.identity.second_factor import code_at
from ops.web.identity.secrets import new_token
from tests.web.office_stage import PASSWORD, SECRET, OfficeStage


@pytest.fixture(autouse=True)
def no_attempts(office: OfficeStage) -> None:
    office.forget_attempts()


def test_a_holder_signs_in_and_out(office: OfficeStage) -> None:
    """With login and password one is in; signed out, the cookie that was is of no use."""
    client = office.client()
    assert client.get("/en/account/sessions").status == 303
    assert client.sign_in("zgierz", "ala").status == 303
    assert client.get("/en/account/sessions").status == 200
    was = dict(client.cookies)
    assert client.post("/en/logout").status == 303
    client.cookies = was
    assert client.get("/en/account/sessions").status == 303


def test_the_cookie_is_for_no_script_and_no_other_site(office: OfficeStage) -> None:
    """HttpOnly and SameSite=Lax; over TLS it is a __Host- cookie that is Secure."""
    client = office.client()
    cookie = client.sign_in("zgierz", "ala").header("set-cookie")
    assert "HttpOnly" in cookie
    assert "samesite=lax" in cookie.lower()
    assert "Path=/" in cookie


def test_signing_in_makes_another_session(office: OfficeStage) -> None:
    """A cookie that somebody planted before is of nobody's session afterwards (fixation)."""
    begun = office.client()
    begun.get("/en/login")
    for planted in (dict(begun.cookies), {"session": new_token(0)}, {"session": new_token(3)}):
        client, other = office.client(), office.client()
        client.cookies, other.cookies = dict(planted), dict(planted)
        assert client.sign_in("zgierz", "ala").status == 303
        assert client.cookies["session"] != planted["session"]
        assert client.get("/en/account/sessions").status == 200
        assert other.get("/en/account/sessions").status == 303


def test_a_session_is_kept_as_a_hash(office: OfficeStage) -> None:
    """Who reads the database cannot sign in with what it holds: no token, name or password is in it."""
    client = office.signed_in("zgierz", "ala")
    token = next(iter(client.cookies.values()))
    for table in ("login", "session", "attempt", "recovery_code", "code"):
        kept = " ".join(str(row[0]) for row in office.sql(f"select t::text from web.{table} t"))
        assert token not in kept
        assert PASSWORD not in kept
    names = office.sql("select shown from web.login where kind = 'holder'")
    assert {row["shown"] for row in names} == {""}
    assert all(
        row["password"].startswith("$argon2id$") for row in office.sql("select password from web.login")
    )


def test_what_is_wrong_tells_nothing(office: OfficeStage) -> None:
    """An unknown login, a wrong password and a login of another city: one answer, word for word."""
    said = set()
    for city, name, password in (
        ("zgierz", "nobody-here", PASSWORD),
        ("zgierz", "ala", "wrong password"),
        ("zgierz", "clerk", "wrong password"),
        ("zgierz", "ala\x00", PASSWORD),
    ):
        client = office.client()
        reply = client.sign_in(city, name, password)
        said.add((reply.status, reply.text.replace(client.csrf, "")))
    assert len(said) == 1
    assert said.pop()[0] == 403


def test_an_unknown_login_costs_the_same_work(office: OfficeStage, monkeypatch: pytest.MonkeyPatch) -> None:
    """For a login that is not there Argon2id is computed all the same, once."""
    computed: list[str] = []
    original = PasswordHasher.verify
    monkeypatch.setattr(
        PasswordHasher,
        "verify",
        lambda self, kept, password: computed.append(kept) or original(self, kept, password),
    )
    for name in ("nobody-here", "ala"):
        office.client().sign_in("zgierz", name, "wrong password")
    parameters = [kept.split("$")[3] for kept in computed]
    assert parameters == ["m=19456,t=2,p=1"] * 2


def test_a_form_of_no_session_is_refused(office: OfficeStage) -> None:
    """Without the session's own field, with another's, or as another type: nothing is done (CSRF)."""
    client, other = office.signed_in("zgierz", "ala"), office.signed_in("zgierz", "ola")
    other.get("/en/account/sessions")
    client.get("/en/account/sessions")
    for forged in ("", "0" * 64, other.csrf):
        assert client.post("/en/logout", csrf=forged).status == 400
    assert client.ask("POST", "/en/logout", b"{}", Content_Type="application/json").status == 400
    assert client.ask("POST", "/en/logout", b"", Sec_Fetch_Site="cross-site").status == 403
    assert client.get("/en/account/sessions").status == 200
    fresh = office.client()
    assert fresh.post("/en/login", csrf="", programme="zgierz", login="ala", password=PASSWORD).status == 400


def test_a_form_has_bounds(office: OfficeStage) -> None:
    """More than a form may hold is refused unread, however it is told."""
    client = office.signed_in("zgierz", "ala")
    client.get("/en/account/sessions")
    assert client.post("/en/account/password", old="x" * 100_000).status == 413


def test_an_officer_needs_the_second_factor(office: OfficeStage) -> None:
    """The password alone opens nothing; a code is taken once; six wrong ones shut it."""
    client = office.client()
    assert "/login/second" in client.sign_in("zgierz", "clerk").header("location")
    assert client.get("/en/account/sessions").status == 303
    before = dict(client.cookies)
    client.get("/en/login/second")
    assert client.post("/en/login/second", code="000000").status == 403
    code = code_at(SECRET, time.time())
    assert client.post("/en/login/second", code=code).status == 303
    assert client.cookies != before
    assert client.get("/en/account/sessions").status == 200
    again = office.client()
    again.sign_in("zgierz", "clerk")
    again.get("/en/login/second")
    assert again.post("/en/login/second", code=code).status == 403
    assert [again.post("/en/login/second", code="000000").status for _ in range(6)][-1] == 429


def test_an_officer_without_one_enrols_it_first(office: OfficeStage) -> None:
    """The secret stays until its first code; then come recovery codes, each of which works once."""
    from base64 import b32decode

    client = office.client()
    assert "/login/enrol" in client.sign_in("zgierz", "novice").header("location")
    page = client.get("/en/login/enrol").text
    typed = page.split('id="secret">')[1].split("<")[0].replace(" ", "")
    assert typed in client.get("/en/login/enrol").text.replace(" ", "")
    assert client.get("/login/enrol.svg").header("content-type").startswith("image/svg+xml")
    assert client.get("/en/account/sessions").status == 303
    assert client.post("/en/login/enrol", code="123").status == 403
    done = client.post("/en/login/enrol", code=code_at(b32decode(typed), time.time()))
    assert done.status == 200
    codes = [part.split("<")[0] for part in done.text.split("<li><code>")[1:]]
    assert len(codes) == 8
    assert "hreflang" not in done.text
    assert client.get("/en/account/sessions").status == 200
    for expected in (303, 403):
        other = office.client()
        assert "/login/second" in other.sign_in("zgierz", "novice").header("location")
        other.get("/en/login/second")
        assert other.post("/en/login/second", code=codes[0].lower()).status == expected


def test_sessions_are_listed_and_ended(office: OfficeStage) -> None:
    """One's own only: another's number ends nothing; all others can be ended at once."""
    first, second = office.signed_in("zgierz", "ala"), office.signed_in("zgierz", "ala")
    other = office.signed_in("zgierz", "ola")
    of_other = office.sql(
        "select number from web.session where login = (select id from web.login where account = $1)",
        office.accounts["ola3"],
    )
    first.get("/en/account/sessions")
    for row in of_other:
        assert first.post("/en/account/sessions", end=str(row["number"])).status == 404
    assert first.post("/en/account/sessions", end="others").status == 303
    assert second.get("/en/account/sessions").status == 303
    assert other.get("/en/account/sessions").status == 200
    assert first.get("/en/account/sessions").status == 200


@pytest.mark.parametrize(
    "aged", ["seen_at = now() - interval '31 minutes'", "ends_at = now() - interval '1 second'"]
)
def test_sessions_end_by_themselves(office: OfficeStage, aged: str) -> None:
    """After half an hour of nothing, and after twelve hours whatever happens."""
    client = office.signed_in("zgierz", "ala")
    office.sql(f"update web.session set {aged}")
    assert client.get("/en/account/sessions").status == 303


def test_a_password_is_changed(office: OfficeStage) -> None:
    """The old one is wanted, the new one has to be one; then all other sessions have ended."""
    client, other = office.signed_in("czestochowa", "ela"), office.signed_in("czestochowa", "ela")
    client.get("/en/account/password")
    new = "Inne dobre hasło 5"
    path = "/en/account/password"
    assert client.post(path, old="wrong", new=new, again=new).status == 403
    assert client.post(path, old=PASSWORD, new=new, again="x").status == 403
    assert client.post(path, old=PASSWORD, new="short", again="short").status == 403
    was = dict(client.cookies)
    assert client.post(path, old=PASSWORD, new=new, again=new).status == 303
    assert client.cookies != was
    assert other.get(path).status == 303
    assert office.client().sign_in("czestochowa", "ela").status == 403
    assert office.client().sign_in("czestochowa", "ela", new).status == 303
    trail = office.sql(
        "select actor, after::text from registry.audit where object = 'login' order by id desc limit 1"
    )
    assert trail[0]["actor"].startswith("holder ")
    assert "argon2" not in trail[0]["after"]


def test_a_city_s_login_is_none_elsewhere(office: OfficeStage) -> None:
    """A session's token named as another city's finds nothing: it is looked for with that city's rights."""
    client = office.signed_in("zgierz", "ala")
    name, token = next(iter(client.cookies.items()))
    client.cookies = {name: "1" + token[1:]}
    assert client.get("/en/account/sessions").status == 303


@pytest.mark.parametrize(
    "path", ["//evil.example/", "https://evil.example/", "/\\evil.example", "/x\r\nX: y"]
)
def test_it_leads_nowhere_else(office: OfficeStage, path: str) -> None:
    """What is asked to come next is a page of this site, or the start."""
    client = office.client()
    client.get("/en/login")
    reply = client.post("/en/login", programme="zgierz", login="ala", password=PASSWORD, next=path)
    assert (reply.status, reply.header("location")) == (303, "/en/")


def test_the_accessibility_statement(office: OfficeStage) -> None:
    """It has the parts and marks that the law wants, names the organisers and every page of the menu, and
    says how to complain and what is not accessible.
    """
    polish, english = (office.client().get(f"/{language}/accessibility").text for language in ("pl", "en"))
    for part in (
        "deklaracja", "wstep", "data-publikacja", "status", "data-sporzadzenie", "ocena", "kontakt",
        "procedura", "architektura", "aplikacje",
    ):  # fmt: skip
        assert f'id="a11y-{part}"' in polish
        assert f'id="a11y-{part}"' in english
    for each in office.offices.values():
        assert each.name in polish
    menus = {
        path
        for city, login in (("zgierz", "ala"), ("zgierz", "boss"), ("zgierz", "clerk"))
        for path in re.findall(
            r'<li><a href="/en(/[a-z/]*)"', office.signed_in(city, login).get("/en/account/sessions").text
        )
    }
    assert len(menus) > 12
    assert {path for path in menus if f">{path}<" not in english} == set()
    assert "Rzecznika Praw Obywatelskich" in polish
    assert "WCAG 2.2.1" in polish


def test_a_password_alone_ends_no_session(office: OfficeStage) -> None:
    """However often somebody signs in who has no second factor, who has both stays in."""
    clerk = office.signed_in("zgierz", "clerk")
    for _ in range(OPEN_MAX + 2):
        half = office.client()
        assert half.sign_in("zgierz", "clerk").status == 303
    assert clerk.get("/en/desk/applications").status == 200
    assert office.signed_in("zgierz", "clerk").get("/en/desk/applications").status == 200
    (most,) = office.sql("select max(n) from (select count(*) n from web.session group by login) of_login")
    assert most[0] == OPEN_MAX


@pytest.mark.parametrize("name", ["login", "password", "programme", "more"])
def test_half_a_character_is_refused(office: OfficeStage, name: str) -> None:
    """A charset may say what no text can hold (RFC 3629, section 3): 400, before anybody looks at it."""
    client = office.client()
    client.get("/en/login")
    typed = {"csrf": client.csrf, "programme": "zgierz", "login": "ala", "password": PASSWORD, name: "+2AA-"}
    parts = [
        f'--edge\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{value}\r\n'
        for key, value in typed.items()
    ]
    body = ("".join(parts) + "--edge--\r\n").encode()
    kind = "multipart/form-data; boundary=edge; charset=utf-7"
    assert client.ask("POST", "/en/login", body, Content_Type=kind).status == 400


def test_two_of_one_name_are_two_however_long_it_is() -> None:
    """Where one has proposed, the other may approve: the name is cut, and never the number of the login."""
    first, second = (
        actor_of(Person(login, "officer", 3, "Ż" * 64, None, None, "1", frozenset()))
        for login in (9_007_199_254_740_991, 9_007_199_254_740_992)
    )
    assert not is_same_person(first.name, second.name)
    assert first.name.endswith("Ż (9007199254740991)")
    assert len(first.name) == len(second.name) == ACTOR_CHARACTERS_MAX


@pytest.mark.parametrize("path", ["accessibility", "register", "apply", "login"])
def test_a_page_for_everybody_has_the_menu_of_who_has_signed_in(office: OfficeStage, path: str) -> None:
    """And the way out; of a stranger it has none."""
    client = office.signed_in("zgierz", "clerk")
    page = client.get(f"/en/{path}").text
    assert '<a href="/en/desk/holders"' in page
    assert 'action="/en/logout"' in page
    stranger = office.client().get(f"/en/{path}").text
    assert "logout" not in stranger
    assert client.post("/en/logout").status == 303
    assert "logout" not in client.get(f"/en/{path}").text
