"""The city's calendar day: midnight in Poland, summer and winter."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from switch.rules.calendar import EPOCH_ORDINAL, Calendar, CalendarError


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


@given(st.lists(st.integers(0, 4_000_000_000_000), min_size=2, max_size=5))
def test_what_was_asked_before_changes_nothing(moments: list[int]) -> None:
    """The remembered day is only ever used within its own midnights."""
    used = Calendar("Europe/Warsaw")
    for moment in moments:
        assert used.day(moment) == Calendar("Europe/Warsaw").day(moment)


def test_an_unknown_zone_is_refused() -> None:
    """A wrong setting is an error of its own."""
    with pytest.raises(CalendarError, match="no such time zone: 'Europe/Czestochowa'"):
        Calendar("Europe/Czestochowa")
