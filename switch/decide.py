"""Decisions: pure functions of (partner, card, request, today). No await, no database, no clock.

Owns the order in which a request is refused (protocol result codes are numbered in that order). Whether the
points suffice is not decided here: only the ledger knows a balance, under its lock.
"""

from __future__ import annotations

import msgspec

from protocol import ResultCode
from switch.directory import Card, Partner

APPROVED = int(ResultCode.APPROVED)

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


def refuse_parties(partner: Partner) -> int:
    """Return why this partner's terminals are served nothing now, or APPROVED."""
    if partner.programme.suspended:
        return int(ResultCode.PROGRAMME_SUSPENDED)
    if partner.suspended:
        return int(ResultCode.PARTNER_SUSPENDED)
    return APPROVED


def refuse_identity(partner: Partner, card: Card | int) -> int:
    """Return why the card is not one of this programme, or APPROVED. All that a reversal may be refused for.

    Here and below `card` is the result code of a failed look-up (invalid number, unknown card) where there is
    none.
    """
    if isinstance(card, int):
        return card
    if card.programme != partner.programme.number:
        return int(ResultCode.CARD_OTHER_PROGRAMME)
    return APPROVED


def refuse_card(partner: Partner, card: Card | int, today: int) -> int:
    """Return why the card cannot be used today (days since 1970-01-01), or APPROVED."""
    if code := refuse_identity(partner, card):
        return code
    assert isinstance(card, Card)
    if code := CARD_REFUSALS[card.status]:
        return code
    if card.expires_day is not None and today > card.expires_day:
        return int(ResultCode.CARD_EXPIRED)
    return APPROVED


def decide_earn(partner: Partner, card: Card | int, amount_grosze: int, today: int) -> Decision:
    """Częstochowa, "Naliczanie punktów": points = floor(paid / step).

    The step is the partner's own, or else the programme's.
    """
    earn = partner.programme.rules.earn
    if earn is None:
        return Decision(int(ResultCode.NOT_SUPPORTED))
    code = refuse_parties(partner) or refuse_card(partner, card, today)
    if not code and amount_grosze <= 0:
        code = int(ResultCode.AMOUNT_NEGATIVE if amount_grosze else ResultCode.AMOUNT_ZERO)
    elif not code and amount_grosze > earn.amount_max_grosze:
        code = int(ResultCode.AMOUNT_OVER_LIMIT)
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
    if code := refuse_parties(partner) or refuse_card(partner, card, today):
        return Decision(code)
    value_grosze = partner.programme.rules.tier_value_grosze(tier)
    if value_grosze is None:
        return Decision(int(ResultCode.TIER_UNKNOWN))
    return Decision(APPROVED, -tier, value_grosze)


def decide_balance(partner: Partner, card: Card | int, today: int) -> Decision:
    """A balance is told for a card that could be used now."""
    return Decision(refuse_parties(partner) or refuse_card(partner, card, today))


def decide_reference(partner: Partner, card: Card | int) -> Decision:
    """Reversal and status: refused for a wrong card only, never on business grounds."""
    return Decision(refuse_identity(partner, card))
