"""The rules of a programme an office works by: the version in force now, as the registry keeps it.

Owns the reading of it, and which day it is there. Must not know what rules mean.
"""

from __future__ import annotations

from datetime import date

from ledger.errors import NotInRegistry
from ledger.postgres.database import Database
from ledger.registry.programmes import list_rules
from switch.clock import clock_ms
from switch.rules.dates import day_of_number
from switch.rules.programme import UNSTATED_SECOND_PERSON, CardRules, SecondPerson
from switch.rules.versions import Version, in_force, read_version


async def version_in_force(database: Database, programme: int) -> Version:
    """Return the version of a programme's rules that holds now. Raises NotInRegistry before the first."""
    version, _ = await versions_now(database, programme)
    return version


async def versions_now(database: Database, programme: int) -> tuple[Version, Version | None]:
    """Return the version that holds now, and the one that comes in force next, if any is announced.

    Raises NotInRegistry before the first.
    """
    versions, now_ms = await _versions(database, programme), clock_ms()
    version = in_force(versions, now_ms)
    if not version.number:
        raise NotInRegistry("programme {programme} has no rules in force yet", programme=programme)
    coming = [version for version in versions if version.from_ms > now_ms]
    return version, min(coming, key=lambda version: (version.from_ms, -version.number), default=None)


async def coming_or_in_force(database: Database, programme: int) -> Version:
    """Return the version of a programme's rules that holds now, else the first to come.

    Raises NotInRegistry without any.
    """
    versions = await _versions(database, programme)
    version = in_force(versions, clock_ms())
    if version.number:
        return version
    if not versions:
        raise NotInRegistry(
            "programme {programme} has no rules yet: they say how its cards are numbered", programme=programme
        )
    return min(versions, key=lambda v: (v.from_ms, -v.number))


async def card_rules(database: Database, programme: int) -> CardRules | None:
    """Return what a programme's rules say of cards: those in force, else those to come; None without any."""
    try:
        return (await coming_or_in_force(database, programme)).rules.card
    except NotInRegistry:
        return None


async def second_person(database: Database, programme: int) -> SecondPerson:
    """Return which acts two persons do by the rules in force; before the first, what holds unsaid."""
    version = in_force(await _versions(database, programme), clock_ms())
    return version.rules.of_second_person() if version.number else UNSTATED_SECOND_PERSON


async def _versions(database: Database, programme: int) -> list[Version]:
    rows = await database.run(lambda c: list_rules(c, programme))
    return [
        read_version(
            programme, row["version"], int(row["effective_from"].timestamp() * 1000), row["rules_toml"]
        )
        for row in rows
    ]


def today(version: Version) -> date:
    """Return the day it is in a programme's time zone."""
    return day_of_number(version.calendar.day(clock_ms()))
