"""The pages of holders at a desk: looked for, shown, and what is done for them there; cases of cards.

Owns what they ask and answer. Must not know how anything is judged (`ops.office`). Invariants: what somebody
is looked for by is posted, and stands in no address and no log; a page names a holder by the account.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final

from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from ledger.errors import NotInRegistry, RegistryRefused
from ledger.registry.agreements import CONSENTS, ROLES, Representative
from ledger.registry.audit import REASON_CHARACTERS_MAX, Actor
from ledger.registry.card_cases import CaseKind, CaseState, list_cases
from ledger.registry.card_states import CardStatus
from ledger.registry.contact import EMAIL_CHARACTERS_MAX
from ledger.registry.messages import BODY_CHARACTERS_MAX
from ledger.registry.people import CHANNELS
from ops.office import card_cases
from ops.office.holder_file import FOUND_MAX, HolderFile
from ops.office.objections import open_change
from ops.web.desk.common import (
    BLOCK_HANDS,
    CLERKS,
    OFFICERS,
    RESIGN_HANDS,
    GetPages,
    acting,
    after_in,
    back_to,
    day_of,
    file_of,
    hand_of,
    is_on,
    named,
    number_in,
    status_of,
    sure,
    whole,
)
from ops.web.fields import seen_in
from ops.web.identity import form_of, office_of, require, text_of
from ops.web.identity.making import account_code, holder_code
from ops.web.numbers import FIGURES_MAX, figures
from ops.web.refusals import fault_of

Act = Callable[[HolderFile, Actor, int, FormData], Awaitable[object]]
CHANGED: Final = {
    "name": 200, "address": 300, "phone": 32, "email": EMAIL_CHARACTERS_MAX, "channel": 8, "pickup": 64
}  # fmt: skip


async def _block(file: HolderFile, actor: Actor, account: int, form: FormData) -> None:
    await file.block(actor, account, hand_of(form, BLOCK_HANDS))


async def _resign(file: HolderFile, actor: Actor, account: int, form: FormData) -> None:
    sure(form)
    await file.resign(actor, account, hand_of(form, RESIGN_HANDS))


async def _notice(file: HolderFile, actor: Actor, account: int, form: FormData) -> None:
    sure(form)
    await file.give_notice(actor, account)


async def _object(file: HolderFile, actor: Actor, account: int, form: FormData) -> None:
    sure(form)
    await file.object(actor, account, hand_of(form, RESIGN_HANDS), seen_in(form))


async def _withdraw_objection(file: HolderFile, actor: Actor, account: int, form: FormData) -> None:
    whose = actor._replace(hand=hand_of(form, RESIGN_HANDS))
    await file.withdraw(whose, account, "objection", seen_in(form))


async def _consent(file: HolderFile, actor: Actor, account: int, form: FormData) -> None:
    kind = text_of(form, "consent", 16)
    await file.consent(actor, account, kind, is_withdrawn=is_on(form, "withdrawn"))


async def _change(file: HolderFile, actor: Actor, account: int, form: FormData) -> None:
    changes: dict[str, Any] = {name: text_of(form, name, most) for name, most in CHANGED.items()}
    if pesel := text_of(form, "pesel", 11):
        changes["pesel"] = pesel
    if (born := day_of(form, "born_on")) is not None:
        changes["born_on"] = born
    await file.change(actor, account, changes, seen_in(form))


async def _flags(file: HolderFile, actor: Actor, account: int, form: FormData) -> None:
    codes = [str(code) for code in form.getlist("flags")]
    needs_guardian = is_on(form, "needs_guardian")
    await file.set_flags(actor, account, codes, needs_guardian=needs_guardian, seen=seen_in(form))


async def _write(file: HolderFile, actor: Actor, account: int, form: FormData) -> None:
    text = text_of(form, "text", BODY_CHARACTERS_MAX, lines=True)
    shown = figures(text_of(form, "through", FIGURES_MAX)) or 0  # nothing was shown, or it was not said
    await file.write(actor, account, text, through=shown)


async def _represent(file: HolderFile, actor: Actor, account: int, form: FormData) -> None:
    name, phone, email = (text_of(form, key, CHANGED[key]) for key in ("name", "phone", "email"))
    who = Representative(text_of(form, "role", 16), name, phone, email, day_of(form, "until"))
    await file.represent(actor, account, who)


async def _end(file: HolderFile, actor: Actor, account: int, form: FormData) -> None:
    await file.end_representative(actor, account, _representative(form))


def _representative(form: FormData) -> int:
    number = whole(form, "number")
    if number < 1:
        raise NotInRegistry("there is no such representative, or not any more")
    return number


async def _give_back(file: HolderFile, actor: Actor, account: int, form: FormData) -> None:
    await file.give_back(actor, account, whole(form, "payment"))


async def _approve_erasure(file: HolderFile, actor: Actor, account: int, form: FormData) -> None:
    sure(form)
    await file.approve_erasure(actor, account, seen_in(form))


ACTS: Final[dict[str, Act]] = {
    "block": _block,
    "unblock": lambda file, actor, account, _: file.unblock(actor, account),
    "resign": _resign,
    "notice": _notice,
    "withdraw_notice": lambda file, actor, account, form: file.withdraw(
        actor, account, "notice", seen_in(form)
    ),
    "object": _object,
    "withdraw_objection": _withdraw_objection,
    "consent": _consent,
    "change": _change,
    "flags": _flags,
    "write": _write,
    "represent": _represent,
    "end": _end,
    "give_back": _give_back,
    "propose_erasure": lambda file, actor, account, _: file.propose_erasure(actor, account),
    "approve_erasure": _approve_erasure,
    "refuse_erasure": lambda file, actor, account, form: file.refuse_erasure(actor, account, seen_in(form)),
}
CASES: Final = 50
"""So many are shown on a page."""
CASE_ACTS: Final = {"confirm": card_cases.confirm, "lift": card_cases.lift}


class HolderPages:
    """The holders and the cases of whoever's programme it is."""

    def __init__(self, pages: GetPages) -> None:
        self._pages = pages

    @require(*OFFICERS, roles=CLERKS)
    async def ask(self, request: Request) -> Response:
        """Ask whom to look for; show whose messages wait."""
        return await self._search(request)

    @require(*OFFICERS, roles=CLERKS)
    async def find(self, request: Request) -> Response:
        """Look for somebody."""
        try:
            found = await file_of(request).find(text_of(form_of(request), "who", 200))
        except RegistryRefused as error:
            return await self._search(request, error=error)
        return await self._search(request, found=found)

    @require(*OFFICERS, roles=CLERKS)
    async def show(self, request: Request) -> Response:
        """Show a holder."""
        return await self._show(request)

    @require(*OFFICERS, roles=CLERKS)
    async def act(self, request: Request) -> Response:
        """Do something for a holder."""
        account, form = number_in(request, "account"), form_of(request)
        act = named(form, ACTS)
        try:
            await act(file_of(request), acting(request, form), account, form)
        except RegistryRefused as error:
            return await self._show(request, error)
        return back_to(request, f"/desk/holders/{account}")

    @require(*OFFICERS, roles=CLERKS)
    async def code(self, request: Request) -> Response:
        """Give out the code with which a representative acts under the own login; shown once."""
        account, form, office = number_in(request, "account"), form_of(request), office_of(request)
        try:
            number, actor = _representative(form), acting(request, form)
            code = await account_code(office.database, actor, office.programme, account, number)
        except RegistryRefused as error:
            return await self._show(request, error)
        return await self._show(request, code=code)

    @require(*OFFICERS, roles=CLERKS)
    async def login_code(self, request: Request) -> Response:
        """Give out the code with which the holder makes a login, or sets it anew; shown once."""
        account, form, office = number_in(request, "account"), form_of(request), office_of(request)
        try:
            await file_of(request).show(account)  # of this programme
            actor = acting(request, form)
            code = await holder_code(office.database, office.master, actor, office.programme, account)
        except RegistryRefused as error:
            return await self._show(request, error)
        return await self._show(request, login_code=code)

    @require(*OFFICERS, roles=CLERKS)
    async def cases(self, request: Request, error: RegistryRefused | None = None) -> Response:
        """Show the cases of cards that are not decided, oldest first."""
        programme, after = office_of(request).programme, after_in(request)
        rows = await office_of(request).database.run(
            lambda c: list_cases(c, CaseState.OPEN, programme=programme, after=after, limit=CASES + 1)
        )
        return self._pages().render(
            request,
            "desk_cases.html",
            status=status_of(error) if error else 200,
            rows=rows[:CASES],
            more=rows[CASES - 1]["number"] if len(rows) > CASES else 0,
            reason_max=REASON_CHARACTERS_MAX,
            kinds={int(kind): kind.name.lower() for kind in CaseKind},
            states=_STATES,
            fault=fault_of(error),
        )

    @require(*OFFICERS, roles=CLERKS)
    async def decide(self, request: Request) -> Response:
        """Confirm a case, or lift it."""
        number, form = number_in(request, "number"), form_of(request)
        decide = named(form, CASE_ACTS)
        try:
            await decide(office_of(request).database, acting(request, form), number)
        except RegistryRefused as error:
            return await self.cases(request, error)
        return back_to(request, "/desk/cases")

    async def _search(
        self, request: Request, found: list[Any] | None = None, error: RegistryRefused | None = None
    ) -> Response:
        return self._pages().render(
            request,
            "desk_search.html",
            status=status_of(error) if error else 200,
            found=None if found is None else found[:FOUND_MAX],
            is_cut=found is not None and len(found) > FOUND_MAX,
            waiting=await file_of(request).waiting(),
            erasures=await file_of(request).erasures_waiting(),
            fees=await file_of(request).fees_to_give_back(),
            fault=fault_of(error),
        )

    async def _show(
        self,
        request: Request,
        error: RegistryRefused | None = None,
        *,
        code: str = "",
        login_code: str = "",
    ) -> Response:
        try:
            before = after_in(request, name="before")
            holder = await file_of(request).show(number_in(request, "account"), before)
        except NotInRegistry:
            raise HTTPException(404) from None
        return self._pages().render(
            request,
            "desk_holder.html",
            is_older=before > 0,
            status=status_of(error) if error else 200,
            is_once=bool(code or login_code),
            holder=holder,
            person=holder.person,
            notice_until=await file_of(request).notice_until(),
            change=await open_change(office_of(request).database, office_of(request).programme),
            states=_STATES,
            channels=CHANNELS,
            consents=CONSENTS,
            given={row["kind"] for row in holder.consents if row["withdrawn_at"] is None},
            block_hands=BLOCK_HANDS,
            resign_hands=RESIGN_HANDS,
            roles=ROLES,
            reason_max=REASON_CHARACTERS_MAX,
            code=code,
            login_code=login_code,
            fault=fault_of(error),
        )


_STATES: Final = {int(status): status.name.lower() for status in CardStatus}
