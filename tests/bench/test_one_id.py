"""The probe of ids: it finds nothing in a short run with kills, and it would find what was planted."""

from pathlib import Path

import trio

from bench.probes.fleet import Told, differences
from bench.probes.one_id import torture
from ledger.postgres.database import Connection, Database


def test_an_id_stands_once_in_races_and_kills(tmp_path: Path) -> None:
    """Workers that race for the same ids over eight buckets, some of them killed: nothing is wrong."""
    result = trio.run(torture, tmp_path, 2_000, 8, 1)
    assert result.wrong == []
    assert result.worker_kills > 0
    assert result.conflicts > 0
    assert result.told > 500


def test_a_planted_difference_is_found(tmp_path: Path) -> None:
    """A row that is not what was answered, and one that stands twice, are named."""

    async def planted(owner: Database, noted: list[Told]) -> list[str]:
        async def job(connection: Connection) -> None:
            await connection.execute(
                "update ledger.journal set balance = balance + 1"
                " where ctid = (select ctid from ledger.journal"
                " where digest is not null and code = 0 limit 1)"
            )
            await connection.execute(
                "insert into ledger.journal"
                " select (jsonb_populate_record(j, jsonb_build_object('bucket', 99))).*"
                " from ledger.journal j where digest is not null limit 1"
            )

        await owner.run(job)
        return await differences(owner, noted)

    result = trio.run(torture, tmp_path, 600, 4, 2, planted)
    assert any("the journal holds" in line for line in result.wrong)
    assert any("stands 2 times" in line for line in result.wrong)
