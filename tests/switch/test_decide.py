"""Decisions: each refusal, their order, and points = floor(paid / step)."""

from importlib.resources import files

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol import ResultCode
from switch.rules.decide import decide_balance, decide_earn, decide_redeem, decide_reference
from switch.rules.directory import Card, Partner, Programme
from switch.rules.programme import parse_rules

RULES = parse_rules(files("switch").joinpath("rules/programmes/czestochowa.toml").read_text())
TODAY = 20_000


def make_partner(*, step_grosze: int | None = None) -> Partner:
    programme = Programme(1)
    programme.rules = RULES
    partner = Partner(7)
    partner.programme = programme
    partner.points_step_grosze = step_grosze
    return partner


def make_card(*, status: int = 0, programme: int = 1, expires_day: int | None = None) -> Card:
    return Card(account=8, programme=programme, status=status, issue=1, flags=0, expires_day=expires_day)


@given(st.integers(1, RULES.earn.amount_max_grosze), st.none() | st.integers(1, 100_000_000))
def test_points_are_the_full_steps_of_the_amount_paid(amount: int, step: int | None) -> None:
    """Częstochowa: points = floor(paid / step), a partner's own step in place of the programme's."""
    decision = decide_earn(make_partner(step_grosze=step), make_card(), amount, TODAY)
    used = step or 1000
    assert decision.code == 0
    assert decision.points * used <= amount < (decision.points + 1) * used
    assert decision.amount_grosze == amount


@pytest.mark.parametrize(
    ("amount", "code"),
    [
        (0, ResultCode.AMOUNT_ZERO),
        (-1, ResultCode.AMOUNT_NEGATIVE),
        (-(10**12), ResultCode.AMOUNT_NEGATIVE),
        (RULES.earn.amount_max_grosze + 1, ResultCode.AMOUNT_OVER_LIMIT),
        (10**12, ResultCode.AMOUNT_OVER_LIMIT),
    ],
)
def test_amounts_outside_the_bounds_have_codes_of_their_own(amount: int, code: ResultCode) -> None:
    """Amount 0, negative, over the limit: refused, nothing posted."""
    decision = decide_earn(make_partner(), make_card(), amount, TODAY)
    assert (decision.code, decision.points) == (code, 0)


@pytest.mark.parametrize(
    ("card", "code"),
    [
        (int(ResultCode.CARD_NUMBER_INVALID), ResultCode.CARD_NUMBER_INVALID),
        (int(ResultCode.CARD_UNKNOWN), ResultCode.CARD_UNKNOWN),
        (make_card(programme=2), ResultCode.CARD_OTHER_PROGRAMME),
        (make_card(status=1), ResultCode.CARD_BLOCKED),
        (make_card(status=2), ResultCode.CARD_RETAIN),
        (make_card(status=3), ResultCode.CARD_REPLACED),
        (make_card(status=4), ResultCode.CARD_NOT_ACTIVE),
        (make_card(status=5), ResultCode.CARD_NOT_ACTIVE),
        (make_card(status=6), ResultCode.CARD_BLOCKED),
        (make_card(expires_day=TODAY - 1), ResultCode.CARD_EXPIRED),
    ],
)
def test_a_card_that_cannot_be_used_is_refused_for_every_operation(
    card: Card | int, code: ResultCode
) -> None:
    """Each state of a card has a result code, the same for earn, redeem and balance."""
    partner = make_partner()
    assert decide_earn(partner, card, 100, TODAY).code == code
    assert decide_redeem(partner, card, 100, TODAY, feed_stale=False).code == code
    assert decide_balance(partner, card, TODAY).code == code


def test_a_card_is_valid_through_its_last_day() -> None:
    """expires_day is the last valid day."""
    assert decide_balance(make_partner(), make_card(expires_day=TODAY), TODAY).code == 0


@pytest.mark.parametrize("tier", [0, -100, 1, 99, 101, 10**12])
def test_redemption_outside_the_tiers_is_refused(tier: int) -> None:
    """Częstochowa, "Działanie Programu" 2: only the three tiers."""
    decision = decide_redeem(make_partner(), make_card(), tier, TODAY, feed_stale=False)
    assert (decision.code, decision.points) == (ResultCode.TIER_UNKNOWN, 0)


@pytest.mark.parametrize(("tier", "value"), [(100, 1000), (250, 2500), (500, 5000)])
def test_a_tier_takes_its_points_and_gives_its_value(tier: int, value: int) -> None:
    """100 pts = 10 zł, 250 pts = 25 zł, 500 pts = 50 zł."""
    decision = decide_redeem(make_partner(), make_card(), tier, TODAY, feed_stale=False)
    assert (decision.code, decision.points, decision.amount_grosze) == (0, -tier, value)


def test_a_stale_feed_refuses_redemptions_and_nothing_else() -> None:
    """design.md, Cards in memory: a worker that may miss a block refuses redemptions."""
    partner, card = make_partner(), make_card()
    assert decide_redeem(partner, card, 100, TODAY, feed_stale=True).code == ResultCode.FEED_STALE
    assert decide_earn(partner, card, 100, TODAY).code == 0


def test_refusals_follow_the_order_of_their_numbers() -> None:
    """The lowest number from 10 up wins: programme, partner, card, amount."""
    partner = make_partner()
    card = make_card(status=1, expires_day=TODAY - 1)
    assert decide_earn(partner, card, 0, TODAY).code == ResultCode.CARD_BLOCKED
    partner.suspended = True
    assert decide_earn(partner, card, 0, TODAY).code == ResultCode.PARTNER_SUSPENDED
    partner.programme.suspended = True
    assert decide_earn(partner, card, 0, TODAY).code == ResultCode.PROGRAMME_SUSPENDED


def test_a_programme_without_rules_in_force_supports_nothing() -> None:
    """Before its first version comes in force a programme neither earns nor redeems."""
    partner = make_partner()
    partner.programme = Programme(1)
    assert decide_earn(partner, make_card(), 100, TODAY).code == ResultCode.NOT_SUPPORTED
    assert decide_redeem(partner, make_card(), 100, TODAY, feed_stale=False).code == ResultCode.NOT_SUPPORTED


@pytest.mark.parametrize("status", range(7))
def test_a_reversal_is_never_declined_on_business_grounds(status: int) -> None:
    """design.md, The ledger: a blocked or expired card can still be put right."""
    partner = make_partner()
    partner.suspended = partner.programme.suspended = True
    assert decide_reference(partner, make_card(status=status, expires_day=1)).code == 0
