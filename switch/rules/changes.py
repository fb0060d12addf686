"""What a new version of the rules changes, key by key, and what of it is to the holders' disadvantage.

Owns the comparison. Pure. A change counts as a disadvantage where it is one for some holder, or cannot be
told; what concerns partners and the operator alone (prices of points, leases) or the wording of receipts is
none.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple, TypeAlias

import msgspec

from switch.rules.programme import Rules
from switch.rules.programme.benefits import Limit

Value: TypeAlias = Any
"""What stands at a key: a number, a text, yes or no, or a list of such; None where there is nothing."""
IDENTITIES: Final = ("code", "points", "number", "from_month")
"""By what an entry of a list is told from another: its place in the file says nothing."""


class Change(NamedTuple):
    """One key, what stood there and what will; `is_worse`: to some holder's disadvantage."""

    key: str
    old: Value
    new: Value
    is_worse: bool


def changes(old: Rules, new: Rules) -> list[Change]:
    """Return what differs, in the order of the file."""
    before, after = (dict(_leaves("", msgspec.json.decode(msgspec.json.encode(one)))) for one in (old, new))
    return [
        Change(key, before.get(key), after.get(key), is_worse(key, before.get(key), after.get(key)))
        for key in [*before, *(key for key in after if key not in before)]
        if before.get(key) != after.get(key)
    ]


def moved_numbers(old: Rules, new: Rules) -> list[str]:
    """Return the keys of kinds, flags and limits whose bit or number has another meaning in the new version.

    Sets of kinds and flags are stored with the holders, and uses are counted by a limit's number, holder and
    period: what is stored keeps its meaning for ever.
    """
    moved = []
    for what in ("kinds", "flags"):
        codes: dict[int, str] = {thing.bit: thing.code for thing in getattr(old.holders, what, ())}
        bits = {code: bit for bit, code in codes.items()}
        moved += [
            f"holders.{what}[{thing.code}].bit"
            for thing in getattr(new.holders, what, ())
            if codes.get(thing.bit, thing.code) != thing.code or bits.get(thing.code, thing.bit) != thing.bit
        ]
    counted = {quota.number: (quota.per, quota.period) for quota in _quotas(old)}
    for quota in _quotas(new):
        if counted.get(quota.number, (quota.per, quota.period)) != (quota.per, quota.period):
            moved.append(f"limits.quotas[{quota.number}].number")
    return moved


def _quotas(rules: Rules) -> tuple[Limit, ...]:
    return rules.limits.quotas if rules.limits else ()


def _leaves(key: str, value: Value) -> Iterator[tuple[str, Value]]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _leaves(f"{key}.{name}" if key else name, inner)
        return
    identity = _identity(value)
    if identity is None:
        if value is not None and value != []:
            yield key, value
        return
    for entry in value:
        yield from _leaves(f"{key}[{entry[identity]}]", entry)


def _identity(value: Value) -> str | None:
    if not isinstance(value, list) or not value or not isinstance(value[0], dict):
        return None
    return next((name for name in IDENTITIES if name in value[0]), None)


Judge: TypeAlias = Callable[[Value, Value], bool]


def _any(old: Value, new: Value) -> bool:
    return True


def _less(old: Value, new: Value) -> bool:
    """Less, or nothing any more."""
    return new is None or (old is not None and new < old)


def _more(old: Value, new: Value) -> bool:
    """More, or nothing any more: what costs or asks for more."""
    return new is None or (old is not None and new > old)


def _shorter(old: Value, new: Value) -> bool:
    """A shorter term; 0 is none at all, which is the longest."""
    return bool(new) and (not old or new < old)


def _switched_on(old: Value, new: Value) -> bool:
    return bool(new)


def _switched_off(old: Value, new: Value) -> bool:
    return bool(old)


def _lost(old: Value, new: Value) -> bool:
    """Something is missing that was there."""
    return any(entry not in (new or ()) for entry in old or ())


def _added(old: Value, new: Value) -> bool:
    return any(entry not in (old or ()) for entry in new or ())


def _stricter(old: Value, new: Value) -> bool:
    order = ["none", "in_doubt", "always"]
    return new is None or (old is not None and order.index(new) > order.index(old))


JUDGES: Final[tuple[tuple[str, Judge], ...]] = (
    (r"programme\.(notice_days|advice_age_max_days)", _less),
    (r"programme\.time_zone", _any),
    (r"programme\.languages", _lost),
    (r"terminals\.entries", _lost),
    (r"terminals\.retain", _switched_on),
    (r"card\.validity_months", _shorter),
    (r"card\.notice_months", _less),
    (r"card\.further_carriers", _lost),
    (r"card\.duplicate\.\w+_grosze", _more),
    (r"card\.duplicate\.old_card_needed", _switched_on),
    (r"holders\.kinds\[\w+\]\.(bit|from_age|to_age|minor)", _any),
    (r"holders\.flags\[\w+\]\.bit", _any),
    (r"holders\.overlap", _any),
    (r"holders\.contact_needed", _switched_on),
    (r"entitlement\.(years|month|day)", lambda old, new: old is None or (new is not None and new < old)),
    (r"entitlement\.transition\.\w+", _any),
    (r"earn\.step_grosze", _more),
    (r"(earn|benefits)\.amount_max_grosze", _less),
    (r"earn\.expire_months", _shorter),
    (r"earn\.excluded", _added),
    (r"redeem\.tiers\[\d+\]\.value_grosze", _less),
    (r"refund\.below_zero", _switched_off),
    (r"settlement\.point_value_grosze", _less),
    (r"benefits\.identity", _stricter),
    (r"benefits\.(guardian_for_minors|stacks|offline)", _switched_off),
    (r"benefits\.alone", _switched_on),
    (r"limits\.quotas\[\d+\]\.uses", lambda old, new: old is None or (new is not None and new < old)),
    (r"limits\.quotas\[\d+\]\.(per|period|kinds|flags)", lambda old, new: new is not None),
)
"""By key, when a change is to somebody's disadvantage; what has no row never is."""


def is_worse(key: str, old: Value, new: Value) -> bool:
    """Whether this change of one key is to some holder's disadvantage, or may be."""
    return any(judge(old, new) for pattern, judge in JUDGES if re.fullmatch(pattern, key))
