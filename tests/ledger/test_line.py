"""Who may go, and who waits behind whom: a table of what stands in line, and the batches that come of it."""

import pytest

from ledger.books.line import TOGETHER_MIN, Line
from ledger.books.posting import ANY_ACCOUNT, Kind, Posting


def posting(stan: int, account: int, original: int = 0) -> Posting:
    return Posting(0, 1, stan, int(Kind.EARN), account, 0, 0, 0, 0, 0, original, 0, 0, 0)


Row = tuple[int, int] | tuple[int, int, int]
X, Y, Z = 8, 16, 24
CASES: dict[str, tuple[list[Row], int, list[list[int]]]] = {
    "all of different cards go together": ([(1, X), (2, Y), (3, Z)], 9, [[1, 2, 3]]),
    "no more than asked for": ([(1, X), (2, Y), (3, Z)], 2, [[1, 2], [3]]),
    "a second one of a card waits for the next batch": ([(1, X), (2, X), (3, Y)], 9, [[1, 3], [2]]),
    "many of a card go together, in order": (
        [(1, X), (2, X), (3, Y), (4, X), (5, X), (6, X), (7, X)], 9, [[1, 3, 2, 4, 5, 6, 7]],
    ),
    "as many of a card as there is room for": (
        [(n, X) for n in range(1, 9)], 6, [[1, 2, 3, 4, 5, 6], [7], [8]],
    ),
    "fewer than go together": ([(n, X) for n in range(1, 4)], 9, [[1], [2], [3]]),
    "an id twice: the second after the first": ([(1, X), (1, Y), (2, Z)], 9, [[1, 2], [1]]),
    "a reference waits for its original": ([(1, X), (2, Y, 1), (3, Z)], 9, [[1, 3], [2]]),
    "an original waits for its reference": ([(2, Y, 1), (1, X)], 9, [[2], [1]]),
    "two references of one original": ([(2, X, 1), (3, Y, 1)], 9, [[2], [3]]),
    "a reference to itself": ([(2, X, 2), (3, Y)], 9, [[2, 3]]),
    "no card is no reason to wait": ([(1, 0), (2, 0), (3, 0)], 9, [[1, 2, 3]]),
    "a card not known here is no reason to wait": ([(5, ANY_ACCOUNT, 1), (6, ANY_ACCOUNT, 2)], 9, [[5, 6]]),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_batches_one_after_the_other(case: str) -> None:
    """Each batch leaves before the next is taken: what comes of the line is the table's."""
    rows, count_max, expected = CASES[case]
    line = Line()
    for row in rows:
        line.enter(posting(*row))
    found = []
    while batch := line.take(count_max):
        found.append([each.stan for each in batch])
        line.leave(batch)
    assert found == expected
    assert not line.ready


def test_a_card_is_in_one_batch_at_a_time() -> None:
    """What waits behind a card, an id or an original on its way is parked, and ready before all others."""
    line = Line()
    for row in ((1, X), (2, Y)):
        line.enter(posting(*row))
    first = line.take(9)
    line.enter(posting(3, X))
    line.enter(posting(4, X))
    line.enter(posting(5, Z, 2))
    line.enter(posting(6, Z))
    second = line.take(9)
    assert [each.stan for each in second] == [6]
    assert line.take(9) == []
    line.enter(posting(7, 32))
    line.leave(first)
    assert sorted(each.stan for each in line.ready) == [3, 4, 5, 7]
    assert line.ready[-1].stan == 7
    assert [each.stan for each in line.take(9)] == [3, 7]


def test_an_account_is_free_when_all_of_it_have_left() -> None:
    """Some of a batch may be answered before the others of the same card."""
    line = Line()
    for stan in range(1, TOGETHER_MIN + 2):
        line.enter(posting(stan, X))
    batch = line.take(99)
    assert len(batch) == TOGETHER_MIN + 1
    line.enter(posting(50, X))
    assert line.take(9) == []
    line.leave(batch[1:])
    assert line.take(9) == []
    line.leave(batch[:1])
    assert [each.stan for each in line.take(9)] == [50]


def test_who_is_late_is_withdrawn_wherever_it_waits() -> None:
    """In line or parked; those on their way are not."""
    line = Line()
    line.enter(posting(1, X))
    on_its_way = line.take(9)
    for row in ((2, X), (3, Y), (4, Y)):
        line.enter(posting(*row))
    assert [each.stan for each in line.take(1)] == [3]
    late = line.withdraw(lambda each: each.stan in (1, 2))
    assert [each.stan for each in late] == [2]
    line.leave(on_its_way)
    assert [each.stan for each in line.ready] == [4]
