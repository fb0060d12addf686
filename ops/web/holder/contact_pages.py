"""What is known of a holder, and where the holder is told: shown, and changed by who has the mailbox.

Owns these pages of Zgierz § 19. Must not know SQL, nor how codes are kept. Invariants: where an e-mail
address is known, contact changes after a code sent to that address, and never by the password alone: by it a
login's name is changed, and its owner is told; a first address counts after a code sent to it; a code is for
the very change that asked for it, which is kept sealed until then and shown to the login that asked alone.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Final

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from ledger.errors import HolderErased, RegistryRefused
from ledger.registry import logins
from ledger.registry.contact import EMAIL_CHARACTERS_MAX
from ledger.registry.logins import NewCode
from ledger.registry.people import CONTACT
from ops import written
from ops.office.seen import ChangedSince
from ops.web.fields import NOTHING_TYPED, SEEN, Typed, seen_in
from ops.web.holder.card_pages import service_of
from ops.web.holder.words import HOLDER
from ops.web.identity.forms import form_of, text_of
from ops.web.identity.mail import Mail, MailFailed
from ops.web.identity.person import HOLDERS, Person, actor_of, office_of, person_of, require
from ops.web.identity.secrets import hash_of, new_code, plain_code
from ops.web.identity.signing_in import Door, Outcome
from ops.web.language import LANGUAGES
from ops.web.pages import Pages
from ops.web.throttled import status_of

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
    async def data(self, request: Request, fault: str = "", refused: FormData | None = None) -> Response:
        """Show what is known of the holder, and the code's field while one holds; `refused`: the form, or
        what a code was for, that was not taken.
        """
        person = await service_of(request).person()
        held = NOTHING_TYPED if refused is None else Typed(refused)
        waiting = await self._waiting(request)
        stands = {name: getattr(person, name) for name in CONTACT} if person else {}
        shown = {name: held.text(name, value) for name, value in stands.items()}
        return self._pages().render(
            request,
            "holder_data.html",
            held=held,
            status=status_of(fault),
            person=person,
            born=written.day(person.born_on if person else None, request.state.language),
            contact=shown,
            stands=stands,
            waiting=None if waiting is None else _typed(waiting),
            channels=CHANNELS,
            fault=fault,
            is_done=not fault and request.query_params.get("done") == "1",
        )

    @require(*HOLDERS)
    async def change(self, request: Request) -> Response:
        """Change phone, e-mail and the channel of notices: at once where no e-mail address is known, or is to
        be, else send a code to that address.
        """
        who, office, form = _who(request), office_of(request), form_of(request)
        password = form.get("password", "")
        outcome = await self._door.is_right(office, who.login, password if isinstance(password, str) else "")
        if outcome is not Outcome.IN:
            return await self.data(request, _FAULTS[outcome], form)
        try:
            changes = _typed(form)
            was = await service_of(request).check_contact(changes, seen_in(form))
        except ChangedSince:
            return await self.data(request, "h_changed", form)
        except RegistryRefused:
            return await self.data(request, "h_refused", form)
        is_other = any(getattr(was, name) != value for name, value in changes.items())
        if is_other and not await self._door.may_try(office, "contact", str(who.login), TRIES):
            return await self.data(request, "id_later", form)
        if is_other and (email := was.email or changes["email"]):
            return await self._send(request, form, email, "h_contact" if was.email else "h_contact_first")
        return await self._put(request, form)

    async def _send(self, request: Request, form: FormData, email: str, word: str) -> Response:
        who, office, code = _who(request), office_of(request), new_code()
        assert who.account is not None
        asked = _typed(form) | {SEEN: text_of(form, SEEN, SEEN_CHARACTERS_MAX), "login": str(who.login)}
        new = NewCode(
            who.programme, "contact", hash_of(plain_code(code)), who.account, json.dumps(asked).encode()
        )
        actor, vault = actor_of(who, CHANGE), office.master.vault
        try:
            await office.database.run(lambda c: logins.put_code(c, actor, new, hours=CODE_HOURS, vault=vault))
            await self._mail.send(email, *_letter(request, word, code=code))
        except RegistryRefused:  # the contract has ended just now
            return await self.data(request, "h_refused", form)
        except MailFailed:
            await office.database.run(
                lambda c: logins.take_code(c, new.programme, "contact", new.hash, account=new.account)
            )
            return await self.data(request, "h_mail_fault", form)
        return RedirectResponse(f"/{request.state.language}/me/data", status_code=303)

    @require(*HOLDERS)
    async def confirm(self, request: Request) -> Response:
        """Judge the code; the contact is another then."""
        who, office = _who(request), office_of(request)
        if not await self._door.may_try(office, "confirm", str(who.login), TRIES):
            return await self.data(request, "id_later")
        typed = hash_of(plain_code(text_of(form_of(request), "code", 40)))
        row = None
        if await self._waiting(request) is not None:
            row = await office.database.run(
                lambda c: logins.take_code(c, office.programme, "contact", typed, account=who.account)
            )
        asked = None if row is None else _asked(request, row["wanted"])
        if asked is None:
            self._door.notes.refused(office, "confirm")
            return await self.data(request, "id_code_wrong")
        return await self._put(request, asked)

    async def _waiting(self, request: Request) -> FormData | None:
        """Return what the code is for that this login asked for, and that still holds."""
        who, office = _who(request), office_of(request)
        if (account := who.account) is None:
            return None
        wanted = await office.database.run(
            lambda c: logins.waiting_code(c, office.programme, "contact", account)
        )
        return None if wanted is None else _asked(request, wanted)

    async def _put(self, request: Request, form: FormData) -> Response:
        try:
            await service_of(request).change_contact(
                actor_of(_who(request), CHANGE), _typed(form), seen_in(form)
            )
        except ChangedSince:
            return await self.data(request, "h_changed", form)
        except RegistryRefused:
            return await self.data(request, "h_refused", form)
        return RedirectResponse(f"/{request.state.language}/me/data?done=1", status_code=303)


def _who(request: Request) -> Person:
    person = person_of(request)
    assert person is not None
    return person


def _typed(form: FormData) -> dict[str, str]:
    return {name: text_of(form, name, EMAIL_CHARACTERS_MAX) for name in CONTACT}


def _asked(request: Request, wanted: bytes) -> FormData | None:
    """Return the form that a code is for; None where another login asked, or the holder was erased."""
    who = _who(request)
    assert who.account is not None
    try:
        text = logins.unseal_wanted(office_of(request).master.vault, who.programme, who.account, wanted)
    except HolderErased:
        return None
    asked = json.loads(text)
    return FormData(asked) if asked["login"] == str(who.login) else None


def _letter(request: Request, word: str, **parts: str) -> tuple[str, str]:
    column = LANGUAGES.index(request.state.language)
    return HOLDER[f"{word}_subject"][column], HOLDER[f"{word}_letter"][column].format(**parts)
