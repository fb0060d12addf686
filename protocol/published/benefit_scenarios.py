"""The scenarios of benefits, quotes and refunds, for scenarios.json.

Owns what is said in each; which offers they count on, `make_scenarios` tells. Knows nothing of bytes.
"""

from __future__ import annotations

from protocol.published.scenario_steps import AGAIN, CARD, OTHER, Step, expect, figures, original, send

TEN_PERCENT, FIVE_OFF, FOR_FAMILIES, OVER, ELSEWHERE, FREE, UNPUBLISHED = 7, 8, 9, 10, 11, 12, 999
ALONE = 4
EARN, REDEEM, USE = 0x20, 0x22, 0x23


def use(
    stan: int, offer: int, amount: int, how: dict[str, bool] | None = None, *, confirmed: int = 0
) -> Step:
    """A benefit used."""
    return send("BENEFIT_USE", stan, how, card=CARD, offer=offer, amount=amount, confirmed=confirmed)


def used(stan: int, code: int, amount: int, discount: int = 0, *, left: int = -1, checks: int = 0) -> Step:
    """The reply to it."""
    return figures(
        "BENEFIT_USE", stan, code, (amount, 0, 0), discount_grosze=discount, remaining=left, checks=checks
    )


def advice(stan: int, sold_at: str) -> Step:
    """A free entry granted offline."""
    return send("BENEFIT_ADVICE", stan, card=CARD, offer=FREE, amount=900, confirmed=0, terminal_time=sold_at)


def verified(stan: int, benefits: list[list[int]]) -> Step:
    """What VERIFY answers: there is nothing that each of them asks for."""
    return expect("VERIFY", stan, 0, server_time_ms="$any", checks=0, benefits=benefits, benefits_next=0)


def quote(stan: int, operation: int, amount: int, number: int = 0) -> Step:
    """What would it come to?"""
    return send("QUOTE", stan, card=CARD, operation=operation, amount=amount, number=number)


def refund(stan: int, original_stan: int, amount: int, how: dict[str, bool] | None = None) -> Step:
    """Money given back."""
    return send(
        "REFUND",
        stan,
        how,
        card=CARD,
        original_terminal="$terminal",
        original_stan=original_stan,
        amount=amount,
    )


