"""Which changes of an offer are worse for somebody: a table of keys, and a law over all pairs."""

from typing import Any

import pytest

from switch.rules.benefits import Terms, benefits_for, best_discount
from switch.rules.offer_changes import worse_keys
from switch.rules.offers import Offer, read_offer
from tests.switch.test_benefits import CODES

PERCENT = {"kind": "percent", "percent": 10}
LIMITED = [{"per": "offer", "uses": 5, "every": "day"}]


def offer(**more: Any) -> Offer:
    """An offer with some keys of its own."""
    words = {"pl": "Kino", "en": "Cinema"}
    return read_offer(
        {"number": 9, "partner": 5, "name": words, "text": words, "benefits": [PERCENT], **more}
    )


@pytest.mark.parametrize(
    ("narrow", "wide", "key"),
    [
        ({"outlets": [1]}, {"outlets": [1, 2]}, "outlets"),
        ({"outlets": [1]}, {}, "outlets"),
        ({"from": "2027-01-02"}, {"from": "2027-01-01"}, "from"),
        ({"from": "2027-01-02"}, {}, "from"),
        ({"to": "2027-01-02"}, {"to": "2027-01-03"}, "to"),
        ({"to": "2027-01-02"}, {}, "to"),
        ({"days": ["mon"]}, {}, "hours"),
        ({"hours": ["08:00-12:00"]}, {"hours": ["07:00-12:00"]}, "hours"),
        ({"hours": ["22:00-24:00"], "days": ["sun"]}, {"hours": ["21:00-02:00"], "days": ["sun"]}, "hours"),
        ({"combines": False}, {"combines": True}, "combines"),
        ({"confirm": ["photo_id"]}, {}, "confirm"),
        ({"limits": LIMITED}, {}, "limits"),
        ({"limits": LIMITED}, {"limits": [{**LIMITED[0], "uses": 6}]}, "limits"),
        ({"max_discount_grosze": 500}, {"max_discount_grosze": 501}, "max_discount_grosze"),
        ({"max_discount_grosze": 500}, {}, "max_discount_grosze"),
        ({}, {"benefits": [{"kind": "percent", "percent": "10.01"}]}, "benefits"),
        ({}, {"benefits": [{"kind": "free_entry"}]}, "benefits"),
        ({"benefits": [{**PERCENT, "for": ["child"]}]}, {}, "benefits"),
        ({"benefits": [{**PERCENT, "flags": ["FAMILY"]}]}, {}, "benefits"),
        (
            {"benefits": [{"kind": "amount_off", "off_grosze": 5}]},
            {"benefits": [PERCENT, {"kind": "amount_off", "off_grosze": 6}]},
            "benefits",
        ),
        (
            {"benefits": [{"kind": "fixed_price", "price_grosze": 5}]},
            {"benefits": [{"kind": "fixed_price", "price_grosze": 4}]},
            "benefits",
        ),
    ],
)
def test_wider_terms_are_no_worse_and_narrower_ones_are(
    narrow: dict[str, Any], wide: dict[str, Any], key: str
) -> None:
    """Each key one way and the other: better may hold at once, worse is named by its key."""
    assert worse_keys(offer(**narrow), offer(**wide)) == []
    assert worse_keys(offer(**wide), offer(**narrow)) == [key]


def test_what_cannot_be_compared_is_worse() -> None:
    """Another kind of benefit, another partner, a limit counted otherwise, a privilege in other words."""
    privilege = [{"kind": "privilege"}]
    for old, new, key in (
        ({}, {"benefits": [{"kind": "amount_off", "off_grosze": 100_000_000}]}, "benefits"),
        ({}, {"partner": 6}, "partner"),
        ({"limits": LIMITED}, {"limits": [{"per": "offer", "uses": 9000, "every": "week"}]}, "limits"),
        ({"benefits": privilege}, {"benefits": privilege, "text": {"pl": "Nic", "en": "None"}}, "benefits"),
        ({"benefits": privilege}, {"benefits": [{"kind": "free_entry"}]}, "benefits"),
        ({"combines": None}, {"combines": False}, "combines"),
    ):
        assert worse_keys(offer(**old), offer(**new)) == [key]
    assert worse_keys(offer(benefits=privilege), offer(benefits=privilege)) == []


WORTHS = [
    {"kind": "percent", "percent": 10},
    {"kind": "percent", "percent": 50},
    {"kind": "fixed_price", "price_grosze": 300},
    {"kind": "fixed_price", "price_grosze": 700},
    {"kind": "amount_off", "off_grosze": 200},
    {"kind": "amount_off", "off_grosze": 900},
    {"kind": "free_entry"},
    {"kind": "second_free"},
    {"kind": "privilege"},
]
AUDIENCES: list[dict[str, Any]] = [
    {},
    {"for": ["child"]},
    {"for": ["child", "youth"]},
    {"flags": ["FAMILY"]},
    {"for": ["child"], "flags": ["FAMILY"]},
]


def test_what_is_called_no_worse_takes_off_no_less() -> None:
    """All pairs of 9 benefits for 5 audiences: where "no worse" is said, nobody gets less for any amount."""
    offers = [offer(benefits=[{**worth, **whom}]) for worth in WORTHS for whom in AUDIENCES]
    made = [Terms.of(one, CODES) for one in offers]
    holders = [(kinds, flags) for kinds in range(4) for flags in range(2)]
    table = [
        [
            best_discount(benefits_for(one, kinds=kinds, flags=flags), amount, one.offer.max_discount_grosze)
            for kinds, flags in holders
            for amount in (0, 1, 299, 301, 699, 701, 1000, 5000)
        ]
        for one in made
    ]
    compared = 0
    for old, least in zip(offers, table, strict=True):
        for new, most in zip(offers, table, strict=True):
            if not worse_keys(old, new):
                compared += 1
                assert all(a <= b for a, b in zip(least, most, strict=True)), (old, new)
    assert compared > len(offers)
