"""A worker's figures: fetched from its /metrics, and read.

Owns the fetching (one request, bounded in bytes and time) and the text format of Prometheus. Must not know
what a figure means. Invariant: whatever a worker answers, it is a `Reading` or a `ScrapeFailed`.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Final, NamedTuple
from urllib.parse import urlsplit

import trio

SCRAPE_S_MAX: Final = 2.0
BODY_BYTES_MAX: Final = 4_000_000
OURS: Final = "cityswitch_"
_LINE: Final = re.compile(r"^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)")
_LABEL: Final = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"')
_ESCAPED: Final = {r"\\": "\\", r"\"": '"', r"\n": "\n"}

Labels = Mapping[str, str]


class ScrapeFailed(Exception):
    """A worker did not answer, or not with its figures; `reason` is one of the words of the board."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


class Sample(NamedTuple):
    """One figure."""

    labels: Labels
    value: float


class Reading:
    """The figures of one worker at one moment (by trio's clock, seconds)."""

    def __init__(self, at_s: float, samples: Mapping[str, list[Sample]]) -> None:
        self.at_s = at_s
        self._samples = samples

    def samples(self, name: str) -> list[Sample]:
        """Return all figures of a name; none where it is not there."""
        return self._samples.get(name, [])

    def sum(self, name: str) -> float | None:
        """Return the sum of a name's figures, None where it is not there."""
        found = self.samples(name)
        return math.fsum(sample.value for sample in found) if found else None

    def by(self, name: str, *labels: str) -> Counter[tuple[str, ...]]:
        """Return the sums of a name's figures by these labels."""
        sums: Counter[tuple[str, ...]] = Counter()
        for each, value in self.samples(name):
            sums[tuple(each.get(label, "") for label in labels)] += value  # type: ignore[assignment]
        return sums

    def buckets(self, name: str) -> dict[float, float]:
        """Return a histogram's cumulative counts by upper bound, all its series together."""
        counts: dict[float, float] = {}
        for labels, value in self.samples(f"{name}_bucket"):
            bound = _number(labels.get("le", ""))
            counts[bound] = counts.get(bound, 0.0) + value
        return counts


def parse(text: str, at_s: float) -> Reading:
    """Read the text format (version 0.0.4) and OpenMetrics; only our own figures are kept.

    Raises `ScrapeFailed` where there are none.
    """
    samples: dict[str, list[Sample]] = {}
    for name, labels, value in _lines(text.splitlines()):
        samples.setdefault(name, []).append(Sample(labels, value))
    if not samples:
        raise ScrapeFailed("not_metrics")
    return Reading(at_s, samples)


def _lines(lines: Iterable[str]) -> Iterator[tuple[str, Labels, float]]:
    for line in lines:
        if not line.startswith(OURS) or (found := _LINE.match(line)) is None:
            continue
        name, labels, value = found.groups()
        yield name, {key: _plain(text) for key, text in _LABEL.findall(labels or "")}, _number(value)


def _plain(text: str) -> str:
    return re.sub(r"\\[\\\"n]", lambda found: _ESCAPED[found[0]], text) if "\\" in text else text


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan


async def fetch(url: str) -> str:
    """Return what a worker answers to GET /metrics. Raises `ScrapeFailed`."""
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or 80
    request = (
        f"GET /metrics HTTP/1.1\r\nHost: {parts.netloc}\r\nAccept: text/plain\r\nConnection: close\r\n\r\n"
    )
    try:
        with trio.fail_after(SCRAPE_S_MAX):
            async with await trio.open_tcp_stream(host, port) as stream:
                await stream.send_all(request.encode())
                reply = bytearray()
                async for chunk in stream:
                    reply += chunk
                    if len(reply) > BODY_BYTES_MAX:
                        raise ScrapeFailed("not_metrics")
    except trio.TooSlowError:
        raise ScrapeFailed("too_slow") from None
    except (OSError, trio.BrokenResourceError):
        raise ScrapeFailed("refused") from None
    head, _, body = bytes(reply).partition(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1.1 200") and not head.startswith(b"HTTP/1.0 200"):
        raise ScrapeFailed("not_metrics")
    return body.decode("utf-8", "replace")
