"""The rules an office works by: read once, and another text is read anew."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar, cast

from ledger.postgres.database import Database
from ops.office.rules_in_force import version_in_force

T = TypeVar("T")
RULES = (Path(__file__).parents[2] / "switch" / "rules" / "programmes" / "zgierz.toml").read_text("utf-8")
RENAMED = RULES.replace("Zgierska Karta Mieszkańca", "Karta po zmianie")


class Kept:
    """A registry that has one version of the rules, whose text may be put anew."""

    def __init__(self) -> None:
        self.text = RULES

    async def run(self, _job: Callable[[Any], Awaitable[T]]) -> Any:
        return [{"version": 1, "effective_from": datetime(2024, 1, 1, tzinfo=UTC), "rules_toml": self.text}]


async def test_rules_are_read_once_and_anew_when_their_text_is_another() -> None:
    """A page that asks again gets the very version that was read; after a change it gets the change."""
    kept = Kept()
    database = cast(Database, kept)
    first = await version_in_force(database, 3)
    assert await version_in_force(database, 3) is first
    kept.text = RENAMED
    assert RENAMED != RULES
    assert (await version_in_force(database, 3)).rules.programme.name == "Karta po zmianie"
