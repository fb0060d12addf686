"""`cityswitch programmes`: the rules of each city card programme, applied from a file and kept by version.

Owns the subcommands about rules (`programme_states`: those that stop a programme). Must not know what rules
mean: `switch.rules` checks and compares them, the registry keeps them.
Invariant: nothing is applied that the switch could not load.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import UTC, date, datetime
from json import dumps
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from cyclopts import App, Parameter

from ledger.postgres.database import Connection
from ledger.registry.programmes import YEARS, list_programmes, list_rules
from ops.cli.help_texts import examples
from ops.cli.registry_options import NOBODY, By, Json, pick_programme, tell_done
from ops.errors import CommandError
from ops.exit_codes import Exit
from ops.office.acting import with_reason
from ops.office.publish import Announced, Published, notice_of, publish, standing
from ops.output import print_json, print_line, print_rows, say
from ops.place.database import changing, looking
from ops.place.options import HERE, Place
from switch.rules.changes import changes
from switch.rules.programme import Rules, parse_rules
from switch.toml_text import TomlError, read_bytes

app = App(
    name="programmes",
    help="Programmes and their rules.",
    help_epilogue=examples("programmes apply switch/rules/programmes/czestochowa.toml", "programmes list"),
)
AT_HELP = "The version that holds then: a day, from its midnight on, or a moment with a time zone; now."
DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


@app.command(help_epilogue=examples("programmes check new-rules.toml"))
def check(
    file: Annotated[Path, Parameter(help="Rules as TOML.")], /, *, json: Json = False, place: Place = HERE
) -> None:
    """Check a rules file without applying it: what contradicts itself is named by key and reason.

    The database is not asked.
    """
    _, rules = read_rules(file)
    identity, holders = rules.programme, rules.holders
    has = [name for name in ("earn", "redeem", "benefits", "limits") if getattr(rules, name) is not None]
    told = {
        "programme": identity.number,
        "code": identity.code,
        "languages": list(identity.languages),
        "tables": has,
        "kinds": [kind.code for kind in holders.kinds] if holders else [],
        "flags": [flag.code for flag in holders.flags] if holders else [],
    }
    if json:
        print_json(told)
        return
    print_line(f"{file}: in order. Programme {identity.number} {identity.code}: {', '.join(has)}.")


@app.command(
    help_epilogue=examples(
        "programmes diff czestochowa new-rules.toml", "programmes diff zgierz new-rules.toml --at 2027-06-01"
    )
)
async def diff(
    programme: Annotated[str, Parameter(help="Number or code.")],
    file: Annotated[Path, Parameter(help="Rules as TOML.")],
    /,
    *,
    at: Annotated[str | None, Parameter(help=AT_HELP)] = None,
    json: Json = False,
    place: Place = HERE,
) -> int:
    """Name each key that a file would change, from what to what, and what is to the holders' disadvantage.

    Status 0: it changes nothing; 1: it does.
    """
    _, new = read_rules(file)
    async with looking(place) as database:
        versions = await database.run(lambda connection: _versions(connection, programme))
    row = _version_at(versions, at, None)
    found = changes(parse_rules(row["rules_toml"], source=f"version {row['version']}"), new)
    rows = [
        {
            "key": one.key,
            "old": value_text(one.old),
            "new": value_text(one.new),
            "to_holders": "worse" if one.is_worse else "",
        }
        for one in found
    ]
    print_rows(
        rows,
        ("key", "old", "new", "to_holders"),
        as_json=json,
        empty=f"The same rules as version {row['version']}.",
    )
    return Exit.DIFFERENCES if found else Exit.OK


def value_text(value: Any) -> str:
    """Return a value of a rules file on one line; nothing for none."""
    return "" if value is None else value if isinstance(value, str) else dumps(value, ensure_ascii=False)


@app.command(
    help_epilogue=examples(
        "programmes apply switch/rules/programmes/czestochowa.toml",
        "programmes apply new-rules.toml --from 2027-01-01",
        "programmes apply mended.toml --urgent 'the step was wrong'",
    )
)
async def apply(
    file: Annotated[Path, Parameter(help="Rules as TOML.")],
    /,
    *,
    effective_from: Annotated[
        str | None,
        Parameter(
            name="--from",
            help="The day from whose midnight they hold, in the programme's time zone, or a moment; now.",
        ),
    ] = None,
    urgent: Annotated[
        str | None, Parameter(help="Why they may hold before the programme's notice_days are over.")
    ] = None,
    by: By = NOBODY,
    json: Json = False,
    place: Place = HERE,
) -> None:
    """Check a rules file and publish it; changes of rules in force want the programme's notice.

    It says which version it replaces, and which others are announced.
    """
    text, rules = read_rules(file)
    moment = parse_moment(effective_from, ZoneInfo(rules.programme.time_zone))
    actor = by.told()
    if urgent is not None:
        actor = with_reason(actor._replace(reason=urgent))
    now = datetime.now(UTC).replace(microsecond=0)

    async def job(connection: Connection) -> Published:
        return await publish(connection, actor, rules, text, moment, now=now, urgent=urgent is not None)

    async with changing(place) as database:
        done = await database.run(job)
    zone = ZoneInfo(rules.programme.time_zone)
    tell_done(
        "\n".join(account(rules.programme.number, rules.programme.code, done, zone)),
        fields_of(rules.programme.number, done),
        as_json=json,
        again="programmes list",
    )


def account(number: int, code: str, done: Published, zone: ZoneInfo) -> Iterator[str]:
    """Yield in sentences what was published and how it stands to the other versions."""

    def named(one: Announced) -> str:
        return f"version {one.version} (from {moment_text(one.effective_from, zone)})"

    since = moment_text(done.effective_from, zone)
    if not done.is_new:
        yield f"Programme {number} {code}: these rules hold already, as version {done.version} from {since}."
        return
    yield f"Programme {number} {code}: version {done.version} holds from {since}."
    if done.standing.replaced is not None and done.standing.replaced not in done.standing.never:
        yield f"It replaces {named(done.standing.replaced)}."
    for one in done.standing.never:
        yield f"It is put in the place of {named(one)}, which never comes in force."
    for one in done.standing.before:
        yield f"Before it {named(one)} comes in force."
    for one in done.standing.after:
        yield f"After it {named(one)} comes in force: publish that anew if this change is to stay."


def fields_of(number: int, done: Published) -> dict[str, Any]:
    """Return the same for scripts."""

    def listed(versions: Iterable[Announced]) -> list[dict[str, Any]]:
        return [
            {"version": one.version, "effective_from": one.effective_from.isoformat()} for one in versions
        ]

    replaced = done.standing.replaced
    return {
        "programme": number,
        "version": done.version,
        "effective_from": done.effective_from.isoformat(),
        "published": done.is_new,
        "replaces": replaced.version if replaced else None,
        "never_in_force": listed(done.standing.never),
        "announced": listed([*done.standing.before, *done.standing.after]),
    }


def moment_text(moment: datetime, zone: ZoneInfo) -> str:
    """Return a moment as the city reads it."""
    return moment.astimezone(zone).isoformat(" ", "minutes")


def parse_moment(text: str | None, zone: ZoneInfo) -> datetime | None:
    """Return the moment of an ISO 8601 text with a time zone, or the midnight of a day; None without one.

    Raises `CommandError`.
    """
    if text is None:
        return None
    moment = None
    with suppress(ValueError):
        day = date.fromisoformat(text) if DAY.fullmatch(text) else None
        moment = datetime.fromisoformat(text)
        if day is not None:
            moment = moment.replace(tzinfo=zone)
    if moment is None or moment.tzinfo is None or moment.year not in YEARS:
        raise CommandError(
            Exit.USAGE,
            f"'{text}' is neither a day nor a moment with a time zone.",
            "Write it like 2027-01-01 or 2027-01-01T12:00+01:00.",
        )
    return moment


def read_rules(file: Path) -> tuple[str, Rules]:
    """Return a rules file's text and what it says. Raises `CommandError` or `RulesError`, the file named."""
    try:
        text = read_bytes(file).decode("utf-8-sig")
    except (OSError, UnicodeDecodeError, TomlError) as error:
        why = error.strerror if isinstance(error, OSError) else str(error)
        if isinstance(error, UnicodeDecodeError):
            why = "not UTF-8 text"
        raise CommandError(Exit.CONFIGURATION, f"{file}: {why}.", "Check the path and the file.") from None
    return text, parse_rules(text, source=str(file))


