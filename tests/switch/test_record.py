"""What decided a request is recorded with it, and is what held at that very moment."""

from pathlib import Path
from typing import Any

import pytest

from ledger.postgres.database import Connection, Database
from protocol import BenefitUse, Earn, Redeem, Refund, Request, ResultCode
from switch.rules.states import States
from tests.entries import SWIPED
from tests.postgres import FreshDatabase
from tests.switch.memory import CARD, make_directory
from tests.switch.offers import publish_published
from tests.switch.test_benefit_flow import ask, known
from tests.switch.test_worker import running_worker

SINCE_MS, UNTIL_MS = 1_000_000, 2_000_000


@pytest.mark.parametrize(
    ("now_ms", "code"),
    [(SINCE_MS - 1, 0), (SINCE_MS, ResultCode.PROGRAMME_SUSPENDED), (UNTIL_MS - 1, 30), (UNTIL_MS, 0)],
)
def test_a_moment_is_decided_by_what_holds_at_it(now_ms: int, code: int) -> None:
    """No turn of rules or of a suspension is noticed late, and a clock that goes back is followed."""
    directory = make_directory()
    programme = directory.programmes[1]
    programme.states = States(((SINCE_MS, UNTIL_MS),))
    directory.choose_versions(1)
    for moment_ms in (3 * UNTIL_MS, now_ms, SINCE_MS, now_ms):
        directory.keep_time(moment_ms)
    assert programme.refusal == code


async def test_a_row_holds_what_its_decision_was_made_of(
    fresh: FreshDatabase, owner: Database, tmp_path: Path
) -> None:
    """The registry's change number for each; of a refusal as well tier, amount to pay, offer and sale."""
    async with running_worker(fresh, owner, tmp_path) as running:
        await owner.run(publish_published)
        await known(running, 12)
        line = await running.line()
        asked: list[tuple[Request, dict[str, int]]] = [
            (Earn(1, 0, CARD, SWIPED, 5_000), {"tier": 0, "basis": 0}),
            (Redeem(2, 0, CARD, SWIPED, 101, 2_000), {"tier": 101, "basis": 2_000, "code": 53}),
            (Redeem(3, 0, CARD, SWIPED, 100, -2), {"tier": 100, "basis": -2, "code": 51}),
            (Redeem(4, 0, CARD, SWIPED, 500, 9_000), {"tier": 500, "basis": 9_000, "code": 60}),
            (BenefitUse(5, 0, CARD, SWIPED, 99, 500, 0), {"offer": 99, "code": 55}),
            (
                Refund(6, 0, CARD, SWIPED, 77, 1, 500),
                {"original_terminal": 77, "original_stan": 1, "code": 27},
            ),
        ]
        for request, _ in asked:
            await ask(line, request)

        async def rows(connection: Connection) -> list[Any]:
            return await connection.fetch("select * from ledger.journal where terminal = 1 order by stan")

        async def bounds(connection: Connection) -> Any:
            newest = (
                "select max(changed), (select last_value from registry.change_number) from registry.offer"
            )
            return await connection.fetchrow(newest)

        oldest, newest = await owner.run(bounds)
        for (_, told), row in zip(asked, await owner.run(rows), strict=True):
            assert {name: row[name] or 0 for name in told} == told
            assert oldest <= row["registry_number"] <= newest
