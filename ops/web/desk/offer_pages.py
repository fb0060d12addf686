"""The pages of offers: drafts, what waits to be approved and what holds, and the form of one.

Owns what they ask and answer. Must not know what an offer means (`ops.office.offer_desk`). Invariant: nothing
here changes what holds (`publishing_pages` does).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from ledger.errors import NotInRegistry, RegistryRefused
from ledger.registry.audit import REASON_CHARACTERS_MAX, Actor
from ledger.registry.bounds import ID_MAX
from ledger.registry.offers import OfferState
from ops.office.offer_desk import OfferDesk
from ops.office.offer_form import BENEFITS, COMBINES, FIELDS, fields_of, hints, offer_of
from ops.web.desk.common import (
    EDITORS,
    OFFICERS,
    GetPages,
    acting,
    after_in,
    back_to,
    day_of,
    named,
    number_in,
    status_of,
    to,
)
from ops.web.desk.publishing_pages import offers_named, publishing_of
from ops.web.identity import form_of, office_of, require, text_of
from ops.web.numbers import figures
from ops.web.refusals import fault_of
from switch.rules.offer_faults import OfferError
from switch.rules.offers import decode_offer

PAGE: Final = 50
TEXT_CHARACTERS_MAX: Final = 32_000


async def _keep(desk: OfferDesk, actor: Actor, form: FormData) -> str:
    offer = _offer_in(form)
    await desk.keep_one(actor, offer, figures(text_of(form, "changes", 8), ID_MAX))
    return f"/desk/offers/{offer.number}"


async def _keep_text(desk: OfferDesk, actor: Actor, form: FormData) -> str:
    await desk.keep_text(actor, text_of(form, "text", TEXT_CHARACTERS_MAX, lines=True))
    return "/desk/offers"


ACTS: Final[dict[str, Callable[[OfferDesk, Actor, FormData], Awaitable[str]]]] = {
    "keep": _keep,
    "text": _keep_text,
}


class OfferPages:
    """The offers of whoever's programme it is."""

    def __init__(self, pages: GetPages) -> None:
        self._pages = pages

    @require(*OFFICERS, roles=EDITORS)
    async def offers(self, request: Request) -> Response:
        """Show the drafts, what waits to be approved, and the offers by number."""
        return await self._list(request)

    @require(*OFFICERS, roles=EDITORS)
    async def act(self, request: Request) -> Response:
        """Keep a draft, or a text of many."""
        form = form_of(request)
        act = named(form, ACTS)
        try:
            where = await act(self._desk(request), acting(request, form), form)
        except RegistryRefused as error:
            if act is _keep:
                empty, changes = dict.fromkeys(FIELDS, ""), text_of(form, "changes", 8)
                return await self._form(request, empty, error, changes=changes)
            return await self._list(request, error)
        return to(request, where)

    @require(*OFFICERS, roles=EDITORS)
    async def ask_new(self, request: Request) -> Response:
        """Show an empty form, or that of the offer `like`."""
        like = request.query_params.get("like", "")
        if not like:
            return await self._form(request, dict.fromkeys(FIELDS, ""))
        (number,) = offers_named([like])
        fields = fields_of(decode_offer((await self._versions(request, number))[0]["terms"]))
        if fields is None:
            raise HTTPException(404)
        return await self._form(request, fields, changes=str(number))

    @require(*OFFICERS, roles=EDITORS)
    async def show(self, request: Request) -> Response:
        """Show an offer with all its versions."""
        return await self._show(request)

    @require(*OFFICERS, roles=EDITORS)
    async def end(self, request: Request) -> Response:
        """Write a draft by which an offer ends."""
        number, form = number_in(request, "number"), form_of(request)
        try:
            last = day_of(form, "last_day")
            if last is None:
                raise RegistryRefused("say which day is the last")
            await self._desk(request).end(acting(request, form), number, last)
        except NotInRegistry:
            raise HTTPException(404) from None
        except RegistryRefused as error:
            return await self._show(request, error)
        return back_to(request, f"/desk/offers/{number}")

    def _desk(self, request: Request) -> OfferDesk:
        office = office_of(request)
        return OfferDesk(office.database, office.programme, office.code)

    async def _versions(self, request: Request, number: int) -> list[Any]:
        try:
            return await self._desk(request).versions(number)
        except RegistryRefused:
            raise HTTPException(404) from None

    async def _list(self, request: Request, error: RegistryRefused | None = None) -> Response:
        desk = self._desk(request)
        rows = await desk.page(after_in(request), PAGE + 1)
        numbers = sorted({row["number"] for row in rows})
        return self._pages().render(
            request,
            "desk_offers.html",
            status=status_of(error) if error else 200,
            drafts=[_shown(row) for row in await desk.drafts()],
            waiting=await publishing_of(request).waiting(),
            rows=[_shown(row) for row in rows if row["number"] in numbers[:PAGE]],
            more=numbers[PAGE - 1] if len(numbers) > PAGE else 0,
            text_max=TEXT_CHARACTERS_MAX,
            fault=fault_of(error),
        )

    async def _form(
        self,
        request: Request,
        fields: Mapping[str, str],
        error: RegistryRefused | None = None,
        *,
        changes: str = "",
    ) -> Response:
        """Show the form of an offer; `changes`: the number of the one that it changes."""
        return self._pages().render(
            request,
            "desk_offer_form.html",
            status=status_of(error) if error else 200,
            fields=fields,
            changes=changes,
            bounds=FIELDS,
            benefits=BENEFITS,
            combines=tuple(COMBINES),
            hints=hints(),
            fault=fault_of(error),
        )

    async def _show(self, request: Request, error: RegistryRefused | None = None) -> Response:
        number = number_in(request, "number")
        rows = await self._versions(request, number)
        newest = decode_offer(rows[0]["terms"])
        return self._pages().render(
            request,
            "desk_offer.html",
            status=status_of(error) if error else 200,
            number=number,
            versions=[_shown(row) for row in rows],
            fits=fields_of(newest) is not None,
            was_published=any(row["state"] == OfferState.PUBLISHED for row in rows),
            reason_max=REASON_CHARACTERS_MAX,
            fault=fault_of(error),
        )


def _offer_in(form: FormData) -> Any:
    try:
        return offer_of(_fields_in(form))
    except OfferError as error:
        raise RegistryRefused("{why}", why=error.phrase) from None


def _fields_in(form: FormData) -> dict[str, str]:
    return {name: text_of(form, name, most) for name, most in FIELDS.items()}


def _shown(row: Any) -> dict[str, Any]:
    """Return a version of an offer as a page shows it."""
    return {
        **dict(row),
        "state": OfferState(row["state"]).name.lower(),
        "name": decode_offer(row["terms"]).name.in_("pl"),
    }
