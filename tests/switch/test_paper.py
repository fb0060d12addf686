"""Receipts fit the paper: no line is wider than the rules' `columns`, whatever it holds."""

from importlib.resources import files
from itertools import product
from pathlib import Path
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.books.posting import Kind
from protocol import ResultCode, limits
from switch.flow.replies import NOT_SUPPORTED
from switch.rules.programme import LANGUAGES, Rules, parse_rules
from switch.rules.receipts import SECTIONS, ReceiptPrinter
from switch.rules.text import columns, fit
from switch.rules.versions import Version

CITIES: Final = [
    parse_rules(files("switch").joinpath(f"rules/programmes/{name}.toml").read_text())
    for name in ("czestochowa", "zywiec", "zgierz")
] + [parse_rules((Path(__file__).parent / "fourth_city.toml").read_text())]
PRINTERS: Final = [Version.of(1, 0, rules).printer for rules in CITIES]
BY_CITY = pytest.mark.parametrize(
    ("rules", "printer"), list(zip(CITIES, PRINTERS, strict=True)), ids=[one.programme.code for one in CITIES]
)
BY_LANGUAGE = pytest.mark.parametrize("language", range(len(LANGUAGES)), ids=LANGUAGES)
AT_MS: Final = 1_784_000_000_000
GROSZE_MAX: Final = 10**12
OFFERS: Final = ("", "Basen", "x" * limits.OFFER_NAME_BYTES_MAX, "Basen, lodowisko i park wodny!!!")


def printed(printer: ReceiptPrinter, kind: int, code: int = 0, language: int = 0, **figures: object) -> str:
    """Return a receipt, all figures at nothing that are not named."""
    given_figures = {"last4": 1234, "amount_grosze": 0, "points": 0, "balance": 0} | figures
    return printer.text(kind, code, at_ms=AT_MS, language=language, **given_figures)  # type: ignore[arg-type]


def hold_to_paper(text: str, rules: Rules) -> None:
    """Hold a receipt to the paper's width and the terminal's buffer."""
    wide = [line for line in text.split("\n") if columns(line) > rules.receipt.columns]
    assert not wide
    assert len(text.encode()) <= limits.RECEIPT_BYTES_MAX


@BY_CITY
@BY_LANGUAGE
def test_every_reason_fits_the_paper(rules: Rules, printer: ReceiptPrinter, language: int) -> None:
    """Each code's words in each language of each programme, under the largest STAN: parted at words only."""
    for code in ResultCode:
        text = printed(printer, int(Kind.REVERSAL), int(code), language, original=limits.STAN_MAX)
        hold_to_paper(text, rules)
        if code >= ResultCode.TRY_AGAIN:
            words = code.text_pl if rules.receipt_in(LANGUAGES[language])[0] == "pl" else code.text_en
            assert words in text.replace("\n", " ")


@BY_CITY
@BY_LANGUAGE
@pytest.mark.parametrize("kind", sorted(SECTIONS))
def test_figures_at_their_bounds_fit_the_paper(
    rules: Rules, printer: ReceiptPrinter, language: int, kind: int
) -> None:
    """The widest figures that a request and the books can come to, and the smallest, are printed whole."""
    least, most = limits.INT64_MIN, limits.INT64_MAX
    bounds = (
        (GROSZE_MAX, GROSZE_MAX, most, most),
        (-GROSZE_MAX, 0, least, least),
        (most, least, -1, 0),
        (0, 0, 0, 0),
    )
    for (amount, discount, points, balance), offer, checks in product(bounds, OFFERS, (0, 0b111)):
        text = printed(
            printer,
            kind,
            0,
            language,
            amount_grosze=amount,
            discount_grosze=discount,
            points=points,
            balance=balance,
            original=limits.STAN_MAX,
            remaining=most,
            offer=offer,
            checks=checks if kind in {Kind.VERIFY, Kind.QUOTE} else 0,
        )
        hold_to_paper(text, rules)


@given(
    st.sampled_from(list(zip(CITIES, PRINTERS, strict=True))),
    st.sampled_from(sorted(SECTIONS)),
    st.sampled_from([0, 1]),
    st.tuples(*[st.integers(limits.INT64_MIN, limits.INT64_MAX) | st.integers(-(10**9), 10**9)] * 4),
    st.integers(1, limits.STAN_MAX),
    st.sampled_from(OFFERS),
)
def test_any_figures_fit_the_paper(
    city: tuple[Rules, ReceiptPrinter],
    kind: int,
    language: int,
    figures: tuple[int, int, int, int],
    stan: int,
    offer: str,
) -> None:
    """The bound that spares a look at each line spares none that is too wide."""
    amount, discount, points, balance = figures
    text = printed(
        city[1],
        kind,
        0,
        language,
        amount_grosze=amount,
        discount_grosze=discount,
        points=points,
        balance=balance,
        original=stan,
        offer=offer,
    )
    hold_to_paper(text, city[0])


def test_a_wide_line_is_parted_at_its_words() -> None:
    """A reversal of a STAN of ten digits: the number goes to the next line, the words before it stay."""
    text = printed(PRINTERS[1], int(Kind.REVERSAL), original=limits.STAN_MAX - 1)
    assert text.split("\n")[3:] == ["Anulowano transakcję nr", "2147483646"]


def test_an_ordinary_receipt_is_printed_as_the_rules_have_it() -> None:
    """Where all lines fit, nothing is parted: the lines are the template's own."""
    text = printed(
        PRINTERS[1], int(Kind.BENEFIT_USE), amount_grosze=4_590, discount_grosze=459, offer=OFFERS[-1]
    )
    assert text.split("\n")[3:] == [
        OFFERS[-1],
        "Cena: 45,90 zł",
        "Zniżka: 4,59 zł",
        "Do zapłaty: 41,31 zł",
    ]


def test_a_reason_is_wrapped_with_the_words_beside_it() -> None:
    """A template may have words and figures in the line of the reason, and braces of its own."""
    source = files("switch").joinpath("rules/programmes/zywiec.toml").read_text()
    line = 'decline = ["ODMOWA {{!}}: {reason}", "{reason}{original}"]'
    changed = parse_rules(source.replace('decline = ["ODMOWA", "{reason}"]', line))
    text = printed(Version.of(1, 0, changed).printer, 1, int(ResultCode.CARD_BLOCKED), original=7_000_000)
    assert text.split("\n")[3:] == ["ODMOWA {!}: Karta zablokowana", "Karta zablokowana7000000"]
    late = printed(Version.of(1, 0, changed).printer, 1, int(ResultCode.ADVICE_OUT_OF_TIME))
    hold_to_paper(late, changed)


def test_what_is_said_without_a_receipt_of_the_rules_fits_the_narrowest_paper() -> None:
    """An answer to VERIFY where no programme's lines are asked: 24 columns."""
    assert all(columns(text) <= 24 for text in NOT_SUPPORTED)


@given(
    st.lists(st.text(st.sampled_from("ażx0,"), min_size=1, max_size=40), min_size=1, max_size=12),
    st.integers(24, 64),
)
def test_what_fits_is_left_alone_and_a_sum_stays_whole(words: list[str], width: int) -> None:
    """No line is too wide, nothing is lost, and no line begins with a sum's "zł" that had room before it."""
    line = " ".join([*words, "12,00 zł"])
    lines = fit(line, width).split("\n")
    assert all(columns(part) <= width for part in lines)
    assert "".join(lines).replace(" ", "") == line.replace(" ", "")
    assert lines[-1].endswith("12,00 zł")
    assert (len(line) <= width) == (lines == [line])
