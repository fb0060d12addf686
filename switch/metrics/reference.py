"""The reference of all metrics, made of their declarations: docs/reference/metrics.md.

Owns the order and the words around. Must not know values. Invariant: every declared metric is in one section.
"""

from __future__ import annotations

from collections.abc import Iterator
from types import ModuleType
from typing import Final

from switch.metrics import catalogue as worker
from switch.metrics import city_catalogue as city
from switch.metrics import office_catalogue as office
from switch.metrics.declaration import Kind, Metric
from switch.metrics.meters import AGES, BATCHES, DURATIONS

HEAD: Final = """# Metrics

Each worker has its endpoint, `http://<http_host>:<http_port + worker>/metrics`; Prometheus tells them apart
by `instance`. Counters end in `_total`; units are seconds and bytes. No label names a card or a terminal, so
the number of series does not grow with the city.

{total} metrics, written by `make published` from their declarations in `switch/metrics/`; a test compares
this page with what a running worker exposes, both ways.

**Scraping.** The text format, and to a Prometheus that asks for it (2.40 and newer with
`--enable-feature=native-histograms`) protobuf, in which every distribution comes as a native histogram, too:
eight buckets to a doubling, so a quantile is right to 4.5 %. A Prometheus before 2.45 then drops the classic
buckets, and with them `…_bucket`, `…_sum` and `…_count`: rules and dashboards that were made for classic
buckets need the feature off, or `scrape_classic_histograms: true` from 2.45 on. Distributions have no label:
one by message would cost every request.

**What it costs.** A scrape holds the worker's event loop for as long as `cityswitch_page_duration_seconds`
says, and pages get a tenth of a worker's time at most, however many ask. A figure that cannot be read is left
out and counted (`cityswitch_scrape_errors_total`); nothing of this is ever in the way of a sale.

**The office's site** counts who signs in, and letters that did not go, at `http://127.0.0.1:PORT/metrics` of
`cityswitch office serve --metrics-port PORT`, in the text format alone.

**Figures of the city** are read by one worker of all that share a database, the elected one, and are absent
elsewhere: `max by (programme) (cityswitch_cards)`. Each is a query of at most two seconds, past which it is
given up and absent until the next time. Points, uses and grosze are those up to the last roll-up (five
minutes) and up to 50,000 postings after it in each bucket.
"""
SECTIONS: Final = (
    ("The worker", worker, ("cityswitch_build", "cityswitch_start", "cityswitch_worker", "cityswitch_ready",
                            "cityswitch_event", "cityswitch_page", "cityswitch_scrape", "cityswitch_log")),
    ("Requests", worker, ("cityswitch_repl", "cityswitch_request")),
    ("Connections", worker, ("cityswitch_connections", "cityswitch_closes", "cityswitch_handshakes",
                             "cityswitch_sign_on", "cityswitch_received", "cityswitch_sent",
                             "cityswitch_certificate", "cityswitch_revocations")),
    ("Work in hand", worker, ("cityswitch_in_flight", "cityswitch_postings", "cityswitch_queue",
                              "cityswitch_commit", "cityswitch_batch", "cityswitch_poison",
                              "cityswitch_inquiries", "cityswitch_verifies", "cityswitch_advice")),
    ("The registry in memory", worker, ("cityswitch_feed", "cityswitch_directory")),
    ("The process, as Linux sees it", worker, ("process_",)),
    ("Periodic work", city, ("cityswitch_keeper", "cityswitch_city", "cityswitch_campaign")),
    ("The city", city, ("cityswitch_cards", "cityswitch_units", "cityswitch_quotas", "cityswitch_cases",
                        "cityswitch_terminal", "cityswitch_rules")),
    ("The proof of the books", city, ("cityswitch_invariant", "cityswitch_verify")),
    ("Signing in on the web", office, ("cityswitch_sign_ins", "cityswitch_sessions", "cityswitch_login")),
    ("Letters of the site", office, ("cityswitch_letters",)),
)  # fmt: skip
"""Title, where the metrics are declared, and how their names begin."""
SHAPES: Final = {
    worker.ADVICE_AGE: AGES,
    worker.BATCH_POSTINGS: BATCHES,
}
"""How a distribution is cut; the others as durations are."""


def declared() -> list[Metric]:
    """Return every metric there is."""
    return [*of_workers(), *_of(office)]


def of_workers() -> list[Metric]:
    """Return every metric that a worker exposes; the others are the office's site's."""
    return [*_of(worker), *_of(city)]


def reference() -> str:
    """Return the whole page."""
    parts = [HEAD.format(total=len(declared()))]
    for title, module, beginnings in SECTIONS:
        parts.append(f"## {title}\n")
        parts += [_entry(metric) for metric in _of(module) if metric.name.startswith(beginnings)]
    parts.append("## Not there yet\n")
    rows = "\n".join(f"- `{name}`: {why}." for name, why in city.NOT_YET.items())
    parts.append(f"Asked for, and left out rather than made up, because nothing keeps them:\n\n{rows}\n")
    return "\n".join(parts)


def _of(module: ModuleType) -> list[Metric]:
    return [value for value in vars(module).values() if isinstance(value, Metric)]


def _entry(metric: Metric) -> str:
    return "\n".join(_lines(metric)) + "\n"


def _lines(metric: Metric) -> Iterator[str]:
    yield f"### {metric.name}\n"
    where = f"; {metric.where}" if metric.where else ""
    yield f"{metric.kind.word.capitalize()}{where}. {metric.help}.\n"
    for label in metric.labels:
        values = f": {', '.join(f'`{value}`' for value in label.values)}" if label.values else ""
        yield f"- `{label.name}`: {label.meaning}{values}"
    if metric.labels:
        yield ""
    if metric.kind is Kind.HISTOGRAM:
        bounds = ", ".join(f"{bound:g}" for bound in SHAPES.get(metric, DURATIONS).bounds)
        yield f"Classic buckets: {bounds}.\n"
    yield f"*When it looks wrong:* {metric.advice}"
