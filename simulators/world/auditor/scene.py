"""Where and when a request is judged, and every reason against it that place and card give.

Owns what all requests for a card have in common. Reasons are gathered, all that apply, as result codes, and
`the_one_told` picks the one SPEC.md, section 7, says is told.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

import msgspec

from protocol import ResultCode
from protocol.fields import CardMessage
from simulators.world.auditor.card_text import read_card
from simulators.world.auditor.programme import Rules
from simulators.world.auditor.registry import Registry
from simulators.world.facts import (
    ACTIVE,
    ORDERED,
    READY,
    REPLACED,
    WANTED,
    CardSet,
    HolderSet,
    PartnerSet,
    ProgrammeState,
    TerminalSet,
)

_MINUTE_MS, _DAY_MS = 60_000, 86_400_000
_AFTER_OTHER_PARTNER = {
    ResultCode.AMOUNT_ZERO,
    ResultCode.BENEFIT_NOT_FOR_CARD,
    ResultCode.BENEFIT_NOT_NOW,
    ResultCode.CONFIRMATION_MISSING,
}
_NOBODY: frozenset[str] = frozenset()
_BOOKS_ALONE = {ResultCode.POINTS_INSUFFICIENT, ResultCode.QUOTA_USED_UP}


class Scene(msgspec.Struct, gc=False):
    """A terminal at its partner's at a moment; `at_ms` is the one judged by, an advice's that of its sale.

    `day` and `minute` are what the programme's clocks show then; `kinds` and `flags` those of the holder on
    that day.
    """

    terminal: TerminalSet
    partner: PartnerSet
    number: int
    now_ms: int
    at_ms: int
    rules: Rules
    sold_ms: int | None = None
    """When an offline sale was made, by the terminal's clock; None: it is made now."""
    day: date = date.min
    minute: int = 0
    card: CardSet | None = None
    holder: HolderSet | None = None
    kinds: frozenset[str] = _NOBODY
    flags: frozenset[str] = _NOBODY

    def judge_by(self, at_ms: int, rules: Rules) -> None:
        """Let a moment and its rules be those judged by."""
        self.at_ms, self.rules = at_ms, rules
        self.day, self.minute = rules.clock.shows(at_ms)

    @property
    def programme(self) -> int:
        """The programme's number."""
        return self.partner.programme

    @property
    def account(self) -> int:
        """The card's account; 0 where there is no card of the programme."""
        return self.card.account if self.card else 0


def the_one_told(reasons: Iterable[int]) -> int:
    """Return the code that is told of all that apply; 0: none does."""
    found = set(reasons)
    if ResultCode.BENEFIT_OTHER_PARTNER in found:
        found -= _AFTER_OTHER_PARTNER
    return min(found - _BOOKS_ALONE or found, default=0)


def reasons_of_state(state: ProgrammeState | None, at_ms: int) -> int:
    """Return why nothing new is done in a programme at a moment; called off is not suspended any more."""
    if state is None:
        return 0
    if state.ended_from_ms is not None and at_ms >= state.ended_from_ms:
        return int(ResultCode.PROGRAMME_ENDED)
    is_suspended = any(begin <= at_ms and (end is None or at_ms < end) for begin, end in state.suspended_ms)
    return int(ResultCode.PROGRAMME_SUSPENDED) if is_suspended else 0


def reasons_of_place(registry: Registry, scene: Scene) -> set[int]:
    """Return what is against new business here and now."""
    found = {reasons_of_state(registry.state(scene.programme, scene.number), scene.now_ms)}
    if scene.partner.is_suspended:
        found.add(int(ResultCode.PARTNER_SUSPENDED))
    return found - {0}


def reasons_of_time(registry: Registry, scene: Scene, sold_ms: int, rules: Rules | None) -> set[int]:
    """Return what is against a sale made at an earlier moment, `rules` being those of then."""
    oldest, newest = scene.now_ms - scene.rules.advice_days * _DAY_MS, scene.now_ms + 5 * _MINUTE_MS
    if rules is None or not oldest <= sold_ms <= newest:
        return {int(ResultCode.ADVICE_OUT_OF_TIME)}
    if scene.partner.is_suspended:
        return {int(ResultCode.SUSPENDED_FOR_NOW)}
    return {reasons_of_state(registry.state(scene.programme, scene.number), min(sold_ms, scene.now_ms))} - {0}


def find_card(registry: Registry, scene: Scene, text: str) -> set[int]:
    """Put card and holder into the scene, or return why there is no card."""
    card = registry.card(scene.programme, text, scene.number)
    if card is None:
        digits = read_card(text)
        if digits is None:
            return {int(ResultCode.CARD_NUMBER_INVALID)}
        card = registry.card(scene.programme, digits, scene.number)
        if card is None:
            return {_why_unknown(registry, scene, digits)}
    holder = registry.holder(card.account, scene.number)
    if holder is not None:
        # When somebody was born was never otherwise than it is known now.
        scene.kinds = scene.rules.kinds_of(holder.born_on, scene.day)
    # What is known now holds, whatever the clock shows; only a sale made offline is judged by its own time.
    sold_ms = scene.sold_ms
    if sold_ms is not None:
        card = registry.card_then(card, sold_ms, scene.number)
        holder = holder and registry.holder_then(holder, sold_ms, scene.number)
    scene.card, scene.holder = card, holder
    if holder is not None:
        scene.flags = frozenset(holder.flags)
    return set()


def _why_unknown(registry: Registry, scene: Scene, digits: str) -> int:
    now = registry.rules_at(scene.programme, scene.now_ms, scene.number)
    if now is None or not digits.startswith(now.prefix):
        for other in registry.programmes():
            rules = registry.rules_at(other, scene.now_ms, scene.number)
            if other != scene.programme and rules is not None and digits.startswith(rules.prefix):
                return int(ResultCode.CARD_OTHER_PROGRAMME)
    return int(ResultCode.CARD_UNKNOWN)


def reasons_of_card(registry: Registry, scene: Scene, message: CardMessage) -> set[int]:
    """Return what is against the card and the way it was read, at the moment judged by."""
    found = find_card(registry, scene, message.card)
    if message.entry not in scene.rules.entries:
        found.add(int(ResultCode.ENTRY_NOT_ALLOWED))
    card = scene.card
    if card is None:
        return found
    state = card.state
    if state == WANTED and scene.rules.retains:
        found.add(int(ResultCode.CARD_RETAIN))
    elif state == REPLACED:
        found.add(int(ResultCode.CARD_REPLACED))
    elif state in (ORDERED, READY):
        found.add(int(ResultCode.CARD_NOT_ACTIVE))
    elif state != ACTIVE:
        found.add(int(ResultCode.CARD_BLOCKED))
    last_day = registry.last_day(card, scene.holder, scene.number)
    if last_day is not None and scene.day > last_day:
        found.add(int(ResultCode.CARD_EXPIRED))
    if not is_entitled(scene):
        found.add(int(ResultCode.ENTITLEMENT_ENDED))
    return found


def is_entitled(scene: Scene) -> bool:
    """Whether the holder is entitled on the day judged by (Zgierz § 20); elsewhere everybody is."""
    if scene.rules.entitlement is None:
        return True
    holder = scene.holder
    if holder is None:
        return False
    until = holder.entitled_until or scene.rules.entitled_until(holder.tax_year, holder.applied_on)
    return until is not None and scene.day <= until
