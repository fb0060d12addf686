"""How a new version of the rules stands to the others: a pure table of moments."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from ops.office.publish import NOTICE_DAYS, Announced, earliest, notice_of, standing
from switch.rules.versions import NO_RULES, Version, in_force

NOW = datetime(2027, 3, 1, 12, tzinfo=UTC)
WARSAW = ZoneInfo("Europe/Warsaw")


def at(days: float, version: int) -> Announced:
    """A version that takes effect so many days from now."""
    return Announced(NOW + timedelta(days=days), version)


VERSIONS = [at(-100, 1), at(20, 2), at(-1, 3), at(-50, 4), at(20, 5), at(40, 6)]


@pytest.mark.parametrize(
    ("days", "replaced", "never", "before", "after"),
    [
        (0, 3, [], [], [2, 5, 6]),
        (10, 3, [], [], [2, 5, 6]),
        (20, 5, [2, 5], [], [6]),
        (30, 5, [], [2, 5], [6]),
        (50, 6, [], [2, 5, 6], []),
    ],
)
def test_each_version_is_told_what_becomes_of_it(
    days: float, replaced: int, never: list[int], before: list[int], after: list[int]
) -> None:
    """What a new version replaces, what never comes in force for it, what comes before and after it."""
    stand = standing(VERSIONS, NOW + timedelta(days=days), NOW)
    assert stand.now == at(-1, 3)
    assert stand.replaced is not None
    assert stand.replaced.version == replaced
    for found, expected in ((stand.never, never), (stand.before, before), (stand.after, after)):
        assert [one.version for one in found] == expected


def test_the_office_and_the_switch_agree_on_what_holds() -> None:
    """Whatever the moment, the version said to be replaced is the one the switch has in force."""
    versions = [
        Version.of(one.version, int(one.effective_from.timestamp() * 1000), NO_RULES.rules)
        for one in VERSIONS
    ]
    for days in range(-110, 60, 5):
        moment = NOW + timedelta(days=days)
        replaced = standing(VERSIONS, moment, NOW).replaced
        held = in_force(versions, int(moment.timestamp() * 1000)).number
        assert (replaced.version if replaced else 0) == held


def test_a_programme_without_versions_has_none_to_replace() -> None:
    """The first rules replace nothing and wait for nothing."""
    assert standing([], NOW, NOW) == standing([], NOW + timedelta(days=9), NOW)


@pytest.mark.parametrize(
    ("now", "days", "expected"),
    [
        ("2027-03-01T12:00+01:00", 7, "2027-03-08T00:00+01:00"),
        ("2027-03-01T00:00+01:00", 7, "2027-03-08T00:00+01:00"),
        ("2027-03-25T23:59+01:00", 7, "2027-04-01T00:00+02:00"),
        ("2027-03-25T23:30+00:00", 7, "2027-04-02T00:00+02:00"),
        ("2027-10-30T23:59+02:00", 1, "2027-10-31T00:00+02:00"),
        ("2027-10-31T00:00+02:00", 1, "2027-11-01T00:00+01:00"),
    ],
)
def test_the_earliest_moment_is_a_midnight_of_the_city(now: str, days: int, expected: str) -> None:
    """§ 34 counts days by the city's calendar: at whatever hour, also over a change of the clock."""
    found = earliest(datetime.fromisoformat(now), days, WARSAW)
    assert found.isoformat(timespec="minutes") == expected


def test_rules_nobody_can_read_any_more_want_the_usual_notice() -> None:
    """A text of another version of the switch does not stand in the way of publishing its successor."""
    assert notice_of("[other]\nkey = 1\n")[0] == NOTICE_DAYS
