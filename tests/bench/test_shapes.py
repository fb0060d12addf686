"""The curves of a city's day: bounds, peaks, how much business there is, and the steps Locust takes."""

from itertools import pairwise

import pytest

from bench.load.shapes import CHRISTMAS, CURVES, DAY, RATE_MAX, Curve, area, height, peak, step_at

FINE = [minute / 60 for minute in range(24 * 60 + 1)]


@pytest.mark.parametrize("curve", CURVES.values(), ids=CURVES)
def test_a_curve_stays_within_its_bounds(curve: Curve) -> None:
    """At no minute of the day is a curve below zero or above its peak, and it ends where it begins."""
    heights = [height(curve, hour) for hour in FINE]
    assert all(0 <= level <= peak(curve) for level in heights)
    assert heights[0] == heights[-1]


@pytest.mark.parametrize("curve", CURVES.values(), ids=CURVES)
def test_a_curve_has_no_jumps(curve: Curve) -> None:
    """From one minute to the next the load changes by less than a twentieth of the ordinary peak."""
    heights = [height(curve, hour) for hour in FINE]
    assert max(abs(b - a) for a, b in pairwise(heights)) < 0.05


def test_an_ordinary_day_has_its_peaks() -> None:
    """Night is near zero, morning and noon stand out from the hours between, and 16 to 18 is the peak."""
    assert all(height(DAY, hour) <= 0.05 for hour in (0, 1, 2, 3, 4, 5, 23, 24))
    assert height(DAY, 7.5) > height(DAY, 9) < height(DAY, 12.5) > height(DAY, 14) < height(DAY, 17)
    assert peak(DAY) == 1.0 == height(DAY, 17)
    assert all(height(DAY, hour) >= 0.95 for hour in (16, 16.5, 17, 17.5, 18))
    assert all(height(DAY, hour) < 0.95 for hour in FINE if not 16 <= hour <= 18)


def test_christmas_saturday_is_several_ordinary_peaks() -> None:
    """From 10 to 14 there is a plateau of three ordinary peaks, reached steeply."""
    assert {height(CHRISTMAS, hour) for hour in FINE if 10 <= hour <= 14} == {peak(CHRISTMAS)} == {3.0}
    steepest_day = max(height(DAY, hour + 1) - height(DAY, hour) for hour in FINE if hour <= 23)
    assert height(CHRISTMAS, 10) - height(CHRISTMAS, 9) > 3 * steepest_day


@pytest.mark.parametrize("curve", CURVES.values(), ids=CURVES)
def test_the_area_is_the_sum_of_the_minutes(curve: Curve) -> None:
    """The business of a day, computed from the corners, is what the minutes add up to."""
    minutes = [(height(curve, a) + height(curve, b)) / 2 for a, b in pairwise(FINE)]
    assert area(curve) == pytest.approx(sum(minutes) / 60, rel=1e-6)


def test_christmas_saturday_brings_more_than_a_day() -> None:
    """The Saturday before Christmas is worth between two and three ordinary days."""
    assert 8 < area(DAY) < 12
    assert 2 < area(CHRISTMAS) / area(DAY) < 3


def test_hours_outside_the_day_take_the_nearest_end() -> None:
    """A clock that is a little off never fails a run."""
    assert height(DAY, -1) == height(DAY, 0)
    assert height(DAY, 25) == height(DAY, 24)


@pytest.mark.parametrize("curve", CURVES.values(), ids=CURVES)
def test_a_compressed_day_keeps_to_the_terminals(curve: Curve) -> None:
    """Whatever the curve wants, there is at least one user and never more than there are terminals."""
    steps = [
        step_at(curve, second, duration_s=240, users_peak=150, users_max=300, users_now=0)
        for second in range(240)
    ]
    users = [step.users for step in steps if step is not None]
    assert len(users) == 240
    assert min(users) >= 1
    assert max(users) == min(round(150 * peak(curve)), 300)
    assert all(0 < step.rate <= RATE_MAX for step in steps if step is not None)


def test_a_step_is_reached_within_a_second() -> None:
    """The rate is the distance to go, so the load follows the curve and does not lag behind it."""
    step = step_at(DAY, 170, duration_s=240, users_peak=100, users_max=300, users_now=70)
    assert step is not None
    assert step.users == 100
    assert step.rate == 30


def test_a_shape_ends() -> None:
    """After its last second a shape stops the run."""
    assert step_at(DAY, 240, duration_s=240, users_peak=1, users_max=1, users_now=1) is None
