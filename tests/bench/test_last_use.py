"""The probe of last uses: it finds nothing in a short run with kills, and it would find what was planted."""

from pathlib import Path

import pytest
import trio

from bench.probes.fleet import Told, Torture, run_workers
from bench.probes.last_use import Judge, torture
from ledger.postgres.database import Connection, Database


@pytest.mark.parametrize("buckets", [1, 4])
def test_a_last_use_is_had_once_in_races_and_kills(tmp_path: Path, buckets: int) -> None:
    """Workers race for the last uses of cards and of the programme, some are killed: nothing is wrong."""
    result, judge = trio.run(torture, tmp_path, 40, buckets, 1)
    assert result.wrong == []
    assert result.worker_kills > 0
    assert judge.races >= 30
    assert judge.approved >= 30
    assert buckets > 1 or judge.left_over == 0


def test_a_planted_use_too_many_is_found(tmp_path: Path) -> None:
    """A use that stands in no quota is named."""
    judge = Judge(1)

    async def planted(owner: Database, noted: list[Told]) -> list[str]:
        async def job(connection: Connection) -> None:
            await connection.execute("update ledger.quota set balance = balance + 1 where quota = 4")

        await owner.run(job)
        return await judge.differences(owner, noted)

    orders = Torture("bench.probes.last_use_worker", 800, 1, 2)
    result = trio.run(run_workers, orders, tmp_path, planted)
    assert any("quota 4:" in line for line in result.wrong)
    assert any("the sum of its postings" in line for line in result.wrong)
