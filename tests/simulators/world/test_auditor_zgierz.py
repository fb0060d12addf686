"""Zgierz counted by hand: kinds of holder, documents, entitlement, limits (Uchwała LXIX/994/2023)."""

from datetime import date
from typing import Any

import pytest

from protocol import BenefitAdvice, BenefitUse, Earn, Quote, Refund, Reversal, Verify
from simulators.world.facts import CLOSED, ORDERED, READY, VOID, WANTED
from tests.simulators.world.town import NEXT_TILL, Town, at

ADULTS, MINORS = 5, 7
"""What the cashier is to see: photo document (1), a minor's guardian's (2), no other relief (4)."""
KEYED, SWIPED, SCANNED = 4, 1, 2
POOL = """
[[offer.benefits]]
for = ["child"]
kind = "free_entry"
[[offer.benefits]]
for = ["junior", "youth", "senior"]
kind = "percent"
percent = 50
[[offer.benefits]]
for = ["adult"]
kind = "percent"
percent = 20
"""
ALL = 'benefits = [{ kind = "percent", percent = 10 }]'
ENTITLED = {"tax_year": 2040}


@pytest.fixture
def town() -> Town:
    return Town("zgierz")


def use(town: Town, offer: int = 1, price: int = 1_000, confirmed: int = 7, **how: Any) -> Any:
    return town.ask(BenefitUse, offer, price, confirmed, **how)


@pytest.mark.parametrize(
    ("born", "day", "off", "checks"),
    [
        ("2026-03-10", "2026-03-10", 1_000, MINORS),  # born today: a child
        ("2019-03-11", "2026-03-10", 1_000, MINORS),  # 6, the day before the 7th birthday
        ("2019-03-10", "2026-03-10", 500, MINORS),  # 7: a junior
        ("2013-03-10", "2026-03-10", 500, MINORS),  # 13: youth
        ("2008-03-11", "2026-03-10", 500, MINORS),  # 17, the day before the 18th birthday
        ("2008-03-10", "2026-03-10", 500, ADULTS),  # 18: youth and adult, the better one
        ("2007-03-11", "2026-03-10", 500, ADULTS),  # 18, its last day
        ("2007-03-10", "2026-03-10", 200, ADULTS),  # 19: adult
        ("1965-03-11", "2026-03-10", 200, ADULTS),  # 60, its last day
        ("1965-03-10", "2026-03-10", 500, ADULTS),  # the 61st birthday: a senior
        ("2008-02-29", "2026-02-27", 500, MINORS),  # a leap day's child is 17
        ("2008-02-29", "2026-02-28", 500, ADULTS),  # and 18 on the 28th
        ("1964-02-29", "2025-02-27", 200, ADULTS),  # 60
        ("1964-02-29", "2025-02-28", 500, ADULTS),  # 61
        ("2008-02-29", "2028-02-28", 200, ADULTS),  # 19 in a leap year, until the 29th
    ],
)
def test_kinds_of_holder(town: Town, born: str, day: str, off: int, checks: int) -> None:
    """§ 16: by completed years on that day; at 18 both kinds hold; over 60 from the 61st birthday. § 17."""
    town.holder(born_on=date.fromisoformat(born), **ENTITLED)
    town.offer(1, POOL)
    told = use(town, when=f"{day} 12:00")
    assert (told.code, told.discount_grosze, told.checks) == (0, off, checks)


def test_a_birthday_begins_at_midnight_in_zgierz(town: Town) -> None:
    """§ 16: 23:59:59 in Poland (22:59:59 UTC) is the day before."""
    town.holder(born_on=date(1965, 3, 10), **ENTITLED)
    town.offer(1, POOL)
    assert use(town, when="2026-03-09 23:59:59").discount_grosze == 200
    assert use(town, when="2026-03-10 00:00:00").discount_grosze == 500


