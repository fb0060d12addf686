"""The scenarios of scenarios.json: whole dialogues with the switch, as data that a vendor's tests can play.

Owns what is said in each and in which order; `make_scenarios` writes the file. What only the switch can know
(transaction ids, times, receipts) has a name instead of a value: the first reply that holds it gives the
value, and every later one must hold the same. Knows nothing of bytes: STANs and times are the player's to
give. Invariant: a scenario needs nothing of another one, and leaves nothing on the line.
"""

from __future__ import annotations

from typing import Any, TypeAlias

Step: TypeAlias = dict[str, Any]

CARD, OTHER = "$card", "$other"
NOW = "$now"


def send(message: str, stan: int, how: dict[str, Any] | None = None, /, **fields: Any) -> Step:
    """A request; `how`: sent again, encoded or cut in an unusual way."""
    return {"send": {"message": message, "stan": stan, "terminal_time": NOW} | fields} | (how or {})


AGAIN: dict[str, Any] = {"repeat": True}
WIDEST: dict[str, Any] = {"encoding": "widest"}


def expect(message: str, stan: int, code: int, /, **fields: Any) -> Step:
    """The reply to it."""
    return {"expect": {"message": message, "stan": stan, "code": code} | fields}


def figures(
    message: str, stan: int, code: int, amount_points_balance: tuple[int, int, int], *, kept: bool = True
) -> Step:
    """A reply with a receipt; what is kept of it has the names that its repeats must hold, too."""
    named = {"transaction_id": f"$id_{stan}", "server_time_ms": f"$ms_{stan}", "receipt": f"$receipt_{stan}"}
    fresh = {"transaction_id": 0, "server_time_ms": "$any", "receipt": "$any"}
    rest = dict(zip(("amount_grosze", "points", "balance"), amount_points_balance, strict=True))
    return expect(message, stan, code, **(named if kept else fresh), **rest)


def original(step: Step) -> dict[str, Any]:
    """The fields of an earlier reply, as STATUS gives them."""
    return {name: value for name, value in step["expect"].items() if name != "message"}


EARN_1 = {"card": CARD, "amount": 12_345}
EARNED_1 = figures("EARN", 1, 0, (12_345, 12, 12))

