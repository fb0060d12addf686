"""An objection to rules that are announced (Zgierz § 35): to which change, and what it does to the contract.

Owns which change can be objected to, and by when. Must not write SQL. Invariant: the change that is objected
to is the one whoever objects was shown.
"""

from __future__ import annotations

from datetime import date
from typing import NamedTuple

from ledger.errors import NotInRegistry
from ledger.postgres.database import Database
from ops.office.rules_in_force import today, versions_now
from ops.office.seen import Seen, check_seen
from switch.rules.dates import day_of_number
from switch.rules.versions import Version


class AnnouncedChange(NamedTuple):
    """The change of a programme's rules that comes next."""

    holds_from: date
    today: date

    @property
    def ends_on(self) -> date:
        """The last day of a contract whose holder objects: the day before the change."""
        return date.fromordinal(self.holds_from.toordinal() - 1)

    def shown(self) -> dict[str, str]:
        """Return what a form of an objection shows."""
        return {"change": self.holds_from.isoformat()}

    def check(self, seen: Seen) -> None:
        """Raise `ChangedSince` where another change was shown."""
        check_seen(seen, self.shown())


def change_after(version: Version, coming: Version | None) -> AnnouncedChange | None:
    """Return the change from the version in force to the next one; None where none is announced."""
    if coming is None:
        return None
    return AnnouncedChange(day_of_number(coming.calendar.day(coming.from_ms)), today(version))


async def announced_change(database: Database, programme: int) -> AnnouncedChange:
    """Return the change that comes next. Raises NotInRegistry where none is announced."""
    change = await open_change(database, programme)
    if change is None:
        raise NotInRegistry(
            "no change of the rules of programme {programme} is announced", programme=programme
        )
    return change


async def open_change(database: Database, programme: int) -> AnnouncedChange | None:
    """Return the change that can be objected to now; None where none is announced."""
    return change_after(*await versions_now(database, programme))
