"""The auditor can fail: every planted difference is found, and a clean day has none."""

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from simulators.audit.auditor import compare
from simulators.audit.books import BookFault, Books, JournalRow, Leg
from simulators.audit.differences import EXAMPLES_MAX, AuditResult, Difference
from simulators.audit.log import STRANGER, Id, Sent, Told, Witnessed
from simulators.till.posting import EARN, EARN_ADVICE, REDEEM, REVERSAL

T = 10_000_001
ISSUED, REDEEMED = 1001 << 3 | 1, 1001 << 3 | 2
ACCOUNT = 8
CARD = 3


FOLLOWING = {Difference.WRONG_ACCOUNT, Difference.APPROVAL_NOT_POSTED, Difference.SUMS_DIFFER}
"""What another difference may bring with it."""


@dataclass
class Day:
    """A clean day: earn 11, redeem 12, its reversal 13, decline 14, advice 15, and 16 cancelled by 17."""

    sent: dict[Id, Sent] = field(default_factory=dict)
    told: dict[Id, list[Told]] = field(default_factory=dict)
    journal: dict[int, JournalRow] = field(default_factory=dict)
    legs: dict[int, list[Leg]] = field(default_factory=dict)
    reversals: dict[Id, list[int]] = field(default_factory=dict)
    faults: list[tuple[BookFault, int, list[str]]] = field(default_factory=list)
    extra: list[JournalRow] = field(default_factory=list)

    def request(self, stan: int, kind: int, amount: int, original: int = 0) -> None:
        self.sent[T, stan] = Sent(kind, original, CARD, amount)

    def answer(self, stan: int, code: int, amount: int, points: int, balance: int) -> None:
        sent = self.sent[T, stan]
        answer = Told(sent.type, code, sent.original_stan, CARD, amount, points, balance, 500 + stan)
        self.told.setdefault((T, stan), []).append(answer)

    def row(
        self, stan: int, kind: int, code: int, points: int, balance: int, amount: int, original: int = 0
    ) -> None:
        counter = REDEEMED if kind == 3 or original == 12 else ISSUED
        number = 500 + stan
        self.journal[stan] = JournalRow(
            T, stan, kind, code, ACCOUNT, counter, points, balance, amount, number, original
        )
        if points:
            sides = (counter, ACCOUNT) if points > 0 else (ACCOUNT, counter)
            self.legs[number] = [Leg(*sides, abs(points))]

    def audit(self) -> AuditResult:
        witnessed = Witnessed(None, {T: 10}, self.sent, self.told)
        books = Books([*self.journal.values(), *self.extra], self.legs, self.reversals, list(self.faults))
        return compare(witnessed, books)

    def compare(self) -> dict[Difference, int]:
        result = self.audit()
        return {difference: found.count for difference, found in result.differences.items()}


@pytest.fixture
def day() -> Day:
    made = Day()
    made.request(11, EARN, 1_200_00)
    made.answer(11, 0, 1_200_00, 120, 120)
    made.row(11, 1, 0, 120, 120, 1_200_00)
    made.request(12, REDEEM, 100)
    made.answer(12, 0, 10_00, -100, 20)
    made.row(12, 3, 0, -100, 20, 10_00)
    made.request(13, REVERSAL, 0, 12)
    made.answer(13, 0, 10_00, 100, 120)
    made.row(13, 4, 0, 100, 120, 10_00, 12)
    made.reversals[T, 12] = [13]
    made.request(14, EARN, 5_00)
    made.answer(14, 45, 0, 0, 120)
    made.row(14, 1, 45, 0, 120, 0)
    made.request(15, EARN_ADVICE, 20_00)
    made.answer(15, 0, 20_00, 2, 122)
    made.row(15, 2, 0, 2, 122, 20_00)
    made.request(16, EARN, 30_00)
    made.journal[16] = JournalRow(T, 16, 0, 24, ACCOUNT, 0, 0, 122, 0, 517, 0)
    made.request(17, REVERSAL, 0, 16)
    made.answer(17, 1, 0, 0, 122)
    made.row(17, 4, 1, 0, 122, 0, 16)
    return made


