"""`config check` finds a pooler that mixes sessions up before `serve` does."""

from pathlib import Path

import pytest

from ledger.postgres.embedded import EmbeddedPostgres
from ops.cli.config import ask, ask_sessions
from ops.exit_codes import Exit
from tests.ledger.test_pooling import needs_pgbouncer, pgbouncer
from tests.postgres import FreshDatabase


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
