"""What the registry promises: a feed that misses nothing, refusals that are reported, keys that rotate."""

from datetime import UTC, date, datetime, timedelta
from itertools import count

import pytest
import trio
import trio.lowlevel

from ledger.errors import DatabaseUnavailable, RegistryRefused
from ledger.postgres.database import Connection, Database
from ledger.registry.card_states import CardStatus
from ledger.registry.cards import CardRow, import_cards, list_cards, set_card_status
from ledger.registry.history import read_history
from ledger.registry.partners import import_partners, list_partners, set_partner_status
from ledger.registry.programmes import (
    add_programme,
    add_rules,
    list_programmes,
    list_rules,
    resume_programme,
    suspend_programme,
)
from ledger.registry.reads import (
    CHANNEL,
    CardTuple,
    ProgrammeRow,
    RegistrySnapshot,
    Status,
    read_changes,
)
from ledger.registry.terminals import set_terminal_status
from tests.ledger.books import PARTNER, TESTER, found_registry, write_registry
from tests.patience import HANG_S

HOUR = timedelta(hours=1)


@pytest.fixture
async def registry(owner: Database) -> Database:
    await owner.run(lambda connection: found_registry(connection, 3))
    return owner


async def changes(database: Database, since: int = 0) -> tuple[RegistrySnapshot, list[CardTuple]]:
    cards: list[CardTuple] = []
    found = await database.run(lambda connection: read_changes(connection, since, cards.extend))
    return found, list(map(tuple, cards))


async def test_the_whole_registry_is_read(registry: Database, database: Database) -> None:
    """Since 0: everything there is, in the agreed shapes."""
    await registry.run(
        lambda connection: add_rules(
            connection,
            TESTER,
            programme=1,
            effective_from=datetime(2016, 12, 19, tzinfo=UTC),
            rules_toml="step_grosze = 1000",
        )
    )
    await registry.run(
        lambda connection: import_cards(
            connection, TESTER, 1, [CardRow(-5, "0013", date(1970, 1, 11), CardStatus.READY)]
        )
    )
    found, cards = await changes(database)
    assert [(row.id, row.code, row.ended_from_ms) for row in found.programmes] == [(1, "czestochowa", None)]
    assert [(row.version, row.effective_from_ms) for row in found.rules] == [(1, 1_482_105_600_000)]
    assert [(row.id, row.main_partner, row.points_step_grosze) for row in found.partners] == [
        (7, False, None)
    ]
    assert [(row.id, row.partner) for row in found.terminals] == [(70, 7), (71, 7)]
    assert len(cards) == 4
    (card,) = [card for card in cards if card[0] == -5]
    assert card[2:] == (1, CardStatus.READY, 10, None, None, None)
    assert card[1] & 7 == 0


async def test_each_suspension_is_kept_and_read(registry: Database, database: Database) -> None:
    """In order, past ones too, in ms since 1970; the trail tells the same as the row."""
    noon = datetime(2026, 7, 1, 12, tzinfo=UTC)

    async def suspend(after_h: int, until_h: int | None) -> None:
        since, until = noon + after_h * HOUR, None if until_h is None else noon + until_h * HOUR
        await registry.run(lambda c: suspend_programme(c, TESTER, 1, since, until))

    for hours in ((8, 9), (0, 4), (3, 5), (20, None)):
        await suspend(*hours)
    await registry.run(lambda c: resume_programme(c, TESTER, 1, noon + 2 * HOUR))
    with pytest.raises(RegistryRefused, match="already"):
        await suspend(30, 40)
    first, hour = int(noon.timestamp()) * 1000, 3_600_000
    kept = [(first, first + 2 * hour), (first + 8 * hour, first + 9 * hour), (first + 20 * hour, None)]
    (row,) = (await changes(database))[0].programmes
    assert list(map(tuple, row.suspended_ms)) == kept
    past = await registry.run(read_history)
    told = [change.row for change in past if isinstance(change.row, ProgrammeRow)]
    assert list(told[-1].suspended_ms) == kept


