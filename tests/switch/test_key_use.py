"""Key rotation: once a new generation was accepted the old one opens nothing, in any worker."""

import secrets
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import trio

from ledger.postgres.database import Database, open_database
from ledger.registry.keys import issue_key, list_keys, note_use, revoke_key
from ledger.registry.secrets import MasterKey
from switch.config import Config
from switch.metrics import Meters
from switch.process.feed import Feed
from switch.process.key_use import KeyUse
from switch.rules.directory import Directory, Terminal
from tests.ledger.books import TESTER
from tests.patience import HANG_S
from tests.postgres import FreshDatabase
from tests.switch.city import seed
from tests.switch.memory import Line, terminal_key
from tests.switch.test_worker import Running, running_worker


class Worker:
    """What one worker knows of the keys; it learns more only when told to refresh."""

    def __init__(self, database: Database, master: MasterKey, nursery: trio.Nursery) -> None:
        self.directory = Directory(master)
        self.feed = Feed(
            database, self.directory, meters=Meters(), config=Config(), on_terminal=lambda _: None
        )
        self.key_use = KeyUse(database.session(), self.directory, nursery)

    async def accepts(self, generation: int) -> bool:
        """Sign-on as the listener does it: the key from memory, then the question."""
        if self.directory.find_key(1, generation, 0) is None:
            return False
        return await self.key_use.may_use(1, generation)


@pytest.fixture
async def workers(
    owner: Database, database: Database, tmp_path: Path
) -> AsyncIterator[tuple[Worker, Worker]]:
    """Two workers that know of a key of generation 2, not used yet."""
    master = MasterKey.create(tmp_path / "master.key")
    await seed(owner, master)
    await owner.run(lambda c: note_use(c, 1, 1))
    await owner.run(lambda c: issue_key(c, TESTER, master, 1, secrets.token_bytes(32)))
    async with trio.open_nursery() as nursery:
        pair = Worker(database, master, nursery), Worker(database, master, nursery)
        for worker in pair:
            await worker.feed.refresh()
        yield pair


async def test_both_generations_work_until_the_newer_one_is_used(workers: tuple[Worker, Worker]) -> None:
    """Overlap: the old key works on as long as nobody has used the new one."""
    for worker in workers:
        assert await worker.accepts(1)


async def test_no_worker_accepts_the_old_key_once_the_new_one_was(workers: tuple[Worker, Worker]) -> None:
    """Not the worker that accepted it, and not one that has not heard of it yet."""
    here, there = workers
    assert await here.accepts(2)
    assert not await here.accepts(1)
    assert there.directory.find_key(1, 1, 0) is not None  # it has not heard
    assert not await there.accepts(1)
    await there.feed.refresh()
    assert there.directory.find_key(1, 1, 0) is None
    assert await there.accepts(2)


async def test_the_first_key_of_all_is_noted_and_not_waited_for(
    owner: Database, database: Database, tmp_path: Path
) -> None:
    """A terminal with one key signs on at once; that it did is in the registry soon after."""
    master = MasterKey.create(tmp_path / "master.key")
    await seed(owner, master)
    async with trio.open_nursery() as nursery:
        worker = Worker(database, master, nursery)
        await worker.feed.refresh()
        asking = worker.accepts(1)
        with pytest.raises(StopIteration):
            asking.send(None)  # it does not wait
    keys = await owner.run(lambda c: list_keys(c, 1))
    assert [key["used_at"] is not None for key in keys] == [True]


