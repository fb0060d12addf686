"""The seeded city: the same from the same seed, and every number well formed."""

import random
from collections import Counter

import pytest

from protocol import limits, parse_card
from simulators.city.places import ZGIERZ
from simulators.city.population import PARTNERS_MAX, Peculiarity, Population
from simulators.city.trade import LARGE_BASKET_GROSZE, ON_LINE, Customers, Mix


def test_the_same_seed_gives_the_same_city() -> None:
    """Two processes with one seed agree about cards, partners and keys; another seed gives another city."""
    one, other, third = Population("A"), Population("A"), Population("B")
    indexes = (0, 1, 31, 49_999)
    assert [one.track2(index) for index in indexes] == [other.track2(index) for index in indexes]
    assert one.terminal_key(7) == other.terminal_key(7)
    assert len(one.terminal_key(7)) == limits.KEY_SIZE
    assert one.terminal_key(7) not in {one.terminal_key(8), third.terminal_key(7)}
    assert one.card_digits(0) != third.card_digits(0)


def test_a_smaller_city_is_the_beginning_of_a_larger_one() -> None:
    """Growing a city keeps the cards and keys that are out already."""
    small, large = Population("A", cards=10, partners=2), Population("A", cards=1_000, partners=300)
    assert small.card_digits(9) == large.card_digits(9)
    assert small.terminal_key(1) == large.terminal_key(1)
    assert small.partner_name(1) == large.partner_name(1)


def test_card_numbers_are_unique_well_formed_and_can_be_undone() -> None:
    """Every card, duplicate and stripe parses (Luhn, ISO 7813), is unique, and names its index again."""
    city = Population("A", cards=2_000)
    seen: set[str] = set()
    for index in range(city.cards):
        digits = city.card_digits(index)
        assert parse_card(digits) == parse_card(city.track2(index)) == digits
        assert len(city.track2(index)) <= limits.CARD_BYTES_MAX
        assert city.index_of(digits) == index
        seen.add(digits)
        if city.peculiarity(index) is Peculiarity.REPLACED:
            assert city.index_of(parse_card(city.replacement_digits(index))) == index
            seen.add(city.replacement_digits(index))
    assert len(seen) == city.cards + city.cards // 250


def test_strangers_are_well_formed_and_nobodys() -> None:
    """A deliberate unknown card passes every check but the registry's."""
    city = Population("A")
    for number in range(200):
        assert city.index_of(parse_card(city.stranger_digits(number))) is None
    assert city.index_of("4000000000000002") is None


def test_a_few_cards_are_peculiar() -> None:
    """One in 250 each is blocked, expired, replaced, to be retained, and without an entitlement any more."""
    city = Population("A", cards=1_000, programme=ZGIERZ.programme)
    found = [city.peculiarity(index) for index in range(city.cards)]
    for kind in Peculiarity:
        assert found.count(kind) == (4 if kind is not Peculiarity.NONE else 1_000 - 20)


def test_partners_have_different_names_that_fit_the_receipt() -> None:
    """All the names the words can make are unique and fit the sign-on reply."""
    city = Population("A", partners=PARTNERS_MAX)
    names = [city.partner_name(index) for index in range(city.partners)]
    assert len(set(names)) == PARTNERS_MAX
    assert max(len(name.encode()) for name in names) <= limits.PARTNER_NAME_BYTES_MAX


def test_terminals_are_spread_over_the_partners() -> None:
    """One each, and round again when there are more terminals than partners."""
    city = Population("A", partners=3, terminals=7)
    assert [city.terminal_partner(index) for index in range(7)] == [1001, 1002, 1003, 1001, 1002, 1003, 1001]
    assert len({city.terminal_id(index) for index in range(7)}) == 7
    assert city.terminal_id(6) <= limits.TERMINAL_MAX


def test_sizes_and_indexes_out_of_range_are_refused() -> None:
    """A city of nobody, or a card beyond the last, is a mistake of the caller."""
    for sizes in ({"cards": 0}, {"partners": PARTNERS_MAX + 1}, {"terminals": 100_001}):
        with pytest.raises(ValueError, match="must be between"):
            Population("A", **sizes)
    city = Population("A", cards=10, partners=2)
    for call in (city.card_digits, city.track2, city.partner_name, city.terminal_key):
        with pytest.raises(ValueError, match="outside"):
            call(10)


def test_one_mix_for_every_load_that_is_made() -> None:
    """Cashiers of a fleet and tills of a load test draw from the same city: operations, cards, baskets."""
    population = Population("s", cards=100, partners=1)
    draws = [Customers(population, mix, random.Random(5)) for mix in (Mix(), ON_LINE)]
    for customers in draws:
        names = {customers.operation() for _ in range(5_000)}
        assert names <= set(Mix.__struct_fields__)
        indexes = Counter(customers.card_index() for _ in range(5_000))
        assert set(indexes) <= set(range(100))
        assert sum(indexes[index] for index in range(25)) > 2_000
        baskets = [customers.basket_grosze() for _ in range(5_000)]
        assert min(baskets) > 0
        assert max(baskets) < LARGE_BASKET_GROSZE[1]
