"""`cityswitch outlets`: the single shops of the partners, for terminals that stand there and offers that hold
there.

Owns the subcommands. Must not write SQL: `ledger.registry.outlets` does.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from ledger.registry.bounds import ID_MAX
from ledger.registry.imports import Import, Mode
from ledger.registry.outlets import NewOutlet, import_outlets, list_outlets
from ops.cli.csv_import import ALL_OR_NOTHING, Columns, How, read_sheet, store_sheet, whole_number
from ops.cli.help_texts import examples
from ops.cli.partners import check_added
from ops.cli.registry_options import FIRST_PAGE, NOBODY, By, Json, Page, tell_done
from ops.exit_codes import Exit
from ops.output import print_rows
from ops.place.database import changing, looking
from ops.place.options import HERE, Place

COLUMNS = Columns(required=("id", "partner", "name"), optional=("address",))
SHOWN = ("id", "partner", "name", "address")

app = App(
    name="outlets",
    help="Outlets: the single shops of the partners.",
    help_epilogue=examples(
        "outlets add 12 'Rynek' --partner 1001", "outlets import outlets.csv", "outlets list"
    ),
)


@app.command(help_epilogue=examples("outlets add 12 'Rynek' --partner 1001 --address 'Rynek 2'"))
async def add(
    number: Annotated[int, Parameter(help="The outlet's number, 1 to 99999999.")],
    name: Annotated[str, Parameter(help="Its name, as the public list shows it.")],
    /,
    *,
    partner: Annotated[int, Parameter(help="Number of its partner.")],
    address: Annotated[str, Parameter(help="Where it is.")] = "",
    by: By = NOBODY,
    json: Json = False,
    place: Place = HERE,
) -> None:
    """Add one outlet."""
    outlet, actor = NewOutlet(number, partner, name, address), by.told()
    async with changing(place) as database:
        done = await database.run(lambda connection: import_outlets(connection, actor, [outlet]))
        check_added(f"outlet {number}", done)
    tell_done(
        f"Outlet {number} added.", {"id": number, "partner": partner}, as_json=json, again="outlets list"
    )


def read_outlet(row: Mapping[str, str]) -> NewOutlet:
    """Read one line of a file. Raises `LineError`."""
    number, partner = (whole_number(row, column, 1, ID_MAX) for column in ("id", "partner"))
    return NewOutlet(number, partner, row["name"], row["address"])


@app.command(name="import", help_epilogue=examples("outlets import outlets.csv --dry-run"))
async def import_(
    file: Annotated[Path, Parameter(help="CSV: id,partner,name and, if wanted, address.")],
    /,
    *,
    how: How = ALL_OR_NOTHING,
    by: By = NOBODY,
    json: Json = False,
    place: Place = HERE,
) -> Exit:
    """Import outlets from a CSV file, all or none; those there already and the same are passed over."""
    sheet = read_sheet(file, COLUMNS, read_outlet)
    by.agreed(place, len(sheet.lines))
    actor = by.told(sheet.source)
    async with changing(place) as database:

        async def store(outlets: list[NewOutlet], mode: Mode) -> Import:
            return await database.run(lambda c: import_outlets(c, actor, outlets, mode))

        return await store_sheet(sheet, how, lambda outlet: outlet.id, store, what="outlets", as_json=json)


@app.command(name="list", help_epilogue=examples("outlets list", "outlets list --partner 1001 --json"))
async def list_(
    *,
    partner: Annotated[int | None, Parameter(help="Those of one partner.")] = None,
    page: Page = FIRST_PAGE,
    json: Json = False,
    place: Place = HERE,
) -> None:
    """List outlets by number."""
    async with looking(place) as database:
        rows = await database.run(
            lambda connection: list_outlets(connection, after=page.after, limit=page.limit, partner=partner)
        )
    shown = [{name: row[name] for name in SHOWN} for row in rows]
    print_rows(shown, SHOWN, as_json=json, empty="No outlet there.")
