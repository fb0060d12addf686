"""What shops grant in a year: offers files as their owners would hand them in, one offer each.

Owns the words of the files. Must not know how an offer is decided. Every kind of benefit and of limit is
somewhere, and so are hours past midnight, which the odd nights of the year put to the test.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from simulators.world.year.cities import City

EVERYBODY: Final = "bread"
"""What every shop grants to everybody, at all hours, without a limit."""


class Terms(NamedTuple):
    """The terms of an offer. `worse`: what they become when the shop takes some of it back."""

    words: str
    worse: str = ""
    for_kinds: tuple[str, ...] = ()
    for_flags: tuple[str, ...] = ()
    is_for_flags_alone: bool = False


def _percent(percent: int, more: str = "") -> str:
    return f'benefits = [{{ kind = "percent", percent = {percent}{more} }}]\n'


_FOR_ALL: Final = {
    EVERYBODY: Terms(_percent(5)),
    "sale": Terms(_percent(20), worse=_percent(10)),
    "night": Terms(_percent(10) + 'hours = ["22:00-03:00"]\n'),
    "small hours": Terms(
        'benefits = [{ kind = "amount_off", off_grosze = 300 }]\nhours = ["02:00-03:00"]\n'
    ),
    "second": Terms(
        'benefits = [{ kind = "second_free" }]\ndays = ["mon", "tue", "wed", "thu", "fri"]\n'
        'limits = [{ per = "card_and_offer", uses = 2, every = "week" }, '
        '{ per = "offer", uses = 400, every = "month" }]\n'
    ),
    "daily": Terms(
        'benefits = [{ kind = "percent", percent = "12.5" }]\nmax_discount_grosze = 2000\n'
        'limits = [{ per = "card_and_offer", uses = 1, every = "day" }]\n'
    ),
    "first come": Terms(
        'benefits = [{ kind = "amount_off", off_grosze = 500 }]\n'
        'limits = [{ per = "offer", uses = 6, every = "day" }]\n'
    ),
    "once": Terms(
        'benefits = [{ kind = "free_entry" }]\n'
        'limits = [{ per = "card_and_offer", uses = 1, every = "ever" }]\n'
    ),
    "yearly": Terms(
        'benefits = [{ kind = "fixed_price", price_grosze = 1500 }]\n'
        'limits = [{ per = "card_and_offer", uses = 3, every = "year" }]\n'
    ),
    "queue": Terms('benefits = [{ kind = "privilege" }]\nconfirm = ["photo_id"]\n'),
    "strict": Terms(_percent(15) + "combines = false\n"),
    "in one": Terms(_percent(8) + "outlets = [{outlet}]\n"),
}  # fmt: skip
_FOR_FLAGS: Final = {
    "family": Terms(_percent(15, ', flags = ["family"]'), for_flags=("family",), is_for_flags_alone=True),
    "old card": Terms(
        'benefits = [{ kind = "amount_off", off_grosze = 300, flags = ["senior"] }]\n',
        for_flags=("senior",),
        is_for_flags_alone=True,
    ),
}
_ANY_AGE: Final = ("child", "junior", "youth", "adult", "senior")
_FOR_AGES: Final = {
    "pool": Terms(
        'limits = [{ per = "card_and_offer", uses = 2, every = "day" }, '
        '{ per = "card_and_offer", uses = 8, every = "month" }]\n'
        '[[offer.benefits]]\nfor = ["child"]\nkind = "free_entry"\n'
        '[[offer.benefits]]\nfor = ["junior", "youth", "senior"]\nkind = "percent"\npercent = 50\n'
        '[[offer.benefits]]\nfor = ["adult"]\nkind = "percent"\npercent = 20\n',
        for_kinds=_ANY_AGE,
    ),
    "cinema": Terms(
        'benefits = [{ kind = "fixed_price", price_grosze = 1500, for = ["child", "junior", "youth"] }]\n',
        for_kinds=("child", "junior", "youth"),
    ),
    "over 60": Terms(_percent(10, ', for = ["senior"]'), for_kinds=("senior",)),
    "grown-up": Terms(_percent(7, ', for = ["adult"]'), for_kinds=("adult",)),
    "for children": Terms('benefits = [{ kind = "free_entry", for = ["child"] }]\n', for_kinds=("child",)),
    "for juniors": Terms(_percent(30, ', for = ["junior"]'), for_kinds=("junior",)),
    "for youth": Terms(_percent(25, ', for = ["youth"]'), for_kinds=("youth",)),
}  # fmt: skip


def terms_of(city: City) -> dict[str, Terms]:
    """Return the offers that shops of a city choose from."""
    found = dict(_FOR_ALL)
    if city.place.flags:
        found |= _FOR_FLAGS
    if city.place.has_holders:
        found |= _FOR_AGES
    return found


def offers_file(city: City, *, number: int, partner: int, outlet: int, name: str, words: str) -> str:
    """Return an offers file with one offer."""
    return (
        f'programme = "{city.code}"\n\n[[offer]]\nnumber = {number}\npartner = {partner}\n'
        f'name = {{ pl = "{name} {number}", en = "{name} {number}" }}\n'
        f'text = {{ pl = "Oferta {name}.", en = "Offer {name}." }}\n' + words.replace("{outlet}", str(outlet))
    )
