"""Owns the registry of the store: who takes part, by numbered changes, as workers follow it.

Written by whoever plays the operator, one call a change; each returns its number, and who listens is told.
Rules of the desk (which card may become what) are the caller's, as are the texts of rules and offers; what
the database itself decides of reports, keys and terms is decided here.

Invariants: numbers count up over all tables; nothing is ever deleted. Knows nothing of connections.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from typing import Final

import msgspec
from msgspec.structs import replace

from ledger.registry.reads import (
    ContractRow,
    KeyRow,
    OfferRow,
    PartnerRow,
    ProgrammeRow,
    RulesRow,
    TerminalRow,
)
from simulators.world.memory.changes import Changes, K, R
from simulators.world.memory.holder_terms import TIME_ZONE, Terms, place_kinds, placed, today_of

PAST_MAX: Final = 16
NEVER_BEGAN: Final = -1_000_000
"""A day before all days: a kind that holds has always held."""
NEVER_ENDS: Final = 1_000_000


class Card(msgspec.Struct, frozen=True):
    """A card; expires_day: its last valid day, in days since 1970; past: as in `reads.status_at`; valid_past:
    what its last day was before, a moment and a day each.
    """

    token: int
    account: int
    programme: int
    status: int = 0
    expires_day: int | None = None
    past: tuple[int, ...] | None = None
    valid_past: tuple[int | None, ...] | None = None


class Holder(msgspec.Struct, frozen=True):
    """What decides about a holder; days since 1970, None: no such day.

    kinds hold from kinds_from until the day before next_from; before it kinds_before, then kinds_next. past:
    what flags, entitled_until and contract_ends_day were before, behind the moment it ended.
    """

    account: int
    programme: int
    flags: int = 0
    guardian: bool = False
    kinds: int = 0
    kinds_before: int = 0
    kinds_from: int | None = None
    kinds_next: int = 0
    next_from: int | None = None
    entitled_until: int | None = None
    contract_ends_day: int | None = None
    past: tuple[int | None, ...] | None = None


class CardCase(msgspec.Struct, frozen=True):
    """What a terminal reported of a card, and what became of it; token None: there is no such card."""

    terminal: int
    stan: int
    digest: int
    kind: int
    token: int | None
    was: int | None
    became: int | None


class MemoryRegistry:
    """The tables. now_ms: the database's clock; on_change is called after each change; on_account with the
    account of each new card.
    """

    def __init__(
        self,
        now_ms: Callable[[], int],
        on_change: Callable[[], object] = lambda: None,
        on_account: Callable[[int], object] = lambda _: None,
    ) -> None:
        self.now_ms = now_ms
        self._on_change = on_change
        self._on_account = on_account
        self.number = 0
        """Of the newest change."""
        self.master_key_check: bytes | None = None
        self.programmes: Changes[int, ProgrammeRow] = Changes()
        self.rules: Changes[tuple[int, int], RulesRow] = Changes()
        self.partners: Changes[int, PartnerRow] = Changes()
        self.terminals: Changes[int, TerminalRow] = Changes()
        self.keys: Changes[tuple[int, int], KeyRow] = Changes()
        self.offers: Changes[tuple[int, int, int], OfferRow] = Changes()
        self.contracts: Changes[tuple[int, int], ContractRow] = Changes()
        self.cards: Changes[int, Card] = Changes()
        self.holders: Changes[int, Holder] = Changes()
        self.terms: dict[int, list[Terms]] = {}
        self.births: dict[int, date] = {}
        """By account; workers never read it."""
        self.cases: dict[tuple[int, int], CardCase] = {}
        self._cards_of: dict[int, list[int]] = {}

    def set_programme(self, row: ProgrammeRow) -> int:
        """Add a programme, suspend it, or call it off."""
        return self._put(self.programmes, row.id, row)

    def apply_rules(
        self, row: RulesRow, *, time_zone: str = TIME_ZONE, kind_steps: Sequence[tuple[int, int]] = ()
    ) -> int:
        """Add a version of a programme's rules; of its days the zone, and the ages at which kinds change
        (`switch.rules.entitlement.steps_of`).
        """
        terms = Terms(row.version, row.effective_from_ms, time_zone, tuple(kind_steps))
        self.terms.setdefault(row.programme, []).append(terms)
        number = self._put(self.rules, (row.programme, row.version), row)
        place_kinds(self, row.programme, today_of(self, row.programme))
        return number

    def set_partner(self, row: PartnerRow) -> int:
        """Add a partner, who has a contract from then on without an end, or change one."""
        is_new = row.id not in self.partners.rows
        number = self._put(self.partners, row.id, row)
        if is_new:
            contract = ContractRow(row.id, 1, 0, NEVER_BEGAN, None)
            number = self._put(self.contracts, (row.id, contract.number), contract)
        return number

    def set_terminal(self, row: TerminalRow) -> int:
        """Add or change a terminal."""
        return self._put(self.terminals, row.id, row)

    def set_key(self, row: KeyRow) -> int:
        """Issue a key, or change when it ends."""
        return self._put(self.keys, (row.terminal, row.generation), row)

    def publish_offer(self, row: OfferRow) -> int:
        """Publish a version of an offer, or withdraw it."""
        return self._put(self.offers, (row.programme, row.number, row.version), row)

    def add_card(self, card: Card) -> int:
        """Add a card, with an account if it is the first of that."""
        if card.token in self.cards.rows:
            raise ValueError("this token is another card's")
        cards = self._cards_of.setdefault(card.account, [])
        if not cards:
            self._on_account(card.account)
        cards.append(card.token)
        return self._put(self.cards, card.token, card)

    def add_cards(self, cards: Sequence[Card]) -> int:
        """Add many at once, and tell of them once."""
        tell, self._on_change = self._on_change, _silent
        try:
            for card in cards:
                self.add_card(card)
        finally:
            self._on_change = tell
        self._on_change()
        return self.number

    def set_card(self, token: int, *, status: int | None = None, expires_day: int | None = None) -> int:
        """Give a card another status, or another last day; what they were until now is kept."""
        card = self.cards.rows[token]
        if status is not None and status != card.status:
            past = card.past or ()
            past = (*past, self.now_ms() << 4 | card.status)[-PAST_MAX:]
            card = replace(card, status=status, past=past)
        if expires_day is not None and expires_day != card.expires_day:
            valid_past = (*(card.valid_past or ()), self.now_ms(), card.expires_day)[-2 * PAST_MAX :]
            card = replace(card, expires_day=expires_day, valid_past=valid_past)
        return self._put(self.cards, token, card)

    def set_holder(self, holder: Holder, *, born_on: date | None = None) -> int:
        """Put what decides about the holder of an account. With a day of birth the kinds follow from it."""
        if born_on is not None:
            self.births[holder.account] = born_on
        if holder.account in self.births:
            holder = placed(self, holder, today_of(self, holder.programme))
        return self.place_holder(holder)

    def place_holder(self, holder: Holder) -> int:
        """Put a holder as it is, on whatever day; what decided until now is kept."""
        old = self.holders.rows.get(holder.account)
        if old is not None:
            before, past = _deciding(old), old.past
            if before != _deciding(holder):
                past = (*(past or ()), self.now_ms(), *before)[-4 * PAST_MAX :]
            holder = replace(holder, past=past)
        return self._put(self.holders, holder.account, holder)

    def cards_of(self, account: int) -> list[Card]:
        """The cards of an account."""
        return [self.cards.rows[token] for token in self._cards_of.get(account, ())]

    def _put(self, table: Changes[K, R], key: K, row: R) -> int:
        self.number += 1
        table.put(key, row, self.number)
        self._on_change()
        return self.number


def _deciding(holder: Holder) -> tuple[int | None, ...]:
    return holder.flags, holder.entitled_until, holder.contract_ends_day


def _silent() -> None:
    """Nobody is told."""
