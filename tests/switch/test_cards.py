"""The packed table of cards, held to a dictionary: whatever the tokens, the order and the moment."""

import importlib.util
import os
import random
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from ledger.registry.reads import CardTuple
from switch.rules import cards
from switch.rules.cards import (
    CARDS_A_BUCKET,
    CARDS_A_STEP,
    RECORD_BYTES,
    Card,
    Cards,
    ChangedCard,
    HeldCard,
    Packed,
    Shared,
    find_in_python,
    store_in_python,
)
from switch.rules.entitlement import Held

LEAST, MOST = -(1 << 63), (1 << 63) - 1
# Tokens whose low bits are alike lie in one bucket for long; those of one byte are found inside of other
# records, too, among accounts, days and numbers.
TOKENS = st.one_of(
    st.sampled_from([LEAST, LEAST + 1, -1, 0, 1, MOST - 1, MOST]),
    st.integers(0, 40),
    st.integers(-40, 40).map(lambda high: high << 40),
    st.integers(0, 7).map(lambda byte: 1 << 8 * byte),
    st.sampled_from([2**power + near for power in (4, 8, 9, 16, 32) for near in (-1, 0, 1)]),
    st.integers(LEAST, MOST),
)
DAYS = st.one_of(st.none(), st.sampled_from([-1, 0, 1, 20_000, 2_932_896, -2_440_588, 2_145_042_541]))
PASTS = st.one_of(st.none(), st.lists(st.integers(0, 1 << 45), max_size=3))
HELDS = st.one_of(
    st.none(),
    st.tuples(
        st.integers(0, 1), st.just(8), st.just(0), st.just(-1_000_000), st.just(0), st.just(1_000_000),
        st.one_of(st.none(), st.integers(0, 1)),
    ),
)  # fmt: skip
LAST_DAYS = st.one_of(st.none(), st.tuples(DAYS, DAYS), st.tuples(DAYS, DAYS, st.integers(0, 1 << 45), DAYS))
ACCOUNTS = st.one_of(TOKENS, st.integers(1, 10**12).map(lambda number: number << 3))
ROWS = st.tuples(
    TOKENS, ACCOUNTS, st.sampled_from([1, 2, 32_767]), st.integers(0, 9), DAYS, PASTS, HELDS, LAST_DAYS
)


MANY = list(map(random.Random(0).randrange, [MOST] * 2 * CARDS_A_STEP))


def card_of(row: CardTuple) -> Card:
    """The card that a row of the feed tells of."""
    _, account, programme, status, day, past, held, days = row
    plain = account, programme, status, day, tuple(past) if past else None
    if days is not None:
        return ChangedCard(*plain, held and Held.of(held), tuple(days))
    return Card(*plain) if held is None else HeldCard(*plain, Held.of(held))


@contextmanager
def stored(name: str) -> Iterator[None]:
    """Let records be stored and found by the C or by Python; where the C is not built that is skipped, never
    in CI.
    """
    before = cards.store, cards.find
    if name == "python":
        cards.store, cards.find = store_in_python, find_in_python
    elif importlib.util.find_spec("switch.rules.native") is None:
        assert "CI" not in os.environ, "CI builds the C"
        pytest.skip("switch/rules/native.c is not built here (no compiler or no Python.h)")
    try:
        yield
    finally:
        cards.store, cards.find = before


