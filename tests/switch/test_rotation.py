"""The master key is rotated under a serving worker: kill -9 in the midst, and no terminal notices."""

import os
from pathlib import Path

import trio

from ledger.postgres.database import Connection, Database
from ledger.registry.keys import issue_keys
from ledger.registry.secrets import MasterKey
from ledger.registry.terminals import NewTerminal, import_terminals
from ops.office.master_key import destroy, make_key, read_states, rewrap
from protocol import Balance, KeyChange, KeyChangeReply
from tests.entries import SWIPED
from tests.ledger.books import TESTER
from tests.patience import HANG_S
from tests.postgres import FreshDatabase
from tests.switch.killed import run_and_kill
from tests.switch.memory import CARD
from tests.switch.test_worker import Running, running_worker

FLEET = range(1_000, 2_600)
UNDER_NEW = "select count(*) from registry.terminal_key where registry.wrapping_of(wrapped) = 1"
LAST = f"select from registry.terminal_key where terminal = {FLEET[-1]}"


async def add_fleet(connection: Connection, master: MasterKey) -> None:
    """So many terminals with keys that wrapping them anew takes a while."""
    await import_terminals(connection, TESTER, [NewTerminal(number, 1) for number in FLEET])
    await issue_keys(connection, TESTER, master, {number: os.urandom(32) for number in FLEET})


async def sign_on_for_ever(running: Running, signed_on: list[int]) -> None:
    """Terminal 1, again and again, each time with a session of its own and a question in it."""
    while True:
        line = await running.line()
        reply = await line.ask(Balance(stan=len(signed_on) + 1, terminal_time=0, card=CARD, entry=SWIPED))
        assert reply.code == 0
        signed_on.append(reply.stan)
        await line.stream.aclose()
        await trio.sleep(0.05)  # a terminal has an allowance of handshakes


async def test_terminals_sign_on_throughout_a_rotation(
    fresh: FreshDatabase, owner: Database, tmp_path: Path
) -> None:
    """New key, rewrap killed with -9 in its midst and done again, old key destroyed: sign-ons and business go
    on all the while, a key changed over the wire is under the new one, the next worker begins with it alone.
    """
    path, signed_on = tmp_path / "master.key", list[int]()
    async with running_worker(fresh, owner, tmp_path) as running, trio.open_nursery() as nursery:
        await owner.run(lambda c: add_fleet(c, running.master))
        nursery.start_soon(sign_on_for_ever, running, signed_on)
        make_key(path)
        command = ["master-key", "rewrap"]
        done = await run_and_kill(running, fresh.owner_dsn, path, command, UNDER_NEW, last=LAST)
        assert 0 < done < len(FLEET)
        assert signed_on
        # A command's own process has its own view of the file; so has this one.
        rewrapped = await rewrap(owner, TESTER, path, MasterKey.load(path))
        assert (rewrapped.left, rewrapped.damaged) == (0, [])
        assert await destroy(owner, TESTER, path, MasterKey.load(path)) == [0]
        line = await running.line(2)
        changed = await line.ask(KeyChange(stan=1_000_000, terminal_time=0, generation=1))
        assert isinstance(changed, KeyChangeReply)
        assert (changed.code, changed.generation) == (0, 2)
        before = len(signed_on)
        with trio.fail_after(HANG_S):
            while len(signed_on) < before + 2:  # noqa: ASYNC110
                await trio.sleep(0.01)
        nursery.cancel_scope.cancel()
    states = await read_states(owner, MasterKey.load(path))
    assert [(one.state, one.terminal_keys) for one in states] == [
        ("destroyed", 0),
        ("wraps", len(FLEET) + 3),
    ]
    async with running_worker(fresh, owner, tmp_path) as again:
        await again.line()
        assert list(again.master.ring.keys) == [1]
