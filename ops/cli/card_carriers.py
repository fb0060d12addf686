"""`cityswitch cards import-carriers`: further carriers for cards that are there, from a file.

Owns the subcommand. Must not do an office's work itself: `ops.office.cards` does. Invariant: no message
repeats a number.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from ledger.registry.carriers import NewCarrier
from ledger.registry.duplicates import Carrier
from ledger.registry.imports import Import, Mode
from ledger.registry.numbers import Numbers
from ops.cli.card_cases import app
from ops.cli.cards import card_desk
from ops.cli.csv_import import ALL_OR_NOTHING, Columns, How, LineError, read_sheet, store_sheet
from ops.cli.help_texts import examples
from ops.cli.registry_options import NOBODY, By, Json, Programme, pick_programme
from ops.exit_codes import Exit
from ops.office.numbering import Numbering
from ops.place.options import HERE, Place
from protocol import CardNumberError, parse_card

__all__ = ["app"]

COLUMNS = Columns(required=("number", "of", "kind"))
KINDS = {carrier.name.lower(): carrier for carrier in Carrier}


def carrier_reader(numbers: Numbers, numbering: Numbering) -> Callable[[Mapping[str, str]], NewCarrier]:
    """Return the function that reads one line of a file."""

    def read(row: Mapping[str, str]) -> NewCarrier:
        digits = {}
        for column in ("number", "of"):
            try:
                digits[column] = parse_card(row[column])
            except CardNumberError as error:
                raise LineError(column, f"is no card: {error}") from None
        kind = KINDS.get(row["kind"].lower())
        if kind is None:
            raise LineError("kind", f"is none of {', '.join(KINDS)}")
        if why := numbering.carrier_fault(kind):
            raise LineError("kind", why)
        number = digits["number"]
        if why := numbering.fault(number, kind):
            raise LineError("number", why)
        return NewCarrier(numbers.token(number), number[-4:], kind, numbers.token(digits["of"]))

    return read


@app.command(
    name="import-carriers",
    help_epilogue=examples(
        "cards import-carriers transport.csv --dry-run", "cards import-carriers transport.csv"
    ),
)
async def import_carriers(
    file: Annotated[Path, Parameter(help="CSV: number, of (a number of the account), kind.")],
    /,
    *,
    how: How = ALL_OR_NOTHING,
    programme: Programme = None,
    by: By = NOBODY,
    json: Json = False,
    place: Place = HERE,
) -> Exit:
    """Give many cards' accounts another kind of carrier (plastic, transport, qr), active at once."""
    async with card_desk(place) as desk:
        number = await desk.database.run(lambda connection: pick_programme(connection, programme))
        numbers = await desk.numbers(number)
        reader = carrier_reader(numbers, await desk.numbering(number))
        sheet = read_sheet(file, COLUMNS, reader)
        actor = by.told(sheet.source)
        by.agreed(place, len(sheet.lines))

        async def store(rows: list[NewCarrier], mode: Mode) -> Import:
            return await desk.import_carriers(actor, numbers, rows, mode)

        return await store_sheet(sheet, how, lambda row: row.token, store, what="cards", as_json=json)
