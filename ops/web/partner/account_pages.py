"""What a partner has: outlets, terminals, statements, invoices.

Owns these pages. Must not know how sums are found. Invariants: everything is of the partner of whoever has
signed in, and no path or field names another; of holders nothing is here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import trio
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ledger.errors import NotInRegistry, RegistryRefused
from ledger.postgres.database import Connection
from ledger.registry.invoices import list_issued
from ledger.registry.kept_statements import months_of_partner
from ledger.registry.outlets import list_outlets
from ledger.registry.presence import Wanted, terminal_status
from ledger.registry.terminals import list_terminals
from ledger.settlement.statement import Statement, read_statement
from ops.invoices.note_files import Note, file_name, note_pdf, notes_csv, read_note
from ops.settlement.organiser import organiser_of
from ops.settlement.pdf import statement_pdf
from ops.settlement.sheets import statements_sheet
from ops.web.documents import CSV, PDF, issued_document, notes_of_month, to_keep
from ops.web.identity.person import Person, office_of, person_of, require
from ops.web.pages import Pages
from ops.written import zloty

ROWS_MAX: Final = 1_000
_one_at_a_time: Final = trio.CapacityLimiter(1)


class AccountPages:
    """Outlets and terminals, statements and invoices."""

    def __init__(self, pages: Callable[[], Pages]) -> None:
        self._pages = pages

    def routes(self) -> list[Route]:
        """Return what these pages answer to."""
        return [
            Route("/partner", self.outlets),
            Route("/partner/statements", self.statements),
            Route("/partner/statements/{month}.csv", self.csv),
            Route("/partner/statements/{month}.pdf", self.pdf),
            Route("/partner/invoice", self.invoice),
            Route("/partner/notes/{month}.csv", self.note_csv),
            Route("/partner/notes/{month}.pdf", self.note_pdf),
        ]

    @require("partner")
    async def outlets(self, request: Request) -> Response:
        """Show the outlets, and of each terminal whether it is on line."""
        partner = partner_of(request)

        async def job(connection: Connection) -> tuple[list[Any], list[Any], list[Any]]:
            return (
                await list_outlets(connection, partner=partner, limit=ROWS_MAX),
                await list_terminals(connection, partner=partner, limit=ROWS_MAX),
                await terminal_status(connection, Wanted(partner=partner), limit=ROWS_MAX),
            )

        outlets, terminals, states = await office_of(request).database.run(job)
        outlet_of = {row["id"]: row["outlet"] for row in terminals}
        shown: dict[int | None, list[Any]] = {}
        for row in states:
            shown.setdefault(outlet_of.get(row["terminal"]), []).append(row)
        return self._pages().render(
            request,
            "partner_outlets.html",
            name=who(request).name,
            outlets=outlets,
            terminals=shown,
            nowhere=shown.get(None, []),
        )

    @require("partner")
    async def statements(self, request: Request) -> Response:
        """Show the months, and what was issued."""
        office, partner, language = office_of(request), partner_of(request), request.state.language

        async def job(connection: Connection) -> tuple[list[Any], list[Any]]:
            months = await months_of_partner(connection, office.programme, partner)
            return months, await list_issued(connection, office.programme, partner=partner, limit=ROWS_MAX)

        months, invoices = await office.database.run(job)
        return self._pages().render(
            request,
            "partner_statements.html",
            months=[{**row, "due": zloty(row["due_grosze"], language)} for row in months],
            invoices=[
                {
                    "text": each.text,
                    "month": each.month,
                    "gross": zloty(each.gross_grosze, language),
                    "is_note": each.kind == "note",
                }
                for each in invoices
            ],
        )

    @require("partner")
    async def csv(self, request: Request) -> Response:
        """Give a month's statement for a spreadsheet, in the language of the page."""
        found = await _statement(request)
        body = statements_sheet([found], request.state.language, request.state.zone)
        return to_keep(body, f"{found.month}.csv", CSV)

    @require("partner")
    async def pdf(self, request: Request) -> Response:
        """Give it as tagged PDF, in the language of the page."""
        found, language = await _statement(request), request.state.language
        office = office_of(request)
        organiser = await office.database.run(lambda c: organiser_of(c, office.programme))
        body = await trio.to_thread.run_sync(
            statement_pdf, found, organiser, language, limiter=_one_at_a_time
        )
        return to_keep(body, f"{found.month}.pdf", PDF)

    @require("partner")
    async def invoice(self, request: Request) -> Response:
        """Give a document out that was issued to this partner."""
        return await issued_document(request, partner_of(request))

    @require("partner")
    async def note_csv(self, request: Request) -> Response:
        """Give the note of a month's rebates as CSV."""
        note = await _note(request)
        return to_keep(notes_csv([note]).encode(), file_name(note.number, "csv"), CSV)

    @require("partner")
    async def note_pdf(self, request: Request) -> Response:
        """Give it as tagged PDF, in the language of the page."""
        note, language = await _note(request), request.state.language
        body = await trio.to_thread.run_sync(note_pdf, note, language, limiter=_one_at_a_time)
        return to_keep(body, file_name(note.number, "pdf"), PDF)


def who(request: Request) -> Person:
    """Return who asks, behind a page's @require."""
    person = person_of(request)
    assert person is not None
    return person


def partner_of(request: Request) -> int:
    """Return whose pages these are."""
    partner = who(request).partner
    assert partner is not None
    return partner


async def _statement(request: Request) -> Statement:
    office, month = office_of(request), request.path_params["month"]
    partner = partner_of(request)
    try:
        return await office.database.run(lambda c: read_statement(c, office.programme, partner, month))
    except (NotInRegistry, RegistryRefused):
        raise HTTPException(404) from None


async def _note(request: Request) -> Note:
    return read_note((await notes_of_month(request, partner_of(request)))[0])
