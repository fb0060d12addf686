"""Alerts on the processes of the switch: whether they answer, are ready, stay up and keep time.

Owns the symptoms of workers. Must not know the books or the programmes. Invariant: all workers lost wakes
somebody; one lost of several does not.
"""

from __future__ import annotations

from ops.monitoring.rules.shape import Alert, Group, Severity, Times


def alerts(times: Times) -> Group:
    """Return the alerts on processes."""
    return Group("cityswitch_processes", (*_presence(), *_health(times)))


def _presence() -> tuple[Alert, ...]:
    return (
        Alert(
            "CityswitchDown",
            'absent(up{job="cityswitch"} == 1)',
            "1m",
            Severity.PAGE,
            "No worker of the switch answers",
            """Prometheus has read no worker of the switch for a minute. No till can use a city card:
            sales with points are stored offline, redemptions and discounts are refused. If tills work
            all the same, it is Prometheus that cannot reach the switch.""",
        ),
        Alert(
            "CityswitchWorkerDown",
            """
up{job="cityswitch"} == 0
  and on (job) max by (job) (up{job="cityswitch"}) == 1""",
            "2m",
            Severity.TICKET,
            "A worker of the switch does not answer",
            """Worker {{ $labels.instance }} has not answered for two minutes, while others do. Its
            terminals have come back at the other workers; nobody at a till notices, but what is left
            has to carry the whole city.""",
        ),
        Alert(
            "CityswitchNotReady",
            "cityswitch_ready_check == 0",
            "1m",
            Severity.PAGE,
            "A worker cannot do what tills come for",
            """Worker {{ $labels.instance }} is not ready: check "{{ $labels.check }}" has failed for a
            minute. Cashiers at its terminals see "Spróbuj ponownie" or a refusal, depending on the
            check; /readyz of the worker says why in one line.""",
        ),
    )


def _health(times: Times) -> tuple[Alert, ...]:
    rate, young = times.window("5m"), times.window("15m")
    return (
        Alert(
            "CityswitchWorkerRestarting",
            f"increase(cityswitch_worker_restarts_total[{young}]) > 2",
            "0m",
            Severity.PAGE,
            "A worker dies again and again",
            """Worker {{ $labels.instance }} was started anew {{ $value | humanize }} times within a
            quarter of an hour. Each time its terminals lose their line, and the sale at hand takes
            some seconds longer; no posting is lost.""",
        ),
        Alert(
            "CityswitchEventLoopStalled",
            f"""
histogram_quantile(0.99,
  sum by (job, instance, le) (rate(cityswitch_event_loop_stall_seconds_bucket[{rate}]))) > 0.1""",
            "10m",
            Severity.TICKET,
            "A worker keeps stopping for a moment",
            """One in a hundred looks of worker {{ $labels.instance }} at its clock comes {{ $value |
            humanizeDuration }} late. Answers at the tills hang for as long. The processor is taken by
            something else, or the worker has too much to do.""",
        ),
        Alert(
            "CityswitchFileDescriptorsLow",
            'process_open_fds{job="cityswitch"} / process_max_fds{job="cityswitch"} > 0.85',
            "5m",
            Severity.TICKET,
            "A worker runs out of file descriptors",
            """Worker {{ $labels.instance }} uses {{ $value | humanizePercentage }} of the descriptors it
            may have. At 100 % no further terminal gets a connection, while those on line go on.""",
        ),
    )
