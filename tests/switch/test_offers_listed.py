"""Offers that SIGN_ON lists: those of the terminal's own outlet, page by page, and no others."""

from typing import Final

import pytest

from protocol import ResultCode, SignOn, Verify, limits
from switch.flow.inquiry import sign_on_reply
from switch.rules.decide import decide_verify
from switch.rules.directory import Terminal
from tests.entries import SWIPED
from tests.switch.test_benefit_decisions import NOW, NOW_MS, card, here, shop, use
from tests.switch.test_cities import ZGIERZ

OUTLETS: Final = ([], [31], [32], [31, 32])
"""Of four offers in a row."""


def listed(terminal: Terminal) -> list[list[int]]:
    """Return the numbers of each page of offers that a terminal is told."""
    pages: list[list[int]] = []
    after = 0
    while not pages or after:
        told = sign_on_reply(SignOn(1, 0, "till", "pl", after), terminal, NOW_MS, code=0, last=0)
        pages.append([number for number, _, _ in told.offers])
        after = told.offers_next
    return pages


@pytest.mark.parametrize(("outlet", "numbers"), [(31, [1, 2, 4]), (32, [1, 3, 4]), (33, [1]), (0, [1])])
def test_only_what_holds_at_the_terminal_s_outlet_is_listed(outlet: int, numbers: list[int]) -> None:
    """An offer of another outlet is not listed, nor does VERIFY list it, nor is it granted."""
    offers = [here(number, outlets=outlets) for number, outlets in enumerate(OUTLETS, 1)]
    terminal, holder = shop(ZGIERZ, *offers, outlet=outlet), card(ZGIERZ)
    assert listed(terminal) == [numbers]
    verdict = decide_verify(Verify(1, 0, "", SWIPED, 0), terminal, holder, NOW)
    assert [found.offer for found in verdict.found] == numbers
    for number in range(1, len(OUTLETS) + 1):
        code = 0 if number in numbers else ResultCode.BENEFIT_OTHER_PARTNER
        assert use(terminal, holder, offer=number).code == code


def test_pages_are_full_of_the_outlet_s_own_offers() -> None:
    """What lies between offers of this outlet takes no place of a page; none follows a full last page."""
    count = 2 * limits.OFFERS_MAX
    offers = [here(number, outlets=[31 + number % 2]) for number in range(1, 2 * count + 1)]
    pages = listed(shop(ZGIERZ, *offers, outlet=31))
    assert [len(page) for page in pages] == [limits.OFFERS_MAX] * 2
    assert [number for page in pages for number in page] == list(range(2, 2 * count + 1, 2))
