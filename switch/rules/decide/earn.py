"""Points for a payment: Częstochowa, "Naliczanie punktów".

Owns points = floor(paid / step), the bounds of an amount, and by which time an offline sale is judged. Pure.
"""

from __future__ import annotations

from ledger.registry.reads import status_at
from protocol import Earn, EarnAdvice, ResultCode
from switch.rules.decide.decision import Decision, Moment
from switch.rules.decide.refusals import APPROVED, refuse, refuse_card, refuse_entry, refuse_identity
from switch.rules.directory import Card, Partner
from switch.rules.versions import DAY_MS, Version

ADVICE_AHEAD_MAX_MS = 300_000
"""How far a terminal's clock may be ahead of the switch's; a sale further ahead cannot be judged."""


def refuse_amount(amount_grosze: int) -> int:
    """Return what is wrong with an amount out of bounds."""
    if amount_grosze > 0:
        return int(ResultCode.AMOUNT_OVER_LIMIT)
    return int(ResultCode.AMOUNT_NEGATIVE if amount_grosze else ResultCode.AMOUNT_ZERO)


def decide_earn(message: Earn, partner: Partner, card: Card | int, at: Moment) -> Decision:
    """Points by the rules in force now."""
    version = partner.programme.current
    return _award(message.amount, partner, version, refuse(partner, card, message.entry, at))


def decide_earn_advice(message: EarnAdvice, partner: Partner, card: Card | int, at: Moment) -> Decision:
    """Points by the rules, the day and the states of card and programme at the sale, which was made offline.

    While the partner is suspended it is kept by the terminal: that ends, and the sale is made; and so it is
    where the end of the programme's suspension may have been missed. The points go to the card's account,
    also where the plastic has been replaced since.
    """
    amount_grosze = message.amount
    if partner.suspended:
        return Decision(int(ResultCode.SUSPENDED_FOR_NOW), amount_grosze=amount_grosze)
    sale_ms = message.terminal_time * 1_000
    identity = partner.programme.current.rules.programme
    oldest_ms = at.now_ms - identity.advice_age_max_days * DAY_MS
    version = partner.programme.version_at(min(sale_ms, at.now_ms))
    if not oldest_ms <= sale_ms <= at.now_ms + ADVICE_AHEAD_MAX_MS or not version.number:
        return Decision(int(ResultCode.ADVICE_OUT_OF_TIME), amount_grosze=amount_grosze)
    sale_ms = min(sale_ms, at.now_ms)
    code = partner.programme.states.refusal(sale_ms)
    if code and at.is_stale:
        return Decision(int(ResultCode.SUSPENDED_FOR_NOW), amount_grosze=amount_grosze)
    code = code or refuse_identity(partner, card)
    if isinstance(card, Card) and not code:
        code = refuse_card(card, status_at(card.status, card.past, sale_ms), version, sale_ms)
        code = code or refuse_entry(version, message.entry)
    return _award(amount_grosze, partner, version, code)


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
    points = amount_grosze // (partner.points_step_grosze or earn.step_grosze)
    return Decision(APPROVED, points, amount_grosze, partner.issued_account, rules_version=version.number)
