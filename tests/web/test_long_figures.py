"""Figures of any length, wherever an address or a query of the office's site holds them (the API: tests/api).

A route is found, not listed: each of its gaps and each parameter that any page reads is filled.
"""

import re
from pathlib import Path

import pytest
import structlog.testing
from starlette.routing import compile_path

from ledger.registry.logins import ROLES
from ops.web.application import Access, make_application
from ops.web.board.site import HERE, WORDS
from ops.web.identity.making import make_login
from ops.web.identity.passwords import Passwords
from ops.web.numbers import FIGURES_MAX, figures
from ops.web.pages import Pages
from tests.long_figures import LONG, LONGEST, filled, gaps
from tests.web.asgi import ask
from tests.web.crawl import site_routes
from tests.web.office_stage import PASSWORD, TESTER, Client, OfficeStage

WEB = Path(__file__).parents[2] / "ops/web"
PARAMETERS = sorted(
    {
        name
        for path in WEB.rglob("*.py")
        for name in re.findall(r'query_params\.get\("(\w+)"', path.read_text(encoding="utf-8"))
    }
)
"""Of all queries that pages of the office read."""
RIGHT = {"month": "2026-01"}
QUERIES = (*(f"{name}={LONGEST}" for name in PARAMETERS), f"after={'9' * 19}", f"after=2026-01-01_{LONGEST}")


@pytest.fixture(scope="module")
def clients(office: OfficeStage) -> dict[str, Client]:
    """A stranger, and somebody of each kind with all there is for that kind."""
    office.officer(3, "of-all-roles", *ROLES, desk="")
    partner = office.sql("select min(id) as id from registry.partner where programme = 3")[0]["id"]

    async def job(_: object) -> None:
        await make_login(
            office.offices[3], Passwords(), TESTER, "partner", "kino-7", password=PASSWORD, shown="Kino",
            partner=partner, second=b"a secret of a device",
        )  # fmt: skip

    office.run(job)
    found = {"stranger": office.client()}
    found |= {login: office.signed_in("zgierz", login) for login in ("of-all-roles", "ala", "kino-7")}
    for name, client in found.items():
        client.get("/en/login" if name == "stranger" else "/en/account/sessions")
    return found


@pytest.mark.parametrize("who", ["stranger", "of-all-roles", "ala", "kino-7"])
def test_no_figures_in_an_address_of_the_office_are_a_failure(
    office: OfficeStage, clients: dict[str, Client], who: str
) -> None:
    """Whoever asks is told that there is no such page, or what is wrong: nothing fails."""
    client, asked = clients[who], 0
    with structlog.testing.capture_logs() as logs:
        for method, route in site_routes(office):
            ask = client.get if method == "GET" else client.post
            plain = f"/en{filled(route, RIGHT)}"
            paths = [f"/en{filled(route, {**RIGHT, name: long})}" for name in gaps(route) for long in LONG]
            if method == "GET" and client.get(plain).status == 200:  # another's page reads no query
                paths += [f"{plain}?{query}" for query in QUERIES]
            for path in paths:
                assert ask(path).status < 500, (method, route, path[:120])
            asked += len(paths)
    assert [each for each in logs if each["event"] == "page_failed"] == []
    assert asked > 300, "routes are found"


@pytest.mark.parametrize("path", [f"/{LONGEST}", f"/en/static/{LONGEST}", f"/en/?after={LONGEST}"])
async def test_no_figures_in_an_address_of_the_board_are_a_failure(path: str) -> None:
    """The shell that the board shares with the office has no page of that name."""
    app = make_application(Pages(WORDS, [HERE]), [], Access())
    assert (await ask(app, path)).status == 404


def test_a_number_of_a_route_is_bounded_where_it_is_read() -> None:
    """A route that a new page brings is none of longer figures, whoever writes it."""
    matches, _, kinds = compile_path("/{number:int}")
    assert matches.fullmatch("/" + "9" * FIGURES_MAX)
    assert not matches.fullmatch("/" + "9" * (FIGURES_MAX + 1))
    assert kinds["number"].convert("17") == 17


@pytest.mark.parametrize(
    ("text", "number"),
    [("0", 0), ("007", 7), ("100", 100), ("101", None), ("", None), ("-1", None), ("1.0", None), ("٣", None),
     ("²", None), (" 1", None), ("9" * 4_500, None)],
)  # fmt: skip
def test_figures_are_a_number_within_its_bound_or_none(text: str, number: int | None) -> None:
    """Nothing else is a number, and nothing raises."""
    assert figures(text, 100) == number
