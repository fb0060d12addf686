"""Żywiec counted by hand: discounts, hours, validity, misuse (Regulamin, BOB.0050.132.2019)."""

from datetime import date

import pytest

from protocol import (
    Balance,
    BenefitAdvice,
    BenefitUse,
    CardReport,
    Earn,
    Quote,
    Redeem,
    Refund,
    Reversal,
    Verify,
)
from simulators.world.facts import (
    ACTIVE,
    BLOCKED,
    CLOSED,
    ORDERED,
    READY,
    REPLACED,
    RESIGNED,
    RETAINED,
    VOID,
    WANTED,
    CardReported,
    OfferWithdrawn,
    PartnerSet,
    ProgrammeState,
)
from tests.simulators.world.town import ELSEWHERE, HERE, NEXT_TILL, OURS, Town, at

ALONE = 4
KEYED = 4
WEEKLY = 'limits = [{ per = "card_and_offer", uses = 1, every = "week" }]'


@pytest.fixture
def town() -> Town:
    return Town("zywiec")


def percent(town: Town, percent: str, *lines: str) -> None:
    town.offer(1, f'benefits = [{{ kind = "percent", percent = "{percent}" }}]', *lines)


@pytest.mark.parametrize(
    ("part", "price", "off"),
    [
        ("10", 9_995, 1_000),
        ("10", 9_994, 999),
        ("10", 5, 1),
        ("10", 4, 0),
        ("12.5", 100, 13),
        ("12.5", 4, 1),
        ("12.5", 3, 0),
        ("10", 50_000, 5_000),
        ("10", 60_000, 5_000),
        ("10", 2_000_000, 5_000),
    ],
)
def test_half_a_grosz_up_and_fifty_zloty_at_most(town: Town, part: str, price: int, off: int) -> None:
    """Ten percent of 99.95 zł is 9.995: 10.00 zł; never more than the offer's 50 zł."""
    percent(town, part, "max_discount_grosze = 5000")
    told = town.ask(BenefitUse, 1, price, ALONE)
    assert (told.code, told.discount_grosze, told.to_pay_grosze) == (0 if off else 63, off, price - off)


@pytest.mark.parametrize(
    ("confirmed", "code", "checks"), [(ALONE, 0, ALONE), (7, 0, ALONE), (0, 58, ALONE), (3, 58, ALONE)]
)
def test_no_other_discount_and_no_document(town: Town, confirmed: int, code: int, checks: int) -> None:
    """§ 2: not with other cards' discounts, which the cashier confirms; § 4: a document in doubt only."""
    percent(town, "10")
    told = town.ask(BenefitUse, 1, 1_000, confirmed)
    assert (told.code, told.checks, told.points, told.balance) == (code, checks, 0, 0)


def test_there_are_no_points(town: Town) -> None:
    """Discounts alone: nothing earns, redeems or has a balance."""
    assert town.ask(Earn, 1_000).code == 20
    assert town.ask(Redeem, 100, 0).code == 20
    assert town.ask(Balance).code == 20
    assert town.ask(Quote, 0x20, 1_000, 0).code == 20


@pytest.mark.parametrize(
    ("state", "code"),
    [
        (ACTIVE, 0),
        (BLOCKED, 45),
        (WANTED, 43),
        (REPLACED, 44),
        (ORDERED, 46),
        (READY, 46),
        (CLOSED, 45),
        (RETAINED, 45),
        (RESIGNED, 45),
        (VOID, 45),
    ],
)
def test_states_of_a_card(town: Town, state: int, code: int) -> None:
    """docs/cards.md; § 4: a wanted card is kept by the partner."""
    percent(town, "10")
    town.card(0, state=state)
    assert town.ask(BenefitUse, 1, 1_000, ALONE).code == code
    assert town.ask(Verify, 0).code == code


@pytest.mark.parametrize(
    ("report", "state", "code"),
    [
        (1, ACTIVE, 45),
        (2, ACTIVE, 45),
        (3, ACTIVE, 0),
        (2, WANTED, 43),
        (1, WANTED, 45),
        (1, READY, 45),
        (2, REPLACED, 44),
    ],
)
def test_a_report_of_misuse_acts_at_once(town: Town, report: int, state: int, code: int) -> None:
    """§ 4: retained or an attempt stops the card, a doubt does not; the reply says nothing of it."""
    percent(town, "10")
    town.card(0, state=state)
    assert town.ask(CardReport, report).code == 0
    town.learn(CardReported(card=town.cards[0], programme=2, report=report, since_ms=town.now))
    assert town.ask(BenefitUse, 1, 1_000, ALONE).code == code


