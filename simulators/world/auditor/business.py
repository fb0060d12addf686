"""Sales: EARN, EARN_ADVICE, REDEEM, BENEFIT_USE, BENEFIT_ADVICE, and QUOTE, which asks before one.

Owns what each comes to. Must not know what stands under its number already (`auditor`). Invariant: nothing is
taken here, the books are only read.
"""

from __future__ import annotations

import msgspec

from protocol import (
    TYPE_OF,
    BenefitAdvice,
    BenefitUse,
    Earn,
    EarnAdvice,
    Quote,
    Redeem,
    ResultCode,
)
from simulators.world.auditor.books import Books, Use
from simulators.world.auditor.days import period_of
from simulators.world.auditor.expected import NO_LIMIT
from simulators.world.auditor.offer import Benefit, Offer, needs_price
from simulators.world.auditor.programme import not_seen
from simulators.world.auditor.registry import Registry
from simulators.world.auditor.scene import Scene, the_one_told
from simulators.world.auditor.shares import Key

EVERYBODY = 0


class Sale(msgspec.Struct, gc=False):
    """What a sale comes to: the reasons against it, and its figures if there are none."""

    reasons: set[int]
    amount_grosze: int = 0
    discount_grosze: int = 0
    points: int = 0
    checks: int = 0
    missing: int = 0
    step_grosze: int = 0
    uses: list[Use] = []

    def wide(self) -> list[Key]:
        """Return the names of the limits that count everybody's uses."""
        return [use.key for use in self.uses if use.is_wide]

    @property
    def code(self) -> int:
        """The result."""
        return the_one_told(self.reasons)


def earn(scene: Scene, message: Earn | EarnAdvice) -> Sale:
    """Points for what was paid: one for each full step, the partner's own where he has one."""
    if scene.rules.step_grosze is None:
        return Sale({int(ResultCode.NOT_SUPPORTED)})
    reasons = _reasons_of_amount(message.amount, scene.rules.earn_max)
    if message.amount == 0:
        reasons.add(int(ResultCode.AMOUNT_ZERO))
    step = scene.partner.points_step_grosze or scene.rules.step_grosze
    points = 0 if reasons else message.amount // step
    return Sale(reasons, message.amount, points=points, step_grosze=step)


def redeem(scene: Scene, message: Redeem, books: Books) -> Sale:
    """One tier of points for its value; never more than is to pay, where that is known."""
    tiers = scene.rules.tiers
    if tiers is None:
        return Sale({int(ResultCode.NOT_SUPPORTED)})
    reasons = {int(ResultCode.AMOUNT_NEGATIVE)} if message.amount < 0 else set()
    value = tiers.get(message.tier)
    if value is None:
        return Sale(reasons | {int(ResultCode.TIER_UNKNOWN)})
    if message.amount and value > message.amount:
        reasons.add(int(ResultCode.REBATE_OVER_AMOUNT))
    if books.points_of(scene.account) < message.tier:
        reasons.add(int(ResultCode.POINTS_INSUFFICIENT))
    return Sale(reasons, value, points=-message.tier)


def benefit(
    scene: Scene,
    message: BenefitUse | BenefitAdvice,
    registry: Registry,
    books: Books,
    *,
    is_quote: bool = False,
) -> Sale:
    """A discount by the best that the offer has for the holder, and one use of each limit."""
    rules = scene.rules
    if rules.benefits is None:
        return Sale({int(ResultCode.NOT_SUPPORTED)})
    reasons = _reasons_of_amount(message.amount, rules.benefits["amount_max_grosze"])
    if isinstance(message, BenefitAdvice) and not rules.benefits.get("offline", False):
        reasons.add(int(ResultCode.OFFLINE_NOT_ALLOWED))
    sale = Sale(reasons, message.amount)
    offer = registry.offer_at(scene.programme, message.offer, scene.at_ms, scene.number)
    if offer is None:
        reasons.add(int(ResultCode.BENEFIT_UNKNOWN))
        return sale
    fitting = offer.for_whom(scene.kinds, scene.flags)
    reasons |= _reasons_of_offer(scene, offer, fitting)
    if message.amount == 0 and fitting and needs_price(fitting):
        reasons.add(int(ResultCode.AMOUNT_ZERO))
    sale.checks = offer.checks(scene.rules, scene.kinds)
    sale.missing = 0 if is_quote else not_seen(sale.checks, message.confirmed)
    if sale.missing:
        reasons.add(int(ResultCode.CONFIRMATION_MISSING))
    if scene.card is not None:
        sale.uses = uses_of(scene, offer)
        if sale.uses and not all(books.left_for(scene.account, use) for use in sale.uses):
            reasons.add(int(ResultCode.QUOTA_USED_UP))
    if not reasons - {int(ResultCode.QUOTA_USED_UP)}:
        sale.discount_grosze = offer.discount(fitting, message.amount)
        if needs_price(fitting) and not sale.discount_grosze:
            reasons.add(int(ResultCode.BENEFIT_NOTHING_OFF))
    return sale


def quoted(scene: Scene, message: Quote, registry: Registry, books: Books) -> Sale:
    """What the operation itself would come to now."""
    head = message.stan, message.terminal_time, message.card, message.entry
    if message.operation == TYPE_OF[Earn]:
        return earn(scene, Earn(*head, message.amount))
    if message.operation == TYPE_OF[Redeem]:
        return redeem(scene, Redeem(*head, message.number, message.amount), books)
    if message.operation == TYPE_OF[BenefitUse]:
        use = BenefitUse(*head, message.number, message.amount, 0)
        return benefit(scene, use, registry, books, is_quote=True)
    return Sale({int(ResultCode.NOT_SUPPORTED)})


def _reasons_of_amount(amount: int, most: int) -> set[int]:
    if amount < 0:
        return {int(ResultCode.AMOUNT_NEGATIVE)}
    return {int(ResultCode.AMOUNT_OVER_LIMIT)} if amount > most else set()


def _reasons_of_offer(scene: Scene, offer: Offer, fitting: list[Benefit]) -> set[int]:
    reasons = set()
    if offer.partner != scene.partner.partner or not is_at_outlet(scene, offer):
        reasons.add(int(ResultCode.BENEFIT_OTHER_PARTNER))
    if not fitting:
        reasons.add(int(ResultCode.BENEFIT_NOT_FOR_CARD))
    if not offer.holds(scene.day, scene.minute):
        reasons.add(int(ResultCode.BENEFIT_NOT_NOW))
    return reasons


def is_at_outlet(scene: Scene, offer: Offer) -> bool:
    """Whether an offer holds where the terminal stands; one that names no outlet holds in all."""
    return not offer.outlets or scene.terminal.outlet in offer.outlets


def uses_of(scene: Scene, offer: Offer) -> list[Use]:
    """Return every limit that would count a use of the offer, each in its period of the day judged by."""
    found = []
    for limit in (*offer.limits, *scene.rules.limits):
        if limit.is_for(scene.kinds, scene.flags):
            owner = EVERYBODY if limit.is_wide else scene.account
            key = (scene.programme, owner, *limit.name, *period_of(scene.day, limit.every))
            found.append(Use(key, limit.uses, limit.is_wide))
    return found


def left_of(scene: Scene, offer: Offer, books: Books) -> int:
    """Return how often an offer may be used now."""
    return min(map(books.left, uses_of(scene, offer)), default=NO_LIMIT)
