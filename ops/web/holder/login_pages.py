"""The holder's login: how a card, or who acts for its holder, gets one, or gets it anew; change of its name.

Owns both pages. Must not know how codes are kept. Invariants: a code of activation is used up only with the
login it makes; a name changes after a code from the holder's own e-mail, where one is known, and never by the
password alone then.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from ledger.errors import RegistryRefused
from ledger.postgres.database import Connection
from ledger.registry import acting_for, logins
from ledger.registry.audit import Actor
from ledger.registry.card_states import Hand
from ledger.registry.cards import list_cards
from ledger.registry.logins import Kind, NewCode, NewLogin
from ops.web.holder.card_pages import service_of
from ops.web.holder.words import HOLDER
from ops.web.identity.forms import form_of, text_of
from ops.web.identity.mail import Mail, MailFailed
from ops.web.identity.making import NAME_TYPED_MAX, name_fault
from ops.web.identity.passwords import CHARACTERS_MAX, password_fault
from ops.web.identity.person import HOLDERS, Person, actor_of, office_of, offices_of, person_of, require
from ops.web.identity.secrets import Keys, hash_of, new_code, plain_code
from ops.web.identity.signing_in import Door, Outcome
from ops.web.identity.visits import visit_of
from ops.web.language import LANGUAGES
from ops.web.offices import Office
from ops.web.pages import Pages
from ops.web.throttled import status_of

RENAME_HOURS: Final = 24
TRIES: Final = 10
REGISTERED: Final = Actor("web", "a login by an activation code", hand=Hand.HOLDER_ONLINE)
CHANGE: Final = "change of login"
RENEWED: Final = REGISTERED._replace(reason="a login anew by an activation code")


class LoginPages:
    """Activation and change of name."""

    def __init__(self, pages: Callable[[], Pages], door: Door, mail: Mail) -> None:
        self._pages = pages
        self._door = door
        self._mail = mail

    def routes(self) -> list[Route]:
        """Return what these pages answer to."""
        return [
            Route("/register", self.ask_register),
            Route("/register", self.register, methods=["POST"]),
            Route("/me/login", self.ask_rename),
            Route("/me/login", self.rename, methods=["POST"]),
            Route("/me/login/code", self.confirm, methods=["POST"]),
        ]

    async def ask_register(self, request: Request, fault: str = "") -> Response:
        """Ask for a code of activation and for the login to be."""
        return self._pages().render(
            request,
            "holder_register.html",
            status=status_of(fault, 403),
            offices=[office for _, office in sorted(offices_of(request).items())],
            fault=fault,
            is_done=not fault and request.query_params.get("done") == "1",
        )

    async def register(self, request: Request) -> Response:
        """Make a login for a card's holder, or for who acts for the holder and has no card."""
        form = form_of(request)
        code = text_of(form, "programme", 32)
        office = next((each for each in offices_of(request).values() if each.code == code), None)
        if office is None:
            raise HTTPException(400)
        name, password = text_of(form, "login", NAME_TYPED_MAX), _typed(form.get("password"))
        if name_fault(name):
            return await self.ask_register(request, "h_login_bad")
        if word := password_fault(password, name):
            return await self.ask_register(request, f"id_{word}")
        if password != _typed(form.get("again")):
            return await self.ask_register(request, "id_pw_differs")
        if not await self._door.may_try(office, "activate", visit_of(request).source, TRIES):
            return await self.ask_register(request, "id_later")
        typed, last4 = text_of(form, "code", 40), text_of(form, "last4", 4)
        hashed = await self._door.passwords.hash(password)
        try:
            kind = await self._activate(office, typed, last4, name, hashed)
        except RegistryRefused:
            self._door.notes.refused(office, "activate")
            return await self.ask_register(request, "h_register_fault")
        self._door.notes.changed(office, kind, "made")
        return RedirectResponse(f"/{request.state.language}/register?done=1", status_code=303)

    async def _activate(self, office: Office, typed: str, last4: str, name: str, hashed: str) -> Kind:
        """Make the login a code is for; return its kind. Both, or neither: code used up, and login made."""
        key, brought = Keys(office.master).name_key(office.programme, name), hash_of(plain_code(typed))

        async def job(connection: Connection) -> Kind:
            async with connection.transaction():
                code = await logins.take_code(connection, office.programme, "activate", brought)
                if code is None:
                    acts = NewLogin(office.programme, "representative", key, hashed)
                    await acting_for.open_login(connection, REGISTERED, acts, brought, last4)
                    return "representative"
                cards = await list_cards(connection, account=code["account"], limit=100)
                if last4 not in {card["last4"] for card in cards}:
                    raise RegistryRefused("another card")
                there = await logins.login_of_account(connection, code["account"])
                if there is not None:
                    await logins.renew_login(connection, RENEWED, there["id"], key, hashed)
                else:
                    new = NewLogin(office.programme, "holder", key, hashed, account=code["account"])
                    await logins.add_login(connection, REGISTERED, new)
            return "holder"

        return await office.database.run(job)

    @require(*HOLDERS)
    async def ask_rename(self, request: Request, fault: str = "") -> Response:
        """Ask for the new name, and, while one holds, for the code that was sent."""
        office, account = office_of(request), _who(request).account
        waiting = None
        if account is not None:
            waiting = await office.database.run(
                lambda c: logins.waiting_code(c, office.programme, "rename", account)
            )
        return self._pages().render(
            request,
            "holder_login.html",
            status=status_of(fault, 403),
            fault=fault,
            is_sent=waiting is not None,
            is_done=not fault and request.query_params.get("done") == "1",
        )

    @require(*HOLDERS)
    async def rename(self, request: Request) -> Response:
        """Send a code to the holder's e-mail; where none is known the password does."""
        form, person, office = form_of(request), _who(request), office_of(request)
        name = text_of(form, "login", NAME_TYPED_MAX)
        if name_fault(name):
            return await self.ask_rename(request, "h_login_bad")
        outcome = await self._door.is_right(office, person.login, _typed(form.get("password")))
        if outcome is not Outcome.IN:
            fault = "id_later" if outcome is Outcome.LATER else "id_old_wrong"
            return await self.ask_rename(request, fault)
        if not await self._door.may_try(office, "rename", str(person.login), TRIES):
            return await self.ask_rename(request, "id_later")
        key = Keys(office.master).name_key(office.programme, name)
        known = await service_of(request).person() if person.account is not None else None
        if known is None or not known.email:
            return await self._put(request, key)
        return await self._send(request, person, key, known.email)

    async def _send(self, request: Request, person: Person, key: bytes, email: str) -> Response:
        assert person.account is not None
        code, column = new_code(), LANGUAGES.index(request.state.language)
        new = NewCode(person.programme, "rename", hash_of(plain_code(code)), person.account, key)
        actor = actor_of(person, CHANGE)
        await office_of(request).database.run(lambda c: logins.put_code(c, actor, new, hours=RENAME_HOURS))
        subject, letter = HOLDER["h_login_subject"][column], HOLDER["h_login_letter"][column]
        try:
            await self._mail.send(email, subject, letter.format(code=code))
        except MailFailed:
            await office_of(request).database.run(
                lambda c: logins.take_code(c, new.programme, "rename", new.hash, account=new.account)
            )
            return await self.ask_rename(request, "h_mail_fault")
        return RedirectResponse(f"/{request.state.language}/me/login", status_code=303)

    @require(*HOLDERS)
    async def confirm(self, request: Request) -> Response:
        """Judge the code; the name is another then."""
        person, office = _who(request), office_of(request)
        typed = text_of(form_of(request), "code", 40)
        if not await self._door.may_try(office, "confirm", str(person.login), TRIES):
            return await self.ask_rename(request, "id_later")
        row = await office.database.run(
            lambda c: logins.take_code(
                c, office.programme, "rename", hash_of(plain_code(typed)), account=person.account
            )
        )
        if row is None:
            self._door.notes.refused(office, "confirm")
            return await self.ask_rename(request, "id_code_wrong")
        return await self._put(request, bytes(row["wanted"]))

    async def _put(self, request: Request, key: bytes) -> Response:
        person, office = _who(request), office_of(request)
        actor = actor_of(person, CHANGE)
        try:
            await office.database.run(lambda c: logins.change_name(c, actor, person.login, key))
        except RegistryRefused:
            return await self.ask_rename(request, "h_login_taken")
        self._door.notes.changed(office, person.kind, "name")
        return RedirectResponse(f"/{request.state.language}/me/login?done=1", status_code=303)


def _who(request: Request) -> Person:
    person = person_of(request)
    assert person is not None
    return person


def _typed(value: object) -> str:
    return value[: CHARACTERS_MAX + 1] if isinstance(value, str) else ""
