"""Rules files: what they may say, and what a wrong one gets."""

import unicodedata
from datetime import UTC, datetime
from importlib.resources import files

import pytest

from ledger.books.posting import Kind
from protocol import ResultCode
from switch.rules.calendar import Calendar, CalendarError
from switch.rules.filling import money
from switch.rules.offer_faults import OfferError
from switch.rules.offers import parse_offers
from switch.rules.programme import RulesError, parse_rules
from switch.rules.receipts import ReceiptPrinter
from switch.rules.versions import Version

CZESTOCHOWA = files("switch").joinpath("rules/programmes/czestochowa.toml").read_text()


AT_MS = int(datetime(2026, 7, 1, 21, 5, tzinfo=UTC).timestamp() * 1000)


def printer_of(text: str) -> ReceiptPrinter:
    return Version.of(1, 0, parse_rules(text)).printer


def test_czestochowa_offer_tiers_and_point_value() -> None:
    """Częstochowa, "Działanie Programu" 2 and "Oferta dla Partnera": 100/250/500 points, 10 gr a point."""
    rules = parse_rules(CZESTOCHOWA)
    assert [(tier.points, tier.value_grosze) for tier in rules.redeem.tiers] == [
        (100, 1000),
        (250, 2500),
        (500, 5000),
    ]
    assert rules.settlement.point_value_grosze == 10
    assert rules.earn.step_grosze == 1000
    assert rules.tier_value_grosze(250) == 2500
    assert rules.tier_value_grosze(101) is None


@pytest.mark.parametrize(
    ("change", "key"),
    [
        (("step_grosze = 1000", "step_grosze = 0"), "earn.step_grosze"),
        (("step_grosze = 1000", "step = 1000"), "earn"),
        (("points = 100,", "points = 250,"), "redeem.tiers"),
        (('header = ["', 'header = ["{surname}'), "receipt.pl.header"),
        (('header = ["', 'header = ["{card!r:>99999}'), "receipt.pl.header"),
        (('header = ["', 'header = ["{'), "receipt.pl.header"),
        (('code = "czestochowa"', 'code = "Częstochowa!"'), "programme.code"),
    ],
)
def test_a_bad_rules_file_names_the_file_and_the_key(change: tuple[str, str], key: str) -> None:
    """Bad TOML (file and key named): one line that says where."""
    with pytest.raises(RulesError, match=rf"^rules\.toml: key '{key}.*'") as caught:
        parse_rules(CZESTOCHOWA.replace(*change, 1), source="rules.toml")
    assert "\n" not in str(caught.value)


def test_text_that_is_not_toml_names_the_file() -> None:
    """Not TOML at all."""
    with pytest.raises(RulesError, match=r"^rules\.toml: not valid TOML"):
        parse_rules("][", source="rules.toml")


def test_an_earn_receipt_says_amount_points_and_balance_in_polish() -> None:
    """Częstochowa, "Naliczanie punktów" 3: the print tells how many points were awarded."""
    printer = printer_of(CZESTOCHOWA)
    text = printer.text(Kind.EARN, 0, at_ms=AT_MS, last4=1234, amount_grosze=4590, points=4, balance=104)
    assert text.splitlines() == [
        "Częstochowska Karta Mieszkańca",
        "2026-07-01 23:05",
        "Karta: ****1234",
        "Kwota zakupu: 45,90 zł",
        "Przyznane punkty: 4",
        "Stan punktów: 104",
        "Zapraszamy ponownie!",
    ]


def test_a_redemption_receipt_shows_points_spent_without_a_sign() -> None:
    """A redemption prints the rebate and the points it took."""
    printer = printer_of(CZESTOCHOWA)
    text = printer.text(Kind.REDEEM, 0, at_ms=AT_MS, last4=1234, amount_grosze=1000, points=-100, balance=4)
    assert "Rabat: 10,00 zł\nWykorzystane punkty: 100\nStan punktów: 4" in text


@pytest.mark.parametrize("code", [int(code) for code in ResultCode if code >= 10])
def test_every_refusal_prints_its_reason(code: int) -> None:
    """Every refusal has a receipt text."""
    printer = printer_of(CZESTOCHOWA)
    text = printer.text(Kind.EARN, code, at_ms=AT_MS, last4=1234, amount_grosze=0, points=0, balance=0)
    assert "ODMOWA" in text
    assert ResultCode(code).text_pl in text.replace("\n", " ")


