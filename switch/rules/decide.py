"""Decisions: pure functions of (partner, card, request, today). No await, no database, no clock.

Owns the order in which a request is refused (protocol result codes are numbered in that order). Whether the
points suffice is not decided here: only the ledger knows a balance, under its lock.
"""

from __future__ import annotations

import msgspec

from protocol import ResultCode
from switch.rules.directory import Card, Partner

# Plain integers: an attribute of an enum class costs more than the comparison it serves.
APPROVED = int(ResultCode.APPROVED)
PROGRAMME_SUSPENDED = int(ResultCode.PROGRAMME_SUSPENDED)
PARTNER_SUSPENDED = int(ResultCode.PARTNER_SUSPENDED)
CARD_OTHER_PROGRAMME = int(ResultCode.CARD_OTHER_PROGRAMME)
CARD_EXPIRED = int(ResultCode.CARD_EXPIRED)

# By the registry's card status: active, blocked, retain, replaced, ordered, ready, closed.
CARD_REFUSALS = (
    APPROVED,
    int(ResultCode.CARD_BLOCKED),
    int(ResultCode.CARD_RETAIN),
    int(ResultCode.CARD_REPLACED),
    int(ResultCode.CARD_NOT_ACTIVE),
    int(ResultCode.CARD_NOT_ACTIVE),
    int(ResultCode.CARD_BLOCKED),
)


class Decision(msgspec.Struct, frozen=True, gc=False):
    """What the switch decided from memory: `code` 0 means "post if the balance allows".

    `points` is the signed change of the card account, `amount_grosze` the amount keyed (earn; of
    refused ones too, for the journal shows every attempt) or the rebate given (redeem).
    """

    code: int
    points: int = 0
    amount_grosze: int = 0


def refuse_identity(partner: Partner, card: Card | int) -> int:
    """Return why the card is not one of this programme, or APPROVED. All that a reversal may be refused for.

    Here and below `card` is the result code of a failed look-up (invalid number, unknown card) where there is
    none.
    """
    if isinstance(card, int):
        return card
    if card.programme != partner.programme.number:
        return CARD_OTHER_PROGRAMME
    return APPROVED


def refuse(partner: Partner, card: Card | int, today: int) -> int:
    """Return why this partner's terminals are served nothing now, or the card cannot be used today.

    `today` in days since 1970-01-01. APPROVED where nothing speaks against it.
    """
    if partner.programme.suspended:
        return PROGRAMME_SUSPENDED
    if partner.suspended:
        return PARTNER_SUSPENDED
    if code := refuse_identity(partner, card):
        return code
    assert isinstance(card, Card)
    if code := CARD_REFUSALS[card.status]:
        return code
    if card.expires_day is not None and today > card.expires_day:
        return CARD_EXPIRED
    return APPROVED


def refuse_amount(amount_grosze: int) -> int:
    """Return what is wrong with an amount out of bounds."""
    if amount_grosze > 0:
        return int(ResultCode.AMOUNT_OVER_LIMIT)
    return int(ResultCode.AMOUNT_NEGATIVE if amount_grosze else ResultCode.AMOUNT_ZERO)


def decide_earn(partner: Partner, card: Card | int, amount_grosze: int, today: int) -> Decision:
    """Częstochowa, "Naliczanie punktów": points = floor(paid / step).

    The step is the partner's own, or else the programme's.
    """
    earn = partner.programme.rules.earn
    if earn is None:
        return Decision(int(ResultCode.NOT_SUPPORTED))
    code = refuse(partner, card, today)
    if not code and not 0 < amount_grosze <= earn.amount_max_grosze:
        code = refuse_amount(amount_grosze)
    if code:
        return Decision(code, 0, amount_grosze)
    return Decision(
        APPROVED, amount_grosze // (partner.points_step_grosze or earn.step_grosze), amount_grosze
    )


def decide_redeem(partner: Partner, card: Card | int, tier: int, today: int, *, feed_stale: bool) -> Decision:
    """Częstochowa, "Działanie Programu" 2: one of the fixed tiers.

    Refused for now while the card feed is stale.
    """
    if partner.programme.rules.redeem is None:
        return Decision(int(ResultCode.NOT_SUPPORTED))
    if feed_stale:
        return Decision(int(ResultCode.FEED_STALE))
    if code := refuse(partner, card, today):
        return Decision(code)
    value_grosze = partner.programme.rules.tier_value_grosze(tier)
    if value_grosze is None:
        return Decision(int(ResultCode.TIER_UNKNOWN))
    return Decision(APPROVED, -tier, value_grosze)


def decide_balance(partner: Partner, card: Card | int, today: int) -> Decision:
    """A balance is told for a card that could be used now."""
    return Decision(refuse(partner, card, today))


def decide_reference(partner: Partner, card: Card | int) -> Decision:
    """Reversal and status: refused for a wrong card only, never on business grounds."""
    return Decision(refuse_identity(partner, card))
