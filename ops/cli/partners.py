"""`cityswitch partners`: the shops that take part.

Owns the subcommands. Must not write SQL: `ledger.registry_admin` does.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Parameter

from ledger.postgres.database import Connection
from ledger.registry.admin import (
    Import,
    NewPartner,
    import_partners,
    list_partners,
    list_programmes,
    set_partner_status,
)
from ledger.registry.reads import Status
from ops.cli.amounts import AmountError, parse_amount
from ops.cli.csv_import import (
    Columns,
    Line,
    LineError,
    Refused,
    count_lines,
    import_lines,
    read_lines,
    report,
    store_once,
)
from ops.cli.help_texts import examples
from ops.cli.registry_options import FIRST_PAGE, Json, Page, Programme, parse_yes, pick_programme
from ops.errors import CommandError
from ops.exit_codes import Exit
from ops.output import Row, print_fields, print_line, print_rows
from ops.place.database import changing, looking
from ops.place.options import HERE, Place

COLUMNS = Columns(required=("id", "name"), optional=("main_partner", "points_step"))
SHOWN = ("id", "programme", "name", "status", "main_partner", "points_step_grosze")
STATUS_NAMES = {Status.ACTIVE: "active", Status.STOPPED: "suspended"}

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
    place: Place = HERE,
) -> None:
    """Add one partner."""
    step = parse_amount(points_step) if points_step else None
    await _store_one(NewPartner(number, name, main_partner, step), programme, place)
    print_line(f"Partner {number} added.")


async def _store_one(partner: NewPartner, programme: str | None, place: Place) -> None:
    async def job(connection: Connection) -> Import:
        return await import_partners(connection, await pick_programme(connection, programme), [partner])

    async with changing(place) as database:
        done = await database.run(job)
    if done.refused:
        raise CommandError(Exit.USAGE, f"partner {partner.id}: {done.refused[0].reason}.")


def read_partner(row: Mapping[str, str]) -> NewPartner:
    """Read one line of a file. Raises `LineError`."""
    if not (row["id"].isascii() and row["id"].isdigit()) or len(row["id"]) > 9:
        raise LineError("id is no number of a partner")
    try:
        step = parse_amount(row["points_step"]) if row["points_step"] else None
        return NewPartner(int(row["id"]), row["name"], parse_yes(row["main_partner"]), step)
    except AmountError:
        raise LineError("points_step is no amount like 5.00") from None
    except ValueError as error:
        raise LineError(f"main_partner: {error}") from None


@app.command(
    name="import",
    help_epilogue=examples(
        "partners import partners.csv", "partners import partners.csv --programme 1 --json"
    ),
)
async def import_(
    file: Annotated[Path, Parameter(help="CSV: id,name and, if wanted, main_partner,points_step.")],
    /,
    *,
    programme: Programme = None,
    json: Json = False,
    place: Place = HERE,
) -> Exit:
    """Import partners from a CSV file: good lines are imported, refused ones reported with the reason."""
    async with changing(place) as database:
        number = await database.run(lambda connection: pick_programme(connection, programme))

        async def store(lines: list[Line[NewPartner]]) -> list[Refused]:
            return await store_once(
                lines,
                lambda partner: partner.id,
                lambda fresh: database.run(lambda connection: import_partners(connection, number, fresh)),
            )

        lines = read_lines(file, COLUMNS, read_partner)
        stored, refused = await import_lines(lines, store, what="partners", lines_total=count_lines(file))
    return report(stored, refused, what="partners", as_json=json)


def shown(row: Any, codes: Mapping[int, str]) -> Row:
    """Return a partner as it is shown."""
    return {
        "id": row["id"],
        "programme": codes[row["programme"]],
        "name": row["name"],
        "status": STATUS_NAMES[row["status"]],
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
    async with looking(place) as database:
        rows = await database.run(lambda connection: read_page(connection, Page(after=number - 1, limit=1)))
    if not rows or rows[0]["id"] != number:
        raise CommandError(
            Exit.NOT_FOUND, f"there is no partner {number}.", "See `cityswitch partners list`."
        )
    print_fields(rows[0], as_json=json)


@app.command(help_epilogue=examples("partners block 1001"))
async def block(number: int, /, *, place: Place = HERE) -> None:
    """Suspend a partner: its terminals get a clear refusal at once."""
    await _set_status(number, Status.STOPPED, place)


@app.command(help_epilogue=examples("partners unblock 1001"))
async def unblock(number: int, /, *, place: Place = HERE) -> None:
    """Take a suspended partner up again."""
    await _set_status(number, Status.ACTIVE, place)


async def _set_status(number: int, status: Status, place: Place) -> None:
    async with changing(place) as database:
        await database.run(lambda connection: set_partner_status(connection, number, status))
    print_line(f"Partner {number} is {STATUS_NAMES[status]}.")
