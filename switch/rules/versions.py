"""Versions of a programme's rules: which of them holds at a moment.

Owns the rule for it: of the versions whose time has come the latest moment holds, and of two of one moment
the higher number; so a correction of today's rules does not push aside what was announced for later. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from switch.rules.calendar import Calendar
from switch.rules.programme import Identity, Receipt, Rules, Settlement
from switch.rules.receipts import ReceiptPrinter

DAY_MS = 86_400_000


class Version(msgspec.Struct, frozen=True):
    """One version of the rules, in force from `from_ms` (ms since 1970), with what is made of it once."""

    number: int
    from_ms: int
    rules: Rules
    printer: ReceiptPrinter
    calendar: Calendar

    @classmethod
    def of(cls, number: int, from_ms: int, rules: Rules) -> Version:
        """Make a version of checked rules."""
        calendar = Calendar(rules.programme.time_zone)
        return cls(number, from_ms, rules, ReceiptPrinter(rules, calendar), calendar)


def in_force(versions: Iterable[Version], at_ms: int) -> Version:
    """Return the version that holds at a moment; `NO_RULES` before the first."""
    due = (version for version in versions if version.from_ms <= at_ms)
    return max(due, key=lambda version: (version.from_ms, version.number), default=NO_RULES)


NO_RULES = Version.of(
    0,
    0,
    Rules(
        programme=Identity(number=1, code="none", name="none"),
        settlement=Settlement(point_value_grosze=1),
        receipt=Receipt(
            header=(),
            earn=(),
            advice=(),
            redeem=(),
            balance=(),
            reversal=(),
            nothing_to_reverse=("{reason}",),
            original_unseen=("{reason}",),
            decline=("ODMOWA", "{reason}"),
            footer=(),
        ),
    ),
)
"""What a programme has before its first version: nothing can be decided by it, a refusal can be printed."""
