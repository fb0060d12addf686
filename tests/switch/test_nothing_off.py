"""A benefit that would take nothing off is refused with a code of its own, and takes no use of a limit."""

from typing import Any

import pytest

from protocol import TYPE_OF, BenefitAdvice, BenefitUse, EntryMode, Quote, ResultCode
from switch.rules.decide import decide_benefit_advice, decide_benefit_use, decide_quote
from tests.switch.offers import an_offer
from tests.switch.test_benefit_decisions import NOW, NOW_MS, SEEN_ALL, card, shop
from tests.switch.test_cities import PONTA, partner_in

FIXED = {"kind": "fixed_price", "price_grosze": 1_500}
TENTH = {"kind": "percent", "percent": 10}
SECOND = {"kind": "second_free"}
FREE, PRIVILEGE = {"kind": "free_entry"}, {"kind": "privilege"}
ONCE = [{"per": "card_and_offer", "uses": 1, "every": "ever"}]
NOTHING_OFF = ResultCode.BENEFIT_NOTHING_OFF


@pytest.mark.parametrize(
    ("benefits", "amount", "code"),
    [
        ([FIXED], 1_501, 0),
        ([FIXED], 1_500, NOTHING_OFF),
        ([FIXED], 700, NOTHING_OFF),
        ([TENTH], 5, 0),
        ([TENTH], 4, NOTHING_OFF),
        ([SECOND], 2, 0),
        ([SECOND], 1, NOTHING_OFF),
        ([FIXED, TENTH], 700, 0),
        ([FIXED, TENTH], 4, NOTHING_OFF),
        ([FIXED], 0, ResultCode.AMOUNT_ZERO),
        ([FREE], 0, 0),
        ([PRIVILEGE], 700, 0),
        ([FIXED, PRIVILEGE], 700, 0),
    ],
)
def test_a_benefit_that_takes_nothing_off_is_not_used(
    benefits: list[dict[str, Any]], amount: int, code: int
) -> None:
    """A fixed price that is not below the sale's, a share of a few grosze: no use is taken, on line, off line
    or in a quote. What is worth something without a price (an entry, a privilege) is granted and counted.
    """
    terminal = shop(PONTA, an_offer(9, *benefits, partner=partner_in(PONTA).number, limits=ONCE))
    head = (1, NOW_MS // 1_000, "", EntryMode.TAPPED)
    asked = 9, amount, SEEN_ALL
    decisions = [
        decide_benefit_use(BenefitUse(*head, *asked), terminal, card(PONTA), NOW),
        decide_benefit_advice(BenefitAdvice(*head, *asked), terminal, card(PONTA), NOW),
        decide_quote(Quote(*head, TYPE_OF[BenefitUse], amount, 9), terminal, card(PONTA), NOW),
    ]
    for decision in decisions:
        assert decision.code == code
        assert decision.more is not None
        assert bool(decision.more.quotas) == (not code)
        assert decision.more.checks == 0 or not code


def test_what_the_cashier_has_to_see_is_asked_for_first() -> None:
    """58 goes before 63, as the lower number; a quote, in which all is seen, tells 63 at once."""
    terminal = shop(PONTA, an_offer(9, FIXED, partner=partner_in(PONTA).number, confirm=["photo_id"]))
    head = (1, NOW_MS // 1_000, "", EntryMode.TAPPED)
    used = decide_benefit_use(BenefitUse(*head, 9, 700, 0), terminal, card(PONTA), NOW)
    quoted = decide_quote(Quote(*head, TYPE_OF[BenefitUse], 700, 9), terminal, card(PONTA), NOW)
    assert (used.code, quoted.code) == (ResultCode.CONFIRMATION_MISSING, NOTHING_OFF)
