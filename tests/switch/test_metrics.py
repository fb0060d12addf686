"""What a worker counts."""

from hypothesis import given
from hypothesis import strategies as st

from switch.metrics import Histogram

BOUNDS = (0.001, 0.005, 1.0)


@given(st.lists(st.sampled_from([0.0, *BOUNDS, 0.002, 7.0]) | st.floats(0, 10)))
def test_a_batch_is_counted_as_its_values_are(values: list[float]) -> None:
    """Many values counted at once stand in the buckets in which they stand one by one, bounds included."""
    one_by_one, at_once = Histogram(BOUNDS), Histogram(BOUNDS)
    for value in sorted(values):
        one_by_one.add(value)
    at_once.add_all(list(values))
    assert at_once.counts == one_by_one.counts
    assert abs(at_once.total - one_by_one.total) < 1e-6
