"""Terminals and partners: who is on line, who is turned away and why, whose till has fallen silent."""

from __future__ import annotations

from typing import Final

from ops.monitoring.dashboards.panel import (
    Dashboard,
    Panel,
    Query,
    Section,
    Unit,
    bad_above,
    quantile,
    rate,
)

LINES: Final = Section(
    "Lines",
    (
        Panel(
            "Connections",
            "Authenticated connections by worker. A fall over all workers: the network or a partner's line;"
            " see closes by reason.",
            Unit.COUNT,
            (Query("cityswitch_connections{@}", "{{instance}}"),),
            width=6,
        ),
        Panel(
            "Share of the connections allowed",
            "Connections of a worker, of those it takes at most (`connections_max`). Near 100 %: raise it, or"
            " add workers.",
            Unit.SHARE,
            (Query("cityswitch_connections{@} / cityswitch_connections_limit{@}", "{{instance}}"),),
            thresholds=bad_above(0.7, 0.9),
            most=1,
            width=6,
        ),
        Panel(
            "Connections at rest",
            "Connections left unread until their allowance is paid back, by worker. Above 0 for long: a"
            " terminal asks far more than it sells; the log names it.",
            Unit.COUNT,
            (Query("cityswitch_connections_resting{@}", "{{instance}}"),),
            thresholds=bad_above(1),
            steady="tills ask for less than their allowance",
            width=6,
        ),
        Panel(
            "Connections opened and closed",
            "Connections that authenticated, and those that closed, by reason. peer_closed, replaced, drained"
            " and terminal_blocked are ordinary; faults of frames or tags are a vendor's defect.",
            Unit.PER_SECOND,
            (
                rate("cityswitch_connections_opened_total", "opened"),
                rate("cityswitch_closes_total", "closed: {{reason}}", by="reason"),
            ),
            width=6,
        ),
    ),
)

DOOR: Final = Section(
    "At the door",
    (
        Panel(
            "Handshakes by result",
            "accepted, or why not. key: see refusals by cause. evicted, too_often: a storm of connections."
            " tls, plain_on_tls_port, certificate_…: a terminal set up wrongly.",
            Unit.PER_SECOND,
            (rate("cityswitch_handshakes_total", "{{result}}", by="result"),),
        ),
        Panel(
            "Refused sign-ons by true cause",
            "Why a terminal's proof was wrong, which the terminal is not told. wrong_key on one terminal:"
            " issue its key again. unknown_terminal from one address: somebody tries numbers.",
            Unit.PER_SECOND,
            (rate("cityswitch_sign_on_refusals_total", "{{cause}}", by="cause"),),
        ),
        Panel(
            "Unauthenticated connections",
            "Connections that have not authenticated yet, of those allowed at once. Near 100 %: strangers"
            " hold the door; the oldest make room.",
            Unit.SHARE,
            (
                Query(
                    "max(cityswitch_handshakes_in_progress{@} / cityswitch_handshakes_limit{@})",
                    "fullest worker",
                ),
            ),
            thresholds=bad_above(0.5, 0.9),
            most=1,
            steady="a handshake on loopback is over between two scrapes",
        ),
    ),
)

TRAFFIC: Final = Section(
    "Traffic",
    (
        Panel(
            "Bytes",
            "Bytes of authenticated terminals, inside TLS. Received without sent: peers take nothing, or send"
            " what is no request.",
            Unit.BYTES_PER_SECOND,
            (
                rate("cityswitch_received_bytes_total", "received"),
                rate("cityswitch_sent_bytes_total", "sent"),
            ),
        ),
        Panel(
            "Asked again, and answered to nobody",
            "Requests answered from the journal because their id had been answered before, and replies whose"
            " connection had gone. A steady rate: a vendor's terminal that does not take its replies.",
            Unit.PER_SECOND,
            (
                rate("cityswitch_replays_total", "answered from the journal"),
                rate("cityswitch_replies_dropped_total", "connection gone"),
            ),
            steady="replies_dropped counts only where a line breaks between request and reply",
        ),
        Panel(
            "Age of offline sales",
            "How old a sale was, by its terminal's clock, that was made off line and posted later. Old ones"
            " in number: a partner's terminals were off line.",
            Unit.SECONDS,
            (
                quantile(0.5, "cityswitch_advice_age_seconds", "p50"),
                quantile(0.99, "cityswitch_advice_age_seconds", "p99"),
            ),
            steady="where lines hold every sale is posted within its first minute",
        ),
    ),
)

REGISTRY: Final = Section(
    "In the registry",
    (
        Panel(
            "Terminals",
            "Terminals by what the registry says of them. More blocked than you know of: `cityswitch audit`"
            " says who blocked them.",
            Unit.COUNT,
            (
                Query(
                    'max by (programme, state) (cityswitch_terminals{@,programme=~"$programme"})',
                    "{{programme}}: {{state}}",
                ),
            ),
            steady="nobody adds or blocks a terminal",
        ),
        Panel(
            "Silent for longer than usual",
            "Active terminals that sold before and now have sold nothing for longer than usual. Ask the"
            " partner: is the till off, replaced, off line?",
            Unit.COUNT,
            (
                Query(
                    'max by (programme) (cityswitch_terminals_silent{@,programme=~"$programme"})',
                    "{{programme}}",
                ),
            ),
            thresholds=bad_above(1),
            steady="it takes two days without a sale",
        ),
        Panel(
            "Keys that end within 14 days",
            "Active terminals whose last usable key ends soon: issue the next one (`cityswitch terminals key"
            " issue`), or have the terminal change it.",
            Unit.COUNT,
            (
                Query(
                    'max by (programme) (cityswitch_terminal_keys_expiring{@,programme=~"$programme"})',
                    "{{programme}}",
                ),
            ),
            thresholds=bad_above(1),
            steady="keys of a new city do not end",
        ),
    ),
)

TERMINALS: Final = Dashboard(
    "cityswitch-terminals",
    "cityswitch: terminals and partners",
    "Who is on line, who is turned away and why, whose till has fallen silent.",
    (LINES, DOOR, TRAFFIC, REGISTRY),
    has_programme=True,
)
