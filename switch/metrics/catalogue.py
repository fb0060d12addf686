"""Every metric of a worker, declared once: what it is, its labels, and what to do when it looks wrong.

Owns names and words; `city_catalogue` has those of the elected worker. Must not know values.
`docs/reference/metrics.md` is made of this.
"""

from __future__ import annotations

from typing import Final

from protocol import TYPE_OF, ResultCode
from protocol.errors import CloseReason
from switch.metrics.declaration import Kind, Label, Metric, counter, gauge, histogram

FAULTS: Final = tuple(reason.value for reason in CloseReason)
MESSAGES: Final = tuple(message.__name__ for message in TYPE_OF)
RESULTS: Final = tuple(code.name.lower() for code in ResultCode)

# The process.

BUILD_INFO = gauge(
    "build_info",
    "Always 1; the label says which version runs",
    "Two versions for longer than a rolling upgrade takes: some workers were not restarted.",
    Label("version", "the version of the package"),
)
START_TIME = gauge(
    "start_time_seconds",
    "When this worker started, Unix time",
    "It moves without a deployment: the worker died; its log says `worker_died` or `worker_silent`.",
)
WORKER_RESTARTS = counter(
    "worker_restarts",
    "How often this worker has been started again since its supervisor began",
    "It grows: read `worker_died` (with the exit status) or `worker_silent` in the log. Terminals come back"
    " by themselves and ask again with the same ids.",
)
READY = gauge(
    "ready",
    "1 while /readyz of this worker says ready, else 0",
    "Look which check of cityswitch_ready_check is 0; /readyz says why in words.",
)
READY_CHECK = gauge(
    "ready_check",
    "1 while one check of /readyz is passed, else 0",
    "`curl …/readyz` gives the reason. postgres: is the database there; registry: is it read, are rules in"
    " force; postings: can a sale commit; switch: is the worker starting or draining.",
    Label("check", "what a sale needs", ("postgres", "registry", "postings", "switch")),
)
EVENT_LOOP_STALL = histogram(
    "event_loop_stall_seconds",
    "How late a tick of the event loop was that is due every 50 ms",
    "The 99th percentile above 0.05 s: something holds the event loop, or the machine has no processor for"
    " it (look at process_cpu_seconds_total and at the machine's steal time). While it is held nobody is"
    " served.",
)
PAGE_DURATION = histogram(
    "page_duration_seconds",
    "How long the event loop was held to make one HTTP page, a scrape most of all",
    "Above 0.05 s: fewer scrapes, or look for a label with too many values.",
)
SCRAPE_ERRORS = counter(
    "scrape_errors",
    "Metrics that could not be read at a scrape, and were left out of it",
    "Above 0: a defect; the log line `metric_failed` names the metric. Sales are not touched by it.",
)
LOG_LINES_DROPPED = counter(
    "log_lines_dropped",
    "Log lines that were not written because the log took none",
    "It grows: the disk of the log is full, or its reader gone. Sales go on; the log will say how many"
    " lines are missing.",
)

# Requests: rate, errors, duration.

REPLIES = counter(
    "replies",
    "Replies by message and result code",
    "class retry or fault grows: see which `result` it is. A single code that grows among many terminals is"
    " a rule or an offer; on one terminal, a device (`cityswitch journal find`).",
    Label("message", "the request's name in protocol/SPEC.md", MESSAGES),
    Label("code", "the number of the result on the wire"),
    Label("result", "the name of that code", RESULTS),
    Label(
        "class",
        "approved; declined (final, of business); retry (not decided: the terminal asks again); fault (of"
        " terminal or switch)",
        ("approved", "declined", "retry", "fault"),
    ),
)
REQUEST_DURATION = histogram(
    "request_duration_seconds",
    "From the bytes of a request read to its reply written",
    "High with a high commit duration: Postgres or its disk. High without: look at"
    " cityswitch_queue_age_seconds and cityswitch_event_loop_stall_seconds.",
)
REPLAYS = counter(
    "replays",
    "Requests answered from the journal, for their id had been answered before",
    "A rise after a cut of the network is terminals asking again, as they should. A steady rate: a vendor's"
    " terminal that does not take its replies.",
)
REPLIES_DROPPED = counter(
    "replies_dropped",
    "Replies whose connection had gone",
    "It grows: terminals hang up before their answer. See cityswitch_closes_total and the duration.",
)
REQUESTS_SHED = counter(
    "requests_shed",
    'Requests told to "try again" because the ledger is behind',
    "It grows: more comes than can be served, or Postgres has become slow: see"
    " cityswitch_commit_duration_seconds; the capacity page says what a worker takes.",
)

# Connections.

