"""What a card's holder may claim on a day: the set of kinds, the flags, whether the entitlement holds.

Owns what is kept of a holder in memory (`Held`) and how it is read. Pure. Must not know who the holder is:
the registry sends bit masks and the days on which they change, never a date of birth, name or number
(ARCHITECTURE.md, "A holder in memory"). Invariant: any day between the newest change and the next but one
is judged exactly, late sales too.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from switch.rules.dates import kind_steps

if TYPE_CHECKING:
    from switch.rules.cards import Card
    from switch.rules.programme import Rules
    from switch.rules.versions import Version


class Held(NamedTuple):
    """What decides about a holder; days since 1970-01-01.

    `kinds` holds from `kinds_from` until the day before `next_from`; earlier it was `kinds_before`, later
    it is `kinds_next`. `entitled_until`: the last day a proof entitles to, None: nothing was proved.
    `past`: what flags and entitlement were before (`switch.rules.as_of`); nothing, for nearly everybody.
    """

    flags: int
    kinds: int
    kinds_before: int
    kinds_from: int
    kinds_next: int
    next_from: int
    entitled_until: int | None
    past: tuple[int | None, ...] = ()

    @classmethod
    def of(cls, row: Sequence[int | None]) -> Held:
        """Read it as the registry hands it over (`ledger.registry.reads.CardTuple`)."""
        fields: Any = (*row[:HELD_FIELDS], tuple(row[HELD_FIELDS:]))
        return cls._make(fields)


HELD_FIELDS: Final = len(Held._fields) - 1
"""Before its past."""


class Standing(NamedTuple):
    """What holds for a holder on a day: kinds and flags as bit masks, and whether the entitlement holds.

    That a guardian acts for an adult (Zgierz § 12) decides nothing at a till: § 17 asks of minors alone for a
    guardian's document.
    """

    kinds: int
    flags: int
    is_entitled: bool


NOBODY = Standing(0, 0, is_entitled=True)
"""Of a card no holder's data is kept for, in a programme whose entitlement has no end."""


def standing(card: Card, version: Version, day: int) -> Standing:
    """Return what holds for a card's holder on a day, by a version of the rules."""
    needs_proof = version.rules.entitlement is not None
    held = card.held
    if held is None:
        return NOBODY._replace(is_entitled=False) if needs_proof else NOBODY
    if day < held.kinds_from:
        kinds = held.kinds_before
    else:
        kinds = held.kinds_next if day >= held.next_from else held.kinds
    until = held.entitled_until
    is_entitled = not needs_proof or (until is not None and day <= until)
    return Standing(kinds, held.flags, is_entitled)


def steps_of(rules: Rules) -> list[tuple[int, int]]:
    """Return from which completed year of life on which set of kinds holds: what the database places
    birthdays by; nothing where a programme has no kinds.
    """
    holders = rules.holders
    return kind_steps(holders.bands(), holders.overlap or "both") if holders else []