@app.command(name="list", help_epilogue=examples("programmes list", "programmes list --json"))
async def list_(*, json: Json = False, place: Place = HERE) -> None:
    """List the programmes."""
    async with looking(place) as database:
        rows = await database.run(list_programmes)
    now = datetime.now(UTC)
    shown = [
        {"id": row["id"], "code": row["code"], "name": row["name"], "status": status_text(row, now)}
        for row in rows
    ]
    print_rows(shown, ("id", "code", "name", "status"), as_json=json, empty="No programme yet.")


def status_text(row: Any, now: datetime) -> str:
    """Return what a programme is now, and what is announced: active, suspended, called off."""
    ended = row["ended_from"]
    if ended is not None and ended <= now:
        return f"called off since {ended.isoformat(' ', 'minutes')}"
    said = "active"
    for period in row["suspended"]:
        since, until = period.lower, period.upper
        end = f"until {until.isoformat(' ', 'minutes')}" if until else "until it is resumed"
        if since > now:
            said = f"{said}, suspended from {since.isoformat(' ', 'minutes')} {end}"
        elif until is None or until > now:
            said = f"suspended {end}"
    return said if ended is None else f"{said}, called off from {ended.isoformat(' ', 'minutes')}"


@app.command(
    help_epilogue=examples(
        "programmes show", "programmes show czestochowa --version 1", "programmes show zgierz --at 2027-06-01"
    )
)
async def show(
    programme: Annotated[
        str | None, Parameter(help="Number or code; not needed while there is only one.")
    ] = None,
    /,
    *,
    at: Annotated[str | None, Parameter(help=AT_HELP)] = None,
    version: Annotated[int | None, Parameter(help="Which version; the one in force.")] = None,
    json: Json = False,
    place: Place = HERE,
) -> None:
    """Print a programme's rules, and say which other versions are announced."""
    async with looking(place) as database:
        rows = await database.run(lambda connection: _versions(connection, programme))
    row = _version_at(rows, at, version)
    if json:
        print_json({**row, "effective_from": row["effective_from"].isoformat()})
        return
    print_line(f"# version {row['version']}, in force from {row['effective_from'].isoformat()}")
    print_line(row["rules_toml"])
    now = datetime.now(UTC)
    for one in standing(_announced(rows), now, now).after:
        say(f"Announced: version {one.version} from {one.effective_from.isoformat()}.")


async def _versions(connection: Connection, programme: str | None) -> list[Any]:
    return await list_rules(connection, await pick_programme(connection, programme))


def _announced(rows: list[Any]) -> list[Announced]:
    return [Announced(row["effective_from"], row["version"]) for row in rows]


def _version_at(rows: list[Any], at: str | None, version: int | None) -> Any:
    """Return the version of that number, or the one in force at a moment. Raises `CommandError`."""
    now = datetime.now(UTC)
    zone = notice_of(rows[0]["rules_toml"])[1] if rows else ZoneInfo("UTC")
    moment = parse_moment(at, zone) or now
    stand = standing(_announced(rows), moment, moment)
    first = max(stand.after, default=Announced(now, 0)) if at is None else Announced(now, 0)
    wanted = version or (stand.now or first).version
    found = next((row for row in rows if row["version"] == wanted), None)
    if found is None:
        raise CommandError(
            Exit.NOT_FOUND,
            "there is no such version.",
            "Leave --version and --at out to see the one in force.",
        )
    return found
