"""A terminal's key that does not open now opens once the master key is there: no worker starts again."""

import os
import shutil
from pathlib import Path

import pytest
import structlog.testing
import trio

from ledger.errors import SecretsError
from ledger.postgres.database import Database
from ledger.registry.keys import issue_key, note_use
from ledger.registry.secrets import MasterKey
from ops.office.master_key import make_key, rewrap
from switch.config import Config
from switch.metrics import Meters
from switch.process.feed import Feed
from switch.process.key_use import KeyUse
from switch.rules.directory import Directory
from tests.ledger.books import TESTER
from tests.switch.city import seed
from tests.switch.memory import terminal_key

SECOND = os.urandom(32)


class Late:
    """A worker whose copy of the key file is brought by hand, after the office has rotated its own."""

    def __init__(self, database: Database, path: Path) -> None:
        self.office, self.path = path, path.with_name("worker.key")
        shutil.copy(self.office, self.path)
        self.directory = Directory(MasterKey.load(self.path))
        self.feed = Feed(
            database, self.directory, meters=Meters(), config=Config(), on_terminal=lambda _: None
        )

    async def read(self) -> list[str]:
        """Read the registry once, and return what could not be used of it."""
        with structlog.testing.capture_logs() as lines:
            await self.feed.refresh()
        return [line["problem"] for line in lines if line["event"] == "registry_fault"]

    def key(self, generation: int) -> bytes | str | None:
        """The key of terminal 1, or why there is none."""
        return self.directory.find_key(1, generation, 0) or self.directory.why_no_key(1, generation, 0)


@pytest.fixture
async def late(owner: Database, database: Database, tmp_path: Path) -> Late:
    """A worker that knows the first key of terminal 1; the second is under a master key it does not have."""
    path = tmp_path / "master.key"
    await seed(owner, MasterKey.create(path))
    await owner.run(lambda c: note_use(c, 1, 1))
    late = Late(database, path)
    assert await late.read() == []
    make_key(path)
    assert (await rewrap(owner, TESTER, path, MasterKey.load(path))).left == 0
    await owner.run(lambda c: issue_key(c, TESTER, MasterKey.load(path), 1, SECOND))
    return late


async def test_a_key_that_does_not_open_is_tried_again_once_the_file_is_another(late: Late) -> None:
    """What was known stays known meanwhile, what is new is told once; nothing of the registry changes."""
    first = late.key(1)
    assert first == terminal_key(1)
    faults = await late.read()
    assert sum("terminal 1, generation 2 " in fault for fault in faults) == 1
    assert (late.key(1), late.key(2)) == (first, "key_unreadable")
    assert await late.read() == []
    late.path.unlink()
    assert await late.read() == []
    shutil.copy(late.office, late.path)
    assert await late.read() == []
    assert (late.key(1), late.key(2)) == (first, SECOND)


async def test_a_file_that_could_not_be_read_for_a_moment_is_read_in_the_next(
    late: Late, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No file descriptor was free, say: the file is the same as before, and is read all the same."""

    def cannot(path: Path) -> None:
        raise SecretsError(f"{path} cannot be read: Too many open files")

    shutil.copy(late.office, late.path)
    with monkeypatch.context() as patched:
        patched.setattr("ledger.registry.secrets.read_file", cannot)
        assert await late.read() != []
        assert late.key(2) == "key_unreadable"
    assert await late.read() == []
    assert late.key(2) == SECOND


async def test_a_key_that_does_not_open_lives_all_the_same(late: Late, database: Database) -> None:
    """While it does, whether an older one may be used yet is asked of the database and not of memory."""
    await late.read()
    async with trio.open_nursery() as nursery:
        use = KeyUse(database.session(), late.directory, nursery)
        assert not use.may_use_at_once(1, 1)
        assert await use.may_use(1, 1)
        await database.run(lambda c: note_use(c, 1, 2))  # at a worker that could open it
        assert not await use.may_use(1, 1)
    await late.read()
    shutil.copy(late.office, late.path)
    await late.read()
    assert (late.key(1), late.key(2)) == ("generation_retired", SECOND)


async def test_a_key_that_ended_before_it_opened_stays_ended(late: Late, owner: Database) -> None:
    """Retired by the registry while it did not open: it is not tried again."""
    await late.read()
    third = os.urandom(32)
    await owner.run(lambda c: issue_key(c, TESTER, MasterKey.load(late.office), 1, third))
    await owner.run(lambda c: note_use(c, 1, 3))
    await late.read()
    shutil.copy(late.office, late.path)
    await late.read()
    assert (late.key(2), late.key(3)) == ("generation_retired", third)
    assert list(late.directory.terminals[1].keys) == [3]
