"""Each act of the desk is clicked in a real Chromium: enumerated, so a new one without a test fails."""

from typing import Any, cast

import pytest
from starlette.routing import Route

from tests.web import desk_acts
from tests.web.desk_acts import CLICKED_BY, PAGE, WHO, Clicked, all_acts, check_clicked, covers, rewritten


@pytest.fixture(scope="module", autouse=True)
def all_tests() -> None:
    """The tests of the desk, imported: what each says to click."""
    desk_acts.import_tests()


def test_each_act_of_the_site_s_router_is_clicked_in_a_browser() -> None:
    """What the routes of the site can be asked below /desk is what the tests click: no more, no less."""
    acts = all_acts()
    assert len(set(acts)) == len(acts)
    missing, strange = set(acts) - set(CLICKED_BY), set(CLICKED_BY) - set(acts)
    assert not missing, f"no test clicks them in a browser: {sorted(missing)}"
    assert not strange, f"clicked, and none of the router's: {sorted(strange)}"


def test_the_list_of_acts_is_whole() -> None:
    """The site's parts are plain routes of one method each, and every form with acts is one of them."""
    for route in desk_acts.every_route():
        assert isinstance(route, Route), "a mount hides what is below it"
        assert len((route.methods or set()) - {"HEAD"}) == 1, route.path
    posts = {route.path for route in desk_acts.routes() if desk_acts.method_of(route) == "POST"}
    assert set(desk_acts.ACTS_OF) <= posts
    assert {route.path.split("/")[2] for route in desk_acts.routes()} == set(WHO)


def test_an_act_that_nobody_clicks_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test that says less, and a route that is new: either makes the comparison fail."""
    with monkeypatch.context() as without:
        without.delitem(CLICKED_BY, "POST /desk/cases/{number:int} lift")
        with pytest.raises(AssertionError, match="lift"):
            test_each_act_of_the_site_s_router_is_clicked_in_a_browser()
    new = Route("/desk/cases/{number:int}/reopen", lambda _: None, methods=["POST"])
    found = desk_acts.every_route()
    monkeypatch.setattr(desk_acts, "every_route", lambda: (*found, new))
    with pytest.raises(AssertionError, match="reopen"):
        test_each_act_of_the_site_s_router_is_clicked_in_a_browser()


class Asked:
    """A request as a browser notes it."""

    def __init__(self, method: str, path: str, body: str = "", status: int = 303, *, site: str = "") -> None:
        self.method, self.url, self.status = method, f"http://127.0.0.1:1{path}", status
        self.post_data_buffer = body.encode()
        self._site = site or "same-origin"

    def is_navigation_request(self) -> bool:
        return True

    def all_headers(self) -> dict[str, str]:
        return {"sec-fetch-site": self._site, "sec-fetch-user": "?1"}

    def response(self) -> "Asked":
        return self


CASE = "/en/desk/cases/7"
LIFT = "POST /desk/cases/{number:int} lift"


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ([], "not done by a click"),
        ([Asked("POST", CASE, "act=confirm")], "not done by a click"),
        ([Asked("POST", CASE, "act=lift", 409)], "not done by a click"),
        ([Asked("POST", CASE, "act=lift", site="none")], "not done by a click"),
        ([Asked("POST", CASE, "act=lift"), Asked("POST", CASE, "act=burn")], "no act by the desk's list"),
        ([Asked("POST", CASE, "act=lift")], "refused to nobody"),
        ([Asked("POST", CASE, "act=lift", 409), Asked("POST", CASE, "csrf=1&act=lift")], ""),
    ],
    ids=["nothing", "another", "refused", "typed", "unknown", "by-the-first", "by-the-second"],
)
def test_what_was_not_clicked_is_not_covered(asked: list[Asked], said: str) -> None:
    """A test that says to click an act fails where its browser asked nothing, was refused, was told the
    address, or where nobody was refused what another person has to do.
    """
    desk = Clicked(cast(Any, None), cast(Any, None))
    desk._requests = cast(Any, asked)
    if said:
        with pytest.raises(AssertionError, match=said):
            check_clicked(desk, {LIFT}, {LIFT})
    else:
        check_clicked(desk, {LIFT}, {LIFT})


def test_nothing_is_said_without_browsers_that_note_it() -> None:
    """A test without the fixture that notes clicks cannot say that it clicks."""
    with pytest.raises(TypeError, match="no browsers"):
        covers(LIFT)(lambda: None)
    assert "lambda" not in str(CLICKED_BY)


def test_the_page_s_table_is_what_the_tests_click() -> None:
    """docs/office/desk.md lists each act, who may and its test; `make published` writes it anew."""
    page = PAGE.read_text(encoding="utf-8")
    assert rewritten(page) == page
