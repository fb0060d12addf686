"""Points for a rebate: Częstochowa, "Działanie Programu" 2, one of the fixed tiers. Pure."""

from __future__ import annotations

from protocol import Redeem, ResultCode
from switch.rules.cards import Card
from switch.rules.decide.decision import Decision, Moment, More
from switch.rules.decide.refusals import APPROVED, refuse
from switch.rules.directory import Terminal


def decide_redeem(message: Redeem, terminal: Terminal, card: Card | int, at: Moment) -> Decision:
    """One tier of points for its value, where that is not above what is to pay (0: not said).

    Refused for now while a block may have been missed.
    """
    partner = terminal.partner
    rules = partner.programme.current.rules
    if at.is_stale:  # nor is it known for certain what the programme has
        return Decision(int(ResultCode.FEED_STALE))
    if rules.redeem is None:
        return Decision(int(ResultCode.NOT_SUPPORTED))
    value_grosze = rules.tier_value_grosze(message.tier)
    code = refuse(terminal, card, message.entry, at) or _refuse_rebate(message.amount, value_grosze)
    asked = More(tier=message.tier, basis=message.amount)
    if code:
        return Decision(code, more=asked)
    return Decision(APPROVED, -message.tier, value_grosze or 0, partner.redeemed_account, more=asked)


def _refuse_rebate(amount_grosze: int, value_grosze: int | None) -> int:
    """Return why a tier of this value (None: there is no such tier) cannot come off an amount to pay."""
    if amount_grosze < 0:
        return int(ResultCode.AMOUNT_NEGATIVE)
    if value_grosze is None:
        return int(ResultCode.TIER_UNKNOWN)
    return int(ResultCode.REBATE_OVER_AMOUNT) if 0 < amount_grosze < value_grosze else APPROVED
