"""Owns the campaigns of a programme: what the organiser gives beside the points of sales, when and to whom.

Entered with a reason (and a second person, where the rules want one) for days to come; afterwards only ended.
The database holds all of it (migrations, 0092). Takes the owner's connection, or a programme's own role. Must
not know the books, nor what kinds and flags are called.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any, Final

import msgspec

from ledger.errors import NotInRegistry, RegistryRefused
from ledger.postgres.database import Connection
from ledger.registry.audit import Actor, check_second, writing
from ledger.registry.bounds import (
    ID_MAX,
    INT32_MAX,
    NAME_CHARACTERS_MAX,
    check_number,
    check_page,
    check_text,
)
from ledger.registry.programmes import check_programme

EVERY_DAY: Final = 127
DAY_MINUTES: Final = 1440
PARTNERS_MAX: Final = 1_000
PERCENT_MAX: Final = 1_000
POINTS_MAX: Final = 100_000
CARD_POINTS_MAX: Final = 1_000_000_000
CAMPAIGNS_MAX: Final = 50
"""Of a programme, that run or are to come."""
DAYS_AHEAD_MAX: Final = 731
_THERE: Final = """select registry.today_of($1) as today,
  (select count(*) from registry.partner p where p.id = any($2::int[]) and p.programme = $1) as partners,
  (select count(*) from registry.campaign c where c.programme = $1 and c.ended_at is null
    and c.ends_on >= registry.today_of($1)) as campaigns"""
_ADD: Final = """insert into registry.campaign (programme, name, starts_on, ends_on, weekdays, from_minute,
    until_minute, partners, kinds, flags, percent, points, card_points_max, second_needed)
  values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) returning number"""
_LIST: Final = """
with listed as (select c.* from registry.campaign c
  where c.number > $1 and ($3::smallint is null or c.programme = $3)
    and ($4 or c.ended_at is null and c.ends_on >= registry.today_of(c.programme))
  order by c.number limit $2)
select c.*,
    (c.ended_at is not null or c.ends_on < registry.today_of(c.programme)) as is_over,
    coalesce(g.points, 0) as points_given
  from listed c left join office.given_v1(array(select number from listed)) g on g.campaign = c.number
  order by c.number"""
_END: Final = "update registry.campaign set ended_at = clock_timestamp() where number = $1"


class Campaign(msgspec.Struct, frozen=True, kw_only=True):
    """What is given for which sales. Days are the programme's, `ends_on` included; minutes of its wall clock.

    weekdays: bits, 1 Monday. partners, kinds, flags: empty or 0 for all; who has one of the kinds (on the
    day of the sale) or of the flags takes part. percent of the points of the sale, or points a sale: one of
    the two. card_points_max: of a card in all; 0: no end.
    """

    name: str
    starts_on: date
    ends_on: date
    weekdays: int = EVERY_DAY
    from_minute: int = 0
    until_minute: int = DAY_MINUTES
    partners: tuple[int, ...] = ()
    kinds: int = 0
    flags: int = 0
    percent: int = 0
    points: int = 0
    card_points_max: int = 0


async def add_campaign(
    connection: Connection,
    actor: Actor,
    programme: int,
    campaign: Campaign,
    *,
    second_needed: bool = True,
) -> int:
    """Enter a campaign; return its number. Raises RegistryRefused, NotInRegistry."""
    _check(campaign)
    _check_people(actor, second_needed=second_needed)
    async with writing(connection, actor):
        await check_programme(connection, programme)
        there = await connection.fetchrow(_THERE, programme, list(campaign.partners))
        if not there["today"] < campaign.starts_on <= there["today"] + timedelta(days=DAYS_AHEAD_MAX):
            raise RegistryRefused("a campaign begins on a day to come, within two years")
        if there["partners"] != len(campaign.partners):
            raise NotInRegistry(f"a partner of the campaign is none of programme {programme}")
        if there["campaigns"] >= CAMPAIGNS_MAX:
            raise RegistryRefused(
                f"programme {programme} has {CAMPAIGNS_MAX} campaigns that run or are to come"
            )
        fields = msgspec.structs.asdict(campaign) | {"partners": list(campaign.partners)}
        number: int = await connection.fetchval(_ADD, programme, *fields.values(), second_needed)
    return number


async def end_campaign(connection: Connection, actor: Actor, number: int) -> None:
    """End a campaign now: what is sold from now on has nothing of it; what it gave stays.

    By as many persons as entered it. Raises NotInRegistry, RegistryRefused for one that is over.
    """
    check_number("the number of a campaign", number, 1, ID_MAX)
    async with writing(connection, actor):
        row = await connection.fetchrow(
            "select second_needed, ended_at is not null or ends_on < registry.today_of(programme) as is_over "
            "from registry.campaign where number = $1",
            number,
        )
        if row is None:
            raise NotInRegistry(f"there is no campaign {number}")
        _check_people(actor, second_needed=row["second_needed"])
        if row["is_over"]:
            raise RegistryRefused(f"campaign {number} is over already")
        await connection.execute(_END, number)


async def list_campaigns(
    connection: Connection,
    programme: int | None = None,
    *,
    every: bool = False,
    after: int = 0,
    limit: int = 100,
) -> list[Any]:
    """A page of campaigns that run or are to come (or all), by number, with the points each has given."""
    check_page(limit, after)
    rows: list[Any] = await connection.fetch(_LIST, min(after, INT32_MAX), limit, programme, every)
    return rows


def _check(campaign: Campaign) -> None:
    check_text("the name of a campaign", campaign.name, NAME_CHARACTERS_MAX)
    if not campaign.name.strip():
        raise RegistryRefused("the name of a campaign is of spaces alone")
    days = (campaign.ends_on - campaign.starts_on).days
    if not 0 <= days <= 366:
        raise RegistryRefused("a campaign ends on the day it begins, or up to 366 days later")
    check_number("the weekdays of a campaign", campaign.weekdays, 1, EVERY_DAY)
    check_number("the minute it begins at", campaign.from_minute, 0, DAY_MINUTES - 1)
    check_number("the minute it ends at", campaign.until_minute, campaign.from_minute + 1, DAY_MINUTES)
    check_number("the number of partners", len(campaign.partners), 0, PARTNERS_MAX)
    for partner in campaign.partners:
        check_number("the number of a partner", partner, 1, ID_MAX)
    _check_once(campaign.partners)
    check_number("the extra points in percent", campaign.percent, 0, PERCENT_MAX)
    check_number("the points of a sale", campaign.points, 0, POINTS_MAX)
    if (campaign.percent > 0) == (campaign.points > 0):
        raise RegistryRefused("a campaign gives percent of a sale's points, or points a sale: one of the two")
    check_number("the most points of a card", campaign.card_points_max, 0, CARD_POINTS_MAX)


def _check_once(partners: Sequence[int]) -> None:
    if len(set(partners)) != len(partners):
        raise RegistryRefused("a campaign names each partner once")


def _check_people(actor: Actor, *, second_needed: bool) -> None:
    if not actor.reason.strip():
        raise RegistryRefused("a campaign is entered and ended with a reason, which is kept")
    check_second(actor, "a campaign", needed=second_needed)
