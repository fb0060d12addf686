"""What a worker does while it may not have all its connections: waits, says for what, ends when told to."""

import os
import signal
from collections.abc import AsyncIterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import trio

from ledger.postgres.database import Database
from ledger.postgres.embedded import SERVICE
from ledger.registry.secrets import MasterKey
from switch.process.ports import reserve_port
from tests.patience import HANG_S
from tests.postgres import FreshDatabase, Server
from tests.switch.city import http_get, seed
from tests.switch.test_outage import until_ready, worker_beside


@pytest.fixture
async def limited(postgres_server: Server) -> AsyncIterator[Server]:
    yield postgres_server
    await trio.to_thread.run_sync(postgres_server.execute, f"alter role {SERVICE} connection limit -1")


async def said(http: str) -> str:
    """What the page of readiness says."""
    try:
        return str((await http_get(http, "/readyz"))[1])
    except OSError:
        return ""


@pytest.mark.parametrize("is_let_in", [True, False], ids=["until there is room", "until it is told to end"])
async def test_a_start_without_its_connections_waits(
    limited: Server, fresh: FreshDatabase, owner: Database, tmp_path: Path, is_let_in: bool
) -> None:
    """A role's connection limit lets only some of its connections in: /readyz says so."""
    master = MasterKey.create(tmp_path / "master.key")
    await seed(owner, master)
    await trio.to_thread.run_sync(limited.execute, f"alter role {SERVICE} connection limit 3")
    with reserve_port("127.0.0.1", 0) as port, trio.fail_after(HANG_S):
        number = port.getsockname()[1]
        http = f"http://127.0.0.1:{number}"
        async with worker_beside(fresh.service_dsn, master, http_port=number) as beside:
            while "too many connections for role" not in await said(http):  # noqa: ASYNC110
                await trio.sleep(0.02)
            assert not beside.ready.is_set()
            if is_let_in:
                await trio.to_thread.run_sync(limited.execute, f"alter role {SERVICE} connection limit -1")
                await beside.ready.wait()
                await until_ready(http)
    assert beside.ready.is_set() is is_let_in


WAITING = """select pid from pg_stat_activity
  where datname = current_database() and wait_event_type = 'Lock' and query like '%registry.partner%'"""


async def test_a_load_that_is_kept_waiting_ends_with_the_worker(
    fresh: FreshDatabase, owner: Database, tmp_path: Path
) -> None:
    """Told to end while the database is silent, a worker that has not loaded ends, and waits for no limit."""
    master = MasterKey.create(tmp_path / "master.key")
    await seed(owner, master)
    holder = owner.session()
    await holder.run(lambda c: c.execute("begin; lock table registry.partner"))
    with ExitStack() as stack, trio.fail_after(HANG_S):
        async with worker_beside(fresh.service_dsn, master) as beside:
            while (backend := await owner.run(lambda c: c.fetchval(WAITING))) is None:  # noqa: ASYNC110 another process
                await trio.sleep(0.02)
            os.kill(backend, signal.SIGSTOP)
            stack.callback(os.kill, backend, signal.SIGCONT)
    assert not beside.ready.is_set()