def test_a_report_is_taken_down_once(town: Town) -> None:
    """The same again is as good; another under its number is a conflict; a sale may bear that number."""
    percent(town, "10")
    asked = {"stan": 10, "sold": "2026-03-10 11:00"}
    codes = [town.ask(CardReport, report, **asked).code for report in (3, 3, 1)]
    assert codes == [0, 0, 21]
    assert town.ask(CardReport, 1, stan=11, card="nobody's").code == 0
    assert town.ask(BenefitUse, 1, 1_000, ALONE, stan=10).code == 0


@pytest.mark.parametrize(
    ("when", "code"),
    [("2026-05-10 00:00:00", 0), ("2026-05-10 23:59:59", 0), ("2026-05-11 00:00:00", 47)],
)
def test_the_last_valid_day_is_included(town: Town, when: str, code: int) -> None:
    """§ 3: two years from 10 May 2024 end with 10 May 2026."""
    percent(town, "10")
    town.card(0, valid_until=date(2026, 5, 10))
    assert town.ask(BenefitUse, 1, 1_000, ALONE, when=when).code == code


def test_lost_entitlement_voids_at_once(town: Town) -> None:
    """§ 3: on the day of the notice the card is not valid any more; the day before it was."""
    percent(town, "10")
    town.holder(notice_given_on=date(2026, 3, 1))
    assert town.ask(BenefitUse, 1, 1_000, ALONE, when="2026-02-28 23:59:59").code == 0
    assert town.ask(BenefitUse, 1, 1_000, ALONE, when="2026-03-01 00:00:00").code == 47


@pytest.mark.parametrize(
    ("when", "fold", "code"),
    [
        ("2026-06-05 21:59:59", 0, 57),
        ("2026-06-05 22:00:00", 0, 0),
        ("2026-06-06 09:59:59", 0, 0),
        ("2026-06-06 10:00:00", 0, 57),
        ("2026-10-25 02:30:00", 0, 0),
        ("2026-10-25 02:30:00", 1, 0),
        ("2026-03-29 01:59:59", 0, 0),
        ("2026-03-29 03:00:00", 0, 0),
    ],
)
def test_hours_across_midnight(town: Town, when: str, fold: int, code: int) -> None:
    """Happy hours from 22 to 10, both passes of the repeated hour and round the missing one."""
    percent(town, "20", 'hours = ["22:00-10:00"]')
    assert town.ask(BenefitUse, 1, 1_000, ALONE, now=at(when, fold=fold)).code == code


@pytest.mark.parametrize(
    ("when", "code"),
    [
        ("2026-06-05 22:00", 0),
        ("2026-06-06 01:59", 0),
        ("2026-06-06 02:00", 57),
        ("2026-06-06 23:00", 57),
        ("2026-06-05 01:00", 57),
    ],
)
def test_hours_belong_to_the_day_they_begin_on(town: Town, when: str, code: int) -> None:
    """Fridays from 22 to 2: Saturday at one is still Friday's, Friday at one is Thursday's."""
    percent(town, "20", 'days = ["fri"]', 'hours = ["22:00-02:00"]')
    assert town.ask(BenefitUse, 1, 1_000, ALONE, when=when).code == code


@pytest.mark.parametrize(
    ("when", "code"),
    [
        ("2026-05-31 23:59", 57),
        ("2026-06-01 00:00", 0),
        ("2026-06-30 23:59", 0),
        ("2026-07-01 00:00", 57),
    ],
)
def test_first_and_last_day_are_included(town: Town, when: str, code: int) -> None:
    """§ 2, temporary: June, all of it."""
    percent(town, "20", "from = 2026-06-01", "to = 2026-06-30")
    assert town.ask(BenefitUse, 1, 1_000, ALONE, when=when).code == code


def test_once_a_week(town: Town) -> None:
    """Sunday and Monday are two weeks; a second one on Monday is too many, another card's is not."""
    town.offer(5, 'benefits = [{ kind = "second_free" }]', WEEKLY)
    days = ["2026-06-07 23:59:59", "2026-06-08 00:00:00", "2026-06-14 23:59:00", "2026-06-15 00:00:00"]
    told = [town.ask(BenefitUse, 5, 2_000, ALONE, when=day) for day in days]
    assert [(one.code, one.remaining) for one in told] == [(0, 0), (0, 0), (61, 0), (0, 0)]
    assert town.ask(BenefitUse, 5, 2_000, ALONE, card=1).code == 0


def test_a_limit_is_the_account_s(town: Town) -> None:
    """Another carrier of the same account has used it up as well; a duplicate inherits the quota."""
    town.offer(5, 'benefits = [{ kind = "second_free" }]', WEEKLY)
    assert town.ask(BenefitUse, 5, 2_000, ALONE, card=0).code == 0
    assert town.ask(BenefitUse, 5, 2_000, ALONE, card=3).code == 61


