"""Uses, discounts and refunds in the auditor: each planted difference is found, a clean day has none."""

from collections.abc import Callable

import pytest

from simulators.audit.auditor import compare
from simulators.audit.books import GROSZE, USES, BookFault, Books, JournalRow, Leg
from simulators.audit.differences import AuditResult, Difference, Sums
from simulators.audit.log import Id, Sent, Told, Witnessed
from simulators.city.offers import offers_of
from simulators.city.population import Population
from simulators.till.posting import BENEFIT_USE, EARN, REDEEM, REFUND, REVERSAL

CITY = Population("a test", 100, 10, programme=2)
OFFER = next(offer.number for offer in offers_of(CITY) if len(offer.limits) == 1)
T = CITY.terminal_id(1)
PARTNER = CITY.partner_id(1) << 3
ACCOUNT = 8
CARD = 3


class Day:
    """Benefits 11 (stands), 12 (reversed by 13), 14 (refunded in full by 15), 16 (in part by 17), earn 18
    (refunded in part by 19, the rest reversed by 20).
    """

    def __init__(self) -> None:
        self.sent: dict[Id, Sent] = {}
        self.told: dict[Id, list[Told]] = {}
        self.journal: dict[int, JournalRow] = {}
        self.legs: dict[int, list[Leg]] = {}
        self.reversals: dict[Id, list[int]] = {(T, 12): [13], (T, 18): [20]}
        self.faults: list[tuple[BookFault, int, list[str]]] = []
        for stan in (11, 12, 14, 16):
            self.benefit(stan)
        self.undo(13, REVERSAL, 4, 12, 100_00, legs=True)
        self.undo(15, REFUND, 10, 14, 90_00, legs=True)
        self.undo(17, REFUND, 10, 16, 40_00, legs=False)
        self.enter(18, 1, Sent(EARN, 0, CARD, 100_00), points=10)
        self.undo(19, REFUND, 10, 18, 35_00, legs=False, points=-4)
        self.undo(20, REVERSAL, 4, 18, 100_00, legs=False, points=-6)

    def enter(self, stan: int, kind: int, sent: Sent, *, points: int = 0, discount: int = 0) -> None:
        number, partner = 500 + stan, PARTNER | 1
        row = JournalRow(
            T, stan, kind, 0, ACCOUNT, partner, points, 0, sent.amount, number, sent.original_stan,
            sent.offer, sent.original_terminal, discount,
        )  # fmt: skip
        self.sent[T, stan], self.journal[stan] = sent, row
        told_discount = 0 if sent.type == REFUND else discount
        self.told[T, stan] = [
            Told(sent.type, 0, sent.original_stan, CARD, sent.amount, points, 0, number, sent.offer,
                 sent.original_terminal, told_discount)
        ]  # fmt: skip
        sides = (partner, ACCOUNT) if points > 0 else (ACCOUNT, partner)
        self.legs[number] = [Leg(*sides, abs(points))] if points else []

    def benefit(self, stan: int) -> None:
        self.enter(stan, 8, Sent(BENEFIT_USE, 0, CARD, 100_00, OFFER), discount=10_00)
        self.legs[500 + stan] += [
            Leg(PARTNER | 5, ACCOUNT | 6, 10_00, GROSZE),
            Leg(ACCOUNT, PARTNER | 4, 1, USES),
        ]

    def undo(
        self, stan: int, message: int, kind: int, original: int, amount: int, *, legs: bool, points: int = 0
    ) -> None:
        is_refund = message == REFUND
        sent = Sent(message, original, CARD, amount if is_refund else 0, 0, T if is_refund else 0)
        self.enter(stan, kind, sent, points=points, discount=10_00 if legs else 0)
        self.journal[stan] = self.journal[stan]._replace(amount_grosze=amount)
        self.told[T, stan] = [self.told[T, stan][0]._replace(amount=amount)]
        if legs:
            self.legs[500 + stan] += [
                Leg(leg.credit, leg.debit, leg.points, leg.unit) for leg in self.legs[500 + original]
            ]

    def audit(self) -> AuditResult:
        witnessed = Witnessed(CITY, {T: 10}, self.sent, self.told)
        return compare(
            witnessed, Books([*self.journal.values()], self.legs, self.reversals, list(self.faults))
        )


def test_a_clean_day_has_no_differences() -> None:
    """Benefits used, reversed and refunded; told and posted come to the same in all three units."""
    result = Day().audit()
    assert result.is_clean, result.lines()
    assert result.told_sums == result.posted_sums == Sums(points=0, uses=2, grosze=20_00)
    assert (result.benefits, result.refunds, result.reversed) == (4, 3, 2)


def test_a_reversal_told_before_a_refund_in_part_is_counted_once() -> None:
    """Two terminals are told in any order: what a reversal took back does not make the refund a whole one."""
    day = Day()
    day.undo(21, REVERSAL, 4, 16, 60_00, legs=True)
    day.reversals[T, 16] = [21]
    day.told[T, 17] = day.told.pop((T, 17))
    result = day.audit()
    assert result.is_clean, result.lines()
    assert result.told_sums == Sums(points=0, uses=1, grosze=10_00)


