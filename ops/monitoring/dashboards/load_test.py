"""While a load is put on: what is offered and answered, and which resource ends first."""

from __future__ import annotations

from typing import Final

from ops.monitoring.dashboards.panel import (
    Dashboard,
    Panel,
    Query,
    Section,
    Unit,
    bad_above,
    quantile,
    rate,
)

DURATION: Final = "cityswitch_request_duration_seconds"

SERVED: Final = Section(
    "What is served",
    (
        Panel(
            "Replies by class",
            "Replies a second over all workers. At the capacity the sum is flat however much is offered, and"
            " what is over is told to try again (retry).",
            Unit.REQUESTS_PER_SECOND,
            (rate("cityswitch_replies_total", "{{class}}", by="class"),),
            stacked=True,
        ),
        Panel(
            "Response time at the switch",
            "From the bytes of a request read to its reply written: without the network, and without the"
            " queue in the load generator, which its own report has.",
            Unit.SECONDS,
            (quantile(0.5, DURATION, "p50"), quantile(0.9, DURATION, "p90"), quantile(0.99, DURATION, "p99")),
            thresholds=bad_above(0.25),
        ),
        Panel(
            "Told to try again",
            "Requests told to try again because the ledger is behind, a second. Above 0 the load is above the"
            " capacity, or Postgres has become slow.",
            Unit.REQUESTS_PER_SECOND,
            (rate("cityswitch_requests_shed_total", "shed"),),
            thresholds=bad_above(0.001),
            steady="it takes more load than can be served",
        ),
    ),
)

ENDS: Final = Section(
    "What ends first",
    (
        Panel(
            "Processor time",
            "Cores used by each worker. Near one, a worker is at its capacity: add workers while there are"
            " processors.",
            Unit.CORES,
            (Query("rate(process_cpu_seconds_total{@}[$__rate_interval])", "{{instance}}"),),
            thresholds=bad_above(0.8, 0.95),
        ),
        Panel(
            "Commits under way",
            "Commits that are waited for at a time, by worker. At `committers` for long: Postgres is what"
            " limits.",
            Unit.COUNT,
            (
                Query(
                    "rate(cityswitch_commit_duration_seconds_sum{@}[$__rate_interval])",
                    "{{instance}}",
                ),
            ),
        ),
        Panel(
            "Requests in flight",
            "Requests taken and not answered, of those allowed (`in_flight_max`), by worker. At 100 % sockets"
            " are left unread.",
            Unit.SHARE,
            (Query("cityswitch_in_flight{@} / cityswitch_in_flight_limit{@}", "{{instance}}"),),
            thresholds=bad_above(0.7, 0.95),
            most=1,
        ),
        Panel(
            "Event loop",
            "How late a tick of the event loop was that is due every 50 ms, 99th percentile by worker. While"
            " the loop is held nobody is served.",
            Unit.SECONDS,
            (quantile(0.99, "cityswitch_event_loop_stall_seconds", "{{instance}}", by="instance"),),
            thresholds=bad_above(0.05, 0.25),
        ),
        Panel(
            "Postings in a batch",
            "Postings that share a commit, mean by worker. They grow with the load: that is how more is"
            " served with the same commits.",
            Unit.COUNT,
            (
                Query(
                    "rate(cityswitch_batch_postings_sum{@}[$__rate_interval])"
                    " / rate(cityswitch_batch_postings_count{@}[$__rate_interval])",
                    "{{instance}}",
                ),
            ),
        ),
        Panel(
            "Queue",
            "Postings submitted and not answered, those on their way to Postgres included, by worker.",
            Unit.COUNT,
            (Query("cityswitch_postings_queued{@}", "{{instance}}"),),
        ),
    ),
)

MACHINE: Final = Section(
    "The worker's own house",
    (
        Panel(
            "Memory",
            "Resident memory by worker. About 180 bytes a card above an empty switch; growth without new"
            " cards is a defect.",
            Unit.BYTES,
            (Query("process_resident_memory_bytes{@}", "{{instance}}"),),
            steady="the cards are in memory before the load begins",
        ),
        Panel(
            "Open files",
            "Open file descriptors, of those the process may have, by worker. At 100 % no connection can be"
            " accepted: raise LimitNOFILE.",
            Unit.SHARE,
            (Query("process_open_fds{@} / process_max_fds{@}", "{{instance}}"),),
            thresholds=bad_above(0.7, 0.9),
            most=1,
        ),
        Panel(
            "Age of the workers",
            "How long each worker has run. One that begins anew without a deployment has died; its log says"
            " `worker_died` or `worker_silent`.",
            Unit.SECONDS,
            (Query("time() - cityswitch_start_time_seconds{@}", "{{instance}}"),),
        ),
        Panel(
            "Restarts",
            "How often each worker's place has been filled again since its supervisor began. Terminals come"
            " back by themselves and ask again with the same ids.",
            Unit.COUNT,
            (Query("cityswitch_worker_restarts_total{@}", "{{instance}}"),),
            thresholds=bad_above(1),
            steady="workers live",
        ),
        Panel(
            "Making a page of metrics",
            "How long a worker's event loop was held to make one HTTP page, a scrape most of all, on"
            " average.",
            Unit.SECONDS,
            (
                Query(
                    "rate(cityswitch_page_duration_seconds_sum{@}[$__rate_interval])"
                    " / rate(cityswitch_page_duration_seconds_count{@}[$__rate_interval])",
                    "{{instance}}",
                ),
            ),
            thresholds=bad_above(0.01, 0.05),
        ),
    ),
)

LOAD_TEST: Final = Dashboard(
    "cityswitch-load-test",
    "cityswitch: load test",
    "What is offered and answered, and which resource ends first.",
    (SERVED, ENDS, MACHINE),
)
