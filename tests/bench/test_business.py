"""What a till draws: the mix, sensible redemptions and reversals, the same from the same seed."""

import random
from collections import Counter

from bench.load.business import LARGE_PURCHASE_GROSZE, MIX, PURCHASE_GROSZE, Action, Kind, Till
from bench.load.terminal import Answer
from protocol import TransactionReply
from tests.bench.scripted_switch import CITY


def till(seed: int = 1) -> Till:
    return Till(CITY, random.Random(seed))


def approved(stan: int, balance: int = 0, code: int = 0) -> Answer:
    return Answer(TransactionReply(stan, code, 1, 1, 0, 0, balance, ""), code, 40)


def test_the_mix_is_the_one_written_down() -> None:
    """Over many requests each kind has its share (a reversal counts as a sale while there is none)."""
    mine = till()
    drawn: Counter[Kind] = Counter()
    for stan in range(1, 20_001):
        action = mine.next()
        drawn[action.kind] += 1
        mine.learn(action, approved(stan))
    assert sum(MIX.values()) == 100
    for kind, share in MIX.items():
        assert abs(drawn[kind] / 200 - share) < 2


def test_the_same_seed_gives_the_same_day() -> None:
    """A run can be had again: requests depend on the seed and the replies, on nothing else."""
    first, again, other = till(7), till(7), till(8)
    drawn = [first.next() for _ in range(50)]
    assert drawn == [again.next() for _ in range(50)]
    assert drawn != [other.next() for _ in range(50)]


def test_cards_and_amounts_are_those_of_the_city() -> None:
    """Cards are swiped cards of the population, amounts lie in the ranges written down."""
    mine = till()
    for action in (mine.next() for _ in range(500)):
        if action.kind is Kind.EARN:
            assert CITY.index_of(action.card[1:17]) is not None
            low, high = PURCHASE_GROSZE if action.number <= PURCHASE_GROSZE[1] else LARGE_PURCHASE_GROSZE
            assert low <= action.number <= high


def test_only_approved_sales_are_reversed_each_once() -> None:
    """A reversal names a sale of this till that was approved and was not reversed before."""
    mine = till()
    approved_sales: set[tuple[str, int]] = set()
    reversed_sales: set[tuple[str, int]] = set()
    for stan in range(1, 5_001):
        action = mine.next()
        if action.kind is Kind.REVERSAL:
            sale = (action.card, action.number)
            assert sale in approved_sales - reversed_sales
            reversed_sales.add(sale)
        code = 45 if stan % 3 == 0 else 0
        mine.learn(action, approved(stan, code=code))
        if action.kind is Kind.EARN and code == 0:
            approved_sales.add((action.card, stan))
    assert reversed_sales


def test_a_card_with_points_is_redeemed() -> None:
    """When a reply has shown enough points for a tier, the next redemption is of that card."""
    mine = till()
    rich = CITY.track2(3)
    mine.learn(Action(Kind.BALANCE, rich), approved(1, balance=100))
    redemption = next(action for action in iter(mine.next, None) if action.kind is Kind.REDEEM)
    assert redemption == Action(Kind.REDEEM, rich, 100)
