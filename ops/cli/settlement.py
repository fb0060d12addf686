"""`cityswitch settlement`: what partners owe for a month, computed, shown, written out and closed.

Owns the subcommands. Must not compute: `ledger.settlement` does, with prices of `ops.settlement.prices`.
"""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Parameter

from ledger.postgres.database import Connection, Database
from ledger.registry.audit import Actor
from ledger.registry.partners import check_partner
from ledger.registry.programmes import list_programmes
from ledger.settlement import closing
from ledger.settlement.closing import Settled
from ledger.settlement.compute import Summary
from ledger.settlement.statement import check_month, read_statement, read_statements
from ops.cli.amounts import AmountError, parse_amount
from ops.cli.files import folder_there, write_file
from ops.cli.help_texts import examples
from ops.cli.registry_options import NOBODY, UNSURE, By, BySure, Json, Programme, pick_programme, tell_done
from ops.errors import CommandError
from ops.exit_codes import Exit
from ops.office.rules_in_force import second_person
from ops.output import Row, print_json, print_rows, say
from ops.place.database import changing, looking
from ops.place.options import HERE, Place
from ops.settlement.organiser import organiser_of
from ops.settlement.pdf import line_name, statement_pdf
from ops.settlement.prices import prices_of
from ops.settlement.sheets import statements_csv, summary_csv
from ops.settlement.words import Language

RUN_S_MAX = 600.0
SUMS = ("statements", "net_grosze", "vat_grosze", "gross_grosze", "rebates_grosze", "due_grosze")
LINE_SHOWN = ("line", "quantity", "unit_grosze", "net_grosze", "vat_rate", "origin")
Month = Annotated[str, Parameter(help="The month, like 2026-11.")]

app = App(
    name="settlement",
    help="The month's end: statements of partners, the organiser's summary, closing a month.",
    help_epilogue=examples(
        "settlement run --month 2026-11", "settlement close --month 2026-11 --programme czestochowa"
    ),
)


@app.command(
    help_epilogue=examples("settlement run --month 2026-11", "settlement run --month 2026-11 --json")
)
async def run(
    *, month: Month, programme: Programme = None, by: By = NOBODY, json: Json = False, place: Place = HERE
) -> None:
    """Compute the statements of an open month, of one programme or of all; as often as wanted."""
    actor, began_s = by.told(), time.monotonic()
    rows: list[Row] = []
    count = 0
    check_month(month)
    async with changing(place) as database:
        for number, code in await _programmes(database, programme):
            settled = await database.run(partial(_run, actor, number, month), timeout_s=RUN_S_MAX)
            rows.append({"programme": code, "month": month, **_sums(settled.summary)})
            count += settled.summary.statements
    print_rows(rows, ("programme", "month", *SUMS), as_json=json, empty="There is no programme yet.")
    say(f"{count} statements in {time.monotonic() - began_s:.1f} s.")


@app.command(
    help_epilogue=examples("settlement close --month 2026-11 --second maria --reason 'month end' --yes")
)
async def close(
    *, month: Month, programme: Programme = None, by: BySure = UNSURE, json: Json = False, place: Place = HERE
) -> None:
    """Close a month that is over: nothing of it ever changes, what comes later is of the next.

    Wants --second where the programme's rules do (`[second_person] month_close`).
    """
    actor = by.told()
    check_month(month)
    by.confirm(f"Close month {month} for ever")
    async with changing(place) as database:
        chosen = await database.run(lambda c: pick_programme(c, programme))
        needed = (await second_person(database, chosen)).month_close
        settled = await database.run(
            lambda c: _close(c, actor, chosen, month, second_needed=needed), timeout_s=RUN_S_MAX
        )
    sums = _sums(settled.summary)
    tell_done(
        f"Month {month} is closed: {sums['statements']} statements, due {sums['due_grosze']} gr.",
        {"month": month, **sums},
        as_json=json,
        again=f"settlement show --month {month}",
    )


