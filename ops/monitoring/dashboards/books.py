"""The ledger: what is posted and owed, whether the books hold, and whether their upkeep is on time."""

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
    rate,
)

_HOLDS_AT, _HOLDS_FLOOR = good_above(1)
OF_PROGRAMME: Final = '@,programme=~"$programme"'

HELD: Final = Section(
    "Do the books hold?",
    (
        Panel(
            "Invariants",
            "1 while an invariant held wherever it was looked at. 0: stop and look: `cityswitch ledger"
            " verify` shows an example of what breaks; the log line `invariant_broken` has the one found.",
            Unit.YES_NO,
            (Query("min by (invariant) (cityswitch_invariant_holds{@})", "{{invariant}}"),),
            Kind.STAT,
            _HOLDS_AT,
            _HOLDS_FLOOR,
            steady="invariants hold",
            width=16,
        ),
        Panel(
            "Since the books were last looked at",
            "How long ago a part of the books was looked at and all invariants held there. It is a light"
            " check, a window of accounts each minute; more than ten minutes: see the upkeep below.",
            Unit.SECONDS,
            (
                Query(
                    "time() - max(cityswitch_verify_last_success_timestamp_seconds{@})",
                    "since the last look",
                ),
            ),
            thresholds=bad_above(300, 600),
        ),
    ),
)

POSTED: Final = Section(
    "Postings",
    (
        Panel(
            "Postings a second",
            "What committed in batches, over all workers: sales and their reversals, and the balances, quotes"
            " and verifies that are answered in turn with them.",
            Unit.PER_SECOND,
            (rate("cityswitch_batch_postings_sum", "postings"),),
        ),
        Panel(
            "Points issued and used",
            "Points since the beginning, reversals and refunds taken off. A jump: a campaign, or a partner"
            " with a wrong step (`cityswitch ledger balance`).",
            Unit.COUNT,
            (
                Query(
                    f'max by (programme) (cityswitch_units_issued{{{OF_PROGRAMME},unit="points"}})',
                    "{{programme}}: issued",
                ),
                Query(
                    f'max by (programme) (cityswitch_units_used{{{OF_PROGRAMME},unit="points"}})',
                    "{{programme}}: used",
                ),
            ),
        ),
        Panel(
            "Points of campaigns",
            "Extra points posted from the organiser's account in the hour before, those taken back with what"
            " was undone of their sales, and those a card had spent already (`cityswitch campaigns list`).",
            Unit.COUNT,
            (
                Query(
                    "sum by (programme, what) (increase("
                    f"cityswitch_campaign_points_total{{{OF_PROGRAMME}}}[1h]))",
                    "{{programme}}: {{what}}",
                ),
            ),
            steady="a campaign gives points on its days",
        ),
        Panel(
            "Points outstanding",
            "Points on cards: what a programme owes their holders. It is issued less used, and what the"
            " organiser gave and took.",
            Unit.COUNT,
            (
                Query(
                    f'max by (programme) (cityswitch_units_outstanding{{{OF_PROGRAMME},unit="points"}})',
                    "{{programme}}",
                ),
            ),
        ),
        Panel(
            "Uses of offers",
            "Uses of offers since the beginning, those undone taken off.",
            Unit.COUNT,
            (
                Query(
                    f'max by (programme) (cityswitch_units_used{{{OF_PROGRAMME},unit="uses"}})',
                    "{{programme}}",
                ),
            ),
        ),
        Panel(
            "Grosze taken off prices",
            "Discounts since the beginning, in grosze, refunds taken off: what partners gave.",
            Unit.COUNT,
            (
                Query(
                    f'max by (programme) (cityswitch_units_used{{{OF_PROGRAMME},unit="grosze"}})',
                    "{{programme}}",
                ),
            ),
        ),
        Panel(
            "Postings that did not go as they should",
            "Refused by Postgres by themselves (a defect: the log line `posting_refused`), given up because"
            " no batch took them in time, or told to try again because the ledger is behind.",
            Unit.PER_SECOND,
            (
                rate("cityswitch_poison_rows_total", "refused by Postgres"),
                rate("cityswitch_postings_given_up_total", "given up"),
                rate("cityswitch_requests_shed_total", "told to try again"),
            ),
            thresholds=bad_above(0.001),
            steady="none of it happens when nothing is wrong",
        ),
    ),
)

UPKEEP: Final = Section(
    "Upkeep",
    (
        Panel(
            "Workers that do the upkeep",
            "The elected worker does the periodic work of all. None for a minute: balances are not rolled up"
            " and notices do not end; is Postgres there?",
            Unit.COUNT,
            (Query("sum(cityswitch_keeper_elected{@})", "elected"),),
            Kind.STAT,
            _HOLDS_AT,
            _HOLDS_FLOOR,
            steady="one is elected, and stays",
            width=4,
        ),
        Panel(
            "Jobs that are late",
            "By how much a periodic job is overdue. The log line `keeper_failed` names job and cause; a"
            " transaction of hours in Postgres holds partner_balances up.",
            Unit.SECONDS,
            # Prometheus keeps `job` for itself, and calls the one it read so.
            (Query("max by (task) (cityswitch_keeper_lag_seconds{@})", "{{task}}"),),
            thresholds=bad_above(60, 600),
            steady="jobs that are done in time are not late",
            width=5,
        ),
        Panel(
            "Since each job was done",
            "How long ago each periodic job was done last: a saw, as high as the job's interval.",
            Unit.SECONDS,
            (
                Query(
                    "time() - max by (task) (cityswitch_keeper_last_success_timestamp_seconds{@})",
                    "{{task}}",
                ),
            ),
            width=5,
        ),
        Panel(
            "What could not be told",
            "Figures of the city that could not be read in time, metrics left out of a scrape, and lines the"
            " log did not take. Sales are not touched by it; the log says which.",
            Unit.PER_SECOND,
            (
                rate("cityswitch_city_figures_failed_total", "figures of the city"),
                rate("cityswitch_scrape_errors_total", "metrics"),
                rate("cityswitch_log_lines_dropped_total", "lines of the log"),
            ),
            thresholds=bad_above(0.001),
            steady="nothing is left untold when nothing is wrong",
            width=5,
        ),
        Panel(
            "Cards' cases that wait",
            "Reports of cards that wait for the organiser's decision (`cityswitch cards cases`): a card stays"
            " stopped until then.",
            Unit.COUNT,
            (
                Query(
                    f"max by (programme, kind) (cityswitch_cases_open{{{OF_PROGRAMME}}})",
                    "{{programme}}: {{kind}}",
                ),
            ),
            steady="terminals report cards only where a programme has it so",
            width=5,
        ),
    ),
)

BOOKS: Final = Dashboard(
    "cityswitch-ledger",
    "cityswitch: ledger",
    "What is posted and owed, whether the books hold, and whether their upkeep is on time.",
    (HELD, POSTED, UPKEEP),
    has_programme=True,
)
