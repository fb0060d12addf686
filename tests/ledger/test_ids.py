"""What transaction ids promise, and that the ledger's codes are the protocol's."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.books import result_codes
from ledger.books.transaction_ids import NODES, SEQUENCES, TransactionIds, first_id, time_ms
from ledger.errors import DatabaseUnavailable
from protocol import ResultCode


@given(st.lists(st.integers(0, (1 << 41) - 100), min_size=1, max_size=50), st.integers(0, NODES - 1))
def test_ids_strictly_increase_whatever_the_clock_does(clock: list[int], node: int) -> None:
    """The clock may stand or be set back; ids still rise, carry their node, and fit 63 bits."""
    ids = TransactionIds(node)
    made = [ids.next(now_ms) for now_ms in clock]
    assert all(low < high for low, high in pairwise(made))
    assert all(made_id >> 12 & (NODES - 1) == node for made_id in made)
    assert max(made) < 1 << 63


def test_a_full_millisecond_carries_into_the_next() -> None:
    """More ids in one millisecond than there are sequence numbers go on in the next one."""
    ids = TransactionIds(3)
    made = [ids.next(1000) for _ in range(SEQUENCES + 1)]
    assert made == sorted(set(made))
    assert [time_ms(made[-2]), time_ms(made[-1])] == [1000, 1001]
    assert first_id(1000) <= made[0] < first_id(1001) <= made[-1]


@pytest.mark.parametrize("node", [-1, NODES])
def test_nodes_have_bounds(node: int) -> None:
    """A node number has ten bits."""
    with pytest.raises(ValueError, match="node must be"):
        TransactionIds(node)


def test_a_batch_of_ids_is_one_range() -> None:
    """Many at once are as many one by one."""
    one, other = TransactionIds(3), TransactionIds(3)
    assert one.take(1000, 5000) == [other.next(1000) for _ in range(5000)]


def test_ids_stay_below_what_is_reserved() -> None:
    """A clock that runs ahead is not followed past the reservation; used up, there are no more."""
    ids = TransactionIds(3, floor_ms=1000, ceiling_ms=1002)
    assert ids.room == 2 * SEQUENCES
    made = ids.take(5000, SEQUENCES)
    assert (made[0], time_ms(made[-1])) == (first_id(1000) + (3 << 12), 1000)
    with pytest.raises(DatabaseUnavailable, match="no transaction ids are reserved"):
        ids.take(5000, SEQUENCES + 1)
    made += ids.take(1001, SEQUENCES)
    assert ids.room == 0
    with pytest.raises(DatabaseUnavailable):
        ids.next(0)
    ids.extend(1003)
    made.append(ids.next(0))
    assert made == sorted(set(made))
    assert time_ms(made[-1]) == 1002


def test_a_floor_is_never_gone_below() -> None:
    """Whatever the clock says, ids begin at the floor, and a lower floor changes nothing."""
    ids = TransactionIds(3, floor_ms=2000)
    assert time_ms(ids.next(1000)) == 2000
    ids.rise_to(1500)
    assert time_ms(ids.next(1000)) == 2000
    ids.rise_to(3000)
    assert time_ms(ids.next(1000)) == 3000


def test_the_codes_are_the_protocols() -> None:
    """Neither part imports the other; the numbers are the same."""
    codes = {name: value for name, value in vars(result_codes).items() if name.isupper()}
    assert codes
    for name, value in codes.items():
        assert ResultCode[name] == value
