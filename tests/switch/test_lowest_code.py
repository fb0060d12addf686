"""Of several reasons the lowest number is told, and SIGN_ON offers what is served (SPEC.md, 4 and 7)."""

from typing import Any

import pytest

from protocol import (
    TYPE_OF,
    Balance,
    BenefitAdvice,
    BenefitUse,
    Earn,
    EarnAdvice,
    EntryMode,
    Redeem,
    Refund,
    ResultCode,
    Verify,
)
from switch.flow.operations import OPERATIONS, served
from switch.rules.cards import Card
from switch.rules.decide import Moment, decide_benefit_use, decide_redeem, decide_refund, decide_verify
from switch.rules.decide.refusals import refuse_place_now
from switch.rules.programme import Rules
from switch.rules.states import States
from tests.switch.test_cities import AT_MS, CZESTOCHOWA, PONTA, ZGIERZ, ZYWIEC, partner_in
from tests.switch.tills import till

CITIES = (CZESTOCHOWA, ZYWIEC, ZGIERZ, PONTA)
NEVER = {int(ResultCode.NOT_SUPPORTED), int(ResultCode.OFFLINE_NOT_ALLOWED)}


def requests(sold_s: int) -> list[Any]:
    """One of each operation that a programme may not have."""
    head = 1, sold_s, "", EntryMode.SCANNED
    return [
        Balance(*head),
        Earn(*head, 1_000),
        EarnAdvice(*head, 1_000),
        Redeem(*head, 100, 0),
        BenefitUse(*head, 7, 1_000, 7),
        BenefitAdvice(*head, 7, 1_000, 7),
        Refund(*head, 70, 1, 1_000),
    ]


def decide(rules: Rules, message: Any) -> int:
    row = OPERATIONS[type(message)]
    assert row.decide is not None
    return row.decide(
        message, till(partner_in(rules)), Card(8, rules.programme.number, 0), Moment(AT_MS)
    ).code


@pytest.mark.parametrize("rules", CITIES, ids=lambda rules: rules.programme.code)
def test_what_sign_on_offers_is_served_and_nothing_else(rules: Rules) -> None:
    """Whatever a programme answers 20 or 34 to by its rules is not among the `operations` of SIGN_ON."""
    offered = set(served(rules))
    for message in requests(AT_MS // 1_000):
        assert (TYPE_OF[type(message)] in offered) == (decide(rules, message) not in NEVER), message


@pytest.mark.parametrize("rules", CITIES, ids=lambda rules: rules.programme.code)
def test_while_the_registry_may_be_old_nothing_is_not_supported_for_good(rules: Rules) -> None:
    """11 goes before 20, for what looks at blocks and offers: rules that have it may hold already."""
    stale = Moment(AT_MS, is_stale=True)
    card = Card(8, rules.programme.number, 0)
    till_here = till(partner_in(rules))
    head = 1, AT_MS // 1_000, "", EntryMode.SCANNED
    assert decide_redeem(Redeem(*head, 100, 0), till_here, card, stale).code == ResultCode.FEED_STALE
    assert decide_benefit_use(BenefitUse(*head, 7, 1_000, 7), till_here, card, stale).code == (
        ResultCode.FEED_STALE
    )
    assert decide_verify(Verify(*head, 0), till_here, card, stale).code == ResultCode.FEED_STALE


@pytest.mark.parametrize("days_ago", [8, 4_000])
def test_what_a_programme_has_not_is_not_supported_whenever_it_was_sold(days_ago: int) -> None:
    """20 goes before 32: a sale offline of points, where there are none, is no matter of its date."""
    sold_s = AT_MS // 1_000 - days_ago * 86_400
    advice = EarnAdvice(1, sold_s, "", EntryMode.SCANNED, 1_000)
    assert decide(ZYWIEC, advice) == ResultCode.NOT_SUPPORTED
    assert decide(CZESTOCHOWA, advice) == ResultCode.ADVICE_OUT_OF_TIME
    benefit = BenefitAdvice(1, sold_s, "", EntryMode.SCANNED, 7, 1_000, 7)
    assert decide(ZGIERZ, benefit) == ResultCode.ADVICE_OUT_OF_TIME


def test_a_suspended_partner_in_a_programme_that_has_ended() -> None:
    """31 goes before 33, and 30 before both."""
    partner = partner_in(CZESTOCHOWA)
    for states, suspended, code in (
        (States(), False, 0),
        (States(), True, ResultCode.PARTNER_SUSPENDED),
        (States(ended_from_ms=0), False, ResultCode.PROGRAMME_ENDED),
        (States(ended_from_ms=0), True, ResultCode.PARTNER_SUSPENDED),
        (States(((0, None),)), True, ResultCode.PROGRAMME_SUSPENDED),
    ):
        partner.programme.states, partner.suspended = states, suspended
        partner.programme.choose_version(AT_MS)
        assert refuse_place_now(till(partner), AT_MS) == code


@pytest.mark.parametrize("original_terminal", [71, 99], ids=["the partner's own", "nobody's here"])
def test_what_is_wrong_with_a_refund_s_original_is_told_last(original_terminal: int) -> None:
    """27 is given where no other code applies, whoever finds it: the switch or the books."""
    terminal = till(partner_in(CZESTOCHOWA))
    till(terminal.partner, number=71)
    here, elsewhere = Card(8, CZESTOCHOWA.programme.number, 0), Card(8, ZGIERZ.programme.number, 0)
    for card, amount, code in (
        (int(ResultCode.CARD_NUMBER_INVALID), 100, ResultCode.CARD_NUMBER_INVALID),
        (int(ResultCode.CARD_UNKNOWN), -1, ResultCode.CARD_UNKNOWN),
        (elsewhere, 100, ResultCode.CARD_OTHER_PROGRAMME),
        (here, -1, ResultCode.AMOUNT_NEGATIVE),
    ):
        message = Refund(5, 0, "", EntryMode.SWIPED, original_terminal, 3, amount)
        assert decide_refund(message, terminal, card, Moment(AT_MS)).code == code
