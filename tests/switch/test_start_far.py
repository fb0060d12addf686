"""A start far from Postgres: so many answers it waits for one after another, and no more."""

from pathlib import Path
from typing import Any

import pytest

from ledger.postgres.database import Database
from ledger.postgres.straight import StraightConnection
from ledger.registry.secrets import MasterKey
from protocol import Earn
from tests.entries import SWIPED
from tests.far import far_postgres
from tests.postgres import FreshDatabase
from tests.switch.city import seed
from tests.switch.memory import CARD
from tests.switch.test_outage import worker_beside

ROUNDS_MAX = 24
ANSWERS_MAX = 80
SALE_ROUNDS_MAX = 6
"""Of a terminal's first words, with what the worker says of itself meanwhile."""


@pytest.mark.usefixtures("postgres")
async def test_a_start_waits_for_few_answers(
    fresh: FreshDatabase, owner: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From nothing to a worker that serves, and to its first sale; nothing is asked of types."""
    asked_of_types: list[Any] = []

    async def introspect(self: StraightConnection, types: Any, timeout: Any) -> Any:
        asked_of_types.append(types)
        return await super(StraightConnection, self)._introspect_types(types, timeout)

    monkeypatch.setattr(StraightConnection, "_introspect_types", introspect)
    master = MasterKey.create(tmp_path / "master.key")
    await seed(owner, master)
    async with far_postgres(fresh.service_dsn, tmp_path) as far, worker_beside(far.dsn, master) as beside:
        await beside.ready.wait()
        answers, rounds = far.answers, far.rounds
        line = await beside.line()
        sold = await line.ask(Earn(stan=1, terminal_time=0, card=CARD, entry=SWIPED, amount=1_000))
        sale_rounds = far.rounds - rounds
        await line.stream.aclose()
    print(f"{rounds} rounds, {answers} answers; then {sale_rounds} to the first sale")
    assert sold.code == 0
    assert rounds <= ROUNDS_MAX
    assert answers <= ANSWERS_MAX
    assert sale_rounds <= SALE_ROUNDS_MAX
    assert asked_of_types == []
