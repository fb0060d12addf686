"""No process that holds keys may leave a core dump, however it is started."""

import json
import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import trio

from ledger.postgres.database import Database
from ledger.registry.secrets import MasterKey
from tests.cli.test_serve import ended, start, until_serving, workers
from tests.patience import HANG_S
from tests.postgres import FreshDatabase
from tests.switch.city import seed

ROOT = Path(__file__).resolve().parents[2]


def core_limits(pid: int) -> list[str]:
    """How long a core dump of a process may be, in bytes, and how far it may raise that."""
    lines = Path(f"/proc/{pid}/limits").read_text().splitlines()
    (line,) = [line for line in lines if line.startswith("Max core file size")]
    return line.removeprefix("Max core file size").split()[:2]


@pytest.fixture(autouse=True)
def may_dump() -> None:
    """What we start inherits our limit: one of 0 would show nothing."""
    if not resource.getrlimit(resource.RLIMIT_CORE)[1]:
        pytest.skip("this process itself may leave no core dump")


async def test_neither_supervisor_nor_worker(fresh: FreshDatabase, owner: Database, tmp_path: Path) -> None:
    """`serve` and its workers, started with nothing that forbids it, have a limit of 0 that stays."""
    await seed(owner, MasterKey.create(tmp_path / "master.key"))
    with start(fresh, tmp_path, subprocess.DEVNULL) as process:
        try:
            await until_serving(tmp_path, process)
            found = [core_limits(pid) for pid in (process.pid, *workers(process))]
            process.send_signal(signal.SIGTERM)
            assert await ended(process) == 0
        finally:
            process.kill()
    assert found == [["0", "0"]] * 2


async def test_nor_the_office(fresh: FreshDatabase, owner: Database, tmp_path: Path) -> None:
    """The server of desks and holders, which seals and unseals persons."""
    await seed(owner, MasterKey.create(tmp_path / "master.key"))
    command = [sys.executable, "-m", "ops.cli", "office", "serve", "--json", "--until-eof", "--port", "0"]
    command += ["--mail", str(tmp_path / "mail")]
    environment = {**os.environ, "CITYSWITCH_DSN": fresh.owner_dsn, "CITYSWITCH_STATE_DIR": str(tmp_path)}
    process = await trio.lowlevel.open_process(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, cwd=ROOT
    )
    try:
        assert process.stdin is not None
        assert process.stdout is not None
        with trio.fail_after(HANG_S):
            assert json.loads(await process.stdout.receive_some())["url"]
            found = core_limits(process.pid)
            await process.stdin.aclose()
            assert await process.wait() == 0
    finally:
        process.kill()
    assert found == ["0", "0"]


@pytest.mark.parametrize("unit", sorted((ROOT / "ops/deploy").rglob("*.service")), ids=lambda path: path.name)
def test_no_unit_allows_one(unit: Path) -> None:
    """What a unit starts of others' (Patroni and its Postgres) is held to it by the unit."""
    assert "LimitCORE=0" in unit.read_text(encoding="utf-8").splitlines()
