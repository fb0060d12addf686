"""Every row of a journal is explained: why, where it stands, and what decided."""

from pathlib import Path

import pytest

from ledger.errors import NotInRegistry
from ledger.postgres.database import Database
from ops.cli.explain import fields, lines
from ops.office.explain import Explanation, explain
from tests.ops.test_redecide import a_day
from tests.postgres import FreshDatabase
from tests.switch.memory import CARD
from tests.switch.test_worker import running_worker


async def test_every_row_of_a_day_is_explained_without_the_card(
    fresh: FreshDatabase, owner: Database, tmp_path: Path
) -> None:
    """Both languages, a paragraph for each, what was known then, and of the card its last four digits."""
    async with running_worker(fresh, owner, tmp_path) as running:
        await a_day(running, owner)
    stans = [row["stan"] for row in await owner.run(lambda c: c.fetch("select stan from ledger.journal"))]
    told: dict[int, Explanation] = {}
    for stan in stans:
        told[stan] = await owner.run(lambda c, stan=stan: explain(c, 1, stan))  # type: ignore[misc]
        text = "\n".join([*lines(told[stan], "pl"), *lines(told[stan], "en"), str(fields(told[stan]))])
        assert not told[stan].problem
        assert told[stan].paragraphs
        assert CARD not in text
        assert "?" not in text
    by_code = {int(each.code): {fact.key: fact.en for fact in each.facts} for each in told.values()}
    assert by_code[45]["card_state"] == "blocked"
    assert by_code[31]["partner_state"] == "suspended"
    assert by_code[30]["programme_state"] == "suspended"
    assert (by_code[60]["tier"], by_code[60]["card"]) == ("500", f"****{CARD[-4:]}")
    earn, benefit = ({fact.key: fact.en for fact in told[stan].facts} for stan in (1, 5))
    assert (earn["step"], earn["points"], earn["card_state"]) == ("10.00 zł", "+123", "active")
    assert (benefit["offer"], benefit["offer_version"], benefit["discount"]) == ("7", "1", "1.00 zł")
    assert max(each.rules_version for each in told.values()) == 2


async def test_what_is_not_there_is_not_explained(owner: Database) -> None:
    """A STAN that the journal does not have is named."""
    with pytest.raises(NotInRegistry, match="terminal 1 has no STAN 5"):
        await owner.run(lambda connection: explain(connection, 1, 5))
