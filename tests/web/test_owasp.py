"""OWASP's basics for every route and id there is: found in the site and its pages, not listed."""

import pytest

from tests.web.crawl import crawl, filled_path, site_routes
from tests.web.office_stage import Client, OfficeStage
from tests.web.test_passkeys import with_passkey

STRANGERS = ("/login", "/register", "/apply", "/accessibility")
"""What is for everybody: the sign-in, its links, who has no card yet, the statement; whatever begins so."""
FIRST_CARD = "/en/me/block/1-1"
OWN: dict[str, set[str]] = {"ala": {FIRST_CARD}, "else": {FIRST_CARD}, "there": set()}
"""One's own card, whoever else is shown a form of that address: not shown any more once it is blocked."""


@pytest.fixture(scope="module")
def routes(office: OfficeStage) -> list[tuple[str, str]]:
    """Every method and path of the site, with a figure for each of its parameters."""
    found = [(method, filled_path(path)) for method, path in site_routes(office)]
    assert len(found) > 50
    return found


@pytest.fixture
def people(office: OfficeStage) -> dict[str, Client]:
    """A holder, another one, and two officers, who have signed in."""
    return {name: office.signed_in("zgierz", name) for name in ("ala", "ola", "clerk", "boss")}


def changes(office: OfficeStage) -> list[int]:
    counted = (
        "registry.audit",
        "people.message",
        "people.application",
        "web.login",
        "web.session",
        "web.passkey",
    )
    return [office.sql(f"select count(*) from {table}")[0][0] for table in counted]


def test_no_route_takes_a_form_that_is_not_its_session_s(
    office: OfficeStage, people: dict[str, Client], routes: list[tuple[str, str]]
) -> None:
    """CSRF: every POST there is, without the field, with another session's, as JSON, from another site."""
    posts = [path for method, path in routes if method == "POST"]
    assert len(posts) > 20
    for client in people.values():
        client.get("/en/account/sessions")
    was = changes(office)
    for path in posts:
        for name, other in (("ala", "clerk"), ("clerk", "ala")):
            assert people[name].post(f"/en{path}", csrf=people[other].csrf).status == 400, path
        assert people["ala"].post(f"/en{path}", csrf="").status == 400, path
        assert people["ala"].ask("POST", f"/en{path}", b"{}", Content_Type="application/json").status == 400
        forged = people["ala"].ask("POST", f"/en{path}", b"", Sec_Fetch_Site="cross-site")
        assert forged.status == 403, path
    assert changes(office) == was


def test_no_route_is_a_stranger_s_nor_another_kind_s(
    people: dict[str, Client], office: OfficeStage, routes: list[tuple[str, str]]
) -> None:
    """Who has not signed in is led to the sign-in; a holder has no desk, an officer no holder's page."""
    stranger = office.client()
    for method, path in routes:
        if method != "GET" or path == "/":
            continue
        if not path.startswith(STRANGERS):
            reply = stranger.get(f"/en{path}")
            assert reply.status in {303, 404}, (path, reply.status)
            assert reply.status == 404 or "/login" in reply.header("location"), path
        for name, begin in (("ala", "/desk"), ("clerk", "/me")):
            if path.startswith(begin):
                assert people[name].get(f"/en{path}").status in {403, 404}, (name, path)


def test_no_id_is_another_s(office: OfficeStage, people: dict[str, Client]) -> None:
    """IDOR: every path with a figure that others of this city and the next are shown, asked for and posted to
    by who is not shown it: not found, or not allowed.
    """
    office.write("delete from web.passkey")
    with_passkey(office, "ola")
    with_passkey(office, "boss")
    people["else"] = office.signed_in("czestochowa", "ala")
    people["there"] = office.signed_in("czestochowa", "clerk")
    seen = {name: crawl(client) for name, client in people.items()}
    tried = 0
    for name in ("ala", "else", "there"):
        for other, theirs in seen.items():
            if other == name or (name == "there" and other == "else"):
                continue
            for path in sorted(theirs.ids() - seen[name].ids() - OWN[name]):
                tried += 1
                reply = people[name].get(path)
                led = reply.header("location")  # from what is posted to alone, whoever asks and what is there
                if led not in seen[name].pages:
                    status = people[name].get(led).status if led else reply.status
                    assert status in {403, 404}, (name, other, path, status)
                if path in theirs.forms:
                    people[name].get("/en/account/sessions")
                    status = people[name].post(path, **without_csrf(theirs.forms[path].filled())).status
                    assert status in {400, 403, 404}, (name, other, path, status)
    assert tried > 5


def without_csrf(fields: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in fields.items() if name != "csrf"}


def test_by_tls_cookies_and_site_stay_there(office: OfficeStage) -> None:
    """Over TLS: cookies by the prefix __Host-, Secure, and the browser told to come by TLS alone (HSTS)."""
    office.forget_attempts()
    client = Client(office.tls_url)
    page = client.get("/en/login")
    assert page.header("strict-transport-security") == "max-age=31536000"
    reply = client.sign_in("zgierz", "ala")
    given = [value for name, value in (*page.headers, *reply.headers) if name.lower() == "set-cookie"]
    assert {each.partition("=")[0] for each in given} == {"__Host-session", "__Host-device"}
    for each in given:
        assert {"secure", "httponly", "samesite=lax", "path=/"} <= {
            part.strip().lower() for part in each.split(";")
        }
        assert "domain=" not in each.lower()
    assert client.get("/en/account/sessions").status == 200
    planted = {"session": client.cookies["__Host-session"]}
    client.cookies = planted
    assert client.get("/en/account/sessions").status == 303
    assert "strict-transport-security" not in dict(office.client().get("/en/login").headers)
