"""The seeded city in a real registry: complete, idempotent, and never mixed with another seed's."""

from pathlib import Path

import pytest

from ledger.postgres.database import Connection, Database
from ledger.registry.card_states import CardStatus
from ledger.registry.secrets import MasterKey
from simulators.city.population import Population
from simulators.city.seeding import SeedConflict, SeedReport, seed_city

CITY = Population("test", cards=600, partners=4, terminals=6)


@pytest.fixture
def master(tmp_path: Path) -> MasterKey:
    return MasterKey.create(tmp_path / "master.key")


async def count(connection: Connection) -> dict[str, int]:
    tables = ("programme", "programme_version", "partner", "terminal", "terminal_key", "card")
    found = {name: await connection.fetchval(f"select count(*) from registry.{name}") for name in tables}
    found["account"] = await connection.fetchval("select count(*) from ledger.account")
    for status in CardStatus:
        found[status.name] = await connection.fetchval(
            "select count(*) from registry.card where status = $1", int(status)
        )
    return found


async def test_a_city_is_written_once(owner: Database, master: MasterKey) -> None:
    """Everything is there after the first run; the second adds nothing; growing adds only what is new."""
    progress: list[tuple[str, int, int]] = []
    report = await seed_city(owner, CITY, master, on_progress=lambda *step: progress.append(step))
    assert report == SeedReport(partners=4, terminals=6, keys=6, cards=600, duplicates=2)
    written = await owner.run(count)
    assert written["card"] == 602
    assert written["account"] == 600
    assert (written["BLOCKED"], written["WANTED"], written["REPLACED"]) == (3, 2, 2)
    assert progress[-1] == ("cards", 600, 600)
    assert await seed_city(owner, CITY, master) == SeedReport(0, 0, 0, 0, 0)
    assert await owner.run(count) == written
    larger = Population("test", cards=700, partners=5)
    assert await seed_city(owner, larger, master) == SeedReport(1, 0, 0, 100, 1)


async def test_another_seed_is_refused_before_anything_is_written(owner: Database, master: MasterKey) -> None:
    """A second city would share terminal numbers with the first and lock its terminals out."""
    await seed_city(owner, CITY, master)
    written = await owner.run(count)
    with pytest.raises(SeedConflict, match="another seed"):
        await seed_city(owner, Population("other", cards=600, partners=4), master)
    assert await owner.run(count) == written
