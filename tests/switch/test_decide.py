"""Decisions: each refusal, their order, and points = floor(paid / step)."""

from importlib.resources import files

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.books.posting import ANY_ACCOUNT
from protocol import Balance, Earn, Redeem, ResultCode, Reversal
from switch.rules.cards import Card
from switch.rules.decide import (
    Decision,
    Moment,
    decide_balance,
    decide_earn,
    decide_redeem,
    decide_reference,
    postpone,
)
from switch.rules.directory import Partner, Programme
from switch.rules.programme import parse_rules
from switch.rules.states import States
from switch.rules.versions import DAY_MS, Version
from tests.entries import SWIPED
from tests.switch.tills import EVER, till

RULES = parse_rules(files("switch").joinpath("rules/programmes/czestochowa.toml").read_text())
TODAY = 20_000
NOW = Moment(now_ms=TODAY * DAY_MS + DAY_MS // 2)
STALE = Moment(now_ms=NOW.now_ms, is_stale=True)


def make_partner(*, step_grosze: int | None = None) -> Partner:
    programme = Programme(1)
    programme.add_version(Version.of(1, 0, RULES))
    programme.choose_version(NOW.now_ms)
    partner = Partner(7)
    partner.contracts.put(1, EVER)
    partner.programme = programme
    partner.points_step_grosze = step_grosze
    return partner


def make_card(*, status: int = 0, programme: int = 1, expires_day: int | None = None) -> Card:
    return Card(account=8, programme=programme, status=status, expires_day=expires_day)


def earn(partner: Partner, card: Card | int, amount: int) -> Decision:
    return decide_earn(Earn(1, 0, "", SWIPED, amount), till(partner), card, NOW)


def redeem(partner: Partner, card: Card | int, tier: int, at: Moment = NOW) -> Decision:
    return decide_redeem(Redeem(1, 0, "", SWIPED, tier, 0), till(partner), card, at)


def balance(partner: Partner, card: Card | int) -> Decision:
    return decide_balance(Balance(1, 0, "", SWIPED), till(partner), card, NOW)


@given(st.integers(1, RULES.earn.amount_max_grosze), st.none() | st.integers(1, 100_000_000))
def test_points_are_the_full_steps_of_the_amount_paid(amount: int, step: int | None) -> None:
    """Częstochowa: points = floor(paid / step), a partner's own step in place of the programme's."""
    decision = earn(make_partner(step_grosze=step), make_card(), amount)
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
    decision = earn(make_partner(), make_card(), amount)
    assert (decision.code, decision.points) == (code, 0)


@pytest.mark.parametrize(
    ("card", "code"),
    [
        (int(ResultCode.CARD_NUMBER_INVALID), ResultCode.CARD_NUMBER_INVALID),
        (int(ResultCode.CARD_UNKNOWN), ResultCode.CARD_UNKNOWN),
        (make_card(programme=2), ResultCode.CARD_OTHER_PROGRAMME),
        (make_card(status=1), ResultCode.CARD_BLOCKED),
        (make_card(status=2), ResultCode.CARD_BLOCKED),
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
    assert earn(partner, card, 100).code == code
    assert redeem(partner, card, 100).code == code
    assert balance(partner, card).code == code


def test_a_card_is_valid_through_its_last_day() -> None:
    """expires_day is the last valid day."""
    assert balance(make_partner(), make_card(expires_day=TODAY)).code == 0


@pytest.mark.parametrize("tier", [0, -100, 1, 99, 101, 10**12])
def test_redemption_outside_the_tiers_is_refused(tier: int) -> None:
    """Częstochowa, "Działanie Programu" 2: only the three tiers."""
    decision = redeem(make_partner(), make_card(), tier)
    assert (decision.code, decision.points) == (ResultCode.TIER_UNKNOWN, 0)


@pytest.mark.parametrize(("tier", "value"), [(100, 1000), (250, 2500), (500, 5000)])
def test_a_tier_takes_its_points_and_gives_its_value(tier: int, value: int) -> None:
    """100 pts = 10 zł, 250 pts = 25 zł, 500 pts = 50 zł."""
    decision = redeem(make_partner(), make_card(), tier)
    assert (decision.code, decision.points, decision.amount_grosze) == (0, -tier, value)


@pytest.mark.parametrize(
    ("tier", "to_pay", "code"),
    [
        (100, 0, ResultCode.APPROVED),
        (100, 1000, ResultCode.APPROVED),
        (100, 999, ResultCode.REBATE_OVER_AMOUNT),
        (500, 1, ResultCode.REBATE_OVER_AMOUNT),
        (100, -1, ResultCode.AMOUNT_NEGATIVE),
        (101, 1, ResultCode.TIER_UNKNOWN),
    ],
)
def test_a_rebate_is_not_above_what_is_to_pay(tier: int, to_pay: int, code: ResultCode) -> None:
    """A till that says what is to pay gets no rebate above it; 0 says that it does not know."""
    decision = decide_redeem(Redeem(1, 0, "", SWIPED, tier, to_pay), till(make_partner()), make_card(), NOW)
    assert decision.code == code


def test_a_stale_feed_refuses_redemptions_and_nothing_else() -> None:
    """ARCHITECTURE.md, "When something fails": a worker that may miss a block refuses redemptions."""
    partner, card = make_partner(), make_card()
    assert redeem(partner, card, 100, STALE).code == ResultCode.FEED_STALE
    assert earn(partner, card, 100).code == 0


def test_refusals_follow_the_order_of_their_numbers() -> None:
    """The lowest number from 10 up wins: programme, partner, card, amount."""
    partner = make_partner()
    card = make_card(status=1, expires_day=TODAY - 1)
    assert earn(partner, card, 0).code == ResultCode.CARD_BLOCKED
    partner.suspended = True
    assert earn(partner, card, 0).code == ResultCode.PARTNER_SUSPENDED
    partner.programme.states = States(((0, None),))
    partner.programme.choose_version(NOW.now_ms)
    assert earn(partner, card, 0).code == ResultCode.PROGRAMME_SUSPENDED


def test_what_is_not_known_is_not_refused() -> None:
    """No rules yet, a clock that cannot be right, a card that may be new: try again, and nothing final."""
    partner, unknown = make_partner(), int(ResultCode.CARD_UNKNOWN)
    assert postpone(partner, make_card(), NOW) == postpone(partner, unknown, NOW) == 0
    wrong_clock = Moment(now_ms=NOW.now_ms, is_clock_right=False)
    assert postpone(partner, make_card(), wrong_clock) == ResultCode.TRY_AGAIN
    assert postpone(partner, unknown, STALE) == ResultCode.TRY_AGAIN
    assert postpone(partner, make_card(), STALE) == 0
    assert postpone(partner, int(ResultCode.CARD_NUMBER_INVALID), STALE) == 0
    partner.programme = Programme(1)
    assert postpone(partner, make_card(), NOW) == ResultCode.TRY_AGAIN


@pytest.mark.parametrize("status", range(7))
def test_a_reversal_is_never_declined_on_business_grounds(status: int) -> None:
    """SPEC.md, section 6: what was done with a blocked or expired card can still be put right."""
    partner = make_partner()
    partner.suspended, partner.programme.refusal = True, int(ResultCode.PROGRAMME_ENDED)
    assert (
        decide_reference(
            Reversal(2, 0, "", SWIPED, 1), till(partner), make_card(status=status, expires_day=1), NOW
        ).code
        == 0
    )


def test_a_card_that_may_only_be_new_here_is_taken_for_the_original_s() -> None:
    """A worker whose registry is old cannot say that a card does not exist: the ledger knows the account."""
    reversal, terminal, unknown = Reversal(2, 0, "", SWIPED, 1), till(make_partner()), ResultCode.CARD_UNKNOWN
    found = [
        decide_reference(reversal, terminal, card, at)
        for card, at in ((int(unknown), STALE), (int(unknown), NOW), (make_card(), STALE), (make_card(), NOW))
    ]
    assert [decision.account for decision in found] == [ANY_ACCOUNT, 0, 0, 0]
    assert {(decision.code, decision.original_stan) for decision in found} == {(0, 1)}
