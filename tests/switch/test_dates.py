"""Ages, terms, periods and hours, each against a slow twin that walks day by day or minute by minute."""

from calendar import monthrange
from datetime import date, timedelta

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from switch.rules.dates import (
    EVERY_DAY,
    MINUTES_A_DAY,
    Band,
    Hours,
    Overlap,
    Period,
    age_on,
    began_on,
    birthday,
    changes_of_kinds,
    day_number,
    day_of_number,
    end_after_tax_year,
    end_of_term,
    kinds_around,
    kinds_at_age,
    kinds_on,
    period_days,
    period_of,
)

ONE_DAY = timedelta(days=1)
DAYS = st.dates(date(1900, 1, 1), date(2100, 12, 31))
LEAP_DAYS = st.sampled_from([date(year, 2, 29) for year in (1904, 1996, 2000, 2024)])
BORN = st.one_of(DAYS, LEAP_DAYS)
ZGIERZ = [Band(0, 0, 6), Band(1, 7, 12), Band(2, 13, 18), Band(3, 18, 60), Band(4, 61, None)]
CHILD, JUNIOR, YOUTH, ADULT, SENIOR = (1 << band.bit for band in ZGIERZ)


def is_anniversary(born: date, day: date) -> bool:
    """The slow twin of a birthday: the same day of the year, or the last of February for who has no other."""
    if (day.month, day.day) == (born.month, born.day):
        return True
    is_last_of_february = (day.month, (day + ONE_DAY).month) == (2, 3)
    return (born.month, born.day) == (2, 29) and is_last_of_february


@given(BORN, st.integers(0, 40_000))
@example(date(2000, 2, 29), 365)
@example(date(2000, 2, 29), 1461)
def test_an_age_is_the_number_of_birthdays_had(born: date, lived_days: int) -> None:
    """Civil Code, art. 112: each birthday adds a year as it begins; 29 February may be the 28th."""
    day = born + timedelta(days=lived_days)
    walked = sum(is_anniversary(born, born + timedelta(days=n)) for n in range(1, lived_days + 1))
    assert age_on(born, day) == walked


def test_a_leap_day_s_birthday_is_the_last_of_february() -> None:
    """Born on 29 February: the 28th in other years, the 29th in leap years (1900 and 2100 are none)."""
    born = date(1880, 2, 29)
    assert [birthday(born, year).day for year in (1900, 1904, 2000, 2023, 2024, 2100)] == [
        28,
        29,
        29,
        28,
        29,
        28,
    ]
    assert age_on(date(2006, 2, 28), date(2024, 2, 27)) == 17
    assert age_on(date(2008, 2, 29), date(2026, 2, 28)) == 18
    assert age_on(date(2008, 2, 29), date(2026, 2, 27)) == 17


@given(BORN, st.integers(1, 40_000))
def test_nobody_has_an_age_before_the_birth(born: date, earlier_days: int) -> None:
    """A day before the birth: a negative age, and no kind of holder."""
    day = born - timedelta(days=earlier_days)
    assert age_on(born, day) < 0
    assert kinds_on(ZGIERZ, "both", born, day) == 0


@pytest.mark.parametrize(
    ("age", "kinds"),
    [
        (0, CHILD),
        (6, CHILD),
        (7, JUNIOR),
        (12, JUNIOR),
        (13, YOUTH),
        (17, YOUTH),
        (18, YOUTH | ADULT),
        (19, ADULT),
        (60, ADULT),
        (61, SENIOR),
        (110, SENIOR),
    ],
)
def test_zgierz_16_kinds_by_age(age: int, kinds: int) -> None:
    """Zgierz § 16: 0–6, 7–12, 13–18, 18–60, over 60; at 18 both kinds, a senior from the 61st birthday."""
    born = date(2000, 5, 17)
    first = date(2000 + age, 5, 17)
    assert kinds_at_age(ZGIERZ, "both", age) == kinds
    assert kinds_on(ZGIERZ, "both", born, first) == kinds
    assert kinds_on(ZGIERZ, "both", born, date(2001 + age, 5, 16)) == kinds


