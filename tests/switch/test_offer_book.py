"""Which offers hold at a moment in a worker's memory: versions, withdrawals, partners, unreadable terms."""

import pytest

from ledger.registry.reads import OfferRow
from switch.rules.offer_book import OfferBook
from switch.rules.offer_faults import OfferError
from switch.rules.offers import Codes, encode_offer, read_offer


def row(
    number: int, version: int, from_ms: int, *, partner: int = 5, withdrawn: bool = False, terms: str = ""
) -> OfferRow:
    """A version of an offer as the registry tells it."""
    words = {"pl": f"v{version}", "en": f"v{version}"}
    offer = {"number": number, "partner": partner, "name": words, "text": words}
    made = encode_offer(read_offer({**offer, "benefits": [{"kind": "free_entry", "for": ["child"]}]}))
    return OfferRow(1, number, version, partner, withdrawn, from_ms, terms or made)


def book(*rows: OfferRow) -> OfferBook:
    """A book of these versions, taken in from the last to the first."""
    made = OfferBook()
    for one in reversed(rows):
        made.put(one)
    return made


def held(made: OfferBook, at_ms: int) -> list[int | None]:
    """The versions of offer 1 and 2 that hold at a moment."""
    return [found and found.number for found in (made.at(1, at_ms), made.at(2, at_ms))]


def test_the_latest_version_whose_moment_has_come_holds() -> None:
    """By moment, then by number; before the first and after a withdrawal there is none."""
    made = book(
        row(1, 1, 100), row(1, 2, 300), row(1, 3, 200), row(1, 4, 300), row(1, 5, 400, withdrawn=True)
    )
    found = [held(made, at_ms)[0] for at_ms in (99, 100, 199, 200, 299, 300, 399, 400, 10**15)]
    assert found == [None, 1, 1, 3, 3, 4, 4, None, None]
    assert made.at(2, 10**15) is None


def test_offers_of_a_partner_come_by_number() -> None:
    """Only the partner's own, only what holds, in order, and from a number on."""
    made = book(
        row(30, 1, 0), row(4, 1, 0), row(7, 1, 500), row(12, 1, 0, partner=6), row(9, 1, 0),
        row(9, 2, 100, withdrawn=True), row(20, 1, 0), row(20, 2, 100, partner=6),
    )  # fmt: skip

    def numbers(partner: int, at_ms: int, after: int = 0) -> list[int]:
        return [one.offer.number for one in made.of_partner(partner, at_ms, after=after) if one.offer]

    assert numbers(5, 50) == [4, 9, 20, 30]
    assert numbers(5, 100) == [4, 30]
    assert numbers(5, 500) == [4, 7, 30]
    assert numbers(5, 500, after=4) == [7, 30]
    assert numbers(5, 500, after=5) == [7, 30]
    assert numbers(6, 100) == [12, 20]
    assert numbers(7, 100) == []


def test_an_offer_keeps_its_name_after_it_was_withdrawn() -> None:
    """The name is that of its moment, in the language asked for; before the first version there is none."""
    made = book(row(1, 1, 100), row(1, 2, 200), row(1, 3, 300, withdrawn=True))
    names = [made.name(1, at_ms, "en") for at_ms in (99, 100, 199, 200, 299, 300, 10**15)]
    assert names == ["", "v1", "v1", "v2", "v2", "v2", "v2"]
    assert made.name(2, 200, "pl") == ""


def test_terms_nobody_can_read_are_granted_to_nobody() -> None:
    """A version of another make is told as a fault and holds as withdrawn; so do terms misfiled."""
    made = book(row(1, 1, 0))
    for terms in ('{"number":1}', "[", row(3, 1, 0).terms, row(1, 1, 0, partner=6).terms):
        with pytest.raises(OfferError, match="key '"):
            made.put(row(1, 2, 100, terms=terms))
        assert held(made, 99) == [1, None]
        assert held(made, 100) == [None, None]


def test_terms_are_made_ready_once_for_the_codes_of_a_version() -> None:
    """The same codes, the same object; other codes, other bits."""
    found = book(row(1, 1, 0)).at(1, 0)
    assert found is not None
    codes, others = Codes.of(["child"], []), Codes.of(["adult", "child"], [])
    assert found.terms(codes) is found.terms(codes)
    assert [found.terms(one).audiences[0].kinds for one in (codes, others, codes)] == [1, 2, 1]
