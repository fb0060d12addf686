"""The page of a month's documents: proposed to be issued, issued, sent, and their KSeF numbers noted.

Owns what it asks and answers. Must not know what is issued (`ops.invoices`). Invariants: what waits to be
approved is on the page of all months, with what else does, and each document of it on this one, apart from
what could be issued beside it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Final, NamedTuple

from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from ledger.errors import DatabaseContended, RegistryRefused
from ledger.registry.audit import REASON_CHARACTERS_MAX, Actor
from ledger.registry.bounds import INT32_MAX
from ledger.registry.invoices import TEXT_CHARACTERS_MAX, Order, ToIssue
from ops.invoices.document_desk import PAGE, DocumentDesk
from ops.invoices.sinks import Sink
from ops.web.desk.common import (
    ACCOUNTS,
    OFFICERS,
    GetPages,
    acting,
    after_in,
    back_to,
    month_in,
    named,
    status_of,
)
from ops.web.identity import Office, form_of, office_of, require, text_of
from ops.web.refusals import fault_of

KSEF_CHARACTERS_MAX: Final = 64
SinkOf = Callable[[str], Sink]
"""Where the documents of a programme, by its code, are sent to."""


async def _propose(desk: DocumentDesk, actor: Actor, month: str, _form: FormData) -> str:
    await desk.propose(actor, month)
    return "/desk/months"


async def _send(desk: DocumentDesk, actor: Actor, month: str, _form: FormData) -> str:
    await desk.send(actor)
    return _path(month)


async def _number(desk: DocumentDesk, actor: Actor, month: str, form: FormData) -> str:
    text, ksef = (
        text_of(form, "number", TEXT_CHARACTERS_MAX),
        text_of(form, "ksef_number", KSEF_CHARACTERS_MAX),
    )
    await desk.note_number(actor, month, text, ksef)
    return _path(month)


async def _outside(desk: DocumentDesk, actor: Actor, month: str, form: FormData) -> str:
    await desk.note_outside(actor, month, text_of(form, "number", TEXT_CHARACTERS_MAX))
    return _path(month)


ACTS: Final[dict[str, Callable[[DocumentDesk, Actor, str, FormData], Awaitable[str]]]] = {
    "propose": _propose,
    "send": _send,
    "number": _number,
    "outside": _outside,
}


class Listed(NamedTuple):
    """A page of a list of documents: the list's name, which is its parameter in the address, and behind how
    many of them the next page begins; 0: there is none.
    """

    name: str
    orders: list[Order]
    more: int


def documents_of(office: Office, sink_of: SinkOf | None = None) -> DocumentDesk:
    """Return where the documents of a programme are issued."""
    return DocumentDesk(office.database, office.programme, sink_of and sink_of(office.code))


class DocumentPages:
    """The documents of whoever's programme it is; `sink_of`: where they are sent to."""

    def __init__(self, pages: GetPages, sink_of: SinkOf | None) -> None:
        self._pages = pages
        self._sink_of = sink_of

    @require(*OFFICERS, roles=ACCOUNTS)
    async def show(self, request: Request) -> Response:
        """Show what was issued for a month, and what is left to do."""
        return await self._show(request)

    @require(*OFFICERS, roles=ACCOUNTS)
    async def act(self, request: Request) -> Response:
        """Propose to issue, send what waits, note how KSeF knows a document."""
        month, form = month_in(request), form_of(request)
        act = named(form, ACTS)
        desk = documents_of(office_of(request), self._sink_of)
        try:
            where = await act(desk, acting(request, form), month, form)
        except (RegistryRefused, DatabaseContended) as error:
            return await self._show(request, error)
        return back_to(request, where)

    async def _show(self, request: Request, error: Exception | None = None) -> Response:
        month, skip = month_in(request), after_in(request)
        if skip > INT32_MAX:
            raise HTTPException(404)
        view = await documents_of(office_of(request)).show(month, skip)
        status = status_of(error) if isinstance(error, RegistryRefused) else 409
        return self._pages().render(
            request,
            "desk_documents.html",
            status=status if error else 200,
            month=month,
            view=view,
            listed=[
                _listed(request, "proposed", view.ready(is_proposed=True)),
                _listed(request, "ready", view.ready(is_proposed=False)),
            ],
            refused=view.left.told(),
            issued=view.issued[:PAGE],
            more=skip + PAGE if len(view.issued) > PAGE else 0,
            sent=[
                each.text for each in view.issued[:PAGE] if each.sent_at is not None and each.kind != "note"
            ],
            ksef_max=KSEF_CHARACTERS_MAX,
            reason_max=REASON_CHARACTERS_MAX,
            fault=fault_of(error),
        )


def _listed(request: Request, name: str, documents: Sequence[ToIssue]) -> Listed:
    first = after_in(request, name=name)
    last = first + PAGE
    orders = [document.order for document in documents[first:last]]
    return Listed(name, orders, last if len(documents) > last else 0)


def _path(month: str) -> str:
    return f"/desk/months/{month}/documents"
