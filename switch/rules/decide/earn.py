"""Points for a payment: Częstochowa, "Naliczanie punktów".

Owns points = floor(paid / step), and the bounds of an amount. Pure.
"""

from __future__ import annotations

from protocol import Earn, EarnAdvice, ResultCode
from switch.rules.cards import Card
from switch.rules.decide.decision import Decision, Moment
from switch.rules.decide.late import judge_late, refuse_unjudged
from switch.rules.decide.refusals import APPROVED, refuse
from switch.rules.directory import Partner, Terminal
from switch.rules.versions import Version


def refuse_amount(amount_grosze: int) -> int:
    """Return what is wrong with an amount out of bounds."""
    if amount_grosze > 0:
        return int(ResultCode.AMOUNT_OVER_LIMIT)
    return int(ResultCode.AMOUNT_NEGATIVE if amount_grosze else ResultCode.AMOUNT_ZERO)


def decide_earn(message: Earn, terminal: Terminal, card: Card | int, at: Moment) -> Decision:
    """Points by the rules in force now."""
    partner = terminal.partner
    version = partner.programme.current
    return _award(message.amount, partner, version, refuse(terminal, card, message.entry, at))


def decide_earn_advice(message: EarnAdvice, terminal: Terminal, card: Card | int, at: Moment) -> Decision:
    """Points by the rules, the day and the states of card and programme at the sale, which was made offline.

    The points go to the card's account, also where the plastic has been replaced since.
    """
    partner = terminal.partner
    sale = judge_late(message, terminal, card, at)
    if isinstance(sale, int):
        is_served = partner.programme.current.rules.earn is not None
        return Decision(refuse_unjudged(sale, is_served=is_served), amount_grosze=message.amount)
    return _award(message.amount, partner, sale.version, sale.refusal)


def _award(amount_grosze: int, partner: Partner, version: Version, refusal: int) -> Decision:
    """Points = floor(paid / step); the step is the partner's own, or else the programme's."""
    earn = version.rules.earn
    if earn is None:
        return Decision(int(ResultCode.NOT_SUPPORTED), 0, amount_grosze, rules_version=version.number)
    code = refusal
    if not code and not 0 < amount_grosze <= earn.amount_max_grosze:
        code = refuse_amount(amount_grosze)
    if code:
        return Decision(code, 0, amount_grosze, rules_version=version.number)
    step_grosze = partner.points_step_grosze or earn.step_grosze
    return Decision(
        APPROVED,
        amount_grosze // step_grosze,
        amount_grosze,
        partner.issued_account,
        version.number,
        step_grosze,
    )
