"""Why a request is refused whatever it asks for: the state of programme, partner and card.

Owns the order of these refusals (protocol result codes are numbered in that order). Pure. `card` is the
result code of a failed look-up (invalid number, unknown card) where there is no card; APPROVED means that
nothing speaks against it.
"""

from __future__ import annotations

from ledger.registry.card_states import CardStatus
from protocol import ResultCode
from switch.rules.cards import Card
from switch.rules.decide.decision import Moment
from switch.rules.directory import Partner, Terminal
from switch.rules.entitlement import standing
from switch.rules.versions import Version

# Plain integers: an attribute of an enum class costs more than the comparison it serves.
APPROVED = int(ResultCode.APPROVED)
TRY_AGAIN = int(ResultCode.TRY_AGAIN)
PARTNER_SUSPENDED = int(ResultCode.PARTNER_SUSPENDED)
CARD_UNKNOWN = int(ResultCode.CARD_UNKNOWN)
CARD_OTHER_PROGRAMME = int(ResultCode.CARD_OTHER_PROGRAMME)
CARD_EXPIRED = int(ResultCode.CARD_EXPIRED)
CARD_RETAIN = int(ResultCode.CARD_RETAIN)
CARD_BLOCKED = int(ResultCode.CARD_BLOCKED)
ENTITLEMENT_ENDED = int(ResultCode.ENTITLEMENT_ENDED)
ENTRY_NOT_ALLOWED = int(ResultCode.ENTRY_NOT_ALLOWED)

CARD_REFUSAL_OF = {
    CardStatus.ACTIVE: ResultCode.APPROVED,
    CardStatus.BLOCKED: ResultCode.CARD_BLOCKED,
    CardStatus.WANTED: ResultCode.CARD_RETAIN,
    CardStatus.REPLACED: ResultCode.CARD_REPLACED,
    CardStatus.ORDERED: ResultCode.CARD_NOT_ACTIVE,
    CardStatus.READY: ResultCode.CARD_NOT_ACTIVE,
    CardStatus.CLOSED: ResultCode.CARD_BLOCKED,
    CardStatus.RETAINED: ResultCode.CARD_BLOCKED,
    CardStatus.RESIGNED: ResultCode.CARD_BLOCKED,
    CardStatus.VOID: ResultCode.CARD_BLOCKED,
}
"""What a terminal is told of each state (docs/cards.md); to keep a card only where the rules say so."""
CARD_REFUSALS = tuple(int(CARD_REFUSAL_OF[status]) for status in CardStatus)


def postpone(partner: Partner, card: Card | int, at: Moment) -> int:
    """Return why no new business can be decided now: a code of class retry.

    The clock cannot be right, there are no rules yet, or the card may be one that was issued a moment ago.
    """
    if not at.is_clock_right or not partner.programme.current.number:
        return TRY_AGAIN
    return TRY_AGAIN if at.is_stale and is_ignorant(card, at) else APPROVED


def is_ignorant(card: Card | int, at: Moment) -> bool:
    """Whether the card may exist although this worker does not know it (yet)."""
    return at.is_stale and isinstance(card, int) and card == CARD_UNKNOWN


def refuse_identity(partner: Partner, card: Card | int) -> int:
    """Return why the card is not one of this programme."""
    if isinstance(card, int):
        return card
    if card.programme != partner.programme.number:
        return CARD_OTHER_PROGRAMME
    return APPROVED


def refuse_place(terminal: Terminal, refusal: int, day: int) -> int:
    """Return why a terminal is served nothing on a day, `refusal` being that of its programme then: of two
    reasons the lower number. A partner without a contract is told as one that is suspended.
    """
    if terminal.partner.suspended or not terminal.partner.contracts.cover(terminal.outlet, day):
        return min(refusal or PARTNER_SUSPENDED, PARTNER_SUSPENDED)
    return refusal


def refuse_place_now(terminal: Terminal, at_ms: int) -> int:
    """Return why a terminal is served nothing now (ms since 1970)."""
    programme = terminal.partner.programme
    return refuse_place(terminal, programme.refusal, programme.current.calendar.day(at_ms))


def refuse_card(card: Card, status: int, version: Version, at_ms: int) -> int:
    """Return why a card of this status could not be used at a moment (ms since 1970).

    Zgierz § 20: the card has no end, the entitlement has.
    """
    if code := CARD_REFUSALS[status]:
        return CARD_BLOCKED if code == CARD_RETAIN and not version.rules.terminals.retain else code
    day = version.calendar.day(at_ms)
    if card.expires_day is not None and day > card.expires_day:
        return CARD_EXPIRED
    if version.needs_proof and not standing(card, version, day).is_entitled:
        return ENTITLEMENT_ENDED
    return APPROVED


def refuse_entry(version: Version, entry: int) -> int:
    """Return why a card must not be read in this way (Zgierz § 17: no card in the hand, no discount)."""
    return APPROVED if version.entry_bits >> entry & 1 else ENTRY_NOT_ALLOWED


def refuse(terminal: Terminal, card: Card | int, entry: int, at: Moment) -> int:
    """Return why nothing is done for this card, read in this way, at this terminal now."""
    partner = terminal.partner
    programme = partner.programme
    if code := refuse_place(terminal, programme.refusal, programme.current.calendar.day(at.now_ms)):
        return code
    if isinstance(card, int) or card.programme != programme.number:
        return refuse_identity(partner, card)
    version = programme.current
    if (card.status or card.expires_day is not None or version.needs_proof) and (
        code := refuse_card(card, card.status, version, at.now_ms)
    ):
        return code
    return APPROVED if version.entry_bits >> entry & 1 else ENTRY_NOT_ALLOWED
