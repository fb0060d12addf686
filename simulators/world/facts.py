"""What is true in the world, as whoever acts in it writes it down: the auditor's only knowledge of it.

Owns the shapes. Imports nothing of the project: a fact is written together with the change of the registry it
tells of, by who makes that change, and is never read back from the switch. Invariants: a fact is whole (it
takes the place of the earlier one about the same thing); it is learned under the registry's change number, so
that what was decided by an older registry can be judged by that one (`Auditor.learn`).

Words: a moment is in ms since 1970; a day is a date on the clocks of the programme's own time zone; a text is
the file itself, a programme's rules or an offers file, as an operator would hand it in.
"""

from __future__ import annotations

from datetime import date
from typing import TypeAlias

import msgspec

ACTIVE, BLOCKED, WANTED, REPLACED, ORDERED, READY, CLOSED, RETAINED, RESIGNED, VOID = range(10)
"""The states of a card (docs/cards.md)."""


class Told(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Something that is so from now on."""


class ProgrammeApplied(Told, frozen=True):
    """A version of a programme's rules, in force from a moment until the next one is.

    Other bands of ages hold from a midnight on: the kinds of a holder are those of a day.
    """

    programme: int
    version: int
    from_ms: int
    text: str


class ProgrammeState(Told, frozen=True):
    """The periods a programme is suspended in (from, until; None: without an end), past ones too, and since
    when it is called off; None: never.
    """

    programme: int
    suspended_ms: tuple[tuple[int, int | None], ...] = ()
    ended_from_ms: int | None = None


class PartnerSet(Told, frozen=True):
    """A partner; `points_step_grosze`: its own step, None: the programme's."""

    partner: int
    programme: int
    name: str = ""
    is_suspended: bool = False
    points_step_grosze: int | None = None


class TerminalSet(Told, frozen=True):
    """A terminal, the partner it stands at, and in which of his outlets; 0: in none."""

    terminal: int
    partner: int
    outlet: int = 0
    is_blocked: bool = False


class OfferPublished(Told, frozen=True):
    """A version of an offer, in force from a moment on. `text`: an offers file that holds it."""

    programme: int
    number: int
    version: int
    from_ms: int
    text: str


class OfferWithdrawn(Told, frozen=True):
    """From a moment on there is no such offer."""

    programme: int
    number: int
    version: int
    from_ms: int


class CardSet(Told, frozen=True):
    """A card by its digits, whose state and last valid day (`valid_until`) are these since a moment."""

    card: str
    programme: int
    account: int
    state: int = ACTIVE
    since_ms: int = 0
    valid_until: date | None = None


class CardReported(Told, frozen=True):
    """A terminal's report of a card has stopped it, or has not (docs/cards.md, Cases)."""

    card: str
    programme: int
    report: int
    since_ms: int


class HolderSet(Told, frozen=True):
    """Who holds the cards of an account, as far as it decides.

    `flags`: codes of the programme's rules. `has_guardian`: a guardian acts whatever the age. Entitled by
    proof of the tax of a year, or without one by the day of the application (`applied_on`), or until a day
    that is stated. A notice voids the cards by the rules in force on the day it was given; `ends_on`: the
    last day of a contract that ends for another reason (an objection). All of it but the date of birth, which
    was always the same, is so since a moment.
    """

    account: int
    programme: int
    since_ms: int = 0
    born_on: date | None = None
    flags: tuple[str, ...] = ()
    has_guardian: bool = False
    tax_year: int | None = None
    applied_on: date | None = None
    entitled_until: date | None = None
    notice_given_on: date | None = None
    ends_on: date | None = None


Fact: TypeAlias = (
    ProgrammeApplied
    | ProgrammeState
    | PartnerSet
    | TerminalSet
    | OfferPublished
    | OfferWithdrawn
    | CardSet
    | CardReported
    | HolderSet
)
