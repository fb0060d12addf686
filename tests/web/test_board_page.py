"""The board in a real browser: what it shows, to whom it is legible, and that it runs nothing foreign."""

import re
import time
from collections.abc import Callable, Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, Response, expect

from ops.web.board.grid import STATES
from ops.web.board.scrape import parse
from protocol import Earn, Request
from tests.entries import SWIPED
from tests.patience import HANG_S
from tests.postgres import Server
from tests.switch.memory import CARD, UNKNOWN_CARD
from tests.web.board_stage import HOSTILE, Stage
from tests.web.browser import Visit, chromium, need_chromium, patient_context

DESK = {"width": 1280, "height": 900}
PHONE = {"width": 360, "height": 740}
BYTES_MAX = 200_000
expect.set_options(timeout=HANG_S * 1_000)
ALL_ANSWER = "All workers of the switch answer."
AXE = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]}


@pytest.fixture(scope="module")
def stage(postgres_server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    need_chromium()
    fresh = postgres_server.create()
    try:
        with Stage(fresh, tmp_path_factory.mktemp("board")).running() as running:
            yield running
    finally:
        postgres_server.drop(fresh)


@pytest.fixture(scope="module")
def browser(stage: Stage) -> Iterator[Browser]:
    with chromium() as started:
        yield started


@pytest.fixture
def visit(browser: Browser, stage: Stage) -> Iterator[Visit]:
    """An English visit of the board; whatever the page complains about fails the test."""
    context = browser.new_context(viewport=DESK, locale="en-GB")
    visit = Visit(context)
    yield visit
    context.close()
    assert visit.complaints == []
    assert visit.hosts <= {stage.board.split("/")[2]}


def looks(page: Page, more: int = 1) -> None:
    """Wait until the page has shown so many more looks at the switch."""
    board = page.locator("#board")
    for _ in range(more):
        expect(board).not_to_have_attribute("data-number", board.get_attribute("data-number") or "")


def text(page: Page, name: str) -> str:
    return page.locator(f"[data-text={name}]").inner_text()


def rows(page: Page, table: str) -> list[list[str]]:
    """The cells of a table, from one moment."""
    found: list[list[str]] = page.locator(f"[data-table={table}]").evaluate(
        "body => [...body.rows].map(row => [...row.cells].map(cell => cell.textContent))"
    )
    return found


def rows_when(page: Page, table: str, are_so: Callable[[list[list[str]]], bool]) -> list[list[str]]:
    """The cells of a table once they are so: a page is some looks behind."""
    deadline = time.monotonic() + HANG_S
    while not are_so(found := rows(page, table)):
        assert time.monotonic() < deadline, found
        looks(page)
    return found


def violations(page: Page) -> list[str]:
    """What axe finds: the rule and where."""
    found = Axe().run(page, options=AXE).response["violations"]
    return [f"{each['id']}: {[node['target'] for node in each['nodes']]}" for each in found]


@pytest.mark.parametrize(
    ("language", "scheme", "viewport"),
    [("pl", "light", DESK), ("en", "dark", DESK), ("pl", "dark", PHONE), ("en", "light", PHONE)],
    ids=["pl-light-desk", "en-dark-desk", "pl-dark-phone", "en-light-phone"],
)
def test_axe_finds_nothing_and_nothing_sticks_out(
    browser: Browser, stage: Stage, scheme: str, language: str, viewport: dict[str, int]
) -> None:
    """Each two of language, light or dark, desk or phone: axe finds 0, and nothing scrolls sideways."""
    context = browser.new_context(viewport=viewport, locale="de-DE", color_scheme=scheme)  # type: ignore[arg-type]
    visit = Visit(context)
    page = visit.page
    page.goto(f"{stage.board}{language}/")
    looks(page)
    for summary in page.locator("summary").all():
        summary.click()
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]
    assert page.locator("html").get_attribute("lang") == language
    page.goto(f"{stage.board}{language}/accessibility")
    assert violations(page) == []
    context.close()
    assert visit.complaints == []


def test_the_numbers_move_with_the_load_and_are_those_of_the_metrics(visit: Visit, stage: Stage) -> None:
    """What terminals do shows, and what is shown at rest is what the workers' /metrics say."""
    page = visit.page
    page.goto(stage.board)
    looks(page)
    before = rows(page, "results")

    def unknown(stan: int) -> Request:
        return Earn(stan, 0, UNKNOWN_CARD, SWIPED, 4_590)

    stage.run(stage.sell, 20)
    stage.run(stage.sell, 6, unknown)
    stage.run(stage.sell, 2, lambda stan: Earn(stan, 0, CARD, SWIPED, -1))
    told = parse(stage.run(stage.metrics), 1.0)
    counts = told.by("cityswitch_replies_total", "code")
    assert counts["51",] == 2
    wanted = {"0": f"{counts['0',]:,.0f}", "41": f"{counts['41',]:,.0f}", "51": "fewer than 5"}
    shown = rows_when(
        page, "results", lambda rows: wanted.items() <= {row[1]: row[2] for row in rows}.items()
    )
    assert shown != before
    negative = page.locator("[data-table=declines] tr", has_text="Amount is negative")
    expect(negative).to_have_count(2)
    why = [row[-1] for row in rows(page, "declines")]
    assert why[:2] == ["Amount is negative", "Amount is negative"]
    assert why.count("Card unknown") == 6
    expect(page.locator("[data-table=today] td").first).to_have_text(str(20 * 4))
    expect(page.locator("[data-text=connections]")).to_have_text(re.compile("^[01] of "))