SCENARIOS: list[tuple[str, str, list[Step]]] = [
    (
        "earn, balance, redeem",
        "A purchase of 1,000.00 zł gives 100 points, which buy a rebate of 10.00 zł.",
        [
            send("EARN", 1, card=CARD, amount=100_000),
            figures("EARN", 1, 0, (100_000, 100, 100)),
            send("BALANCE", 2, card=CARD),
            figures("BALANCE", 2, 0, (0, 0, 100), kept=False),
            send("REDEEM", 3, card=CARD, tier=100),
            figures("REDEEM", 3, 0, (1_000, -100, 0)),
            send("REDEEM", 4, card=CARD, tier=100),
            figures("REDEEM", 4, 60, (0, 0, 0)),
        ],
    ),
    (
        "retry",
        "The reply was lost: the same body again gives the stored reply, with the repeat bit or without, and "
        "nothing happens twice.",
        [
            send("EARN", 1, **EARN_1),
            EARNED_1,
            send("EARN", 1, AGAIN, **EARN_1),
            EARNED_1,
            {"reconnect": True},
            send("EARN", 1, AGAIN, **EARN_1),
            EARNED_1,
            send("EARN", 1, **EARN_1),
            EARNED_1,
            send("BALANCE", 2, card=CARD),
            figures("BALANCE", 2, 0, (0, 0, 12), kept=False),
        ],
    ),
    (
        "retry of a refusal",
        "A refused request never posts later: its repeat is refused with the same reply, though points came "
        "in between.",
        [
            send("REDEEM", 1, card=CARD, tier=100),
            figures("REDEEM", 1, 60, (0, 0, 0)),
            send("EARN", 2, card=CARD, amount=200_000),
            figures("EARN", 2, 0, (200_000, 200, 200)),
            send("REDEEM", 1, AGAIN, card=CARD, tier=100),
            figures("REDEEM", 1, 60, (0, 0, 0)),
        ],
    ),
    (
        "conflict",
        "Another body, another message, or the same fields encoded differently under a STAN that was used.",
        [
            send("EARN", 1, **EARN_1),
            EARNED_1,
            send("EARN", 1, AGAIN, card=CARD, amount=12_346),
            figures("EARN", 1, 21, (0, 0, 0), kept=False),
            send("REDEEM", 1, card=CARD, tier=100),
            figures("REDEEM", 1, 21, (0, 0, 0), kept=False),
            send("EARN", 1, AGAIN | WIDEST, **EARN_1),
            figures("EARN", 1, 21, (0, 0, 0), kept=False),
            send("EARN", 1, AGAIN, **EARN_1),
            EARNED_1,
        ],
    ),
    (
            "reverse",
        "A reversal posts the mirror. It may be repeated; a second one, or one of a refusal, does nothing.",
        [
            send("EARN", 1, **EARN_1),
            EARNED_1,
            send("REVERSAL", 2, card=CARD, original_stan=1),
            figures("REVERSAL", 2, 0, (12_345, -12, 0)),
            send("REVERSAL", 2, AGAIN, card=CARD, original_stan=1),
            figures("REVERSAL", 2, 0, (12_345, -12, 0)),
            send("REVERSAL", 3, card=CARD, original_stan=1),
            figures("REVERSAL", 3, 2, (0, 0, 0)),
            send("EARN", 4, card=CARD, amount=0),
            figures("EARN", 4, 50, (0, 0, 0)),
            send("REVERSAL", 5, card=CARD, original_stan=4),
            figures("REVERSAL", 5, 2, (0, 0, 0)),
            send("REVERSAL", 6, card=CARD, original_stan=2),
            figures("REVERSAL", 6, 23, (0, 0, 0)),
            send("EARN", 1, AGAIN, **EARN_1),
            EARNED_1,
            send("REVERSAL", 4, card=CARD, original_stan=1),
            figures("REVERSAL", 4, 21, (0, 0, 0), kept=False),
        ],
    ),
    (
        "reverse a redemption whose points were spent again",
        "A reversal is never refused on business grounds: the balance may go below zero by it.",
        [
            send("EARN", 1, card=CARD, amount=100_000),
            figures("EARN", 1, 0, (100_000, 100, 100)),
            send("REDEEM", 2, card=CARD, tier=100),
            figures("REDEEM", 2, 0, (1_000, -100, 0)),
            send("REVERSAL", 3, card=CARD, original_stan=1),
            figures("REVERSAL", 3, 0, (100_000, -100, -100)),
            send("REVERSAL", 4, card=CARD, original_stan=2),
            figures("REVERSAL", 4, 0, (1_000, 100, 0)),
        ],
    ),
    (
        "reverse before the original",
        "The reversal overtakes its original and cancels it, for good.",
        [
            send("REVERSAL", 2, card=CARD, original_stan=1),
            figures("REVERSAL", 2, 1, (0, 0, 0)),
            send("EARN", 1, AGAIN, **EARN_1),
            figures("EARN", 1, 24, (0, 0, 0)),
            send("EARN", 1, AGAIN, card=CARD, amount=99),
            figures("EARN", 1, 24, (0, 0, 0)),
            send("STATUS", 3, card=CARD, original_stan=1),
            expect("STATUS", 3, 25, server_time_ms="$any", original=None),
            send("REVERSAL", 4, card=CARD, original_stan=1),
            figures("REVERSAL", 4, 2, (0, 0, 0)),
        ],
    ),
    (
        "status",
        "STATUS gives the stored reply of what was decided, a refusal's too, however often it is asked.",
        [
            send("EARN", 1, **EARN_1),
            EARNED_1,
            send("STATUS", 2, card=CARD, original_stan=1),
            expect("STATUS", 2, 0, server_time_ms="$any", original=original(EARNED_1)),
            send("REDEEM", 3, card=CARD, tier=100),
            figures("REDEEM", 3, 60, (0, 0, 12)),
            send("STATUS", 4, card=CARD, original_stan=3),
            expect(
                "STATUS",
                4,
                0,
                server_time_ms="$any",
                original=original(figures("REDEEM", 3, 60, (0, 0, 12))),
            ),
            send("STATUS", 4, AGAIN, card=CARD, original_stan=1),
            expect("STATUS", 4, 0, server_time_ms="$any", original=original(EARNED_1)),
            send("REVERSAL", 5, card=CARD, original_stan=1),
            figures("REVERSAL", 5, 0, (12_345, -12, 0)),
            send("STATUS", 6, card=CARD, original_stan=1),
            expect("STATUS", 6, 0, server_time_ms="$any", original=original(EARNED_1)),
            send("STATUS", 7, card=CARD, original_stan=5),
            expect(
                "STATUS",
                7,
                0,
                server_time_ms="$any",
                original=original(figures("REVERSAL", 5, 0, (12_345, -12, 0))),
            ),
        ],
    ),
    (
        "status of what never arrived",
        "STATUS settles a STAN that the switch has not seen: it will not be executed even if it still comes.",
        [
            send("STATUS", 2, card=CARD, original_stan=1),
            expect("STATUS", 2, 25, server_time_ms="$any", original=None),
            send("EARN", 1, AGAIN, **EARN_1),
            figures("EARN", 1, 24, (0, 0, 0)),
            send("STATUS", 3, card=CARD, original_stan=1),
            expect("STATUS", 3, 25, server_time_ms="$any", original=None),
            send("STATUS", 5, card=CARD, original_stan=4),
            expect("STATUS", 5, 25, server_time_ms="$any", original=None),
            send("REVERSAL", 4, card=CARD, original_stan=1),
            figures("REVERSAL", 4, 24, (0, 0, 0)),
        ],
    ),
    (
        "an original that is not this one's",
        "Another card than the original's, or a STAN not below the request's own: nothing is settled.",
        [
            send("EARN", 1, **EARN_1),
            EARNED_1,
            send("REVERSAL", 2, card=OTHER, original_stan=1),
            figures("REVERSAL", 2, 22, (0, 0, 0)),
            send("STATUS", 3, card=OTHER, original_stan=1),
            expect("STATUS", 3, 22, server_time_ms="$any", original=None),
            send("STATUS", 4, card=CARD, original_stan=7),
            expect("STATUS", 4, 22, server_time_ms="$any", original=None),
            send("REVERSAL", 5, card=CARD, original_stan=7),
            figures("REVERSAL", 5, 22, (0, 0, 0)),
            send("REVERSAL", 6, card=CARD, original_stan=6),
            figures("REVERSAL", 6, 22, (0, 0, 0)),
            send("EARN", 7, card=CARD, amount=1_000),
            figures("EARN", 7, 0, (1_000, 1, 13)),
        ],
    ),
    (
        "the STAN of an inquiry",
        "Of BALANCE the switch keeps nothing: its repeat is asked anew, and its STAN counts as not used. (A "
        "terminal uses none twice all the same.)",
        [
            send("BALANCE", 1, card=CARD),
            figures("BALANCE", 1, 0, (0, 0, 0), kept=False),
            send("EARN", 2, card=CARD, amount=1_000),
            figures("EARN", 2, 0, (1_000, 1, 1)),
            send("BALANCE", 1, AGAIN, card=CARD),
            figures("BALANCE", 1, 0, (0, 0, 1), kept=False),
            send("EARN", 1, card=CARD, amount=2_000),
            figures("EARN", 1, 0, (2_000, 2, 3)),
            send("BALANCE", 1, AGAIN, card=CARD),
            figures("BALANCE", 1, 0, (0, 0, 3), kept=False),
        ],
    ),
    (
        "sold offline",
        "An advice is judged by the time of its sale, and refused if that is too long ago or still to come.",
        [
            send("EARN_ADVICE", 1, card=CARD, amount=4_999, terminal_time="$now-3600"),
            figures("EARN_ADVICE", 1, 0, (4_999, 4, 4)),
            send("EARN_ADVICE", 1, AGAIN, card=CARD, amount=4_999, terminal_time="$now-3600"),
            figures("EARN_ADVICE", 1, 0, (4_999, 4, 4)),
            send("EARN_ADVICE", 2, card=CARD, amount=4_999, terminal_time="$now-864000"),
            figures("EARN_ADVICE", 2, 32, (4_999, 0, 4)),
            send("EARN_ADVICE", 3, card=CARD, amount=4_999, terminal_time="$now+3600"),
            figures("EARN_ADVICE", 3, 32, (4_999, 0, 4)),
            send("EARN_ADVICE", 5, card=CARD, amount=4_999),
            figures("EARN_ADVICE", 5, 0, (4_999, 4, 8)),
            send("REVERSAL", 6, card=CARD, original_stan=5),
            figures("REVERSAL", 6, 0, (4_999, -4, 4)),
            send("REVERSAL", 8, card=CARD, original_stan=7),
            figures("REVERSAL", 8, 1, (0, 0, 4)),
            send("EARN_ADVICE", 7, AGAIN, card=CARD, amount=4_999),
            figures("EARN_ADVICE", 7, 24, (0, 0, 4)),
            send("EARN_ADVICE", 1, AGAIN, card=CARD, amount=5_000, terminal_time="$now-3600"),
            figures("EARN_ADVICE", 1, 21, (0, 0, 0), kept=False),
        ],
    ),
    (
        "refused",
        "Wrong amounts, tiers and cards: an EARN comes back with its amount, a REDEEM with none.",
        [
            send("EARN", 1, card=CARD, amount=0),
            figures("EARN", 1, 50, (0, 0, 0)),
            send("EARN", 2, card=CARD, amount=-100),
            figures("EARN", 2, 51, (-100, 0, 0)),
            send("EARN", 3, card=CARD, amount=1_000_000_000_000),
            figures("EARN", 3, 52, (1_000_000_000_000, 0, 0)),
            send("REDEEM", 4, card=CARD, tier=101),
            figures("REDEEM", 4, 53, (0, 0, 0)),
            send("EARN", 5, card="$unknown", amount=12_345),
            figures("EARN", 5, 41, (12_345, 0, 0)),
            send("REDEEM", 6, card="$unknown", tier=100),
            figures("REDEEM", 6, 41, (0, 0, 0)),
            send("BALANCE", 7, card="$unknown"),
            figures("BALANCE", 7, 41, (0, 0, 0), kept=False),
            send("EARN", 8, card="$blocked", amount=12_345),
            figures("EARN", 8, 45, (12_345, 0, 0)),
            send("EARN", 9, card="$elsewhere", amount=12_345),
            figures("EARN", 9, 42, (12_345, 0, 0)),
            send("BALANCE", 10, card="$elsewhere"),
            figures("BALANCE", 10, 42, (0, 0, 0), kept=False),
            send("REVERSAL", 11, card="$elsewhere", original_stan=1),
            figures("REVERSAL", 11, 22, (0, 0, 0)),
            send("STATUS", 12, card="$elsewhere", original_stan=1),
            expect("STATUS", 12, 22, server_time_ms="$any", original=None),
        ],
    ),
    (
        "what a reader may read",
        "Any text of up to 255 bytes is answered; the line stays up.",
        [
            send("EARN", 1, card="", amount=1_000),
            figures("EARN", 1, 40, (1_000, 0, 0)),
            send("EARN", 2, card="9" * 255, amount=1_000),
            figures("EARN", 2, 40, (1_000, 0, 0)),
            send("EARN", 3, card="ż" * 127, amount=1_000),
            figures("EARN", 3, 40, (1_000, 0, 0)),
            send("EARN", 4, card=";$card=4912101?", amount=1_000),
            figures("EARN", 4, 0, (1_000, 1, 1)),
            send("EARN", 5, card="$cardD4912101F", amount=1_000),
            figures("EARN", 5, 0, (1_000, 1, 2)),
            send("REVERSAL", 6, card=CARD, original_stan=5),
            figures("REVERSAL", 6, 0, (1_000, -1, 1)),
            send("EARN", 7, card="9" * 256, amount=1_000),
            {"expect_closed": True},
            {"reconnect": True},
            send("ECHO", 8),
            expect("ECHO", 8, 0, server_time_ms="$any"),
        ],
    ),
    (
        "a stream cut anywhere",
        "TCP keeps no message borders: byte by byte, or three frames in one write, it is the same dialogue.",
        [
            send("EARN", 1, {"cut": "every byte"}, **EARN_1),
            EARNED_1,
            {
                "together": [
                    send("REVERSAL", 2, card=CARD, original_stan=1),
                    send("EARN", 3, card=CARD, amount=1_000),
                    send("ECHO", 4),
                ]
            },
            figures("REVERSAL", 2, 0, (12_345, -12, 0)),
            figures("EARN", 3, 0, (1_000, 1, 1)),
            expect("ECHO", 4, 0, server_time_ms="$any"),
            {
                "together": [
                    send("EARN", 5, card=CARD, amount=2_000),
                    send("EARN", 5, AGAIN, card=CARD, amount=2_000),
                ],
                "cut": "halves",
            },
            figures("EARN", 5, 0, (2_000, 2, 3)),
            figures("EARN", 5, 0, (2_000, 2, 3)),
        ],
    ),
    (
        "msgpack in its widest form",
        "Every width of a type is read; what was sent first, in whatever form, is what must be repeated.",
        [
            send("EARN", 1, WIDEST, **EARN_1),
            EARNED_1,
            send("EARN", 1, WIDEST | AGAIN, **EARN_1),
            EARNED_1,
            send("EARN", 1, AGAIN, **EARN_1),
            figures("EARN", 1, 21, (0, 0, 0), kept=False),
        ],
    ),
    (
        "a day's sums",
        "TOTALS over the STANs of this scenario; wrong sums, too many STANs; then the terminal signs off.",
        [
            send("SIGN_ON", 1, software="acme-pos 1.4.2"),
            expect("SIGN_ON", 1, 0),
            send("EARN", 2, card=CARD, amount=100_000),
            figures("EARN", 2, 0, (100_000, 100, 100)),
            send("REDEEM", 3, card=CARD, tier=100),
            figures("REDEEM", 3, 0, (1_000, -100, 0)),
            send("EARN", 4, card=CARD, amount=0),
            figures("EARN", 4, 50, (0, 0, 0)),
            send("REVERSAL", 5, card=CARD, original_stan=3),
            figures("REVERSAL", 5, 0, (1_000, 100, 100)),
            send("TOTALS", 6, stan_from=1, stan_to=5, **(OWN := {
                "earn_count": 1, "earn_points": 100, "redeem_count": 1, "redeem_points": -100,
                "reversal_count": 1, "reversal_points": 100,
            })),
            expect("TOTALS", 6, 0, server_time_ms="$any", **OWN),
            send("TOTALS", 7, stan_from=1, stan_to=5, **OWN | {"earn_points": 99}),
            expect("TOTALS", 7, 3, server_time_ms="$any", **OWN),
            send("TOTALS", 8, stan_from=1, stan_to=100_001, **OWN),
            expect("TOTALS", 8, 20, server_time_ms="$any", **dict.fromkeys(OWN, 0)),
            send("SIGN_ON", 9, software=""),
            expect("SIGN_ON", 9, 0, server_time_ms="$any", last_stan=5),
            send("SIGN_OFF", 10),
            expect("SIGN_OFF", 10, 0, server_time_ms="$any"),
        ],
    ),
]  # fmt: skip
