"""Częstochowa counted by hand: points, tiers, refunds, late sales (Oferta współpracy partnerskiej, 2016)."""

from datetime import date

import pytest

from protocol import (
    Balance,
    BenefitAdvice,
    BenefitUse,
    Earn,
    EarnAdvice,
    Quote,
    Redeem,
    Refund,
    Reversal,
    Status,
)
from simulators.world.facts import BLOCKED, REPLACED, RETAINED, WANTED, PartnerSet, ProgrammeApplied
from tests.simulators.world.town import ELSEWHERE, NEXT_TILL, OURS, Town, at, rules_text

EARN, REDEEM, BENEFIT_USE = 0x20, 0x22, 0x23


@pytest.fixture
def town() -> Town:
    return Town("czestochowa")


@pytest.mark.parametrize(
    ("paid", "points"),
    [(1, 0), (999, 0), (1_000, 1), (1_999, 1), (2_000, 2), (10_000, 10), (123_45, 12), (2_000_000, 2_000)],
)
def test_full_amounts_earn_points(town: Town, paid: int, points: int) -> None:
    """Naliczanie punktów: one point for each full 10.00 zł paid."""
    told = town.ask(Earn, paid)
    assert (told.code, told.points, told.balance, told.amount_grosze) == (0, points, points, paid)


@pytest.mark.parametrize(("paid", "points"), [(249, 0), (250, 1), (1_000, 4), (1_249, 4)])
def test_a_partner_has_a_step_of_its_own(town: Town, paid: int, points: int) -> None:
    """Korzyści dla Partnerów: here one point for each full 2.50 zł."""
    town.learn(PartnerSet(partner=OURS, programme=1, points_step_grosze=250))
    assert town.ask(Earn, paid).points == points


@pytest.mark.parametrize(("paid", "code"), [(0, 50), (-1, 51), (2_000_001, 52)])
def test_an_amount_out_of_bounds(town: Town, paid: int, code: int) -> None:
    """Silent, largest amount: 20,000 zł; nothing and less than nothing have codes of their own."""
    told = town.ask(Earn, paid)
    assert (told.code, told.points, told.amount_grosze, told.is_kept) == (code, 0, paid, True)


@pytest.mark.parametrize(("tier", "value", "left"), [(100, 1_000, 500), (250, 2_500, 350), (500, 5_000, 100)])
def test_fixed_tiers(town: Town, tier: int, value: int, left: int) -> None:
    """Działanie Programu: 100 points are 10 zł, 250 are 25 zł, 500 are 50 zł."""
    town.give_points(600)
    told = town.ask(Redeem, tier, 0)
    assert (told.code, told.amount_grosze, told.points, told.balance) == (0, value, -tier, left)


@pytest.mark.parametrize(
    ("tier", "to_pay", "code"),
    [(101, 0, 53), (200, 0, 53), (0, 0, 53), (250, 0, 60), (100, 999, 62), (100, 1_000, 0), (100, -1, 51)],
)
def test_what_is_no_redemption(town: Town, tier: int, to_pay: int, code: int) -> None:
    """One tier at a time, enough points, and no rebate above what is to pay; 249 points are there."""
    town.give_points(249)
    told = town.ask(Redeem, tier, to_pay)
    assert (told.code, told.balance) == (code, 149 if not code else 249)


def test_a_refund_leaves_the_points_of_the_rest(town: Town) -> None:
    """25.00 zł earned 2; 5.01 back leaves 19.99: 1; 10.00 more leaves 9.99: 0; 9.99 more: nothing."""
    town.ask(Earn, 2_500, stan=10)
    back = [town.ask(Refund, 1, 10, grosze, stan=20 + grosze) for grosze in (501, 1_000, 999)]
    assert [(told.code, told.points, told.balance) for told in back] == [(0, -1, 1), (0, -1, 0), (0, 0, 0)]
    assert town.ask(Refund, 1, 10, 1, stan=2_000).code == 54


@pytest.mark.parametrize(
    ("terminal", "card", "grosze", "code"),
    [
        (NEXT_TILL, 0, 2_500, 0),
        (NEXT_TILL, 3, 2_500, 0),
        (ELSEWHERE, 0, 2_500, 27),
        (NEXT_TILL, 1, 2_500, 22),
        (NEXT_TILL, 0, 2_501, 54),
        (NEXT_TILL, 0, 0, 50),
        (NEXT_TILL, 0, -1, 51),
    ],
)
def test_who_gives_what_back(town: Town, terminal: int, card: int, grosze: int, code: int) -> None:
    """Any till of the same partner, for the card of the sale or its replacement, never more than the sale."""
    town.ask(Earn, 2_500, stan=10)
    assert town.ask(Refund, 1, 10, grosze, terminal=terminal, card=card).code == code