async def test_only_what_changed_is_read_again(registry: Database, database: Database) -> None:
    """Since a number: what changed after it, and nothing when nothing did."""
    before, _ = await changes(database)
    again, cards = await changes(database, before.number)
    assert (again.number, cards) == (before.number, [])
    await registry.run(lambda connection: set_card_status(connection, TESTER, 1001, CardStatus.BLOCKED))
    await registry.run(lambda connection: set_partner_status(connection, TESTER, PARTNER, Status.STOPPED))
    after, cards = await changes(database, before.number)
    assert [(card[0], card[3]) for card in cards] == [(1001, CardStatus.BLOCKED)]
    assert [row.status for row in after.partners] == [Status.STOPPED]
    assert (after.programmes, after.terminals, after.keys) == ([], [], [])
    assert after.number > before.number


async def test_numbers_become_visible_in_order(registry: Database, database: Database) -> None:
    """A writer that commits late cannot slip below a number already read: the other writer waits for it."""
    first, second = registry.session(), registry.session()
    start, _ = await changes(database)

    async def hold(connection: Connection) -> None:
        await connection.execute("begin")
        await connection.execute("set local cityswitch.actor = 'tests'")
        await connection.execute("update registry.card set expires_on = now() where token = 1000")

    await first.run(hold)
    done = trio.Event()

    async def other() -> None:
        await second.run(
            lambda connection: write_registry(
                connection, "update registry.card set expires_on = now() where token = 1001"
            )
        )
        done.set()

    waiting = "select count(*) from pg_locks where locktype = 'advisory' and not granted"
    async with trio.open_nursery() as nursery:
        nursery.start_soon(other)
        with trio.fail_after(HANG_S):
            while not await database.run(lambda connection: connection.fetchval(waiting)):
                await trio.lowlevel.checkpoint()
        assert not done.is_set()
        assert (await changes(database, start.number))[1] == []
        await first.run(lambda connection: connection.execute("commit"))
    _, seen = await changes(database, start.number)
    assert sorted(card[0] for card in seen) == [1000, 1001]


async def test_no_change_is_missed_by_a_reader_among_writers(registry: Database, database: Database) -> None:
    """Readers that ask from number to number see every change of concurrent writers exactly as it ended."""
    seen = {1000: 0, 1001: 0, 1002: 0}
    running = 3

    async def write(token: int) -> None:
        nonlocal running
        session = registry.session()
        for value in range(1, 31):
            await session.run(
                lambda connection, value=value: write_registry(
                    connection,
                    "update registry.card set expires_on = date '1970-01-01' + $2::int where token = $1",
                    token,
                    value,
                )
            )
        running -= 1

    number = (await changes(database))[0].number
    async with trio.open_nursery() as nursery:
        for token in seen:
            nursery.start_soon(write, token)
        while running:
            found, cards = await changes(database, number)
            assert found.number >= number
            for card in cards:
                assert (card[4] or 0) > seen[card[0]]
                seen[card[0]] = card[4] or 0
            number = found.number
    for card in (await changes(database, number))[1]:
        seen[card[0]] = card[4] or 0
    assert seen == {1000: 30, 1001: 30, 1002: 30}


