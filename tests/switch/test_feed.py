"""The registry feed against a real Postgres: cards arrive in chunks, and all of a reading counts or none."""

from collections.abc import Sequence
from itertools import pairwise

import pytest
import trio
import trio.lowlevel

from ledger.errors import DatabaseUnavailable
from ledger.postgres.database import Bell, Connection, Database, open_database
from ledger.registry import reads
from ledger.registry.card_states import CardStatus
from ledger.registry.cards import CardRow, import_cards, set_card_status
from ledger.registry.partners import set_partner_status
from ledger.registry.reads import CARDS_PER_READ, CardTuple, Status, read_changes
from ledger.registry.secrets import MasterKey
from switch.config import Config
from switch.metrics import Meters
from switch.process.feed import Feed
from switch.rules.directory import Directory
from tests.ledger.books import PARTNER, TERMINAL, TESTER, found_registry
from tests.patience import HANG_S

CARDS = 2 * CARDS_PER_READ + 3
TOKENS = range(1000, 1000 + CARDS)


class FragileDirectory(Directory):
    """Counts the cards of each chunk; after `chunks_left` of them the connection breaks."""

    def __init__(self) -> None:
        super().__init__(MasterKey(b"w" * 32, b"p" * 32))
        self.chunks: list[int] = []
        self.chunks_left = 1_000

    def apply_cards(self, rows: Sequence[CardTuple]) -> None:
        if not self.chunks_left:
            raise DatabaseUnavailable("the connection was lost")
        self.chunks_left -= 1
        self.chunks.append(len(rows))
        super().apply_cards(rows)


class City:
    """A registry of many cards, a directory, and the feed between them."""

    def __init__(self, owner: Database, database: Database) -> None:
        self.owner = owner
        self.told: list[int] = []
        self.directory = FragileDirectory()
        self.feed = Feed(
            database,
            self.directory,
            meters=Meters(),
            config=Config(),
            on_terminal=lambda terminal: self.told.append(terminal.number),
        )


@pytest.fixture
async def city(owner: Database, database: Database) -> City:
    await owner.run(lambda connection: found_registry(connection, CARDS))
    return City(owner, database)


@pytest.fixture(autouse=True)
def _as_later(monkeypatch: pytest.MonkeyPatch) -> None:
    """A first reading in chunks as small as a later one's."""
    monkeypatch.setattr(reads, "CARDS_PER_FIRST_READ", CARDS_PER_READ)