def test_what_is_spent_already_goes_below_zero(town: Town) -> None:
    """A card may go below zero by a refund: 100 earned, 100 spent, the sale given back."""
    town.ask(Earn, 100_000, stan=10)
    town.ask(Redeem, 100, 0)
    told = town.ask(Refund, 1, 10, 100_000)
    assert (told.code, told.points, told.balance) == (0, -100, -100)


def test_what_cannot_be_refunded(town: Town) -> None:
    """A redemption, a refund, a reversal, a declined and a reversed sale; one never seen is unknown."""
    town.give_points(200)
    town.ask(Redeem, 100, 0, stan=50)
    town.ask(Earn, 1_000, stan=51)
    town.ask(Refund, 1, 51, 500, stan=52)
    town.ask(Reversal, 51, stan=53)
    town.ask(Earn, 0, stan=54)
    codes = [town.ask(Refund, 1, stan, 100, stan=60 + stan).code for stan in (50, 51, 52, 53, 54, 55)]
    assert codes == [26, 26, 26, 26, 26, 27]


def test_a_reversal_posts_what_refunds_have_left(town: Town) -> None:
    """35.00 zł earned 3; 10.00 were given back for 1; the reversal takes the other 2, and once."""
    town.ask(Earn, 3_500, stan=10)
    town.ask(Refund, 1, 10, 1_000, stan=11)
    told = town.ask(Reversal, 10, stan=12)
    assert (told.code, told.amount_grosze, told.points, told.balance) == (0, 2_500, -2, 0)
    assert town.ask(Reversal, 10, stan=13).code == 2


def test_a_reversal_before_its_original(town: Town) -> None:
    """It cancels it: the sale is refused if it comes, whatever it says, and a status calls it unknown."""
    assert town.ask(Reversal, 10, stan=11).code == 1
    assert town.ask(Earn, 1_000, stan=10).code == 24
    assert town.ask(Status, 10, stan=12).code == 25
    assert town.ask(Reversal, 10, stan=13).code == 2
    assert town.ask(Reversal, 10, stan=14, card=1).code == 22


def test_a_number_is_used_once(town: Town) -> None:
    """The same again is the stored reply, with its own time; another under that number is a conflict."""
    first = town.ask(Earn, 1_000, stan=10, now=at("2026-03-10 12:00"))
    town.ask(Earn, 5_000, stan=11)
    again = town.ask(Earn, 1_000, stan=10, sold="2026-03-10 12:00", now=at("2026-03-10 12:05"))
    assert (again.code, again.points, again.balance) == (0, 1, 1)
    assert (again.decided_at_ms, again.first_order) == (first.decided_at_ms, 1)
    assert town.ask(Earn, 1_001, stan=10).code == 21
    assert town.ask(Balance).balance == 6


@pytest.mark.parametrize(
    ("sold", "code"),
    [
        ("2026-03-03 12:00:00", 0),
        ("2026-03-03 11:59:59", 32),
        ("2026-03-10 12:05:00", 0),
        ("2026-03-10 12:05:01", 32),
    ],
)
def test_a_sale_offline_has_seven_days_and_five_minutes(town: Town, sold: str, code: int) -> None:
    """Silent, late sales: it arrives on 10 March at noon; both ends are inside."""
    assert town.ask(EarnAdvice, 1_000, when="2026-03-10 12:00", sold=sold).code == code


@pytest.mark.parametrize(
    ("state", "sold", "code"),
    [
        (BLOCKED, "2026-03-09 09:59:59", 0),
        (BLOCKED, "2026-03-09 10:00:00", 45),
        (REPLACED, "2026-03-09 09:59:59", 0),
        (REPLACED, "2026-03-09 10:00:00", 44),
        (WANTED, "2026-03-09 10:00:00", 45),
        (RETAINED, "2026-03-09 10:00:00", 45),
    ],
)
def test_a_sale_offline_is_judged_by_its_own_moment(town: Town, state: int, sold: str, code: int) -> None:
    """What the card was then decides; the account is credited although the plastic was replaced since."""
    town.card(0, state=state, since_ms=at("2026-03-09 10:00"))
    told = town.ask(EarnAdvice, 1_000, when="2026-03-10 12:00", sold=sold)
    assert (told.code, told.balance) == (code, 0 if code else 1)


