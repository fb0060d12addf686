"""`cityswitch offers`: what partners grant to holders of the card, from a draft to the public list.

Owns the subcommands. Must not know what terms mean, nor write SQL. Invariant: whatever changes what holds
also writes the public list, so that what is published is what is enforced.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, TypeAlias
from zoneinfo import ZoneInfo

from cyclopts import App, Group, Parameter

from ledger.postgres.database import Connection
from ledger.registry.imports import Import, Mode
from ledger.registry.offers import OfferState, list_offers, offer_versions, read_public
from ops.cli.csv_import import ALL_OR_NOTHING, How, store_sheet
from ops.cli.help_texts import examples
from ops.cli.offers_file import read_offers
from ops.cli.programmes import parse_moment, read_rules
from ops.cli.registry_options import FIRST_PAGE, NOBODY, By, Json, Page, Programme, pick_programme, tell_done
from ops.errors import CommandError
from ops.exit_codes import Exit
from ops.office.acting import with_reason
from ops.office.public_list import PublicFiles, public_list
from ops.office.publish_offers import (
    Done,
    When,
    keep_drafts,
    publish_offers,
    rules_in_force,
    withdraw_offers,
)
from ops.output import print_json, print_line, print_rows
from ops.place.database import changing, looking
from ops.place.options import HERE, Place
from switch.rules.offer_checks import check_offer
from switch.rules.offers import decode_offer
from switch.rules.programme import Rules

SHOWN = ("number", "version", "partner", "state", "effective_from", "name")
STATE_NAMES = {state: state.name.lower() for state in OfferState}

File = Annotated[Path, Parameter(help="Offers as TOML, or as CSV with one benefit a line.")]
Number = Annotated[int, Parameter(help="Numbers of the offers.")]
Act: TypeAlias = Callable[..., Coroutine[Any, Any, list[Done]]]


@Parameter(name="*", group=Group("What holds", sort_key=4))
@dataclass(frozen=True, kw_only=True)
class Holding:
    """From when something holds, and where the public is told of it."""

    to: Annotated[Path, Parameter(help="Folder of the public list: offers.json and offers.html.")]
    effective_from: Annotated[
        str | None, Parameter(help="From when: a day, or a moment with a time zone; now.")
    ] = None
    urgent: Annotated[
        str | None, Parameter(help="Why what gets worse for somebody may hold before the notice is over.")
    ] = None
    programme: Programme = None


app = App(
    name="offers",
    help="Offers of the partners: kept as drafts, published, withdrawn.",
    help_epilogue=examples(
        "offers check offers.toml --rules switch/rules/programmes/zgierz.toml",
        "offers import offers.toml",
        "offers publish 7 8 --to public --second maria",
        "offers list",
    ),
)


@app.command(
    help_epilogue=examples(
        "offers check offers.toml", "offers check offers.csv --rules switch/rules/programmes/zgierz.toml"
    )
)
async def check(
    file: File,
    /,
    *,
    rules: Annotated[
        Path | None, Parameter(help="The programme's rules file; those in force in the registry.")
    ] = None,
    programme: Programme = None,
    place: Place = HERE,
) -> Exit:
    """Check a file of offers against a programme's rules; `import --dry-run` looks for partners, too."""
    named, sheet = read_offers(file)
    if rules is not None:
        held = read_rules(rules)[1]
    else:

        async def job(connection: Connection) -> Rules:
            number = await pick_programme(connection, programme or named)
            return await rules_in_force(connection, number, datetime.now(UTC))

        async with looking(place) as database:
            held = await database.run(job)
    for refused in sheet.refused:
        print_line(f"  {refused}")
    wall = datetime.now(ZoneInfo(held.programme.time_zone))
    for line in sheet.lines:
        check_offer(line.value, held, wall)
    print_line(f"{len(sheet.lines)} offers are in order, {len(sheet.refused)} lines are not")
    return Exit.DIFFERENCES if sheet.refused else Exit.OK


@app.command(
    name="import", help_epilogue=examples("offers import offers.toml --dry-run", "offers import offers.csv")
)
async def import_(
    file: File,
    /,
    *,
    how: How = ALL_OR_NOTHING,
    programme: Programme = None,
    by: By = NOBODY,
    json: Json = False,
    place: Place = HERE,
) -> Exit:
    """Keep offers as drafts, all or none; what is there already and the same is passed over.

    A draft holds nowhere until it is published. The TOML file names its programme.
    """
    named, sheet = read_offers(file)
    if named is not None and how.good_lines:
        raise CommandError(Exit.USAGE, "--good-lines is for CSV files.", "Mend the file, or leave it out.")
    if None not in (named, programme) and named != programme:
        raise CommandError(Exit.USAGE, f"{file}: key 'programme': its offers are of {named}.")
    actor, now = by.told(sheet.source), datetime.now(UTC)
    async with changing(place) as database:
        number = await database.run(lambda connection: pick_programme(connection, named or programme))

        async def store(offers: list[Any], mode: Mode) -> Import:
            return await database.run(lambda c: keep_drafts(c, actor, number, offers, mode, now=now))

        return await store_sheet(sheet, how, lambda offer: offer.number, store, what="offers", as_json=json)


def shown(row: Any) -> dict[str, Any]:
    """Return a version as a row of the list."""
    moment = row["effective_from"]
    return {
        "number": row["number"],
        "version": row["version"],
        "partner": row["partner"],
        "state": STATE_NAMES[row["state"]],
        "effective_from": moment and moment.isoformat(),
        "name": decode_offer(row["terms"]).name.in_("pl"),
    }


