"""The pages on which offers are published and withdrawn: what changes, proposed, looked at and approved.

Owns what they ask and answer. Must not know what an offer means, nor who has to be another person
(`ops.office.offer_publishing`). Invariant: whoever approves has the changes on the same page.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from ledger.errors import NotInRegistry, RegistryRefused
from ledger.registry.audit import REASON_CHARACTERS_MAX, Actor
from ledger.registry.bounds import ID_MAX
from ledger.registry.proposals import Act, ProposalState
from ops.office.offer_desk import DRAFTS_MAX, OfferDesk
from ops.office.offer_publishing import PUBLISH, WITHDRAW, Plan, PublishingDesk
from ops.office.offer_words import OfferWords
from ops.web.desk.common import (
    EDITORS,
    OFFICERS,
    GetPages,
    acting,
    back_to,
    day_of,
    is_on,
    named,
    number_in,
    status_of,
)
from ops.web.identity import form_of, office_of, require
from ops.web.numbers import figures
from ops.web.refusals import fault_of

ACTS: Final[dict[str, Act]] = {"publish": PUBLISH, "withdraw": WITHDRAW}
"""What is proposed, as a form names it."""
DECISIONS: Final[dict[str, Callable[[PublishingDesk, Actor, int], Awaitable[object]]]] = {
    "approve": lambda desk, actor, number: desk.approve(actor, number),
    "refuse": lambda desk, actor, number: desk.refuse(actor, number),
    "list": lambda desk, _, number: desk.write_list(number),
}


def publishing_of(request: Request, folder: Path | None = None) -> PublishingDesk:
    """Return where the offers of this person's programme are published; `folder`: of the public lists."""
    office = office_of(request)
    return PublishingDesk(office.database, office.programme, office.code, folder)


async def words_of(request: Request) -> OfferWords:
    """Return in which words this person's pages tell offers."""
    office = office_of(request)
    return await OfferDesk(office.database, office.programme, office.code).words(request.state.language)


def offers_named(texts: list[str]) -> list[int]:
    """Return numbers of offers. Raises 400."""
    numbers = [number for each in texts if (number := figures(each, ID_MAX))]
    if len(texts) > DRAFTS_MAX or len(numbers) < len(texts):
        raise HTTPException(400)
    return numbers


class PublishingPages:
    """What is published of whoever's programme it is; `folder`: of the public lists."""

    def __init__(self, pages: GetPages, folder: Path | None) -> None:
        self._pages = pages
        self._folder = folder

    @require(*OFFICERS, roles=EDITORS)
    async def preview(self, request: Request) -> Response:
        """Show what publishing the chosen drafts, or withdrawing an offer, would change in the list."""
        plan = _plan(FormData(list(request.query_params.multi_items())), PUBLISH)
        if not plan.numbers:
            return await self._preview(request, plan, RegistryRefused("choose at least one draft"))
        return await self._preview(request, plan)

    @require(*OFFICERS, roles=EDITORS)
    async def propose(self, request: Request) -> Response:
        """Propose to publish drafts, or to withdraw an offer."""
        form = form_of(request)
        plan = _plan(form, named(form, ACTS))
        try:
            number = await self._desk(request).propose(acting(request, form), plan)
        except RegistryRefused as error:
            return await self._preview(request, plan, error)
        return back_to(request, f"/desk/offers/proposals/{number}")

    @require(*OFFICERS, roles=EDITORS)
    async def show(self, request: Request) -> Response:
        """Show what was proposed, with all that it would change."""
        return await self._show(request)

    @require(*OFFICERS, roles=EDITORS)
    async def decide(self, request: Request) -> Response:
        """Approve what another person proposed, which then holds and is listed, or refuse it; or write the
        list of what holds anew.
        """
        number, form = number_in(request, "proposal"), form_of(request)
        act = named(form, DECISIONS)
        try:
            await act(self._desk(request), acting(request, form), number)
        except RegistryRefused as error:
            return await self._show(request, error)
        return back_to(request, f"/desk/offers/proposals/{number}")

    def _desk(self, request: Request) -> PublishingDesk:
        return publishing_of(request, self._folder)

    async def _preview(self, request: Request, plan: Plan, error: RegistryRefused | None = None) -> Response:
        return self._pages().render(
            request,
            "desk_offer_preview.html",
            status=status_of(error) if error else 200,
            plan=plan,
            act=next(name for name, act in ACTS.items() if act == plan.act),
            changes=await self._desk(request).preview(plan) if plan.numbers else [],
            words=await words_of(request),
            reason_max=REASON_CHARACTERS_MAX,
            fault=fault_of(error),
        )

    async def _show(self, request: Request, error: RegistryRefused | None = None) -> Response:
        try:
            shown = await self._desk(request).show(number_in(request, "proposal"))
        except NotInRegistry:
            raise HTTPException(404) from None
        return self._pages().render(
            request,
            "desk_offer_proposal.html",
            status=status_of(error) if error else 200,
            shown=shown,
            state=ProposalState(shown.row["state"]).name.lower(),
            words=await words_of(request),
            reason_max=REASON_CHARACTERS_MAX,
            fault=fault_of(error),
        )


def _plan(form: FormData, act: Act) -> Plan:
    """Return what a form or an address asks for. Raises 400."""
    act = ACTS.get(str(form.get("act", "")), act)
    numbers = offers_named([str(each) for each in form.getlist("number")])
    return Plan(act, numbers, day_of(form, "from_day"), is_on(form, "urgent"))
