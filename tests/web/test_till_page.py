"""The terminal in the browser, whole: the page in Chromium, the bridge, a real switch and its books."""

import json
import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from protocol import REPLY_BIT, TYPE_OF, Earn, ResultCode
from simulators.city.example import City
from simulators.city.population import Peculiarity
from tests.web.till_page import (
    axe_violations,
    choose_card,
    choose_city,
    frames,
    on_line,
    press,
    printed,
    quiet_page,
    type_card,
)
from tests.web.till_stage import SMALL_CITIES, Stage

CZESTOCHOWA, ZYWIEC, ZGIERZ = SMALL_CITIES
EARN = TYPE_OF[Earn]


def test_the_page_speaks_as_vectors_json_says(page: Page, stage: Stage) -> None:
    """The JavaScript encodes and decodes every vector as published, and notices one that is altered."""
    page.click("#vectors")
    expect(page.locator("#vectors-said")).not_to_be_empty()
    assert "Zgadza się wszystkie" in page.inner_text("#vectors-said")
    check = """async text => {
        const { Catalogue } = await import("/catalogue.js");
        const { checkVectors, parseExactly } = await import("/vectors.js");
        try {
            return (await checkVectors(await Catalogue.load(), parseExactly(text))).wrong;
        } catch (error) {
            return [error.message];
        }
    }"""
    text = Path("protocol/vectors.json").read_text(encoding="utf-8")
    vectors = json.loads(text)
    statements = sum(len(vectors[part]) for part in ("requests", "replies", "cards"))
    assert int(re.search(r"\d+", page.inner_text("#vectors-said"))[0]) > 3 * statements
    assert page.evaluate(check, text) == []
    for part, key in (("requests", "body"), ("requests", "frame"), ("replies", "body"), ("replies", "frame")):
        altered = json.loads(text)
        right = altered[part][0][key]
        altered[part][0][key] = right[:-1] + ("0" if right[-1] != "0" else "1")
        assert page.evaluate(check, json.dumps(altered)), (part, key)


def test_points_of_a_sale_are_printed_and_posted(page: Page, stage: Stage) -> None:
    """Częstochowa: EARN prints the Polish receipt, and the ledger has the points under that STAN."""
    digits = CZESTOCHOWA.example_card
    choose_card(page, digits)
    page.fill("#amount", "45,90")
    receipt = press(page, "EARN")
    assert receipt["data-result"] == "APPROVED"
    assert "Przyznane punkty: 4" in receipt["text"]
    assert f"Terminal {CZESTOCHOWA.page_terminal}" in receipt["text"]
    assert digits not in receipt["text"]
    [row] = stage.journal(CZESTOCHOWA, digits)
    assert (row.terminal, row.stan) == (CZESTOCHOWA.page_terminal, int(receipt["data-stan"]))
    assert (row.amount_grosze, row.points, stage.points(CZESTOCHOWA, digits)) == (4_590, 4, 4)
    assert [name for name, *_ in frames(page)][:4] == ["HELLO", "CHALLENGE", "PROOF", "ACCEPT"]
    shown = page.eval_on_selector_all("#frames details", "all => all.map(d => d.dataset.hex)")
    assert any(digits.encode().hex() in text for text in shown), "a demo card's bytes are shown"
    asked = press(page, "BALANCE")
    assert "Stan punktów: 4" in asked["text"]


@pytest.mark.parametrize(("city", "discount"), [(ZYWIEC, 459), (ZGIERZ, 2_295)])
def test_a_benefit_is_verified_chosen_and_used(page: Page, stage: Stage, city: City, discount: int) -> None:
    """Żywiec and Zgierz: VERIFY lists what holds, BENEFIT_USE grants it, and the ledger has the discount."""
    page.select_option("#language", "en")
    choose_city(page, city)
    digits = city.example_card
    choose_card(page, digits)
    assert press(page, "VERIFY")["data-result"] == "APPROVED"
    assert page.locator("#offer option").count() == 1
    page.fill("#amount", "45.90")
    refused = press(page, "BENEFIT_USE")
    assert refused["data-result"] == "CONFIRMATION_MISSING"
    for box in page.locator("#confirmed input").all():
        box.check()
    receipt = press(page, "BENEFIT_USE")
    assert receipt["data-result"] == "APPROVED"
    assert f"Discount: {discount / 100:.2f} zł" in receipt["text"]
    row = stage.journal(city, digits)[0]
    assert (row.terminal, row.stan, row.code) == (city.page_terminal, int(receipt["data-stan"]), 0)
    assert page.is_disabled("[data-operation=EARN]"), "there are no points here"


