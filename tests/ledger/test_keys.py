"""Keys that rotate: the one a terminal works with is never lost to one it has not got yet (F7)."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ledger.errors import NotInRegistry, RegistryRefused
from ledger.postgres.database import Database
from ledger.registry.keys import issue_key, issue_keys, list_keys, next_generations, note_use, revoke_key
from ledger.registry.reads import KeyRow, read_changes
from ledger.registry.secrets import MasterKey
from tests.ledger.books import PARTNER, TERMINAL, TESTER, found_registry, write_registry

KEY = bytes(32)
FORTNIGHT_MS = timedelta(days=14) / timedelta(milliseconds=1)
Issue = Callable[..., Awaitable[int]]


@pytest.fixture
async def registry(owner: Database) -> Database:
    await owner.run(lambda c: found_registry(c, 0))
    return owner


@pytest.fixture
def master(tmp_path: Path) -> MasterKey:
    return MasterKey.create(tmp_path / "master.key")


@pytest.fixture
def issue(registry: Database, master: MasterKey) -> Issue:
    async def issue_one(overlap_days: int = 14) -> int:
        done = await registry.run(
            lambda c: issue_keys(c, TESTER, master, {TERMINAL: KEY}, overlap_days=overlap_days)
        )
        return done[TERMINAL]

    return issue_one


async def live(database: Database) -> dict[int, KeyRow]:
    """The terminal's keys that are not retired, as the switch reads them, by generation."""
    found = await database.run(lambda c: read_changes(c, 0, lambda _: None))
    return {key.generation: key for key in found.keys if key.retired_at_ms is None}


async def test_the_key_in_use_survives_any_number_of_rotations(
    issue: Issue, database: Database, master: MasterKey
) -> None:
    """g is in use.

    G+1, g+2, g+3 are issued and lost: g works on, for another 14 days from the last of them.
    """
    assert await issue() == 1
    await database.run(lambda c: note_use(c, TERMINAL, 1))
    for generation in (2, 3, 4):
        assert await issue() == generation
        keys = await live(database)
        assert sorted(keys) == [1, generation]
        now_ms = datetime.now(UTC).timestamp() * 1000
        assert abs((keys[1].not_after_ms or 0) - now_ms - FORTNIGHT_MS) < 60_000
        assert (keys[1].is_used, keys[generation].is_used) == (True, False)
        assert keys[generation].not_after_ms is None
    assert master.unwrap(TERMINAL, 4, keys[4].wrapped) == KEY
    await database.run(lambda c: note_use(c, TERMINAL, 4))
    assert sorted(await live(database)) == [4]


async def test_before_any_was_used_the_newest_issued_is_kept(issue: Issue, database: Database) -> None:
    """Nobody knows which of two the installer has in hand: the last one handed out stays good beside the
    new one.
    """
    assert [await issue(), await issue(), await issue()] == [1, 2, 3]
    assert sorted(await live(database)) == [2, 3]


async def test_an_expired_key_is_in_use_no_more(issue: Issue, registry: Database, database: Database) -> None:
    """When the overlap is over the terminal can only come with the newer key: that one is kept then."""
    await issue()
    await database.run(lambda c: note_use(c, TERMINAL, 1))
    await issue(0)
    await issue()
    assert sorted(await live(database)) == [2, 3]


async def test_the_overlap_is_chosen(issue: Issue, database: Database) -> None:
    """So many days as the operator says, within bounds."""
    await issue()
    await issue(60)
    kept = (await live(database))[1]
    days = ((kept.not_after_ms or 0) / 1000 - datetime.now(UTC).timestamp()) / 86_400
    assert 59.9 < days < 60.1
    for overlap_days in (-1, 367, 2**40):
        with pytest.raises(RegistryRefused, match="overlap"):
            await issue(overlap_days)


async def test_a_use_is_noted_once_and_retires_the_older_alone(
    issue: Issue, registry: Database, database: Database
) -> None:
    """The first use is dated and stays so; a newer generation nobody used yet is untouched by it."""
    await issue()
    await issue()
    await database.run(lambda c: note_use(c, TERMINAL, 1))
    first = (await registry.run(lambda c: list_keys(c, TERMINAL)))[1]["used_at"]
    await database.run(lambda c: note_use(c, TERMINAL, 1))
    second, again = await registry.run(lambda c: list_keys(c, TERMINAL))
    assert again["used_at"] == first
    assert (second["used_at"], second["retired_at"], again["retired_at"]) == (None, None, None)


async def test_a_revoked_key_is_dead_at_once(issue: Issue, registry: Database, database: Database) -> None:
    """In use or not; what is not there or has ended already is refused; the next one may be issued."""
    await issue()
    await database.run(lambda c: note_use(c, TERMINAL, 1))
    await registry.run(lambda c: revoke_key(c, TESTER, TERMINAL, 1))
    assert await live(database) == {}
    with pytest.raises(RegistryRefused, match="ended already"):
        await registry.run(lambda c: revoke_key(c, TESTER, TERMINAL, 1))
    with pytest.raises(NotInRegistry):
        await registry.run(lambda c: revoke_key(c, TESTER, TERMINAL, 2))
    assert await issue() == 2
    assert sorted(await live(database)) == [2]


async def test_a_key_whose_time_is_over_is_not_revoked(issue: Issue, registry: Database) -> None:
    """It has ended by itself, and the trail says so, be the keeper round or not."""
    await issue()
    sql = "update registry.terminal_key set not_after = now() - interval '1 second'"
    await registry.run(lambda c: write_registry(c, sql))
    with pytest.raises(RegistryRefused, match="ended already"):
        await registry.run(lambda c: revoke_key(c, TESTER, TERMINAL, 1))
    (key,) = await registry.run(lambda c: list_keys(c, TERMINAL))
    assert key["retired_at"] is None


async def test_keys_for_many_terminals_are_all_or_none(registry: Database, master: MasterKey) -> None:
    """A fleet's keys are issued in one transaction; an unknown terminal, or a plan overtaken, refuses all."""
    keys = {TERMINAL: KEY, TERMINAL + 1: KEY}
    planned = await registry.run(next_generations)
    assert planned == {70: 1, 71: 1}
    assert await registry.run(lambda c: issue_keys(c, TESTER, master, keys, expected=planned)) == planned
    with pytest.raises(NotInRegistry, match="no terminal 5"):
        await registry.run(lambda c: issue_keys(c, TESTER, master, {**keys, 5: KEY}))
    with pytest.raises(RegistryRefused, match="somebody else"):
        await registry.run(lambda c: issue_keys(c, TESTER, master, keys, expected=planned))
    assert await registry.run(lambda c: next_generations(c, terminals=[70, 5])) == {70: 2}
    assert await registry.run(lambda c: next_generations(c, partner=PARTNER)) == {70: 2, 71: 2}
    with pytest.raises(NotInRegistry, match="no partner 8"):
        await registry.run(lambda c: next_generations(c, partner=8))


async def test_generations_end_with_a_word(registry: Database, master: MasterKey) -> None:
    """Past the last generation the wire can name, a terminal wants a new number: refused, not a fault."""
    await registry.run(
        lambda c: write_registry(
            c,
            "insert into registry.terminal_key (terminal, generation, wrapped) "
            "values (70, 32767, repeat('x', 60)::bytea)",
        )
    )
    with pytest.raises(RegistryRefused, match="new number"):
        await registry.run(lambda c: issue_key(c, TESTER, master, TERMINAL, KEY))
