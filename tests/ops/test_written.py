"""Numbers, sums, shares, days and moments as they are written in each language."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from ops import written

POLISH, ENGLISH = "użycie|użycia|użyć", "use|uses"


@pytest.mark.parametrize(
    ("count", "polish", "english"),
    [
        (0, "0 użyć", "0 uses"), (1, "1 użycie", "1 use"), (2, "2 użycia", "2 uses"),
        (4, "4 użycia", "4 uses"),
        (5, "5 użyć", "5 uses"), (12, "12 użyć", "12 uses"), (14, "14 użyć", "14 uses"),
        (22, "22 użycia", "22 uses"), (101, "101 użyć", "101 uses"), (112, "112 użyć", "112 uses"),
        (1_003, "1 003 użycia", "1,003 uses"),
    ],
)  # fmt: skip
def test_a_noun_has_the_form_of_its_number(count: int, polish: str, english: str) -> None:
    """One, few and many in Polish; one and many in English."""
    assert written.counted(count, POLISH).replace(written.NO_BREAK, " ") == polish
    assert written.counted(count, ENGLISH).replace(written.NO_BREAK, " ") == english


def test_a_percentage_has_the_language_s_point() -> None:
    """A comma and a space that does not break in Polish."""
    assert [written.percent("12.5", each) for each in ("pl", "en")] == ["12,5\u00a0%", "12.5%"]
    assert [written.percent("12,5", each) for each in ("pl", "en")] == ["12,5\u00a0%", "12.5%"]
    assert [written.percent(8, each) for each in ("pl", "en")] == ["8\u00a0%", "8%"]


def test_a_day_and_a_moment_are_of_the_place() -> None:
    """By its clock, summer and winter; the day alone at midnight; a dash for none."""
    warsaw = ZoneInfo("Europe/Warsaw")
    summer, winter = datetime(2026, 7, 1, 21, 59, tzinfo=UTC), datetime(2026, 11, 28, 23, 0, tzinfo=UTC)
    assert written.moment(summer, "pl", warsaw) == "01.07.2026, 23:59"
    assert written.moment(summer, "en", warsaw) == "1 Jul 2026, 23:59"
    assert written.moment(winter, "pl", warsaw) == "29.11.2026"
    assert written.day(date(2026, 11, 5), "pl") == "05.11.2026"
    assert [written.day(None, "pl"), written.moment(None, "en", warsaw)] == ["–", "–"]


def test_a_sum_keeps_its_sign_and_groups() -> None:
    """Grosze in; thousands apart, and nothing that breaks between."""
    assert written.zloty(-123_450, "pl") == "\u22121\u00a0234,50\u00a0zł"
    assert written.zloty(123_450, "en") == "PLN 1,234.50"
