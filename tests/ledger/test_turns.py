"""Tables of who goes when: how many a batch takes, and what is enough for one to begin."""

import pytest

from ledger.books.turns import NEVER, PATIENCE_S, SHARED_MIN, enough, is_behind, share


@pytest.mark.parametrize(
    ("unanswered", "batch_max", "taken"),
    [
        (1, 500, 1),
        (2, 500, 2),
        (2 * SHARED_MIN - 2, 500, 2 * SHARED_MIN - 2),  # a handful is not divided
        (2 * SHARED_MIN - 1, 500, SHARED_MIN),  # the larger half
        (2 * SHARED_MIN, 500, SHARED_MIN),
        (101, 500, 51),
        (1000, 500, 500),
        (1001, 500, 500),  # never more than a batch
        (100_000, 500, 500),
        (10, 4, 4),
        (0, 500, 0),
    ],
)
def test_a_batch_takes_half_of_what_is_unanswered(unanswered: int, batch_max: int, taken: int) -> None:
    """Half, all of a few, a batch of many."""
    assert share(unanswered, batch_max) == taken


@pytest.mark.parametrize(
    ("sent_at", "wanted"),
    [
        ([NEVER], 1),
        ([NEVER, NEVER], 1),
        ([100.0, NEVER], 500),  # one is on its way, sent now
        ([NEVER, 100.0 - PATIENCE_S / 2], 500),
        ([100.0 - PATIENCE_S, NEVER], 1),  # late: nobody waits for it
        ([100.0 - 2 * PATIENCE_S, 100.0], 500),  # one late, one not
        ([0.0, 0.0], 1),
    ],
)
def test_while_a_batch_is_on_its_way_only_a_full_one_begins(sent_at: list[float], wanted: int) -> None:
    """A batch on its way is waited for as long as it is not late."""
    assert enough(sent_at, 100.0, 500) == wanted


@pytest.mark.parametrize(
    ("waiting", "oldest_s", "behind"),
    [(500, 9.0, False), (501, 0.5, False), (501, 0.51, True), (5000, 9.0, True), (0, 0.0, False)],
)
def test_a_worker_is_behind_when_more_than_a_batch_has_waited_too_long(
    waiting: int, oldest_s: float, behind: bool
) -> None:
    """Neither many that came just now, nor a few that wait for Postgres, are a queue."""
    assert is_behind(waiting, oldest_s, 500, 0.5) is behind
