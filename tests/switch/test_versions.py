"""Which version of a programme's rules holds, and whether the clock that says so can be right."""

from importlib.resources import files

import pytest

from switch.rules.directory import CLOCK_TOLERANCE_MS, Programme
from switch.rules.programme import RulesError, parse_rules
from switch.rules.versions import Version, read_version
from tests.switch.memory import make_directory

DELIVERED = files("switch").joinpath("rules/programmes/czestochowa.toml").read_text()
RULES = parse_rules(DELIVERED)


@pytest.mark.parametrize(
    ("now_ms", "number"),
    [(99, 0), (100, 1), (199, 1), (200, 3), (299, 3), (300, 2), (400, 2), (1_000, 5)],
)
def test_the_latest_moment_holds_then_the_higher_number(now_ms: int, number: int) -> None:
    """2 was announced for 300; the fix 3, of 200, does not push it aside; 5 takes the place of 4."""
    programme = Programme(1)
    for version, from_ms in {1: 100, 2: 300, 3: 200, 4: 1_000, 5: 1_000}.items():
        programme.add_version(Version.of(version, from_ms, RULES))
    programme.choose_version(now_ms)
    assert programme.current.number == programme.version_at(now_ms).number == number


def test_a_clock_is_right_near_the_database_s() -> None:
    """Set back it is found at once, set ahead at the next reading; at first it is believed."""
    directory = make_directory()
    now_ms, apart_ms = 1_790_000_000_000, CLOCK_TOLERANCE_MS + 1
    assert directory.is_clock_right(now_ms)
    directory.note_clock(database_ms=now_ms, now_ms=now_ms)
    assert directory.is_clock_right(now_ms + 1)
    assert not directory.is_clock_right(now_ms - apart_ms)
    directory.note_clock(database_ms=now_ms, now_ms=now_ms + apart_ms)
    assert not directory.is_clock_right(now_ms + apart_ms)
    directory.note_clock(database_ms=now_ms + apart_ms, now_ms=now_ms + apart_ms)
    assert directory.is_clock_right(now_ms + apart_ms)


def test_a_version_is_read_once_for_all_who_ask() -> None:
    """Directory, keeper and office have one and the same; a text that cannot be used names its version."""
    assert read_version(1, 2, 5, DELIVERED) is read_version(1, 2, 5, DELIVERED)
    with pytest.raises(RulesError, match="rules 1/2"):
        read_version(1, 2, 5, "[programme]")