def test_a_block_holds_from_its_commit_on(town: Town) -> None:
    """Known is known: a clock that shows less than the moment of the block asks for nothing earlier."""
    town.card(0, state=BLOCKED, since_ms=at("2026-03-10 12:01"))
    assert town.ask(Earn, 1_000, when="2026-03-10 12:00").code == 45
    assert town.ask(EarnAdvice, 1_000, when="2026-03-10 12:02", sold="2026-03-10 12:00").code == 0


def test_rules_of_the_sale(town: Town) -> None:
    """20.00 zł earned 2 points until 9 March, and from then on 4."""
    dearer = rules_text("czestochowa").replace("step_grosze = 1000", "step_grosze = 500")
    town.learn(ProgrammeApplied(programme=1, version=2, from_ms=at("2026-03-09"), text=dearer))
    before = town.ask(EarnAdvice, 2_000, when="2026-03-10 12:00", sold="2026-03-08 23:59:59")
    after = town.ask(EarnAdvice, 2_000, when="2026-03-10 12:00", sold="2026-03-09 00:00:00")
    assert (before.points, after.points) == (2, 4)


def test_carriers_of_one_account(town: Town) -> None:
    """O Programie: the transport card is another carrier of the same account, blocked by itself."""
    town.ask(Earn, 10_000, card=0)
    assert town.ask(Balance, card=3).balance == 10
    town.card(0, state=BLOCKED, since_ms=town.now)
    assert town.ask(Earn, 10_000, card=0).code == 45
    assert town.ask(Earn, 10_000, card=3).balance == 20


@pytest.mark.parametrize(
    ("flags", "price", "code", "off"),
    [
        (("family",), 10_000, 0, 1_500),
        (("family",), 99_999, 0, 10_000),
        (("senior",), 10_000, 56, 0),
        ((), 10_000, 56, 0),
        (("family", "senior"), 3, 63, 0),
        (("family", "senior"), 4, 0, 1),
    ],
)
def test_partners_own_discounts(town: Town, flags: tuple[str, ...], price: int, code: int, off: int) -> None:
    """Korzyści dla Mieszkańców: 15 % for Rodzina+, at most 100 zł, half a grosz up; no document."""
    town.holder(flags=flags)
    offer = 'benefits = [{ kind = "percent", percent = "15", flags = ["family"] }]'
    town.offer(2, offer, "max_discount_grosze = 10000")
    told = town.ask(BenefitUse, 2, price, 0)
    assert (told.code, told.discount_grosze, told.checks) == (code, off, 0)


@pytest.mark.parametrize(
    ("benefit", "price", "off"),
    [
        ('{ kind = "amount_off", off_grosze = 300 }', 1_000, 300),
        ('{ kind = "amount_off", off_grosze = 300 }', 200, 200),
        ('{ kind = "second_free" }', 101, 50),
        ('{ kind = "second_free" }', 5_000, 2_500),
        ('{ kind = "fixed_price", price_grosze = 1500 }', 2_000, 500),
        ('{ kind = "free_entry" }', 1_234, 1_234),
        ('{ kind = "free_entry" }', 0, 0),
        ('{ kind = "privilege" }', 700, 0),
    ],
)
def test_what_comes_off(town: Town, benefit: str, price: int, off: int) -> None:
    """Each kind of benefit on a price, and what is left to pay."""
    town.offer(1, f"benefits = [{benefit}]")
    told = town.ask(BenefitUse, 1, price, 0)
    assert (told.code, told.discount_grosze, told.to_pay_grosze) == (0, off, price - off)


