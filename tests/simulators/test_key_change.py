"""A terminal changes its key over the wire, against a worker with a real registry."""

import random
from pathlib import Path

import pytest
import trio

from ledger.postgres.database import Database
from ledger.registry.keys import issue_key, list_keys, revoke_key
from protocol import KeyChange, KeyChangeReply, ResultCode
from simulators.errors import KeyNotChanged, RefusedBySwitch, StoreError, TerminalError
from simulators.till.channel import Address, connector
from simulators.till.identity import TerminalIdentity
from simulators.till.records import HeldKey
from simulators.till.store import TerminalMemory
from simulators.till.terminal import PosTerminal
from switch.wire.hub import TURN_REQUESTS_MAX
from tests.ledger.books import TESTER
from tests.patience import HANG_S
from tests.postgres import FreshDatabase
from tests.switch.memory import CARD, Line, running_front, terminal_key
from tests.switch.test_worker import Running, running_worker

GIVEN = TerminalIdentity(1, terminal_key(1), 1)


def till(running: Running, memory: TerminalMemory, given: TerminalIdentity = GIVEN) -> PosTerminal:
    return PosTerminal(given, memory, connector(Address("127.0.0.1", running.port)), rng=random.Random(1))


async def generations(owner: Database) -> dict[int, tuple[bool, bool]]:
    """By generation: whether it was used, whether it has ended."""
    rows = await owner.run(lambda c: list_keys(c, 1))
    return {row["generation"]: (row["used_at"] is not None, row["retired_at"] is not None) for row in rows}


async def earn(terminal: PosTerminal) -> int:
    """A sale, tried until the worker has heard of the key."""
    with trio.fail_after(HANG_S):
        while True:
            try:
                return (await terminal.earn(CARD, 10_00)).code
            except TerminalError:
                await trio.sleep(0.05)


async def test_a_terminal_changes_its_key(fresh: FreshDatabase, owner: Database, tmp_path: Path) -> None:
    """The new key is stored, used at the next connection, and the old one opens nothing any more."""
    async with running_worker(fresh, owner, tmp_path) as running:
        with TerminalMemory.open(tmp_path / "memory", 1) as memory:
            async with till(running, memory) as terminal:
                assert await earn(terminal) == 0
                assert await terminal.change_key() == 2
                assert [key.generation for key in memory.keys] == [2]
                with trio.fail_after(HANG_S):
                    while (await generations(owner)).get(2) != (True, False):
                        terminal.drop_link()
                        assert await earn(terminal) == 0
                assert (await generations(owner))[1] == (True, True)
                assert memory.accepted_generation == 2
                assert await terminal.change_key() == 3
        # After a restart with the key it was once given, and nothing but its memory.
        with TerminalMemory.open(tmp_path / "memory", 1) as memory:
            assert [key.generation for key in memory.keys] == [2, 3]
            async with till(running, memory) as terminal:
                assert await earn(terminal) == 0
        with TerminalMemory.open(tmp_path / "other", 1) as memory:
            async with till(running, memory) as terminal:
                with pytest.raises(RefusedBySwitch):
                    await terminal.connect()


async def test_a_power_cut_before_the_key_is_stored_costs_nothing(
    fresh: FreshDatabase, owner: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reply came and was not stored: the old key works, and asked again it is the same key."""
    async with running_worker(fresh, owner, tmp_path) as running:
        seen: list[HeldKey] = []

        def power_cut(_: TerminalMemory, key: HeldKey) -> None:
            seen.append(key)
            raise StoreError("no power")

        with monkeypatch.context() as cut, TerminalMemory.open(tmp_path / "memory", 1) as memory:
            cut.setattr(TerminalMemory, "keep_key", power_cut)
            async with till(running, memory) as terminal:
                with pytest.raises(StoreError):
                    await terminal.change_key()
        with TerminalMemory.open(tmp_path / "memory", 1) as memory:
            assert memory.keys == []
            async with till(running, memory) as terminal:
                assert await earn(terminal) == 0
                assert await terminal.change_key() == 2
                assert memory.keys == seen
                assert repr(seen[0]) == "HeldKey(2)"
                assert await earn(terminal) == 0


async def test_a_key_the_operator_took_back_leaves_the_old_one(
    fresh: FreshDatabase, owner: Database, tmp_path: Path
) -> None:
    """Stored and then revoked: its proof is refused, and the terminal goes on with the key it had."""
    async with running_worker(fresh, owner, tmp_path) as running:
        with TerminalMemory.open(tmp_path / "memory", 1) as memory:
            async with till(running, memory) as terminal:
                assert await terminal.change_key() == 2
                await owner.run(lambda c: revoke_key(c, TESTER, 1, 2))
                assert await earn(terminal) == 0
                assert memory.accepted_generation == 0


async def test_the_switch_hands_over_what_was_issued_at_the_desk(
    fresh: FreshDatabase, owner: Database, tmp_path: Path
) -> None:
    """A key rotated by the operator reaches the terminal over the wire, without a courier."""
    key = bytes(range(1, 33))
    async with running_worker(fresh, owner, tmp_path) as running:
        await owner.run(lambda c: issue_key(c, TESTER, running.master, 1, key))
        with TerminalMemory.open(tmp_path / "memory", 1) as memory:
            async with till(running, memory) as terminal:
                assert await terminal.change_key() == 2
            assert memory.keys == [HeldKey(2, key)]


async def test_without_a_database_it_is_asked_later(
    fresh: FreshDatabase, owner: Database, tmp_path: Path
) -> None:
    """No answer from Postgres: "try again", no key, and the terminal goes on as it was."""
    async with running_worker(fresh, owner, tmp_path) as running:
        await owner.run(
            lambda c: c.execute("revoke execute on function registry.next_key_v1 from cityswitch_service")
        )
        line = await running.line()
        reply = await line.ask(KeyChange(1, 0, 1))
        assert reply == KeyChangeReply(1, ResultCode.TRY_AGAIN, reply.server_time_ms, 0, b"")  # type: ignore[union-attr]
        with TerminalMemory.open(tmp_path / "memory", 1) as memory:
            async with till(running, memory) as terminal:
                assert await earn(terminal) == 0  # signed on: that, too, may have to be tried again
                with pytest.raises(KeyNotChanged):
                    await terminal.change_key()
                assert memory.keys == []
                assert await earn(terminal) == 0


async def test_keys_are_asked_for_at_a_bounded_rate() -> None:
    """Ten at once are a terminal's allowance; then it is left unread until that is paid back."""
    async with running_front() as memory:
        line = Line(await memory.connect())
        assert await line.sign_in()
        await line.send(*(KeyChange(stan, 0, 1) for stan in range(1, 65)))
        with trio.fail_after(HANG_S):
            while not memory.front.connections.resting:
                await trio.lowlevel.checkpoint()
        assert memory.ledger.inquiries <= TURN_REQUESTS_MAX
