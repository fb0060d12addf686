"""The office's work with campaigns: what an organiser says, as the books want it.

Owns the reading of kinds, weekdays and hours by their names, by the rules in force. Must not write SQL
(`ledger` does) nor print. Invariant: only a programme with points has campaigns.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final

from ledger.errors import RegistryRefused
from ledger.postgres.database import Database
from ledger.registry.campaigns import DAY_MINUTES, EVERY_DAY
from ops.office.rules_in_force import version_in_force
from switch.rules.programme import Rules

WEEKDAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_HOURS: Final = re.compile(r"([01]?[0-9]|2[0-4]):([0-5][0-9])-([01]?[0-9]|2[0-4]):([0-5][0-9])")


async def masks(database: Database, programme: int, names: Sequence[str]) -> tuple[int, int]:
    """Return kinds and flags of holders by their codes, by the rules in force. Raises RegistryRefused."""
    rules = (await version_in_force(database, programme)).rules
    if rules.earn is None:
        raise RegistryRefused(f"programme {programme} has no points")
    kinds, flags = codes_of(rules)
    known = {*kinds, *flags}
    for name in names:
        if name not in known:
            there = f": it knows {', '.join(sorted(known))}" if known else ""
            raise RegistryRefused(f"programme {programme} has no such kind of holder{there}")
    return _mask(kinds, names), _mask(flags, names)


def codes_of(rules: Rules) -> tuple[dict[str, int], dict[str, int]]:
    """Return the codes of the kinds and of the flags of holders, each with its bit."""
    holders = rules.holders
    if holders is None:
        return {}, {}
    return {kind.code: kind.bit for kind in holders.kinds}, {flag.code: flag.bit for flag in holders.flags}


def _mask(bits: dict[str, int], names: Iterable[str]) -> int:
    return sum(1 << bits[name] for name in set(names) if name in bits)


def names_of(bits: dict[str, int], mask: int) -> list[str]:
    """Return the codes of a mask."""
    return [name for name, bit in bits.items() if mask >> bit & 1]


def weekdays_of(names: Sequence[str]) -> int:
    """Return weekdays as the registry keeps them; of none all. Raises RegistryRefused."""
    for name in names:
        if name not in WEEKDAYS:
            raise RegistryRefused(f"a weekday is one of {', '.join(WEEKDAYS)}")
    return sum(1 << WEEKDAYS.index(name) for name in set(names)) or EVERY_DAY


def weekday_names(mask: int) -> list[str]:
    """Return the weekdays of a mask; none where it is every day."""
    return [] if mask == EVERY_DAY else [name for n, name in enumerate(WEEKDAYS) if mask >> n & 1]


def minutes_of(hours: str) -> tuple[int, int]:
    """Return from which minute of the day until before which, of "10:00-14:30"; "": all day."""
    if not hours:
        return 0, DAY_MINUTES
    found = _HOURS.fullmatch(hours)
    if found is None:
        raise RegistryRefused("hours are written like 10:00-14:30")
    first, first_minute, last, last_minute = map(int, found.groups())
    return first * 60 + first_minute, last * 60 + last_minute


def hours_text(from_minute: int, until_minute: int) -> str:
    """Return hours as `minutes_of` reads them; "" for all day."""
    if (from_minute, until_minute) == (0, DAY_MINUTES):
        return ""
    return "-".join(f"{minute // 60:02}:{minute % 60:02}" for minute in (from_minute, until_minute))
