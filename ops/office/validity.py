"""Until when a card is valid that an office adds, orders, imports, hands over or renews on a day.

Owns the one rule of it: a day that is named is no later than the programme's term from the day of issue, and
what is handed over without one gets the last day of that term (Żywiec § 3). Must not know how a day is asked
for, nor write one.
"""

from __future__ import annotations

from datetime import date
from typing import NamedTuple

from ledger.errors import RegistryRefused
from ledger.postgres.database import Database
from ledger.registry.card_states import WAITING, CardStatus
from ops.office.rules_in_force import coming_or_in_force, today
from switch.rules.programme import CardRules


class Validity(NamedTuple):
    """What a programme's rules say of cards, and the day they are issued on: today, in its time zone."""

    rules: CardRules
    issued: date

    def fault(self, wanted: date | None) -> str:
        """Return why a last day cannot be had, and which is the latest; "" where it can."""
        return "" if wanted is None else self.rules.last_day_fault(wanted, self.issued)

    def last_day(self, wanted: date | None, status: CardStatus = CardStatus.ACTIVE) -> date | None:
        """Return the last day of a card that begins in a state: as wanted, else (unless it waits to be handed
        over) as the rules say. Raises RegistryRefused.
        """
        if why := self.fault(wanted):
            raise RegistryRefused("expires_on: {why}", why=why)
        if wanted is not None or status in WAITING:
            return wanted
        return self.rules.valid_until(self.issued)

    def check_not_over(self, last_day: date | None) -> None:
        """Raise RegistryRefused for a card whose last day is over: another one in its place would inherit it
        (Żywiec § 3: a duplicate "w okresie terminu jej ważności").
        """
        if last_day is not None and last_day < self.issued:
            raise RegistryRefused("this card was valid until {day}: renew it first", day=last_day)


async def validity_of(database: Database, programme: int) -> Validity:
    """Return until when cards of a programme may be valid. Raises NotInRegistry before its first rules."""
    version = await coming_or_in_force(database, programme)
    return Validity(version.rules.card, today(version))