def replace_told(day: Day, stan: int, **changes: int) -> None:
    day.told[T, stan] = [day.told[T, stan][0]._replace(**changes)]


def replace_row(day: Day, stan: int, **changes: int) -> None:
    day.journal[stan] = day.journal[stan]._replace(**changes)


def test_a_clean_day_has_no_differences(day: Day) -> None:
    """Earn, redemption, reversal, decline, advice and a cancelled original, all as they should be."""
    result = day.audit()
    assert result.is_clean, result.lines()
    assert (result.sent, result.told, result.approved, result.declined, result.unsettled) == (7, 6, 5, 1, 0)
    assert result.lines()[-1] == "no differences"


def forget_row(day: Day) -> None:
    del day.journal[15], day.legs[515]


def forget_decline(day: Day) -> None:
    del day.journal[14]


def post_decline(day: Day) -> None:
    day.row(14, 1, 0, 5, 125, 5_00)


def post_beside_decline(day: Day) -> None:
    day.legs[514] = [Leg(ISSUED, ACCOUNT, 5)]


def forget_legs(day: Day) -> None:
    del day.legs[511]


def other_points_posted(day: Day) -> None:
    day.legs[511] = [Leg(ISSUED, ACCOUNT, 119)]


def swapped_sides(day: Day) -> None:
    day.legs[511] = [Leg(ACCOUNT, ISSUED, 120)]


def two_legs(day: Day) -> None:
    day.legs[511] *= 2


def row_twice(day: Day) -> None:
    day.extra.append(day.journal[15])


def shared_number(day: Day) -> None:
    replace_row(day, 15, transaction_id=511)
    replace_told(day, 15, transaction_id=511)
    day.legs[511].append(Leg(ISSUED, ACCOUNT, 2))


def reversal_unrecorded(day: Day) -> None:
    day.reversals.clear()


def reversal_of_less(day: Day) -> None:
    day.row(13, 4, 0, 90, 110, 10_00, 12)
    replace_told(day, 13, points=90, balance=110)


def cancelled_original_posts(day: Day) -> None:
    day.row(16, 1, 0, 3, 125, 30_00)


def cancelled_original_free(day: Day) -> None:
    del day.journal[16]


def reversed_twice(day: Day) -> None:
    day.reversals[T, 12].append(18)


def refused_reversal(day: Day) -> None:
    day.request(18, REVERSAL, 0, 11)
    day.answer(18, 41, 0, 0, 122)
    day.row(18, 4, 41, 0, 122, 0, 11)


def answered_differently(day: Day) -> None:
    day.told[T, 11].append(day.told[T, 11][0]._replace(points=119))


def never_sent(day: Day) -> None:
    day.row(19, 1, 0, 7, 129, 70_00)


def answered_never_sent(day: Day) -> None:
    del day.sent[T, 11]


def another_amount(day: Day) -> None:
    day.sent[T, 11] = Sent(EARN, 0, CARD, 1_100_00)


def another_tier(day: Day) -> None:
    day.sent[T, 12] = Sent(REDEEM, 0, CARD, 250)


def another_original(day: Day) -> None:
    day.sent[T, 13] = Sent(REVERSAL, 11, CARD, 0)


def another_account(day: Day) -> None:
    replace_row(day, 15, account=16)
    day.legs[515] = [Leg(ISSUED, 16, 2)]


def two_cards_one_account(day: Day) -> None:
    replace_told(day, 15, card=CARD + 1)


def points_without_card(day: Day) -> None:
    replace_told(day, 15, card=STRANGER)


