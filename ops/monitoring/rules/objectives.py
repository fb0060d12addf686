"""The two promises of the switch, and the alerts that say how fast their budget burns.

Owns both objectives: of all requests 99.95 % are answered with a definite result (approved or declined, not
"try again" and not a fault), and 99 % within 250 ms. Must not know causes: the symptoms tell those.
Invariants: an alert needs a long window (it matters) and a short one (it still goes on); fewer than
`REQUESTS_MIN` bad answers in an hour wake nobody, for at night one in a hundred is a single customer.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from ops.monitoring.rules.shape import Alert, Group, Recording, Severity, Times

ANSWERED: Final = 0.9995
FAST: Final = 0.99
REQUESTS_MIN: Final = 10
WINDOWS: Final = ("30m", "1h", "2h", "6h", "1d", "3d")
DEFINITE: Final = "approved|declined"


class Burn(NamedTuple):
    """How many times faster than allowed the budget of 30 days goes, seen over two windows."""

    times: float
    long: str
    short: str


FAST_BURNS: Final = (Burn(14.4, "1h", "5m"), Burn(6, "6h", "30m"))
"""2 % of the month's budget in an hour, 5 % in six: somebody gets up."""
SLOW_BURNS: Final = (Burn(3, "1d", "2h"), Burn(1, "3d", "6h"))
"""10 % in a day or in three: it can wait until the morning."""


def recordings(times: Times) -> Group:
    """Return the rates of good and bad, and their ratios over the windows.

    Long windows average the five-minute rates, which are two series, instead of reading days of every
    worker's counters anew at each evaluation.
    """
    window = times.window("5m")
    rates = [
        Recording(
            "job:cityswitch_replies:rate5m", f"sum by (job) (rate(cityswitch_replies_total[{window}]))"
        ),
        Recording(
            "job:cityswitch_replies_indefinite:rate5m",
            f"""
sum by (job) (rate(cityswitch_replies_total{{class!~"{DEFINITE}"}}[{window}]))
  or 0 * job:cityswitch_replies:rate5m""",
        ),
        Recording(
            "job:cityswitch_requests:rate5m",
            f"sum by (job) (rate(cityswitch_request_duration_seconds_count[{window}]))",
        ),
        Recording(
            "job:cityswitch_requests_slow:rate5m",
            f"""
job:cityswitch_requests:rate5m
  - sum by (job) (rate(cityswitch_request_duration_seconds_bucket{{le="0.25"}}[{window}]))""",
        ),
    ]
    ratios = [
        Recording(f"job:cityswitch_{bad}:ratio_rate{long}", _ratio(bad, every, long, times))
        for bad, every in (("replies_indefinite", "replies"), ("requests_slow", "requests"))
        for long in ("5m", *WINDOWS)
    ]
    return Group("cityswitch_objectives_recorded", (*rates, *ratios))


def _ratio(bad: str, every: str, long: str, times: Times) -> str:
    above, below = f"job:cityswitch_{bad}:rate5m", f"job:cityswitch_{every}:rate5m"
    if long == "5m":
        return f"{above} / {below}"
    window = times.window(long)
    return f"avg_over_time({above}[{window}])\n  / avg_over_time({below}[{window}])"


def _burning(bad: str, objective: float, burns: tuple[Burn, ...], times: Times) -> str:
    ratio = f"job:cityswitch_{bad}:ratio_rate"
    parts = []
    for burn in burns:
        limit = f"{burn.times:g} * {1 - objective:g}"
        parts.append(f"({ratio}{burn.long} > {limit} and {ratio}{burn.short} > {limit})")
    hour, window = times.threshold("1h"), times.window("1h")
    enough = f"avg_over_time(job:cityswitch_{bad}:rate5m[{window}]) * {hour} > {REQUESTS_MIN}"
    return "(\n  " + "\n  or ".join(parts) + f"\n) and {enough}"


def alerts(times: Times) -> Group:
    """Return two alerts for each promise: one that wakes, one that waits."""
    indefinite, slow = "replies_indefinite", "requests_slow"
    return Group(
        "cityswitch_objectives",
        (
            Alert(
                "CityswitchAnswersBurnFast",
                _burning(indefinite, ANSWERED, FAST_BURNS, times),
                "2m",
                Severity.PAGE,
                "Too many requests end without a result",
                """{{ $value | humanizePercentage }} of all requests were answered "try again" or with a
                fault, not approved or declined; 0.05 % may be. Cashiers see "Spróbuj ponownie" and
                customers wait or leave without their points. At this rate the month's allowance is
                gone in two days or less.""",
            ),
            Alert(
                "CityswitchAnswersBurnSlow",
                _burning(indefinite, ANSWERED, SLOW_BURNS, times),
                "15m",
                Severity.TICKET,
                "Slightly too many requests end without a result, for a day or longer",
                """{{ $value | humanizePercentage }} of all requests were answered "try again" or with a
                fault; 0.05 % may be. Most shops notice nothing, some cashiers have to press twice. If
                it goes on the month's allowance will not last.""",
            ),
            Alert(
                "CityswitchLatencyBurnFast",
                _burning(slow, FAST, FAST_BURNS, times),
                "2m",
                Severity.PAGE,
                "Answers are slow",
                """{{ $value | humanizePercentage }} of all requests took longer than 250 ms; 1 % may.
                Queues grow at the tills, and terminals whose patience is short resend, which makes it
                worse.""",
            ),
            Alert(
                "CityswitchLatencyBurnSlow",
                _burning(slow, FAST, SLOW_BURNS, times),
                "15m",
                Severity.TICKET,
                "Answers have been slower than promised for a day or longer",
                """{{ $value | humanizePercentage }} of all requests took longer than 250 ms; 1 % may.
                Tills feel sluggish at the busiest hours; nothing fails yet.""",
            ),
        ),
    )
