"""The next key of a terminal that asks for it: the same until it was used, and no way to any other key."""

from pathlib import Path

import pytest
import trio

from ledger.errors import DatabaseMisconfigured
from ledger.postgres.database import Database
from ledger.registry.audit import Wanted, list_audit
from ledger.registry.key_over_wire import NextKey, next_key
from ledger.registry.keys import issue_key, issue_keys, list_keys, note_use, revoke_key
from ledger.registry.reads import Status
from ledger.registry.secrets import MasterKey
from ledger.registry.terminals import set_terminal_status
from tests.ledger.books import TERMINAL, TESTER, found_registry

KEY = bytes(32)


@pytest.fixture
async def master(owner: Database, database: Database, tmp_path: Path) -> MasterKey:
    """A terminal that works with its first key."""
    made = MasterKey.create(tmp_path / "master.key")
    await owner.run(lambda c: found_registry(c, 0))
    await owner.run(lambda c: issue_key(c, TESTER, made, TERMINAL, KEY))
    await database.run(lambda c: note_use(c, TERMINAL, 1))
    return made


async def ask(database: Database, master: MasterKey, in_use: int = 1) -> NextKey | None:
    """What the service gets for the terminal."""
    return await database.run(lambda c: next_key(c, master, TERMINAL, in_use))


async def test_it_is_the_same_until_it_was_used(master: MasterKey, database: Database) -> None:
    """Asked ten times, from ten connections at once too: one generation, one key. After its use: the next."""
    first = await ask(database, master)
    assert first is not None
    assert first.generation == 2
    assert first.key not in (KEY, bytes(32))
    found: list[NextKey | None] = []

    async def once() -> None:
        found.append(await ask(database, master))

    async with trio.open_nursery() as nursery:
        for _ in range(10):
            nursery.start_soon(once)
    assert found == [first] * 10
    await database.run(lambda c: note_use(c, TERMINAL, 2))
    second = await ask(database, master, 2)
    assert second is not None
    assert second.generation == 3
    assert second.key != first.key


async def test_two_who_ask_first_at_once_get_one_key(master: MasterKey, database: Database) -> None:
    """Both propose a key for the same generation: one of the two stands, and both get that one."""
    found: list[NextKey | None] = []

    async def once() -> None:
        found.append(await ask(database, master))

    async with trio.open_nursery() as nursery:
        for _ in range(4):
            nursery.start_soon(once)
    assert len({key.key for key in found if key}) == 1
    assert len(found) == 4
    assert repr(found[0]) == "NextKey(generation=2)"


async def test_the_key_in_use_is_good_until_the_new_one_was_used(
    master: MasterKey, database: Database, owner: Database
) -> None:
    """A reply that never came costs nothing: no end is set to the older key."""
    await ask(database, master)
    rows = {row["generation"]: row for row in await owner.run(lambda c: list_keys(c, TERMINAL))}
    assert rows[1]["not_after"] is None
    assert rows[1]["retired_at"] is None
    await database.run(lambda c: note_use(c, TERMINAL, 2))
    rows = {row["generation"]: row for row in await owner.run(lambda c: list_keys(c, TERMINAL))}
    assert rows[1]["retired_at"] is not None


async def test_a_key_the_operator_has_issued_is_handed_over(
    master: MasterKey, database: Database, owner: Database
) -> None:
    """Rotated at the desk and not used yet: the wire brings that one, and makes no other."""
    issued = bytes(range(32))
    await owner.run(lambda c: issue_keys(c, TESTER, master, {TERMINAL: issued}))
    assert await ask(database, master) == NextKey(2, issued)
    await owner.run(lambda c: revoke_key(c, TESTER, TERMINAL, 2))
    third = await ask(database, master)
    assert third is not None
    assert third.generation == 3


async def test_who_may_have_none_gets_none(master: MasterKey, database: Database, owner: Database) -> None:
    """A generation that ended, one never issued, one older than the newest used, a blocked terminal."""
    assert await ask(database, master, 5) is None
    await ask(database, master)
    await database.run(lambda c: note_use(c, TERMINAL, 2))
    assert await ask(database, master, 1) is None
    await owner.run(lambda c: set_terminal_status(c, TESTER, TERMINAL, Status.STOPPED))
    assert await ask(database, master, 2) is None
    assert await database.run(lambda c: next_key(c, master, 99_999_998, 1)) is None


async def test_the_trail_says_who_asked(master: MasterKey, database: Database, owner: Database) -> None:
    """`cityswitch audit` names the terminal, and holds nothing of the key."""
    await ask(database, master)
    wanted = Wanted(object="terminal_key", key=f"{TERMINAL}/2")
    [row] = await owner.run(lambda c: list_audit(c, wanted))
    assert (row["actor"], row["reason"]) == (f"terminal {TERMINAL}", "asked for over the wire")
    assert row["role"] == "cityswitch_service"
    assert "wrapped" not in row["after"]


async def test_the_service_has_no_other_way_to_a_key(master: MasterKey, database: Database) -> None:
    """Neither an insert, nor a generation of its choice, nor another terminal's through the function."""
    with pytest.raises(DatabaseMisconfigured, match="permission denied"):
        await database.run(
            lambda c: c.execute(
                "insert into registry.terminal_key (terminal, generation, wrapped) values ($1, 9, $2)",
                TERMINAL,
                bytes(60),
            )
        )
    row = await database.run(
        lambda c: c.fetchrow(
            "select * from registry.next_key_v1($1, 1::smallint, 9::smallint, $2)", TERMINAL, bytes(60)
        )
    )
    assert tuple(row) == (2, None)
