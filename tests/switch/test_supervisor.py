"""Several workers on one port: restarts, drains, blocks in all of them, and the end of a lost parent."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
import trio

from ledger.errors import SecretsError
from ledger.postgres.database import Connection, Database
from ledger.registry.card_states import CardStatus
from ledger.registry.cards import set_card_status
from ledger.registry.secrets import MasterKey
from protocol import Balance, Earn, ResultCode, TransactionReply
from switch.config import Config
from switch.process.supervisor import (
    EXIT_CONFIGURATION,
    EXIT_PORT_IN_USE,
    Switch,
    SwitchFailed,
    reserve_port,
    serve,
    serving,
)
from switch.wire.listener import PortInUse
from tests.entries import SWIPED
from tests.ledger.books import TESTER
from tests.patience import HANG_S, UNHURRIED
from tests.postgres import FreshDatabase
from tests.switch.city import http_get, seed
from tests.switch.memory import CARD, Line


def state_of(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return "gone"


async def gone(pid: int) -> None:
    """Wait until a process is gone (or a zombie of somebody else)."""
    while True:
        if state_of(pid) in {"gone", "Z"}:
            return
        await trio.sleep(0.01)


def make_config(fresh: FreshDatabase, directory: Path, workers: int) -> Config:
    config = Config(
        listen_port=0,
        http_port=0,
        dsn=fresh.service_dsn,
        state_dir=str(directory),
        workers=workers,
        log_level="error",
    )
    return msgspec.structs.replace(config, **UNHURRIED, worker_silent_s=HANG_S)


async def connect(running: Switch, terminal: int) -> Line:
    stream = await trio.open_tcp_stream(running.host, running.port)
    line = Line(stream, terminal)
    if not await line.sign_in():
        stream.socket.close()
        raise ConnectionError("the switch closed the connection")
    return line


@pytest.fixture
async def city(fresh: FreshDatabase, owner: Database, tmp_path: Path) -> MasterKey:
    master = MasterKey.create(tmp_path / "master.key")
    await seed(owner, master)
    return master


async def test_a_block_is_seen_by_all_workers(
    fresh: FreshDatabase, owner: Database, city: MasterKey, tmp_path: Path
) -> None:
    """A blocked card is refused by every worker, whichever one holds the connection."""
    async with serving(make_config(fresh, tmp_path, 2), ready_s_max=HANG_S) as running:
        assert len(running.http) == 2
        lines: list[Line] = []
        served: set[int] = set()
        while served != {0, 1}:
            lines.append(await connect(running, len(lines) % 2 + 1))
            for worker, address in enumerate(running.http):
                _, body = await http_get(address, "/metrics")
                if b"cityswitch_connections_opened_total 0.0" not in body:
                    served.add(worker)
            assert len(lines) < 100

        async def block(connection: Connection) -> None:
            await set_card_status(connection, TESTER, city.pepper(1).token(CARD), CardStatus.BLOCKED)

        await owner.run(block)
        for line in lines[-2:]:
            stan = 1
            with trio.fail_after(HANG_S):
                while (
                    await line.ask(Balance(stan=stan, terminal_time=0, card=CARD, entry=SWIPED))
                ).code == 0:
                    stan += 1
            reply = await line.ask(
                Earn(stan=stan + 1, terminal_time=0, card=CARD, entry=SWIPED, amount=1_000)
            )
            assert reply.code == ResultCode.CARD_BLOCKED
        for line in lines:
            await line.stream.aclose()


async def tells_of_a_restart(running: Switch) -> bool:
    try:
        _, page = await http_get(running.http[0], "/metrics")
    except OSError:  # the supervisor has not been told yet where its pages are now
        return False
    return b"\ncityswitch_worker_restarts_total 1.0\n" in page


async def test_a_dead_worker_is_started_again(fresh: FreshDatabase, city: MasterKey, tmp_path: Path) -> None:
    """kill -9 of a worker: terminals come back, the same id gets its stored reply; its metrics tell of it."""
    earn = Earn(stan=1, terminal_time=0, card=CARD, entry=SWIPED, amount=150_000)
    async with serving(make_config(fresh, tmp_path, 1), ready_s_max=HANG_S) as running:
        line = await connect(running, 1)
        first = await line.ask(earn)
        (pid,) = running.pids
        os.kill(pid, signal.SIGKILL)
        assert await line.closed()
        await line.stream.aclose()
        with trio.fail_after(HANG_S):
            while True:
                try:
                    line = await connect(running, 1)
                    break
                except OSError:
                    await trio.sleep(0.05)
        assert await line.ask(earn) == first
        assert isinstance(first, TransactionReply)
        balance = await line.ask(Balance(stan=2, terminal_time=0, card=CARD, entry=SWIPED))
        assert isinstance(balance, TransactionReply)
        assert balance.balance == first.balance == 150
        await line.stream.aclose()
        with trio.fail_after(HANG_S):
            while not await tells_of_a_restart(running):  # noqa: ASYNC110 another process
                await trio.sleep(0.05)


async def test_workers_end_when_their_supervisor_is_killed(
    fresh: FreshDatabase, city: MasterKey, tmp_path: Path
) -> None:
    """kill -9 of the supervisor leaves no worker behind."""
    program = (
        "import os, sys, trio, msgspec\n"
        "from switch.config import Config\n"
        "from switch.logs import configure_logs\n"
        "from switch.process.supervisor import serving\n"
        "configure_logs('error')\n"
        "config = msgspec.json.decode(sys.stdin.buffer.readline(), type=Config)\n"
        "async def main():\n"
        "    async with serving(config) as switch:\n"
        "        os.write(1, b'%d\\n' % switch.pids)\n"
        "        await trio.sleep_forever()\n"
        "trio.run(main)\n"
    )
    pipe = subprocess.PIPE
    process = await trio.lowlevel.open_process([sys.executable, "-c", program], stdin=pipe, stdout=pipe)
    assert process.stdin is not None
    assert process.stdout is not None
    async with process.stdin, process.stdout:
        await process.stdin.send_all(msgspec.json.encode(make_config(fresh, tmp_path, 1)) + b"\n")
        with trio.fail_after(HANG_S):
            worker = int(await process.stdout.receive_some(100))
        process.kill()
        await process.wait()
        with trio.fail_after(HANG_S):
            await gone(worker)


async def test_a_port_in_use_is_refused(fresh: FreshDatabase, tmp_path: Path) -> None:
    """Port in use: one line with cause and cure, also when the holder shares ports as our workers do."""
    with socket.socket() as holder:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        with pytest.raises(PortInUse, match=rf"127\.0\.0\.1:{port}: Address already in use\. Stop .* choose"):
            reserve_port("127.0.0.1", port)


async def test_an_http_port_in_use_ends_the_supervisor(
    fresh: FreshDatabase, city: MasterKey, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """A fault no restart can mend: the supervisor gives up with the worker's own exit status."""
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        config = msgspec.structs.replace(make_config(fresh, tmp_path, 1), http_port=holder.getsockname()[1])
        with trio.fail_after(HANG_S):
            assert await serve(config, trio.Event()) == EXIT_PORT_IN_USE
    assert "Address already in use" in capfd.readouterr().err


