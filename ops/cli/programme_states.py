"""`cityswitch programmes suspend | resume | call-off`: a programme is stopped for a time, or for good.

Owns the three subcommands (Żywiec § 6: it runs until it is called off or suspended). Must not know what a
terminal is told meanwhile. Invariant: both ways of stopping are asked about, and want a reason.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Annotated
from zoneinfo import ZoneInfo

from cyclopts import Parameter

from ledger.postgres.database import Connection
from ledger.registry.programmes import (
    call_off_programme,
    list_rules,
    resume_programme,
    suspend_programme,
)
from ops.cli.help_texts import examples
from ops.cli.programmes import DAY, app, moment_text, parse_moment
from ops.cli.registry_options import NOBODY, UNSURE, By, BySure, Json, pick_programme, tell_done
from ops.errors import CommandError
from ops.exit_codes import Exit
from ops.office.publish import notice_of
from ops.place.database import changing
from ops.place.options import HERE, Place

From = Annotated[
    str | None,
    Parameter(name="--from", help="A day, from its midnight on, or a moment with a time zone; now."),
]


@app.command(
    help_epilogue=examples(
        "programmes suspend czestochowa --reason 'the city moves' --from 2027-07-01 --until 2027-07-31",
        "programmes suspend zywiec --reason 'until further notice'",
    )
)
async def suspend(
    programme: str | None = None,
    /,
    *,
    begins: From = None,
    until: Annotated[
        str | None, Parameter(help="The last day of it, or a moment; without it until it is resumed.")
    ] = None,
    by: BySure = UNSURE,
    json: Json = False,
    place: Place = HERE,
) -> None:
    """Suspend a programme: every terminal gets a clear refusal; it comes back by itself, or when resumed.

    Every other suspension stays. Sales made offline before it are still taken.
    """
    actor, now = by.told(), datetime.now(UTC)
    async with changing(place) as database:
        number, zone = await database.run(lambda connection: _programme(connection, programme))
        since, end = _since(begins, zone, now), _end_of(until, zone)
        told = f"from {moment_text(since, zone)} until {moment_text(end, zone) if end else 'it is resumed'}"
        by.confirm(f"Suspend programme {number} {told}: all its terminals are refused")
        await database.run(lambda connection: suspend_programme(connection, actor, number, since, end))
    tell_done(
        f"Programme {number} is suspended {told}.",
        {
            "id": number,
            "suspended_from": since.isoformat(),
            "suspended_until": end.isoformat() if end else None,
        },
        as_json=json,
        again="programmes list",
    )


@app.command(help_epilogue=examples("programmes resume czestochowa"))
async def resume(
    programme: str | None = None, /, *, by: By = NOBODY, json: Json = False, place: Place = HERE
) -> None:
    """Take a suspended programme up again, now; where it runs, the next suspension to come is taken back.

    All others stay.
    """
    actor, now = by.told(), datetime.now(UTC)
    async with changing(place) as database:
        number = await database.run(lambda connection: pick_programme(connection, programme))
        await database.run(lambda connection: resume_programme(connection, actor, number, now))
    tell_done(f"Programme {number} is not suspended.", {"id": number}, as_json=json, again="programmes list")


@app.command(
    name="call-off",
    help_epilogue=examples("programmes call-off zywiec --from 2027-12-31 --reason 'resolution 12/2027'"),
)
async def call_off(
    programme: str | None = None,
    /,
    *,
    begins: From = None,
    by: BySure = UNSURE,
    json: Json = False,
    place: Place = HERE,
) -> None:
    """Call a programme off for good: from then on every terminal is refused, and nothing takes it up again.

    Sales made offline before it are still taken, and what was done can be reversed.
    """
    actor, now = by.told(), datetime.now(UTC)
    async with changing(place) as database:
        number, zone = await database.run(lambda connection: _programme(connection, programme))
        since = _since(begins, zone, now)
        told = moment_text(since, zone)
        by.confirm(f"Call programme {number} off from {told} on, for good")
        await database.run(lambda connection: call_off_programme(connection, actor, number, since, now))
    tell_done(
        f"Programme {number} is called off from {told} on.",
        {"id": number, "ended_from": since.isoformat()},
        as_json=json,
        again="programmes list",
    )


async def _programme(connection: Connection, wanted: str | None) -> tuple[int, ZoneInfo]:
    """Return the number of the programme wanted and the time zone of its days. Raises `CommandError`."""
    number = await pick_programme(connection, wanted)
    rows = await list_rules(connection, number)
    return number, notice_of(rows[0]["rules_toml"])[1] if rows else ZoneInfo("UTC")


def _since(text: str | None, zone: ZoneInfo, now: datetime) -> datetime:
    """Return the moment from which; today means now. Raises `CommandError` for what is past."""
    moment = parse_moment(text, zone)
    if moment is None or (DAY.fullmatch(text or "") and moment.date() == now.astimezone(zone).date()):
        return now
    if moment < now:
        raise CommandError(Exit.USAGE, f"{text} is past.", "A programme is stopped from now on, or later.")
    return moment


def _end_of(text: str | None, zone: ZoneInfo) -> datetime | None:
    """Return the moment at which a last day is over, or the moment itself. Raises `CommandError`."""
    moment = parse_moment(text, zone)
    if text is None or moment is None or not DAY.fullmatch(text):
        return moment
    following = date.fromordinal(moment.date().toordinal() + 1)
    return datetime(following.year, following.month, following.day, tzinfo=zone)
