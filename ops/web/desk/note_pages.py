"""The documents of a month at the desk: notes of rebates as CSV and PDF, and each document as it was issued.

Owns how they are given out. Must not know how one is issued (`ops.invoices`). Invariants: a document is of
the programme of whoever asks and of the partner and month that the address names; it is given out to keep,
never to show.
"""

from __future__ import annotations

from collections.abc import Iterable

import trio
from starlette.requests import Request
from starlette.responses import Response

from ledger.registry.bounds import ID_MAX
from ops.invoices.note_files import file_name, note_pdf, notes_csv, read_note
from ops.web.desk.common import ACCOUNTS, OFFICERS, WORK, number_in
from ops.web.documents import CSV, PDF, issued_document, notes_of_month, to_keep
from ops.web.identity import require


class NotePages:
    """Documents of whoever's programme it is."""

    @require(*OFFICERS, roles=ACCOUNTS)
    async def all_csv(self, request: Request) -> Response:
        """Give the notes of a month out as one CSV."""
        found = await notes_of_month(request)
        body = await trio.to_thread.run_sync(_csv, found, limiter=WORK)
        return to_keep(body, f"notes-{request.path_params['month']}.csv", CSV)

    @require(*OFFICERS, roles=ACCOUNTS)
    async def csv(self, request: Request) -> Response:
        """Give the note of a partner out as CSV."""
        (found,) = await notes_of_month(request, _partner(request))
        return to_keep(_csv([found]), file_name(read_note(found).number, "csv"), CSV)

    @require(*OFFICERS, roles=ACCOUNTS)
    async def pdf(self, request: Request) -> Response:
        """Give the note of a partner out as tagged PDF, in the language of the page."""
        (found,) = await notes_of_month(request, _partner(request))
        note = read_note(found)
        body = await trio.to_thread.run_sync(note_pdf, note, request.state.language, limiter=WORK)
        return to_keep(body, file_name(note.number, "pdf"), PDF)

    @require(*OFFICERS, roles=ACCOUNTS)
    async def document(self, request: Request) -> Response:
        """Give a document out as it was issued."""
        return await issued_document(request, _partner(request), request.path_params["month"])


def _partner(request: Request) -> int:
    return number_in(request, "partner", ID_MAX)


def _csv(documents: Iterable[bytes]) -> bytes:
    return notes_csv(read_note(each) for each in documents).encode()