def no_use(day: Day) -> None:
    del day.legs[511][1]


def two_uses(day: Day) -> None:
    day.legs[511].append(day.legs[511][1])


def use_kept_after_reversal(day: Day) -> None:
    del day.legs[513][1]


def use_given_back_by_a_partial_refund(day: Day) -> None:
    day.legs[517].append(Leg(PARTNER | 4, ACCOUNT, 1, USES))


def a_sale_takes_a_use(day: Day) -> None:
    day.legs[518].append(Leg(ACCOUNT, PARTNER | 4, 1, USES))


def no_discount(day: Day) -> None:
    del day.legs[511][0]


def discount_of_the_wrong_side(day: Day) -> None:
    day.legs[511][0] = Leg(ACCOUNT | 6, PARTNER | 5, 10_00, GROSZE)


def discount_of_more(day: Day) -> None:
    day.legs[511][0] = Leg(PARTNER | 5, ACCOUNT | 6, 10_01, GROSZE)


def discount_kept_after_a_refund(day: Day) -> None:
    del day.legs[515][0]


def refund_of_more(day: Day) -> None:
    day.undo(21, REFUND, 10, 16, 50_01, legs=True)


def refund_of_nothing(day: Day) -> None:
    day.undo(21, REFUND, 10, 9, 1_00, legs=False)


def refund_of_a_refund(day: Day) -> None:
    day.undo(21, REFUND, 10, 15, 1_00, legs=False)


def refund_of_a_redemption(day: Day) -> None:
    day.enter(21, 3, Sent(REDEEM, 0, CARD, 100), points=-100)
    day.undo(22, REFUND, 10, 21, 100, legs=False)


def refund_forgotten(day: Day) -> None:
    del day.journal[19], day.legs[519]


def another_offer(day: Day) -> None:
    day.sent[T, 11] = day.sent[T, 11]._replace(offer=OFFER + 1)


def refund_of_another_terminals_sale(day: Day) -> None:
    day.sent[T, 17] = day.sent[T, 17]._replace(original_terminal=T + 1)


def another_discount_told(day: Day) -> None:
    day.told[T, 11] = [day.told[T, 11][0]._replace(discount=9_99)]


PLANTED: list[tuple[Callable[[Day], None], set[Difference]]] = [
    (no_use, {Difference.USES_DIFFER, Difference.SUMS_DIFFER}),
    (two_uses, {Difference.USES_DIFFER, Difference.SUMS_DIFFER}),
    (use_kept_after_reversal, {Difference.USES_DIFFER, Difference.SUMS_DIFFER}),
    (use_given_back_by_a_partial_refund, {Difference.USES_DIFFER, Difference.SUMS_DIFFER}),
    (a_sale_takes_a_use, {Difference.USES_DIFFER, Difference.SUMS_DIFFER}),
    (no_discount, {Difference.DISCOUNT_DIFFERS, Difference.SUMS_DIFFER}),
    (discount_of_the_wrong_side, {Difference.DISCOUNT_DIFFERS, Difference.SUMS_DIFFER}),
    (discount_of_more, {Difference.DISCOUNT_DIFFERS, Difference.SUMS_DIFFER}),
    (discount_kept_after_a_refund, {Difference.DISCOUNT_DIFFERS, Difference.SUMS_DIFFER}),
    (refund_of_more, {Difference.REFUND_OVER_SALE}),
    (refund_of_nothing, {Difference.REFUND_WITHOUT_SALE}),
    (refund_of_a_refund, {Difference.REFUND_WITHOUT_SALE}),
    (refund_of_a_redemption, {Difference.REFUND_WITHOUT_SALE}),
    (
        refund_forgotten,
        {
            Difference.APPROVAL_NOT_IN_JOURNAL,
            Difference.REVERSAL_NOT_IN_BOOKS,
            Difference.SUMS_DIFFER,
        },
    ),
    (another_offer, {Difference.REQUEST_ALTERED}),
    (refund_of_another_terminals_sale, {Difference.REQUEST_ALTERED}),
    (another_discount_told, {Difference.FIGURES_DIFFER, Difference.SUMS_DIFFER}),
]


@pytest.mark.parametrize(("plant", "expected"), PLANTED, ids=lambda value: getattr(value, "__name__", ""))
def test_every_planted_difference_is_found(plant: Callable[[Day], None], expected: set[Difference]) -> None:
    """One thing wrong gives exactly the differences that name it."""
    day = Day()
    plant(day)
    assert set(day.audit().differences) == expected


def test_what_is_unsettled_is_not_summed() -> None:
    """A request that nobody has answered has posted or not: only what is settled can differ in sum."""
    day = Day()
    del day.told[T, 11]
    result = day.audit()
    assert result.unsettled == 1
    assert result.told_sums != result.posted_sums
    assert result.is_clean
