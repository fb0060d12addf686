"""A partner's offers: how they stand, and declaring one or a change of one.

Owns these pages. Must not know what terms mean (`switch.rules` does) nor who decides. Invariants: an offer or
a declaration of another partner's is not found; what a form does not show of an offer stays as it was.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from ledger.errors import NotInRegistry, RegistryRefused
from ledger.registry.bounds import ID_MAX
from ledger.registry.offer_declarations import DeclarationState
from ops.office.declarations import PartnerOffice
from ops.office.offer_form import BENEFITS, VALUES, benefit_of, field_of, shown_value
from ops.office.seen import ChangedSince, check_seen
from ops.web.fields import FieldRefused, day_in, seen_in
from ops.web.identity.forms import choices_of, form_of, text_of
from ops.web.identity.person import actor_of, office_of, require
from ops.web.numbers import figures
from ops.web.pages import Pages
from ops.web.partner.account_pages import partner_of, who
from ops.web.refusals import fault_of
from switch.rules.offer_faults import OfferError
from switch.rules.offers import DAYS, Offer


class OfferPages:
    """Offers and declarations."""

    def __init__(self, pages: Callable[[], Pages]) -> None:
        self._pages = pages

    def routes(self) -> list[Route]:
        """Return what these pages answer to."""
        return [
            Route("/partner/offers", self.offers),
            Route("/partner/offers/new", self.ask_new),
            Route("/partner/offers/new", self.declare_new, methods=["POST"]),
            Route("/partner/offers/{number:int}", self.ask_change),
            Route("/partner/offers/{number:int}", self.declare_change, methods=["POST"]),
            Route("/partner/declarations/{number:int}", self.take_back, methods=["POST"]),
        ]

    @require("partner")
    async def offers(self, request: Request) -> Response:
        """Show what is on offer, and what became of what was declared."""
        office, language = _office(request), request.state.language
        return self._pages().render(
            request,
            "partner_offers.html",
            offers=[
                {
                    "number": own.offer.number,
                    "name": own.offer.name.in_(language),
                    "text": own.offer.text.in_(language),
                    "stand": f"p_st_{own.stand}",
                    "has_draft": own.has_draft and own.stand != "draft",
                }
                for own in await office.offers()
            ],
            declarations=[
                {
                    "number": row["number"],
                    "offer": row["offer"],
                    "state": f"p_de_{DeclarationState(row['state']).name.lower()}",
                    "is_open": row["state"] == DeclarationState.DECLARED,
                    "note": row["note"],
                    "reason": row["reason"],
                }
                for row in await office.declarations()
            ],
            is_done=request.query_params.get("done") == "1",
        )

    @require("partner")
    async def ask_new(self, request: Request) -> Response:
        """Show an empty form."""
        return await self._form(request, None)

    @require("partner")
    async def declare_new(self, request: Request) -> Response:
        """Declare an offer."""
        return await self._declare(request, None)

    @require("partner")
    async def ask_change(self, request: Request) -> Response:
        """Show an offer, to be changed."""
        return await self._form(request, await _own(request))

    @require("partner")
    async def declare_change(self, request: Request) -> Response:
        """Declare a change of an offer."""
        return await self._declare(request, await _own(request))

    async def _declare(self, request: Request, offer: Offer | None) -> Response:
        was = msgspec.to_builtins(offer) if offer else {}
        form = form_of(request)
        office = _office(request)
        rules = await office.rules()
        try:
            note = text_of(form, "note", 500, lines=True)
            if offer:
                check_seen(seen_in(form), _shown(was, rules.programme.languages))
            values = {**was, **_values(form, was, rules.programme.languages)}
            await office.declare(actor_of(who(request), "declared on the web"), values, offer, note)
        except OfferError as error:
            refused = FieldRefused(field_of(error.key), error.why) if error.key else error
            return await self._form(request, offer, fault_of(refused))
        except ChangedSince as error:
            return await self._form(request, await _own(request), fault_of(error))
        except RegistryRefused as error:
            return await self._form(request, offer, fault_of(error))
        return _back(request)

    @require("partner")
    async def take_back(self, request: Request) -> Response:
        """Take a declaration back."""
        number = request.path_params["number"]
        try:
            await _office(request).take_back(actor_of(who(request), "taken back on the web"), number)
        except NotInRegistry:
            raise HTTPException(404) from None
        except RegistryRefused:
            raise HTTPException(400) from None
        return _back(request)

    async def _form(self, request: Request, offer: Offer | None, fault: str = "") -> Response:
        office, values = _office(request), msgspec.to_builtins(offer) if offer else {}
        rules = await office.rules()
        return self._pages().render(
            request,
            "partner_offer.html",
            status=400 if fault else 200,
            shown=_shown(values, rules.programme.languages),
            number=offer.number if offer else None,
            fault=fault,
            languages=rules.programme.languages,
            kinds=BENEFITS,
            holders=rules.holders.kinds if rules.holders else (),
            outlets=await office.outlets(),
            days=DAYS,
        )


def _values(form: FormData, was: dict[str, Any], languages: Any) -> dict[str, Any]:
    """Return the keys of an offer that a form shows. Raises RegistryRefused."""
    values: dict[str, Any] = {
        "name": {each: text_of(form, f"name_{each}", 64) for each in languages},
        "text": {each: text_of(form, f"text_{each}", 500) for each in languages},
        "outlets": [_number(each) for each in choices_of(form, "outlets")],
        "days": choices_of(form, "days"),
    }
    for key in ("from", "to"):
        day = day_in(key, text_of(form, key, 10))
        values[key] = None if day is None else day.isoformat()
    if len(was.get("benefits", [])) < 2:
        values["benefits"] = [_benefit(form, (was.get("benefits") or [{}])[0])]
    return values


def _benefit(form: FormData, was: dict[str, Any]) -> dict[str, Any]:
    kind, value = text_of(form, "kind", 16), text_of(form, "value", 12)
    if kind not in BENEFITS:
        raise HTTPException(400)
    return benefit_of(kind, value if kind in VALUES else "", choices_of(form, "for"), was.get("flags", []))


def _shown(values: dict[str, Any], languages: Any) -> dict[str, Any]:
    """Return what the form shows of an offer, by field."""
    shown: dict[str, Any] = {
        f"{key}_{each}": (values.get(key) or {}).get(each, "")
        for key in ("name", "text")
        for each in languages
    }
    for key in ("from", "to"):
        shown[key] = values.get(key) or ""
    shown |= {"outlets": [str(each) for each in values.get("outlets", ())], "days": values.get("days", [])}
    benefits = values.get("benefits", [])
    if len(benefits) < 2:
        benefit = benefits[0] if benefits else {}
        key = VALUES.get(kind := benefit.get("kind", "percent"), "")
        value = shown_value(kind, benefit[key]) if key in benefit else ""
        shown |= {"kind": kind, "value": value, "for": benefit.get("for", [])}
    return shown


def _number(typed: str) -> int:
    number = figures(typed, ID_MAX)
    if number is None:
        raise HTTPException(400)
    return number


def _office(request: Request) -> PartnerOffice:
    office = office_of(request)
    return PartnerOffice(office.database, office.programme, partner_of(request))


async def _own(request: Request) -> Offer:
    number = request.path_params["number"]
    try:
        return await _office(request).newest(number)
    except RegistryRefused:
        raise HTTPException(404) from None


def _back(request: Request) -> Response:
    return RedirectResponse(f"/{request.state.language}/partner/offers?done=1", status_code=303)