@app.command(
    help_epilogue=examples("settlement show --month 2026-11", "settlement show --month 2026-11 --json")
)
async def show(*, month: Month, programme: Programme = None, json: Json = False, place: Place = HERE) -> None:
    """Show the organiser's summary: of a closed month as it was closed, else as the books stand now."""
    check_month(month)
    async with looking(place) as database:
        chosen = await database.run(lambda c: pick_programme(c, programme))
        summary = await database.run(lambda c: _summary(c, chosen, month), timeout_s=RUN_S_MAX)
    if json:
        print_json(summary)
        return
    rows: list[Row] = [_shown(line) for line in summary.lines]
    print_rows(rows, LINE_SHOWN, empty="Nothing happened in this month.")
    state = "closed" if summary.closed_at_ms is not None else "open: sums may change"
    say(
        f"{summary.statements} statements, due {summary.due_grosze} gr; fees of duplicates "
        f"{summary.duplicate_fees_grosze} gr, paid {summary.duplicate_fees_paid_grosze} gr; "
        f"the month is {state}."
    )


@app.command(
    help_epilogue=examples(
        "settlement statement 1001 --month 2026-11", "settlement statement 1001 --month 2026-11 --pdf s.pdf"
    )
)
async def statement(
    partner: Annotated[int, Parameter(help="The partner's number.")],
    /,
    *,
    month: Month,
    programme: Programme = None,
    pdf: Annotated[Path | None, Parameter(help="Write it there as tagged PDF (extra `office`).")] = None,
    csv: Annotated[Path | None, Parameter(help="Write it there as CSV.")] = None,
    language: Annotated[Language, Parameter(help="Of the PDF.")] = "pl",
    json: Json = False,
    place: Place = HERE,
) -> None:
    """Show a partner's statement as it was computed last, or write it out."""
    async with looking(place) as database:
        chosen = await database.run(lambda c: pick_programme(c, programme))
        found = await database.run(lambda c: read_statement(c, chosen, partner, month))
        organiser = await database.run(lambda c: organiser_of(c, chosen))
    if pdf is not None:
        write_file(pdf, statement_pdf(found, organiser, language))
    if csv is not None:
        write_file(csv, statements_csv([found]).encode())
    if json:
        print_json(found)
    elif pdf is None and csv is None:
        print_rows(
            [_shown(line) for line in found.lines], LINE_SHOWN, empty="Nothing happened in this month."
        )
        say(
            f"{found.number}: gross {found.gross_grosze} gr, rebates {found.rebates_grosze} gr, "
            f"due {found.due_grosze} gr."
        )


@app.command(help_epilogue=examples("settlement export november --month 2026-11 --pdf"))
async def export(
    directory: Annotated[Path, Parameter(help="Where the files go; made if it is not there.")],
    /,
    *,
    month: Month,
    programme: Programme = None,
    pdf: Annotated[bool, Parameter(help="A PDF of each statement, too.")] = False,
    language: Annotated[Language, Parameter(help="Of the PDFs.")] = "pl",
    json: Json = False,
    place: Place = HERE,
) -> None:
    """Write all statements of a month: one CSV of them, one of the summary, and PDFs if wanted."""
    check_month(month)
    async with looking(place) as database:
        chosen = await database.run(lambda c: pick_programme(c, programme))
        found = await database.run(lambda c: read_statements(c, chosen, month))
        organiser = await database.run(lambda c: organiser_of(c, chosen))
        summary = await database.run(lambda c: _summary(c, chosen, month), timeout_s=RUN_S_MAX)
    folder_there(directory)
    write_file(directory / "statements.csv", statements_csv(found).encode())
    write_file(directory / "summary.csv", summary_csv(summary).encode())
    for one in found if pdf else ():
        write_file(directory / f"{one.number.replace('/', '-')}.pdf", statement_pdf(one, organiser, language))
    tell_done(
        f"{len(found)} statements written to {directory}.",
        {"statements": len(found), "directory": str(directory)},
        as_json=json,
    )


