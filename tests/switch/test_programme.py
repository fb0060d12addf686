"""Rules files: what they may say, and what a wrong one gets."""

from importlib.resources import files

import pytest

from ledger.books.posting import Kind
from protocol import ResultCode, limits
from switch.rules.programme import RulesError, parse_rules
from switch.rules.receipts import ReceiptPrinter, money

CZESTOCHOWA = files("switch").joinpath("rules/programmes/czestochowa.toml").read_text()


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
        (('header = ["', 'header = ["{surname}'), "receipt.header"),
        (('header = ["', 'header = ["{card!r:>99999}'), "receipt.header"),
        (('header = ["', 'header = ["{'), "receipt.header"),
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
    printer = ReceiptPrinter(parse_rules(CZESTOCHOWA))
    text = printer.text(Kind.EARN, 0, last4="1234", amount_grosze=4590, points=4, balance=104)
    assert text.splitlines() == [
        "Częstochowska Karta Mieszkańca",
        "Karta: ****1234",
        "Kwota zakupu: 45,90 zł",
        "Przyznane punkty: 4",
        "Stan punktów: 104",
        "Zapraszamy ponownie!",
    ]


def test_a_redemption_receipt_shows_points_spent_without_a_sign() -> None:
    """A redemption prints the rebate and the points it took."""
    printer = ReceiptPrinter(parse_rules(CZESTOCHOWA))
    text = printer.text(Kind.REDEEM, 0, last4="1234", amount_grosze=1000, points=-100, balance=4)
    assert "Rabat: 10,00 zł\nWykorzystane punkty: 100\nStan punktów: 4" in text


@pytest.mark.parametrize("code", [int(code) for code in ResultCode if code >= 10])
def test_every_refusal_prints_its_reason(code: int) -> None:
    """Every refusal has a receipt text."""
    printer = ReceiptPrinter(parse_rules(CZESTOCHOWA))
    text = printer.text(Kind.EARN, code, last4="1234", amount_grosze=0, points=0, balance=0)
    assert "ODMOWA" in text
    assert ResultCode(code).text_pl in text


def test_a_receipt_never_exceeds_the_wire() -> None:
    """Long lines are cut at a whole character, at the protocol's limit."""
    lines = '", "'.join(["ż" * 48] * 8)
    rules = parse_rules(
        CZESTOCHOWA.replace('header = ["', f'header = ["{lines}"]\nfooter = ["').replace(
            'footer = ["Zapraszamy ponownie!"]', ""
        )
    )
    text = ReceiptPrinter(rules).text(Kind.EARN, 0, last4="1", amount_grosze=1, points=1, balance=1)
    assert limits.RECEIPT_BYTES_MAX - 2 < len(text.encode()) <= limits.RECEIPT_BYTES_MAX


@pytest.mark.parametrize(("grosze", "text"), [(0, "0,00 zł"), (4590, "45,90 zł"), (-5, "-0,05 zł")])
def test_money(grosze: int, text: str) -> None:
    """Amounts print in złoty with a comma."""
    assert money(grosze) == text
