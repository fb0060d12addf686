"""The pages of a month's end: months, their statements, the organiser's summary, the close by two persons.

Owns what they ask and answer. Must not know how a month is computed (`ops.settlement`). Invariants: a month
is named by the address, like 2026-11; nothing that cannot be taken back is done without a box that says so.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any, Final

import msgspec
import trio
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from ledger.errors import DatabaseContended, NotInRegistry, RegistryRefused
from ledger.registry.audit import REASON_CHARACTERS_MAX, Actor
from ledger.registry.bounds import ID_MAX
from ledger.registry.proposals import find, list_proposals
from ledger.registry.settlements import ORIGIN_CHARACTERS_MAX
from ledger.settlement.vat import RATES
from ops.invoices.document_desk import ISSUE, DocumentDesk
from ops.settlement.month_desk import ACTS as ACTS_OF_MONTHS
from ops.settlement.month_desk import PAGE, MonthDesk
from ops.settlement.pdf import line_name, statement_pdf
from ops.settlement.sheets import statements_sheet, summary_sheet
from ops.settlement.words import Language
from ops.web.desk.common import (
    ACCOUNTS,
    OFFICERS,
    WORK,
    GetPages,
    acting,
    after_in,
    back_to,
    grosze_of,
    month_in,
    month_of,
    named,
    number_in,
    status_of,
    sure,
    to,
    whole,
)
from ops.web.desk.document_pages import documents_of
from ops.web.documents import CSV, PDF, to_keep
from ops.web.identity import form_of, office_of, require, text_of
from ops.web.refusals import fault_of
from ops.written import percent, zloty

Act = Callable[[MonthDesk, Actor, str, FormData], Awaitable[object]]
Deciding = MonthDesk | DocumentDesk
Decision = Callable[[Deciding, Actor, int, FormData], Awaitable[object]]
WAITING: Final = (*ACTS_OF_MONTHS, ISSUE)
"""What waits to be approved on the page of all months."""
SUMS: Final = ("net_grosze", "vat_grosze", "gross_grosze", "rebates_grosze", "due_grosze")
DAY: Final = (
    *("earns", "points_issued", "redemptions", "points_redeemed", "rebates_grosze", "uses"),
    *("discounts_grosze", "refunds", "reversals"),
)


def months_of(request: Request) -> MonthDesk:
    """Return where the months of this person's programme are settled."""
    office = office_of(request)
    return MonthDesk(office.database, office.programme)


async def _deciding(request: Request, number: int) -> Deciding:
    """Return where a proposal is decided. Raises 404."""
    office = office_of(request)
    try:
        proposal = await office.database.run(lambda c: find(c, number))
    except NotInRegistry:
        raise HTTPException(404) from None
    return documents_of(office) if proposal["act"] == ISSUE else months_of(request)


async def _correct(desk: MonthDesk, actor: Actor, month: str, form: FormData) -> None:
    partner, net = whole(form, "partner"), grosze_of(form, "net")
    origin = text_of(form, "origin", ORIGIN_CHARACTERS_MAX)
    rate = whole(form, "vat_rate") if text_of(form, "vat_rate", 2) else None
    await desk.propose_correction(actor, partner, month, net, origin=origin, vat_rate=rate)


async def _approve(desk: Deciding, actor: Actor, number: int, form: FormData) -> None:
    sure(form)
    await desk.approve(actor, number)


ACTS: Final[dict[str, Act]] = {
    "run": lambda desk, actor, month, _: desk.run(actor, month),
    "propose_close": lambda desk, actor, month, _: desk.propose_close(actor, month),
    "correct": _correct,
}
DECISIONS: Final[dict[str, Decision]] = {
    "approve": _approve,
    "refuse": lambda desk, actor, number, _: desk.refuse(actor, number),
}


