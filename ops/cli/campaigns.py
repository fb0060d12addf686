"""`cityswitch campaigns`: extra points the organiser gives, by partner, day, hour and kind of holder.

Owns these subcommands. Must not do an office's work itself: `ops.office.campaigns` and the registry do.
"""

from __future__ import annotations

from typing import Annotated, Any

from cyclopts import App, Parameter
from msgspec import structs

from ledger.registry.campaigns import Campaign, add_campaign, end_campaign, list_campaigns
from ops.cli.contracts import day_of
from ops.cli.help_texts import examples
from ops.cli.registry_options import (
    FIRST_PAGE,
    NOBODY,
    UNSURE,
    By,
    BySure,
    Json,
    Page,
    Programme,
    pick_programme,
    tell_done,
)
from ops.office.campaigns import codes_of, hours_text, masks, minutes_of, names_of, weekday_names, weekdays_of
from ops.office.rules_in_force import second_person, version_in_force
from ops.output import Row, print_rows
from ops.place.database import changing, looking
from ops.place.options import HERE, Place

app = App(
    name="campaigns",
    help="Campaigns: extra points from the organiser for sales by partner, day, hour and kind of holder.",
    help_epilogue=examples(
        "campaigns add 'Double Saturday' --from 2027-03-06 --until 2027-03-06 --percent 100"
        " --reason 'order 7' --second maria",
        "campaigns list --all",
    ),
)
SHOWN = ("campaign", "name", "state", "starts_on", "ends_on", "weekdays", "hours", "percent", "points_a_sale",
         "card_points_max", "points_given")  # fmt: skip
NARROW = ("campaign", "name", "state", "starts_on", "ends_on", "points_given")


@app.command(
    help_epilogue=examples(
        "campaigns add 'Double Saturday' --from 2027-03-06 --until 2027-03-06 --percent 100"
        " --reason 'order 7' --second maria",
        "campaigns add 'Seniors at noon' --from 2027-03-01 --until 2027-03-31 --points 5 --cap 50"
        " --weekday tue,thu --hours 10:00-14:00 --kind senior --partner 8001 --partner 8002"
        " --reason 'order 8' --second maria",
    )
)
async def add(
    name: Annotated[str, Parameter(help="What it is called.")],
    /,
    *,
    from_: Annotated[str, Parameter(name="--from", help="Its first day; one that is to come.")],
    until: Annotated[str, Parameter(help="Its last day.")],
    percent: Annotated[
        int, Parameter(help="Extra points in percent of those of the sale, rounded down; 100 doubles them.")
    ] = 0,
    points: Annotated[int, Parameter(help="Or so many extra points for each sale that earns points.")] = 0,
    cap: Annotated[int, Parameter(help="The most a card has of it in all; 0: no end.")] = 0,
    weekday: Annotated[list[str] | None, Parameter(help="Only on these: mon,tue, …, sun.")] = None,
    hours: Annotated[str, Parameter(help="Only then, like 10:00-14:00; 24:00 ends the day.")] = "",
    kind: Annotated[
        list[str] | None,
        Parameter(help="Only holders of these kinds or flags, as the rules name them."),
    ] = None,
    partner: Annotated[
        list[int] | None, Parameter(help="Only sales at this partner; may be named again and again.")
    ] = None,
    programme: Programme = None,
    by: By = NOBODY,
    json: Json = False,
    place: Place = HERE,
) -> None:
    """Enter a campaign; wants --reason. Points follow each sale within minutes.

    And --second where the programme's rules do (`[second_person] campaigns`).
    """
    actor = by.told()
    from_minute, until_minute = minutes_of(hours)
    campaign = Campaign(
        name=name,
        starts_on=day_of("--from", from_),
        ends_on=day_of("--until", until),
        weekdays=weekdays_of(_parts(weekday)),
        from_minute=from_minute,
        until_minute=until_minute,
        partners=tuple(partner or ()),
        percent=percent,
        points=points,
        card_points_max=cap,
    )
    async with changing(place) as database:
        chosen = await database.run(lambda c: pick_programme(c, programme))
        kinds, flags = await masks(database, chosen, _parts(kind))
        whole = structs.replace(campaign, kinds=kinds, flags=flags)
        needed = (await second_person(database, chosen)).campaigns
        number = await database.run(lambda c: add_campaign(c, actor, chosen, whole, second_needed=needed))
    tell_done(
        f"Campaign {number} is entered: {campaign.starts_on} to {campaign.ends_on}.",
        {
            "campaign": number,
            "starts_on": campaign.starts_on.isoformat(),
            "ends_on": campaign.ends_on.isoformat(),
        },
        as_json=json,
        again="campaigns list",
    )


@app.command(name="list", help_epilogue=examples("campaigns list", "campaigns list --all --json"))
async def list_(
    *,
    every: Annotated[bool, Parameter(name="--all", help="Those that are over, too.")] = False,
    programme: Programme = None,
    page: Page = FIRST_PAGE,
    json: Json = False,
    place: Place = HERE,
) -> None:
    """List the campaigns of a programme that run or are to come, with the points each has given."""
    async with looking(place) as database:
        chosen = await database.run(lambda c: pick_programme(c, programme))
        found = await database.run(
            lambda c: list_campaigns(c, chosen, every=every, after=page.after, limit=page.limit)
        )
        kinds, flags = codes_of((await version_in_force(database, chosen)).rules) if found else ({}, {})
    rows = [_shown(row, [*names_of(kinds, row["kinds"]), *names_of(flags, row["flags"])]) for row in found]
    print_rows(rows, SHOWN, as_json=json, empty="No campaign runs.", narrow=NARROW)


@app.command(help_epilogue=examples("campaigns end 3 --reason 'order 9' --second maria --yes"))
async def end(
    number: Annotated[int, Parameter(help="Number of the campaign, as `campaigns list` lists it.")],
    /,
    *,
    by: BySure = UNSURE,
    json: Json = False,
    place: Place = HERE,
) -> None:
    """End a campaign now: what is sold from now on has nothing of it, what it gave stays.

    Wants --second where it was entered with one.
    """
    actor = by.told()
    by.confirm(f"End campaign {number}")
    async with changing(place) as database:
        await database.run(lambda c: end_campaign(c, actor, number))
    tell_done(
        f"Campaign {number} has ended.", {"campaign": number}, as_json=json, again="campaigns list --all"
    )


def _parts(given: list[str] | None) -> list[str]:
    """Return what was given one by one or with commas between, in small letters."""
    return [part.strip().lower() for one in given or () for part in one.split(",") if part.strip()]


def _shown(row: Any, kinds: list[str]) -> Row:
    """Return a campaign as it is listed; `partners` and `kinds` empty: all."""
    return {
        "campaign": row["number"],
        "name": row["name"],
        "state": "over" if row["is_over"] else "entered",
        "starts_on": row["starts_on"].isoformat(),
        "ends_on": row["ends_on"].isoformat(),
        "weekdays": " ".join(weekday_names(row["weekdays"])),
        "hours": hours_text(row["from_minute"], row["until_minute"]),
        "percent": row["percent"],
        "points_a_sale": row["points"],
        "card_points_max": row["card_points_max"],
        "points_given": row["points_given"],
        "kinds": " ".join(kinds),
        "partners": " ".join(map(str, row["partners"])),
        "reason": row["reason"],
        "made_by": row["made_by"],
        "agreed_by": row["agreed_by"],
        "ended_at": row["ended_at"] and f"{row['ended_at']:%Y-%m-%d %H:%M:%S}",
    }
