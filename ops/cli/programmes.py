"""`cityswitch programmes`: the rules of each city card programme, applied from a file and kept by version.

Owns the subcommands. Must not know what rules mean: `switch.programme` checks them, the registry keeps them.
Invariant: nothing is applied that the switch could not load.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Parameter

from ledger.postgres.database import Connection
from ledger.registry.audit import Actor
from ledger.registry.programmes import (
    add_programme,
    add_rules,
    list_programmes,
    list_rules,
    set_programme_status,
)
from ledger.registry.reads import Status
from ops.cli.help_texts import examples
from ops.cli.registry_options import NOBODY, UNSURE, By, BySure, Json, pick_programme, tell_done
from ops.errors import CommandError
from ops.exit_codes import Exit
from ops.output import print_json, print_line, print_rows
from ops.place.database import changing, looking
from ops.place.options import HERE, Place
from switch.rules.programme import Rules, parse_rules

app = App(
    name="programmes",
    help="Programmes and their rules.",
    help_epilogue=examples("programmes apply switch/rules/programmes/czestochowa.toml", "programmes list"),
)
STATUS_NAMES = {Status.ACTIVE: "active", Status.STOPPED: "suspended"}


@app.command(
    help_epilogue=examples(
        "programmes apply switch/rules/programmes/czestochowa.toml",
        "programmes apply new-rules.toml --effective-from 2027-01-01T00:00+01:00",
    )
)
async def apply(
    file: Annotated[Path, Parameter(help="Rules as TOML.")],
    /,
    *,
    effective_from: Annotated[
        str | None, Parameter(help="From when they hold, with a time zone; now.")
    ] = None,
    by: By = NOBODY,
    json: Json = False,
    place: Place = HERE,
) -> None:
    """Check a rules file and make it the programme's next version."""
    moment, actor = parse_moment(effective_from), by.told()
    text, rules = read_rules(file)

    async def job(connection: Connection) -> int | None:
        return await apply_rules(connection, actor, rules, text, moment)

    async with changing(place) as database:
        version = await database.run(job)
    identity = rules.programme
    if version is None:
        told = f"Programme {identity.number} {identity.code}: these are its newest rules already."
    else:
        told = (
            f"Programme {identity.number} {identity.code}: version {version} holds from {moment.isoformat()}."
        )
    fields = {"programme": identity.number, "version": version, "effective_from": moment.isoformat()}
    tell_done(told, fields, as_json=json, again="programmes show")


def parse_moment(text: str | None) -> datetime:
    """Return the moment of an ISO 8601 text with a time zone, or now. Raises `CommandError`."""
    if text is None:
        return datetime.now(UTC).replace(microsecond=0)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise CommandError(
            Exit.USAGE, f"'{text}' is no moment with a time zone.", "Write it like 2027-01-01T00:00+01:00."
        )
    return moment


def read_rules(file: Path) -> tuple[str, Rules]:
    """Return a rules file's text and what it says. Raises `CommandError` or `RulesError`, the file named."""
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
        raise CommandError(Exit.CONFIGURATION, f"{file}: {why}.", "Check the path and the file.") from None
    return text, parse_rules(text, source=str(file))


async def apply_rules(
    connection: Connection, actor: Actor, rules: Rules, text: str, moment: datetime
) -> int | None:
    """Add the programme if new, and the rules unless they are its newest; return their version, or None."""
    identity = rules.programme
    known = {row["id"]: row["code"] for row in await list_programmes(connection)}
    if identity.number not in known:
        await add_programme(
            connection, actor, programme=identity.number, code=identity.code, name=identity.name
        )
    elif known[identity.number] != identity.code:
        raise CommandError(
            Exit.CONFIGURATION,
            f"programme {identity.number} is {known[identity.number]}, not {identity.code}.",
            "Correct key 'programme.number' in the file.",
        )
    newest: list[Any] = await list_rules(connection, identity.number)
    if newest and newest[0]["rules_toml"] == text:
        return None
    return await add_rules(
        connection, actor, programme=identity.number, effective_from=moment, rules_toml=text
    )


@app.command(name="list", help_epilogue=examples("programmes list", "programmes list --json"))
async def list_(*, json: Json = False, place: Place = HERE) -> None:
    """List the programmes."""
    async with looking(place) as database:
        rows = await database.run(list_programmes)
    shown = [{**row, "status": STATUS_NAMES[row["status"]]} for row in rows]
    print_rows(shown, ("id", "code", "name", "status"), as_json=json, empty="No programme yet.")


@app.command(help_epilogue=examples("programmes show", "programmes show czestochowa --version 1"))
async def show(
    programme: Annotated[
        str | None, Parameter(help="Number or code; not needed while there is only one.")
    ] = None,
    /,
    *,
    version: Annotated[int | None, Parameter(help="Which version; the newest.")] = None,
    json: Json = False,
    place: Place = HERE,
) -> None:
    """Print a programme's rules, and since when each version holds."""

    async def job(connection: Connection) -> list[Any]:
        return await list_rules(connection, await pick_programme(connection, programme))

    async with looking(place) as database:
        versions = await database.run(job)
    for row in versions:
        if version is None or row["version"] == version:
            if json:
                print_json({**row, "effective_from": row["effective_from"].isoformat()})
            else:
                print_line(f"# version {row['version']}, in force from {row['effective_from'].isoformat()}")
                print_line(row["rules_toml"])
            return
    raise CommandError(Exit.NOT_FOUND, "there is no such version.", "Leave --version out to see the newest.")


@app.command(help_epilogue=examples("programmes suspend czestochowa --reason 'called off by the city'"))
async def suspend(
    programme: str | None = None,
    /,
    *,
    by: BySure = UNSURE,
    json: Json = False,
    place: Place = HERE,
) -> None:
    """Suspend a programme: every terminal gets a clear refusal until it is resumed."""
    await _set_status(programme, Status.STOPPED, by, json, place)


@app.command(help_epilogue=examples("programmes resume czestochowa"))
async def resume(
    programme: str | None = None, /, *, by: By = NOBODY, json: Json = False, place: Place = HERE
) -> None:
    """Take a suspended programme up again."""
    await _set_status(programme, Status.ACTIVE, by, json, place)


async def _set_status(programme: str | None, status: Status, by: By, as_json: bool, place: Place) -> None:
    actor, now = by.told(), STATUS_NAMES[status]
    async with changing(place) as database:
        number = await database.run(lambda connection: pick_programme(connection, programme))
        if isinstance(by, BySure):
            by.confirm(f"Suspend programme {number}: all its terminals are refused")
        await database.run(lambda connection: set_programme_status(connection, actor, number, status))
    tell_done(
        f"Programme {number} is {now}.",
        {"id": number, "status": now},
        as_json=as_json,
        again="programmes list",
    )
