"""`cityswitch invoices`: invoices to partners for the national e-invoice system (KSeF).

Owns the subcommands. Must not write SQL (`ledger.registry.invoices` does), nor decide what is invoiced
(`ops.invoices.drafts`). Invariant: what is asked again is done once.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Final

from cyclopts import App, Parameter

from ledger.errors import RegistryRefused
from ledger.postgres.database import Database
from ledger.registry.bounds import ID_MAX, INT32_MAX, check_number
from ledger.registry.invoices import Issued, find_document, list_issued, notes_of
from ledger.registry.programmes import list_programmes
from ledger.settlement.statement import check_month, read_statement, read_statements
from ops.cli.failures import explain
from ops.cli.files import folder_there, write_file
from ops.cli.help_texts import examples
from ops.cli.registry_options import NOBODY, By, Json, Programme, pick_programme, tell_done
from ops.errors import CommandError
from ops.exit_codes import Exit
from ops.invoices.issuing import Refused, issue_all, send_all
from ops.invoices.note_files import file_name, note_pdf, notes_csv, read_note
from ops.invoices.sinks import FileSink, Sink, find_sink
from ops.output import Row, print_fields, print_json, print_line, print_rows, print_text, say
from ops.place.database import changing, looking
from ops.place.options import HERE, Place
from ops.settlement.words import Language

SHOWN: Final = (
    "number", "kind", "partner", "month", "issued_on", "net_grosze", "vat_grosze", "gross_grosze", "sent_at",
)  # fmt: skip
NARROW: Final = ("number", "kind", "partner", "month", "gross_grosze")
Month = Annotated[str, Parameter(help="The month, like 2026-11.")]
ToFolder = Annotated[
    Path | None, Parameter(name="--to", help="Folder of the files; <state-dir>/invoices/<programme>.")
]
SinkName = Annotated[
    str, Parameter(name="--sink", help="Where to: file, or what an installed package brings.")
]

app = App(
    name="invoices",
    help="Invoices to partners: FA(3) documents for KSeF, and notes of their rebates.",
    help_epilogue=examples(
        "invoices make --month 2026-11", "invoices list --month 2026-11", "invoices show F/CZESTOCHOWA/2026/1"
    ),
)


def shown(issued: Issued) -> Row:
    """Return a document as it is shown."""
    return {
        "number": issued.text,
        "kind": issued.kind,
        "partner": issued.partner,
        "month": issued.month,
        "statement": issued.statement,
        "issued_on": issued.issued_on.isoformat(),
        "net_grosze": issued.net_grosze,
        "vat_grosze": issued.vat_grosze,
        "gross_grosze": issued.gross_grosze,
        "corrects": issued.corrects or None,
        "sent_at": issued.sent_at.isoformat() if issued.sent_at else None,
        "sink": issued.sink,
        "ksef_number": issued.ksef_number or None,
        "told_number": issued.told_number or None,
        "outside_ksef": issued.is_outside_ksef,
    }


async def _folder(database: Database, programme: int, to: Path | None, place: Place) -> Path:
    """Return where files go: as asked, else a folder of the programme in the state directory."""
    if to is not None:
        return to
    programmes = await database.run(list_programmes)
    code: str = next(row["code"] for row in programmes if row["id"] == programme)
    return place.settings().state_path / "invoices" / code


@app.command(
    help_epilogue=examples(
        "invoices make --month 2026-11",
        "invoices make --month 2026-11 --partner 1001 --hold --json",
        "invoices make --month 2026-11 --partner 1001 --origin 2026-09",
    )
)
async def make(
    *,
    month: Month,
    partner: Annotated[int | None, Parameter(help="This partner alone.")] = None,
    origin: Annotated[
        str, Parameter(help="The month whose invoice is corrected by what names none; wants --partner.")
    ] = "",
    hold: Annotated[bool, Parameter(help="Issue, and send nothing yet.")] = False,
    sink: SinkName = FileSink.name,
    to: ToFolder = None,
    programme: Programme = None,
    by: By = NOBODY,
    json: Json = False,
    place: Place = HERE,
) -> Exit:
    """Issue what a closed month asks for, and send it; done again, it does what is missing.

    Wants --second where the programme's rules do (`[second_person] month_documents`).
    """
    check_month(month)
    if partner is not None:
        check_number("the number of a partner", partner, 1, ID_MAX)
    if origin and (partner is None or check_month(origin) >= month):
        raise RegistryRefused("--origin is an earlier month, and of one --partner")
    actor = by.told()
    async with changing(place) as database:
        number = await database.run(lambda c: pick_programme(c, programme))
        chosen = find_sink(sink, await _folder(database, number, to, place))
        if partner is None:
            statements = await database.run(lambda c: read_statements(c, number, month))
        else:
            one = await database.run(lambda c: read_statement(c, number, partner, month))
            statements = [one]
        outcome = await issue_all(database, actor, number, statements, takes_from=origin)
        sent: Sequence[str] = ()
        refused, stopped = list(outcome.refused), outcome.stopped
        if not (hold or stopped):
            try:
                delivered = await send_all(database, actor, number, chosen)
            except RegistryRefused as error:  # somebody is sending; what was issued is told all the same
                refused.append(Refused("sending", error.phrase))
            else:
                sent, refused = delivered.sent, [*refused, *delivered.refused]
                stopped = delivered.stopped
    if json:
        told = [{"what": str(one.what), "why": str(one.why)} for one in refused]
        issued = [shown(one) for one in outcome.issued]
        print_json({"there": len(outcome.there), "sent": list(sent), "issued": issued, "refused": told})
        return _ended(refused, stopped)
    print_rows([shown(one) for one in outcome.issued], SHOWN, narrow=NARROW, empty="Nothing new to issue.")
    say(f"Issued {len(outcome.issued)}, there already {len(outcome.there)}.")
    return _tell_sent(chosen, sent, refused, stopped)


def _tell_sent(
    sink: Sink, sent: Sequence[str], refused: Sequence[Refused], stopped: Exception | None
) -> Exit:
    where = f" to {sink.folder}" if isinstance(sink, FileSink) else f" by {sink.name}"
    say(f"Sent {len(sent)}{where if sent else ''}, refused {len(refused)}.")
    for one in refused:
        print_line(f"{one.what}: {one.why}")
    return _ended(refused, stopped)


def _ended(refused: Sequence[Refused], stopped: Exception | None) -> Exit:
    """Return as what a run ended, all that it did being told. Raises what ended it before its end."""
    if isinstance(stopped, OSError) and explain(stopped) is None:
        raise CommandError(
            Exit.STATE,
            f"nothing more can be sent now: {stopped.strerror or stopped}.",
            "Run it again later: what was sent is not sent twice.",
        )
    if stopped is not None:
        raise stopped
    return Exit.DIFFERENCES if refused else Exit.OK


@app.command(help_epilogue=examples("invoices send", "invoices send --to /srv/ksef/out"))
async def send(
    *,
    sink: SinkName = FileSink.name,
    to: ToFolder = None,
    programme: Programme = None,
    by: By = NOBODY,
    json: Json = False,
    place: Place = HERE,
) -> Exit:
    """Send what was issued and not sent yet."""
    actor = by.told()
    async with changing(place) as database:
        number = await database.run(lambda c: pick_programme(c, programme))
        chosen = find_sink(sink, await _folder(database, number, to, place))
        outcome = await send_all(database, actor, number, chosen)
    if json:
        told = [{"what": str(one.what), "why": str(one.why)} for one in outcome.refused]
        print_json({"sent": outcome.sent, "refused": told})
        return _ended(outcome.refused, outcome.stopped)
    return _tell_sent(chosen, outcome.sent, outcome.refused, outcome.stopped)


@app.command(name="list", help_epilogue=examples("invoices list --month 2026-11", "invoices list --json"))
async def list_(
    *,
    month: Annotated[str | None, Parameter(help="Of this month alone, like 2026-11.")] = None,
    partner: Annotated[int | None, Parameter(help="Of this partner alone.")] = None,
    skip: Annotated[int, Parameter(help="Pass over so many of the first.")] = 0,
    limit: Annotated[int, Parameter(help="At most so many, up to 1000.")] = 100,
    programme: Programme = None,
    json: Json = False,
    place: Place = HERE,
) -> None:
    """List what was issued, by year, series and number."""
    if month is not None:
        check_month(month)
    if partner is not None:
        check_number("the number of a partner", partner, 1, ID_MAX)
    check_number("what is passed over", skip, 0, INT32_MAX)
    async with looking(place) as database:
        number = await database.run(lambda c: pick_programme(c, programme))
        rows = await database.run(
            lambda c: list_issued(c, number, month=month, partner=partner, after=skip, limit=limit)
        )
    if json:
        print_json([shown(row) for row in rows])
        return
    print_rows([shown(row) for row in rows], SHOWN, narrow=NARROW, empty="Nothing was issued.")


@app.command(
    help_epilogue=examples(
        "invoices show F/CZESTOCHOWA/2026/1",
        "invoices show F/CZESTOCHOWA/2026/1 --xml > invoice.xml",
        "invoices show N/CZESTOCHOWA/2026/1 --pdf note.pdf",
    )
)
async def show(
    number: Annotated[str, Parameter(help="The number a document shows.")],
    /,
    *,
    xml: Annotated[bool, Parameter(help="The document itself, as it was issued.")] = False,
    pdf: Annotated[Path | None, Parameter(help="Write a note there as tagged PDF (extra `office`).")] = None,
    csv: Annotated[Path | None, Parameter(help="Write a note there as CSV.")] = None,
    language: Annotated[Language, Parameter(help="Of the PDF.")] = "pl",
    json: Json = False,
    place: Place = HERE,
) -> None:
    """Show one document, or write a note out to be read."""
    async with looking(place) as database:
        issued, content = await database.run(lambda c: find_document(c, number))
    if pdf is not None:
        write_file(pdf, note_pdf(read_note(content), language))
    if csv is not None:
        write_file(csv, notes_csv([read_note(content)]).encode())
    if xml:
        print_text(content.decode())
    elif json:
        print_json(shown(issued))
    elif pdf is None and csv is None:
        print_fields(shown(issued), as_json=False)


@app.command(help_epilogue=examples("invoices notes november --month 2026-11 --pdf"))
async def notes(
    directory: Annotated[Path, Parameter(help="Where the files go; made if it is not there.")],
    /,
    *,
    month: Month,
    pdf: Annotated[bool, Parameter(help="A PDF of each note, too.")] = False,
    language: Annotated[Language, Parameter(help="Of the PDFs.")] = "pl",
    programme: Programme = None,
    json: Json = False,
    place: Place = HERE,
) -> None:
    """Write the notes of rebates of a month: one CSV of them all, and PDFs if wanted."""
    check_month(month)
    async with looking(place) as database:
        chosen = await database.run(lambda c: pick_programme(c, programme))
        found = [read_note(each) for each in await database.run(lambda c: notes_of(c, chosen, month))]
    folder_there(directory)
    write_file(directory / "notes.csv", notes_csv(found).encode())
    for one in found if pdf else ():
        write_file(directory / file_name(one.number, "pdf"), note_pdf(one, language))
    tell_done(
        f"{len(found)} notes written to {directory}.",
        {"notes": len(found), "directory": str(directory)},
        as_json=json,
    )
