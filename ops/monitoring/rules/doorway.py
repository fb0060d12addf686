"""Alerts on who comes in: certificates, keys, handshakes, connections, terminals that do not come.

Owns the symptoms of the way in. Must not know what is asked once a terminal is in. Invariant: what strangers
can bring about alone wakes nobody.
"""

from __future__ import annotations

from ops.monitoring.rules.shape import Alert, Group, Severity, Times

CERTIFICATE: str = "min by (job) (cityswitch_certificate_expiry_timestamp_seconds) - time()"
REVOCATIONS: str = "min by (job) (cityswitch_revocations_expiry_timestamp_seconds) - time()"
OUR_LINE: str = "accepted|peer_closed|key"
"""Results of handshakes that are no fault of the line: `key` has causes of its own (sign-on refusals)."""


def alerts(times: Times) -> Group:
    """Return the alerts on the way in."""
    return Group("cityswitch_doorway", (*_papers(times), *_handshakes(times), *_terminals(times)))


def _papers(times: Times) -> tuple[Alert, ...]:
    return (
        Alert(
            "CityswitchCertificateExpiring",
            f"{CERTIFICATE} < 21 * 86400",
            "1h",
            Severity.TICKET,
            "The terminals' certificate expires within three weeks",
            """The certificate of the terminals' port is valid for {{ $value | humanizeDuration }} more.
            Nobody notices anything until then; from that moment no terminal can connect.""",
        ),
        Alert(
            "CityswitchCertificateExpired",
            f"{CERTIFICATE} < 2 * 86400",
            "0m",
            Severity.PAGE,
            "The terminals' certificate expires within two days, or has expired",
            """The certificate of the terminals' port is valid for {{ $value | humanizeDuration }} more
            (negative: it has expired). Once it has, every terminal that has to connect anew is off
            line, until the whole city is; those on line go on.""",
        ),
        Alert(
            "CityswitchRevocationsExpiring",
            f"{REVOCATIONS} < 7 * 86400",
            "1h",
            Severity.TICKET,
            "A list of revoked terminals' certificates ends within a week",
            """The lists of revoked certificates (`tls_client_crl`) hold for {{ $value |
            humanizeDuration }} more. Nobody notices anything until then; from that moment no terminal
            can connect.""",
        ),
        Alert(
            "CityswitchRevocationsExpired",
            f"{REVOCATIONS} < 86400",
            "0m",
            Severity.PAGE,
            "A list of revoked terminals' certificates ends within a day, or has ended",
            """The lists of revoked certificates (`tls_client_crl`) hold for {{ $value |
            humanizeDuration }} more (negative: one has ended). Once one has, every terminal that has to
            connect anew is off line, until the whole city is; those on line go on.""",
        ),
        Alert(
            "CityswitchTerminalKeysExpiring",
            "max by (job, programme) (cityswitch_terminal_keys_expiring) > 0",
            "1h",
            Severity.TICKET,
            "Keys of terminals end within two weeks",
            """{{ $value }} terminals of programme {{ $labels.programme }} have a key that ends within 14
            days, and no newer one in use. When it ends those tills cannot sign on.""",
        ),
    )


def _handshakes(times: Times) -> tuple[Alert, ...]:
    rate = times.window("5m")
    return (
        Alert(
            "CityswitchSignOnsRefused",
            f"sum by (job, cause) (rate(cityswitch_sign_on_refusals_total[{rate}])) > 0.1",
            "5m",
            Severity.TICKET,
            "Terminals are refused at sign-on",
            """{{ $value | humanize }} sign-ons a second are refused by cause "{{ $labels.cause }}".
            Either tills were given a wrong key, or somebody tries keys. The cashier sees that there
            is no connection.""",
        ),
        Alert(
            "CityswitchHandshakesFailing",
            f'sum by (job, result) (rate(cityswitch_handshakes_total{{result!~"{OUR_LINE}"}}[{rate}])) > 0.5',
            "5m",
            Severity.TICKET,
            "Connections fail before a terminal signs on",
            """{{ $value | humanize }} connections a second end with "{{ $labels.result }}" before
            sign-on. If they are terminals, their tills are off line; if they are strangers, tills
            feel nothing.""",
        ),
        Alert(
            "CityswitchDoorwayFull",
            "cityswitch_handshakes_in_progress / cityswitch_handshakes_limit > 0.9",
            "2m",
            Severity.TICKET,
            "The doorway is full of connections that do not sign on",
            """{{ $value | humanizePercentage }} of the places for connections that have not signed on
            are taken at worker {{ $labels.instance }}. Terminals on line go on; one that connects
            anew may need several attempts.""",
        ),
        Alert(
            "CityswitchConnectionsNearlyFull",
            "cityswitch_connections / cityswitch_connections_limit > 0.9",
            "5m",
            Severity.TICKET,
            "A worker has nearly all the terminals it may have",
            """Worker {{ $labels.instance }} has {{ $value | humanizePercentage }} of the connections it
            may have. At 100 % the next till is refused at sign-on and stays off line.""",
        ),
        Alert(
            "CityswitchRepliesLost",
            f"""
sum by (job) (rate(cityswitch_replies_dropped_total[{rate}]))
  / sum by (job) (rate(cityswitch_replies_total[{rate}])) > 0.02""",
            "10m",
            Severity.TICKET,
            "Terminals are gone before their answer comes",
            """{{ $value | humanizePercentage }} of the answers found the line cut. Tills ask again and
            get the same answer, so no sale is lost or doubled, but each takes longer. A provider's
            network is likely to be bad.""",
        ),
    )


def _terminals(times: Times) -> tuple[Alert, ...]:
    return (
        Alert(
            "CityswitchTerminalsSilent",
            """
max by (job, programme) (cityswitch_terminals_silent)
  > 0.1 * max by (job, programme) (cityswitch_terminals{state="active"})""",
            "15m",
            Severity.TICKET,
            "More terminals than usual are silent",
            """{{ $value }} terminals of programme {{ $labels.programme }} have been silent for longer
            than usual, more than a tenth of all. Those shops cannot serve holders of the card, or do
            not use it any more; mostly it is one provider's line.""",
        ),
    )