def test_rules_that_could_print_too_much_are_refused() -> None:
    """No receipt is ever cut: a file whose lines could take more than a terminal does is not accepted."""
    lines = '", "'.join(["ż" * 32] * 5)
    with pytest.raises(RulesError, match=r"key 'receipt\.pl\.\w+': with header and footer up to \d+ bytes"):
        parse_rules(CZESTOCHOWA.replace('header = ["', f'header = ["{lines}", "'))


@pytest.mark.parametrize("line", ["a\u0301\u0301", "漢字", "\u200d", "👍", "\U0001f1f5\U0001f1f1"])
def test_a_receipt_line_has_plain_columns(line: str) -> None:
    """Marks, wide characters and joiners would break a printer's columns: the file is refused."""
    with pytest.raises(
        RulesError, match=r"key 'receipt\.pl\.header': a character that is not one column wide"
    ):
        parse_rules(CZESTOCHOWA.replace('header = ["', f'header = ["{line}", "'))


def test_letters_typed_with_marks_are_one_letter() -> None:
    """A file saved decomposed (o and an accent) prints the same as any other."""
    assert parse_rules(unicodedata.normalize("NFD", CZESTOCHOWA)) == parse_rules(CZESTOCHOWA)


@pytest.mark.parametrize(
    ("code", "says"), [(1, "NIC NIE ANULOWANO"), (2, "NIC NIE ZMIENIONO"), (0, "Anulowano transakcję nr 17")]
)
def test_a_reversal_without_effect_does_not_read_like_a_return(code: int, says: str) -> None:
    """The text follows the outcome: "nothing reversed" never stands under "reversed"."""
    text = printer_of(CZESTOCHOWA).text(
        Kind.REVERSAL, code, at_ms=AT_MS, last4=1234, amount_grosze=0, points=0, balance=5, original=17
    )
    assert says in text
    assert ("Anulowano" in text) == ("Zapraszamy" in text) == (code == 0)
    assert "17" in text


@pytest.mark.parametrize(
    ("moment", "printed"),
    [
        ("2026-03-29T00:59:00", "2026-03-29 01:59"),
        ("2026-03-29T01:00:00", "2026-03-29 03:00"),
        ("2026-10-25T00:30:00", "2026-10-25 02:30"),
        ("2026-10-25T01:30:00", "2026-10-25 02:30"),
    ],
)
def test_the_printed_time_is_the_city_s(moment: str, printed: str) -> None:
    """Whatever the zone of switch and terminal, a receipt shows what the clock on the town hall shows."""
    at_ms = int(datetime.fromisoformat(moment).replace(tzinfo=UTC).timestamp() * 1000)
    text = printer_of(CZESTOCHOWA).text(
        Kind.EARN, 0, at_ms=at_ms, last4=1234, amount_grosze=1, points=0, balance=0
    )
    assert text.splitlines()[1] == printed


@pytest.mark.parametrize(("grosze", "text"), [(0, "0,00 zł"), (4590, "45,90 zł"), (-5, "-0,05 zł")])
def test_money(grosze: int, text: str) -> None:
    """Amounts print in złoty with a comma."""
    assert money(grosze) == text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (f"x = {'[' * 20_000}", "nested too deep"),
        (f"x = {'9' * 5_000}", "out of bounds"),
        (b"\xff", "not valid TOML"),
    ],
)
def test_a_text_that_breaks_a_reader_is_one_line(text: str | bytes, message: str) -> None:
    """Brackets without end, a number without end, bytes that are no text: refused by name, of rules and of
    offers.
    """
    with pytest.raises(RulesError, match=f"a file: .*{message}"):
        parse_rules(text, source="a file")
    with pytest.raises(OfferError, match=f"a file: .*{message}"):
        parse_offers(text, source="a file")


@pytest.mark.parametrize("zone", ["Europe", "x" * 5_000, "../etc/passwd", "Nowhere/Town"])
def test_a_time_zone_that_is_none_is_named(zone: str) -> None:
    """A folder of zones, a name too long for a file, a path: no time zone, by name."""
    with pytest.raises(CalendarError, match="no such time zone"):
        Calendar(zone)


def test_a_mark_before_the_rules_is_passed_over() -> None:
    """Some editors write a byte-order mark first."""
    assert parse_rules("\ufeff" + CZESTOCHOWA).programme.code == "czestochowa"
