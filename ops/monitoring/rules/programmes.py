"""Alerts on what the programmes do: declines out of the ordinary, quotas, rules about to turn; the watchdog.

Owns the symptoms an organiser would ask about. Must not know processes. Invariant: a wrong rules file or a
suspension nobody meant shows here, for the objectives count a decline as an answer.
"""

from __future__ import annotations

from ops.monitoring.rules.shape import Alert, Group, Recording, Severity, Times

DECLINED: str = "job_result:cityswitch_replies_declined:ratio_rate15m"


def recordings(times: Times) -> Group:
    """Return the share of each reason for a decline."""
    window = times.window("15m")
    return Group(
        "cityswitch_programmes_recorded",
        (
            Recording(
                DECLINED,
                f"""
sum by (job, result) (rate(cityswitch_replies_total{{class="declined"}}[{window}]))
  / on (job) group_left () sum by (job) (rate(cityswitch_replies_total[{window}]) > 0)""",
            ),
        ),
    )


def alerts(times: Times) -> Group:
    """Return the alerts on programmes, and the watchdog."""
    return Group(
        "cityswitch_programmes",
        (
            Alert(
                "CityswitchDeclinesUnusual",
                f"""
{DECLINED} > 0.2
  unless {DECLINED}
    < 2 * avg_over_time({DECLINED}[{times.window("1d")}] offset {times.window("1h")})""",
                "10m",
                Severity.PAGE,
                "Far more requests are declined than usual",
                """{{ $value | humanizePercentage }} of all requests are declined with "{{ $labels.result
                }}", at least twice as many as in the day before. The switch works, but customers are
                turned away at the tills. A suspension, new rules or a wrong import is likely.""",
            ),
            Alert(
                "CityswitchQuotasNearlyGone",
                "max by (job, programme) (cityswitch_quotas_nearly_gone) > 0",
                "5m",
                Severity.INFO,
                "Quotas are nearly used up",
                """{{ $value }} quotas of programme {{ $labels.programme }} are used to 90 % or more.
                When one is gone, cashiers see that the offer is used up until its next period begins.""",
            ),
            Alert(
                "CityswitchRulesPending",
                """
min by (job, programme) (cityswitch_rules_pending_timestamp_seconds) - time() < 86400""",
                "0m",
                Severity.INFO,
                "New rules come into force within a day",
                """Programme {{ $labels.programme }} has a version of its rules that comes into force in
                {{ $value | humanizeDuration }}. Points and discounts may change at that moment, at
                all tills at once.""",
            ),
            Alert(
                "CityswitchWatchdog",
                "vector(1)",
                "0m",
                Severity.NONE,
                "Alerting works",
                """This alert fires always. Whoever is told of alerts has to be told when it stops: then
                Prometheus, the Alertmanager or the way to you is broken, and no other alert would
                come.""",
            ),
        ),
    )
