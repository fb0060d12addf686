"""Points for a rebate: Częstochowa, "Działanie Programu" 2, one of the fixed tiers. Pure."""

from __future__ import annotations

from protocol import Redeem, ResultCode
from switch.rules.decide.decision import Decision, Moment
from switch.rules.decide.refusals import APPROVED, refuse
from switch.rules.directory import Card, Partner


def decide_redeem(message: Redeem, partner: Partner, card: Card | int, at: Moment) -> Decision:
    """One tier of points for its value; refused for now while a block may have been missed."""
    rules = partner.programme.current.rules
    if rules.redeem is None:
        return Decision(int(ResultCode.NOT_SUPPORTED))
    if at.is_stale:
        return Decision(int(ResultCode.FEED_STALE))
    if code := refuse(partner, card, at):
        return Decision(code)
    value_grosze = rules.tier_value_grosze(message.tier)
    if value_grosze is None:
        return Decision(int(ResultCode.TIER_UNKNOWN))
    return Decision(APPROVED, -message.tier, value_grosze, partner.redeemed_account)