@pytest.mark.parametrize(
    ("flags", "born", "code", "off"),
    [
        ((), 1980, 56, 0),
        (("family",), 1980, 0, 300),
        (("senior",), 1980, 0, 80),
        (("senior",), 1950, 0, 100),
        ((), 1950, 0, 100),
        (("family", "senior"), 1950, 0, 300),
    ],
)
def test_family_and_senior_are_flags_beside_the_kind(
    town: Town, flags: tuple[str, ...], born: int, code: int, off: int
) -> None:
    """§ 10, § 16: whichever is better; nobody else gets it."""
    town.holder(born_on=date(born, 1, 1), flags=flags, **ENTITLED)
    town.offer(
        1,
        '[[offer.benefits]]\nkind = "percent"\npercent = 30\nflags = ["family"]',
        '[[offer.benefits]]\nkind = "percent"\npercent = 8\nflags = ["senior"]',
        '[[offer.benefits]]\nkind = "percent"\npercent = 10\nfor = ["senior"]',
    )
    told = use(town)
    assert (told.code, told.discount_grosze) == (code, off)


@pytest.mark.parametrize(
    ("born", "confirmed", "code", "missing"),
    [
        (1980, 5, 0, 5),
        (1980, 4, 58, 1),
        (1980, 1, 58, 4),
        (1980, 0, 58, 5),
        (1980, 6, 58, 1),
        (2015, 7, 0, 7),
        (2015, 5, 0, 7),
        (2015, 6, 0, 7),
        (2015, 4, 58, 3),
        (2015, 3, 58, 4),
        (2015, 0, 58, 7),
    ],
)
def test_documents(town: Town, born: int, confirmed: int, code: int, missing: int) -> None:
    """§ 17: a photo document each time; of a minor without one the guardian's stands for it. § 37: alone."""
    town.holder(born_on=date(born, 1, 1), **ENTITLED)
    town.offer(1, ALL)
    told = use(town, confirmed=confirmed)
    assert (told.code, told.checks) == (code, missing)
    assert town.ask(Quote, 0x23, 1_000, 1).checks == (7 if born == 2015 else 5)


@pytest.mark.parametrize(("entry", "code"), [(SWIPED, 0), (SCANNED, 0), (3, 0), (KEYED, 49)])
def test_no_card_in_the_hand_no_discount(town: Town, entry: int, code: int) -> None:
    """§ 17: a number that was typed is refused; giving back what was granted needs no card."""
    town.holder(**ENTITLED)
    town.offer(1, ALL)
    town.ask(BenefitUse, 1, 1_000, 7, stan=10)
    assert use(town, entry=entry).code == code
    assert town.ask(Verify, 0, entry=entry).code == code
    assert town.ask(Refund, 1, 10, 900, entry=entry).code == 0


@pytest.mark.parametrize(
    ("holder", "when", "code"),
    [
        ({"tax_year": 2024}, "2026-05-31 23:59:59", 0),
        ({"tax_year": 2024}, "2026-06-01 00:00:00", 48),
        ({"tax_year": 2025}, "2026-06-01 00:00:00", 0),
        ({"tax_year": 2025}, "2027-05-31 12:00:00", 0),
        ({"tax_year": 2025}, "2027-06-01 12:00:00", 48),
        ({"tax_year": 2022}, "2024-05-31 23:59:59", 0),
        ({"tax_year": 2022}, "2024-06-01 00:00:00", 48),
        ({"applied_on": date(2024, 1, 1)}, "2024-05-31 23:59:59", 0),
        ({"applied_on": date(2024, 4, 30)}, "2024-05-31 23:59:59", 0),
        ({"applied_on": date(2024, 4, 30)}, "2024-06-01 00:00:00", 48),
        ({"applied_on": date(2024, 5, 1)}, "2024-05-31 12:00:00", 48),
        ({"applied_on": date(2023, 12, 31)}, "2024-05-31 12:00:00", 48),
        ({"applied_on": date(2024, 3, 1), "tax_year": 2023}, "2024-06-01 12:00:00", 0),
        ({}, "2026-03-10 12:00:00", 48),
    ],
)
def test_entitled_until_the_end_of_may(town: Town, holder: dict[str, Any], when: str, code: int) -> None:
    """§ 20: 31 May of the second year after the tax year; § 21: applications of January to April 2024."""
    town.holder(born_on=date(1980, 1, 1), **holder)
    town.offer(1, ALL)
    assert use(town, when=when).code == code
    assert town.ask(Verify, 0, when=when).code == code


