"""The largest amount is a programme's own rule: what is told at SIGN_ON is what is taken."""

import pytest

from protocol import BenefitUse, EntryMode, ResultCode, SignOn
from switch.flow.inquiry import sign_on_reply
from switch.rules.decide import decide_benefit_use
from switch.rules.programme import Rules
from tests.switch.offers import an_offer
from tests.switch.test_benefit_decisions import NOW, NOW_MS, SEEN_ALL, card, shop
from tests.switch.test_cities import CZESTOCHOWA, PONTA, ZGIERZ, ZYWIEC, partner_in


@pytest.mark.parametrize(
    "rules", [CZESTOCHOWA, ZYWIEC, ZGIERZ, PONTA], ids=lambda rules: rules.programme.code
)
def test_the_largest_amount_is_the_programme_s_and_told_at_sign_on(rules: Rules) -> None:
    """A benefit is taken off the largest price of the rules, and of no grosz more; SIGN_ON is never below."""
    assert rules.benefits is not None
    most = rules.benefits.amount_max_grosze
    terminal = shop(rules, an_offer(9, partner=partner_in(rules).number))

    def use(amount: int) -> int:
        asked = BenefitUse(1, 0, "", EntryMode.TAPPED, 9, amount, SEEN_ALL)
        return decide_benefit_use(asked, terminal, card(rules), NOW).code

    assert (use(most), use(most + 1)) == (ResultCode.APPROVED, ResultCode.AMOUNT_OVER_LIMIT)
    told = sign_on_reply(SignOn(1, 0, "till", "pl", 0), terminal, NOW_MS, code=0, last=0).amount_max_grosze
    assert told == max(most, rules.earn.amount_max_grosze if rules.earn else 0)
