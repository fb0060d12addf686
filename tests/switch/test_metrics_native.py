"""Native histograms and our protobuf, as a real Prometheus reads them."""

from pathlib import Path
from typing import Any

import pytest
import trio

from ops.monitoring.prometheus import prometheus
from switch.metrics import Histogram, Meters
from switch.metrics.histogram import edge
from switch.process.http import HttpServer, bind_http, make_pages
from tests.monitoring.debian_prometheus import need_prometheus
from tests.patience import HANG_S

NATIVE = "--enable-feature=native-histograms"
NAME = "cityswitch_request_duration_seconds"
SECONDS = [0.00005, *(0.002 * 1.02**step for step in range(200)), 0.25, 0.25, 3.0, 90.0]


def read_by_prometheus(histogram: Histogram) -> list[list[Any]]:
    """The buckets as Prometheus' HTTP API tells them: kind of bounds, bounds and count."""
    native = histogram.native()
    zero = [3, str(-native.zero_threshold), str(native.zero_threshold), str(native.zero_count)]
    return [zero, *([0, edge(i - 1), edge(i), str(count)] for i, count in native.buckets)]


async def test_prometheus_reads_native_histograms(tmp_path: Path) -> None:
    """Every bucket arrives with its bounds and count; quantiles are right to a bucket's width; counters and
    gauges with their labels.
    """
    need_prometheus()
    meters = Meters()
    meters.request_s.add_all(list(SECONDS))
    meters.replies["Earn", 12] = 7
    server, sock = HttpServer(make_pages(meters, {})), bind_http("127.0.0.1", 0)
    target = f"127.0.0.1:{sock.getsockname()[1]}"
    async with trio.open_nursery() as nursery:
        nursery.start_soon(server.run, sock)
        async with prometheus([target], tmp_path, scrape_s=5, options=[NATIVE]) as found:
            with trio.fail_after(HANG_S):
                await found.wait_scraped(1)
                await found.wait_for(f"histogram_count({NAME})")
            ((_, told),) = [row["histogram"] for row in (await found.api("query", query=NAME))["result"]]
            assert (told["count"], float(told["sum"])) == (str(len(SECONDS)), pytest.approx(sum(SECONDS)))
            expected = read_by_prometheus(meters.request_s)
            assert [row[3] for row in told["buckets"]] == [row[3] for row in expected]
            for (_, low, high, _), (_, from_s, to_s, _) in zip(told["buckets"], expected, strict=True):
                assert (float(low), float(high)) == pytest.approx((float(from_s), float(to_s)))
            for quantile in (0.5, 0.9, 0.99):
                (sample,) = await found.query(f"histogram_quantile({quantile}, {NAME})")
                assert sample.value == pytest.approx(sorted(SECONDS)[int(quantile * len(SECONDS))], rel=0.1)
            (reply,) = await found.query("cityswitch_replies_total")
            labels = {"message": "Earn", "code": "12", "result": "system_error", "class": "fault"}
            assert (reply.value, reply.labels) == (7, reply.labels | labels)
            assert await found.query(f"{NAME}_bucket") == []  # one shape or the other, as the page says
            # One that has counted nothing yet is a native histogram all the same.
            (empty,) = await found.query("histogram_count(cityswitch_commit_duration_seconds)")
            assert empty.value == 0
        nursery.cancel_scope.cancel()
