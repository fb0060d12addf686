"""The pages of partners: their contracts from the declaration to the end, and the offers they declare.

Owns what they ask and answer. Must not know what may follow what (`ledger.registry`). Invariant: every
deadline is shown where the contract is, and what is late is said.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Final

import msgspec
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from ledger.errors import NotInRegistry, RegistryRefused
from ledger.registry import partner_contracts
from ledger.registry.audit import REASON_CHARACTERS_MAX, Actor
from ledger.registry.bounds import ID_MAX, NAME_CHARACTERS_MAX
from ledger.registry.offer_declarations import TEXT_CHARACTERS_MAX
from ledger.registry.partner_contracts import LEGAL_CHARACTERS_MAX, ContractState, Details, Newcomer, Term
from ops.office.contract_desk import ContractDesk
from ops.office.offer_words import OfferWords
from ops.web.desk.common import (
    EDITORS,
    OFFICERS,
    GetPages,
    acting,
    after_in,
    back_to,
    is_on,
    named,
    number_in,
    officer,
    status_of,
    sure,
    the_day,
    to,
    whole,
)
from ops.web.desk.publishing_pages import words_of
from ops.web.fields import seen_in
from ops.web.identity import actor_of, form_of, office_of, require, text_of
from ops.web.refusals import fault_of
from switch.rules.offers import Offer, decode_offer

Act = Callable[[ContractDesk, Actor, int, FormData], Awaitable[object]]
PAGE: Final = 50


async def _declare(desk: ContractDesk, actor: Actor, partner: int, form: FormData) -> None:
    """An outlet's own contract, of a partner that is there under its name."""
    outlet = whole(form, "outlet")
    row = (await desk.contracts(partner))[0]
    newcomer = Newcomer(partner, row["name"], Details(row["legal_name"], row["tax_id"], row["address"]))
    await desk.database.run(
        lambda c: partner_contracts.declare(c, actor, desk.programme, newcomer, outlet=outlet)
    )


async def _verify(desk: ContractDesk, actor: Actor, partner: int, form: FormData) -> None:
    outlet = _outlet(form)
    await desk.step(
        actor, partner, outlet, seen_in(form),
        lambda c: partner_contracts.verify_declaration(c, actor, partner, outlet),
    )  # fmt: skip


async def _refuse(desk: ContractDesk, actor: Actor, partner: int, form: FormData) -> None:
    sure(form)
    outlet = _outlet(form)
    await desk.step(
        actor, partner, outlet, seen_in(form),
        lambda c: partner_contracts.refuse_declaration(c, actor, partner, outlet),
    )  # fmt: skip


async def _agree(desk: ContractDesk, actor: Actor, partner: int, form: FormData) -> None:
    term = Term(the_day(form, "starts_on"), whole(form, "months"), is_on(form, "with_services"))
    await desk.agree(actor, partner, term, _outlet(form), seen_in(form))


async def _end(desk: ContractDesk, actor: Actor, partner: int, form: FormData) -> None:
    sure(form)
    last, outlet = the_day(form, "last_day"), _outlet(form)
    await desk.step(
        actor, partner, outlet, seen_in(form),
        lambda c: partner_contracts.end(c, actor, partner, last, outlet=outlet),
    )  # fmt: skip


async def _details(desk: ContractDesk, actor: Actor, partner: int, form: FormData) -> None:
    await desk.set_details(actor, partner, _details_in(form), seen_in(form))


ACTS: Final[dict[str, Act]] = {
    "verify": _verify,
    "refuse": _refuse,
    "agree": _agree,
    "end": _end,
    "details": _details,
    "declare_outlet": _declare,
}
DECISIONS: Final = {"accept": True, "refuse": False}


