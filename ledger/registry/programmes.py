"""Owns the programmes and the versions of their rules: an operator's writes and views.

Takes the owner's connection. What a rules text means is the caller's to check; a version, once written, stays
as it is. A change reaches the switch through the change feed.
"""

import re
from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any, Final

from ledger.errors import NotInRegistry, RegistryRefused
from ledger.postgres.database import Connection
from ledger.registry.audit import Actor, writing
from ledger.registry.bounds import NAME_CHARACTERS_MAX, PROGRAMME_MAX, check_number, check_text
from ledger.registry.kinds import place_kinds

RULES_CHARACTERS_MAX: Final = 65_536
YEARS: Final = range(1990, 2200)


async def add_programme(
    connection: Connection, actor: Actor, *, programme: int, code: str, name: str
) -> None:
    """Add a programme: number 1..9999, code of up to 32 small letters, digits and underscores."""
    check_number("the number of a programme", programme, 1, PROGRAMME_MAX)
    check_text("the name of a programme", name, NAME_CHARACTERS_MAX)
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,31}", code):
        raise RegistryRefused("a programme has a code like czestochowa")
    async with writing(connection, actor):
        added = await connection.fetchval(
            "insert into registry.programme (id, code, name) values ($1, $2, $3) "
            "on conflict do nothing returning id",
            programme,
            code,
            name,
        )
        if added is None:
            raise RegistryRefused(
                "programme {programme} or its code {code!r} is there already", programme=programme, code=code
            )


async def add_rules(
    connection: Connection,
    actor: Actor,
    *,
    programme: int,
    effective_from: datetime,
    rules_toml: str,
    time_zone: str = "Europe/Warsaw",
    kind_steps: Sequence[tuple[int, int]] = (),
) -> int:
    """Add the next version of a programme's rules and return its number. The text is the caller's to check,
    and so is what follows from it: the time zone of its days, and from which completed year of life on which
    set of kinds of holder holds.
    """
    if not 1 <= len(rules_toml) <= RULES_CHARACTERS_MAX or "\0" in rules_toml:
        raise RegistryRefused("rules have 1 to {most} characters, and no NUL", most=RULES_CHARACTERS_MAX)
    if effective_from.tzinfo is None:
        raise RegistryRefused("the moment from which rules hold needs a time zone")
    check_number("the year from which rules hold", effective_from.year, YEARS[0], YEARS[-1])
    async with writing(connection, actor):
        await check_programme(connection, programme)
        version: int = await connection.fetchval(
            "insert into registry.programme_version "
            "(programme, version, effective_from, rules_toml, time_zone) "
            "select $1::smallint, coalesce(max(version), 0) + 1, $2, $3, $4 "
            "from registry.programme_version where programme = $1 returning version",
            programme,
            effective_from.astimezone(UTC),
            rules_toml,
            time_zone,
        )
        if kind_steps:
            await connection.execute(
                "insert into registry.kind_step (programme, version, from_age, kinds) "
                "select $1, $2, * from unnest($3::smallint[], $4::integer[])",
                programme,
                version,
                [from_age for from_age, _ in kind_steps],
                [kinds for _, kinds in kind_steps],
            )
        await place_kinds(connection, programme, None)
    return version


async def check_programme(connection: Connection, programme: int) -> None:
    """Raise NotInRegistry if there is no such programme."""
    check_number("the number of a programme", programme, 1, PROGRAMME_MAX)
    if not await connection.fetchval("select true from registry.programme where id = $1", programme):
        raise NotInRegistry("there is no programme {programme}", programme=programme)


async def suspend_programme(
    connection: Connection,
    actor: Actor,
    programme: int,
    suspended_from: datetime,
    suspended_until: datetime | None,
) -> None:
    """Suspend a programme from a moment until another (None: until it is resumed).

    Every other suspension stays; those that meet become one. Raises RegistryRefused where it is suspended
    for all of that time already, and where it has been called off by then: nothing is left to suspend.
    """
    if suspended_until is not None and suspended_until <= suspended_from:
        raise RegistryRefused("a suspension ends after it began")
    for moment in (suspended_from, suspended_until):
        if moment is not None:
            check_number("the year of a suspension", moment.year, YEARS[0], YEARS[-1])
    async with writing(connection, actor):
        await check_programme(connection, programme)
        was_suspended = await connection.fetchval(
            "update registry.programme p set suspended = was.suspended + tstzmultirange(tstzrange($2, $3)) "
            "from registry.programme was "
            "where p.id = $1 and was.id = $1 and (p.ended_from is null or p.ended_from > $2) "
            "returning was.suspended @> tstzrange($2, $3)",
            programme,
            suspended_from,
            suspended_until,
        )
        if was_suspended:
            raise RegistryRefused(
                "programme {programme} is suspended for all of that time already", programme=programme
            )
        if was_suspended is None:
            raise RegistryRefused(
                "programme {programme} is called off by then, which is for good", programme=programme
            )


async def resume_programme(connection: Connection, actor: Actor, programme: int, now: datetime) -> None:
    """End the suspension that runs, now; where none does, the next to come never begins. All others stay.

    Raises RegistryRefused for a programme that has been called off: nothing takes it up again.
    """
    async with writing(connection, actor):
        await check_programme(connection, programme)
        changed = await connection.fetchval(
            "update registry.programme set suspended = suspended - coalesce((select tstzmultirange(period * "
            "tstzrange($2, null)) from unnest(suspended) as period where period && tstzrange($2, null) "
            "order by period limit 1), '{}') "
            "where id = $1 and (ended_from is null or ended_from > $2) returning id",
            programme,
            now,
        )
        if changed is None:
            raise RegistryRefused(
                "programme {programme} has been called off, which is for good", programme=programme
            )


async def call_off_programme(
    connection: Connection, actor: Actor, programme: int, ended_from: datetime, now: datetime
) -> None:
    """Call a programme off, for good, from a moment on; until that has come it may be put off."""
    check_number("the year of an end", ended_from.year, YEARS[0], YEARS[-1])
    async with writing(connection, actor):
        await check_programme(connection, programme)
        changed = await connection.fetchval(
            "update registry.programme set ended_from = $2 "
            "where id = $1 and (ended_from is null or ended_from > $3) returning id",
            programme,
            ended_from,
            now,
        )
        if changed is None:
            raise RegistryRefused(
                "programme {programme} has been called off, which is for good", programme=programme
            )


async def today_of(connection: Connection, programme: int) -> date:
    """Return the day it is in a programme's time zone, by the rules in force; Warsaw's before any."""
    day: date = await connection.fetchval("select registry.today_of($1)", programme)
    return day


async def list_programmes(connection: Connection) -> list[Any]:
    """All programmes: id, code, name, suspended (ranges of moments, in order), ended_from."""
    rows: list[Any] = await connection.fetch(
        "select id, code, name, suspended, ended_from from registry.programme order by id"
    )
    return rows


async def list_zones(connection: Connection) -> list[Any]:
    """All programmes: id, code, and the time zone by the rules in force."""
    rows: list[Any] = await connection.fetch(
        "select id, code, registry.zone_of_v1(id, now()) as zone from registry.programme order by id"
    )
    return rows


async def list_rules(connection: Connection, programme: int) -> list[Any]:
    """All versions of a programme's rules, newest first: version, effective_from, rules_toml."""
    check_number("the number of a programme", programme, 1, PROGRAMME_MAX)
    rows: list[Any] = await connection.fetch(
        "select version, effective_from, rules_toml from registry.programme_version "
        "where programme = $1 order by version desc",
        programme,
    )
    return rows
