"""The steps scenarios are made of: a request, the reply to it, and what both hold unless they say otherwise.

Owns the defaults: the time is now, a card is swiped, no figure but those named is anything else than in a
reply without benefits. Knows nothing of what is played.
"""

from __future__ import annotations

from typing import Any, TypeAlias

Step: TypeAlias = dict[str, Any]

CARD, OTHER = "$card", "$other"
NOW = "$now"
DEFAULTS: dict[str, dict[str, Any]] = {
    "SIGN_ON": {"language": "pl", "offers_after": 0},
    "REDEEM": {"amount": 0},
    "TOTALS": {"benefit_count": 0, "benefit_grosze": 0, "refund_count": 0, "refund_points": 0},
}


def send(message: str, stan: int, how: dict[str, Any] | None = None, /, **fields: Any) -> Step:
    """A request; `how`: sent again, encoded or cut in an unusual way."""
    implied: dict[str, Any] = {"message": message, "stan": stan, "terminal_time": NOW}
    if "card" in fields:
        implied["entry"] = 1
    return {"send": implied | DEFAULTS.get(message, {}) | fields} | (how or {})


AGAIN: dict[str, Any] = {"repeat": True}
WIDEST: dict[str, Any] = {"encoding": "widest"}


def expect(message: str, stan: int, code: int, /, **fields: Any) -> Step:
    """The reply to it."""
    return {"expect": {"message": message, "stan": stan, "code": code} | fields}


def figures(
    message: str,
    stan: int,
    code: int,
    amount_points_balance: tuple[int, int, int],
    *,
    kept: bool = True,
    **others: int,
) -> Step:
    """A reply with a receipt; what is kept of it has the names that its repeats must hold, too.

    `others`: figures that are not what a reply without benefits holds.
    """
    named = {"transaction_id": f"$id_{stan}", "server_time_ms": f"$ms_{stan}", "receipt": f"$receipt_{stan}"}
    fresh = {"transaction_id": 0, "server_time_ms": "$any", "receipt": "$any"}
    rest = dict(zip(("amount_grosze", "points", "balance"), amount_points_balance, strict=True))
    rest |= {"discount_grosze": 0, "remaining": -1, "checks": 0} | others
    return expect(message, stan, code, **(named if kept else fresh), **rest)


def original(step: Step) -> dict[str, Any]:
    """The fields of an earlier reply, as STATUS gives them."""
    return {name: value for name, value in step["expect"].items() if name != "message"}
