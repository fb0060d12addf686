"""Whom an offer is for, when it holds, what it takes off: tables of every kind, laws for all amounts."""

from datetime import datetime
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from switch.rules.benefits import (
    APPROVED,
    NOT_FOR_CARD,
    OTHER_PARTNER,
    Terms,
    benefits_for,
    best_discount,
    checks_of,
    is_confirmed,
    is_open,
    refuse_benefit,
    wants_amount,
)
from switch.rules.calendar import Calendar
from switch.rules.offers import Codes, Offer, read_offer

CODES = Codes.of(["child", "youth", "adult", "senior"], ["FAMILY", "SENIOR"])
CHILD, YOUTH, ADULT, SENIOR = (CODES.kinds[code] for code in ("child", "youth", "adult", "senior"))
FAMILY = CODES.flags["FAMILY"]
AMOUNTS = st.integers(0, 100_000_000)


def offer(*benefits: dict[str, Any], **more: Any) -> Offer:
    """An offer of partner 5 with these benefits."""
    return read_offer(
        {
            "number": 9,
            "partner": 5,
            "name": {"pl": "Kino", "en": "Cinema"},
            "text": {"pl": "Taniej", "en": "Cheaper"},
            "benefits": benefits or ({"kind": "percent", "percent": 10},),
            **more,
        }
    )


def terms(*benefits: dict[str, Any], **more: Any) -> Terms:
    """The same, ready to be decided by."""
    return Terms.of(offer(*benefits, **more), CODES)


def off(made: Terms, amount: int, kinds: int = ADULT, flags: int = 0) -> int:
    """What it takes off an amount."""
    benefits = benefits_for(made, kinds=kinds, flags=flags)
    return best_discount(benefits, amount, made.offer.max_discount_grosze)


@pytest.mark.parametrize(
    ("benefit", "amount", "expected"),
    [
        ({"kind": "percent", "percent": 10}, 1000, 100),
        ({"kind": "percent", "percent": 50}, 5, 3),
        ({"kind": "percent", "percent": 10}, 4, 0),
        ({"kind": "percent", "percent": 10}, 5, 1),
        ({"kind": "percent", "percent": "12.5"}, 100, 13),
        ({"kind": "percent", "percent": "12.5"}, 20, 3),
        ({"kind": "percent", "percent": "0,01"}, 5_000, 1),
        ({"kind": "percent", "percent": 100}, 999, 999),
        ({"kind": "fixed_price", "price_grosze": 500}, 1200, 700),
        ({"kind": "fixed_price", "price_grosze": 500}, 500, 0),
        ({"kind": "fixed_price", "price_grosze": 500}, 300, 0),
        ({"kind": "amount_off", "off_grosze": 500}, 1200, 500),
        ({"kind": "amount_off", "off_grosze": 500}, 300, 300),
        ({"kind": "free_entry"}, 1500, 1500),
        ({"kind": "free_entry"}, 0, 0),
        ({"kind": "second_free"}, 2000, 1000),
        ({"kind": "second_free"}, 2001, 1000),
        ({"kind": "second_free"}, 1001, 500),
        ({"kind": "privilege"}, 2000, 0),
    ],
)
def test_each_kind_of_benefit_has_its_price(benefit: dict[str, Any], amount: int, expected: int) -> None:
    """Percent half-up to the grosz, a fixed price, a sum and nothing below zero, free, the second free."""
    assert off(terms(benefit), amount) == expected


@given(st.integers(1, 10_000), AMOUNTS)
def test_a_percentage_is_rounded_half_up_exactly(hundredths: int, amount: int) -> None:
    """Against fractions: the nearest whole grosz, and a half goes up."""
    made = terms({"kind": "percent", "percent": f"{hundredths // 100}.{hundredths % 100:02}"})
    exact = Fraction(amount * hundredths, 10_000)
    assert off(made, amount) == (exact + Fraction(1, 2)).__floor__()


BENEFITS = st.one_of(
    st.builds(lambda n: {"kind": "percent", "percent": f"{n // 100}.{n % 100:02}"}, st.integers(1, 10_000)),
    st.builds(lambda n: {"kind": "fixed_price", "price_grosze": n}, st.integers(1, 1_000_000)),
    st.builds(lambda n: {"kind": "amount_off", "off_grosze": n}, st.integers(1, 1_000_000)),
    st.sampled_from([{"kind": "free_entry"}, {"kind": "second_free"}, {"kind": "privilege"}]),
)
AUDIENCES = st.fixed_dictionaries(
    {},
    optional={
        "for": st.lists(st.sampled_from(list(CODES.kinds)), max_size=3),
        "flags": st.lists(st.sampled_from(list(CODES.flags)), max_size=2),
    },
)


@st.composite
def many_terms(draw: st.DrawFn) -> Terms:
    """Offers of one to four benefits, each for somebody, with or without a cap."""
    benefits = draw(
        st.lists(
            st.builds(lambda a, b: {**a, **b}, BENEFITS, AUDIENCES), min_size=1, max_size=4, unique_by=str
        )
    )
    cap = draw(st.none() | st.integers(1, 100_000))
    try:
        return terms(*benefits, **({} if cap is None else {"max_discount_grosze": cap}))
    except Exception:  # a cap on privileges, or two that are the same in other words
        return terms(benefits[0])


