"""`cityswitch terminals`: the terminals of the partners. Their keys are `ops.cli.keys`'.

Owns the subcommands. Must not write SQL: `ledger.registry.terminals` does.
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
from ledger.registry.keys import list_keys
from ledger.registry.reads import Status
from ledger.registry.terminals import (
    NewTerminal,
    import_terminals,
    list_terminals,
    move_terminal,
    set_terminal_status,
)
from ops.cli.csv_import import ALL_OR_NOTHING, Columns, How, read_sheet, store_sheet, whole_number
from ops.cli.help_texts import examples
from ops.cli.keys import app as key_app
from ops.cli.partners import check_added
from ops.cli.registry_options import (
    FIRST_PAGE,
    NOBODY,
    UNSURE,
    By,
    BySure,
    Json,
    Page,
    status_name,
    tell_done,
    tell_status,
)
from ops.errors import CommandError
from ops.exit_codes import Exit
from ops.output import Row, print_fields, print_rows
from ops.place.database import changing, looking
from ops.place.options import HERE, Place

COLUMNS = Columns(required=("id", "partner"), optional=("label", "outlet"))
SHOWN = ("id", "partner", "status", "label", "outlet")

app = App(
    name="terminals",
    help="Terminals of the partners, and their keys.",
    help_epilogue=examples("terminals add 17 --partner 1001", "terminals key issue 17", "terminals list"),
)
app.command(key_app)


@app.command(help_epilogue=examples("terminals add 17 --partner 1001 --label 'till 2'"))
async def add(
    number: Annotated[int, Parameter(help="The terminal's number, 1 to 99999999.")],
    /,
    *,
    partner: Annotated[int, Parameter(help="Number of the partner it stands at.")],
    label: Annotated[str, Parameter(help="What staff call it.")] = "",
    outlet: Annotated[int | None, Parameter(help="The partner's outlet it stands in; none.")] = None,
    by: By = NOBODY,
    json: Json = False,
    place: Place = HERE,
) -> None:
    """Add one terminal; it needs a key next."""
    terminal, actor = NewTerminal(number, partner, label, outlet), by.told()
    async with changing(place) as database:
        check_added(
            f"terminal {number}",
            await database.run(lambda connection: import_terminals(connection, actor, [terminal])),
        )
    tell_done(
        f"Terminal {number} added. Give it a key: cityswitch terminals key issue {number}",
        {"id": number, "partner": partner},
        as_json=json,
        again=f"terminals show {number}",
    )


def read_terminal(row: Mapping[str, str]) -> NewTerminal:
    """Read one line of a file. Raises `LineError`."""
    number, partner = (whole_number(row, column, 1, ID_MAX) for column in ("id", "partner"))
    outlet = whole_number(row, "outlet", 1, ID_MAX) if row["outlet"] else None
    return NewTerminal(number, partner, row["label"], outlet)


@app.command(
    name="import",
    help_epilogue=examples("terminals import terminals.csv", "terminals import terminals.csv --good-lines"),
)
async def import_(
    file: Annotated[Path, Parameter(help="CSV: id,partner and, if wanted, label,outlet.")],
    /,
    *,
    how: How = ALL_OR_NOTHING,
    by: By = NOBODY,
    json: Json = False,
    place: Place = HERE,
) -> Exit:
    """Import terminals from a CSV file, all or none; those there already and the same are passed over."""
    sheet = read_sheet(file, COLUMNS, read_terminal)
    by.agreed(place, len(sheet.lines))
    actor = by.told(sheet.source)
    async with changing(place) as database:

        async def store(terminals: list[NewTerminal], mode: Mode) -> Import:
            return await database.run(lambda c: import_terminals(c, actor, terminals, mode))

        return await store_sheet(
            sheet, how, lambda terminal: terminal.id, store, what="terminals", as_json=json
        )


def shown(row: Any) -> Row:
    """Return a terminal as it is shown."""
    return {**{name: row[name] for name in SHOWN}, "status": status_name("terminal", row["status"])}


@app.command(
    name="list",
    help_epilogue=examples("terminals list", "terminals list --partner 1001", "terminals list --json"),
)
async def list_(
    *,
    partner: Annotated[int | None, Parameter(help="Those of one partner.")] = None,
    page: Page = FIRST_PAGE,
    json: Json = False,
    place: Place = HERE,
) -> None:
    """List terminals by number."""
    async with looking(place) as database:
        rows = await database.run(
            lambda connection: list_terminals(connection, after=page.after, limit=page.limit, partner=partner)
        )
    print_rows([shown(row) for row in rows], SHOWN, as_json=json, empty="No terminal there.")


@app.command(help_epilogue=examples("terminals show 10000001", "terminals show 10000001 --json"))
async def show(number: int, /, *, json: Json = False, place: Place = HERE) -> None:
    """Show one terminal and the generations of its key."""

    async def job(connection: Connection) -> tuple[Row, list[Any]]:
        after = number - 1 if 1 <= number <= ID_MAX else ID_MAX
        rows = await list_terminals(connection, after=after, limit=1)
        if not rows or rows[0]["id"] != number:
            raise CommandError(
                Exit.NOT_FOUND, f"there is no terminal {number}.", "See `cityswitch terminals list`."
            )
        return shown(rows[0]), await list_keys(connection, number)

    async with looking(place) as database:
        row, keys = await database.run(job)
    live = [key["generation"] for key in keys if key["retired_at"] is None]
    print_fields({**row, "key_generations": ", ".join(map(str, live)) or None}, as_json=json)


@app.command(help_epilogue=examples("terminals move 10000001 --outlet 12", "terminals move 10000001"))
async def move(
    number: int,
    /,
    *,
    outlet: Annotated[int | None, Parameter(help="The partner's outlet it stands in now; none.")] = None,
    by: By = NOBODY,
    json: Json = False,
    place: Place = HERE,
) -> None:
    """Say in which outlet a terminal stands: some offers hold in some outlets only."""
    actor = by.told()
    async with changing(place) as database:
        await database.run(lambda connection: move_terminal(connection, actor, number, outlet))
    where = "in no outlet" if outlet is None else f"in outlet {outlet}"
    tell_done(
        f"Terminal {number} stands {where}.",
        {"id": number, "outlet": outlet},
        as_json=json,
        again=f"terminals show {number}",
    )


@app.command(help_epilogue=examples("terminals block 10000001 --reason stolen --yes"))
async def block(number: int, /, *, by: BySure = UNSURE, json: Json = False, place: Place = HERE) -> None:
    """Block a terminal: its connection is closed at once, and it cannot sign on."""
    actor = by.told()
    by.confirm(f"Block terminal {number}: its connection is closed")
    await _set_status(number, Status.STOPPED, actor, json, place)


@app.command(help_epilogue=examples("terminals unblock 10000001"))
async def unblock(number: int, /, *, by: By = NOBODY, json: Json = False, place: Place = HERE) -> None:
    """Let a blocked terminal work again."""
    await _set_status(number, Status.ACTIVE, by.told(), json, place)


async def _set_status(number: int, status: Status, actor: Actor, as_json: bool, place: Place) -> None:
    async with changing(place) as database:
        await database.run(lambda connection: set_terminal_status(connection, actor, number, status))
    tell_status("terminal", number, status, as_json=as_json)
