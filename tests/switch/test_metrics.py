"""What a worker counts, and how it is written out."""

import math
import subprocess
from bisect import bisect_left

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from ops.monitoring.prometheus import find_program
from protocol import ResultCode
from switch.metrics import Histogram, Meters
from switch.metrics import catalogue as of
from switch.metrics.histogram import PER_DOUBLING, Shape, edge
from switch.metrics.protobuf import wants_protobuf, write_protobuf
from switch.metrics.reference import declared
from switch.metrics.scrape import Scrape
from switch.metrics.text import number, write_text
from tests.monitoring.debian_prometheus import need_prometheus

SHAPE = Shape((0.001, 0.005, 1.0), -11, 3)
EDGES = [edge(index) for index in range(-11 * PER_DOUBLING, 6 * PER_DOUBLING)]
VALUES = st.lists(
    st.sampled_from([0.0, *SHAPE.bounds, *EDGES, math.nextafter(1.0, 2.0), 0.002, 7.0, 20.0])
    | st.floats(0, 40)
)


def counted(values: list[float]) -> Histogram:
    histogram = Histogram(SHAPE)
    for value in values:
        histogram.add(value)
    return histogram


@given(VALUES)
def test_a_batch_is_counted_as_its_values_are(values: list[float]) -> None:
    """Many values counted at once stand in the cells in which they stand one by one, bounds included."""
    one_by_one, at_once = counted(values), Histogram(SHAPE)
    at_once.add_all(list(values))
    assert at_once.counts == one_by_one.counts
    assert at_once.native() == one_by_one.native()
    assert abs(at_once.total - one_by_one.total) < 1e-6


@given(VALUES)
def test_both_shapes_hold_every_value_where_it_belongs(values: list[float]) -> None:
    """Classic buckets count what is not above their bound; each native one what lies between its edges."""
    histogram = counted(values)
    assert histogram.count == len(values)
    assert histogram.classic() == [(b, sum(value <= b for value in values)) for b in SHAPE.bounds]
    native = histogram.native()
    lowest = 2.0**SHAPE.low
    assert (native.zero_threshold, native.zero_count) == (lowest, sum(value <= lowest for value in values))
    expected: dict[int, int] = {}
    for value in values:
        if value > lowest:
            index = bisect_left(EDGES, value) - 11 * PER_DOUBLING
            expected[index] = expected.get(index, 0) + 1
    assert native.buckets == sorted(expected.items())


def busy_meters() -> Meters:
    meters = Meters()
    meters.replies["Earn", 0] = 3
    meters.replies["Earn", 12] = 1
    meters.replies["Redeem", 77_777] = 1
    meters.closes['a "reason"\\\n'] = 2
    meters.request_s.add_all([0.0001, 0.25, 0.3, 100.0])
    return meters


def test_the_text_is_read_back_as_it_was_meant() -> None:
    """prometheus_client's own parser finds every family with its type, and every label and value."""
    meters = busy_meters()
    meters.attach(of.FEED_AGE, lambda: math.inf)
    text = write_text(Scrape(meters).families()).decode()
    families = {family.name: family for family in text_string_to_metric_families(text)}
    replies = {
        (s.labels["message"], s.labels["code"], s.labels["result"], s.labels["class"]): s.value
        for s in families["cityswitch_replies"].samples
    }
    assert replies == {
        ("Earn", "0", "approved", "approved"): 3,
        ("Earn", "12", "system_error", "fault"): 1,
        ("Redeem", "77777", "unknown", "fault"): 1,
    }
    assert families["cityswitch_closes"].samples[0].labels == {"reason": 'a "reason"\\\n'}
    assert families["cityswitch_feed_age_seconds"].samples[0].value == math.inf
    samples = families["cityswitch_request_duration_seconds"].samples
    by_bound = {s.labels["le"]: s.value for s in samples if s.name.endswith("_bucket")}
    assert (by_bound["0.1"], by_bound["0.25"], by_bound["5.0"], by_bound["+Inf"]) == (1, 2, 3, 4)
    assert {s.name: s.value for s in samples if "le" not in s.labels} == {
        "cityswitch_request_duration_seconds_count": 4,
        "cityswitch_request_duration_seconds_sum": pytest.approx(100.5501),
    }


def test_numbers_are_written_as_prometheus_reads_them() -> None:
    """Infinities and what is no number have words of their own."""
    found = [number(value) for value in (1, 0.25, math.inf, -math.inf, math.nan)]
    assert found == ["1.0", "0.25", "+Inf", "-Inf", "NaN"]


def broken() -> float:
    raise ZeroDivisionError


@pytest.mark.parametrize("write", [write_text, write_protobuf])
def test_a_reading_that_fails_costs_its_metric_alone(write: object) -> None:
    """Observing never raises: the others are there, and the failure is counted."""
    meters = busy_meters()
    meters.attach(of.CONNECTIONS, broken)
    scrape = Scrape(meters)
    assert callable(write)
    page = write(scrape.families())
    assert b"cityswitch_connections " not in page
    assert b"cityswitch_replies_total" in page
    assert b"cityswitch_scrape_errors_total 2.0" in write_text(scrape.families())


def test_promtool_finds_nothing_to_mend() -> None:
    """Of all metrics there are, with their labels: names, units and words are as Prometheus wants them."""
    need_prometheus()
    meters = Meters()
    scrape = Scrape(meters)
    for metric in declared():
        if metric.name != of.SCRAPE_ERRORS.name and metric not in meters.readings:
            labels = tuple("x" for _ in metric.labels)
            meters.attach(metric, lambda labels=labels: {labels: 1})  # type: ignore[misc]
    page = write_text(scrape.families())
    assert page.count(b"# TYPE ") == len(declared())
    command = [find_program("promtool"), "check", "metrics"]
    told = subprocess.run(command, input=page, capture_output=True, check=False)
    assert (told.returncode, told.stdout, told.stderr) == (0, b"", b"")


def test_a_page_stays_small_whatever_was_counted() -> None:
    """Every message with every result: a thousand rows, for a scrape holds the loop while it is made."""
    meters = Meters()
    for message in of.MESSAGES:
        for code in ResultCode:
            meters.replies[message, int(code)] = 10**9
    for counts, metric in ((meters.closes, of.CLOSES), (meters.handshakes, of.HANDSHAKES)):
        counts.update(dict.fromkeys(metric.labels[0].values, 10**9))
    scrape = Scrape(meters)
    assert len(write_text(scrape.families())) < 150_000
    assert len(write_protobuf(scrape.families())) < 150_000


@pytest.mark.parametrize(
    ("accept", "wanted"),
    [
        (
            "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited,"
            "application/openmetrics-text;version=1.0.0;q=0.8,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
            True,
        ),
        ("application/openmetrics-text;version=1.0.0,application/openmetrics-text;q=0.75,*/*;q=0.1", False),
        ("application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=text", False),
        ("", False),
    ],
)
def test_protobuf_is_for_who_asks_for_it_first(accept: str, wanted: bool) -> None:
    """A Prometheus with native histograms asks for it; everybody else gets text."""
    assert wants_protobuf(accept) is wanted