@given(many_terms(), st.integers(0, 15), st.integers(0, 3), AMOUNTS, AMOUNTS)
def test_a_discount_lies_between_nothing_and_the_amount_and_grows_with_it(
    made: Terms, kinds: int, flags: int, one: int, other: int
) -> None:
    """Never below zero, never above the amount or the cap, never less for more."""
    low, high = sorted((one, other))
    least, most = off(made, low, kinds, flags), off(made, high, kinds, flags)
    assert 0 <= least <= low
    assert least <= most <= high
    if made.offer.max_discount_grosze is not None:
        assert most <= made.offer.max_discount_grosze


@given(many_terms(), st.integers(0, 15), st.integers(0, 15), st.integers(0, 3), AMOUNTS)
def test_whoever_is_of_more_kinds_never_gets_less(
    made: Terms, kinds: int, more: int, flags: int, amount: int
) -> None:
    """At 18 somebody is youth and adult: the better of the two counts (Zgierz § 16)."""
    both = off(made, amount, kinds | more, flags)
    assert both >= max(off(made, amount, kinds, flags), off(made, amount, more, flags))


def test_at_18_the_better_benefit_counts() -> None:
    """Half for youth, a tenth for adults: at 18 half, whichever stands first in the file."""
    youth = {"kind": "percent", "percent": 50, "for": ["youth"]}
    adult = {"kind": "percent", "percent": 10, "for": ["adult"]}
    for made in (terms(youth, adult), terms(adult, youth)):
        found = [off(made, 1000, kinds) for kinds in (YOUTH, YOUTH | ADULT, ADULT, SENIOR)]
        assert found == [500, 500, 100, 0]


@pytest.mark.parametrize(
    ("kinds", "flags", "expected"),
    [
        (CHILD, FAMILY, APPROVED),
        (CHILD, 0, NOT_FOR_CARD),
        (ADULT, FAMILY, NOT_FOR_CARD),
        (CHILD | ADULT, FAMILY | 2, APPROVED),
        (SENIOR, 0, APPROVED),
        (0, 0, NOT_FOR_CARD),
    ],
)
def test_kinds_and_flags_both_have_to_fit(kinds: int, flags: int, expected: int) -> None:
    """Within one benefit one of the kinds and one of the flags; two benefits are alternatives."""
    made = terms(
        {"kind": "free_entry", "for": ["child", "youth"], "flags": ["FAMILY"]},
        {"kind": "percent", "percent": 5, "for": ["senior"]},
    )
    code = refuse_benefit(made, partner=5, outlet=0, kinds=kinds, flags=flags, wall=(0, 0))
    assert code == expected


def test_a_kind_the_programme_gave_up_is_nobodys() -> None:
    """A benefit whose every kind is unknown is for nobody: not for everybody."""
    made = Terms.of(offer({"kind": "free_entry", "for": ["child"]}), Codes.of(["adult"], []))
    assert made.audiences == ()
    code = refuse_benefit(made, partner=5, outlet=0, kinds=255, flags=255, wall=(0, 0))
    assert code == NOT_FOR_CARD


@pytest.mark.parametrize(
    ("outlets", "partner", "outlet", "expected"),
    [
        ((), 5, 0, APPROVED),
        ((), 5, 77, APPROVED),
        ((), 6, 0, OTHER_PARTNER),
        ((1, 2), 5, 2, APPROVED),
        ((1, 2), 5, 3, OTHER_PARTNER),
        ((1, 2), 5, 0, OTHER_PARTNER),
        ((1, 2), 6, 1, OTHER_PARTNER),
    ],
)
def test_partner_and_outlet(outlets: tuple[int, ...], partner: int, outlet: int, expected: int) -> None:
    """All outlets of the partner, or those named; a terminal that stands in none is in none of those."""
    made = terms(outlets=outlets)
    code = refuse_benefit(made, partner=partner, outlet=outlet, kinds=ADULT, flags=0, wall=(0, 0))
    assert code == expected


WARSAW = Calendar("Europe/Warsaw")


