"""What surrounds a page: headers, names, tokens, languages; and that both languages say the same."""

import re
from pathlib import Path
from string import Formatter

import pytest
import structlog.testing
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from ops.errors import CommandError
from ops.web.application import Access, make_application
from ops.web.board.site import HERE, WORDS
from ops.web.language import LANGUAGES, Speech, negotiate
from ops.web.pages import Pages
from ops.web.security import HEADERS
from ops.web.server import check_access
from ops.web.token import COOKIE, COOKIE_S_MAX, Gate, read_token
from tests.web.asgi import ask

TOKEN = "t0ken" * 8
HTML = {path.name: path.read_text() for path in (HERE.parent).rglob("*.html")}


async def plain(request: Request) -> Response:
    return PlainTextResponse(f"hello in {request.state.language}")


async def failing(request: Request) -> Response:
    raise RuntimeError("a defect")


def site(**access: object) -> ASGIApp:
    routes = [Route("/", plain), Route("/failing", failing)]
    return make_application(Pages(WORDS, [HERE]), routes, Access(**access))  # type: ignore[arg-type]


@pytest.mark.parametrize("path", ["/", "/nowhere", "/failing", "/static/shell.css", "/en/accessibility"])
async def test_every_answer_carries_the_headers(path: str) -> None:
    """Whatever is asked for, and whatever fails: nothing inline, nothing from elsewhere, no frame."""
    answer = await ask(site(), path)
    for name, value in HEADERS.items():
        assert answer.header(name.lower()) == value
    assert "unsafe" not in answer.header("content-security-policy")
    assert answer.header("cache-control")


@pytest.mark.parametrize("name", sorted(HTML))
def test_no_page_has_anything_inline(name: str) -> None:
    """No style, script or handler stands in a page, so the policy needs no exception."""
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son[a-z]+=|javascript:", HTML[name])
    assert not re.search(r"(?:src|href)=\"(?:https?:)?//", HTML[name])


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:9180", 200),
        ("localhost", 200),
        ("LOCALHOST:9180", 200),
        ("[::1]:9180", 200),
        ("192.0.2.7", 200),
        ("board.example.org", 200),
        ("board.example.org.:443", 200),
        ("evil.example", 421),
        ("localhost.evil.example", 421),
        ("127.0.0.1.evil.example:9180", 421),
        ("", 421),
    ],
)
async def test_a_name_that_is_not_ours_gets_no_page(host: str, status: int) -> None:
    """A stranger's name that points here (DNS rebinding) is refused; figures and given names are not."""
    answer = await ask(site(names=["board.example.org"]), "/", host=host)
    assert answer.status == status
    assert (b"hello" in answer.body) == (status == 200)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"sec_fetch_site": "same-origin", "sec_fetch_mode": "cors"}, 200),
        ({"sec_fetch_site": "none", "sec_fetch_mode": "navigate", "sec_fetch_dest": "document"}, 200),
        ({"sec_fetch_site": "cross-site", "sec_fetch_mode": "navigate", "sec_fetch_dest": "document"}, 200),
        ({"sec_fetch_site": "cross-site", "sec_fetch_mode": "navigate", "sec_fetch_dest": "iframe"}, 403),
        ({"sec_fetch_site": "cross-site", "sec_fetch_mode": "no-cors"}, 403),
        ({"sec_fetch_site": "same-site", "sec_fetch_mode": "cors"}, 403),
    ],
)
async def test_other_sites_may_only_link_here(headers: dict[str, str], status: int) -> None:
    """What another site's page asks for by itself is refused: it would take viewers' places."""
    assert (await ask(site(), "/", **headers)).status == status


async def test_a_failure_is_a_page_and_a_line_in_the_log() -> None:
    """A defect of a page answers 500 without its details, and is logged."""
    with structlog.testing.capture_logs() as lines:
        answer = await ask(site(), "/en/failing")
    assert answer.status == 500
    assert "Something failed" in answer.text
    assert "a defect" not in answer.text
    assert [line["event"] for line in lines] == ["page_failed"]


@pytest.mark.parametrize(
    ("path", "accepted", "language"),
    [
        ("/", "", "pl"),
        ("/", "en-GB,en;q=0.8", "en"),
        ("/", "de,en;q=0.5,pl;q=0.4", "en"),
        ("/", "pl-PL,pl;q=0.9,en;q=0.8", "pl"),
        ("/pl/", "en", "pl"),
        ("/en/", "pl", "en"),
        ("/en", "pl", "en"),
    ],
)
async def test_a_link_chooses_the_language_else_the_browser(path: str, accepted: str, language: str) -> None:
    """/pl/ and /en/ say it; without, what the browser likes best; else Polish."""
    assert (await ask(site(), path, accept_language=accepted)).text == f"hello in {language}"


@pytest.mark.parametrize("accepted", ["*", "en;q=x", "en;q=0", ";;;,,,", "en;q=9", "x" * 9_999])
def test_a_strange_wish_for_a_language_is_polish(accepted: str) -> None:
    """Nothing a browser may say fails."""
    assert negotiate(accepted) == "pl"


async def test_without_the_token_there_is_no_page() -> None:
    """Who has no token gets a clear 401 in their language, at every path but the look and the statement."""
    app = site(token=TOKEN.encode())
    for path in ("/", "/en/", "/nowhere", "/board/events"):
        answer = await ask(app, path, accept_language="en")
        assert answer.status == 401
        assert "Only who has its token sees this page" in answer.text
        assert answer.header("www-authenticate")
    assert (await ask(app, "/static/shell.css")).status == 200
    assert (await ask(app, "/en/accessibility")).status == 200


