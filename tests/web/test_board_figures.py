"""What the figures of all workers come to: checked by hand, and against Prometheus' own reader."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from ops.web.board.figures import (
    DURATION,
    POSTINGS,
    REPLIES,
    Looks,
    growth,
    labelled,
    quantile,
    results,
    total,
)
from ops.web.board.scrape import ScrapeFailed, parse

REPLIED = f"""# TYPE {REPLIES} counter
{REPLIES}{{message="Earn",code="0",class="approved"}} %d
{REPLIES}{{message="Earn",code="45",class="declined"}} %d
{REPLIES}{{message="Echo",code="0",class="approved"}} %d
other_total 7
"""


def test_a_rate_is_the_growth_of_all_workers_by_type() -> None:
    """Replies a second are counted by type over all workers that were there before."""
    looks = Looks()
    looks.add({"a": parse(REPLIED % (10, 1, 5), 100.0), "b": parse(REPLIED % (0, 0, 0), 100.0)})
    looks.add({"a": parse(REPLIED % (30, 3, 5), 102.0), "b": parse(REPLIED % (8, 0, 2), 102.0)})
    rates = looks.rates().by_type
    assert rates is not None
    assert rates["earn"] == pytest.approx(11 + 4)
    assert rates["other"] == pytest.approx(1)
    assert looks.rates().total == pytest.approx(16)


def test_one_look_is_no_rate() -> None:
    """Of one look, and of workers that are gone, nothing is told."""
    looks = Looks()
    looks.add({"a": parse(REPLIED % (10, 1, 5), 100.0)})
    assert looks.rates().by_type is None
    looks.add({})
    assert looks.rates().by_type is None
    assert looks.rates().p99_s is None


def test_a_worker_that_began_anew_counts_from_nothing() -> None:
    """A counter that went back makes no negative rate."""
    assert growth(5, 1_000) == 5
    looks = Looks()
    looks.add({"a": parse(REPLIED % (1_000, 100, 50), 10.0)})
    looks.add({"a": parse(REPLIED % (4, 0, 0), 11.0)})
    assert looks.rates().total == pytest.approx(4)


def test_a_quantile_lies_within_its_bucket() -> None:
    """Half of 100 in (1, 2] is 1.5; above the last bound it is that bound; of nothing it is nothing."""
    assert quantile(0.5, {1.0: 0, 2.0: 100, math.inf: 100}) == pytest.approx(1.5)
    assert quantile(0.99, {1.0: 10, 2.0: 10, math.inf: 100}) == 2.0
    assert quantile(0.5, {1.0: 0, math.inf: 0}) is None
    assert quantile(0.5, {}) is None


def test_batches_and_latency_are_of_what_happened_between() -> None:
    """A histogram's growth is looked at, not what it came to since the worker began."""

    def text(fast: int, slow: int, batches: int, postings: int) -> str:
        return (
            f'{DURATION}_bucket{{le="0.01"}} {fast}\n{DURATION}_bucket{{le="0.1"}} {fast + slow}\n'
            f'{DURATION}_bucket{{le="+Inf"}} {fast + slow}\n'
            f"{POSTINGS}_sum {postings}\n{POSTINGS}_count {batches}\n"
        )

    looks = Looks()
    looks.add({"a": parse(text(0, 1_000, 10, 100), 1.0)})
    looks.add({"a": parse(text(100, 1_000, 14, 300), 3.0)})
    rates = looks.rates()
    assert rates.p99_s is not None
    assert rates.p99_s < 0.01
    assert rates.batches == pytest.approx(2)
    assert rates.batch_size == pytest.approx(50)


def test_what_nobody_tells_is_not_nothing() -> None:
    """A figure that is absent is None, and one that only the elected worker tells is found."""
    look = {"a": parse(REPLIED % (1, 2, 3), 1.0), "b": parse('cityswitch_x{job="k"} 4\n', 1.0)}
    assert total(look, "cityswitch_connections") is None
    assert labelled(look, "cityswitch_x", "job") == {"k": 4.0}
    assert results(look) == {0: 4, 45: 2}


@pytest.mark.parametrize("text", ["", "<html>", "go_goroutines 5\n", "cityswitch_", "\0\1"])
def test_what_is_no_page_of_figures_is_refused(text: str) -> None:
    """Whatever answers at a worker's address, the board says so and goes on."""
    with pytest.raises(ScrapeFailed):
        parse(text, 1.0)


LABEL = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=12)


@given(st.dictionaries(LABEL, st.integers(0, 2**53), min_size=1, max_size=4))
def test_labels_are_read_as_prometheus_reads_them(values: dict[str, int]) -> None:
    """Backslashes, quotes and braces in a label come back as they were written."""
    text = "# TYPE cityswitch_x gauge\n"
    for name, value in values.items():
        escaped = name.replace("\\", r"\\").replace('"', r"\"")
        text += f'cityswitch_x{{name="{escaped}"}} {value}\n'
    expected = {
        sample.labels["name"]: sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
    found = {labels["name"]: value for labels, value in parse(text, 1.0).samples("cityswitch_x")}
    assert found == expected