@pytest.mark.parametrize(
    ("benefits", "price", "code"),
    [
        ('{ kind = "fixed_price", price_grosze = 1500 }', 1_501, 0),
        ('{ kind = "fixed_price", price_grosze = 1500 }', 1_500, 63),
        ('{ kind = "percent", percent = "0.5" }', 99, 63),
        ('{ kind = "second_free" }', 1, 63),
        ('{ kind = "fixed_price", price_grosze = 1500 }, { kind = "privilege" }', 1_500, 0),
    ],
)
def test_a_use_that_takes_nothing_off_is_none(town: Town, benefits: str, price: int, code: int) -> None:
    """Silent, discounts of nothing: refused, asked for on line, off line and before, and the use is left."""
    limit = 'limits = [{ per = "card_and_offer", uses = 1, every = "ever" }]'
    town.offer(1, f"benefits = [{benefits}]", limit)
    assert town.ask(Quote, BENEFIT_USE, price, 1).code == code
    assert town.ask(BenefitUse, 1, price, 0).code == code
    late = town.ask(BenefitAdvice, 1, price, 0, when="2026-03-10 12:00", sold="2026-03-10 11:00")
    assert late.code == code or (code, late.code) == (0, 61)
    told = town.ask(BenefitUse, 1, 2_000, 0)
    assert told.code == (0 if code else 61)


@pytest.mark.parametrize(
    ("sold", "code"), [("2026-03-09 09:59:59", 0), ("2026-03-09 10:00:00", 56), ("2026-03-10 12:00", 56)]
)
def test_a_sale_offline_is_judged_by_the_flags_of_its_moment(town: Town, sold: str, code: int) -> None:
    """Silent, late sales: who was of a family until ten had its discount until then, and not after."""
    town.holder(flags=("family",))
    town.holder(flags=(), since_ms=at("2026-03-09 10:00"))
    town.offer(2, 'benefits = [{ kind = "percent", percent = "15", flags = ["family"] }]')
    assert town.ask(BenefitAdvice, 2, 1_000, 0, when="2026-03-10 12:00", sold=sold).code == code


@pytest.mark.parametrize(
    ("sold", "code"), [("2026-03-09 09:59:59", 47), ("2026-03-09 10:00:00", 0), ("2026-03-07 12:00", 0)]
)
def test_a_sale_offline_is_judged_by_the_last_day_of_its_moment(town: Town, sold: str, code: int) -> None:
    """Silent, late sales: the card was valid until the 8th, and was renewed on the 9th at ten."""
    town.card(0, valid_until=date(2026, 3, 8))
    town.card(0, valid_until=date(2028, 3, 8), since_ms=at("2026-03-09 10:00"))
    assert town.ask(EarnAdvice, 1_000, when="2026-03-10 12:00", sold=sold).code == code


def test_a_notice_ends_no_sale_of_before_it(town: Town) -> None:
    """Silent, late sales: notice at noon, void at once; what was sold offline that morning stands."""
    town.holder()
    town.holder(notice_given_on=date(2026, 3, 10), since_ms=at("2026-03-10 12:00"))
    told = [
        town.ask(EarnAdvice, 1_000, when="2026-03-10 14:00", sold=f"2026-03-10 {hour}") for hour in (11, 13)
    ]
    assert [one.code for one in told] == [0, 47]


def test_a_benefit_offline(town: Town) -> None:
    """Silent, offline benefits: taken, and counted on the day of the sale."""
    limit = 'limits = [{ per = "card_and_offer", uses = 1, every = "day" }]'
    town.offer(1, 'benefits = [{ kind = "free_entry" }]', limit)
    sold = ["2026-03-09 23:59", "2026-03-10 00:00", "2026-03-09 12:00"]
    told = [town.ask(BenefitAdvice, 1, 500, 0, when="2026-03-10 12:00", sold=when) for when in sold]
    assert [(one.code, one.remaining) for one in told] == [(0, 0), (0, 0), (61, 0)]


def test_a_quote_is_what_would_come(town: Town) -> None:
    """Asked before: 12 points for 125.00 zł, 10 zł for 100 points, and nothing has changed."""
    town.give_points(100)
    earn, redeem = town.ask(Quote, EARN, 12_500, 0), town.ask(Quote, REDEEM, 0, 100)
    assert (earn.code, earn.points, earn.balance) == (0, 12, 112)
    assert (redeem.code, redeem.amount_grosze, redeem.points, redeem.balance) == (0, 1_000, -100, 0)
    assert town.ask(Quote, REDEEM, 0, 250).code == 60
    assert town.ask(Balance).balance == 100


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("9616000000000016", 40),
        ("no card", 40),
        ("4000000000000002", 41),
        ("9616200000000011", 42),
        ("", 40),
    ],
)
def test_numbers_that_are_no_card_here(town: Town, text: str, code: int) -> None:
    """A wrong check digit, no number, nobody's number, and one that begins as Zgierz' cards do."""
    assert town.ask(Earn, 1_000, card=text).code == code