CONNECTIONS = gauge(
    "connections",
    "Authenticated connections that are open",
    "A fall over all workers: the network or a partner's line. See cityswitch_closes_total by reason.",
)
CONNECTIONS_LIMIT = gauge(
    "connections_limit",
    "How many connections this worker takes at most (`connections_max`)",
    "cityswitch_connections near it: raise it, or add workers.",
)
CONNECTIONS_RESTING = gauge(
    "connections_resting",
    "Connections left unread until their allowance is paid back",
    "Above 0 for long: a terminal asks far more than it sells. The log names it.",
)
CONNECTIONS_OPENED = counter(
    "connections_opened",
    "Connections that have authenticated",
    "Far more than there are terminals: they come and go; see cityswitch_closes_total.",
)
CLOSES = counter(
    "closes",
    "Authenticated connections closed, by reason",
    "peer_closed, replaced, drained and terminal_blocked are ordinary. Time-outs: the line or the peer."
    " Faults of frames or tags: a vendor's defect, or somebody on the line: the log line `peer_fault`.",
    Label(
        "reason",
        "why; the last ones are faults of the peer (protocol/SPEC.md, Closing)",
        (
            *(
                "peer_closed",
                "replaced",
                "drained",
                "stopped",
                "terminal_blocked",
                "key_retired",
                "key_expired",
            ),
            *("idle_timeout", "frame_timeout", "write_timeout", "write_error", "outbox_full", "tls"),
            *FAULTS,
        ),
    ),
)
HANDSHAKES = counter(
    "handshakes",
    "Handshakes by what became of them",
    "key: see cityswitch_sign_on_refusals_total. evicted or too_often: a storm of connections. tls,"
    " plain_on_tls_port, tls_on_plain_port: a terminal set up wrongly. certificate_missing,"
    " certificate_refused, certificate_of_others: terminals' own (docs/how-to/terminal-certificates.md).",
    Label(
        "result",
        "accepted, or why not; the last ones are faults of the peer (protocol/SPEC.md, Closing)",
        (
            *("accepted", "evicted", "timeout", "peer_closed", "stopped", "connections_full", "too_often"),
            *("key_refused", "tls", "plain_on_tls_port", "tls_on_plain_port"),
            *("certificate_missing", "certificate_refused", "certificate_of_others"),
            *FAULTS,
        ),
    ),
)
SIGN_ON_REFUSALS = counter(
    "sign_on_refusals",
    "Handshakes whose proof was wrong, by the true cause, which the terminal is not told",
    "wrong_key or generation_unknown on one terminal: issue its key again. unknown_terminal from one"
    " address: somebody tries numbers. key_unreadable: this worker's master key does not open the terminal's;"
    " it is tried again once the key file is another. backing_off: an address that failed as one terminal"
    " tries again before its pause is over. The log line `sign_on_refused` has terminal and address.",
    Label(
        "cause",
        "what the registry says, or that the address is in its pause",
        (
            "wrong_key",
            "unknown_terminal",
            "terminal_blocked",
            "generation_retired",
            "generation_unknown",
            "key_unreadable",
            "key_expired",
            "backing_off",
        ),
    ),
)
HANDSHAKES_IN_PROGRESS = gauge(
    "handshakes_in_progress",
    "Connections that have not authenticated yet",
    "At its limit: strangers hold the door; the oldest make room after a second. Look at the addresses in"
    " the log line `handshake_failed`.",
)
HANDSHAKES_LIMIT = gauge(
    "handshakes_limit",
    "How many connections may be unauthenticated at once (`handshakes_max`)",
    "Raise it if honest terminals wait at the door.",
)
RECEIVED_BYTES = counter(
    "received_bytes",
    "Bytes read from terminals that have authenticated, after TLS",
    "Bytes without requests: somebody sends what is none; see cityswitch_closes_total.",
)
SENT_BYTES = counter(
    "sent_bytes",
    "Bytes of replies handed to the sockets of terminals, before TLS",
    "It stands still while replies are counted: peers take nothing; see cityswitch_closes_total,"
    " write_timeout.",
)

# Work in hand.

