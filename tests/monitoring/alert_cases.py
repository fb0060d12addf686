"""Series under which each alert fires, and under which it is silent: input of promtool's unit tests.

A minute is a step. A case is healthy for `HEALTHY_MIN` minutes, then broken for as long as the alert holds
and `lag` minutes more, then healthy again for `recovery` minutes.
"""

from dataclasses import dataclass, field

HEALTHY_MIN = 30
DAY_S = 86_400


@dataclass(frozen=True)
class Counted:
    """A counter: how much a minute adds while all is well, and while it is not."""

    healthy: float
    broken: float


@dataclass(frozen=True)
class Shown:
    """A gauge: its value while all is well, and while it is not; None: the series is missing."""

    healthy: float | None
    broken: float | None


@dataclass(frozen=True)
class Case:
    """What breaks for an alert. `lag`: minutes until its expression is true. `number`: how many fire."""

    alert: str
    series: dict[str, Counted | Shown] = field(hash=False)
    lag: int = 1
    recovery: int = 40
    number: int = 1


def values(series: Counted | Shown, broken: int, recovery: int) -> str:
    """Write the values of a series, one for each minute."""
    written, total = [], 0.0
    for minute in range(HEALTHY_MIN + broken + recovery):
        is_broken = HEALTHY_MIN <= minute < HEALTHY_MIN + broken
        value = series.broken if is_broken else series.healthy
        if isinstance(series, Counted):
            assert value is not None
            total += value
            value = total
        written.append("_" if value is None else f"{value:g}")
    return " ".join(written)


_WORKER = 'job="cityswitch",instance="127.0.0.1:9170"'
_OTHER = 'job="cityswitch",instance="127.0.0.1:9171"'


def on(metric: str, labels: str = "", worker: str = _WORKER) -> str:
    """Name a series of a worker."""
    return f"{metric}{{{worker}{',' if labels else ''}{labels}}}"


def _replies(result: str, labels: str) -> str:
    return on("cityswitch_replies_total", f'message="EARN",result="{result}",{labels}')


_APPROVED = _replies("approved", 'code="0",class="approved"')
_DECLINED = _replies("card_blocked", 'code="40",class="declined"')
_TRY_AGAIN = _replies("try_again", 'code="10",class="retry"')
_COUNT = on("cityswitch_request_duration_seconds_count")
_FAST = on("cityswitch_request_duration_seconds_bucket", 'le="0.25"')
_STALL = "cityswitch_event_loop_stall_seconds_bucket"
_PROGRAMME = 'programme="czestochowa"'

