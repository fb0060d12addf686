"""A sale made offline is judged by card and holder as they stood then, whatever has changed since."""

import pytest

from ledger.registry.card_states import CardStatus
from protocol import BenefitAdvice, BenefitUse, EarnAdvice, EntryMode, ResultCode
from switch.rules.as_of import stood_at
from switch.rules.cards import Card, ChangedCard
from switch.rules.decide import (
    Decision,
    Moment,
    decide_benefit_advice,
    decide_benefit_use,
    decide_earn_advice,
)
from switch.rules.entitlement import Held
from switch.rules.programme import parse_rules
from switch.rules.versions import DAY_MS, Version
from tests.entries import SWIPED
from tests.switch.offers import an_offer
from tests.switch.test_advice import ARRIVAL_MS, TOML, make_partner
from tests.switch.test_benefit_decisions import shop
from tests.switch.test_cities import CZESTOCHOWA, partner_in
from tests.switch.tills import till

CHANGED_MS = ARRIVAL_MS - DAY_MS
BEFORE_MS, AFTER_MS = CHANGED_MS - 1_000, CHANGED_MS
TODAY = ARRIVAL_MS // DAY_MS
FAMILY = 1
PROVEN = f'{TOML}\n[entitlement]\nsource = ["tests"]\nyears = 2\nmonth = 5\nday = 31\n'


def holder_of(now: Held, *was: int | None, contract_ends: int | None = None) -> ChangedCard:
    """A card whose holder's flags, proof and contract were others until the change."""
    held = now._replace(past=(CHANGED_MS, *was))
    return ChangedCard(8, 1, 0, contract_ends, None, held, (None, contract_ends))


def of(flags: int = 0, until: int | None = None) -> Held:
    """What is kept of a holder of no kind."""
    return Held(flags, 0, 0, -1_000_000, 0, 1_000_000, until)


def earn(card: Card, sold_ms: int, *, proven: bool = False) -> Decision:
    """Points of a sale made offline."""
    partner = make_partner()
    if proven:
        partner.programme.add_version(Version.of(3, ARRIVAL_MS - 4 * DAY_MS, parse_rules(PROVEN)))
    message = EarnAdvice(1, sold_ms // 1_000, "", SWIPED, 10_000)
    return decide_earn_advice(message, till(partner), card, Moment(ARRIVAL_MS))


def test_flags_are_those_of_the_sale() -> None:
    """A discount for families: whoever got the flag since had none at the sale, and whoever lost it had."""
    tenth = {"kind": "percent", "percent": 10, "flags": ["family"]}
    terminal = shop(CZESTOCHOWA, an_offer(9, tenth, partner=partner_in(CZESTOCHOWA).number))
    since, lost = holder_of(of(FAMILY), 0, None, None), holder_of(of(), FAMILY, None, None)
    for card, sold_ms, code in (
        (since, BEFORE_MS, ResultCode.BENEFIT_NOT_FOR_CARD),
        (since, AFTER_MS, 0),
        (lost, BEFORE_MS, 0),
        (lost, AFTER_MS, ResultCode.BENEFIT_NOT_FOR_CARD),
    ):
        advice = BenefitAdvice(1, sold_ms // 1_000, "", EntryMode.SWIPED, 9, 1_000, 0)
        assert decide_benefit_advice(advice, terminal, card, Moment(ARRIVAL_MS)).code == code
    use = BenefitUse(1, BEFORE_MS // 1_000, "", EntryMode.SWIPED, 9, 1_000, 0)
    assert decide_benefit_use(use, terminal, since, Moment(ARRIVAL_MS)).code == 0


@pytest.mark.parametrize(
    ("until", "was", "sold_ms", "code"),
    [
        (TODAY + 300, TODAY - 2, BEFORE_MS, ResultCode.ENTITLEMENT_ENDED),
        (TODAY + 300, TODAY - 2, BEFORE_MS - 2 * DAY_MS, 0),
        (TODAY + 300, None, BEFORE_MS, ResultCode.ENTITLEMENT_ENDED),
        (TODAY + 300, TODAY - 2, AFTER_MS, 0),
        (TODAY - 9, TODAY + 300, BEFORE_MS, 0),
        (TODAY - 9, TODAY + 300, AFTER_MS, ResultCode.ENTITLEMENT_ENDED),
    ],
)
def test_until_when_somebody_is_entitled_is_that_of_the_sale(
    until: int, was: int | None, sold_ms: int, code: int
) -> None:
    """Proof brought since entitles nobody for a day before; a year that was put right since ends no sale."""
    card = holder_of(of(until=until), 0, was, None)
    assert earn(card, sold_ms, proven=True).code == code


def test_the_last_valid_day_is_the_one_the_card_had_at_the_sale() -> None:
    """Renewed since: it was over at the sale. Ended since, by a notice at once: at the sale it was good."""
    renewed = ChangedCard(8, 1, 0, TODAY + 700, None, None, (TODAY + 700, None, CHANGED_MS, TODAY - 3))
    assert earn(renewed, BEFORE_MS).code == ResultCode.CARD_EXPIRED
    assert earn(renewed, AFTER_MS).code == 0
    noticed = holder_of(of(), 0, None, None, contract_ends=TODAY - 2)
    assert earn(noticed, BEFORE_MS).code == 0
    assert earn(noticed, AFTER_MS).code == ResultCode.CARD_EXPIRED


def test_of_several_changes_each_holds_for_its_time() -> None:
    """Flags 0, then 1, then 2, then 4; before the oldest change that is kept, what that one ended."""
    past = (1_000, 0, 10, None, 2_000, 1, 11, 30, 3_000, 2, 12, None)
    card = ChangedCard(8, 1, 0, 25, None, of(4, 13)._replace(past=past), (40, 25, 1_500, None, 2_500, 28))
    stood = []
    for at_ms in (0, 999, 1_000, 1_499, 1_999, 2_000, 2_499, 2_500, 2_999, 3_000, 9_000):
        then = stood_at(card, at_ms)
        assert then.held is not None
        stood.append((then.held.flags, then.held.entitled_until, then.expires_day))
    assert stood == [
        (0, 10, None), (0, 10, None), (1, 11, 30), (1, 11, 30), (1, 11, 28), (2, 12, 28), (2, 12, 28),
        (2, 12, 40), (2, 12, 40), (4, 13, 25), (4, 13, 25),
    ]  # fmt: skip


def test_a_card_that_never_changed_is_as_it_was() -> None:
    """Nothing is made anew for it; a status alone is told as before."""
    card = Card(8, 1, 0, TODAY)
    assert stood_at(card, 0) is card
    blocked = Card(8, 1, 1, TODAY, (CHANGED_MS << 4 | int(CardStatus.ACTIVE),))
    then = stood_at(blocked, BEFORE_MS)
    assert (then.status, then.expires_day, then.account) == (CardStatus.ACTIVE, TODAY, 8)


def test_a_till_whose_clock_is_ahead_finds_what_stands_now() -> None:
    """A sale up to five minutes ahead is judged by the card of now: nothing is undone by a wrong clock."""
    card = holder_of(of(FAMILY), 0, None, None)
    then = stood_at(card, ARRIVAL_MS + 300_000)
    assert then.held is not None
    assert then.held.flags == FAMILY