async def test_another_installations_master_key_ends_the_supervisor(
    fresh: FreshDatabase, city: MasterKey, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """With another master key no card would be found: it refuses to start, with cause and cure."""
    MasterKey.create(tmp_path / "other.key")
    config = msgspec.structs.replace(
        make_config(fresh, tmp_path, 1), master_key_file=str(tmp_path / "other.key")
    )
    with trio.fail_after(HANG_S):
        assert await serve(config, trio.Event()) == EXIT_CONFIGURATION
    assert "another installation's: name the one" in capfd.readouterr().err


async def test_a_missing_master_key_is_found_before_anything_listens(
    fresh: FreshDatabase, tmp_path: Path
) -> None:
    """What no restart can mend is looked at first: no worker is started for it."""
    with pytest.raises(SecretsError, match=r"master\.key is missing"):
        await serve(make_config(fresh, tmp_path, 1), trio.Event())


async def test_a_state_directory_is_made_or_refused_before_anything_listens(
    fresh: FreshDatabase, city: MasterKey, tmp_path: Path
) -> None:
    """The state directory may be missing, not impossible."""
    config = make_config(fresh, tmp_path, 1)
    config = msgspec.structs.replace(config, master_key_file=str(tmp_path / "master.key"))
    elsewhere = msgspec.structs.replace(config, state_dir=str(tmp_path / "new" / "state"))
    async with serving(elsewhere, ready_s_max=HANG_S):
        assert (tmp_path / "new" / "state").is_dir()
    (tmp_path / "file").touch()
    with pytest.raises(FileExistsError):
        await serve(msgspec.structs.replace(config, state_dir=str(tmp_path / "file")), trio.Event())


async def test_a_block_has_the_processes_and_leaves_none(
    fresh: FreshDatabase, city: MasterKey, tmp_path: Path
) -> None:
    """The block is told ports and processes; when it is left, by an error as well, they are gone."""
    pids: tuple[int, ...] = ()

    async def fail_inside() -> None:
        nonlocal pids
        async with serving(make_config(fresh, tmp_path, 2), ready_s_max=HANG_S) as running:
            pids = running.pids
            assert {state_of(pid) for pid in pids} <= {"S", "R", "D"}
            assert len(pids) == len(running.http) == 2
            raise ValueError("of the block itself")

    with pytest.raises(ValueError, match="of the block itself"):
        await fail_inside()
    assert [state_of(pid) for pid in pids] == ["gone", "gone"]


async def test_a_switch_that_does_not_come_up_is_raised(
    fresh: FreshDatabase, owner: Database, tmp_path: Path
) -> None:
    """The key of no installation: the block never begins, and the error has the switch's own exit status."""
    MasterKey.create(tmp_path / "master.key")
    with trio.fail_after(HANG_S), pytest.raises(SwitchFailed) as failed:
        async with serving(make_config(fresh, tmp_path, 1), ready_s_max=HANG_S):
            raise AssertionError("the block began")
    assert failed.value.status == EXIT_CONFIGURATION


async def test_a_switch_that_ends_by_itself_ends_the_block(
    fresh: FreshDatabase, city: MasterKey, tmp_path: Path
) -> None:
    """A worker that cannot come back ends the switch; the block is cancelled and the failure raised."""

    async def lose_the_key() -> None:
        async with serving(make_config(fresh, tmp_path, 1), ready_s_max=HANG_S) as running:
            (tmp_path / "master.key").unlink()
            os.kill(running.pids[0], signal.SIGKILL)
            await trio.sleep_forever()

    with trio.fail_after(HANG_S), pytest.raises(SwitchFailed) as failed:
        await lose_the_key()
    assert failed.value.status == EXIT_CONFIGURATION
