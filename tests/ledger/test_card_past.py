"""What the registry remembers of a card's earlier statuses, for sales that arrive late."""

import time
from collections.abc import Sequence

import pytest

from ledger.postgres.database import Database
from ledger.registry.card_states import CardStatus
from ledger.registry.cards import set_card_status
from ledger.registry.duplicates import replace_card
from ledger.registry.reads import EARLY_MS, CardTuple, read_changes, since, status_at
from tests.ledger.books import TESTER, found_old_registry, write_registry


@pytest.fixture
async def registry(owner: Database) -> Database:
    await owner.run(lambda connection: found_old_registry(connection, 3))
    return owner


async def cards_of(database: Database) -> dict[int, CardTuple]:
    """Every card as the feed reads it, by token."""
    cards: list[CardTuple] = []
    await database.run(lambda connection: read_changes(connection, 0, cards.extend))
    return {card[0]: card for card in cards}


async def test_a_card_s_past_tells_its_status_of_any_moment(registry: Database, database: Database) -> None:
    """What was before a block, during it and after it is told by the moment; sixteen changes are kept."""

    async def past() -> Sequence[int]:
        return (await cards_of(database))[1000][5] or ()

    assert await past() == ()
    for status in (CardStatus.BLOCKED, CardStatus.BLOCKED, CardStatus.ACTIVE):
        await registry.run(lambda connection, s=status: set_card_status(connection, TESTER, 1000, s))
    blocked, unblocked = await past()
    assert (blocked & 15, unblocked & 15) == (CardStatus.ACTIVE, CardStatus.BLOCKED)
    moments = [
        ((blocked >> 4) - 1, CardStatus.ACTIVE),
        (blocked >> 4, CardStatus.BLOCKED),
        ((unblocked >> 4) - 1, CardStatus.BLOCKED if unblocked >> 4 > blocked >> 4 else CardStatus.ACTIVE),
        (unblocked >> 4, CardStatus.ACTIVE),
    ]
    for at_ms, status in moments:
        assert status_at(CardStatus.ACTIVE, (blocked, unblocked), at_ms) == status
    for n in range(20):
        await registry.run(
            lambda connection, n=n: set_card_status(
                connection, TESTER, 1000, CardStatus.WANTED if n % 2 else CardStatus.BLOCKED
            )
        )
    ends = [entry >> 4 for entry in await past()]
    assert (len(ends), ends) == (16, sorted(ends))


async def test_a_clock_that_was_set_back_undoes_no_block(registry: Database, database: Database) -> None:
    """A card was blocked by a clock a day ahead; with the clock right again it is taken up and blocked once
    more: from that moment on it is blocked, not from tomorrow, and before it was what it had been.
    """
    tomorrow_ms = (int(time.time()) + 86_400) * 1_000
    a_day_ahead = "update registry.card set past = array[$1::bigint << 4 | 0] where token = 1000"

    async def set_status(status: CardStatus) -> None:
        await registry.run(lambda c: set_card_status(c, TESTER, 1000, status))

    await set_status(CardStatus.BLOCKED)
    await registry.run(lambda c: write_registry(c, a_day_ahead, tomorrow_ms))
    await set_status(CardStatus.ACTIVE)
    await set_status(CardStatus.BLOCKED)
    past = (await cards_of(database))[1000][5]
    assert past is not None
    stopped_ms = past[-1] >> 4
    assert stopped_ms < tomorrow_ms
    for at_ms in (stopped_ms, tomorrow_ms - 1, tomorrow_ms):
        assert status_at(CardStatus.BLOCKED, past, at_ms) == CardStatus.BLOCKED
    assert status_at(CardStatus.BLOCKED, past, (past[1] >> 4) - 1) == CardStatus.ACTIVE


async def test_a_sale_of_before_a_card_was_added_is_refused(registry: Database, database: Database) -> None:
    """A young card says since when it is there, five minutes for a terminal's clock; an old one says
    nothing; one that was ordered says itself when it became active.
    """
    add = (
        "update registry.card set added_at = to_timestamp($1::bigint / 1000.0), status = $2 where token = $3"
    )
    now_ms = int(time.time()) * 1_000
    await registry.run(lambda c: write_registry(c, add, now_ms, 0, 1000))
    cards = await cards_of(database)
    assert cards[1000][5] == list(since(now_ms, CardStatus.ACTIVE, None))
    assert status_at(0, cards[1000][5], now_ms - EARLY_MS - 1) == CardStatus.ORDERED
    assert status_at(0, cards[1000][5], now_ms - EARLY_MS) == CardStatus.ACTIVE
    assert cards[1001][5] is None
    ordered = (now_ms << 4 | int(CardStatus.ORDERED),)
    assert since(now_ms, CardStatus.ACTIVE, ordered) == ordered
    assert since(now_ms, CardStatus.READY, None) == ()


async def test_the_replaced_plastic_tells_when(registry: Database, database: Database) -> None:
    """A sale made with the old plastic before its duplicate was issued is one with a good card."""
    await registry.run(lambda c: replace_card(c, TESTER, 1000, 5000, "0099", lost=True))
    cards = await cards_of(database)
    ((entry,), none) = cards[1000][5], cards[5000][5]
    assert none is None
    assert status_at(CardStatus.REPLACED, (entry,), (entry >> 4) - 1) == CardStatus.ACTIVE
    assert status_at(CardStatus.REPLACED, (entry,), entry >> 4) == CardStatus.REPLACED