CASES = (
    Case("CityswitchAnswersBurnFast", {_APPROVED: Counted(600, 480), _TRY_AGAIN: Counted(0, 120)}, lag=6),
    Case(
        "CityswitchAnswersBurnSlow",
        {_APPROVED: Counted(600, 597), _TRY_AGAIN: Counted(0, 3)},
        lag=70,
        recovery=380,
    ),
    Case("CityswitchLatencyBurnFast", {_COUNT: Counted(600, 600), _FAST: Counted(600, 300)}, lag=30),
    Case(
        "CityswitchLatencyBurnSlow",
        {_COUNT: Counted(600, 600), _FAST: Counted(600, 570)},
        lag=70,
        recovery=380,
    ),
    Case("CityswitchDown", {on("up"): Shown(1, 0), on("up", worker=_OTHER): Shown(1, 0)}),
    Case("CityswitchWorkerDown", {on("up"): Shown(1, 1), on("up", worker=_OTHER): Shown(1, 0)}),
    Case("CityswitchNotReady", {on("cityswitch_ready_check", 'check="registry"'): Shown(1, 0)}),
    Case("CityswitchWorkerRestarting", {on("cityswitch_worker_restarts_total"): Counted(0, 1)}, lag=4),
    Case(
        "CityswitchEventLoopStalled",
        {
            on(_STALL, 'le="0.01"'): Counted(600, 300),
            on(_STALL, 'le="0.1"'): Counted(600, 300),
            on(_STALL, 'le="1.0"'): Counted(600, 600),
            on(_STALL, 'le="+Inf"'): Counted(600, 600),
        },
    ),
    Case(
        "CityswitchFileDescriptorsLow",
        {on("process_open_fds"): Shown(300, 950), on("process_max_fds"): Shown(1024, 1024)},
    ),
    Case(
        "CityswitchLedgerNotCommitting",
        {
            on("cityswitch_ready_check", 'check="postings"'): Shown(1, 0),
            on("cityswitch_ready_check", 'check="postings"', _OTHER): Shown(1, 0),
        },
    ),
    Case("CityswitchQueueOld", {on("cityswitch_queue_age_seconds"): Shown(0.01, 2.5)}),
    Case("CityswitchPostingsGivenUp", {on("cityswitch_postings_given_up_total"): Counted(0, 5)}),
    Case("CityswitchRequestsShed", {on("cityswitch_requests_shed_total"): Counted(0, 60)}),
    Case("CityswitchPoisonRows", {on("cityswitch_poison_rows_total"): Counted(0, 1)}, recovery=80),
    Case(
        "CityswitchInquiriesWaiting",
        {on("cityswitch_inquiries_in_flight"): Shown(1, 3), on("cityswitch_inquiries_limit"): Shown(3, 3)},
    ),
    Case("CityswitchInvariantBroken", {on("cityswitch_invariant_holds", 'invariant="sums"'): Shown(1, 0)}),
    Case(
        "CityswitchVerifyOld",
        {on("cityswitch_verify_last_success_timestamp_seconds"): Shown(5_000, -3 * 3_600)},
    ),
    Case("CityswitchFeedStale", {on("cityswitch_feed_stale"): Shown(0, 1)}),
    Case(
        "CityswitchKeeperLate",
        {on("cityswitch_keeper_lag_seconds", 'task="partner_balances"'): Shown(0, 700)},
    ),
    Case(
        "CityswitchKeeperMissing",
        {
            on("cityswitch_keeper_elected"): Shown(1, 0),
            on("cityswitch_keeper_elected", "", _OTHER): Shown(0, 0),
        },
    ),
    Case(
        "CityswitchCertificateExpiring",
        {on("cityswitch_certificate_expiry_timestamp_seconds"): Shown(90 * DAY_S, 15 * DAY_S)},
    ),
    Case(
        "CityswitchCertificateExpired",
        {on("cityswitch_certificate_expiry_timestamp_seconds"): Shown(90 * DAY_S, 0)},
    ),
    Case(
        "CityswitchRevocationsExpiring",
        {on("cityswitch_revocations_expiry_timestamp_seconds"): Shown(30 * DAY_S, 5 * DAY_S)},
    ),
    Case(
        "CityswitchRevocationsExpired",
        {on("cityswitch_revocations_expiry_timestamp_seconds"): Shown(30 * DAY_S, 0)},
    ),
    Case(
        "CityswitchTerminalKeysExpiring", {on("cityswitch_terminal_keys_expiring", _PROGRAMME): Shown(0, 2)}
    ),
    Case(
        "CityswitchSignOnsRefused",
        {on("cityswitch_sign_on_refusals_total", 'cause="wrong_key"'): Counted(1, 20)},
        lag=2,
    ),
    Case(
        "CityswitchHandshakesFailing",
        {
            on("cityswitch_handshakes_total", 'result="accepted"'): Counted(90, 90),
            on("cityswitch_handshakes_total", 'result="plain_on_tls_port"'): Counted(1, 60),
        },
        lag=4,
    ),
    Case(
        "CityswitchDoorwayFull",
        {
            on("cityswitch_handshakes_in_progress"): Shown(5, 990),
            on("cityswitch_handshakes_limit"): Shown(1_000, 1_000),
        },
    ),
    Case(
        "CityswitchConnectionsNearlyFull",
        {
            on("cityswitch_connections"): Shown(300, 19_000),
            on("cityswitch_connections_limit"): Shown(20_000, 20_000),
        },
    ),
    Case(
        "CityswitchRepliesLost",
        {_APPROVED: Counted(600, 600), on("cityswitch_replies_dropped_total"): Counted(6, 120)},
        lag=3,
    ),
    Case(
        "CityswitchTerminalsSilent",
        {
            on("cityswitch_terminals_silent", _PROGRAMME): Shown(3, 60),
            on("cityswitch_terminals", f'{_PROGRAMME},state="active"'): Shown(300, 300),
        },
    ),
    Case(
        "CityswitchDeclinesUnusual",
        {_APPROVED: Counted(550, 50), _DECLINED: Counted(50, 550)},
        lag=6,
    ),
    Case("CityswitchQuotasNearlyGone", {on("cityswitch_quotas_nearly_gone", _PROGRAMME): Shown(0, 1)}),
    Case(
        "CityswitchRulesPending",
        {on("cityswitch_rules_pending_timestamp_seconds", _PROGRAMME): Shown(None, 12 * 3_600)},
    ),
    Case("CityswitchWatchdog", {}),
)
