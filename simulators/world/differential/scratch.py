"""Owns the Postgres that a differential run compares with: one of its own, in a folder that goes with it.

Knows nothing of what is compared.
"""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from ledger.postgres.database import Database, open_database
from ledger.postgres.embedded import embedded_postgres
from ledger.postgres.fitness import THROWAWAY
from ledger.postgres.migrate import migrate

_NAME: Final = "cityswitch differential"


@asynccontextmanager
async def scratch_postgres() -> AsyncIterator[tuple[Database, Database]]:
    """Yield a migrated, empty database, open as its owner and as the service. Raises a `LedgerError`."""
    with tempfile.TemporaryDirectory(prefix="differential-") as folder:
        async with embedded_postgres(Path(folder) / "postgres", settings=THROWAWAY) as postgres:
            await migrate(postgres.owner_dsn)
            async with (
                open_database(postgres.owner_dsn, application_name=_NAME) as owner,
                open_database(postgres.service_dsn, application_name=_NAME) as service,
            ):
                yield owner, service
