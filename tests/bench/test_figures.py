"""Percentiles are values that occurred, and the table shows them with their names."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.figures import percentile, table


@pytest.mark.parametrize(
    ("percent", "value"), [(50, 50.0), (95, 95.0), (99, 99.0), (99.5, 100.0), (100, 100.0), (0.1, 1.0)]
)
def test_a_percentile_is_the_nearest_rank(percent: float, value: float) -> None:
    """Of 1 to 100, the n-th percentile is n."""
    assert percentile([float(number) for number in range(100, 0, -1)], percent) == value


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=50), st.floats(0.01, 100))
def test_a_percentile_was_measured(values: list[float], percent: float) -> None:
    """Whatever was measured, a percentile is one of the values."""
    assert percentile(values, percent) in values


def test_a_table_names_its_rows_and_unit() -> None:
    """One row per name with count, least, percentiles and greatest, in columns of one width."""
    lines = table({"a": [1.0, 2.0], "longer name": [3.25]}, "ms")
    assert len({len(line) for line in lines}) == 1
    assert [cell.strip() for cell in lines[0].strip("|").split("|")] == [
        "ms", "count", "min", "p50", "p95", "p99", "max",
    ]  # fmt: skip
    assert [cell.strip() for cell in lines[3].strip("|").split("|")] == [
        "longer name", "1", "3.2", "3.2", "3.2", "3.2", "3.2",
    ]  # fmt: skip