def test_uses_go_back_into_their_own_week(town: Town) -> None:
    """Reversed, or refunded whole, in the week after: last week's use is back, this week's is not."""
    town.offer(5, 'benefits = [{ kind = "second_free" }]', WEEKLY)
    town.ask(BenefitUse, 5, 2_000, ALONE, when="2026-06-05 12:00", stan=10)
    town.ask(BenefitUse, 5, 2_000, ALONE, when="2026-06-08 12:00", stan=11)
    assert town.ask(Refund, HERE, 10, 400, stan=12, terminal=NEXT_TILL).remaining == -1
    rest = town.ask(Refund, HERE, 10, 600, stan=13, terminal=NEXT_TILL)
    assert (rest.code, rest.remaining) == (0, 1)
    assert town.ask(BenefitUse, 5, 2_000, ALONE, stan=14).code == 61
    undone = town.ask(Reversal, 11, stan=15)
    assert (undone.code, undone.amount_grosze, undone.discount_grosze, undone.remaining) == (
        0,
        2_000,
        1_000,
        1,
    )
    assert town.ask(BenefitUse, 5, 2_000, ALONE, stan=16).code == 0


def test_what_was_free_is_refunded_once(town: Town) -> None:
    """A sale that cost nothing is given back by nothing, once."""
    town.offer(6, 'benefits = [{ kind = "free_entry" }]')
    town.ask(BenefitUse, 6, 0, ALONE, stan=10)
    codes = [town.ask(Refund, HERE, 10, grosze, stan=20 + n).code for n, grosze in enumerate((1, 0, 0))]
    assert codes == [54, 0, 54]


def test_only_what_is_published_here(town: Town) -> None:
    """§ 4: nothing else is granted; another partner's, another outlet's and a withdrawn one are not."""
    percent(town, "10", "outlets = [11]")
    codes = [
        town.ask(BenefitUse, offer, 1_000, ALONE, terminal=terminal).code
        for offer, terminal in ((1, HERE), (1, NEXT_TILL), (1, ELSEWHERE), (2, HERE), (0, HERE))
    ]
    assert codes == [0, 59, 59, 55, 55]
    town.learn(OfferWithdrawn(programme=2, number=1, version=2, from_ms=at("2026-04-01")))
    assert town.ask(BenefitUse, 1, 1_000, ALONE, when="2026-03-31 23:59:59", stan=20).code == 0
    assert town.ask(BenefitUse, 1, 1_000, ALONE, when="2026-04-01 00:00:00", stan=21).code == 55


@pytest.mark.parametrize(("price", "code"), [(0, 50), (-1, 51), (2_000_001, 52), (2_000_000, 0)])
def test_prices_out_of_bounds(town: Town, price: int, code: int) -> None:
    """Silent, largest amount; a percentage of nothing is nothing to grant."""
    percent(town, "10")
    assert town.ask(BenefitUse, 1, price, ALONE).code == code


def test_nothing_offline_and_keyed_numbers(town: Town) -> None:
    """Silent: no benefits offline, a number may be keyed."""
    percent(town, "10")
    assert town.ask(BenefitAdvice, 1, 1_000, ALONE).code == 34
    assert town.ask(BenefitUse, 1, 1_000, ALONE, entry=KEYED).code == 0


@pytest.mark.parametrize(
    ("when", "code"),
    [
        ("2026-04-30 23:59:59", 0),
        ("2026-05-01 00:00:00", 30),
        ("2026-05-07 23:59:59", 30),
        ("2026-05-08 00:00:00", 0),
        ("2026-12-31 23:59:59", 0),
        ("2027-01-01 00:00:00", 33),
    ],
)
def test_suspended_comes_back_and_called_off_does_not(town: Town, when: str, code: int) -> None:
    """§ 6: from 1 to 7 May, and for good from the new year; a reversal is done all the same."""
    percent(town, "10")
    town.ask(BenefitUse, 1, 1_000, ALONE, stan=10)
    state = ProgrammeState(
        programme=2,
        suspended_ms=((at("2026-04-01"), at("2026-04-02")), (at("2026-05-01"), at("2026-05-08"))),
        ended_from_ms=at("2027-01-01"),
    )
    town.learn(state)
    for kind, fields in ((BenefitUse, (1, 1_000, ALONE)), (Verify, (0,)), (Quote, (0x23, 1_000, 1))):
        assert town.ask(kind, *fields, when=when).code == code
    assert town.ask(Reversal, 10, when=when).code == 0


def test_a_suspended_partner(town: Town) -> None:
    """Its terminals get 31, another partner's do not; the refund of an earlier sale is taken."""
    percent(town, "10")
    town.ask(BenefitUse, 1, 1_000, ALONE, stan=10)
    town.learn(PartnerSet(partner=OURS, programme=2, is_suspended=True))
    assert town.ask(BenefitUse, 1, 1_000, ALONE).code == 31
    assert town.ask(Verify, 0, terminal=ELSEWHERE).code == 0
    assert town.ask(Refund, HERE, 10, 900).code == 0
