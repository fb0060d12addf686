"""Today is a day of the programme's calendar, never the machine's nor the server's."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from ledger.errors import RegistryRefused
from ledger.postgres.database import Database
from ledger.registry.holder_imports import NewHolder, add_holders
from ledger.registry.imports import Import
from ledger.registry.people import Person, change_person
from ledger.registry.programmes import add_rules
from tests.days import clear_of_midnight, today
from tests.ledger.books import TESTER, found_registry
from tests.switch.memory import MASTER_KEY


async def add(owner: Database, token: int, born: date) -> Import:
    """Give a card a holder born on a day."""
    return await owner.run(
        lambda c: add_holders(
            c, TESTER, MASTER_KEY.vault, 1, [NewHolder(token, person=Person("x", born_on=born))]
        )
    )


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Etc/GMT+12"])
async def test_today_is_the_programme_s_day(owner: Database, zone: str) -> None:
    """Whoever is born today by the city's calendar has been born, tomorrow's are not: one of these zones has
    another date than the machine's at any hour.
    """
    clear_of_midnight(ZoneInfo(zone))
    await owner.run(lambda c: found_registry(c, 2))
    now = datetime.now(UTC)
    await owner.run(
        lambda c: add_rules(c, TESTER, programme=1, effective_from=now, rules_toml="x", time_zone=zone)
    )
    day = today(zone)
    for number, born, added in ((1000, day, 1), (1001, day + timedelta(1), 0)):
        done = await add(owner, number, born)
        assert (done.added, [refusal.column for refusal in done.refused]) == (added, ["born_on"][added:])
    await add(owner, 1001, day)
    with pytest.raises(RegistryRefused, match="in the future"):
        await owner.run(
            lambda c: change_person(c, TESTER, MASTER_KEY.vault, 1001, {"born_on": day + timedelta(1)})
        )