async def test_a_change_is_notified_and_a_missed_one_read_again(
    registry: Database, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A listener hears of a change at once; what happened while it was away is read by its number."""
    # A probe would be its newest query, and what is lost under it has another name.
    monkeypatch.setattr("ledger.postgres.database.LISTEN_PROBE_S", HANG_S)
    number = (await changes(database))[0].number
    heard = trio.Event()
    ready = trio.Event()

    async with trio.open_nursery() as nursery:

        async def listen() -> None:
            with pytest.raises(DatabaseUnavailable, match="listening connection was lost"):
                await database.listen(CHANNEL, heard.set, on_ready=ready.set)

        nursery.start_soon(listen)
        with trio.fail_after(HANG_S):
            await ready.wait()
            await registry.run(
                lambda connection: set_card_status(connection, TESTER, 1000, CardStatus.WANTED)
            )
            await heard.wait()
            kill = "select pg_terminate_backend(pid) from pg_stat_activity where query ilike 'listen%'"
            await registry.run(lambda connection: connection.execute(kill))
    await registry.run(lambda connection: set_card_status(connection, TESTER, 1001, CardStatus.BLOCKED))
    _, cards = await changes(database, number)
    assert {card[0]: card[3] for card in cards} == {1000: CardStatus.WANTED, 1001: CardStatus.BLOCKED}


async def test_a_listener_can_be_cancelled(database: Database) -> None:
    """Cancelling the listener ends it and its connection."""
    ready = trio.Event()

    async def listen() -> None:
        await database.listen(CHANNEL, lambda: None, on_ready=ready.set)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(listen)
        with trio.fail_after(HANG_S):
            await ready.wait()
        nursery.cancel_scope.cancel()
    left = 1
    with trio.move_on_after(HANG_S):
        while left := await database.run(listeners):  # noqa: ASYNC110 the server tells nobody of it
            await trio.sleep(0.01)
    assert left == 0


async def listeners(connection: Connection) -> int:
    """How many listening connections this database has."""
    count: int = await connection.fetchval(
        "select count(*) from pg_stat_activity "
        "where datname = current_database() and application_name like '% listen'"
    )
    return count


async def test_rules_are_versioned(registry: Database) -> None:
    """Every new text is a new version; nothing is overwritten."""
    at = datetime(2026, 1, 1, tzinfo=UTC)

    async def add(text: str) -> int:
        return await registry.run(
            lambda connection: add_rules(connection, TESTER, programme=1, effective_from=at, rules_toml=text)
        )

    assert [await add("a = 1"), await add("a = 2")] == [1, 2]
    listed = await registry.run(lambda connection: list_rules(connection, 1))
    assert [(row["version"], row["rules_toml"]) for row in listed] == [(2, "a = 2"), (1, "a = 1")]


async def test_refusals_are_one_line(registry: Database) -> None:
    """What is out of bounds, there already or not there is refused with one line."""
    now = datetime.now(UTC)
    calls = [
        lambda c: add_programme(c, TESTER, programme=1, code="other", name="x"),
        lambda c: add_programme(c, TESTER, programme=2, code="czestochowa", name="x"),
        lambda c: add_programme(c, TESTER, programme=0, code="x", name="x"),
        lambda c: add_programme(c, TESTER, programme=2, code="Nie", name="x"),
        lambda c: add_programme(c, TESTER, programme=2, code="x", name="a\nb"),
        lambda c: add_rules(c, TESTER, programme=9, effective_from=now, rules_toml="x"),
        lambda c: add_rules(c, TESTER, programme=1, effective_from=now, rules_toml=""),
        lambda c: add_rules(c, TESTER, programme=1, effective_from=now.replace(tzinfo=None), rules_toml="x"),
        lambda c: set_terminal_status(c, TESTER, 5, Status.STOPPED),
        lambda c: set_partner_status(c, TESTER, 5, Status.STOPPED),
        lambda c: suspend_programme(c, TESTER, 5, now, None),
        lambda c: import_cards(c, TESTER, 9, []),
        lambda c: import_partners(c, TESTER, 9, []),
        lambda c: list_cards(c, limit=0),
        lambda c: list_partners(c, limit=1001),
    ]
    for call in calls:
        with pytest.raises(RegistryRefused) as caught:
            await registry.run(call)
        assert "\n" not in str(caught.value)


async def test_lists_are_paged(registry: Database) -> None:
    """Pages follow one another without gap or repeat."""
    await registry.run(
        lambda connection: import_cards(
            connection, TESTER, 1, (CardRow(n, "0000") for n in range(3000, 3008))
        )
    )
    seen: list[int] = []
    after = (0, 0)
    for _ in count():
        page = await registry.run(lambda c, after=after: list_cards(c, after=after, limit=4))
        if not page:
            break
        seen += [row["token"] for row in page]
        after = (page[-1]["account"], page[-1]["issue"])
    assert sorted(seen) == [1000, 1001, 1002, *range(3000, 3008)]
    programmes = await registry.run(list_programmes)
    assert [row["code"] for row in programmes] == ["czestochowa"]
    partners = await registry.run(lambda c: list_partners(c, after=PARTNER))
    assert partners == []