IN_FLIGHT = gauge(
    "in_flight",
    "Requests taken and not answered",
    "Near its limit: the ledger is slower than what comes; see cityswitch_commit_duration_seconds.",
)
IN_FLIGHT_LIMIT = gauge(
    "in_flight_limit",
    "How many requests may be in flight (`in_flight_max`); past it sockets are left unread",
    "Raising it makes answers later, not more.",
)
POSTINGS_QUEUED = gauge(
    "postings_queued",
    "Postings submitted to the ledger and not answered, those on their way to Postgres included",
    "It grows without end: Postgres does not answer; see cityswitch_ready_check.",
)
QUEUE_AGE = gauge(
    "queue_age_seconds",
    "How long the oldest posting has waited that was not sent to Postgres yet; 0 if none waits",
    "Above `shed_after_ms` requests are told to try again; above `give_up_ms` postings are given up. Look"
    " at Postgres: locks, disk, connections.",
)
COMMIT_DURATION = histogram(
    "commit_duration_seconds",
    "From sending a batch to Postgres to its commit",
    "It rises with the same batch size: the disk (fsync), a lock, or a standby that is waited for.",
)
BATCH_POSTINGS = histogram(
    "batch_postings",
    "Postings in a committed batch",
    "At `batch_max` for long: the worker is at its capacity.",
)
BATCHES_RETRIED = counter(
    "batches_retried",
    "Batches sent to Postgres again: the connection was lost, or the server asked for it",
    "A few at a failover are ordinary; their ids make them harmless. A steady rate: the network to"
    " Postgres, or sessions that are ended by somebody.",
)
POSTINGS_GIVEN_UP = counter(
    "postings_given_up",
    'Postings told to "try again" because no batch took them within `give_up_ms`',
    "It grows: Postgres is away or too slow; /readyz says which.",
)
POISON_ROWS = counter(
    "poison_rows",
    "Postings that Postgres refused by themselves; their terminals were told SYSTEM_ERROR",
    "Above 0: a defect of the switch, or a schema that is not the one it was made for. The log line"
    " `posting_refused` has terminal, STAN and reason.",
)
INQUIRIES_IN_FLIGHT = gauge(
    "inquiries_in_flight",
    "Questions (sign-on, totals, key change, reports) being put to Postgres",
    "At its limit for long: Postgres is slow in reading, or a terminal asks without end.",
)
VERIFIES_WAITING = gauge(
    "verifies_waiting",
    "VERIFYs whose benefits have limits and that wait for the next read of what is left",
    "Hundreds for long: Postgres reads slowly; who has waited 1.5 s is told to try again.",
)
INQUIRIES_LIMIT = gauge(
    "inquiries_limit",
    "How many questions are put to Postgres at a time",
    "The others wait their turn; sales do not wait for them.",
)
ADVICE_AGE = histogram(
    "advice_age_seconds",
    "Age of an offline sale, by its terminal's clock, when it was posted",
    "Old ones in number: a partner's terminals were off line, or do not send what they keep. Older than the"
    " rules allow (`advice_age_max_days`) they are refused.",
)

# The registry in memory.

FEED_AGE = gauge(
    "feed_age_seconds",
    "How old the registry in this worker's memory may be",
    "Above `feed_stale_after_s` redemptions and benefits are refused. See cityswitch_feed_errors_total and"
    " the log line `database_trouble`.",
)
FEED_STALE = gauge(
    "feed_stale",
    "1 while the registry in memory is too old to redeem by (`feed_stale_after_s`), else 0",
    "1: Postgres cannot be read; a block made now would not be seen here.",
)
FEED_READS = counter(
    "feed_reads",
    "Readings of the registry, one a second at least",
    "It stands still: see cityswitch_feed_age_seconds.",
)
FEED_ERRORS = counter(
    "feed_errors",
    "Readings of the registry that failed",
    "It grows: Postgres, its network or the service's rights; /readyz has the words.",
)
DIRECTORY_CARDS = gauge(
    "directory_cards",
    "Cards in this worker's memory",
    "Workers that differ for more than a second: see their cityswitch_feed_age_seconds.",
)
DIRECTORY_TERMINALS = gauge(
    "directory_terminals",
    "Terminals in this worker's memory",
    "Workers that differ for more than a second: see their cityswitch_feed_age_seconds.",
)
CERTIFICATE_EXPIRY = gauge(
    "certificate_expiry_timestamp_seconds",
    "When the certificate of the terminals' port expires, Unix time",
    "Less than two weeks ahead: renew it and send SIGHUP to the supervisor; the value moves then.",
    where="where terminals speak TLS",
)
REVOCATIONS_EXPIRY = gauge(
    "revocations_expiry_timestamp_seconds",
    "When the first of the lists of terminals' revoked certificates ends, Unix time",
    "Less than a week ahead: have the authority make a newer list, put it in its place and send SIGHUP to the"
    " supervisor; the value moves then. Past it nobody is let in.",
    where="where `tls_client_crl` is set",
)

# What Linux says of the process: names of Prometheus' own conventions.

PROCESS_CPU = Metric(
    name="process_cpu_seconds_total",
    kind=Kind.COUNTER,
    help="Processor time used, user and system",
    advice="Near one second a second the worker is at its capacity: add workers.",
)
PROCESS_RESIDENT = Metric(
    name="process_resident_memory_bytes",
    kind=Kind.GAUGE,
    help="Memory in use",
    advice="About 180 bytes a card above what an empty switch takes. Growth without new cards: a defect.",
)
PROCESS_VIRTUAL = Metric(
    name="process_virtual_memory_bytes",
    kind=Kind.GAUGE,
    help="Address space in use",
    advice="Of no meaning by itself.",
)
PROCESS_START = Metric(
    name="process_start_time_seconds",
    kind=Kind.GAUGE,
    help="When the process started, Unix time",
    advice="As cityswitch_start_time_seconds, by the kernel's account.",
)
PROCESS_OPEN_FDS = Metric(
    name="process_open_fds",
    kind=Kind.GAUGE,
    help="Open file descriptors",
    advice="Near process_max_fds no connection can be accepted: raise LimitNOFILE.",
)
PROCESS_MAX_FDS = Metric(
    name="process_max_fds",
    kind=Kind.GAUGE,
    help="How many file descriptors the process may have",
    advice="It should be above connections_limit + handshakes_limit + 100.",
)