@pytest.mark.parametrize("way", ["link", "form"])
async def test_one_visit_with_the_token_leaves_a_cookie(way: str) -> None:
    """The link or the form lets in, and the cookie after it; neither page nor cookie holds the token."""
    app = site(token=TOKEN.encode())
    if way == "link":
        answer = await ask(app, f"/en/enter?token={TOKEN}")
    else:
        answer = await ask(app, "/en/enter", method="POST", body=f"token={TOKEN}".encode())
    assert (answer.status, answer.header("location")) == (303, "/en/")
    cookie = answer.header("set-cookie")
    assert TOKEN not in str(answer)
    assert {"HttpOnly", "SameSite=lax", f"Max-Age={COOKIE_S_MAX}"} <= set(cookie.split("; "))
    assert (await ask(app, "/", cookie=cookie.partition(";")[0])).status == 200


@pytest.mark.parametrize("given", ["", "wrong", TOKEN[:-1], TOKEN + "x", "ż" * 40, "\0"])
async def test_a_wrong_token_is_refused(given: str) -> None:
    """Nothing but the token opens, whatever its length or letters."""
    app = site(token=TOKEN.encode())
    answer = await ask(app, "/en/enter", method="POST", body=f"token={given}".encode())
    assert answer.status == 401
    assert not answer.header("set-cookie")
    assert ("That is not the token" in answer.text) == bool(given)
    assert (await ask(app, "/en/enter", method="POST", body=b"token=" + b"x" * 10_000)).status == 401


async def test_a_cookie_ends_with_its_time_and_with_its_token() -> None:
    """A cookie too old, changed, or of another token is none."""
    now_s = [1_000.0]

    async def refusal(_: Request, __: bool) -> Response:
        return Response(status_code=401)

    def gate(token: bytes) -> ASGIApp:
        async def inner(scope: object, receive: object, send: object) -> None:
            await PlainTextResponse("in")(scope, receive, send)  # type: ignore[arg-type]

        return Gate(inner, token=token, refusal=refusal, is_secure=True, now_s=lambda: now_s[0])  # type: ignore[arg-type]

    ours, others = gate(TOKEN.encode()), gate(b"another" * 8)
    cookie = ours._cookie(2_000)  # type: ignore[attr-defined]
    until, _, seal = cookie.partition("-")
    for app, value, status in (
        (ours, cookie, 200),
        (others, cookie, 401),
        (ours, f"9999-{seal}", 401),
        (ours, f"{until}-", 401),
        (ours, "x", 401),
    ):
        assert (await ask(app, "/", cookie=f"{COOKIE}={value}")).status == status
    now_s[0] = 2_001.0
    assert (await ask(ours, "/", cookie=f"{COOKIE}={cookie}")).status == 401


def test_a_token_file_is_checked(tmp_path: Path) -> None:
    """A token that is short, no token, missing, or readable by others is refused with the cure."""
    path = tmp_path / "token"
    with pytest.raises(CommandError, match="openssl rand"):
        read_token(path)
    for text, mode, told in (
        ("short", 0o600, "holds no token"),
        (TOKEN, 0o644, "chmod 600"),
        ("ż" * 40, 0o600, "no plain text"),
    ):
        path.write_text(text)
        path.chmod(mode)
        with pytest.raises(CommandError, match=told):
            read_token(path)
    path.write_text(TOKEN + "\n")
    path.chmod(0o600)
    assert read_token(path) == TOKEN.encode()


def test_only_loopback_is_open_without_a_token(tmp_path: Path) -> None:
    """On any other address a token is needed, and the refusal says how to make one."""
    check_access("127.0.0.1", None)
    check_access("::1", None)
    check_access("0.0.0.0", tmp_path / "token")
    for host in ("0.0.0.0", "192.0.2.1", "::", "board.example.org"):
        with pytest.raises(CommandError, match="--token-file"):
            check_access(host, None)


def test_both_languages_say_the_same() -> None:
    """Every text is there in both, none is empty, and both have the same places to fill in."""
    for key, texts in WORDS.items():
        assert len(texts) == len(LANGUAGES), key
        assert all(text.strip() for text in texts), key
        places = [{name for _, name, _, _ in Formatter().parse(text) if name} for text in texts]
        assert places[0] == places[1], key


def test_numbers_and_times_read_as_each_language_writes_them() -> None:
    """Polish has a comma and spaces that do not break, English a point and commas."""
    polish, english = Speech("pl", WORDS), Speech("en", WORDS)
    assert polish.number(12_345.6, 1) == "12\u00a0345,6"
    assert english.number(-12_345.6, 1) == "\u221212,345.6"
    assert polish.share(1, 8) == "12,5\u00a0%"
    assert english.share(1, 8) == "12.5%"
    assert english.share(0, 0) == "–"
    assert [polish.lasting(s).replace("\u00a0", " ") for s in (5, 65, 3_600, 90_061)] == [
        "5 s",
        "1 min 5 s",
        "1 h",
        "1 d 1 h",
    ]


async def test_the_statement_is_there_in_both_languages_and_names_whom_it_was_told() -> None:
    """The accessibility statement says how far it holds, what is missing, and whom to ask."""
    pages = Pages(WORDS, [HERE], contact="Jan <b>Kowalski</b>, 34 000 00 00")
    app = make_application(pages, [], Access())
    polish, english = [(await ask(app, f"/{language}/accessibility")).text for language in LANGUAGES]
    for part in ("wstep", "status", "ocena", "kontakt", "procedura"):
        assert f'id="a11y-{part}"' in polish
    assert "4 kwietnia 2019" in polish
    assert "częściowo zgodne" in polish
    assert "partly compliant" in english
    assert "Jan &lt;b&gt;Kowalski&lt;/b&gt;, 34 000 00 00" in english
    assert "have not named" not in english
    assert "has not named them yet" in (await ask(site(), "/en/accessibility")).text
    assert 'hreflang="pl"' in english
