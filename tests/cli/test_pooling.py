"""`config check` looks at the way to the database: its sessions, and how many there may be."""

from pathlib import Path

import pytest
import trio

from ledger.postgres.embedded import EmbeddedPostgres
from ops.cli.config import ask, ask_connections, ask_sessions
from ops.exit_codes import Exit
from switch.config import Config
from switch.process.worker import database_connections
from tests.ledger.test_pooling import needs_pgbouncer, pgbouncer
from tests.postgres import FreshDatabase, Server


@needs_pgbouncer
@pytest.mark.parametrize(
    ("mode", "status", "told"),
    [
        ("transaction", Exit.CONFIGURATION, "pool_mode = session"),
        ("session", Exit.OK, "a session of its own"),
    ],
)
async def test_a_pooler_by_transaction_is_told(
    fresh: FreshDatabase, postgres: EmbeddedPostgres, tmp_path: Path, mode: str, status: Exit, told: str
) -> None:
    """One that gives connections out by transaction is refused with its cure; one by session passes."""
    async with pgbouncer(tmp_path, postgres, mode=mode) as dsn:
        found = await ask("sessions", lambda: ask_sessions(dsn % fresh.name))
    assert found.status is status
    assert told in found.text


async def test_a_role_with_too_few_connections_is_told(postgres_server: Server, fresh: FreshDatabase) -> None:
    """What the workers may hold at once is compared with what is allowed; the figure is README's."""
    config = Config(workers=2)
    needed = config.workers * database_connections(config)
    found = await ask("connections", lambda: ask_connections(config, fresh.service_dsn))
    assert found.status is Exit.OK
    limit = f"alter database {fresh.name} connection limit {needed - 1}"
    await trio.to_thread.run_sync(postgres_server.execute, limit)
    found = await ask("connections", lambda: ask_connections(config, fresh.service_dsn))
    assert found.status is Exit.CONFIGURATION
    assert f"up to {needed} connections" in found.text
    assert f"{needed - 1} are allowed" in found.text
    readme = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    assert f"at most {database_connections(Config())} connections to the database" in readme
