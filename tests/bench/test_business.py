"""What a till draws: the mix, sensible redemptions and reversals, the same from the same seed."""

import random
from collections import Counter

import msgspec

from bench.load.business import Action, Till
from bench.load.terminal import Answer
from protocol import TransactionReply
from simulators.city.trade import LARGE_BASKET_GROSZE, ON_LINE, SMALL_BASKET_GROSZE_MAX
from tests.bench.scripted_switch import CITY


def till(seed: int = 1) -> Till:
    return Till(CITY, random.Random(seed))


def approved(stan: int, balance: int = 0, code: int = 0) -> Answer:
    return Answer(TransactionReply(stan, code, 1, 1, 0, 0, 0, balance, -1, 0, ""), code, 40)


def test_the_mix_is_the_one_written_down() -> None:
    """Over many requests each kind has its share (a reversal counts as a sale while there is none)."""
    mine = till()
    drawn: Counter[str] = Counter()
    for stan in range(1, 20_001):
        action = mine.next()
        drawn[action.operation] += 1
        mine.learn(action, approved(stan))
    shares = msgspec.structs.asdict(ON_LINE)
    assert sum(shares.values()) == 100
    assert drawn.keys() <= shares.keys()
    for operation, share in shares.items():
        assert abs(drawn[operation] / 200 - share) < 2


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
        if action.operation == "earn":
            assert CITY.index_of(action.card[1:17]) is not None
            assert 0 < action.number < LARGE_BASKET_GROSZE[1]
            is_large = action.number >= LARGE_BASKET_GROSZE[0]
            assert is_large or action.number <= SMALL_BASKET_GROSZE_MAX


def test_only_approved_sales_are_reversed_each_once() -> None:
    """A reversal names a sale of this till that was approved and was not reversed before."""
    mine = till()
    approved_sales: set[tuple[str, int]] = set()
    reversed_sales: set[tuple[str, int]] = set()
    for stan in range(1, 5_001):
        action = mine.next()
        if action.operation == "reversal":
            sale = (action.card, action.number)
            assert sale in approved_sales - reversed_sales
            reversed_sales.add(sale)
        code = 45 if stan % 3 == 0 else 0
        mine.learn(action, approved(stan, code=code))
        if action.operation == "earn" and code == 0:
            approved_sales.add((action.card, stan))
    assert reversed_sales


def test_a_card_with_points_is_redeemed() -> None:
    """When a reply has shown enough points for a tier, the next redemption is of that card."""
    mine = till()
    rich = CITY.track2(3)
    mine.learn(Action("balance", rich), approved(1, balance=100))
    redemption = next(action for action in iter(mine.next, None) if action.operation == "redeem")
    assert redemption == Action("redeem", rich, 100)