async def test_a_first_reading_has_chunks_of_its_own(city: City, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who serves nobody yet asks for more at a time, and waits less often; the one who serves does not."""
    monkeypatch.setattr(reads, "CARDS_PER_FIRST_READ", CARDS)
    await city.feed.refresh()
    assert city.directory.chunks == [CARDS]
    more = [CardRow(9_000 + n, f"{n % 10_000:04}") for n in range(CARDS)]
    await city.owner.run(lambda c: import_cards(c, TESTER, 1, more))
    await city.feed.refresh()
    assert city.directory.chunks == [CARDS, CARDS_PER_READ, CARDS_PER_READ, 3]


async def test_the_cards_arrive_in_chunks_and_complete(city: City) -> None:
    """No more cards at a time than a read holds, and none is missing in the end."""
    await city.feed.refresh()
    assert city.directory.chunks == [CARDS_PER_READ, CARDS_PER_READ, 3]
    assert sorted(city.directory.cards) == list(TOKENS)
    assert sorted(city.directory.partners) == [PARTNER]
    assert city.told == [TERMINAL, TERMINAL + 1]
    assert city.directory.number > CARDS


async def test_other_tasks_run_between_chunks(city: City, database: Database) -> None:
    """A worker goes on serving while it reads: between two chunks the other tasks get their turn."""
    turns = 0
    turns_seen: list[int] = []

    async def take_turns() -> None:
        nonlocal turns
        while True:
            await trio.lowlevel.checkpoint()
            turns += 1

    async def read(connection: Connection) -> None:
        await read_changes(connection, 0, lambda _: turns_seen.append(turns), cards_per_read=CARDS // 20)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(take_turns)
        await database.run(read)
        nursery.cancel_scope.cancel()
    assert len(turns_seen) == 21
    assert turns_seen == sorted(turns_seen)
    # Who goes first in a round is drawn: two chunks may be seen in one, of two rounds that follow each other.
    assert all(before < after for before, after in zip(turns_seen, turns_seen[2:], strict=False))


async def test_a_reading_broken_off_between_chunks_is_read_again(city: City) -> None:
    """Cards of half a reading are no reading: the number stays, nothing is told, the next one completes."""
    city.directory.chunks_left = 1
    with pytest.raises(DatabaseUnavailable):
        await city.feed.refresh()
    assert len(city.directory.cards) == CARDS_PER_READ
    assert (city.directory.number, city.feed.fresh_at, city.told) == (0, None, [])
    await city.owner.run(lambda c: set_card_status(c, TESTER, TOKENS[0], CardStatus.BLOCKED))
    city.directory.chunks_left = 3
    await city.feed.refresh()
    assert sorted(city.directory.cards) == list(TOKENS)
    assert city.directory.cards[TOKENS[0]].status == CardStatus.BLOCKED
    assert city.told == [TERMINAL, TERMINAL + 1]
    assert not city.feed.is_stale()


async def test_a_later_reading_broken_off_keeps_its_number(city: City) -> None:
    """What was known stays known; the changes of the broken reading come with the next one."""
    await city.feed.refresh()
    number = city.directory.number
    await city.owner.run(lambda c: set_card_status(c, TESTER, TOKENS[7], CardStatus.WANTED))
    await city.owner.run(lambda c: set_partner_status(c, TESTER, PARTNER, Status.STOPPED))
    city.directory.chunks_left = 0
    with pytest.raises(DatabaseUnavailable):
        await city.feed.refresh()
    assert city.directory.number == number
    assert not city.directory.partners[PARTNER].suspended
    city.directory.chunks_left = 1
    await city.feed.refresh()
    assert city.directory.number > number
    assert city.directory.partners[PARTNER].suspended
    assert city.directory.cards[TOKENS[7]].status == CardStatus.WANTED


async def test_a_block_reads_one_card_of_many(city: City) -> None:
    """One changed card is one row, whatever the number of cards; no change is no row."""
    await city.feed.refresh()
    city.directory.chunks.clear()
    await city.feed.refresh()
    assert city.directory.chunks == []
    await city.owner.run(lambda c: set_card_status(c, TESTER, TOKENS[-1], CardStatus.BLOCKED))
    await city.feed.refresh()
    assert city.directory.chunks == [1]
    assert city.directory.cards[TOKENS[-1]].status == CardStatus.BLOCKED


async def test_an_import_counts_at_once_and_is_moved_piece_by_piece(city: City, database: Database) -> None:
    """Thousands of cards added beside a serving worker: with the number all of them count, and moving them
    where the others lie lets everybody else have a turn every few thousand.
    """
    await city.feed.refresh()
    number = city.directory.number
    more = [CardRow(9_000 + n, f"{n % 10_000:04}") for n in range(3 * CARDS)]
    await city.owner.run(lambda connection: import_cards(connection, TESTER, 1, more))
    here: set[int] = set()

    async def look() -> None:
        while True:
            if city.directory.number > number:
                here.add(len(city.directory.cards))
                assert all(city.directory.cards.get(row.token) for row in more[::500])
            await trio.lowlevel.checkpoint()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(look)
        await city.feed.refresh()
        nursery.cancel_scope.cancel()
    steps = [CARDS, *sorted(here), len(city.directory.cards)]
    assert steps[-1] == 4 * CARDS
    # Between two of its turns there may be several of the feed's: who is run first is drawn.
    assert max(after - before for before, after in pairwise(steps)) < len(more)


async def test_cards_of_half_a_reading_decide_nothing(city: City) -> None:
    """What a broken reading handed over is not there until a whole one ends: `number` is what decides."""
    await city.feed.refresh()
    number = city.directory.number
    more = [CardRow(9_000 + n, f"{n % 10_000:04}") for n in range(CARDS)]
    await city.owner.run(lambda connection: import_cards(connection, TESTER, 1, more))
    city.directory.chunks_left = 1
    with pytest.raises(DatabaseUnavailable):
        await city.feed.refresh()
    assert (len(city.directory.cards), city.directory.number) == (CARDS, number)
    city.directory.chunks_left = 1_000
    await city.feed.refresh()
    assert len(city.directory.cards) == 2 * CARDS
    assert city.directory.number > number


async def test_who_waits_for_what_was_committed_is_told_where_it_is_not_read(
    city: City, nursery: trio.Nursery, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was committed before is held after the wait; a feed that does not read says so in time."""
    monkeypatch.setattr("switch.process.feed.CATCH_UP_S", 0.05)
    with pytest.raises(DatabaseUnavailable, match="not read within"):
        await city.feed.catch_up()
    monkeypatch.setattr("switch.process.feed.CATCH_UP_S", HANG_S)
    nursery.start_soon(city.feed.run)
    more = [CardRow(9_000, "9000")]
    await city.owner.run(lambda c: import_cards(c, TESTER, 1, more))
    await city.feed.catch_up()
    assert 9_000 in city.directory.cards


async def test_the_feed_waits_for_no_inquiry(owner: Database, service_dsn: str) -> None:
    """The connection that inquiries share is taken and does not come free: the feed has one of its own."""
    await owner.run(lambda connection: found_registry(connection, 3))
    bell, taken = Bell(), trio.Event()

    async def hold(_: Connection) -> None:
        taken.set()
        await bell.wait()

    async with open_database(service_dsn, connections_max=1) as database, trio.open_nursery() as nursery:
        city = City(owner, database)
        nursery.start_soon(database.run, hold)
        with trio.fail_after(HANG_S):
            await taken.wait()
            await city.feed.refresh()
        bell.ring()
    assert sorted(city.directory.cards) == [1000, 1001, 1002]
