"""A benefit used: granted where it was published, for this card, here and now. Pure.

Owns the order of its refusals and what a use costs and counts. Żywiec § 4: only published offers; Zgierz §
11: after positive verification; § 17: with the card and a document; § 18: so many times; § 37: not with other
reliefs. Invariant: a use that is granted takes something off, or is worth something without a price.
"""

from __future__ import annotations

from typing import Final

from protocol import BenefitAdvice, BenefitUse, ResultCode
from switch.rules.benefits import IDENTITY, NO_OTHER_DISCOUNT, is_confirmed
from switch.rules.cards import Card
from switch.rules.decide.decision import Decision, Moment, More
from switch.rules.decide.earn import refuse_amount
from switch.rules.decide.late import judge_late, refuse_unjudged
from switch.rules.decide.refusals import APPROVED, refuse
from switch.rules.decide.ruling import Ruling, rule
from switch.rules.directory import Terminal
from switch.rules.entitlement import standing
from switch.rules.versions import Version

OFFLINE_NOT_ALLOWED: Final = int(ResultCode.OFFLINE_NOT_ALLOWED)
NOTHING_OFF: Final = int(ResultCode.BENEFIT_NOTHING_OFF), 0


def decide_benefit_use(message: BenefitUse, terminal: Terminal, card: Card | int, at: Moment) -> Decision:
    """One use now; refused for now while a block or a withdrawal may have been missed."""
    version = terminal.partner.programme.current
    if at.is_stale:
        return Decision(int(ResultCode.FEED_STALE))
    if version.rules.benefits is None:
        return Decision(int(ResultCode.NOT_SUPPORTED), amount_grosze=message.amount)
    code = refuse(terminal, card, message.entry, at)
    if code or isinstance(card, int):
        return _refused(code, message)
    return _grant(message, terminal, card, version, at.now_ms)


def decide_benefit_advice(
    message: BenefitAdvice, terminal: Terminal, card: Card | int, at: Moment
) -> Decision:
    """One use that was granted offline, by what held at the time of the sale; where the programme has it.

    While the registry is stale it is kept by the terminal: what is not known here may have been published.
    """
    if at.is_stale:
        return _refused(int(ResultCode.FEED_STALE), message)
    sale = judge_late(message, terminal, card, at)
    if isinstance(sale, int):
        is_served = terminal.partner.programme.current.rules.benefits is not None
        return _refused(refuse_unjudged(sale, is_served=is_served), message)
    benefits, code = sale.version.rules.benefits, sale.refusal
    if benefits is None:
        code = int(ResultCode.NOT_SUPPORTED)
    elif not benefits.offline:
        code = min(code or OFFLINE_NOT_ALLOWED, OFFLINE_NOT_ALLOWED)
    if code or isinstance(sale.card, int):
        return _refused(code, message, sale.version.number)
    return _grant(message, terminal, sale.card, sale.version, sale.at_ms)


def _refused(code: int, message: BenefitUse | BenefitAdvice, rules_version: int = 0) -> Decision:
    more = More(offer=message.offer, confirmed=message.confirmed & 7)
    return Decision(code, amount_grosze=message.amount, rules_version=rules_version, more=more)


def _grant(
    message: BenefitUse | BenefitAdvice, terminal: Terminal, card: Card, version: Version, at_ms: int
) -> Decision:
    found = terminal.partner.programme.offers.at(message.offer, at_ms)
    who = standing(card, version, version.calendar.day(at_ms))
    ruling = rule(found.terms(version.codes), version, terminal, who, at_ms) if found else None
    code, checks = refuse_use(message, ruling, version)
    if code or ruling is None:
        return Decision(
            code,
            amount_grosze=message.amount,
            rules_version=version.number,
            more=More(offer=message.offer, confirmed=message.confirmed & 7, checks=checks, basis=who.kinds),
        )
    return Decision(
        APPROVED,
        amount_grosze=message.amount,
        counter_account=terminal.partner.issued_account,
        rules_version=version.number,
        more=More(
            offer=message.offer,
            discount_grosze=ruling.discount_grosze(message.amount),
            confirmed=message.confirmed & 7,
            checks=checks,
            quotas=ruling.quotas_of(card.account),
            basis=who.kinds,
        ),
    )


def refuse_use(
    message: BenefitUse | BenefitAdvice, ruling: Ruling | None, version: Version
) -> tuple[int, int]:
    """Return why a use is refused, and what the cashier has to see (of one refused: has yet to confirm)."""
    benefits = version.rules.benefits
    assert benefits is not None
    if not 0 <= message.amount <= benefits.amount_max_grosze:
        return refuse_amount(message.amount), 0
    if ruling is None:
        return int(ResultCode.BENEFIT_UNKNOWN), 0
    if ruling.wants_amount and not message.amount:
        return int(ResultCode.AMOUNT_ZERO), 0
    if ruling.code:
        return ruling.code, 0
    checks = ruling.checks
    if is_confirmed(checks, message.confirmed):
        is_worth = not ruling.wants_amount or ruling.discount_grosze(message.amount)
        return (APPROVED, checks) if is_worth else NOTHING_OFF
    missing = 0 if not checks & IDENTITY or message.confirmed & checks & IDENTITY else checks & IDENTITY
    return int(ResultCode.CONFIRMATION_MISSING), missing | checks & ~message.confirmed & NO_OTHER_DISCOUNT
