"""The protobuf format of Prometheus: messages `io.prometheus.client.MetricFamily`, each after its length.

Owns the little of protobuf that this takes: varints, doubles, nested messages. It is the only format that
carries native histograms to a Prometheus of our time, and prometheus_client writes none. Must not know where
values come from. Field numbers are those of github.com/prometheus/client_model, metrics.proto.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from typing import Final

from switch.metrics.declaration import Kind, Metric
from switch.metrics.histogram import SCHEMA, Histogram
from switch.metrics.meters import Labels
from switch.metrics.scrape import Family

CONTENT_TYPE: Final = (
    "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited"
)
VARINT, FIXED_64, BYTES = 0, 1, 2
"""Wire types."""
VALUE_FIELD: Final = {Kind.COUNTER: 3, Kind.GAUGE: 2}


def write_protobuf(families: Iterable[Family]) -> bytes:
    """Return an exposition; a metric without values is left out, for the format has no word for it."""
    return b"".join(_varint(len(body)) + body for body in map(_family, families) if body)


def wants_protobuf(accept: str) -> bool:
    """Return whether a scraper's Accept header asks for this format before any other."""
    first = accept.partition(",")[0].replace(" ", "").lower()
    return (
        first.startswith("application/vnd.google.protobuf;")
        and "proto=io.prometheus.client.metricfamily" in first
        and "encoding=delimited" in first
    )


def _family(family: Family) -> bytes:
    metric, points = family
    if isinstance(points, Histogram):
        rows = [_message(4, _message(7, _histogram(points)))]
    else:
        rows = [_message(4, _row(metric, labels, value)) for labels, value in list(points.items())]
    if not rows:
        return b""
    head = _message(1, metric.name.encode()) + _message(2, metric.help.encode())
    return head + _integer(3, metric.kind.number) + b"".join(rows)


def _row(metric: Metric, labels: Labels, value: float) -> bytes:
    pairs = b"".join(
        _message(1, _message(1, label.name.encode()) + _message(2, text.encode()))
        for label, text in zip(metric.labels, labels, strict=True)
    )
    return pairs + _message(VALUE_FIELD[metric.kind], _double(1, value))


def _histogram(histogram: Histogram) -> bytes:
    """Both shapes: a Prometheus that was not asked to keep native buckets takes the classic ones."""
    native = histogram.native()
    classic = b"".join(
        _message(3, _integer(1, reached) + _double(2, bound)) for bound, reached in histogram.classic()
    )
    spans, deltas = _spans(native.buckets)
    return (
        _integer(1, histogram.count)
        + _double(2, histogram.total)
        + classic
        + _integer(5, _zigzag(SCHEMA))
        + _double(6, native.zero_threshold)
        + _integer(7, native.zero_count)
        + spans
        + (_message(13, deltas) if deltas else b"")
    )


def _spans(buckets: list[tuple[int, int]]) -> tuple[bytes, bytes]:
    """Return runs of buckets (field 12) and each bucket's count less that of the one before (packed)."""
    runs: list[list[int]] = []  # from the run before (at first: from 0), and how long
    deltas, earlier, after = b"", 0, 0
    for index, count in buckets:
        if runs and index == after:
            runs[-1][1] += 1
        else:
            runs.append([index - after, 1])
        after = index + 1
        deltas += _varint(_zigzag(count - earlier))
        earlier = count
    spans = b"".join(
        _message(12, _integer(1, _zigzag(offset)) + _integer(2, length)) for offset, length in runs
    )
    return spans, deltas


def _zigzag(value: int) -> int:
    return value << 1 if value >= 0 else (-value << 1) - 1


def _varint(value: int) -> bytes:
    data = bytearray()
    while value > 0x7F:
        data.append(value & 0x7F | 0x80)
        value >>= 7
    data.append(value)
    return bytes(data)


def _integer(field: int, value: int) -> bytes:
    return _varint(field << 3 | VARINT) + _varint(value)


def _double(field: int, value: float) -> bytes:
    return _varint(field << 3 | FIXED_64) + struct.pack("<d", value)


def _message(field: int, body: bytes) -> bytes:
    return _varint(field << 3 | BYTES) + _varint(len(body)) + body
