"""The city's calendar day and clock: nine time zones, every night on which clocks are changed."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from switch.rules.calendar import Calendar, CalendarError
from switch.rules.dates import EPOCH_ORDINAL, Hours, Period, began_on, day_number, period_of

ZONES = [
    "Europe/Warsaw",
    "America/Havana",  # clocks change at midnight, and in autumn it comes twice
    "Asia/Beirut",  # from 24:00 back to 23:00 of the day before
    "America/Santiago",
    "Australia/Lord_Howe",  # half an hour of summer time
    "Asia/Kathmandu",  # a quarter past, no summer time
    "Pacific/Kiritimati",  # the first to have a day
    "Pacific/Pago_Pago",  # the last
    "America/St_Johns",  # half past; until 2011 clocks changed a minute after midnight
]
MINUTE_MS = 60_000
FIRST, LAST = datetime(2005, 1, 1, tzinfo=UTC), datetime(2040, 12, 31, tzinfo=UTC)
MOMENTS_MS = st.integers(int(FIRST.timestamp() * 1000), int(LAST.timestamp() * 1000))


def shown(zone: ZoneInfo, at_ms: int) -> datetime:
    """What clocks show, said in another way: universal time and what the zone adds to it at that moment."""
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=at_ms)
    return moment.replace(tzinfo=None) + (moment.astimezone(zone).utcoffset() or timedelta())


def nights_of_change(zone: ZoneInfo, years: range) -> list[int]:
    """The moments (ms since 1970) at which the zone's clocks are changed, to the minute."""
    found = []
    hour = datetime(years[0], 1, 1, tzinfo=UTC)
    while hour.year <= years[-1]:
        until = hour + timedelta(hours=1)
        if hour.astimezone(zone).utcoffset() != until.astimezone(zone).utcoffset():
            minutes = (hour + timedelta(minutes=n) for n in range(60))
            before = hour.astimezone(zone).utcoffset()
            changed = next((m for m in minutes if m.astimezone(zone).utcoffset() != before), until)
            found.append(int(changed.timestamp() * 1000))
        hour = until
    return found


@pytest.mark.parametrize(
    ("moment", "day"),
    [
        ("2026-05-31T21:59:59", "2026-05-31"),  # summer: UTC+2
        ("2026-05-31T22:00:00", "2026-06-01"),
        ("2026-12-31T22:59:59", "2026-12-31"),  # winter: UTC+1
        ("2026-12-31T23:00:00", "2027-01-01"),
        ("2026-03-29T00:30:00", "2026-03-29"),  # the day clocks go forward
        ("2026-10-25T23:00:00", "2026-10-26"),  # the day they go back
    ],
)
def test_a_day_ends_at_midnight_in_the_city(moment: str, day: str) -> None:
    """A card valid until a date is valid until midnight in Poland."""
    calendar = Calendar("Europe/Warsaw")
    now_ms = int(datetime.fromisoformat(moment).replace(tzinfo=UTC).timestamp() * 1000)
    assert calendar.day(now_ms) + EPOCH_ORDINAL == datetime.fromisoformat(day).toordinal()


@given(st.sampled_from(ZONES), st.lists(MOMENTS_MS, min_size=2, max_size=5))
def test_what_was_asked_before_changes_nothing(name: str, moments: list[int]) -> None:
    """The remembered day and minute are only ever used within their own bounds."""
    used = Calendar(name)
    for moment in moments:
        fresh = Calendar(name)
        assert (used.day(moment), used.wall(moment)) == (fresh.day(moment), fresh.wall(moment))


@given(st.sampled_from(ZONES), MOMENTS_MS)
def test_day_minute_and_text_are_what_the_city_s_clocks_show(name: str, at_ms: int) -> None:
    """In nine time zones day, minute and printed time say the same, summer time or not."""
    calendar, local = Calendar(name), shown(ZoneInfo(name), at_ms)
    assert calendar.day(at_ms) == day_number(local.date())
    assert calendar.wall(at_ms) == (day_number(local.date()), local.hour * 60 + local.minute)
    assert calendar.text(at_ms) == f"{local:%Y-%m-%d %H:%M}"


@pytest.mark.parametrize("name", ZONES)
def test_the_nights_on_which_clocks_change(name: str) -> None:
    """Each minute of the day before and after every change from 2008 to 2012 and in 2027 has its own day."""
    zone, calendar = ZoneInfo(name), Calendar(name)
    for years in (range(2009, 2012), range(2027, 2028)):
        for changed_ms in nights_of_change(zone, years):
            for minute in range(-1500, 1500, 7):
                at_ms = changed_ms + minute * MINUTE_MS
                day = day_number(shown(zone, at_ms).date())
                assert calendar.day(at_ms) == calendar.wall(at_ms)[0] == day


def minutes_within(name: str, night: date, hours: Hours) -> int:
    """Count the minutes of a day and a night in a zone that are within the hours."""
    calendar = Calendar(name)
    start_ms = int(datetime(night.year, night.month, night.day, tzinfo=ZoneInfo(name)).timestamp() * 1000)
    return sum(
        began_on(hours, *calendar.wall(start_ms + minute * MINUTE_MS)) is not None for minute in range(1440)
    )


@pytest.mark.parametrize(
    ("name", "night", "hours", "minutes"),
    [
        ("Europe/Warsaw", date(2026, 10, 25), Hours(120, 180), 120),  # 2 to 3 o'clock comes twice
        ("Europe/Warsaw", date(2026, 3, 29), Hours(120, 180), 0),  # and is left out in spring
        ("Europe/Warsaw", date(2026, 3, 29), Hours(60, 240), 120),
        ("America/Havana", date(2026, 11, 1), Hours(0, 60), 120),
        ("Australia/Lord_Howe", date(2026, 4, 5), Hours(90, 120), 60),  # half an hour twice
        ("Asia/Kathmandu", date(2026, 10, 25), Hours(120, 180), 60),
    ],
)
def test_both_passes_of_a_repeated_hour_count(name: str, night: date, hours: Hours, minutes: int) -> None:
    """Hours are read on the wall clock: what it shows twice counts twice, what it leaves out never."""
    assert minutes_within(name, night, hours) == minutes


@given(st.sampled_from(ZONES), MOMENTS_MS)
def test_a_quota_s_period_is_that_of_the_city(name: str, at_ms: int) -> None:
    """Day, week, month and year of a use are those of the programme's own time zone."""
    local = shown(ZoneInfo(name), at_ms).date()
    day = Calendar(name).day(at_ms)
    assert period_of(Period.MONTH, day) == local.year * 12 + local.month - 1
    assert period_of(Period.YEAR, day) == local.year
    assert period_of(Period.WEEK, day) == day_number(local - timedelta(days=local.weekday()))


@pytest.mark.parametrize("name", ["Europe/Czestochowa", "", "../Warsaw", "Europe"])
def test_an_unknown_zone_is_refused(name: str) -> None:
    """A wrong setting is an error of its own."""
    with pytest.raises(CalendarError, match=f"no such time zone: '{name}'"):
        Calendar(name)
