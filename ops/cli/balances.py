"""`cityswitch balances import`: what an old system owed its cards becomes their opening balance.

Owns the reading of the file. Must not do an office's work itself: `ops.office.adjustments` does. Invariants:
the file is checked whole before anything is written; what is written is a proposal, to be approved; the
same file once more proposes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from ledger.registry.adjustments import POINTS_MAX, REFERENCE_CHARACTERS_MAX, ROWS_MAX, NewRow
from ledger.registry.imports import Import, Mode
from ledger.registry.numbers import Numbers
from ops.cli.adjust import accounts_desk
from ops.cli.csv_import import ALL_OR_NOTHING, Columns, How, LineError, read_sheet, store_sheet, whole_number
from ops.cli.help_texts import examples
from ops.cli.registry_options import NOBODY, By, Json, Programme, pick_programme
from ops.errors import CommandError
from ops.exit_codes import Exit
from ops.output import print_line, say
from ops.place.options import HERE, Place
from protocol import CardNumberError, parse_card

COLUMNS = Columns(required=("number", "points", "reference"))
app = App(
    name="balances",
    help="Opening balances of cards that had points in another system.",
    help_epilogue=examples("balances import old.csv --reason 'the old system, 31 December' --dry-run"),
)


@app.command(
    name="import",
    help_epilogue=examples(
        "balances import old.csv --reason 'the old system, 31 December' --dry-run",
        "balances import old.csv --reason 'the old system, 31 December' --actor anna",
    ),
)
async def import_(
    file: Annotated[
        Path,
        Parameter(
            help="CSV: number (of the card), points, reference (what the old system called the account)."
        ),
    ],
    /,
    *,
    how: How = ALL_OR_NOTHING,
    programme: Programme = None,
    by: By = NOBODY,
    json: Json = False,
    place: Place = HERE,
) -> Exit:
    """Propose the opening balances of a CSV file, all or none; they are approved as one."""
    proposed: list[int] = []
    async with accounts_desk(place) as desk:
        number = await desk.database.run(lambda connection: pick_programme(connection, programme))
        numbers = await desk.numbers(number)
        sheet = read_sheet(file, COLUMNS, _reader(numbers))
        if len(sheet.lines) > ROWS_MAX:
            raise CommandError(Exit.USAGE, f"more than {ROWS_MAX} balances at once.", "Import it in parts.")
        actor = by.told(sheet.source)

        async def store(rows: list[NewRow], mode: Mode) -> Import:
            if not rows:
                return Import(0, 0, [])
            done, found = await desk.import_balances(actor, numbers, rows, mode)
            proposed.extend([] if found is None else [found])
            return done

        status = await store_sheet(
            sheet, how, lambda row: row.token, store, what="balances", as_json=json, see="adjust list"
        )
    tell = say if json else print_line
    tell(f"The good lines of the file come to {sum(line.value.points for line in sheet.lines)} points.")
    for found in proposed:
        tell(f"Adjustment {found} waits to be approved: cityswitch adjust approve {found} --points SUM")
    return status


def _reader(numbers: Numbers) -> Callable[[Mapping[str, str]], NewRow]:
    """Return what reads a line; no fault repeats what stands there."""

    def read(row: Mapping[str, str]) -> NewRow:
        try:
            token = numbers.token(parse_card(row["number"]))
        except CardNumberError as error:
            raise LineError("number", str(error)) from None
        if len(row["reference"]) > REFERENCE_CHARACTERS_MAX:
            raise LineError("reference", f"must have at most {REFERENCE_CHARACTERS_MAX} characters")
        return NewRow(token, whole_number(row, "points", 1, POINTS_MAX), row["reference"])

    return read
