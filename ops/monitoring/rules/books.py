"""Alerts on the books: whether postings commit, how long they wait, and whether the books hold.

Owns the symptoms of ledger, registry feed and periodic work. Must not know Postgres' own figures. Invariant:
what shows that money or points may be wrong wakes somebody at once.
"""

from __future__ import annotations

from ops.monitoring.rules.shape import Alert, Group, Severity, Times


def alerts(times: Times) -> Group:
    """Return the alerts on the books and on what is read from them."""
    return Group("cityswitch_books", (*_postings(times), *_proofs(times), *_registry(times)))


def _postings(times: Times) -> tuple[Alert, ...]:
    rate, hour = times.window("5m"), times.window("1h")
    return (
        Alert(
            "CityswitchLedgerNotCommitting",
            'max by (job) (cityswitch_ready_check{check="postings"}) == 0',
            "1m",
            Severity.PAGE,
            "No sale can be written into the books",
            """No worker has been able to commit a posting for a minute. Every sale, redemption and
            discount in the city ends in "Spróbuj ponownie"; tills that may store sales offline do so.
            What was approved before is safe.""",
        ),
        Alert(
            "CityswitchQueueOld",
            "max by (job) (cityswitch_queue_age_seconds) > 1",
            "2m",
            Severity.TICKET,
            "Sales wait for the books",
            """The oldest sale that has not been sent to Postgres is {{ $value | humanizeDuration }} old.
            Every answer takes at least as long; after give_up_ms (3 s) it is "Spróbuj ponownie".""",
        ),
        Alert(
            "CityswitchPostingsGivenUp",
            f"sum by (job) (increase(cityswitch_postings_given_up_total[{rate}])) > 0",
            "0m",
            Severity.TICKET,
            "Sales were given up because Postgres did not answer in time",
            """About {{ $value | humanize }} sales of the last five minutes were answered "Spróbuj
            ponownie", because the books did not take them within give_up_ms. Terminals ask again by
            themselves; no sale counts twice.""",
        ),
        Alert(
            "CityswitchRequestsShed",
            f"sum by (job) (rate(cityswitch_requests_shed_total[{rate}])) > 0",
            "5m",
            Severity.TICKET,
            "The switch has more to do than it can",
            """{{ $value | humanize }} requests a second are told to try again, so that the others are
            answered in time. One purchase in six at most is refused so; reversals never.""",
        ),
        Alert(
            "CityswitchPoisonRows",
            f"sum by (job) (increase(cityswitch_poison_rows_total[{hour}])) > 0",
            "0m",
            Severity.TICKET,
            "Postgres refused a sale by itself",
            """About {{ $value | humanize }} sales of the last hour were refused by a rule of the
            database and answered "Błąd systemu, wezwij serwis". Those customers have no points for
            them. All others were posted. This is a defect or a change by hand, never overload.""",
        ),
        Alert(
            "CityswitchInquiriesWaiting",
            "cityswitch_inquiries_in_flight / cityswitch_inquiries_limit > 0.9",
            "2m",
            Severity.TICKET,
            "Questions to the books pile up",
            """Worker {{ $labels.instance }} has been asking the database as many questions at a time as
            it may for two minutes. Sign-ons, daily totals and changes of keys wait; sales of terminals on
            line go on.""",
        ),
    )


def _proofs(times: Times) -> tuple[Alert, ...]:
    return (
        Alert(
            "CityswitchInvariantBroken",
            "min by (job, invariant) (cityswitch_invariant_holds) == 0",
            "0m",
            Severity.PAGE,
            "The books do not hold",
            """The proof "{{ $labels.invariant }}" has failed. Tills go on as if nothing were, but a
            balance, a quota or a settlement may be wrong: do not settle with partners, and change
            nothing in the database, before it is known why.""",
        ),
        Alert(
            "CityswitchVerifyOld",
            f"""
time() - max by (job) (cityswitch_verify_last_success_timestamp_seconds)
  > {times.threshold("2h")}""",
            "0m",
            Severity.TICKET,
            "The books have not been proved for two hours",
            """The books were last proved {{ $value | humanizeDuration }} ago. Nobody at a till feels it;
            but a fault would stay unseen for as long.""",
        ),
    )


def _registry(times: Times) -> tuple[Alert, ...]:
    return (
        Alert(
            "CityswitchFeedStale",
            "cityswitch_feed_stale == 1",
            "1m",
            Severity.PAGE,
            "A worker does not know the newest cards",
            """Worker {{ $labels.instance }} has not been able to read the registry for more than a
            minute. It refuses redemptions and discounts ("Chwilowo niedostępne"), because a blocked
            card might get them; points are still given. Cards activated since then are unknown to it.""",
        ),
        Alert(
            "CityswitchKeeperLate",
            f"max by (job, task) (cityswitch_keeper_lag_seconds) > {times.threshold('10m')}",
            "5m",
            Severity.TICKET,
            "Periodic work is overdue",
            """The job "{{ $labels.task }}" is {{ $value | humanizeDuration }} overdue. Cashiers
            notice nothing at first; partner balances, expired keys, birthdays or shares of quotas get
            behind.""",
        ),
        Alert(
            "CityswitchKeeperMissing",
            "sum by (job) (cityswitch_keeper_elected) == 0",
            "5m",
            Severity.TICKET,
            "No worker does the periodic work",
            """No worker holds the lock of the periodic work. Partner balances, expired keys, birthdays
            and shares of quotas stand still, and the figures of the city are missing from the
            dashboards.""",
        ),
    )
