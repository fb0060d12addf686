"""What the auditor knows of the world, by the number under which he learned it.

Owns the facts and what of them held at a moment, as far as it was known by a number. Must not know requests.
Invariant: what is asked with a number is answered by facts learned under that one or an earlier; nothing is
ever forgotten.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from functools import lru_cache
from typing import Any, NamedTuple, TypeVar

from simulators.world.auditor.offer import Offer, read_offer
from simulators.world.auditor.programme import Rules
from simulators.world.facts import (
    ACTIVE,
    BLOCKED,
    ORDERED,
    READY,
    RETAINED,
    WANTED,
    CardReported,
    CardSet,
    Fact,
    HolderSet,
    OfferPublished,
    OfferWithdrawn,
    PartnerSet,
    ProgrammeApplied,
    ProgrammeState,
    TerminalSet,
)

_RETAINED_OF = frozenset({ORDERED, READY, ACTIVE, BLOCKED, WANTED})
_BLOCKED_OF = frozenset({ORDERED, READY, ACTIVE})
REPORT_RETAINED, REPORT_ATTEMPT = 1, 2

Key = TypeVar("Key")


class Learned(NamedTuple):
    """A fact, the number it was learned under, and what was said of the same thing before."""

    number: int
    fact: Any
    before: Learned | None


class Registry:
    """Everything the auditor has been told."""

    def __init__(self) -> None:
        self._rules: dict[int, list[tuple[int, int, Rules]]] = {}
        self._states: dict[int, Learned] = {}
        self._partners: dict[int, Learned] = {}
        self._terminals: dict[int, Learned] = {}
        self._cards: dict[tuple[int, str], Learned] = {}
        self._holders: dict[int, Learned] = {}
        self._offers: dict[tuple[int, int], Learned] = {}
        self._of_partner: dict[int, set[int]] = {}
        self._homes: dict[int, int] = {}
        self._put: dict[type, Callable[[int, Any], None]] = {
            ProgrammeApplied: self._applied,
            ProgrammeState: lambda number, fact: _put(self._states, fact.programme, number, fact),
            PartnerSet: lambda number, fact: _put(self._partners, fact.partner, number, fact),
            TerminalSet: self._terminal_set,
            OfferPublished: self._offer,
            OfferWithdrawn: self._offer,
            CardSet: lambda number, fact: _put(self._cards, (fact.programme, fact.card), number, fact),
            CardReported: self._reported,
            HolderSet: lambda number, fact: _put(self._holders, fact.account, number, fact),
        }

    def learn(self, number: int, fact: Fact) -> None:
        """Take a fact in; numbers never fall."""
        self._put[type(fact)](number, fact)

    def _applied(self, number: int, fact: ProgrammeApplied) -> None:
        rules = (number, fact.from_ms, _rules(fact.version, fact.text))
        self._rules.setdefault(fact.programme, []).append(rules)

    def _terminal_set(self, number: int, fact: TerminalSet) -> None:
        self._homes[fact.terminal] = fact.partner
        _put(self._terminals, fact.terminal, number, fact)

    def _offer(self, number: int, fact: OfferPublished | OfferWithdrawn) -> None:
        _put(self._offers, (fact.programme, fact.number), number, fact)
        if isinstance(fact, OfferPublished):
            partner = read_offer(fact.text, fact.number).partner
            self._of_partner.setdefault(partner, set()).add(fact.number)

    def _reported(self, number: int, fact: CardReported) -> None:
        """Żywiec § 4: what is reported retained or attempted is stopped at once (docs/cards.md, Cases)."""
        known = self._cards.get((fact.programme, fact.card))
        if known is None:
            return
        was: CardSet = known.fact
        state = was.state
        if fact.report == REPORT_RETAINED and state in _RETAINED_OF:
            state = RETAINED
        elif fact.report == REPORT_ATTEMPT and state in _BLOCKED_OF:
            state = BLOCKED
        if state != was.state:
            card = CardSet(
                card=was.card,
                programme=was.programme,
                account=was.account,
                state=state,
                since_ms=fact.since_ms,
                valid_until=was.valid_until,
            )
            _put(self._cards, (fact.programme, fact.card), number, card)

    def terminal(self, terminal: int, number: int) -> TerminalSet:
        """Return where a terminal stands."""
        found: TerminalSet = _known(self._terminals[terminal], number).fact
        return found

    def home(self, terminal: int) -> int | None:
        """Return the partner a terminal stands at; None: there never was such a terminal."""
        return self._homes.get(terminal)

    def partner(self, partner: int, number: int) -> PartnerSet:
        """Return a partner."""
        found: PartnerSet = _known(self._partners[partner], number).fact
        return found

    def state(self, programme: int, number: int) -> ProgrammeState | None:
        """Return when a programme is suspended or called off."""
        known = self._states.get(programme)
        found: ProgrammeState | None = _find(known, number)
        return found

    def rules_at(self, programme: int, at_ms: int, number: int) -> Rules | None:
        """Return the rules in force at a moment; None before the first."""
        best: tuple[int, int, Rules] | None = None
        for learned, from_ms, rules in self._rules.get(programme, ()):
            if learned > number or from_ms > at_ms:
                continue
            if best is None or (from_ms, rules.version) > (best[1], best[2].version):
                best = learned, from_ms, rules
        return best[2] if best else None

    def programmes(self) -> Iterator[int]:
        """Yield the programmes that ever had rules."""
        yield from self._rules

    def card(self, programme: int, digits: str, number: int) -> CardSet | None:
        """Return a card of a programme as it stands."""
        found: CardSet | None = _find(self._cards.get((programme, digits)), number)
        return found

    def card_then(self, card: CardSet, at_ms: int, number: int) -> CardSet:
        """Return a card as it stood at a moment; before the first that is known of it, as it was first."""
        then: CardSet = _then(self._cards[card.programme, card.card], at_ms, number, card)
        return then

    def holder(self, account: int, number: int) -> HolderSet | None:
        """Return who holds the cards of an account."""
        found: HolderSet | None = _find(self._holders.get(account), number)
        return found

    def holder_then(self, holder: HolderSet, at_ms: int, number: int) -> HolderSet:
        """Return what decided about a holder at a moment; before the first that is known, what did first."""
        then: HolderSet = _then(self._holders[holder.account], at_ms, number, holder)
        return then

    def offer_at(self, programme: int, offer: int, at_ms: int, number: int) -> Offer | None:
        """Return the offer that is in force at a moment, whatever the day and the hour."""
        best: OfferPublished | OfferWithdrawn | None = None
        known = self._offers.get((programme, offer))
        while known is not None:
            fact: OfferPublished | OfferWithdrawn = known.fact
            is_in_force = known.number <= number and fact.from_ms <= at_ms
            if is_in_force and (best is None or (fact.from_ms, fact.version) > (best.from_ms, best.version)):
                best = fact
            known = known.before
        return read_offer(best.text, offer) if isinstance(best, OfferPublished) else None

    def offers_of(self, partner: int) -> list[int]:
        """Return the numbers of all offers a partner ever had, rising."""
        return sorted(self._of_partner.get(partner, ()))

    def last_day(self, card: CardSet, holder: HolderSet | None, number: int) -> date | None:
        """Return the last valid day of a card: its own, that of a notice or of a contract; None: no end."""
        days = [card.valid_until]
        if holder is not None:
            days.append(holder.ends_on)
            if holder.notice_given_on is not None:
                days.append(self._void_after(card.programme, holder.notice_given_on, number))
        return min((day for day in days if day is not None), default=None)

    def _void_after(self, programme: int, given_on: date, number: int) -> date:
        """Return the last day after a notice, by the rules in force when its day was over."""
        versions = [one for one in self._rules[programme] if one[0] <= number]
        in_force = [one for one in versions if one[2].clock.shows(one[1])[0] <= given_on] or versions[:1]
        return max(in_force, key=lambda one: (one[1], one[2].version))[2].void_after(given_on)


def _put(home: dict[Key, Learned], key: Key, number: int, fact: Fact) -> None:
    home[key] = Learned(number, fact, home.get(key))


def _known(learned: Learned, number: int) -> Learned:
    while learned.number > number and learned.before is not None:
        learned = learned.before
    return learned


def _then(learned: Learned | None, at_ms: int, number: int, now: Any) -> Any:
    oldest = now
    while learned is not None:
        if learned.number <= number:
            oldest = learned.fact
            if oldest.since_ms <= at_ms:
                break
        learned = learned.before
    return oldest


def _find(learned: Learned | None, number: int) -> Any:
    while learned is not None and learned.number > number:
        learned = learned.before
    return learned.fact if learned else None


@lru_cache(maxsize=64)
def _rules(version: int, text: str) -> Rules:
    return Rules(version, text)
