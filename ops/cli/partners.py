"""`cityswitch partners`: the shops that take part.

Owns the subcommands. Must not write SQL: `ledger.registry.partners` does.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Parameter

from ledger.postgres.database import Connection
from ledger.registry.audit import Actor
from ledger.registry.bounds import ID_MAX
from ledger.registry.imports import Import, Mode
from ledger.registry.partners import NewPartner, list_partners, set_partner_status
from ledger.registry.programmes import list_programmes
from ledger.registry.reads import Status
from ops.cli.amounts import AmountError, parse_amount
from ops.cli.csv_import import (
    ALL_OR_NOTHING,
    Columns,
    How,
    LineError,
    read_sheet,
    store_sheet,
    whole_number,
)
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
    parse_yes,
    pick_programme,
    status_name,
    tell_done,
    tell_status,
)
from ops.errors import CommandError
from ops.exit_codes import Exit
from ops.office.partners import take_on
from ops.output import Row, print_fields, print_rows
from ops.place.database import changing, looking
from ops.place.options import HERE, Place

COLUMNS = Columns(required=("id", "name"), optional=("main_partner", "points_step"))
SHOWN = ("id", "programme", "name", "status", "main_partner", "points_step_grosze")

app = App(
    name="partners",
    help="Partners: the shops that take part.",
    help_epilogue=examples(
        "partners add 17 'Piekarnia Kłos'", "partners import partners.csv", "partners list"
    ),
)


@app.command(help_epilogue=examples("partners add 17 'Piekarnia Kłos' --points-step 5.00 --main-partner"))
async def add(
    number: Annotated[int, Parameter(help="The partner's number.")],
    name: Annotated[str, Parameter(help="The shop's sign, as receipts show it.")],
    /,
    *,
    points_step: Annotated[
        str | None, Parameter(help="Payment that earns one point; the programme's.")
    ] = None,
    main_partner: Annotated[bool, Parameter(help="A Main Partner of the programme.")] = False,
    programme: Programme = None,
    by: By = NOBODY,
    json: Json = False,
    place: Place = HERE,
) -> None:
    """Add one partner."""
    partner = NewPartner(number, name, main_partner, parse_amount(points_step) if points_step else None)
    actor = by.told()
    async with changing(place) as database:
        chosen = await database.run(lambda connection: pick_programme(connection, programme))
        check_added(f"partner {number}", await take_on(database, actor, chosen, [partner]))
    tell_done(f"Partner {number} added.", {"id": number}, as_json=json, again=f"partners show {number}")


def check_added(what: str, done: Import) -> None:
    """Raise `CommandError` unless the one row of an import was added."""
    if done.refused:
        _, column, reason = done.refused[0]
        raise CommandError(Exit.USAGE, f"{what}: {column} {reason}.")
    if done.unchanged:
        raise CommandError(Exit.USAGE, f"{what}: it is there already.")


def read_partner(row: Mapping[str, str]) -> NewPartner:
    """Read one line of a file. Raises `LineError`."""
    number = whole_number(row, "id", 1, ID_MAX)
    try:
        step = parse_amount(row["points_step"]) if row["points_step"] else None
    except AmountError:
        raise LineError("points_step", "is no amount like 5.00") from None
    try:
        return NewPartner(number, row["name"], parse_yes(row["main_partner"]), step)
    except ValueError as error:
        raise LineError("main_partner", str(error)) from None


@app.command(
    name="import",
    help_epilogue=examples(
        "partners import partners.csv --dry-run", "partners import partners.csv --programme 1 --json"
    ),
)
async def import_(
    file: Annotated[Path, Parameter(help="CSV: id,name and, if wanted, main_partner,points_step.")],
    /,
    *,
    how: How = ALL_OR_NOTHING,
    programme: Programme = None,
    by: By = NOBODY,
    json: Json = False,
    place: Place = HERE,
) -> Exit:
    """Import partners from a CSV file, all or none; those there already and the same are passed over."""
    sheet = read_sheet(file, COLUMNS, read_partner)
    by.agreed(place, len(sheet.lines))
    actor = by.told(sheet.source)
    async with changing(place) as database:
        number = await database.run(lambda connection: pick_programme(connection, programme))

        async def store(partners: list[NewPartner], mode: Mode) -> Import:
            return await take_on(database, actor, number, partners, mode)

        return await store_sheet(sheet, how, lambda partner: partner.id, store, what="partners", as_json=json)


def shown(row: Any, codes: Mapping[int, str]) -> Row:
    """Return a partner as it is shown."""
    return {
        "id": row["id"],
        "programme": codes[row["programme"]],
        "name": row["name"],
        "status": status_name("partner", row["status"]),
        "main_partner": row["main_partner"],
        "points_step_grosze": row["points_step_grosze"],
    }


async def read_page(connection: Connection, page: Page) -> list[Row]:
    """Return a page of partners as they are shown."""
    codes = {row["id"]: row["code"] for row in await list_programmes(connection)}
    return [shown(row, codes) for row in await list_partners(connection, after=page.after, limit=page.limit)]


@app.command(
    name="list", help_epilogue=examples("partners list", "partners list --after 1100 --limit 20 --json")
)
async def list_(*, page: Page = FIRST_PAGE, json: Json = False, place: Place = HERE) -> None:
    """List partners by number."""
    async with looking(place) as database:
        rows = await database.run(lambda connection: read_page(connection, page))
    print_rows(rows, SHOWN, as_json=json, empty="No partner there.")


@app.command(help_epilogue=examples("partners show 1001", "partners show 1001 --json"))
async def show(number: int, /, *, json: Json = False, place: Place = HERE) -> None:
    """Show one partner."""
    rows: list[Row] = []
    if 1 <= number <= ID_MAX:
        async with looking(place) as database:
            rows = await database.run(
                lambda connection: read_page(connection, Page(after=number - 1, limit=1))
            )
    if not rows or rows[0]["id"] != number:
        raise CommandError(
            Exit.NOT_FOUND, f"there is no partner {number}.", "See `cityswitch partners list`."
        )
    print_fields(rows[0], as_json=json)


@app.command(help_epilogue=examples("partners block 1001 --reason 'contract ended' --yes"))
async def block(number: int, /, *, by: BySure = UNSURE, json: Json = False, place: Place = HERE) -> None:
    """Block a partner: its terminals get a clear refusal at once."""
    actor = by.told()
    by.confirm(f"Block partner {number}: all its terminals are refused")
    await _set_status(number, Status.STOPPED, actor, json, place)


@app.command(help_epilogue=examples("partners unblock 1001"))
async def unblock(number: int, /, *, by: By = NOBODY, json: Json = False, place: Place = HERE) -> None:
    """Take a blocked partner up again."""
    await _set_status(number, Status.ACTIVE, by.told(), json, place)


async def _set_status(number: int, status: Status, actor: Actor, as_json: bool, place: Place) -> None:
    async with changing(place) as database:
        await database.run(lambda connection: set_partner_status(connection, actor, number, status))
    tell_status("partner", number, status, as_json=as_json)