PLANTED: list[tuple[Callable[[Day], None], set[Difference]]] = [
    (forget_row, {Difference.APPROVAL_NOT_IN_JOURNAL}),
    (forget_decline, {Difference.DECLINE_NOT_IN_JOURNAL}),
    (post_decline, {Difference.DECLINE_POSTED}),
    (post_beside_decline, {Difference.DECLINE_POSTED}),
    (forget_legs, {Difference.APPROVAL_NOT_POSTED}),
    (other_points_posted, {Difference.APPROVAL_NOT_POSTED}),
    (swapped_sides, {Difference.APPROVAL_NOT_POSTED}),
    (two_legs, {Difference.POSTED_TWICE}),
    (row_twice, {Difference.POSTED_TWICE}),
    (shared_number, {Difference.POSTED_TWICE}),
    (reversal_unrecorded, {Difference.REVERSAL_NOT_IN_BOOKS}),
    (reversal_of_less, {Difference.REVERSAL_NOT_IN_BOOKS}),
    (cancelled_original_posts, {Difference.REVERSAL_NOT_IN_BOOKS}),
    (cancelled_original_free, {Difference.REVERSAL_NOT_IN_BOOKS}),
    (reversed_twice, {Difference.REVERSED_TWICE}),
    (refused_reversal, {Difference.REVERSAL_REFUSED}),
    (answered_differently, {Difference.REPLAY_DIFFERS}),
    (never_sent, {Difference.NEVER_SENT}),
    (answered_never_sent, {Difference.NEVER_SENT}),
    (another_amount, {Difference.REQUEST_ALTERED}),
    (another_tier, {Difference.REQUEST_ALTERED}),
    (another_original, {Difference.REQUEST_ALTERED}),
    (another_account, {Difference.WRONG_ACCOUNT}),
    (two_cards_one_account, {Difference.WRONG_ACCOUNT}),
    (points_without_card, {Difference.WRONG_ACCOUNT}),
]


@pytest.mark.parametrize(("plant", "expected"), PLANTED, ids=lambda value: getattr(value, "__name__", ""))
def test_every_planted_difference_is_found(
    day: Day, plant: Callable[[Day], None], expected: set[Difference]
) -> None:
    """One thing wrong gives exactly the difference that names it."""
    plant(day)
    assert set(day.compare()) >= expected
    assert set(day.compare()) - expected <= FOLLOWING


@pytest.mark.parametrize("figure", ["code", "points", "balance", "amount", "discount", "transaction_id"])
def test_every_figure_is_compared(day: Day, figure: str) -> None:
    """A reply that differs from the journal in any one figure is found."""
    answer = day.told[T, 11][0]
    replace_told(day, 11, **{figure: getattr(answer, figure) + 1})
    assert Difference.FIGURES_DIFFER in day.compare()


@pytest.mark.parametrize("fault", list(BookFault))
def test_faults_of_the_books_are_reported_whole(day: Day, fault: BookFault) -> None:
    """What the books get wrong by themselves is counted in full, with a few examples."""
    day.faults.append((fault, 1_000, ["an example"]))
    assert list(day.compare().values()) == [1_000]


def test_what_was_before_the_logs_is_left_alone(day: Day) -> None:
    """History up to the STAN of the first sign-on is nobody's to witness."""
    day.row(9, 1, 0, 7, 7, 70_00)
    assert day.compare() == {}


def test_a_conflict_is_not_compared_with_the_other_request(day: Day) -> None:
    """STAN_CONFLICT says that the number is another request's; that one is in the journal."""
    replace_told(day, 11, code=21, points=0, balance=0, amount=0, transaction_id=0)
    del day.sent[T, 11]
    day.sent[T, 11] = Sent(EARN, 0, CARD, 99)
    assert day.compare() == {}


def test_what_was_never_answered_is_counted(day: Day) -> None:
    """A request without an answer and without a reversal is unsettled, wherever it stands."""
    del day.told[T, 15]
    day.request(20, EARN, 1)
    result = day.audit()
    assert result.unsettled == 2
    assert result.is_clean


def test_many_differences_are_counted_and_a_few_shown(day: Day) -> None:
    """The count is true however few examples are kept."""
    for stan in range(100, 150):
        day.row(stan, 1, 0, 1, 1, 10_00)
    result = day.audit()
    found = result.differences[Difference.NEVER_SENT]
    assert found.count == 50
    assert len(found.examples) == EXAMPLES_MAX
    assert any("never_sent: 50" in line for line in result.lines())