def test_a_sale_is_given_back_and_another_reversed(page: Page, stage: Stage) -> None:
    """REFUND of a part and REVERSAL of the rest: what the receipt says is what the ledger has."""
    digits = CZESTOCHOWA.population.card_digits(CZESTOCHOWA.fleet_cards + 1)
    choose_card(page, digits)
    page.fill("#amount", "100")
    sale = press(page, "EARN")
    assert page.input_value("#original-stan") == sale["data-stan"]
    page.fill("#amount", "45")
    refund = press(page, "REFUND")
    assert (refund["data-result"], stage.points(CZESTOCHOWA, digits)) == ("APPROVED", 5)
    assert "Kwota zwrotu: 45,00 zł" in refund["text"]
    reversal = press(page, "REVERSAL")
    assert (reversal["data-result"], stage.points(CZESTOCHOWA, digits)) == ("APPROVED", 0)
    status = press(page, "STATUS")
    assert status["data-stan"] == sale["data-stan"]


@pytest.mark.parametrize("place", ["reply", "request", "page"])
def test_a_line_cut_midway_posts_once_under_one_stan(page: Page, stage: Stage, place: str) -> None:
    """The line breaks in the request, before the reply, or at the till: the same STAN goes again, byte for
    byte with the repeat bit, and the ledger has one sale.
    """
    index = CZESTOCHOWA.fleet_cards + 2 + ["reply", "request", "page"].index(place)
    digits = CZESTOCHOWA.population.card_digits(index)
    choose_card(page, digits)
    page.fill("#amount", "20")
    if place == "page":
        page.check("#cut")
    stage.cut.at = place
    receipt = press(page, "EARN")
    stage.cut.at = ""
    assert receipt["data-result"] == "APPROVED"
    [row] = stage.journal(CZESTOCHOWA, digits)
    assert (row.stan, row.points, stage.points(CZESTOCHOWA, digits)) == (int(receipt["data-stan"]), 2, 2)
    sales = [(sent, kind) for name, sent, kind in frames(page) if name == "EARN"]
    assert sales == [(True, 0x20), (True, 0x60), (False, 0xA0)]
    bodies = page.eval_on_selector_all(
        "#frames details.sent[data-name=EARN]", "all => all.map(d => d.dataset.hex.slice(8, -32))"
    )
    assert len(bodies) == 2
    assert bodies[0] == bodies[1]
    told = page.inner_text("#happenings")
    assert "Cisza" in told
    assert "wysłano ponownie" in told
    assert not page.is_checked("#cut")


def test_what_was_under_way_when_the_page_was_lost_is_brought_to_an_end(
    browser: Browser, stage: Stage
) -> None:
    """A page that is reloaded before the reply sends the stored request again: one sale, and its receipt."""
    digits = CZESTOCHOWA.population.card_digits(CZESTOCHOWA.fleet_cards + 5)
    with quiet_page(browser) as page:
        page.clock.install()
        page.goto(stage.url)
        on_line(page)
        type_card(page, digits)
        page.fill("#amount", "30")
        page.clock.pause_at(page.evaluate("Date.now()") / 1_000 + 1)  # so it is not sent again by this page
        stage.cut.at = "reply"
        page.click("[data-operation=EARN]")
        page.wait_for_selector("#state[data-state=off_line]")
        page.reload()
        receipt = printed(page)
        kept = json.loads(page.evaluate(f"localStorage['cityswitch terminal {CZESTOCHOWA.page_terminal}']"))
    [row] = stage.journal(CZESTOCHOWA, digits)
    assert (row.stan, row.points) == (int(receipt["data-stan"]), 3)
    assert kept["pending"] is None
    assert digits not in json.dumps(kept), "a card is kept no longer than its request is pending"


def test_a_sale_without_an_answer_is_given_up_and_reversed(page: Page, stage: Stage) -> None:
    """Every reply to EARN is lost: after 3 tries or 15 s the sale is given up, its REVERSAL goes until it is
    answered, and the ledger has both; the cashier is told that the sale does not count.
    """
    digits = CZESTOCHOWA.population.card_digits(CZESTOCHOWA.fleet_cards + 7)
    type_card(page, digits)
    page.fill("#amount", "50")
    page.evaluate("document.querySelector('#receipt').removeAttribute('data-stan')")
    stage.cut.replies = EARN | REPLY_BIT
    page.click("[data-operation=EARN]")
    expect(page.locator("#said")).to_contain_text("sprzedaż się nie liczy")
    receipt = printed(page)
    stage.cut.replies = 0
    reversal, sale = stage.journal(CZESTOCHOWA, digits)
    assert (sale.points, reversal.points, stage.points(CZESTOCHOWA, digits)) == (5, -5, 0)
    assert (int(receipt["data-stan"]), reversal.original_stan) == (reversal.stan, sale.stan)
    told = page.inner_text("#happenings")
    assert f"REVERSAL, STAN {reversal.stan}, zapisano" in told
    assert told.count(f"EARN, STAN {sale.stan}: wysłano ponownie") <= 2, "at most three tries"


