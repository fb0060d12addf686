"""Applying on line by who has no card: an address that is confirmed, a form in steps, and its state after.

Owns these pages. Must not know how an application is judged (`ops.office.applications`), nor kept.
Invariants: nothing typed is kept before it is sent, it travels in the form from step to step; the same is
said whoever's address it is; a secret leads to one application, and everything else is not found.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from ledger.errors import RegistryRefused
from ledger.registry.applications import CHANGEABLE, DIGEST_CHARACTERS, ApplicationChanged
from ledger.registry.contact import EMAIL_CHARACTERS_MAX, email_fault
from ledger.registry.online_applications import Online
from ops.office.applications import ApplicationDesk
from ops.office.online import APPLICANT, Invitations, Invited, OnlineDesk
from ops.office.own_applications import OwnApplication
from ops.web.fields import FieldRefused
from ops.web.holder.application_state import UPLOAD_BYTES_MAX, carry_out, stands
from ops.web.holder.apply_form import (
    FIELDS,
    WHOSE,
    Fault,
    desks_of,
    differing,
    fault_of,
    form_of_typed,
    hidden_in,
    needs_guardian,
    regulations_of,
    typed_of,
    typed_steps,
    wants_tax,
)
from ops.web.holder.words_apply import APPLY, consent_version
from ops.web.identity.forms import form_of, text_of
from ops.web.identity.mail import Mail
from ops.web.identity.making import account_code, holder_code
from ops.web.identity.notes import Throttle
from ops.web.identity.person import offices_of
from ops.web.identity.secrets import hash_of, new_token, programme_of_token
from ops.web.identity.signing_in import Door
from ops.web.identity.visits import visit_of
from ops.web.language import LANGUAGES
from ops.web.offices import Office
from ops.web.pages import Pages
from ops.web.throttled import status_of

UPLOADS: Final = {"/apply/state/": UPLOAD_BYTES_MAX}
OF_ADDRESS: Final = 2
OF_SOURCE: Final = 20
OF_ALL: Final = 300
"""Letters in a quarter of an hour: to one address, asked for from one place, of one programme."""
CHANGED: Final = Fault("a_changed", "a_title")
LATER: Final = Fault("id_later", "a_title")


@dataclass(frozen=True)
class ApplyPages:
    """The pages. `address`: how letters begin a link to the site."""

    pages: Callable[[], Pages]
    door: Door
    mail: Mail
    address: str

    def routes(self) -> list[Route]:
        """Return what these pages answer to."""
        return [
            Route("/apply", self.ask_address),
            Route("/apply", self.invite, methods=["POST"]),
            Route("/apply/form/{token}", self.begin),
            Route("/apply/form/{token}", self.go_on, methods=["POST"]),
            Route("/apply/state/{secret}", self.show),
            Route("/apply/state/{secret}", self.act, methods=["POST"]),
            Route("/apply/state/{secret}/data", self.ask_data),
            Route("/apply/state/{secret}/data", self.change, methods=["POST"]),
        ]

    async def ask_address(self, request: Request, fault: str = "") -> Response:
        """Ask where the link is to be sent to, or say that it was."""
        return self.pages().render(
            request,
            "apply_begin.html",
            status=status_of(fault),
            offices=[office for _, office in sorted(offices_of(request).items())],
            fault=fault,
            is_sent=not fault and request.query_params.get("sent") == "1",
        )

    async def invite(self, request: Request) -> Response:
        """Send the link, or say that it was sent: an address that had two learns nothing, nor by how long
        that takes.
        """
        form = form_of(request)
        code, email = text_of(form, "programme", 32), _email_in(form)
        office = next((each for each in offices_of(request).values() if each.code == code), None)
        if office is None:
            raise HTTPException(400)
        if not email or email_fault(email):
            return await self.ask_address(request, "a_bad_email")
        bounds: tuple[tuple[Throttle, str, int], ...] = (
            ("apply", visit_of(request).source, OF_SOURCE),
            ("apply all", "", OF_ALL),
        )
        for what, whose, most in bounds:
            if not await self.door.may_try(office, what, whose, most):
                return await self.ask_address(request, "id_later")
        if not self.mail.takes_more:
            return await self.ask_address(request, "h_mail_fault")
        if await self.door.may_try(office, "apply to", email.casefold(), OF_ADDRESS):
            token = Invitations(office.master).make(office.programme, email, time.time())
            link = self._link(request, f"/apply/form/{token}")
            self._post(request, email, "a_link", programme=office.name, link=link)
        return RedirectResponse(f"/{request.state.language}/apply?sent=1", status_code=303)

    async def begin(self, request: Request) -> Response:
        """Show the first step."""
        invited = _invited(request)
        if invited is None:
            return self.pages().render(request, "apply_no_link.html", status=404)
        typed = dict.fromkeys(FIELDS, "")
        return await self._step(request, invited, typed, 1)

    async def go_on(self, request: Request) -> Response:
        """Judge a step and show the next, or the one before; send it after the last."""
        invited, posted = _invited(request), form_of(request)
        if invited is None:
            return self.pages().render(request, "apply_no_link.html", status=404)
        step = text_of(posted, "step", 1)
        if step not in ("1", "2", "3"):
            raise HTTPException(400)
        at, desk = int(step), _desk(_office(request, invited.programme))
        typed, fault = typed_steps(posted)
        if not fault and text_of(posted, "go", 4) == "back":
            return await self._step(request, invited, typed, max(1, at - 1))
        if fault := fault or fault_of(typed, invited.email, *await desk.terms(), at):
            return await self._step(request, invited, typed, at, fault)
        if at < 3:
            return await self._step(request, invited, typed, at + 1)
        return await self._take(request, invited, typed)

    async def _take(self, request: Request, invited: Invited, typed: dict[str, str]) -> Response:
        office, language = _office(request, invited.programme), request.state.language
        secret = new_token(invited.programme)
        key = Invitations(office.master).address_key(invited.programme, invited.email)
        online = Online(hash_of(secret), key, consent_version(language))
        desk = _desk(office)
        try:
            form = form_of_typed(typed, invited.email, *await desk.terms())
            number = await OnlineDesk(desk).send(form, online)
        except RegistryRefused:
            return await self._step(request, invited, typed, 3, Fault("a_too_many", "a_title"))
        link = self._link(request, f"/apply/state/{secret}")
        self._post(request, invited.email, "a_state", programme=office.name, number=number, link=link)
        return RedirectResponse(f"/{language}/apply/state/{secret}?new=1", status_code=303)

    async def _step(
        self, request: Request, invited: Invited, typed: dict[str, str], step: int, fault: Fault | None = None
    ) -> Response:
        office = _office(request, invited.programme)
        action = f"/apply/form/{request.path_params['token']}"
        return await self._form(request, office, typed, invited.email, step=step, fault=fault, action=action)

    async def _form(
        self,
        request: Request,
        office: Office,
        typed: dict[str, str],
        email: str,
        *,
        step: int,
        fault: Fault | None,
        action: str,
        own: OwnApplication | None = None,
        digest: str = "",
    ) -> Response:
        is_accepted = own is not None and own.view.form is not None and own.view.form.rules_accepted
        rules, day = await _desk(office).terms()
        desks, tax, guardian = desks_of(rules), wants_tax(rules), needs_guardian(typed, email, rules, day)
        return self.pages().render(
            request,
            "apply_form.html",
            status=status_of(fault.word if fault else ""),
            programme=office.name,
            typed=typed,
            email=email,
            step=step,
            fault=fault,
            action=action,
            whose=WHOSE,
            desks=desks,
            wants_tax=tax,
            wants_guardian=guardian,
            digest=digest,
            now=differing(own.view.form, typed, rules, day)
            if own and own.view.form and fault == CHANGED
            else [],
            regulations=regulations_of(rules) if step in (0, 3) and not is_accepted else "",
            hidden=hidden_in(step, has_desks=bool(desks), wants_tax=tax, wants_guardian=guardian),
        )

    async def show(self, request: Request, fault: str = "", code: str = "") -> Response:
        """Show how an application stands; `code`: of a login, to be shown once."""
        own, office = await _own(request)
        return self.pages().render(
            request,
            "apply_state.html",
            status=status_of(fault),
            is_once=bool(code),
            programme=office.name,
            **stands(request, own),
            may_login=own.state == "collected" and own.view.form is not None,
            is_guardian=bool(own.view.form and own.view.form.guardian),
            code=code,
            fault=fault,
            secret=request.path_params["secret"],
            is_new=request.query_params.get("new") == "1",
            is_done=not fault and request.query_params.get("done") == "1",
        )

    async def act(self, request: Request) -> Response:
        """Take a file, say that it is complete, withdraw it, or give the code of a login."""
        own, office = await _own(request)
        if not await self.door.may_deal(office, own.number):
            return await self.show(request, "id_later")
        if text_of(form_of(request), "act", 10) != "login":
            fault = await carry_out(request, own)
            return await self.show(request, fault) if fault else _back(request)
        try:
            return await self._login_code(request, own, office)
        except RegistryRefused:
            return await self.show(request, "a_login_there")

    async def _login_code(self, request: Request, own: OwnApplication, office: Office) -> Response:
        """Show a code that makes the login of who applied: the holder's, or the guardian's."""
        guardian, account = await OnlineDesk(_desk(office)).guardian_of(own), own.view.row["account"]
        if guardian is None:
            code = await holder_code(
                office.database, office.master, APPLICANT, office.programme, account, is_for_first=True
            )
        else:
            code = await account_code(office.database, APPLICANT, office.programme, account, guardian)
        return await self.show(request, code=code)

    async def ask_data(self, request: Request) -> Response:
        """Show what an application says, to be corrected."""
        own, office = await _own(request)
        if own.view.form is None or own.state not in CHANGEABLE:
            raise HTTPException(404)
        typed = typed_of(own.view.form, *await _desk(office).terms())
        return await self._data(request, office, own, typed, digest=own.view.row["digest"])

    async def change(self, request: Request) -> Response:
        """Put what an application says anew."""
        own, office = await _own(request)
        if own.view.form is None:
            raise HTTPException(404)
        (typed, fault), was = typed_steps(form_of(request)), own.view.form
        shown = text_of(form_of(request), "digest", DIGEST_CHARACTERS)
        typed["consent_data"] = "yes"  # it was given, and is not asked for again
        typed["rules_accepted"] = "yes" if was.rules_accepted else typed["rules_accepted"]
        terms = await _desk(office).terms()
        if fault := fault or fault_of(typed, was.email, *terms, 3):
            return await self._data(request, office, own, typed, digest=shown, fault=fault)
        if not await self.door.may_deal(office, own.number):
            return await self._data(request, office, own, typed, digest=shown, fault=LATER)
        try:
            await OnlineDesk(_desk(office)).change(own, form_of_typed(typed, was.email, *terms), shown)
        except RegistryRefused as error:
            own, _ = await _own(request)
            if isinstance(error, ApplicationChanged) and own.view.form and own.state in CHANGEABLE:
                now = own.view.row["digest"]
                return await self._data(request, office, own, typed, digest=now, fault=CHANGED)
            return await self.show(request, "a_refused")
        return _back(request)

    async def _data(
        self,
        request: Request,
        office: Office,
        own: OwnApplication,
        typed: dict[str, str],
        *,
        digest: str,
        fault: Fault | None = None,
    ) -> Response:
        """Show the form to be corrected; `digest`: of the application that it is corrected by, which a fault
        makes no other.
        """
        assert own.view.form is not None
        return await self._form(
            request,
            office,
            typed,
            own.view.form.email,
            step=0,
            fault=fault,
            action=f"/apply/state/{request.path_params['secret']}/data",
            own=own,
            digest=digest,
        )

    def _link(self, request: Request, path: str) -> str:
        return f"{self.address}/{request.state.language}{path}"

    def _post(self, request: Request, to: str, word: str, **values: object) -> None:
        column = LANGUAGES.index(request.state.language)
        subject, letter = APPLY[f"{word}_subject"][column], APPLY[f"{word}_letter"][column]
        self.mail.post(to, subject.format(**values), letter.format(**values))


def _invited(request: Request) -> Invited | None:
    token = request.path_params["token"]
    for office in offices_of(request).values():
        invited = Invitations(office.master).read(token, time.time())
        if invited is not None:
            return invited if invited.programme in offices_of(request) else None
    return None


def _email_in(form: FormData) -> str:
    """Return the address that was typed; "" for what is none."""
    try:
        return text_of(form, "email", EMAIL_CHARACTERS_MAX)
    except FieldRefused:
        return ""


def _office(request: Request, programme: int) -> Office:
    return offices_of(request)[programme]


def _desk(office: Office) -> ApplicationDesk:
    return ApplicationDesk(office.database, office.master, office.programme)


async def _own(request: Request) -> tuple[OwnApplication, Office]:
    """Return the application of the secret in a path. Raises 404."""
    secret: str = request.path_params["secret"]
    office = offices_of(request).get(programme_of_token(secret[:100]))
    own: Any = None
    if office is not None:
        own = await OnlineDesk(_desk(office)).find(hash_of(secret))
    if own is None or office is None:
        raise HTTPException(404)
    return own, office


def _back(request: Request) -> Response:
    secret = request.path_params["secret"]
    return RedirectResponse(f"/{request.state.language}/apply/state/{secret}?done=1", status_code=303)
