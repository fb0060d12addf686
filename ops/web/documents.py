"""Files that pages give out, and how a document is found that was issued.

Owns both for every site. Must not know a page, nor how a document is made (`ops.invoices`). Invariants: a
file is given out to keep, never to show; a document is of the programme of whoever asks, and of the partner
and month that the page means: every other one is not there.
"""

from __future__ import annotations

from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from ledger.errors import RegistryRefused
from ledger.registry.invoices import find_document, notes_of
from ledger.settlement.statement import check_month
from ops.invoices.note_files import file_name
from ops.web.identity import office_of

CSV: Final = "text/csv; charset=utf-8"
PDF: Final = "application/pdf"
XML: Final = "application/xml"
NOTHING_RUNS: Final = {
    "Content-Security-Policy": "sandbox; default-src 'none'",
    "X-Content-Type-Options": "nosniff",
}


def to_keep(body: bytes, name: str, kind: str) -> Response:
    """Give a file out: to keep, never to show here."""
    headers = {"Content-Disposition": f'attachment; filename="{name}"', **NOTHING_RUNS}
    return Response(body, media_type=kind, headers=headers)


async def issued_document(request: Request, partner: int, month: str | None = None) -> Response:
    """Give the document out that `number` of the address names, as it was issued to a partner, of a month or
    of any. Raises 404.
    """
    office, text = office_of(request), request.query_params.get("number", "")
    try:
        issued, body = await office.database.run(lambda c: find_document(c, text))
    except RegistryRefused:
        raise HTTPException(404) from None
    if (issued.programme, issued.partner) != (office.programme, partner) or month not in (None, issued.month):
        raise HTTPException(404)
    return to_keep(body, file_name(issued.text, "xml"), XML)


async def notes_of_month(request: Request, partner: int | None = None) -> list[bytes]:
    """Return the notes of the address' month as they were issued, of all partners or one; one at least.
    Raises 404.
    """
    office, month = office_of(request), request.path_params["month"]
    try:
        check_month(month)
    except RegistryRefused:
        raise HTTPException(404) from None
    found = await office.database.run(lambda c: notes_of(c, office.programme, month, partner))
    if not found:
        raise HTTPException(404)
    return found
