"""The pages of offers: drafts, what waits to be approved and what holds, and the form of one.

Owns what they ask and answer. Must not know what an offer means (`ops.office.offer_desk`). Invariant: nothing
here changes what holds (`publishing_pages` does).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Any, Final

import msgspec
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from ledger.errors import NotInRegistry, RegistryRefused
from ledger.registry.audit import REASON_CHARACTERS_MAX, Actor
from ledger.registry.bounds import ID_MAX
from ledger.registry.offers import OfferState
from ops.office.offer_desk import OfferDesk
from ops.office.offer_form import (
    BENEFITS,
    CHOICES,
    COMBINES,
    EMPTY,
    FIELDS,
    LIMITS,
    PERIODS,
    SCOPES,
    Filled,
    field_of,
    fields_of,
    offer_of,
)
from ops.web.desk.common import (
    EDITORS,
    OFFICERS,
    GetPages,
    acting,
    after_in,
    back_to,
    named,
    number_in,
    status_of,
    the_day,
    to,
)
from ops.web.desk.publishing_pages import offers_named, publishing_of, words_of
from ops.web.fields import FieldRefused, seen_in
from ops.web.identity import choices_of, form_of, office_of, require, text_of
from ops.web.numbers import figures
from ops.web.refusals import fault_of
from switch.rules.offer_faults import OfferError
from switch.rules.offers import CHECK_BITS, DAYS, Offer, decode_offer
from switch.rules.programme import Language

PAGE: Final = 50
TEXT_CHARACTERS_MAX: Final = 32_000


async def _keep(desk: OfferDesk, actor: Actor, form: FormData) -> str:
    offer = _offer_in(form)
    await desk.keep_one(actor, offer, figures(text_of(form, "changes", 8), ID_MAX), seen_in(form))
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
                return await self._form_again(request, error)
            return await self._list(request, error)
        return to(request, where)

    @require(*OFFICERS, roles=EDITORS)
    async def ask_new(self, request: Request) -> Response:
        """Show an empty form, or that of the offer `like`."""
        like = request.query_params.get("like", "")
        if not like:
            return await self._form(request, EMPTY)
        (number,) = offers_named([like])
        filled = fields_of(decode_offer((await self._versions(request, number))[0]["terms"]))
        if filled is None:
            raise HTTPException(404)
        return await self._form(request, filled, changes=str(number))

    @require(*OFFICERS, roles=EDITORS)
    async def show(self, request: Request) -> Response:
        """Show an offer with all its versions."""
        return await self._show(request)

    @require(*OFFICERS, roles=EDITORS)
    async def end(self, request: Request) -> Response:
        """Write a draft by which an offer ends."""
        number, form = number_in(request, "number"), form_of(request)
        try:
            await self._desk(request).end(acting(request, form), number, the_day(form, "last_day"))
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
        desk, language = self._desk(request), request.state.language
        rows = await desk.page(after_in(request), PAGE + 1)
        numbers = sorted({row["number"] for row in rows})
        return self._pages().render(
            request,
            "desk_offers.html",
            status=status_of(error) if error else 200,
            drafts=[_shown(row, language) for row in await desk.drafts()],
            waiting=await publishing_of(request).waiting(),
            rows=[_shown(row, language) for row in rows if row["number"] in numbers[:PAGE]],
            more=numbers[PAGE - 1] if len(numbers) > PAGE else 0,
            text_max=TEXT_CHARACTERS_MAX,
            fault=fault_of(error),
        )

    async def _form_again(self, request: Request, error: RegistryRefused) -> Response:
        """Show the form that was refused, beside the offer that it changes as that stands now."""
        changes = text_of(form_of(request), "changes", 8)
        number, stands = figures(changes, ID_MAX), None
        if number:
            with suppress(RegistryRefused):
                stands = fields_of(decode_offer((await self._desk(request).versions(number))[0]["terms"]))
        return await self._form(request, stands or EMPTY, error, changes=changes)

    async def _form(
        self,
        request: Request,
        filled: Filled,
        error: RegistryRefused | None = None,
        *,
        changes: str = "",
    ) -> Response:
        """Show the form of an offer; `changes`: the number of the one that it changes."""
        rules, language = await self._desk(request).rules(), request.state.language
        holders = rules.holders
        return self._pages().render(
            request,
            "desk_offer_form.html",
            status=status_of(error) if error else 200,
            fields=filled.fields,
            chosen=filled.chosen,
            shown=filled.shown() if changes else {},
            changes=changes,
            bounds=FIELDS,
            benefits=BENEFITS,
            combines=tuple(COMBINES),
            kinds=_choices(holders.kinds if holders else (), filled.chosen["for"], language),
            flags=_choices(holders.flags if holders else (), filled.chosen["flags"], language),
            days=[(each, "") for each in DAYS],
            checks=[(each, "") for each in CHECK_BITS],
            limits=LIMITS,
            scopes=SCOPES,
            periods=PERIODS,
            fault=fault_of(error),
        )

    async def _show(self, request: Request, error: RegistryRefused | None = None) -> Response:
        number = number_in(request, "number")
        rows = await self._versions(request, number)
        newest, language = decode_offer(rows[0]["terms"]), request.state.language
        words = await words_of(request)
        return self._pages().render(
            request,
            "desk_offer.html",
            status=status_of(error) if error else 200,
            number=number,
            versions=[_shown(row, language) for row in rows],
            terms_of=lambda row: list(words.terms(msgspec.to_builtins(decode_offer(row["terms"])))),
            fits=fields_of(newest) is not None,
            was_published=any(row["state"] == OfferState.PUBLISHED for row in rows),
            reason_max=REASON_CHARACTERS_MAX,
            fault=fault_of(error),
        )


def _offer_in(form: FormData) -> Offer:
    fields = {name: text_of(form, name, most) for name, most in FIELDS.items()}
    try:
        return offer_of(Filled(fields, {name: choices_of(form, name) for name in CHOICES}))
    except OfferError as error:
        raise FieldRefused(field_of(error.key), error.why) from None


def _choices(known: Sequence[Any], chosen: Sequence[str], language: str) -> list[tuple[str, str]]:
    """Return the codes that may be ticked, each with its name; one that the rules know no more by itself."""
    names = {code: code for code in chosen} | {e.code: e.name.get(language, e.code) for e in known}
    return list(names.items())


def _shown(row: Any, language: Language) -> dict[str, Any]:
    """Return a version of an offer as a page shows it."""
    return {
        **dict(row),
        "state": OfferState(row["state"]).name.lower(),
        "name": decode_offer(row["terms"]).name.in_(language),
    }
