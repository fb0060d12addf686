"""Rules and quotas: what is refused by rule, which limits are nearly gone, what changes soon."""

from __future__ import annotations

from typing import Final

from ops.monitoring.dashboards.books import OF_PROGRAMME
from ops.monitoring.dashboards.panel import (
    Colour,
    Dashboard,
    Kind,
    Panel,
    Query,
    Section,
    Threshold,
    Unit,
    bad_above,
    rate,
)

REFUSED: Final = Section(
    "Decided by rule",
    (
        Panel(
            "Declines by result",
            "What was declined, a second, by the rule's result. One that grows among many terminals: a rule"
            " or an offer has changed; `cityswitch explain` says why a request was answered as it was.",
            Unit.REQUESTS_PER_SECOND,
            (rate("cityswitch_replies_total", "{{result}}", by="result", selectors='class="declined"'),),
            stacked=True,
        ),
        Panel(
            "Benefits by result",
            "Uses of benefits, on line and off line, a second, by what they were answered. QUOTA_USED_UP: see"
            " the limits below.",
            Unit.REQUESTS_PER_SECOND,
            (
                rate(
                    "cityswitch_replies_total",
                    "{{result}}",
                    by="result",
                    selectors='message=~"BenefitUse|BenefitAdvice"',
                ),
            ),
            stacked=True,
        ),
        Panel(
            "Redemptions by result",
            "Redemptions of points a second, by what they were answered. FEED_STALE: the registry in memory"
            " is too old, see Postgres.",
            Unit.REQUESTS_PER_SECOND,
            (rate("cityswitch_replies_total", "{{result}}", by="result", selectors='message="Redeem"'),),
            stacked=True,
        ),
    ),
)

LIMITS: Final = Section(
    "Limits and cards",
    (
        Panel(
            "Limits of which 90 % is used",
            "Limits of an offer or of a programme, not of single cards, nearly gone in their current day,"
            " week, month or year. Tell the partner, or publish a version with a higher limit.",
            Unit.COUNT,
            (
                Query(
                    f"max by (programme) (cityswitch_quotas_nearly_gone{{{OF_PROGRAMME}}})", "{{programme}}"
                ),
            ),
            thresholds=bad_above(1),
            steady="a limit of the city's size lasts longer than a test",
        ),
        Panel(
            "Cards",
            "Cards (each plastic, ticket or code) by the status that is stored. Many blocked, wanted or"
            " retained at once: who did it stands in `cityswitch audit`.",
            Unit.COUNT,
            (
                Query(
                    f"max by (programme, status) (cityswitch_cards{{{OF_PROGRAMME}}})",
                    "{{programme}}: {{status}}",
                ),
            ),
            steady="nobody issues or stops a card",
        ),
        Panel(
            "Uses of offers a minute",
            "Uses of offers that were granted, by programme, those undone taken off, over a minute.",
            Unit.COUNT,
            (
                Query(
                    "60 * max by (programme)"
                    f' (deriv(cityswitch_units_used{{{OF_PROGRAMME},unit="uses"}}[1m]))',
                    "{{programme}}",
                ),
            ),
        ),
    ),
)

DAY_S: Final = 86_400
CHANGES: Final = Section(
    "What changes soon",
    (
        Panel(
            "Until the next version of the rules",
            "Time until a published version of the rules comes in force; nothing is shown while none is"
            " pending. A moment you do not expect: `cityswitch programmes show` says who applied it.",
            Unit.SECONDS,
            (
                Query(
                    f"max by (programme) (cityswitch_rules_pending_timestamp_seconds{{{OF_PROGRAMME}}})"
                    " - time()",
                    "{{programme}}",
                ),
            ),
            Kind.STAT,
            (Threshold(DAY_S, Colour.GOOD),),
            Colour.WARNING,
        ),
        Panel(
            "Until the certificate ends",
            "Of the terminals' port, of the worker whose certificate ends first; nothing is shown without"
            " TLS. Less than two weeks: renew it and send SIGHUP to the supervisor.",
            Unit.SECONDS,
            (Query("min(cityswitch_certificate_expiry_timestamp_seconds{@}) - time()", "certificate"),),
            Kind.STAT,
            (Threshold(7 * DAY_S, Colour.WARNING), Threshold(14 * DAY_S, Colour.GOOD)),
            Colour.BAD,
        ),
        Panel(
            "Until a list of revoked certificates ends",
            "Of terminals' own certificates, of the worker whose list ends first; nothing is shown without"
            " `tls_client_crl`. Past its end nobody is let in: put a newer one in its place and send SIGHUP.",
            Unit.SECONDS,
            (Query("min(cityswitch_revocations_expiry_timestamp_seconds{@}) - time()", "revocations"),),
            Kind.STAT,
            (Threshold(DAY_S, Colour.WARNING), Threshold(7 * DAY_S, Colour.GOOD)),
            Colour.BAD,
        ),
        Panel(
            "Versions that run",
            "Workers by version of the switch. Two for longer than a rolling upgrade takes: some workers were"
            " not restarted.",
            Unit.COUNT,
            (Query("count by (version) (cityswitch_build_info{@})", "{{version}}"),),
            Kind.STAT,
            steady="one version runs",
        ),
    ),
)

RULES: Final = Dashboard(
    "cityswitch-rules",
    "cityswitch: rules and quotas",
    "What is refused by rule, which limits are nearly gone, what changes soon.",
    (REFUSED, LIMITS, CHANGES),
    has_programme=True,
)