def test_nothing_is_known_of_the_holder(town: Town) -> None:
    """§ 11: no positive verification without data."""
    town.offer(1, ALL)
    assert use(town).code == 48


@pytest.mark.parametrize(
    ("given", "when", "code"),
    [
        (date(2026, 1, 31), "2026-02-28 23:59:59", 0),
        (date(2026, 1, 31), "2026-03-01 00:00:00", 47),
        (date(2028, 1, 31), "2028-02-29 23:59:59", 0),
        (date(2026, 3, 15), "2026-04-15 23:59:59", 0),
        (date(2026, 3, 15), "2026-04-16 00:00:00", 47),
        (date(2025, 12, 31), "2026-01-31 12:00:00", 0),
        (date(2025, 12, 31), "2026-02-01 00:00:00", 47),
    ],
)
def test_a_month_s_notice(town: Town, given: date, when: str, code: int) -> None:
    """§ 33: one calendar month; the day of the same number, or the last of the month, is included."""
    town.holder(notice_given_on=given, **ENTITLED)
    town.offer(1, ALL)
    assert use(town, when=when).code == code


def test_an_objection_ends_the_contract_the_day_before(town: Town) -> None:
    """§ 35: rules of 1 July objected to: 30 June is the last day."""
    town.holder(ends_on=date(2026, 6, 30), **ENTITLED)
    town.offer(1, ALL)
    assert use(town, when="2026-06-30 23:59:59").code == 0
    assert use(town, when="2026-07-01 00:00:00").code == 47


@pytest.mark.parametrize(
    ("state", "code"), [(ORDERED, 46), (READY, 46), (VOID, 45), (CLOSED, 45), (WANTED, 45)]
)
def test_states_of_a_card(town: Town, state: int, code: int) -> None:
    """§ 8: active once handed over; § 26, § 32; a terminal is asked to keep a card in Żywiec only."""
    town.holder(**ENTITLED)
    town.offer(1, ALL)
    town.card(0, state=state)
    assert use(town).code == code


def test_two_a_day_and_three_a_month(town: Town) -> None:
    """§ 18: the tightest limit tells what is left; days and months begin at midnight in Zgierz."""
    town.holder(**ENTITLED)
    limits = (
        'limits = [{ per = "card_and_offer", uses = 2, every = "day" },'
        ' { per = "card_and_offer", uses = 3, every = "month" }]'
    )
    town.offer(1, ALL, limits)
    days = ["30 22:00", "30 23:59", "30 23:59", "31 00:00", "31 12:00"]
    told = [use(town, when=f"2026-03-{day}") for day in days]
    told.append(use(town, when="2026-04-01 00:00"))
    assert [(one.code, one.remaining) for one in told] == [(0, 1), (0, 0), (61, 0), (0, 0), (61, 0), (0, 1)]


def test_a_limit_of_the_offer_is_everybody_s(town: Town) -> None:
    """§ 18: three in all, whoever comes; a reversal lets one more in."""
    for number in (0, 1, 2):
        town.holder(number, **ENTITLED)
    town.offer(1, ALL, 'limits = [{ per = "offer", uses = 3, every = "ever" }]')
    told = [use(town, card=card, stan=10 + n) for n, card in enumerate((0, 1, 2, 0))]
    assert [(one.code, one.remaining) for one in told] == [(0, 2), (0, 1), (0, 0), (61, 0)]
    assert town.ask(Verify, 0, card=1, stan=20).more == {"checks": 0, "benefits": [], "benefits_next": 0}
    assert town.ask(Reversal, 11, card=1, stan=21).remaining == 1
    assert use(town, card=0, stan=22).code == 0