@app.command(name="list", help_epilogue=examples("offers list", "offers list --partner 1001 --json"))
async def list_(
    *,
    partner: Annotated[int | None, Parameter(help="Those of one partner.")] = None,
    programme: Programme = None,
    page: Page = FIRST_PAGE,
    json: Json = False,
    place: Place = HERE,
) -> None:
    """List offers by number, with all their versions."""

    async def job(connection: Connection) -> list[Any]:
        number = await pick_programme(connection, programme)
        return await list_offers(connection, number, after=page.after, limit=page.limit, partner=partner)

    async with looking(place) as database:
        rows = await database.run(job)
    print_rows([shown(row) for row in rows], SHOWN, as_json=json, empty="No offer there.")


@app.command(help_epilogue=examples("offers show 7", "offers show 7 --version 1"))
async def show(
    number: int,
    /,
    *,
    version: Annotated[int | None, Parameter(help="Which version; the newest.")] = None,
    programme: Programme = None,
    place: Place = HERE,
) -> None:
    """Print one version of an offer as JSON, with all its terms."""

    async def job(connection: Connection) -> list[Any]:
        return await offer_versions(connection, await pick_programme(connection, programme), number)

    async with looking(place) as database:
        rows = await database.run(job)
    found = [row for row in rows if version in (None, row["version"])]
    if not found:
        raise CommandError(
            Exit.NOT_FOUND, "there is no such offer or version.", "See `cityswitch offers list`."
        )
    print_json({**shown(found[0]), "terms": decode_offer(found[0]["terms"])})


@app.command(
    help_epilogue=examples(
        "offers publish 7 8 --to public --second maria",
        "offers publish 7 --to public --second maria --effective-from 2027-01-01T00:00+01:00",
        "offers publish --to public",
    )
)
async def publish(
    *numbers: Number, holding: Holding, by: By = NOBODY, json: Json = False, place: Place = HERE
) -> None:
    """Let drafts hold from a moment on, and write the public list; without numbers the list alone.

    Better terms may hold at once; what gets worse for somebody wants the programme's notice, or --urgent.
    Wants --second where the programme's rules do (`[second_person] offers`).
    """
    done = await _act(publish_offers, numbers, holding, by, place)
    _tell("published", done, holding.to, as_json=json)


@app.command(
    help_epilogue=examples(
        "offers withdraw 7 --to public --second maria --effective-from 2027-01-01T00:00+01:00"
    )
)
async def withdraw(
    *numbers: Number, holding: Holding, by: By = NOBODY, json: Json = False, place: Place = HERE
) -> None:
    """Let offers hold no longer from a moment on, and write the public list.

    Wants --second where the programme's rules do (`[second_person] offers`).
    """
    done = await _act(withdraw_offers, numbers, holding, by, place)
    _tell("withdrawn", done, holding.to, as_json=json)


async def _act(act: Act, numbers: Sequence[int], holding: Holding, by: By, place: Place) -> list[Done]:
    """Do it and write the list of what then holds: the files stand beside their places before it counts."""
    now = datetime.now(UTC).replace(microsecond=0)
    is_urgent = holding.urgent is not None
    actor = with_reason(by.told()._replace(reason=holding.urgent or "")) if is_urgent else by.told()
    files: PublicFiles | None = None

    async def job(connection: Connection) -> list[Done]:
        nonlocal files
        number = await pick_programme(connection, holding.programme)
        rules = await rules_in_force(connection, number, now)
        moment = parse_moment(holding.effective_from, ZoneInfo(rules.programme.time_zone))
        async with connection.transaction():
            done = await act(connection, actor, number, numbers, When(moment, now, is_urgent))
            listed = public_list(await read_public(connection, number), rules, now)
            files = PublicFiles(holding.to, listed, rules)
            try:
                files.write_beside()
            except OSError as error:
                told = f"{error.filename}: {error.strerror}, so nothing was changed."
                raise CommandError(Exit.STATE, told, "Name another folder with --to.") from None
        return done

    async with changing(place) as database:
        try:
            done = await database.run(job)
            assert files is not None
            _put_in_place(files, holding.to, has_done=bool(done))
        finally:
            if files is not None:
                files.remove()
    return done


def _put_in_place(files: PublicFiles, folder: Path, *, has_done: bool) -> None:
    """Let the list take its place; what was done before holds whether or not it can."""
    try:
        files.put_in_place()
    except OSError as error:
        told = f"{error.filename2 or error.filename}: {error.strerror}, so the public list was not written"
        if has_done:
            told += "; what was published or withdrawn holds"
        raise CommandError(
            Exit.STATE, f"{told}.", f"Write the list anew: `cityswitch offers publish --to {folder}`."
        ) from None


def _tell(word: str, done: Sequence[Done], folder: Path, *, as_json: bool) -> None:
    lines = [
        f"Offer {one.number}: {word} from {one.effective_from.isoformat()}, version {one.version}"
        + (f", worse in: {', '.join(one.worse)}." if one.worse else ".")
        for one in done
    ]
    told = [{**one._asdict(), "effective_from": one.effective_from.isoformat()} for one in done]
    tell_done(
        "\n".join([*lines, f"The public list is in {folder}."]),
        {word: told, "folder": str(folder)},
        as_json=as_json,
        again="offers list",
    )
