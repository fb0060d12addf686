"""Questions that change nothing: VERIFY, TOTALS, SIGN_ON, CARD_REPORT's answer.

Owns what each is told. Must not change the books.
"""

from __future__ import annotations

from functools import reduce
from operator import and_

from protocol import (
    REQUEST_OF,
    TYPE_OF,
    Balance,
    BenefitAdvice,
    BenefitUse,
    CardReport,
    Earn,
    EarnAdvice,
    Redeem,
    Refund,
    Request,
    ResultCode,
    Reversal,
    SignOn,
    Totals,
    Verify,
    limits,
)
from simulators.world.auditor.books import Books
from simulators.world.auditor.business import is_at_outlet, left_of
from simulators.world.auditor.expected import Expected
from simulators.world.auditor.programme import Rules
from simulators.world.auditor.registry import Registry
from simulators.world.auditor.scene import (
    Scene,
    reasons_of_card,
    reasons_of_place,
    the_one_told,
)

_SUMS = (
    ("earn", {TYPE_OF[Earn], TYPE_OF[EarnAdvice]}, "points"),
    ("redeem", {TYPE_OF[Redeem]}, "points"),
    ("reversal", {TYPE_OF[Reversal]}, "points"),
    ("benefit", {TYPE_OF[BenefitUse], TYPE_OF[BenefitAdvice]}, "grosze"),
    ("refund", {TYPE_OF[Refund]}, "points"),
)


def verify(scene: Scene, message: Verify, registry: Registry, books: Books) -> Expected:
    """Which benefits hold for a card, here and now, page by page; what is used up is not listed."""
    reasons = reasons_of_place(registry, scene) | reasons_of_card(registry, scene, message)
    if scene.rules.benefits is None:
        reasons.add(int(ResultCode.NOT_SUPPORTED))
    benefits: list[tuple[int, int, int]] = []
    following = 0
    code = the_one_told(reasons)
    if not code:
        holding = [
            number for number in registry.offers_of(scene.partner.partner) if number > message.offers_after
        ]
        holding = [number for number in holding if _holds(scene, registry, number)]
        page = holding[: limits.BENEFITS_MAX]
        following = page[-1] if len(holding) > len(page) else 0
        for number in page:
            offer = registry.offer_at(scene.programme, number, scene.at_ms, scene.number)
            assert offer is not None
            if left := left_of(scene, offer, books):
                benefits.append((number, left, offer.checks(scene.rules, scene.kinds)))
    checks = reduce(and_, (wanted for _, _, wanted in benefits)) if benefits else 0
    told: dict[str, object] = {"checks": checks, "benefits": benefits, "benefits_next": following}
    return Expected(code, scene.now_ms, more=told)


def _holds(scene: Scene, registry: Registry, number: int) -> bool:
    offer = registry.offer_at(scene.programme, number, scene.at_ms, scene.number)
    return (
        offer is not None
        and offer.partner == scene.partner.partner
        and is_at_outlet(scene, offer)
        and offer.holds(scene.day, scene.minute)
        and bool(offer.for_whom(scene.kinds, scene.flags))
    )


def totals(scene: Scene, message: Totals, books: Books) -> Expected:
    """The switch's sums over a terminal's numbers, and whether they are the terminal's."""
    sums = {f"{name}_{what}": 0 for name, _, unit in _SUMS for what in ("count", unit)}
    if not 0 <= message.stan_to - message.stan_from < limits.TOTALS_STANS_MAX:
        return Expected(int(ResultCode.NOT_SUPPORTED), scene.now_ms, more=dict(sums))
    for row in books.rows(scene.terminal.terminal, message.stan_from, message.stan_to):
        for name, kinds, unit in _SUMS:
            if books.kind[row] in kinds and not books.code[row]:
                sums[f"{name}_count"] += 1
                sums[f"{name}_{unit}"] += (books.points if unit == "points" else books.discount)[row]
    same = all(getattr(message, name) == value for name, value in sums.items())
    code = ResultCode.APPROVED if same else ResultCode.TOTALS_DIFFER
    return Expected(int(code), scene.now_ms, more=dict(sums))


def sign_on(scene: Scene, message: SignOn, registry: Registry, books: Books) -> Expected:
    """What a terminal is told of its programme."""
    rules, partner = scene.rules, scene.partner
    language = message.language if message.language in ("pl", "en") else rules.languages[0]
    listed = []
    for number in registry.offers_of(partner.partner) if rules.benefits else ():
        offer = registry.offer_at(scene.programme, number, scene.at_ms, scene.number)
        if number <= message.offers_after or offer is None or offer.partner != partner.partner:
            continue
        if is_at_outlet(scene, offer) and not offer.is_over(scene.day, scene.minute):
            name = offer.names.get(language) or offer.names[rules.languages[0]]
            listed.append((number, offer.kind_number, name))
    page = listed[: limits.OFFERS_MAX]
    told: dict[str, object] = {
        "programme": rules.code,
        "partner_name": _cut(partner.name, limits.PARTNER_NAME_BYTES_MAX),
        "last_stan": books.last_stan(scene.terminal.terminal),
        "amount_max_grosze": max(rules.earn_max, (rules.benefits or {}).get("amount_max_grosze", 0)),
        "points_step_grosze": partner.points_step_grosze or rules.step_grosze or 0,
        "tiers": list((rules.tiers or {}).items()),
        "advice_age_max_days": rules.advice_days,
        "operations": [number for number in sorted(REQUEST_OF) if _is_served(REQUEST_OF[number], rules)],
        "entries": sum(1 << entry for entry in rules.entries),
        "offers": page,
        "offers_next": page[-1][0] if len(listed) > len(page) else 0,
    }
    return Expected(the_one_told(reasons_of_place(registry, scene)), scene.now_ms, more=told)


def _is_served(message: type[Request], rules: Rules) -> bool:
    has_points = rules.step_grosze is not None
    served = {
        Earn: has_points,
        EarnAdvice: has_points,
        Redeem: rules.tiers is not None,
        Balance: has_points or rules.tiers is not None,
        BenefitUse: rules.benefits is not None,
        BenefitAdvice: rules.benefits is not None and rules.benefits.get("offline", False),
        Verify: rules.benefits is not None,
        Refund: rules.refunds,
        CardReport: rules.retains,
    }
    return bool(served.get(message, True))


def _cut(text: str, most: int) -> str:
    while len(text.encode()) > most:
        text = text[:-1]
    return text