@pytest.mark.parametrize(
    ("overlap", "kinds"), [("both", YOUTH | ADULT), ("older", ADULT), ("younger", YOUTH)]
)
def test_two_bands_at_once_by_the_programme_s_rule(overlap: Overlap, kinds: int) -> None:
    """Whoever is in two bands is of both kinds, or of one, as the programme says."""
    assert kinds_at_age(ZGIERZ, overlap, 18) == kinds


@st.composite
def some_bands(draw: st.DrawFn) -> list[Band]:
    ages = st.integers(0, 90)
    spans = draw(st.lists(st.tuples(ages, st.none() | ages), min_size=1, max_size=6))
    return [
        Band(bit, start, None if length is None else start + length)
        for bit, (start, length) in enumerate(spans)
    ]


def slow_kinds(bands: list[Band], overlap: Overlap, born: date, day: date) -> int:
    """The slow twin: band by band, between the two birthdays that bound it."""
    fitting = []
    for band in bands:
        begins = day >= birthday(born, born.year + band.from_age)
        ends = band.to_age is not None and day >= birthday(born, born.year + band.to_age + 1)
        if begins and not ends:
            fitting.append((band.from_age, band.bit))
    fitting.sort()
    chosen = {"both": fitting, "older": fitting[-1:], "younger": fitting[:1]}[overlap]
    return sum(1 << bit for _, bit in chosen)


@given(some_bands(), st.sampled_from(["both", "older", "younger"]), BORN, st.integers(0, 36_500))
def test_kinds_follow_from_two_birthdays(bands: list[Band], overlap: Overlap, born: date, lived: int) -> None:
    """Any bands, any rule for an overlap: a kind lasts from one birthday to the day before another."""
    day = born + timedelta(days=lived)
    assert kinds_on(bands, overlap, born, day) == slow_kinds(bands, overlap, born, day)


@settings(max_examples=20)
@given(some_bands(), st.sampled_from(["both", "older", "younger"]), BORN)
def test_the_schedule_names_every_day_on_which_kinds_change(
    bands: list[Band], overlap: Overlap, born: date
) -> None:
    """Walked day by day for 60 years, the set changes on the scheduled days and on no other."""
    scheduled = {day: kinds for day, kinds in changes_of_kinds(bands, overlap, born)}
    before = 0
    for lived in range(60 * 366):
        day = born + timedelta(days=lived)
        now = kinds_on(bands, overlap, born, day)
        assert (day in scheduled) == (now != before)
        assert scheduled.get(day, now) == now
        before = now


@given(BORN, st.integers(-2_000, 36_500))
def test_two_changes_judge_a_day_without_the_date_of_birth(born: date, lived: int) -> None:
    """What is kept of a holder (the newest change and the next) says the kinds from then until then."""
    day = born + timedelta(days=lived)
    newest, following = kinds_around(ZGIERZ, "both", born, day)
    assert (newest[1] if newest else 0) == kinds_on(ZGIERZ, "both", born, day)
    if newest is not None:
        assert newest[0] <= day
    if following is not None:
        assert following[0] > day
        assert kinds_on(ZGIERZ, "both", born, following[0]) == following[1]
        assert kinds_on(ZGIERZ, "both", born, following[0] - ONE_DAY) == (newest[1] if newest else 0)


# Terms.


def slow_end(start: date, months: int) -> date:
    """The slow twin: walk so many months on, then to the last of its days not numbered above the start's."""
    first = start.replace(day=1)
    for _ in range(months):
        first = (first + timedelta(days=31)).replace(day=1)
    day = first
    while day.day < start.day and (day + ONE_DAY).month == first.month:
        day += ONE_DAY
    return day


@given(BORN, st.integers(0, 120))
@example(date(2024, 2, 29), 24)
@example(date(2023, 12, 31), 2)
def test_a_term_of_months_ends_on_the_day_of_the_same_number(start: date, months: int) -> None:
    """Civil Code, art. 112: the same number, or the last day of a shorter month."""
    assert end_of_term(start, months=months) == slow_end(start, months)


