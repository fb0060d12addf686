"""What a desk is shown of a holder.

Owns the shape of it, and what its forms show. Must not read anything.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from ledger.registry.endings import Ending, standing
from ledger.registry.messages import Messages
from ledger.registry.people import Person
from switch.rules.programme.holders import Flag


class Found(NamedTuple):
    """Somebody who was found."""

    account: int
    name: str


class Holder(NamedTuple):
    """What a desk is shown of a holder."""

    account: int
    person: Person | None
    decides: Any | None
    endings: list[Any]
    """What ends the contract, or did until it was taken back (`list_endings`)."""
    flags: list[tuple[Flag, bool]]
    """Which the programme has, and whether this is a holder of each."""
    cards: list[Any]
    consents: list[Any]
    accepted: list[Any]
    """Which rules of the programme (`list_acceptances`)."""
    representatives: list[dict[str, Any]]
    linked: dict[int, bool]
    """Which of them have a code (False) or a login (True)."""
    erasure: Any | None
    """What was proposed and waits to be approved: that nobody is known any more."""
    applications: list[Any]
    messages: Messages
    fees: list[Any]
    """What was paid for duplicates that nobody will be handed (`fees_to_give_back`)."""

    def standing(self, kind: Ending) -> list[Any]:
        """Return what stands of a kind and ends the contract, the earliest end first."""
        return standing(self.endings, kind)

    def held(self) -> dict[str, Any]:
        """Return what the form of the flags shows."""
        return held_flags((flag for flag, _ in self.flags), self.decides) if self.decides else {}


def held_flags(flags: Iterable[Flag], decides: Any) -> dict[str, Any]:
    """Return what a form of flags shows of the row that decides about a holder."""
    held = [flag.code for flag in flags if decides["flags"] >> flag.bit & 1]
    return {"flags": held, "needs_guardian": bool(decides["guardian"])}
