"""An offers file at random, as an operator's check lets pass."""

import random
from typing import TYPE_CHECKING

from switch.rules.offer_faults import OfferError
from switch.rules.offers import parse_offers

if TYPE_CHECKING:
    from tests.simulators.world.chance import Chance

KINDS = {"zgierz": ["child", "junior", "youth", "adult", "senior"], "ponta": ["pupil", "grown", "elder"]}
FLAGS = {"czestochowa": ["family", "senior"], "zgierz": ["family", "senior"], "ponta": ["islander"]}
DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
HOURS = ["06:00-14:00", "22:00-10:00", "12:00-24:00", "02:00-03:00", "23:30-02:30", "00:00-12:00"]
CONFIRM = ['["photo_id"]', '["photo_id", "guardian_id"]', '["no_other_discount"]']
LIMITS = [
    (per, every) for per in ("card_and_offer", "offer") for every in ("day", "week", "month", "year", "ever")
]
BENEFITS = {
    "percent": ["percent = 5", "percent = 10", "percent = 50", 'percent = "12.5"', 'percent = "0,05"'],
    "fixed_price": ["price_grosze = 1", "price_grosze = 700", "price_grosze = 1500"],
    "amount_off": ["off_grosze = 1", "off_grosze = 300", "off_grosze = 2000"],
    "free_entry": [""],
    "second_free": [""],
    "privilege": [""],
}


def offer_text(city: "Chance", number: int) -> str:
    """Return an offers file with one offer."""
    while True:
        text = "\n".join(
            [
                f'programme = "{city.city}"\n[[offer]]\nnumber = {number}',
                f"partner = {city.partner_of(number)}",
                f'name = {{ pl = "Oferta {number}", en = "Offer {number}" }}',
                'text = { pl = "t", en = "t" }',
                *_when(city),
                *_terms(city.random),
                *(_benefit(city) for _ in range(city.random.choice([1, 1, 2, 3]))),
            ]
        )
        try:
            parse_offers(text)
        except OfferError:
            continue
        return text


def _when(city: "Chance") -> list[str]:
    chance, lines = city.random, []
    if chance.random() < 0.25:
        lines.append(f"outlets = {chance.choice([[1], [2], [1, 2]])}")
    if chance.random() < 0.2:
        lines.append(f"from = {city.day(chance.randint(-3, 10))}\nto = {city.day(chance.randint(11, 200))}")
    elif chance.random() < 0.1:
        lines.append(f"to = {city.day(chance.randint(-1, 10))}")
    if chance.random() < 0.25:
        lines.append(f"days = {chance.sample(DAYS, chance.randint(3, 6))}")
    if chance.random() < 0.3:
        lines.append(f"hours = {chance.sample(HOURS, chance.randint(1, 2))}")
    return lines


def _terms(chance: random.Random) -> list[str]:
    lines = []
    if chance.random() < 0.2:
        lines.append(f"max_discount_grosze = {chance.choice([1, 500, 5_000])}")
    if chance.random() < 0.15:
        lines.append("combines = false")
    if chance.random() < 0.15:
        lines.append(f"confirm = {chance.choice(CONFIRM)}")
    if chance.random() < 0.6:
        limits = [
            f'{{ per = "{per}", every = "{every}", uses = {chance.choice([1, 2, 3, 8])} }}'
            for per, every in chance.sample(LIMITS, chance.randint(1, 3))
        ]
        lines.append(f"limits = [{', '.join(limits)}]")
    return lines


def _benefit(city: "Chance") -> str:
    chance = city.random
    kind = chance.choice(["percent", *BENEFITS])
    lines = ["[[offer.benefits]]", f'kind = "{kind}"', chance.choice(BENEFITS[kind])]
    kinds, flags = KINDS.get(city.city, []), FLAGS.get(city.city, [])
    if kinds and chance.random() < 0.5:
        lines.append(f"for = {chance.sample(kinds, chance.randint(1, len(kinds)))}")
    if flags and chance.random() < 0.25:
        lines.append(f"flags = {chance.sample(flags, 1)}")
    return "\n".join(lines)