async def test_a_use_is_noted_once_however_often_a_terminal_comes(
    owner: Database, database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who signs on again and again while the registry is slow leaves one note to be made."""
    master = MasterKey.create(tmp_path / "master.key")
    await seed(owner, master)
    may_go = trio.Event()
    note = KeyUse._note

    async def slowly(key_use: KeyUse, terminal: Terminal, generation: int) -> bool:
        await may_go.wait()
        return await note(key_use, terminal, generation)

    monkeypatch.setattr(KeyUse, "_note", slowly)
    async with trio.open_nursery() as nursery:
        worker = Worker(database, master, nursery)
        await worker.feed.refresh()
        assert all([await worker.accepts(1) for _ in range(50)])
        assert len(nursery.child_tasks) == 1
        may_go.set()
    assert await worker.accepts(1)
    assert len(nursery.child_tasks) == 0


async def test_a_drain_does_not_wait_for_notes(
    fresh: FreshDatabase, owner: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All terminals come at once and are noted one by one: a worker that is drained meanwhile ends."""
    begun: list[int] = []

    async def never(key_use: KeyUse, terminal: Terminal, generation: int) -> bool:
        begun.append(generation)
        await trio.sleep_forever()
        return True

    monkeypatch.setattr(KeyUse, "_note", never)
    with trio.fail_after(HANG_S):
        async with running_worker(fresh, owner, tmp_path) as running:
            await running.line()
            while not begun:  # noqa: ASYNC110 the drain is to meet one
                await trio.sleep(0.01)
            running.stop.set()
            await running.stopped.wait()
    assert len(begun) == 1


async def test_without_a_database_a_rotation_waits_and_settled_keys_work(
    workers: tuple[Worker, Worker], owner: Database
) -> None:
    """No answer from the database: what needs one is refused, what does not is accepted."""
    here, _ = workers
    async with (
        open_database("postgresql://nobody@127.0.0.1:1/nothing") as away,
        trio.open_nursery() as nursery,
    ):
        here.key_use = KeyUse(away.session(), here.directory, nursery)
        assert not await here.accepts(2)
        assert not await here.accepts(1)
        here.directory.terminals[1].keys.pop(2)
        assert await here.accepts(1)


async def test_an_ended_generation_retires_nothing(workers: tuple[Worker, Worker], owner: Database) -> None:
    """The new key was revoked and this worker has not heard: it is refused, and the old one works on."""
    here, there = workers
    await owner.run(lambda c: revoke_key(c, TESTER, 1, 2))
    assert not await here.accepts(2)
    assert await there.accepts(1)


async def sign_in(running: Running, generation: int, key: bytes) -> Line | None:
    stream = await trio.open_tcp_stream("127.0.0.1", running.port)
    running.streams.append(stream)
    line = Line(stream, 1, key=key, generation=generation)
    return line if await line.sign_in() else None


async def test_the_whole_way(fresh: FreshDatabase, owner: Database, tmp_path: Path) -> None:
    """Over the wire: the new key is accepted, the very next handshake with the old one is not."""
    async with running_worker(fresh, owner, tmp_path) as running:
        key = secrets.token_bytes(32)
        await owner.run(lambda c: issue_key(c, TESTER, running.master, 1, key))
        assert await sign_in(running, 1, terminal_key(1)) is not None
        with trio.fail_after(HANG_S):
            while await sign_in(running, 2, key) is None:  # the worker has not heard of it yet
                await trio.lowlevel.checkpoint()
        assert await sign_in(running, 1, terminal_key(1)) is None


async def test_a_session_of_a_retired_key_is_closed(
    fresh: FreshDatabase, owner: Database, tmp_path: Path
) -> None:
    """The terminal has used its new key at another worker: its session of the old one ends here."""
    async with running_worker(fresh, owner, tmp_path) as running:
        line = await sign_in(running, 1, terminal_key(1))
        assert line is not None
        await owner.run(lambda c: issue_key(c, TESTER, running.master, 1, secrets.token_bytes(32)))
        await owner.run(lambda c: note_use(c, 1, 2))
        with trio.fail_after(HANG_S):
            assert await line.closed()


def test_an_older_generation_opens_nothing_once_a_newer_one_was_used() -> None:
    """In the same step as the use is known, although the registry's word of it has not come yet."""
    directory = Directory(MasterKey(b"w" * 32, b"p" * 32))
    terminal = directory.terminals[7] = Terminal(7)
    terminal.keys = {1: (b"a" * 32, None), 2: (b"b" * 32, None)}
    assert directory.find_key(7, 1, 0) == b"a" * 32
    terminal.used_generation = 2
    assert directory.find_key(7, 1, 0) is None
    assert directory.why_no_key(7, 1, 0) == "generation_retired"
    assert directory.find_key(7, 2, 0) == b"b" * 32
