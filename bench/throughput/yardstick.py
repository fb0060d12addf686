"""The ledger of commit d5b569b in a database of its own, beside the one in use: a limit that does not move.

Owns where it stands. Must not know what is measured. Invariant: it is in the same server, with the same
accounts, so whatever the machine does to one limit it does to the other.
"""

from __future__ import annotations

from typing import Final

from bench.throughput.growth_data import make_yardstick
from bench.throughput.stage import Stage
from ledger.postgres.embedded import SERVICE

DATABASE: Final = "ledger_d5b569b"


async def prepare_yardstick(stage: Stage) -> None:
    """Make the database with an account for each of the stage's."""
    await make_yardstick(stage.owner, stage.postgres.dsn(DATABASE), DATABASE, stage.accounts)


def yardstick_dsn(stage: Stage) -> str:
    """Return where the function of d5b569b is called, by the service's role."""
    return stage.postgres.dsn(DATABASE, SERVICE)
