"""What stood of a card and its holder at a moment: what a till that had a line would have been told then.

Owns the reading of what was before: status, last valid day, flags, proof. Pure. Must not know rules: which
kinds of holder somebody is of follows from the day (`entitlement`). Invariant: of moments that a clock showed
twice what came later holds, and before the oldest change that is kept holds what that one ended.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ledger.registry.reads import status_at
from switch.rules.cards import Card, Days, HeldCard
from switch.rules.entitlement import Held

_OF_A_HOLDER, _OF_A_CARD = 4, 2
"""So many numbers are kept of each change."""


def stood_at(card: Card, at_ms: int) -> Card:
    """Return a card as it stood at a moment (ms since 1970), its holder with it."""
    status, held, days = status_at(card.status, card.past, at_ms), card.held, card.days
    if days is None:
        return card if status == card.status else _with(card, status, card.expires_day, held)
    last_days = _contract_day(held, days, at_ms), _own_day(days, at_ms)
    last_day = min((day for day in last_days if day is not None), default=None)
    return _with(card, status, last_day, held and _held_at(held, at_ms))


def _with(card: Card, status: int, expires_day: int | None, held: Held | None) -> HeldCard:
    return HeldCard(card.account, card.programme, status, expires_day, None, held)


def _held_at(held: Held, at_ms: int) -> Held:
    flags, until = held.flags, held.entitled_until
    for _, was_flags, was_until, _ in _ended_after(held.past, _OF_A_HOLDER, at_ms):
        flags, until = was_flags or 0, was_until
    return held._replace(flags=flags, entitled_until=until, past=())


def _contract_day(held: Held | None, days: Days, at_ms: int) -> int | None:
    ended = list(_ended_after(held.past if held else (), _OF_A_HOLDER, at_ms))
    return ended[-1][-1] if ended else days[1]


def _own_day(days: Days, at_ms: int) -> int | None:
    ended = list(_ended_after(days[2:], _OF_A_CARD, at_ms))
    return ended[-1][-1] if ended else days[0]


def _ended_after(past: Sequence[int | None], size: int, at_ms: int) -> Iterator[Sequence[int | None]]:
    """Yield what ended after a moment, latest first."""
    for begin in range(len(past) - size, -1, -size):
        if at_ms >= (past[begin] or 0):
            return
        yield past[begin : begin + size]
