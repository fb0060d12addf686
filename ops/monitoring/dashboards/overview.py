"""The first look: does it serve, is it fast, does anything wait, and which dashboard to open next."""

from __future__ import annotations

from typing import Final

from ops.monitoring.dashboards.panel import (
    Dashboard,
    Kind,
    Panel,
    Query,
    Section,
    Unit,
    bad_above,
    good_above,
    quantile,
    rate,
)

REPLIES: Final = "cityswitch_replies_total"
DURATION: Final = "cityswitch_request_duration_seconds"
ANSWERED_AIM: Final = 0.9995
FAST_AIM: Final = 0.99
_ANSWERED_AT, _ANSWERED_FLOOR = good_above(0.999, ANSWERED_AIM)
_FAST_AT, _FAST_FLOOR = good_above(0.95, FAST_AIM)
_READY_AT, _READY_FLOOR = good_above(1)

WAITING: Final = Panel(
    "Waiting for a batch",
    "How long the oldest posting has waited that was not sent to Postgres yet, of the worker where it"
    " is longest. Above `shed_after_ms` requests are told to try again.",
    Unit.SECONDS,
    (Query("max(cityswitch_queue_age_seconds{@})", "oldest"),),
    thresholds=bad_above(0.25, 1),
    steady="where commits are fast nothing waits when it is looked",
)

SERVING: Final = Section(
    "Does it serve?",
    (
        Panel(
            "Workers ready",
            "Share of the workers whose /readyz says ready. Below 100 %: look which check of a worker fails.",
            Unit.SHARE,
            (Query("sum(cityswitch_ready{@}) / count(cityswitch_ready{@})", "ready"),),
            Kind.STAT,
            _READY_AT,
            _READY_FLOOR,
            steady="every worker is ready all the time when nothing is wrong",
            width=4,
            height=4,
        ),
        Panel(
            "Books",
            "1 while every invariant of the books held wherever it was looked at. 0: stop and look:"
            " `cityswitch ledger verify` shows an example of what breaks.",
            Unit.YES_NO,
            (Query("min(cityswitch_invariant_holds{@})", "all invariants hold"),),
            Kind.STAT,
            good_above(1)[0],
            good_above(1)[1],
            steady="invariants hold",
            width=4,
            height=4,
        ),
        Panel(
            "Definite results",
            "Replies that were approved or declined, of all replies in the time shown. The aim is 99.95 %:"
            " the rest was told to try again, or met a fault.",
            Unit.SHARE,
            (
                Query(
                    f'sum(increase({REPLIES}{{@,class=~"approved|declined"}}[$__range]))'
                    f" / sum(increase({REPLIES}{{@}}[$__range]))",
                    "definite",
                ),
            ),
            Kind.STAT,
            _ANSWERED_AT,
            _ANSWERED_FLOOR,
            steady="it stands at 100 % when nothing is wrong",
            width=4,
            height=4,
        ),
        Panel(
            "Answered within 250 ms",
            "Requests whose reply was written within 250 ms, of all in the time shown. The aim is 99 %.",
            Unit.SHARE,
            (
                Query(
                    f'sum(increase({DURATION}_bucket{{@,le="0.25"}}[$__range]))'
                    f" / sum(increase({DURATION}_count{{@}}[$__range]))",
                    "within 250 ms",
                ),
            ),
            Kind.STAT,
            _FAST_AT,
            _FAST_FLOOR,
            steady="it stands at 100 % when nothing is slow",
            width=4,
            height=4,
        ),
        Panel(
            "Requests a second",
            "Replies written a second, over all workers.",
            Unit.REQUESTS_PER_SECOND,
            (rate(REPLIES, "replies"),),
            Kind.STAT,
            width=4,
            height=4,
        ),
        Panel(
            "Terminals on line",
            "Authenticated connections over all workers; a host that speaks for many tills is one.",
            Unit.COUNT,
            (Query("sum(cityswitch_connections{@})", "connections"),),
            Kind.STAT,
            width=4,
            height=4,
        ),
    ),
)

ASKED: Final = Section(
    "What is asked, what is answered",
    (
        Panel(
            "Requests by message",
            "Replies a second by the message they answer. One message that vanishes: a vendor's release, or"
            " an offer that ended.",
            Unit.REQUESTS_PER_SECOND,
            (rate(REPLIES, "{{message}}", by="message"),),
            stacked=True,
        ),
        Panel(
            "Replies by class",
            "approved, declined (final, of business), retry (not decided: the terminal asks again), fault (of"
            " terminal or switch). retry or fault that grows: see by result.",
            Unit.REQUESTS_PER_SECOND,
            (rate(REPLIES, "{{class}}", by="class"),),
            stacked=True,
        ),
        Panel(
            "Refusals by result",
            "Every result but approvals, a second. A single one that grows among many terminals is a rule or"
            " an offer; on one terminal, a device (`cityswitch journal find`).",
            Unit.REQUESTS_PER_SECOND,
            (rate(REPLIES, "{{result}}", by="result", selectors='class!="approved"'),),
            stacked=True,
        ),
    ),
)

FAST: Final = Section(
    "How fast, and what waits",
    (
        Panel(
            "Response time",
            "From the bytes of a request read to its reply written, over all workers. High with a high commit"
            " duration: Postgres or its disk. High without: the queue or the event loop.",
            Unit.SECONDS,
            (quantile(0.5, DURATION, "p50"), quantile(0.9, DURATION, "p90"), quantile(0.99, DURATION, "p99")),
            thresholds=bad_above(0.25),
        ),
        Panel(
            "Commit duration",
            "From sending a batch to Postgres to its commit. It rises with the same batch size: the disk"
            " (fsync), a lock, or a standby that is waited for.",
            Unit.SECONDS,
            (
                quantile(0.5, "cityswitch_commit_duration_seconds", "p50"),
                quantile(0.99, "cityswitch_commit_duration_seconds", "p99"),
            ),
            thresholds=bad_above(0.25),
        ),
        WAITING,
        Panel(
            "In flight",
            "Requests taken and not answered, by worker. Near the limit (`in_flight_max`): the ledger is"
            " slower than what comes.",
            Unit.COUNT,
            (Query("cityswitch_in_flight{@}", "{{instance}}"),),
        ),
        Panel(
            "Processor time",
            "Cores used by each worker. Near one, a worker is at its capacity: add workers.",
            Unit.CORES,
            (Query("rate(process_cpu_seconds_total{@}[$__rate_interval])", "{{instance}}"),),
            thresholds=bad_above(0.8, 0.95),
        ),
        Panel(
            "Points issued a second",
            "Points that sales earned, by programme, reversals and refunds taken off, over a minute."
            " It stands still on a trading day: look at the refusals.",
            Unit.PER_SECOND,
            (
                Query(
                    'max by (programme) (deriv(cityswitch_units_issued{@,unit="points"}[1m]))',
                    "{{programme}}",
                ),
            ),
        ),
    ),
)

OVERVIEW: Final = Dashboard(
    "cityswitch-overview",
    "cityswitch: overview",
    "Does the switch serve, how fast, does anything wait, do the books hold.",
    (SERVING, ASKED, FAST),
)