SCENARIOS: list[tuple[str, str, list[Step]]] = [
    (
        "a benefit used",
        "Ten percent, once a day; the repeat is the stored reply, and a reversal gives the use back.",
        [
            use(1, TEN_PERCENT, 2_005),
            used(1, 0, 2_005, 201, left=0),
            use(1, TEN_PERCENT, 2_005, AGAIN),
            used(1, 0, 2_005, 201, left=0),
            use(2, TEN_PERCENT, 2_005),
            used(2, 61, 2_005, left=0),
            send("REVERSAL", 3, card=CARD, original_stan=1),
            figures("REVERSAL", 3, 0, (2_005, 0, 0), discount_grosze=201, remaining=1),
            use(4, TEN_PERCENT, 100),
            used(4, 0, 100, 10, left=0),
            send("STATUS", 5, card=CARD, original_stan=4),
            expect("STATUS", 5, 0, server_time_ms="$any", original=original(used(4, 0, 100, 10, left=0))),
            use(2, TEN_PERCENT, 2_005, AGAIN),
            used(2, 61, 2_005, left=0),
        ],
    ),
    (
        "a benefit that takes nothing off",
        "Ten percent of four grosze are none: refused, and the one use of the day is still there.",
        [
            quote(1, USE, 4, TEN_PERCENT),
            figures("QUOTE", 1, 63, (0, 0, 0), kept=False),
            use(2, TEN_PERCENT, 4),
            used(2, 63, 4),
            use(3, TEN_PERCENT, 5),
            used(3, 0, 5, 1, left=0),
            use(4, TEN_PERCENT, 4),
            used(4, 63, 4),
        ],
    ),
    (
        "what the cashier confirms",
        "An offer that does not go together with others wants the word that none was given.",
        [
            use(1, FIVE_OFF, 2_000),
            used(1, 58, 2_000, checks=ALONE),
            use(2, FIVE_OFF, 2_000, confirmed=ALONE),
            used(2, 0, 2_000, 500, checks=ALONE),
            use(3, FIVE_OFF, 300, confirmed=ALONE),
            used(3, 0, 300, 300, checks=ALONE),
        ],
    ),
    (
        "a benefit refused",
        "Not published, not for this card, over, another partner's; without a price or with a wrong one.",
        [
            use(1, UNPUBLISHED, 2_000),
            used(1, 55, 2_000),
            use(2, FOR_FAMILIES, 2_000),
            used(2, 56, 2_000),
            use(3, OVER, 2_000),
            used(3, 57, 2_000),
            use(4, ELSEWHERE, 2_000),
            used(4, 59, 2_000),
            use(5, TEN_PERCENT, 0),
            used(5, 50, 0),
            use(6, TEN_PERCENT, -1),
            used(6, 51, -1),
            use(7, TEN_PERCENT, 1_000_000_000_000),
            used(7, 52, 1_000_000_000_000),
            use(8, FREE, 0),
            used(8, 0, 0),
        ],
    ),
    (
        "verify",
        "Which benefits hold for a card here and now, how often, and what each asks for; no used-up ones.",
        [
            send("VERIFY", 1, card=CARD, offers_after=0),
            verified(1, [[TEN_PERCENT, 1, 0], [FIVE_OFF, -1, ALONE], [FREE, -1, 0]]),
            use(2, TEN_PERCENT, 1_000),
            used(2, 0, 1_000, 100, left=0),
            send("VERIFY", 3, card=CARD, offers_after=0),
            verified(3, [[FIVE_OFF, -1, ALONE], [FREE, -1, 0]]),
            send("VERIFY", 4, card=CARD, offers_after=TEN_PERCENT),
            verified(4, [[FIVE_OFF, -1, ALONE], [FREE, -1, 0]]),
            send("VERIFY", 5, card="$blocked", offers_after=0),
            expect("VERIFY", 5, 45, server_time_ms="$any", checks=0, benefits=[], benefits_next=0),
        ],
    ),
    (
        "quote",
        "What an operation would come to, were it done now; nothing is posted.",
        [
            quote(1, EARN, 100_000),
            figures("QUOTE", 1, 0, (100_000, 100, 100), kept=False),
            send("EARN", 2, card=CARD, amount=100_000),
            figures("EARN", 2, 0, (100_000, 100, 100)),
            quote(3, REDEEM, 5_000, 100),
            figures("QUOTE", 3, 0, (1_000, -100, 0), kept=False),
            quote(4, REDEEM, 5_000, 250),
            figures("QUOTE", 4, 60, (0, 0, 0), kept=False),
            quote(5, REDEEM, 500, 100),
            figures("QUOTE", 5, 62, (0, 0, 0), kept=False),
            quote(6, USE, 2_005, TEN_PERCENT),
            figures("QUOTE", 6, 0, (2_005, 0, 100), kept=False, discount_grosze=201, remaining=0),
            quote(7, USE, 2_005, UNPUBLISHED),
            figures("QUOTE", 7, 55, (0, 0, 0), kept=False),
            quote(8, 0x30, 2_005),
            figures("QUOTE", 8, 20, (0, 0, 0), kept=False),
            send("BALANCE", 9, card=CARD),
            figures("BALANCE", 9, 0, (0, 0, 100), kept=False),
        ],
    ),
    (
        "granted offline",
        "A benefit of an hour ago is judged by that hour; one of ten days ago cannot be judged.",
        [
            advice(1, "$now-3600"),
            figures("BENEFIT_ADVICE", 1, 0, (900, 0, 0), discount_grosze=900),
            advice(2, "$now-864000"),
            figures("BENEFIT_ADVICE", 2, 32, (900, 0, 0)),
        ],
    ),
    (
        "refund",
        "Points are reckoned by what is still paid; never more than the sale, and no refund of a refund.",
        [
            send("EARN", 1, card=CARD, amount=100_050),
            figures("EARN", 1, 0, (100_050, 100, 100)),
            refund(2, 1, 50_000),
            figures("REFUND", 2, 0, (50_000, -50, 50)),
            refund(2, 1, 50_000, AGAIN),
            figures("REFUND", 2, 0, (50_000, -50, 50)),
            refund(3, 1, 60_000),
            figures("REFUND", 3, 54, (60_000, 0, 50)),
            refund(4, 1, 100),
            figures("REFUND", 4, 0, (100, -1, 49)),
            refund(5, 2, 100),
            figures("REFUND", 5, 26, (100, 0, 49)),
            refund(6, 1, -100),
            figures("REFUND", 6, 51, (-100, 0, 49)),
            refund(14, 1, 0),
            figures("REFUND", 14, 50, (0, 0, 49)),
            send("REVERSAL", 7, card=CARD, original_stan=1),
            figures("REVERSAL", 7, 0, (49_950, -49, 0)),
            refund(8, 1, 100),
            figures("REFUND", 8, 26, (100, 0, 0)),
            send("EARN", 9, card=CARD, amount=0),
            figures("EARN", 9, 50, (0, 0, 0)),
            refund(10, 9, 100),
            figures("REFUND", 10, 26, (100, 0, 0)),
            send("REFUND", 11, card=OTHER, original_terminal="$terminal", original_stan=1, amount=100),
            figures("REFUND", 11, 22, (100, 0, 0)),
            refund(13, 12, 100),
            figures("REFUND", 13, 27, (100, 0, 0)),
        ],
    ),
    (
        "a use refunded",
        "The whole price back gives the use back, too; a part of it does not.",
        [
            use(1, TEN_PERCENT, 2_000),
            used(1, 0, 2_000, 200, left=0),
            refund(2, 1, 1_800),
            figures("REFUND", 2, 0, (1_800, 0, 0), remaining=1),
            use(3, TEN_PERCENT, 2_000),
            used(3, 0, 2_000, 200, left=0),
            refund(4, 3, 1_000),
            figures("REFUND", 4, 0, (1_000, 0, 0)),
            use(5, TEN_PERCENT, 2_000),
            used(5, 61, 2_000, left=0),
            refund(6, 3, 800),
            figures("REFUND", 6, 0, (800, 0, 0), remaining=1),
        ],
    ),
    (
        "the sums of a day with benefits",
        "TOTALS count benefits with their discounts, and refunds with their points.",
        [
            send("EARN", 1, card=CARD, amount=100_000),
            figures("EARN", 1, 0, (100_000, 100, 100)),
            send("BENEFIT_USE", 2, card=OTHER, offer=TEN_PERCENT, amount=2_000, confirmed=0),
            figures("BENEFIT_USE", 2, 0, (2_000, 0, 0), discount_grosze=200, remaining=0),
            refund(3, 1, 50_000),
            figures("REFUND", 3, 0, (50_000, -50, 50)),
            send("TOTALS", 4, stan_from=1, stan_to=3, **(OWN := {
                "earn_count": 1, "earn_points": 100, "redeem_count": 0, "redeem_points": 0,
                "reversal_count": 0, "reversal_points": 0,
                "benefit_count": 1, "benefit_grosze": 200, "refund_count": 1, "refund_points": -50,
            })),
            expect("TOTALS", 4, 0, server_time_ms="$any", **OWN),
        ],
    ),
]  # fmt: skip
