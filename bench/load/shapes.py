"""How busy a city's tills are over a day: curves over the 24 hours, compressed into any duration.

Owns the curves and the arithmetic on them: pure functions of time, no Locust and no clock. The heights are
**assumptions**: no programme document and no operator publishes how its transactions spread over a day. They
say what everybody who stands in a queue knows (shops are shut at night; people buy on the way to work, at
lunch and above all between four and six; the Saturday before Christmas is several times that from ten to
two), and they are here in one place to be replaced by somebody's own numbers.

A height is a share of the *ordinary peak*: 1.0 is the busiest hour of an ordinary day. Invariants: a curve
has points at hour 0 and 24 in rising order; heights are never negative; between two points it is a straight
line.
"""

from __future__ import annotations

from bisect import bisect_right
from itertools import pairwise
from typing import Final, NamedTuple, TypeAlias

HOURS: Final = 24.0

Curve: TypeAlias = tuple[tuple[float, float], ...]
"""(hour 0..24, height in shares of the ordinary peak), by rising hour."""

DAY: Final[Curve] = (
    (0.0, 0.02),
    (5.0, 0.01),  # the night: petrol stations and a chemist's on duty
    (6.0, 0.10),
    (7.5, 0.55),  # bread and newspapers on the way to work
    (9.0, 0.45),
    (11.0, 0.50),
    (12.5, 0.75),  # lunch
    (14.0, 0.55),
    (15.0, 0.65),
    (16.0, 0.95),  # on the way home
    (17.0, 1.00),
    (18.0, 0.95),
    (19.5, 0.50),
    (21.0, 0.20),
    (22.0, 0.06),
    (24.0, 0.02),
)
"""An ordinary working day."""

CHRISTMAS: Final[Curve] = (
    (0.0, 0.02),
    (5.0, 0.02),
    (7.0, 0.40),
    (9.0, 1.20),
    (10.0, 3.00),  # steep: the centres open and everybody is there
    (14.0, 3.00),
    (15.5, 1.80),
    (18.0, 1.00),
    (20.0, 0.40),
    (22.0, 0.06),
    (24.0, 0.02),
)
"""The Saturday before Christmas."""

CURVES: Final[dict[str, Curve]] = {"day": DAY, "christmas": CHRISTMAS}


class Step(NamedTuple):
    """What Locust is to aim at: how many users, and how many to start or stop a second on the way there."""

    users: int
    rate: float


RATE_MAX: Final = 100.0
"""Locust warns above so many starts a second in one process."""


def height(curve: Curve, hour: float) -> float:
    """Return the curve's height at an hour; hours outside 0..24 count as the nearest end."""
    after = bisect_right(curve, hour, key=lambda point: point[0])
    if after == 0:
        return curve[0][1]
    if after == len(curve):
        return curve[-1][1]
    (left, low), (right, high) = curve[after - 1], curve[after]
    return low + (high - low) * (hour - left) / (right - left)


def peak(curve: Curve) -> float:
    """Return the greatest height of a curve."""
    return max(level for _, level in curve)


def area(curve: Curve) -> float:
    """Return the area under a curve in hours of the ordinary peak: how much business the day has in all."""
    return sum((right - left) * (low + high) / 2 for (left, low), (right, high) in pairwise(curve))


def step_at(
    curve: Curve, elapsed_s: float, *, duration_s: float, users_peak: int, users_max: int, users_now: int
) -> Step | None:
    """Return what to aim at `elapsed_s` after the start, or None when the compressed day is over.

    `users_peak` (>= 1) is the number of users in the busiest hour of an ordinary day, `users_max` the number
    of terminals there are; a curve that wants more gets all of them. There is always one user at least, so
    that the quiet of the night is measured too. `users_now` sets the rate: the aim is reached in a second.
    """
    if elapsed_s >= duration_s:
        return None
    wanted = round(height(curve, elapsed_s / duration_s * HOURS) * users_peak)
    users = max(1, min(wanted, users_max))
    return Step(users, float(min(max(abs(users - users_now), 1), RATE_MAX)))


for _name, _curve in CURVES.items():
    assert _curve[0][0] == 0.0, _name
    assert _curve[-1][0] == HOURS, _name
    assert all(level >= 0 for _, level in _curve), _name
    assert all(left < right for (left, _), (right, _) in pairwise(_curve)), _name
