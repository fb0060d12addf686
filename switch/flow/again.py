"""A request of the journal, decided again by the registry as it was then.

Owns the directory of a past moment, and how a request is made of its row. Must not read the database. Pure
but for the directory it moves on. Invariant: decided again is decided by the very functions that decided
first (`OPERATIONS`), from what is recorded: request, registry number and clock (ARCHITECTURE.md, "What
decided is recorded").

Not recorded, and taken as it was told: which number was read where it is no card here (codes 40 to 42), or
not that of the sale (22). Of two cards of one account with the same last four digits each is tried.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any, Final

from ledger.books.posting import Kind
from ledger.books.recorded import Recorded
from ledger.registry.history import Change, PastCard, PastHolder, day_number
from ledger.registry.reads import (
    ContractRow,
    OfferRow,
    PartnerRow,
    ProgrammeRow,
    RegistrySnapshot,
    RulesRow,
    TerminalRow,
)
from ledger.registry.secrets import MasterKey
from protocol import Request, ResultCode
from switch.flow.operations import OPERATIONS, Again
from switch.rules.cards import Card, ChangedCard, HeldCard
from switch.rules.decide import Decision, Moment, postpone
from switch.rules.directory import Directory, Terminal
from switch.rules.entitlement import Held

ALWAYS_DAYS: Final = 1_000_000
NO_CARD: Final = frozenset(
    map(int, (ResultCode.CARD_NUMBER_INVALID, ResultCode.CARD_UNKNOWN, ResultCode.CARD_OTHER_PROGRAMME))
)

MISMATCH: Final = int(ResultCode.ORIGINAL_MISMATCH)

AGAIN: Final[dict[int, Again]] = {row.kind: row.again for row in OPERATIONS.values() if row.again}
"""How each journalled operation was asked for, without the card's number."""


class Past:
    """The registry of one worker, moved from change to change: it only goes on, never back."""

    def __init__(self, changes: Sequence[Change]) -> None:
        # No key is opened and no number looked up, so any master key will do.
        self.directory = Directory(MasterKey(bytes(32), bytes(32)))
        self._changes = changes
        self._next = 0
        self._cards: dict[int, dict[tuple[int, int], PastCard]] = {}
        self._holders: dict[int, PastHolder] = {}

    def advance(self, number: int, now_ms: int) -> None:
        """Let all changes up to a number be known, and a moment be now."""
        snapshot = RegistrySnapshot(number, now_ms, [], [], [], [], [], [])
        homes: dict[type, list[Any]] = {
            ProgrammeRow: snapshot.programmes,
            RulesRow: snapshot.rules,
            PartnerRow: snapshot.partners,
            TerminalRow: snapshot.terminals,
            OfferRow: snapshot.offers,
            ContractRow: snapshot.contracts,
        }
        first = self._next
        while self._next < len(self._changes) and self._changes[self._next].number <= number:
            row = self._changes[self._next].row
            self._next += 1
            if isinstance(row, PastCard):
                self._cards.setdefault(row.account, {})[row.carrier, row.issue] = row
            elif isinstance(row, PastHolder):
                self._holders[row.account] = row
            else:
                homes[type(row)].append(row)
        if self._next > first:
            self.directory.apply(snapshot, now_ms=now_ms)
        self.directory.keep_time(now_ms)

    def cards(self, row: Recorded) -> Iterator[Card | int]:
        """Yield the cards that may have been read: nearly always one, or the code that says there was none.

        A reversal may have come by a card that this worker did not know yet.
        """
        if row.account and row.kind != Kind.REVERSAL:
            alike = self._cards.get(row.account, {}).values()
            yield from (self.card(card, row.basis) for card in alike if int(card.last4) == row.last4)
        elif row.kind == Kind.REFUND and row.code == MISMATCH:
            yield Card(0, self.directory.terminals[row.terminal].partner.programme.number, 0)
        elif row.code in NO_CARD:
            yield row.code
        else:
            yield int(ResultCode.CARD_NUMBER_INVALID if row.last4 < 0 else ResultCode.CARD_UNKNOWN)

    def card(self, card: PastCard, kinds: int) -> Card:
        """Return a card as a worker held it; its holder was of these kinds."""
        holder = self._holders.get(card.account)
        last_days = _day(card.expires_on), _day(holder.contract_ends_on if holder else None)
        expires_day = min((day for day in last_days if day is not None), default=None)
        plain = (card.account, card.programme, card.status, expires_day, card.since())
        held_past = holder.past if holder else None
        days = None
        if card.valid_past is not None or held_past is not None:
            days = *last_days, *(card.valid_past or ())
        if holder is None:
            return Card(*plain) if days is None else ChangedCard(*plain, None, days)
        until = _day(holder.entitled_until)
        held = Held(
            holder.flags, kinds, kinds, -ALWAYS_DAYS, kinds, ALWAYS_DAYS, until, tuple(held_past or ())
        )
        return HeldCard(*plain, held) if days is None else ChangedCard(*plain, held, days)


def _day(day: date | None) -> int | None:
    return None if day is None else day_number(day)


def decide_again(past: Past, row: Recorded) -> Decision | None:
    """Return what a request comes to by the registry of its number; None where nobody asked for it, or where
    the registry of then has no such terminal or card.

    Rows come in the order of their numbers.
    """
    make = AGAIN.get(row.kind)
    past.advance(row.registry_number, row.accepted_at_ms)
    terminal = past.directory.terminals.get(row.terminal)
    if make is None or terminal is None:
        return None
    found = [_decide(make(row), terminal, card, row.accepted_at_ms) for card in past.cards(row)]
    if not found:
        return None
    told = (decision for decision in found if _is_told(decision, row))
    return next(told, found[0])


def _decide(message: Request, terminal: Terminal, card: Card | int, now_ms: int) -> Decision:
    operation = OPERATIONS[type(message)]
    assert operation.decide is not None
    at = Moment(now_ms)
    postponed = postpone(terminal.partner, card, at) if operation.is_new_business else 0
    return Decision(postponed) if postponed else operation.decide(message, terminal, card, at)


def _is_told(decision: Decision, row: Recorded) -> bool:
    return not difference(decision, row)


def difference(decision: Decision, row: Recorded) -> str:
    """Return what of a row is not as the switch decides it, in words; empty: nothing.

    What the ledger decides of what the switch approved is not judged here.
    """
    more = decision.more
    version = decision.rules_version or row.rules_version
    told = {"rules version": (version, row.rules_version)}
    if decision.code:
        told["code"] = (decision.code, row.code)
    elif not row.code and not row.original_stan:
        told |= {
            "points": (decision.points, row.points),
            "amount": (decision.amount_grosze, row.amount_grosze),
            "partner's account": (decision.counter_account, row.counter_account),
            "step": (decision.step_grosze, row.step_grosze),
            "discount": (more.discount_grosze if more else 0, row.discount_grosze),
            "checks": (more.checks if more else 0, row.checks),
        }
    return ", ".join(f"{name} {mine}, not {its}" for name, (mine, its) in told.items() if mine != its)