class Model(RuleBasedStateMachine):
    """What counts and what has been brought, in dictionaries."""

    def __init__(self) -> None:
        super().__init__()
        self.cards, self.counts, self.brought = Cards(), dict[int, Card](), dict[int, Card]()

    @initialize(first=st.integers(LEAST, MOST), count=st.integers(0, 300), step=st.sampled_from([1, 1 << 20]))
    def load(self, first: int, count: int, step: int) -> None:
        """A first reading of many, side by side or with the low 20 bits alike."""
        tokens = [(first + number * step - LEAST) % (1 << 64) + LEAST for number in range(count)]
        self.put([(token, 8, 1, 0, None, None, None, None) for token in tokens])

    @rule(rows=st.lists(ROWS, max_size=40))
    def put(self, rows: list[CardTuple]) -> None:
        self.cards.put(rows)
        self.counts |= {row[0]: card_of(row) for row in rows}

    @rule(rows=st.lists(ROWS, max_size=40))
    def bring(self, rows: list[CardTuple]) -> None:
        self.cards.bring(rows)
        self.brought |= {row[0]: card_of(row) for row in rows}

    @rule(status=st.integers(0, 9))
    def bring_many(self, status: int) -> None:
        """So many that `admit` leaves some to be moved later."""
        self.bring([(token, 8, 1, status, None, [status], None, None) for token in MANY])

    @rule()
    def admit(self) -> None:
        self.cards.admit()
        self.counts |= self.brought
        self.brought = {}

    @rule(data=st.data(), others=st.lists(TOKENS, max_size=3))
    def forget(self, data: st.DataObject, others: list[int]) -> None:
        """Some that count, and some that may be none: taken out as soon as nothing else is to be moved."""
        known = data.draw(st.lists(st.sampled_from(sorted(self.counts)), max_size=20)) if self.counts else []
        gone = {*known, *others} - self.brought.keys()
        self.cards.forget(sorted(gone))
        while self.cards.settle():
            pass
        self.counts = {token: card for token, card in self.counts.items() if token not in gone}

    @rule()
    def settle(self) -> None:
        self.cards.settle()

    @rule(token=TOKENS)
    def get(self, token: int) -> None:
        assert self.cards.get(token) == self.counts.get(token)

    @invariant()
    def all_that_counts_is_found(self) -> None:
        for token in list(self.counts)[:: max(1, len(self.counts) // 100)]:
            found = self.cards.get(token)
            assert found == self.counts[token]
            assert type(found) is type(self.counts[token])

    def teardown(self) -> None:
        """Once all is moved the table holds each card once, and of what they share what they have."""
        self.cards.admit()
        self.counts |= self.brought
        while self.cards.settle():
            pass
        assert sorted(self.cards) == sorted(self.counts)
        assert len(self.cards) == len(self.counts)
        table = self.cards._table
        befores = {(card.past, card.days) for card in self.counts.values()} - {(None, None)}
        assert len(table.pasts) == len(befores)
        assert len(table.holders) == len({card.held for card in self.counts.values() if card.held})


@pytest.mark.parametrize("way", ["c", "python"])
def test_the_table_is_a_dictionary(way: str) -> None:
    """Whatever is put and brought, before and while it is moved, each card is found as it was last given."""
    with stored(way):
        few = settings(max_examples=25, stateful_step_count=15, deadline=None)
        run_state_machine_as_test(Model, settings=few)


@given(st.lists(st.lists(st.tuples(TOKENS, st.binary(min_size=3, max_size=3)), max_size=60), max_size=4))
def test_both_ways_make_the_same_buckets(batches: list[list[tuple[int, bytes]]]) -> None:
    """Byte for byte, with the same ones replaced and the same room left."""
    with stored("c"):
        c, python, room = [b""], [b""], 5
        for batch in batches:
            records = [token.to_bytes(8, "little", signed=True) + rest for token, rest in batch]
            after = cards.store(c, records, room, 11, 5)
            assert after == store_in_python(python, records, room, 11, 5)
            assert c == python
            room = after[0]


@pytest.mark.parametrize(
    "arguments",
    [
        ([b""], [b"short"], 1, 31, 16),
        ([b""], ["a word"], 1, 31, 16),
        ([b"not a record"], [bytes(31)], 1, 31, 16),
        ([None], [bytes(31)], 1, 31, 16),
        ([b"", b"odd"], [bytes(31), b"\1" + bytes(30)], 2, 31, 16),
        ([], [bytes(31)], 1, 31, 16),
        ([b""], [bytes(31)], 0, 31, 16),
        ([b""], [bytes(4)], 1, 4, 16),
        ((b"",), [bytes(31)], 1, 31, 16),
    ],
)
def test_the_c_takes_records_alone(arguments: tuple[Any, ...]) -> None:
    """What is no list of whole records is refused: the C reads nothing outside of what it was given."""
    with stored("c"), pytest.raises((ValueError, TypeError)):
        cards.store(*arguments)


@given(st.lists(ROWS, max_size=80), st.lists(TOKENS, max_size=20))
def test_both_ways_find_the_same(rows: list[CardTuple], others: list[int]) -> None:
    """Every field of every record, and nothing of tokens that have none."""
    table = Packed(Shared(), Shared())
    table.put(rows)
    with stored("c"):
        for token in [*(row[0] for row in rows), *others]:
            found = cards.find(table._buckets, table._mask, token)
            assert found == find_in_python(table._buckets, table._mask, token)
            assert (found is None) == (token not in {row[0] for row in rows})


@pytest.mark.parametrize(
    "arguments",
    [
        ([b"not a record"], 0, 1),
        ([None], 0, 1),
        ([b""], 7, 7),
        ([b""], -1, 1),
        ([b""], 0, 1 << 63),
        ([b""], 0, "1"),
        ([], 0, 1),
        ((b"",), 0, 1),
        ([b""], 0),
    ],
)
def test_the_c_looks_into_buckets_alone(arguments: tuple[Any, ...]) -> None:
    """What is no list of whole records, nor a token, is refused: nothing outside of the buckets is read."""
    with stored("c"), pytest.raises((ValueError, TypeError, OverflowError)):
        cards.find(*arguments)


def random_rows(count: int) -> list[CardTuple]:
    """Cards with tokens as good as a hash's."""
    chance = random.Random(count)
    return [
        (chance.randrange(LEAST, MOST), 8 * n, 1, 0, 20_000 + n % 3_000, None, None, None)
        for n in range(count)
    ]


def test_a_card_is_some_forty_bytes() -> None:
    """Of millions every byte is felt: a field more is 4 or 8 of all of them, so none is without a reader."""
    assert RECORD_BYTES == 31
    read = {"account", "programme", "status", "expires_day", "past"}
    assert set(Card.__struct_fields__) == read
    table, count = Packed(Shared(), Shared()), 50_000
    table.put(random_rows(count))
    buckets = table._buckets
    assert sum(map(sys.getsizeof, [buckets, *buckets])) / count < 40


def test_the_table_grows_by_a_bucket_at_a_time() -> None:
    """At no moment all of it is moved: each 16 cards are a bucket more, and none is much longer."""
    table = Packed(Shared(), Shared())
    for number, row in enumerate(random_rows(20_000)):
        table.put([row])
        assert table.buckets == 1 + (number + 1) // CARDS_A_BUCKET
    assert max(map(len, table._buckets)) < 5 * CARDS_A_BUCKET * RECORD_BYTES


def test_what_no_card_has_any_more_is_not_kept() -> None:
    """A card that is blocked and released all day leaves nothing behind of what it was."""
    table = Packed(Shared(), Shared())
    for moment in range(5_000):
        table.put([(7, 8, 1, moment % 2, None, [moment << 4], [moment, 8, 0, 0, 0, 1, None], None)])
    assert (len(table), len(table.pasts), len(table.holders)) == (1, 1, 1)
    card = table.get(7)
    assert card is not None
    assert (card.past, card.held) == ((4_999 << 4,), Held(4_999, 8, 0, 0, 0, 1, None))