class PartnerPages:
    """The partners of whoever's programme it is."""

    def __init__(self, pages: GetPages) -> None:
        self._pages = pages

    @require(*OFFICERS, roles=EDITORS)
    async def partners(self, request: Request) -> Response:
        """Show whose declaration waits, and all contracts by partner."""
        return await self._list(request)

    @require(*OFFICERS, roles=EDITORS)
    async def declare(self, request: Request) -> Response:
        """Take down that somebody wants to take part."""
        form, desk = form_of(request), _desk(request)
        try:
            partner = whole(form, "partner")
            newcomer = Newcomer(partner, text_of(form, "name", NAME_CHARACTERS_MAX), _details_in(form))
            actor = acting(request, form)
            await desk.database.run(lambda c: partner_contracts.declare(c, actor, desk.programme, newcomer))
        except RegistryRefused as error:
            return await self._list(request, error)
        return to(request, f"/desk/partners/{partner}")

    @require(*OFFICERS, roles=EDITORS)
    async def show(self, request: Request) -> Response:
        """Show a partner's contracts."""
        return await self._show(request)

    @require(*OFFICERS, roles=EDITORS)
    async def act(self, request: Request) -> Response:
        """Carry one step of a contract out."""
        partner, form, desk = _partner_in(request), form_of(request), _desk(request)
        act = named(form, ACTS)
        try:
            await desk.contracts(partner)
            await act(desk, acting(request, form), partner, form)
        except NotInRegistry:
            raise HTTPException(404) from None
        except RegistryRefused as error:
            return await self._show(request, error)
        return back_to(request, f"/desk/partners/{partner}")

    @require(*OFFICERS, roles=EDITORS)
    async def declared(self, request: Request) -> Response:
        """Show the offers that partners declared."""
        return await self._declared(request)

    @require(*OFFICERS, roles=EDITORS)
    async def decide(self, request: Request) -> Response:
        """Take a declared offer into the drafts, or refuse it with a reason the partner reads."""
        number, form = number_in(request, "number"), form_of(request)
        accepted = named(form, DECISIONS)
        try:
            reason = text_of(form, "reason", TEXT_CHARACTERS_MAX, lines=True)
            actor, seen = actor_of(officer(request)), seen_in(form)
            await _desk(request).decide(actor, number, accepted=accepted, reason=reason, seen=seen)
        except NotInRegistry:
            raise HTTPException(404) from None
        except RegistryRefused as error:
            return await self._declared(request, error)
        return back_to(request, "/desk/declarations")

    async def _list(self, request: Request, error: RegistryRefused | None = None) -> Response:
        desk = _desk(request)
        rows = await desk.page(after_in(request), PAGE + 1)
        return self._pages().render(
            request,
            "desk_partners.html",
            status=status_of(error) if error else 200,
            due=await desk.due(),
            rows=rows[:PAGE],
            more=rows[PAGE - 1]["partner"] if len(rows) > PAGE else 0,
            states=_STATES,
            most=_MOST,
            fault=fault_of(error),
        )

    async def _show(self, request: Request, error: RegistryRefused | None = None) -> Response:
        partner, desk = _partner_in(request), _desk(request)
        try:
            rows = await desk.contracts(partner)
        except NotInRegistry:
            raise HTTPException(404) from None
        return self._pages().render(
            request,
            "desk_partner.html",
            status=status_of(error) if error else 200,
            partner=partner,
            newest=rows[0],
            rows=rows,
            current=_current(rows),
            outlets=await desk.outlets(partner),
            states=_STATES,
            months_min=await desk.months_min(),
            most=_MOST,
            reason_max=REASON_CHARACTERS_MAX,
            fault=fault_of(error),
        )

    async def _declared(self, request: Request, error: RegistryRefused | None = None) -> Response:
        rows = await _desk(request).declared(after_in(request), PAGE + 1)
        words = await words_of(request)
        stands = await _desk(request).standing({row["offer"] for row in rows})
        return self._pages().render(
            request,
            "desk_declarations.html",
            stands=stands,
            status=status_of(error) if error else 200,
            rows=[{**dict(row), **_said(decode_offer(row["terms"]), words)} for row in rows[:PAGE]],
            more=rows[PAGE - 1]["number"] if len(rows) > PAGE else 0,
            reason_max=TEXT_CHARACTERS_MAX,
            fault=fault_of(error),
        )


_STATES: Final = {int(state): state.name.lower() for state in ContractState}
_MOST: Final = {"name": NAME_CHARACTERS_MAX, "legal": LEGAL_CHARACTERS_MAX}


def _current(rows: Iterable[Any]) -> list[Any]:
    """Return the newest contract about the partner as a whole, and about each of its outlets."""
    newest: dict[int, Any] = {}
    for row in rows:
        newest.setdefault(row["outlet"] or 0, row)
    return [newest[outlet] for outlet in sorted(newest)]


def _said(offer: Offer, words: OfferWords) -> dict[str, Any]:
    """Return what an offer says, as the page of declarations shows it."""
    return {
        "title": offer.name.in_(words.language),
        "text": offer.text.in_(words.language),
        "lines": list(words.terms(msgspec.to_builtins(offer))),
    }


def _outlet(form: FormData) -> int | None:
    """Return which outlet a contract is about; None: the partner as a whole."""
    return whole(form, "outlet") if text_of(form, "outlet", 8) else None


def _desk(request: Request) -> ContractDesk:
    office = office_of(request)
    return ContractDesk(office.database, office.programme)


def _partner_in(request: Request) -> int:
    return number_in(request, "partner", ID_MAX)


def _details_in(form: FormData) -> Details:
    return Details(
        text_of(form, "legal_name", LEGAL_CHARACTERS_MAX),
        text_of(form, "tax_id", 13),
        text_of(form, "address", LEGAL_CHARACTERS_MAX),
    )
