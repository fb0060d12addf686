"""What a holder has with the desk: messages, consents, the end of the contract.

Owns these pages of Zgierz § 19. Must not know SQL. Invariant: what cannot be undone wants the password once
more.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Final

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from ledger.errors import RegistryRefused
from ledger.registry.bounds import INT64_MAX
from ledger.registry.endings import standing
from ops import written
from ops.office.seen import ChangedSince
from ops.web.fields import seen_in
from ops.web.holder.card_pages import service_of, speech_of
from ops.web.identity.forms import form_of, text_of
from ops.web.identity.person import HOLDERS, Person, actor_of, office_of, person_of, require
from ops.web.identity.secrets import new_token
from ops.web.identity.signing_in import Door, Outcome
from ops.web.identity.visits import visit_of
from ops.web.numbers import figures
from ops.web.pages import Pages
from ops.web.refusals import fault_of
from ops.web.throttled import status_of

MESSAGE_CHARACTERS_MAX: Final = 4_000
RESIGN_REASON: Final = "asked for on the web (Zgierz § 31)"
OBJECT_REASON: Final = "asked for on the web (Zgierz § 35)"
DELETE_REASON: Final = "asked for on the web (Zgierz § 19, § 26)"


class OwnPages:
    """Messages, consents, end."""

    def __init__(self, pages: Callable[[], Pages], door: Door) -> None:
        self._pages = pages
        self._door = door

    def routes(self) -> list[Route]:
        """Return what these pages answer to."""
        return [
            Route("/me/messages", self.messages),
            Route("/me/messages", self.write, methods=["POST"]),
            Route("/me/consents", self.consents),
            Route("/me/consents", self.consent, methods=["POST"]),
            Route("/me/end", self.ask_end),
            Route("/me/end", self.end, methods=["POST"]),
        ]

    @require(*HOLDERS)
    async def messages(
        self, request: Request, error: RegistryRefused | None = None, text: str = ""
    ) -> Response:
        """Show the messages, and ask for one; `text`: what was typed and not taken."""
        service = service_of(request)
        speech = speech_of(request)
        before = figures(request.query_params.get("before", ""), INT64_MAX) or 0
        page = await service.messages(actor_of(_who(request)), before)
        rows = [
            {"at": speech.moment(row["sent_at"]), "is_mine": row["from_holder"], "text": row["body"]}
            for row in page.rows
        ]
        return self._pages().render(
            request,
            "holder_messages.html",
            status=status_of(fault_of(error)),
            rows=rows,
            older=page.older,
            is_older=before > 0,
            fault=fault_of(error),
            text=text,
            is_done=_is_done(request, fault_of(error)),
        )

    @require(*HOLDERS)
    async def write(self, request: Request) -> Response:
        """Send one to the desk."""
        form = form_of(request)
        try:
            text = text_of(form, "text", 2 * MESSAGE_CHARACTERS_MAX, lines=True)
            await service_of(request).write(actor_of(_who(request)), text)
        except RegistryRefused as error:
            return await self.messages(request, error, str(form.get("text", "")))
        return _done(request, "/me/messages")

    @require(*HOLDERS)
    async def consents(self, request: Request, fault: str = "") -> Response:
        """Show what was agreed to, and when."""
        rows = await service_of(request).consents()
        language, speech = request.state.language, speech_of(request)
        shown = [
            {
                "kind": f"h_consent_{row['kind']}",
                "given": speech.moment(row["given_at"]),
                "withdrawn": speech.moment(row["withdrawn_at"]),
            }
            for row in rows
        ]
        accepted = [
            {"document": row["document"], "given": written.day(row["accepted_on"], language)}
            for row in await service_of(request).accepted()
        ]
        is_given = any(row["kind"] == "newsletter" and row["withdrawn_at"] is None for row in rows)
        is_done = _is_done(request, fault)
        return self._pages().render(
            request,
            "holder_consents.html",
            status=status_of(fault),
            fault=fault,
            rows=shown,
            accepted=accepted,
            is_given=is_given,
            is_done=is_done,
        )

    @require(*HOLDERS)
    async def consent(self, request: Request) -> Response:
        """Take down a consent to the newsletter, or that it was withdrawn."""
        is_withdrawn = text_of(form_of(request), "newsletter", 10) != "give"
        if not is_withdrawn and not await self._door.may_write(office_of(request), _who(request).login):
            return await self.consents(request, "id_later")  # a withdrawal is never put off
        with contextlib.suppress(RegistryRefused):  # it is so already: the page shows it
            await service_of(request).consent(
                actor_of(_who(request)), "newsletter", is_withdrawn=is_withdrawn
            )
        return _done(request, "/me/consents")

    @require(*HOLDERS)
    async def ask_end(self, request: Request, fault: str = "") -> Response:
        """Ask whether the contract, or the account, is to end; or, before a change of the rules, with it."""
        view, language = await service_of(request).overview(), request.state.language
        objected = standing(view.endings, "objection")
        is_ward = await _is_ward(request)
        return self._pages().render(
            request,
            "holder_end.html",
            status=status_of(fault),
            fault=fault,
            is_ward=is_ward,
            change=view.change if view.may_object() else None,
            from_day=written.day(view.change.holds_from, language) if view.change else "",
            last_day=written.day(view.change.ends_on, language) if view.change else "",
            objected=written.day(objected[0]["ends_on"], language) if objected and not view.has_ended else "",
        )

    @require(*HOLDERS)
    async def end(self, request: Request) -> Response:
        """End it: resign, delete, or object to the change of the rules that was shown."""
        form, who, service = form_of(request), _who(request), service_of(request)
        what = text_of(form, "what", 10)
        if what not in {"resign", "delete", "object"} or text_of(form, "understood", 5) != "yes":
            return await self.ask_end(request, "h_refused")
        if fault := await self._end_fault(request):
            return await self.ask_end(request, fault)
        try:
            if what == "object":
                await service.object(actor_of(who, OBJECT_REASON), seen_in(form))
                return RedirectResponse(f"/{request.state.language}/me?done=object", status_code=303)
            if what == "delete":
                await service.anonymise(actor_of(who, DELETE_REASON))
            else:
                await service.resign(actor_of(who, RESIGN_REASON))
        except ChangedSince:
            return await self.ask_end(request, "h_object_other")
        except RegistryRefused:
            return await self.ask_end(request, "h_refused")
        return self._ended(request, who, what)

    def _ended(self, request: Request, who: Person, what: str) -> Response:
        """Say so; the login is gone either way (Zgierz § 26, § 31)."""
        self._door.notes.changed(office_of(request), who.kind, "deleted")
        if who.acts_for is None:  # who acted for another stays signed in
            visit_of(request).become(new_token(0))
        request.state.person = None
        whose = "" if who.acts_for is None else "_for"
        return self._pages().render(request, "holder_ended.html", what=f"h_ended_{what}{whose}")

    async def _end_fault(self, request: Request) -> str:
        typed = form_of(request).get("password", "")
        outcome = await self._door.is_right(
            office_of(request), _who(request).login, typed if isinstance(typed, str) else ""
        )
        faults = {Outcome.WRONG: "id_old_wrong", Outcome.LATER: "id_later"}
        return faults.get(outcome, "h_ward" if await _is_ward(request) else "")


def _who(request: Request) -> Person:
    person = person_of(request)
    assert person is not None
    return person


async def _is_ward(request: Request) -> bool:
    """Whether it is the holder's own login, and a parent or guardian ends the contract (Zgierz § 12)."""
    return _who(request).acts_for is None and await service_of(request).needs_guardian()


def _is_done(request: Request, fault: str = "") -> bool:
    return not fault and request.query_params.get("done") == "1"


def _done(request: Request, path: str) -> Response:
    return RedirectResponse(f"/{request.state.language}{path}?done=1", status_code=303)
