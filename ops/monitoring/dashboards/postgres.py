"""Postgres as the switch meets it: commits, batches, retries, reads of the registry.

What the server knows of itself (locks, WAL, vacuum) is a matter of an exporter of its own, and of its own
dashboards: nothing here needs one.
"""

from __future__ import annotations

from typing import Final

from ops.monitoring.dashboards.overview import WAITING
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

COMMIT: Final = "cityswitch_commit_duration_seconds"
BATCH: Final = "cityswitch_batch_postings"
_PASSED_AT, _PASSED_FLOOR = good_above(1)

COMMITS: Final = Section(
    "Commits",
    (
        Panel(
            "Commit duration",
            "From sending a batch to Postgres to its commit. It rises with the same batch size: the disk"
            " (fsync), a lock, or a standby that is waited for.",
            Unit.SECONDS,
            (quantile(0.5, COMMIT, "p50"), quantile(0.9, COMMIT, "p90"), quantile(0.99, COMMIT, "p99")),
            thresholds=bad_above(0.1, 0.25),
        ),
        Panel(
            "Commits a second",
            "Transactions that the switch commits, over all workers, whatever is in them.",
            Unit.PER_SECOND,
            (rate(f"{COMMIT}_count", "commits"),),
        ),
        Panel(
            "Commits under way",
            "How many commits are waited for at a time, on average: seconds of commit in a second. At the"
            " number of committers of all workers: Postgres is what limits.",
            Unit.COUNT,
            (rate(f"{COMMIT}_sum", "under way"),),
        ),
    ),
)

BATCHES: Final = Section(
    "Batches",
    (
        Panel(
            "Postings in a batch",
            "Postings that share a commit: mean, and the largest ones. They grow with the load, that is how"
            " more is served; at `batch_max` for long a worker is at its capacity.",
            Unit.COUNT,
            (
                Query(
                    f"sum(rate({BATCH}_sum{{@}}[$__rate_interval]))"
                    f" / sum(rate({BATCH}_count{{@}}[$__rate_interval]))",
                    "mean",
                ),
                quantile(0.99, BATCH, "p99"),
            ),
        ),
        WAITING,
        Panel(
            "Sent again, and given up",
            "Batches sent again (a few at a failover are ordinary, their ids make them harmless; a steady"
            " rate: the network to Postgres), and postings given up because no batch took them in time.",
            Unit.PER_SECOND,
            (
                rate("cityswitch_batches_retried_total", "batches sent again"),
                rate("cityswitch_postings_given_up_total", "postings given up"),
            ),
            thresholds=bad_above(0.01, 0.1),
            steady="none of it happens while Postgres is there",
        ),
    ),
)

READS: Final = Section(
    "Reads",
    (
        Panel(
            "Age of the registry in memory",
            "How old the registry in a worker's memory may be. Above `feed_stale_after_s` redemptions and"
            " benefits are refused: Postgres cannot be read.",
            Unit.SECONDS,
            (Query("cityswitch_feed_age_seconds{@}", "{{instance}}"),),
            thresholds=bad_above(5, 30),
            width=6,
        ),
        Panel(
            "Readings of the registry",
            "Readings a second, and those that failed: Postgres, its network or the service's rights;"
            " /readyz has the words.",
            Unit.PER_SECOND,
            (
                rate("cityswitch_feed_reads_total", "read"),
                rate("cityswitch_feed_errors_total", "failed"),
            ),
            steady="it is read at the same pace whatever the load",
            width=6,
        ),
        Panel(
            "Registry in memory",
            "Cards and terminals in each worker's memory. Workers that differ for more than a second: see the"
            " age of the registry.",
            Unit.COUNT,
            (
                Query("cityswitch_directory_cards{@}", "{{instance}}: cards"),
                Query("cityswitch_directory_terminals{@}", "{{instance}}: terminals"),
            ),
            steady="nobody adds a card or a terminal",
            width=4,
        ),
        Panel(
            "Questions under way",
            "Questions (sign-on, totals, key change, reports) being put to Postgres, of those put at"
            " a time. At 100 % for long: Postgres is slow in reading. Sales do not wait for them.",
            Unit.SHARE,
            (
                Query(
                    "sum(cityswitch_inquiries_in_flight{@}) / sum(cityswitch_inquiries_limit{@})",
                    "under way",
                ),
            ),
            thresholds=bad_above(0.7, 0.95),
            most=1,
            steady="a question is answered between two scrapes",
            width=4,
        ),
        Panel(
            "VERIFYs waiting",
            "VERIFYs of benefits with limits that wait for the next read of what is left. Hundreds for long:"
            " Postgres is slow in reading; who has waited 1.5 s is told to try again.",
            Unit.COUNT,
            (Query("sum by (instance) (cityswitch_verifies_waiting{@})", "{{instance}}"),),
            steady="what waits is read between two scrapes",
            width=4,
        ),
        Panel(
            "Checks of readiness",
            "1 while a check is passed by every worker. postgres: is the database there; registry: is it"
            " read, are rules in force; postings: can a sale commit; switch: does a worker start or drain.",
            Unit.YES_NO,
            (Query("min by (check) (cityswitch_ready_check{@})", "{{check}}"),),
            Kind.STAT,
            _PASSED_AT,
            _PASSED_FLOOR,
            steady="every check is passed",
            width=24,
            height=4,
        ),
    ),
)

POSTGRES: Final = Dashboard(
    "cityswitch-postgres",
    "cityswitch: Postgres as the switch meets it",
    "Commits, batches, retries, and readings of the registry, as the workers measure them.",
    (COMMITS, BATCHES, READS),
)
