"""Points for a payment: Częstochowa, "Naliczanie punktów".

Owns points = floor(paid / step) and the bounds of an amount. Pure.
"""

from __future__ import annotations

from protocol import Earn, EarnAdvice, ResultCode
from switch.rules.decide.decision import Decision, Moment
from switch.rules.decide.refusals import APPROVED, refuse
from switch.rules.directory import Card, Partner


def refuse_amount(amount_grosze: int) -> int:
    """Return what is wrong with an amount out of bounds."""
    if amount_grosze > 0:
        return int(ResultCode.AMOUNT_OVER_LIMIT)
    return int(ResultCode.AMOUNT_NEGATIVE if amount_grosze else ResultCode.AMOUNT_ZERO)


def decide_earn(message: Earn | EarnAdvice, partner: Partner, card: Card | int, at: Moment) -> Decision:
    """Points = floor(paid / step); the step is the partner's own, or else the programme's."""
    earn = partner.programme.rules.earn
    if earn is None:
        return Decision(int(ResultCode.NOT_SUPPORTED))
    amount_grosze = message.amount
    code = refuse(partner, card, at.day)
    if not code and not 0 < amount_grosze <= earn.amount_max_grosze:
        code = refuse_amount(amount_grosze)
    if code:
        return Decision(code, 0, amount_grosze)
    points = amount_grosze // (partner.points_step_grosze or earn.step_grosze)
    return Decision(APPROVED, points, amount_grosze, partner.issued_account)