def test_no_card_number_is_anywhere(visit: Visit, stage: Stage) -> None:
    """Neither the page nor its stream holds a card's number, nor its last digits beside a decline."""
    page = visit.page
    page.goto(stage.board)
    looks(page)
    assert rows(page, "declines")
    content = page.content()
    assert CARD not in content
    assert not any(CARD[-4:] in cell for row in rows(page, "declines") for cell in row)


def test_a_partners_name_is_text_whatever_it_is(visit: Visit, stage: Stage) -> None:
    """Markup in a name is shown as it was typed: it runs nothing, and asks nobody for anything."""
    page = visit.page
    page.goto(stage.board)
    expect(page.locator("#grid button")).to_have_count(1 + len(HOSTILE))
    looks(page)
    labels = [field.get_attribute("aria-label") or "" for field in page.locator("#grid button").all()]
    for name in HOSTILE:
        assert any(label.startswith(f"{name}: ") for label in labels)
    assert page.title().startswith("Board")
    assert page.locator("#board script, #board img, #board svg").count() == 0


def test_the_whole_page_by_keyboard(visit: Visit, stage: Stage) -> None:
    """Every control is reached by Tab in order and shows where it is; arrows go along the partners."""
    page = visit.page
    page.goto(stage.board)
    expect(page.locator("#grid button")).to_have_count(1 + len(HOSTILE))
    reached: list[str] = []
    for _ in range(40):
        page.keyboard.press("Tab")
        where, outline = page.evaluate(
            "[document.activeElement.id || document.activeElement.tagName.toLowerCase(),"
            " getComputedStyle(document.activeElement).outlineStyle]"
        )
        if where == "body":
            break
        assert outline != "none", where
        reached.append(where)
    assert reached.count("button") == 1, "the grid is one stop"
    assert reached.count("summary") == page.locator("summary").count()
    assert reached[:2] == ["a", "a"]
    assert "pause" in reached
    page.locator("#grid button[tabindex='0']").focus()
    names = [page.locator("#partner").inner_text()]
    for key in ("ArrowRight", "End", "ArrowLeft", "Home"):
        page.keyboard.press(key)
        names.append(page.locator("#partner").inner_text())
    assert names[0] == names[4]
    assert len(set(names)) == 4
    page.locator("a.skip").focus()
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "content"


def test_updates_can_be_paused(visit: Visit, stage: Stage) -> None:
    """What moves by itself can be stopped, and goes on from there (WCAG 2.2.2); it is said politely."""
    page = visit.page
    page.goto(stage.board)
    looks(page)
    page.locator("#pause").focus()
    page.keyboard.press("Enter")
    assert page.locator("#link").inner_text() == "Updates are paused."
    assert page.locator("#pause").inner_text() == "Resume updates"
    assert page.locator("[role=status]").count() == 2
    number = page.locator("#board").get_attribute("data-number")
    stage.run(stage.sell, 1)
    assert page.locator("#board").get_attribute("data-number") == number
    page.keyboard.press("Enter")
    looks(page)
    assert page.locator("#link").inner_text() == ""


def test_a_worker_that_is_gone_is_said_plainly_and_comes_back(visit: Visit, stage: Stage) -> None:
    """A worker that does not answer is named, since when and why, politely; then all is well again."""
    page = visit.page
    page.goto(stage.board)
    looks(page)
    status = page.locator("[data-text=status]")
    expect(status).to_have_text(ALL_ANSWER)
    pid = stage.switch.pids[1]
    stage.stop_worker(pid, frozen=True)
    try:
        expect(status).to_have_text(
            re.compile(r"^Worker 1 has not answered since \d\d:\d\d:\d\d \(too slow\)\.$")
        )
        expect(status).to_have_attribute("data-tone", "bad")
        assert status.get_attribute("role") == "status"
        rows_when(page, "workers", lambda rows: [row[1] for row in rows] == ["ready", "does not answer"])
    finally:
        stage.stop_worker(pid, frozen=False)
    expect(status).to_have_text(ALL_ANSWER)
    expect(status).to_have_attribute("data-tone", "ok")


def test_the_whole_page_weighs_less_than_200_kb(visit: Visit, stage: Stage) -> None:
    """Page, styles, scripts and picture together, as they cross the wire, and nothing from elsewhere."""
    answers: list[Response] = []
    visit.page.on("response", lambda response: answers.append(response))  # noqa: PLW0108 - marked
    visit.page.goto(stage.board)
    looks(visit.page)
    sizes = {each.url: len(each.body()) for each in answers if "events" not in each.url}
    assert len(sizes) >= 6
    assert sum(sizes.values()) < BYTES_MAX


def test_without_javascript_the_figures_are_there(browser: Browser, stage: Stage) -> None:
    """A browser without scripts gets the figures of that moment, and is told how to get the next."""
    context = patient_context(browser, locale="en-GB", java_script_enabled=False)
    page = context.new_page()
    page.goto(stage.board)
    assert "Without JavaScript the figures stand still" in page.locator("noscript").inner_text()
    assert int(page.locator("#board").get_attribute("data-number") or 0) > 0
    assert page.locator("[data-table=workers] tr").count() == 2
    context.close()


def test_each_state_of_a_partner_has_a_word_and_a_shape(visit: Visit, stage: Stage) -> None:
    """No state is told by colour alone: each has its own sign, and its word in the legend."""
    visit.page.goto(stage.board)
    signs = [
        visit.page.locator(f".mark[data-state={state}]").evaluate(
            "mark => getComputedStyle(mark, '::after').content"
        )
        for state in STATES
    ]
    assert len(set(signs)) == len(STATES)
    words = [visit.page.locator(f"[data-state-word={state}]").inner_text() for state in STATES]
    assert len(set(words)) == len(STATES)