def at(text: str) -> tuple[int, int]:
    """Day and minute on Warsaw's clocks at a moment of Warsaw's, or of UTC where it ends in Z."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=ZoneInfo("Europe/Warsaw"))
    return WARSAW.wall(int(moment.timestamp() * 1000))


@pytest.mark.parametrize(
    ("when", "moment", "expected"),
    [
        ({}, "2027-06-01T03:00", True),
        ({"from": "2027-06-01"}, "2027-05-31T23:59", False),
        ({"from": "2027-06-01"}, "2027-06-01T00:00", True),
        ({"to": "2027-06-01"}, "2027-06-01T23:59", True),
        ({"to": "2027-06-01"}, "2027-06-02T00:00", False),
        ({"days": ["tue"]}, "2027-06-01T00:00", True),
        ({"days": ["tue"]}, "2027-06-02T00:00", False),
        ({"days": ["tue"]}, "2027-05-31T23:59", False),
        ({"hours": ["10:00-14:00"]}, "2027-06-01T10:00", True),
        ({"hours": ["10:00-14:00"]}, "2027-06-01T09:59", False),
        ({"hours": ["10:00-14:00"]}, "2027-06-01T14:00", False),
        ({"hours": ["10:00-14:00", "18:00-24:00"]}, "2027-06-01T23:59", True),
        ({"hours": ["22:00-02:00"]}, "2027-06-01T22:00", True),
        ({"hours": ["22:00-02:00"]}, "2027-06-01T01:59", True),
        ({"hours": ["22:00-02:00"]}, "2027-06-01T02:00", False),
        # 1 June 2027 is a Tuesday; what begins on Tuesday ends on Wednesday.
        ({"hours": ["22:00-02:00"], "days": ["tue"]}, "2027-06-02T01:00", True),
        ({"hours": ["22:00-02:00"], "days": ["tue"]}, "2027-06-01T01:00", False),
        ({"hours": ["22:00-02:00"], "days": ["sun"]}, "2027-05-31T01:00", True),
        ({"hours": ["22:00-02:00"], "to": "2027-06-01"}, "2027-06-02T01:00", True),
        ({"hours": ["22:00-02:00"], "from": "2027-06-01"}, "2027-06-01T01:00", False),
        # The clocks go back on 31 October 2027: both passes of 02:30 count.
        ({"hours": ["02:00-03:00"]}, "2027-10-31T00:30+00:00", True),
        ({"hours": ["02:00-03:00"]}, "2027-10-31T01:30+00:00", True),
        ({"hours": ["02:00-03:00"]}, "2027-10-31T02:00+00:00", False),
        # And forward on 28 March 2027: 01:59 is followed by 03:00.
        ({"hours": ["01:00-04:00"]}, "2027-03-28T00:59+00:00", True),
        ({"hours": ["01:00-04:00"]}, "2027-03-28T01:00+00:00", True),
        ({"hours": ["01:00-04:00"]}, "2027-03-28T02:00+00:00", False),
    ],
)
def test_days_and_hours_are_the_citys(when: dict[str, Any], moment: str, expected: bool) -> None:
    """From–to with both days, days of the week, hours, also past midnight and over changes of the clock."""
    assert is_open(terms(**when), *at(moment)) is expected


@given(
    st.integers(0, 20_000),
    st.integers(0, 1439),
    st.integers(0, 1439),
    st.integers(0, 1439),
    st.integers(1, 127),
)
def test_hours_past_midnight_are_two_pieces_of_one(
    day: int, minute: int, start: int, until: int, days: int
) -> None:
    """22:00-02:00 on a day is 22:00-24:00 on it and 00:00-02:00 on the next."""
    if start == until:
        return
    week = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
    named = [name for place, name in enumerate(week) if days >> place & 1]
    whole = terms(hours=[f"{start // 60:02}:{start % 60:02}-{until // 60:02}:{until % 60:02}"], days=named)
    today, yesterday = week[(day + 3) % 7] in named, week[(day + 2) % 7] in named
    if start < until:
        expected = today and start <= minute < until
    else:
        expected = (today and minute >= start) or (yesterday and minute < until)
    assert is_open(whole, day, minute) is expected


def test_what_is_worth_nothing_without_an_amount_wants_one() -> None:
    """A free entry or a privilege may be used without a price; a discount may not."""
    made = terms({"kind": "percent", "percent": 10}, {"kind": "free_entry", "for": ["child"]})
    assert wants_amount(benefits_for(made, kinds=ADULT, flags=0))
    assert not wants_amount(benefits_for(made, kinds=CHILD, flags=0))
    assert not wants_amount(benefits_for(terms({"kind": "privilege"}), kinds=0, flags=0))


@pytest.mark.parametrize(
    ("confirm", "offer_combines", "always", "combines", "expected"),
    [
        ((), None, 0, True, 0),
        ((), None, 4, False, 4),
        ((), None, 7, False, 7),
        (("photo_id",), None, 0, True, 1),
        ((), None, 0, False, 0),
        ((), None, 4, True, 0),
        ((), True, 7, False, 7),
        ((), True, 4, True, 0),
        ((), False, 0, True, 4),
        (("no_other_discount",), None, 0, True, 4),
    ],
)
def test_what_has_to_be_confirmed(
    confirm: tuple[str, ...], offer_combines: bool | None, always: int, combines: bool, expected: int
) -> None:
    """The programme's, the offer's, and that no other discount was given unless they go together; an offer
    only asks for more.
    """
    made = terms(confirm=confirm, combines=offer_combines)
    assert checks_of(made, always=always, combines=combines) == expected


def test_every_set_of_confirmations_is_judged() -> None:
    """All 8 × 8: a document of identity if one is wanted (either of two), and no other discount if wanted."""
    for checks in range(8):
        for confirmed in range(8):
            identity = not checks & 3 or bool(checks & confirmed & 3)
            alone = not checks & 4 or bool(confirmed & 4)
            assert is_confirmed(checks, confirmed) == (identity and alone)
