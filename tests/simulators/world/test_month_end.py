"""The auditor's month end by hand: VAT goes by the document that bills, not by the statement's total."""

import pytest

from protocol import EarnAdvice, Reversal
from simulators.world.auditor.expected import Expected
from simulators.world.auditor.month_end import MonthEnd

PARTNER, TERMINAL = 1001, 5001
CARD = "9616000000000001"
NOVEMBER_MS = 1_762_772_400_000  # 2025-11-10
DECEMBER_MS = NOVEMBER_MS + 30 * 86_400_000


def the_month_of(*, sold: int = 0, taken_back: int = 0, corrections: tuple[int, ...] = ()) -> tuple[int, int]:
    """Points sold in December, points of November taken back then, corrections: net and VAT of December."""
    books = MonthEnd(has_lease=False)
    for stan, points, at_ms in ((1, taken_back, NOVEMBER_MS), (2, sold, DECEMBER_MS)):
        if points:
            sale = EarnAdvice(stan=stan, terminal_time=at_ms // 1000, card=CARD, entry=1, amount=points * 100)
            books.heard(TERMINAL, PARTNER, sale, Expected(0, points=points), at_ms)
    if taken_back:
        undone = Reversal(stan=3, terminal_time=DECEMBER_MS // 1000, card=CARD, entry=1, original_stan=1)
        books.heard(TERMINAL, PARTNER, undone, Expected(0, points=-taken_back), DECEMBER_MS)
    for net in corrections:
        books.corrected(PARTNER, "2025-12", net)
    foretold = books.month(PARTNER, "2025-12")
    return foretold.net, foretold.vat


@pytest.mark.parametrize(
    ("figures", "net", "vat"),
    [
        ({"sold": 5}, 50, 12),  # 11.5, half up
        ({"sold": 5, "taken_back": 3}, 20, 5),  # 12 of the sale, 7 of the correction (6.9); 4.6 of the total
        ({"taken_back": 5}, -50, -12),
        ({"sold": 5, "corrections": (-8,)}, 42, 10),  # within the month's own sale: 9.66
        ({"sold": 5, "corrections": (-60,)}, -10, -2),  # a document apart: 12 and 14 (13.8)
    ],
)
def test_each_document_has_a_vat_of_its_own(figures: dict[str, int], net: int, vat: int) -> None:
    """Net sums of December and their tax: each document is rounded by itself."""
    assert the_month_of(**figures) == (net, vat)