@app.command(
    help_epilogue=examples(
        "settlement correct 1001 -5.00 --month 2026-12 --second maria --reason 'typed twice'",
        "settlement correct 1001 -5.00 --month 2026-12 --origin 2026-10 --vat-rate 8 --reason 'typed twice'",
    )
)
async def correct(
    partner: Annotated[int, Parameter(help="The partner's number.")],
    net: Annotated[str, Parameter(help="Net, in zł: 5.00 or -5.00.", allow_leading_hyphen=True)],
    /,
    *,
    month: Month,
    origin: Annotated[str, Parameter(help="The month or statement it sets right.")] = "",
    vat_rate: Annotated[
        int | None, Parameter(help="The rate of VAT it corrects, where that month has several: 23, 8, 5.")
    ] = None,
    by: By = NOBODY,
    json: Json = False,
    place: Place = HERE,
) -> None:
    """Enter a correction of a partner's account in an open month; wants --reason.

    Its rate of VAT is that at which the month of its origin billed the partner; where there were more,
    --vat-rate says which.
    The partner reads the reason in the statement, and KSeF in the invoice. Wants --second, too, where the
    programme's rules do (`[second_person] statement_corrections`).
    """
    try:
        grosze = parse_amount(net)
    except AmountError as error:
        raise CommandError(Exit.USAGE, f"the sum: {error}.") from None
    actor = by.told()
    async with changing(place) as database:
        programme = await database.run(lambda c: check_partner(c, partner))
        needed = (await second_person(database, programme)).statement_corrections
        prices = await database.run(lambda c: prices_of(c, programme))
        done = await database.run(
            lambda c: closing.correct(
                c,
                actor,
                partner,
                month,
                grosze,
                prices=prices,
                origin=origin,
                vat_rate=vat_rate,
                second_needed=needed,
            )
        )
    tell_done(
        f"Correction {done.number} of {grosze} gr net at {done.vat_rate} % of VAT is entered for {month}.",
        {
            "number": done.number,
            "partner": partner,
            "month": month,
            "net_grosze": grosze,
            "vat_rate": done.vat_rate,
        },
        as_json=json,
        again=f"settlement run --month {month}",
    )


async def _programmes(database: Database, wanted: str | None) -> list[tuple[int, str]]:
    rows: list[Any] = await database.run(list_programmes)
    if wanted is None:
        return [(row["id"], row["code"]) for row in rows]
    chosen = await database.run(lambda c: pick_programme(c, wanted))
    return [(row["id"], row["code"]) for row in rows if row["id"] == chosen]


async def _run(actor: Actor, programme: int, month: str, connection: Connection) -> Settled:
    prices = await prices_of(connection, programme)
    return await closing.run(connection, actor, programme, month, prices)


async def _close(
    connection: Connection, actor: Actor, programme: int, month: str, *, second_needed: bool
) -> Settled:
    prices = await prices_of(connection, programme)
    return await closing.close(connection, actor, programme, month, prices, second_needed=second_needed)


async def _summary(connection: Connection, programme: int, month: str) -> Summary:
    if await closing.is_closed(connection, programme, month):
        return await closing.read_summary(connection, programme, month)
    prices = await prices_of(connection, programme)
    return (await closing.compute(connection, programme, month, prices)).summary


def _sums(summary: Summary) -> dict[str, int]:
    return {name: getattr(summary, name) for name in SUMS}


def _shown(line: Any) -> Row:
    return {
        "line": line_name(line, "en"),
        "quantity": line.quantity,
        "unit_grosze": line.unit_grosze,
        "net_grosze": line.net_grosze,
        "vat_rate": line.vat_rate,
        "origin": line.origin,
        "contract": line.contract,
    }
