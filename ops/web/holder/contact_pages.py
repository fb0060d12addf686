"""What is known of a holder, and where the holder is told: shown, and changed by who has the mailbox.

Owns these pages of Zgierz § 19. Must not know SQL, nor how codes are kept. Invariants: where an e-mail
address is known, contact changes after a code sent to that address, and never by the password alone: by it a
login's name is changed, and its owner is told; a code is for the very change that asked for it; the address
that was known is told.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping
from typing import Final

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from ledger.errors import RegistryRefused
from ledger.registry import logins
from ledger.registry.contact import EMAIL_CHARACTERS_MAX
from ledger.registry.logins import NewCode
from ops import written
from ops.office.seen import ChangedSince
from ops.office.self_service import CONTACT
from ops.web.fields import NOTHING_TYPED, SEEN, Typed, seen_in
from ops.web.holder.card_pages import service_of
from ops.web.holder.words import HOLDER
from ops.web.identity.forms import form_of, text_of
from ops.web.identity.mail import Mail, MailFailed
from ops.web.identity.person import HOLDERS, Person, actor_of, office_of, person_of, require
from ops.web.identity.secrets import Keys, hash_of, new_code, plain_code
from ops.web.identity.signing_in import Door, Outcome
from ops.web.language import LANGUAGES
from ops.web.pages import Pages

CHANNELS: Final = ("", "phone", "sms", "email")
CODE_HOURS: Final = 24
TRIES: Final = 10
SEEN_CHARACTERS_MAX: Final = 200
CHANGE: Final = "change of contact"
_FAULTS: Final = {Outcome.WRONG: "id_old_wrong", Outcome.LATER: "id_later"}


class ContactPages:
    """Own data, and the change of contact."""

    def __init__(self, pages: Callable[[], Pages], door: Door, mail: Mail) -> None:
        self._pages = pages
        self._door = door
        self._mail = mail

    def routes(self) -> list[Route]:
        """Return what these pages answer to."""
        return [
            Route("/me/data", self.data),
            Route("/me/data", self.change, methods=["POST"]),
            Route("/me/data/code", self.confirm, methods=["POST"]),
        ]

    @require(*HOLDERS)
    async def data(
        self, request: Request, fault: str = "", typed: Mapping[str, str] = {}, *, is_sent: bool = False
    ) -> Response:
        """Show what is known of the holder; `typed`: the contact that was not taken, or (`is_sent`) that a
        code was sent for.
        """
        person = await service_of(request).person()
        held = Typed(form_of(request)) if typed else NOTHING_TYPED
        stands = {name: getattr(person, name) for name in CONTACT} if person else {}
        shown = {name: held.text(name, value) for name, value in stands.items()}
        return self._pages().render(
            request,
            "holder_data.html",
            held=held,
            status=400 if fault else 200,
            person=person,
            born=written.day(person.born_on if person else None, request.state.language),
            contact=typed if is_sent else shown,
            stands=stands,
            seen=text_of(form_of(request), SEEN, SEEN_CHARACTERS_MAX) if is_sent else "",
            channels=CHANNELS,
            fault=fault,
            is_sent=is_sent,
            is_done=not fault and request.query_params.get("done") == "1",
        )

    @require(*HOLDERS)
    async def change(self, request: Request) -> Response:
        """Change phone, e-mail and the channel of notices: at once where no e-mail address is known, else
        send a code to that address.
        """
        who, office, changes = _who(request), office_of(request), _typed(request)
        password = form_of(request).get("password", "")
        outcome = await self._door.is_right(office, who.login, password if isinstance(password, str) else "")
        if outcome is not Outcome.IN:
            return await self.data(request, _FAULTS[outcome], changes)
        try:
            was = await service_of(request).check_contact(changes, seen_in(form_of(request)))
        except ChangedSince:
            return await self.data(request, "h_changed", changes)
        except RegistryRefused:
            return await self.data(request, "h_refused", changes)
        if not was.email or all(getattr(was, name) == value for name, value in changes.items()):
            return await self._put(request, changes)
        if not await self._door.may_try(office, "contact", str(who.login), TRIES):
            return await self.data(request, "id_later", changes)
        return await self._send(request, changes, was.email)

    async def _send(self, request: Request, changes: Mapping[str, str], email: str) -> Response:
        who, code = _who(request), new_code()
        assert who.account is not None
        new = NewCode(
            who.programme, "contact", hash_of(plain_code(code)), who.account, _key(request, changes)
        )
        actor = actor_of(who, CHANGE)
        try:
            await office_of(request).database.run(lambda c: logins.put_code(c, actor, new, hours=CODE_HOURS))
            await self._mail.send(email, *_letter(request, "h_contact", code=code))
        except RegistryRefused:  # the contract has ended just now
            return await self.data(request, "h_refused", changes)
        except MailFailed:
            return await self.data(request, "h_mail_fault", changes)
        return await self.data(request, typed=changes, is_sent=True)

    @require(*HOLDERS)
    async def confirm(self, request: Request) -> Response:
        """Judge the code; the contact is another then, and the address that was known is told."""
        who, office, changes = _who(request), office_of(request), _typed(request)
        if not await self._door.may_try(office, "confirm", str(who.login), TRIES):
            return await self.data(request, "id_later", changes, is_sent=True)
        typed = hash_of(plain_code(text_of(form_of(request), "code", 40)))
        row = await office.database.run(
            lambda c: logins.take_code(c, office.programme, "contact", typed, account=who.account)
        )
        if row is None or not hmac.compare_digest(row["wanted"], _key(request, changes)):
            self._door.notes.refused(office, "confirm")
            return await self.data(request, "id_code_wrong", changes, is_sent=True)
        was = await service_of(request).person()
        answer = await self._put(request, changes)
        if was is not None and was.email and answer.status_code == 303:
            self._mail.post(was.email, *_letter(request, "h_contact_told"))
        return answer

    async def _put(self, request: Request, changes: Mapping[str, str]) -> Response:
        try:
            seen = seen_in(form_of(request))
            await service_of(request).change_contact(actor_of(_who(request), CHANGE), changes, seen)
        except ChangedSince:
            return await self.data(request, "h_changed", changes)
        except RegistryRefused:
            return await self.data(request, "h_refused", changes)
        return RedirectResponse(f"/{request.state.language}/me/data?done=1", status_code=303)


def _who(request: Request) -> Person:
    person = person_of(request)
    assert person is not None
    return person


def _typed(request: Request) -> dict[str, str]:
    form = form_of(request)
    return {name: text_of(form, name, EMAIL_CHARACTERS_MAX) for name in CONTACT}


def _key(request: Request, changes: Mapping[str, str]) -> bytes:
    account = _who(request).account
    return Keys(office_of(request).master).change_key(f"contact of {account}", changes)


def _letter(request: Request, word: str, **parts: str) -> tuple[str, str]:
    column = LANGUAGES.index(request.state.language)
    return HOLDER[f"{word}_subject"][column], HOLDER[f"{word}_letter"][column].format(**parts)
