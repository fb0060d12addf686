"""Why a request is refused whatever it asks for: the state of programme, partner and card.

Owns the order of these refusals (protocol result codes are numbered in that order). Pure.
"""

from __future__ import annotations

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