class MonthPages:
    """The months of whoever's programme it is."""

    def __init__(self, pages: GetPages) -> None:
        self._pages = pages

    @require(*OFFICERS, roles=ACCOUNTS)
    async def months(self, request: Request) -> Response:
        """Show the months there are, and what waits to be approved; lead to the one that is named."""
        wanted = request.query_params.get("month", "")
        if wanted:
            return to(request, f"/desk/months/{month_of(wanted)}")
        return await self._months(request)

    @require(*OFFICERS, roles=ACCOUNTS)
    async def show(self, request: Request) -> Response:
        """Show one month."""
        return await self._show(request)

    @require(*OFFICERS, roles=ACCOUNTS)
    async def act(self, request: Request) -> Response:
        """Compute a month, propose to close it, propose a correction."""
        month, form, desk = month_in(request), form_of(request), months_of(request)
        act = named(form, ACTS)
        try:
            await act(desk, acting(request, form), month, form)
        except (RegistryRefused, DatabaseContended) as error:
            return await self._show(request, error)
        # What waits to be approved is on the page of all months: there it is seen.
        return back_to(request, "/desk/months" if act is _correct else f"/desk/months/{month}")

    @require(*OFFICERS, roles=ACCOUNTS)
    async def decide(self, request: Request) -> Response:
        """Approve what another person proposed, or refuse it."""
        number, form = number_in(request, "number"), form_of(request)
        act, desk = named(form, DECISIONS), await _deciding(request, number)
        try:
            await act(desk, acting(request, form), number, form)
        except (RegistryRefused, DatabaseContended) as error:
            return await self._months(request, error)
        return back_to(request, "/desk/months")

    @require(*OFFICERS, roles=ACCOUNTS)
    async def statement(self, request: Request) -> Response:
        """Show the statement of a partner."""
        found = await _statement(request)
        return self._pages().render(
            request,
            "desk_statement.html",
            statement=found,
            documents=await months_of(request).documents(found.month, found.partner),
            closed=_at(found.closed_at_ms),
            day_columns=DAY,
            sums=SUMS,
            line_name=lambda line: line_name(line, request.state.language),
        )

    @require(*OFFICERS, roles=ACCOUNTS)
    async def statement_csv(self, request: Request) -> Response:
        """Give the statement of a partner out for a spreadsheet, in the language of the page."""
        found = await _statement(request)
        body = statements_sheet([found], request.state.language, request.state.zone)
        return to_keep(body, f"{_name(found.number)}.csv", CSV)

    @require(*OFFICERS, roles=ACCOUNTS)
    async def statement_pdf(self, request: Request) -> Response:
        """Give the statement of a partner out as tagged PDF, in the language of the page."""
        found, language = await _statement(request), request.state.language
        organiser = await months_of(request).organiser()
        body = await trio.to_thread.run_sync(statement_pdf, found, organiser, language, limiter=WORK)
        return to_keep(body, f"{_name(found.number)}.pdf", PDF)

    @require(*OFFICERS, roles=ACCOUNTS)
    async def statements_csv(self, request: Request) -> Response:
        """Give all statements of a month out as one CSV."""
        month = month_in(request)
        try:
            found = await months_of(request).statements(month)
        except NotInRegistry:
            raise HTTPException(404) from None
        told = request.state.language, request.state.zone
        body = await trio.to_thread.run_sync(statements_sheet, found, *told, limiter=WORK)
        return to_keep(body, f"statements-{month}.csv", CSV)

    @require(*OFFICERS, roles=ACCOUNTS)
    async def summary_csv(self, request: Request) -> Response:
        """Give the organiser's summary of a month out as CSV."""
        month = month_in(request)
        try:
            summary = await months_of(request).summary(month)
        except NotInRegistry:
            raise HTTPException(404) from None
        body = summary_sheet(summary, request.state.language, request.state.zone)
        return to_keep(body, f"summary-{month}.csv", CSV)

    async def _months(self, request: Request, error: Exception | None = None) -> Response:
        office = office_of(request)
        return self._pages().render(
            request,
            "desk_months.html",
            status=_status(error),
            months=await months_of(request).months(),
            waiting=await office.database.run(lambda c: list_proposals(c, office.programme, WAITING)),
            page_of=_page_of,
            terms_of=lambda row: _terms(row, request.state.language),
            reason_max=REASON_CHARACTERS_MAX,
            fault=fault_of(error),
        )

    async def _show(self, request: Request, error: Exception | None = None) -> Response:
        month = month_in(request)
        view = await months_of(request).show(month, after_in(request, ID_MAX))
        return self._pages().render(
            request,
            "desk_month.html",
            status=_status(error),
            month=month,
            vat_rates=RATES,
            summary=view.summary,
            closed=_at(view.summary.closed_at_ms) if view.summary else None,
            close=view.close,
            is_changed=view.is_changed,
            statements=view.statements[:PAGE],
            has_notes=view.has_notes,
            more=view.statements[PAGE - 1]["partner"] if len(view.statements) > PAGE else 0,
            sums=SUMS,
            reason_max=REASON_CHARACTERS_MAX,
            fault=fault_of(error),
            line_name=lambda line: line_name(line, request.state.language),
        )


def _at(at_ms: int | None) -> datetime | None:
    return None if at_ms is None else datetime.fromtimestamp(at_ms / 1_000, UTC)


def _page_of(row: Any) -> str:
    """Return where a person sees what a proposal is about."""
    month = row["subject"].rpartition("/")[2]
    return f"/desk/months/{month}/documents" if row["act"] == ISSUE else f"/desk/months/{month}"


def _terms(row: Any, language: Language) -> dict[str, Any]:
    """Return what a proposal comes to, by the names that its words have for it; money as it is read."""
    told = dict(msgspec.json.decode(row["terms"]))
    for name in [name for name in told if name.endswith("_grosze")]:
        told[name.removesuffix("_grosze")] = zloty(told.pop(name), language)
    if "vat_rate" in told:
        told["vat_rate"] = percent(told["vat_rate"], language)
    return {name: "–" if value == "" else value for name, value in told.items()}


def _status(error: Exception | None) -> int:
    if error is None:
        return 200
    return status_of(error) if isinstance(error, RegistryRefused) else 409


def _name(number: str) -> str:
    """Return the number of a statement as a file is named: letters, figures and dashes."""
    return "".join(each if each.isascii() and each.isalnum() else "-" for each in number)


async def _statement(request: Request) -> Any:
    month, partner = month_in(request), number_in(request, "partner")
    try:
        return await months_of(request).statement(partner, month)
    except RegistryRefused:  # not there, or a number that no partner has
        raise HTTPException(404) from None
