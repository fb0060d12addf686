"""The probe of rebucket: ten thousand transactions answer as at first at 8 buckets and at 1 again; it would
find one that does not.
"""

import pytest

from bench.probes.fleet import PROBE
from bench.probes.rebucket import Probe, Trade, probe_dsn
from ledger.books.rebucket import rebucket
from ledger.errors import StatementRefused
from ledger.postgres.database import Connection, Database


async def test_ten_thousand_transactions_are_answered_as_at_first(ledger_dsn: str) -> None:
    """1 → 8 → 1 buckets: the books verify, and every request is answered again byte for byte."""
    lines: list[str] = []
    probe = await probe_dsn(ledger_dsn, 10_000, lines.append)
    assert probe.wrong == []
    assert {0, 2, 26, 45, 54, 60, 61} <= probe.codes.keys()
    assert sum(probe.codes.values()) == 30_000
    assert len([line for line in lines if line.startswith("verified")]) == 4


async def test_a_planted_other_answer_is_found(owner: Database) -> None:
    """A stored amount that changes on the way, and a posting that is lost, are named."""

    class Planted(Probe):
        async def _move(self, buckets: int) -> None:
            await super()._move(buckets)

            async def job(connection: Connection) -> None:
                await connection.execute(
                    "update ledger.journal set amount_grosze = amount_grosze + 1 where stan = 1"
                )
                await connection.execute("delete from ledger.posting where points = 7")

            await self._owner.run(job)

    probe = Planted(owner, Trade(2_000, 100), lambda _: None)
    await probe.run([3])
    assert any("answered otherwise" in line for line in probe.wrong)
    assert any("sums of the books have changed" in line for line in probe.wrong)
    assert any("cached balance" in line for line in probe.wrong)


async def test_an_interrupted_move_leaves_the_books_as_they_were(owner: Database) -> None:
    """What fails on the way leaves nothing behind: the same rows, the same number of buckets."""
    await Probe(owner, Trade(1_000, 100), lambda _: None).run([1])
    rows = "select count(*), min(bucket), max(bucket) from ledger.journal"
    before = await owner.run(lambda c: c.fetchrow(rows))

    async def broken(connection: Connection) -> None:
        async with connection.transaction():
            await rebucket(connection, PROBE, 8)
            await connection.execute("select 1 / 0")

    with pytest.raises(StatementRefused, match="division"):
        await owner.run(broken)
    assert await owner.run(lambda c: c.fetchrow(rows)) == before
