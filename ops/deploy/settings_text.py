"""What each setting of the switch means, and when it is to be changed.

Owns the words alone: names, defaults and bounds are `switch.config`'s. Invariant: every setting has its
words, and no other has any (tests/deploy/test_configuration.py).
"""

from __future__ import annotations

from typing import Final, NamedTuple


class Said(NamedTuple):
    """What a setting means, and when to change it."""

    meaning: str
    change: str


SETTINGS: Final[dict[str, Said]] = {
    "listen_host": Said(
        "Address terminals connect to.",
        "For terminals outside this machine: 0.0.0.0 or ::, and then TLS is wanted.",
    ),
    "listen_port": Said(
        "Port terminals connect to; 0: any free one.",
        "Another program has it.",
    ),
    "port_shared": Said(
        "Whether another switch of this user on this machine may listen on the same port.",
        "For the switch that takes over in an upgrade: docs/how-to/upgrade.md.",
    ),
    "http_host": Said(
        "Address of metrics and health.",
        "Prometheus asks from another machine; nothing there asks for a password.",
    ),
    "http_port": Said(
        "Port of the first worker's metrics and health, each further worker one more; 0: any free ones.",
        "Another program has one of them.",
    ),
    "workers": Said(
        "Worker processes that share the terminals' port.",
        "One per core that is left beside Postgres.",
    ),
    "dsn": Said(
        "The database as the switch's own role, cityswitch_service; empty: the embedded Postgres of "
        "state_dir, for development.",
        "Always, outside of development.",
    ),
    "owner_dsn": Said(
        "The database as the owner of the books, for commands that change registry or schema; `serve` does "
        "not use it.",
        "Better given to operators as CITYSWITCH_OWNER_DSN than written into the switch's file.",
    ),
    "state_dir": Said(
        "Folder of the note that says where the switch listens, its lock, and the embedded Postgres.",
        "Always, outside of development: /var/lib/cityswitch. A second switch on one machine needs another.",
    ),
    "master_key_file": Said(
        "File of the master key; empty: master.key in state_dir, for development.",
        "Always, outside of development: a file outside of state_dir.",
    ),
    "tls": Said(
        "Whether terminals speak TLS 1.3; auto: wherever listen_host is not loopback.",
        "off, where something in front of the switch does it; on, to try it on loopback.",
    ),
    "tls_certificate": Said(
        "File of the certificate terminals see, the chain after it.",
        "With TLS. A renewed file is read on SIGHUP.",
    ),
    "tls_key": Said(
        "File of the certificate's private key.",
        "With TLS. A renewed file is read on SIGHUP.",
    ),
    "tls_client_ca": Said(
        "File of the authorities whose certificates terminals have to show; empty: none is asked for.",
        "Where whoever has a terminal's key is not to be that terminal without its certificate "
        "(docs/how-to/terminal-certificates.md).",
    ),
    "tls_client_crl": Said(
        "File of the lists of certificates those authorities have revoked; empty: none is.",
        "With tls_client_ca. Read on SIGHUP; past the end of a list nobody is let in.",
    ),
    "connections_max": Said(
        "Signed-on connections a worker holds; past it nobody more is accepted.",
        "A city has more terminals than workers times this; mind the limit of open files.",
    ),
    "handshakes_max": Said(
        "Connections of a worker that have not signed on yet; past it the oldest makes room.",
        "cityswitch_handshakes_in_progress stands at it while honest terminals wait.",
    ),
    "in_flight_per_connection_max": Said(
        "Requests of one connection that may be unanswered; what comes beyond waits in its socket.",
        "A concentrator sends more at once.",
    ),
    "in_flight_per_card_max": Said(
        "Postings of one card that may be unanswered in a worker; past it that card's new business is told "
        "to try again.",
        "Hardly ever.",
    ),
    "in_flight_max": Said(
        "Requests that may be unanswered in a worker; past it the sockets are left unread.",
        "cityswitch_in_flight stands at it while Postgres has time left.",
    ),
    "outbox_bytes_max": Said(
        "Bytes of replies that wait for a peer that does not read; past it its connection is closed.",
        "Concentrators over slow lines are closed for it.",
    ),
    "batch_max": Said(
        "Postings in one statement to Postgres.",
        "Hardly ever; a measurement with `cityswitch bench` first.",
    ),
    "committers": Said(
        "Batches of a worker that may be on their way to Postgres at once; each holds two connections.",
        "Hardly ever; a measurement with `cityswitch bench` first.",
    ),
    "handshake_s": Said(
        "Time a connection has to sign on.",
        "Terminals over very slow lines.",
    ),
    "frame_s": Said(
        "Time a frame has to arrive whole once it has begun.",
        "Terminals over very slow lines.",
    ),
    "write_s": Said(
        "Time a peer has to take what is written to it.",
        "Terminals over very slow lines.",
    ),
    "idle_s": Said(
        "Time a connection without a request is kept.",
        "Terminals that ping less often than this are to stay connected.",
    ),
    "drain_s": Said(
        "Time what is in flight has to be answered in when the switch ends.",
        "A unit's TimeoutStopSec must be longer than drain_s + write_s + 10 s.",
    ),
    "worker_silent_s": Said(
        "Time after which a worker whose event loop stands still is killed and started again.",
        "A machine that is stopped for seconds, as in a snapshot.",
    ),
    "give_up_ms": Said(
        'Time after which a posting that Postgres has not taken is answered "try again"; half of it a VERIFY '
        "may wait for its read, and half the read may take.",
        "Terminals wait longer or shorter for an answer than some seconds.",
    ),
    "shed_after_ms": Said(
        "Time a posting waits for more than a batch before some new business is told to try again.",
        "Answers later than this are still useful, or no longer.",
    ),
    "feed_stale_after_s": Said(
        "Age of the registry in memory past which nothing is redeemed or granted.",
        "Hardly ever: it is how long a blocked card may still pay while the database is away.",
    ),
    "second_person_over_rows": Said(
        "Most rows one command changes without --second, which names who else agreed; 0: any number.",
        "The organiser wants four eyes on imports.",
    ),
    "log_level": Said(
        "Least level that is logged; at debug every approved transaction is a line.",
        "A fault is looked for.",
    ),
}