@pytest.mark.parametrize(
    ("start", "months", "end"),
    [
        (date(2023, 1, 31), 1, date(2023, 2, 28)),  # Zgierz § 33: a month's notice
        (date(2024, 1, 31), 1, date(2024, 2, 29)),
        (date(2024, 1, 30), 1, date(2024, 2, 29)),
        (date(2024, 3, 31), 1, date(2024, 4, 30)),
        (date(2024, 4, 30), 1, date(2024, 5, 30)),
        (date(2024, 12, 31), 1, date(2025, 1, 31)),
        (date(2024, 2, 29), 24, date(2026, 2, 28)),  # Żywiec § 3: up to two years from the day of issue
        (date(2024, 7, 1), 24, date(2026, 7, 1)),
    ],
)
def test_terms_by_article_112(start: date, months: int, end: date) -> None:
    """The ends that people will ask about: a notice of 31 January, a card issued on 29 February."""
    assert end_of_term(start, months=months) == end


def test_zgierz_20_proof_for_a_year_entitles_until_the_end_of_may() -> None:
    """Zgierz § 20 and § 21: tax of 2023 until 31 May 2025; an old proof renews nothing."""
    assert end_after_tax_year(2023, years=2, month=5, day=31) == date(2025, 5, 31)
    assert end_after_tax_year(2022, years=2, month=5, day=31) == date(2024, 5, 31)
    assert end_after_tax_year(2021, years=2, month=2, day=29) == date(2023, 2, 28)


# Periods of quotas.


@given(st.dates(date(1960, 1, 1), date(2100, 12, 31)), st.sampled_from(Period))
def test_a_period_is_all_days_of_its_number_and_no_other(day: date, period: Period) -> None:
    """Walked both ways from a day, the days of one number are the period's first to its last."""
    number = period_of(period, day_number(day))
    days = period_days(period, number)
    if period is Period.EVER:
        assert (number, days) == (0, None)
        return
    first = last = day
    while period_of(period, day_number(first - ONE_DAY)) == number:
        first -= ONE_DAY
    while period_of(period, day_number(last + ONE_DAY)) == number:
        last += ONE_DAY
    assert days == (first, last)


@given(st.dates(date(1960, 1, 1), date(2100, 12, 31)))
def test_periods_have_the_numbers_the_books_use(day: date) -> None:
    """The day since 1970, its Monday, year · 12 + month − 1, the year: as any calendar says."""
    number = day_number(day)
    assert day_of_number(number) == day
    assert number == (day - date(1970, 1, 1)).days
    monday = day - timedelta(days=day.weekday())
    assert period_of(Period.DAY, number) == number
    assert period_of(Period.WEEK, number) == (monday - date(1970, 1, 1)).days
    assert period_of(Period.MONTH, number) == day.year * 12 + day.month - 1
    assert period_of(Period.YEAR, number) == day.year
    days = period_days(Period.MONTH, period_of(Period.MONTH, number))
    assert days == (day.replace(day=1), day.replace(day=monthrange(day.year, day.month)[1]))


# Hours of the day.


@given(
    st.integers(0, MINUTES_A_DAY - 1),
    st.integers(1, MINUTES_A_DAY),
    st.integers(1, EVERY_DAY),
)
def test_hours_are_the_minutes_from_their_beginnings_on(from_minute: int, until: int, days: int) -> None:
    """Counted out minute by minute through a week, also across midnight and from Sunday into Monday."""
    hours = Hours(from_minute, until, days)
    length = until - from_minute if from_minute < until else until - from_minute + MINUTES_A_DAY
    week = 7 * MINUTES_A_DAY
    monday = day_number(date(2026, 11, 23))
    began = {
        (weekday * MINUTES_A_DAY + from_minute + step) % week: weekday
        for weekday in range(7)
        if days >> weekday & 1
        for step in range(length)
    }
    for minute in range(week):
        found = began_on(hours, monday + minute // MINUTES_A_DAY, minute % MINUTES_A_DAY)
        assert (None if found is None else (found - monday) % 7) == began.get(minute)


def test_the_hours_of_a_friday_night_belong_to_friday() -> None:
    """22:00 to 02:00 on Fridays: Saturday at 1:59 yes, at 2:00 no; Friday at 1:00 is Thursday's night."""
    hours = Hours(22 * 60, 2 * 60, 1 << 4)
    friday = day_number(date(2026, 11, 27))
    moments = [(friday, 22 * 60), (friday + 1, 119), (friday + 1, 120), (friday, 60)]
    assert [began_on(hours, *moment) for moment in moments] == [friday, friday, None, None]