def test_a_new_version_of_an_offer_counts_on(town: Town) -> None:
    """§ 18: one more a month is allowed, and the other limit has gone; what was used stays used."""
    town.holder(**ENTITLED)
    first = (
        'limits = [{ per = "card_and_offer", uses = 9, every = "day" },'
        ' { per = "card_and_offer", uses = 1, every = "month" }]'
    )
    town.offer(1, ALL, first)
    assert use(town, when="2026-03-10 12:00").remaining == 0
    second = 'limits = [{ per = "card_and_offer", uses = 2, every = "month" }]'
    town.offer(1, ALL, second, version=2, since="2026-03-11")
    told = [use(town, when=when) for when in ("2026-03-10 23:59", "2026-03-11 00:00", "2026-03-11 12:00")]
    assert [(one.code, one.remaining) for one in told] == [(61, 0), (0, 0), (61, 0)]


def test_verify_lists_what_holds_now(town: Town) -> None:
    """§ 11: by number, with what is left and what to see; not what is closed, used up, or for others."""
    town.holder(born_on=date(1980, 1, 1), **ENTITLED)
    town.offer(1, ALL, 'hours = ["06:00-11:00"]')
    town.offer(2, ALL, 'limits = [{ per = "card_and_offer", uses = 1, every = "day" }]')
    town.offer(3, 'benefits = [{ kind = "percent", percent = 5, for = ["senior"] }]')
    town.offer(4, ALL, "outlets = [12]")
    town.offer(5, ALL)
    morning = town.ask(Verify, 0, when="2026-03-10 10:59:59")
    assert morning.more == {"checks": 5, "benefits": [(1, -1, 5), (2, 1, 5), (5, -1, 5)], "benefits_next": 0}
    use(town, offer=2)
    later = town.ask(Verify, 0, when="2026-03-10 11:00:00", terminal=NEXT_TILL, stan=90)
    assert later.more == {"checks": 5, "benefits": [(4, -1, 5), (5, -1, 5)], "benefits_next": 0}
    assert town.ask(Verify, 4, terminal=NEXT_TILL, stan=91).more == {
        "checks": 5,
        "benefits": [(5, -1, 5)],
        "benefits_next": 0,
    }


def test_pages_of_verify(town: Town) -> None:
    """More than 32 come in pages; a page's used-up offers are not listed, and the next page is the same."""
    town.holder(**ENTITLED)
    for number in range(1, 41):
        town.offer(number, ALL, 'limits = [{ per = "card_and_offer", uses = 1, every = "day" }]')
    use(town, offer=3)
    first = town.ask(Verify, 0).more
    assert first is not None
    assert first["benefits"] == [(number, 1, 5) for number in range(1, 33) if number != 3]
    assert first["benefits_next"] == 32
    second = town.ask(Verify, 32).more
    assert second == {"checks": 5, "benefits": [(n, 1, 5) for n in range(33, 41)], "benefits_next": 0}


def test_nothing_offline_and_no_points(town: Town) -> None:
    """§ 11: verification comes first, so nothing is granted offline; there are no points."""
    town.holder(**ENTITLED)
    town.offer(1, ALL)
    assert town.ask(BenefitAdvice, 1, 1_000, 7).code == 34
    assert town.ask(Earn, 1_000).code == 20


@pytest.mark.parametrize(
    ("price", "born", "off"), [(2_000, 2008, 500), (1_500, 2008, 0), (1_200, 2008, 0), (2_000, 2015, 500)]
)
def test_a_cinema_ticket_at_fifteen_zloty(town: Town, price: int, born: int, off: int) -> None:
    """Up to the age of 18, the whole year of it: never more than 15 zł, and what is cheaper stays so."""
    town.holder(born_on=date(born, 1, 1), **ENTITLED)
    whom = 'for = ["child", "junior", "youth"]'
    town.offer(3, f'benefits = [{{ kind = "fixed_price", price_grosze = 1500, {whom} }}]')
    told = use(town, offer=3, price=price, now=at("2026-12-31 23:00"))
    assert (told.code, told.discount_grosze) == (0 if off else 63, off)