def test_silence_is_told_and_the_request_goes_again(browser: Browser, stage: Stage) -> None:
    """The reply never comes: after 5 s, by a clock that is moved, the page says so and sends again."""
    digits = CZESTOCHOWA.population.card_digits(CZESTOCHOWA.fleet_cards + 8)
    with quiet_page(browser) as page:
        page.clock.install()
        page.goto(stage.url)
        on_line(page)
        type_card(page, digits)
        page.fill("#amount", "60")
        stage.cut.at = "silence"
        page.click("[data-operation=EARN]")
        stage.wait_for(lambda: stage.cut.at == "")
        page.clock.fast_forward(5_000)
        expect(page.locator("#happenings")).to_contain_text("Linia zamknięta: brak odpowiedzi w czasie")
        page.clock.fast_forward(1_000)
        receipt = printed(page)
    [row] = stage.journal(CZESTOCHOWA, digits)
    assert (row.stan, row.points) == (int(receipt["data-stan"]), 6)


def test_wrong_cards_are_refused_in_words(page: Page, stage: Stage) -> None:
    """Blocked and unknown cards, a number that is none, nothing read: each says so, and nothing is posted."""
    blocked = CZESTOCHOWA.hand_cards()[Peculiarity.BLOCKED]
    choose_card(page, blocked)
    receipt = press(page, "EARN")
    assert (receipt["data-result"], "Karta zablokowana" in receipt["text"]) == ("CARD_BLOCKED", True)
    assert stage.points(CZESTOCHOWA, blocked) == 0
    page.select_option("#card", "other")
    page.click("[data-operation=EARN]")
    assert page.inner_text("#said") == "To nie jest karta: 16 do 19 cyfr albo ścieżka 2."
    page.fill("#typed", "1234567890123456")
    assert press(page, "EARN")["data-result"] == "CARD_NUMBER_INVALID"
    stranger = CZESTOCHOWA.population.stranger_digits(7)
    page.fill("#typed", stranger)
    assert press(page, "EARN")["data-result"] == "CARD_UNKNOWN"
    shown = page.inner_text("#frames") + "".join(
        page.eval_on_selector_all("#frames details", "all => all.map(d => d.dataset.hex)")
    )
    assert stranger not in shown
    assert stranger.encode().hex() not in shown, (
        "of a card that is not the demo's four digits are shown at most"
    )


def test_the_whole_page_is_worked_by_keyboard(page: Page, stage: Stage) -> None:
    """A reader types the card and Enter, then Tab and Space do the rest: no mouse is needed for a sale."""
    digits = CZESTOCHOWA.population.card_digits(CZESTOCHOWA.fleet_cards + 6)
    page.focus("#card")
    page.keyboard.press("End")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "typed"
    page.keyboard.type(f";{digits}=49121010000000?")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "amount"
    assert page.input_value("#entry") == "1"
    page.keyboard.type("70")
    for _ in range(30):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.dataset.operation") == "EARN":
            break
    page.evaluate("document.querySelector('#receipt').removeAttribute('data-stan')")
    page.keyboard.press("Space")
    assert printed(page)["data-result"] == "APPROVED"
    assert stage.points(CZESTOCHOWA, digits) == 7
    assert page.input_value("#typed") == "", "a card is not kept past its sale"


def test_axe_finds_nothing(page: Page, stage: Stage) -> None:
    """WCAG 2.1 AA by axe: 0 violations in both languages, light and dark, with frames open and a receipt."""
    press(page, "BALANCE")
    assert page.evaluate("document.documentElement.lang") == "pl"
    assert axe_violations(page) == []
    page.emulate_media(color_scheme="dark")
    page.select_option("#language", "en")
    assert page.evaluate("document.documentElement.lang") == "en"
    assert axe_violations(page) == []


def test_a_second_tab_is_told_that_the_terminal_is_taken(page: Page, stage: Stage) -> None:
    """One terminal has one connection: a second tab does not take it, and can be another city's."""
    second = page.context.new_page()
    second.goto(stage.url)
    expect(second.locator("#said")).to_contain_text("otwarty w innej karcie")
    choose_city(second, ZYWIEC)
    assert press(page, "BALANCE")["data-result"] == "APPROVED"
    second.close()


def test_nothing_is_asked_of_another_host(browser: Browser, stage: Stage) -> None:
    """Every request goes to the page's own address, and its policy would let no other through."""
    asked: list[str] = []
    with quiet_page(browser) as page:
        page.on("request", lambda request: asked.append(request.url))
        response = page.goto(stage.url)
        assert response is not None
        policy = response.headers["content-security-policy"]
        on_line(page)
    assert asked
    assert all(url.startswith(stage.url) for url in asked)
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "inline" not in policy


def test_every_code_the_page_names_comes_from_the_protocol(page: Page) -> None:
    """wire.json has every result code with the texts of protocol/; the scripts type none of them again."""
    wire = page.evaluate("async () => (await fetch('/wire.json')).json()")
    assert {int(code): row["pl"] for code, row in wire["results"].items()} == {
        int(code): code.text_pl for code in ResultCode
    }
    scripts = "".join(path.read_text() for path in Path("simulators/browser/page").glob("*.js"))
    typed = {code.name for code in ResultCode if f'"{code.name}"' in scripts}
    assert typed == {"STAN_CONFLICT", "SYSTEM_ERROR"}, "the two that SPEC.md gives rules for"
