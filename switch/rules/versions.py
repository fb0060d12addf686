"""Versions of a programme's rules: which of them holds at a moment.

Owns the rule for it: of the versions whose time has come the latest moment holds, and of two of one moment
the higher number; so a correction of today's rules does not push aside what was announced for later. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Final

import msgspec

from ledger.books.posting import AccountKind, account_id
from switch.rules.calendar import Calendar
from switch.rules.offers import Codes, codes_of
from switch.rules.programme import CardRules, Identity, Receipt, Receipts, Rules, Terminals, parse_rules
from switch.rules.quotas import Counted, limits_of_programme
from switch.rules.receipts import ReceiptPrinter

DAY_MS = 86_400_000
VERSIONS_KEPT: Final = 512
"""Of all programmes together."""


class Version(msgspec.Struct, frozen=True, eq=False):
    """One version of the rules, in force from `from_ms` (ms since 1970), with what is made of it once. It
    equals itself alone.

    `entry_bits`: how a card may be read, 1 << entry each; `codes`: the bits of kinds of holder and flags;
    `needs_proof`: an entitlement ends without one; `minors`: the kinds of minors; `limits`: of the whole
    programme; `organiser`: the account that owns quotas wider than a card.
    """

    number: int
    from_ms: int
    rules: Rules
    printer: ReceiptPrinter
    calendar: Calendar
    entry_bits: int
    codes: Codes
    needs_proof: bool
    minors: int
    limits: tuple[Counted, ...]
    organiser: int

    @classmethod
    def of(cls, number: int, from_ms: int, rules: Rules) -> Version:
        """Make a version of checked rules."""
        calendar, codes = Calendar(rules.programme.time_zone), codes_of(rules)
        return cls(
            number,
            from_ms,
            rules,
            ReceiptPrinter(rules, calendar),
            calendar,
            rules.terminals.entry_bits(),
            codes,
            rules.entitlement is not None,
            rules.holders.minors_mask() if rules.holders else 0,
            limits_of_programme(rules, codes),
            account_id(rules.programme.number, AccountKind.ORGANISER),
        )


@lru_cache(maxsize=VERSIONS_KEPT)
def read_version(programme: int, number: int, from_ms: int, rules_toml: str) -> Version:
    """Return a version as the registry keeps it, read once: the same text says the same, and to read it takes
    longer than what it is asked for. Raises RulesError, which names programme and version.
    """
    return Version.of(number, from_ms, parse_rules(rules_toml, source=f"rules {programme}/{number}"))


def in_force(versions: Iterable[Version], at_ms: int) -> Version:
    """Return the version that holds at a moment; `NO_RULES` before the first."""
    due = (version for version in versions if version.from_ms <= at_ms)
    return max(due, key=lambda version: (version.from_ms, version.number), default=NO_RULES)


_UNSTATED = ("no rules yet",)
_NOTHING = Receipt(
    header=(),
    decline=("ODMOWA", "{reason}"),
    reversal=(),
    nothing_to_reverse=("{reason}",),
    original_unseen=("{reason}",),
)
NO_RULES = Version.of(
    0,
    0,
    Rules(
        programme=Identity(source=_UNSTATED, number=1, code="none", name="none"),
        terminals=Terminals(source=_UNSTATED),
        card=CardRules(source=_UNSTATED, prefix="0"),
        receipt=Receipts(
            source=_UNSTATED,
            pl=_NOTHING,
            en=msgspec.structs.replace(_NOTHING, decline=("REFUSED", "{reason}")),
        ),
    ),
)
"""What a programme has before its first version: nothing can be decided by it, a refusal can be printed."""
