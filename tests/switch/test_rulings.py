"""What is remembered of an offer is told to nobody it was not said of: by holder, place, minute, rules."""

from collections.abc import Iterator
from itertools import product

import pytest

from ledger.registry.reads import OfferRow
from protocol import ResultCode
from switch.rules.cards import Card
from switch.rules.decide import Decision, Moment
from switch.rules.decide import ruling as rulings
from switch.rules.directory import Terminal
from switch.rules.offers import encode_offer
from tests.switch.test_benefit_decisions import ADULT, NOW_MS, YOUTH, card, here, shop, use
from tests.switch.test_cities import ZGIERZ
from tests.switch.tills import till

SECOND_MS, MINUTE_MS, DAY_MS = 1_000, 60_000, 86_400_000
DAILY = [{"per": "card_and_offer", "uses": 2, "every": "day"}]


def cases() -> Iterator[tuple[Terminal, Card, Moment]]:
    """Terminals, holders and moments that an offer means different things to, in every combination."""
    first = here(9, {"kind": "percent", "percent": 50, "for": ["youth"]}, {"kind": "percent", "percent": 10},
                 outlets=[3], hours=["12:00-12:01"], limits=DAILY)  # fmt: skip
    terminal = shop(ZGIERZ, first, outlet=3)
    partner = terminal.partner
    later = here(9, {"kind": "amount_off", "off_grosze": 77}, outlets=[3])
    partner.programme.offers.put(
        OfferRow(3, 9, 2, later.partner, False, NOW_MS + DAY_MS, encode_offer(later))
    )
    terminals = (terminal, till(partner, outlet=4, number=71), shop(ZGIERZ, later, outlet=3))
    moments = (0, 59 * SECOND_MS, MINUTE_MS, DAY_MS - SECOND_MS, DAY_MS)
    for at, kinds, moved_ms in product(terminals, (ADULT, YOUTH), moments):
        yield at, card(ZGIERZ, kinds), Moment(NOW_MS + moved_ms)


def test_what_is_remembered_is_what_would_be_decided_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every case twice, in both orders: each is decided as where nothing is remembered at all."""
    asked = list(cases())

    def decided() -> list[Decision]:
        there = [use(terminal, of, at=at) for terminal, of, at in asked]
        assert [use(terminal, of, at=at) for terminal, of, at in reversed(asked)] == there[::-1]
        return there

    remembered = decided()
    monkeypatch.setattr(rulings, "_rule", rulings._rule.__wrapped__)
    assert decided() == remembered
    codes = [decision.code for decision in remembered]
    elsewhere = len(codes) // 3  # the second terminal's
    assert set(codes[elsewhere : 2 * elsewhere]) == {ResultCode.BENEFIT_OTHER_PARTNER}
    assert set(codes[:elsewhere]) == {0, ResultCode.BENEFIT_NOT_NOW}
    assert len({decision.more for decision in remembered}) == 6


def test_no_more_is_remembered_than_the_bound() -> None:
    """Days of minutes over, the memory is full and no fuller."""
    terminal = shop(ZGIERZ, here(9))
    for minute in range(rulings.REMEMBERED_MAX + 10):
        use(terminal, card(ZGIERZ), at=Moment(NOW_MS + minute * MINUTE_MS))
    assert rulings._rule.cache_info().currsize == rulings.REMEMBERED_MAX
