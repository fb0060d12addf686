"""The pages of passkeys: signing in by one, and what a login has of them.

Owns what they ask and answer. Must not know how an answer of a browser is judged (`passkeys`). Invariants: a
new passkey wants the password once more, and comes under the eyes of its owner (an event, told by e-mail);
its name, a word of its owner's, is sealed; where passkeys do not work, nothing is shown of them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from ledger.errors import NotInRegistry, RegistryRefused
from ledger.postgres.database import Connection
from ledger.registry import passkeys, sealed
from ledger.registry.passkeys import PASSKEYS_MAX, NewPasskey
from ops.web.identity.forms import form_of, text_of
from ops.web.identity.passkeys import (
    ANSWER_CHARACTERS_MAX,
    SIGN_IN,
    Challenges,
    Refused,
    Relying,
    asked_to_make,
    asked_to_sign_in,
    challenges_of,
    judge_new,
)
from ops.web.identity.person import EVERYBODY, Person, actor_of, office_of, offices_of, person_of, require
from ops.web.identity.secrets import Keys
from ops.web.identity.signing_in import Door, Outcome
from ops.web.identity.visits import visit_of
from ops.web.offices import Office
from ops.web.pages import Pages
from ops.web.throttled import status_of

NAME_CHARACTERS_MAX: Final = 40
MAKE: Final = "make a passkey"
PATH: Final = "/account/passkeys"
SEALED_AS: Final = "passkey.name"
DONE: Final = ("added", "named", "removed")
_FAULTS: Final = {Outcome.WRONG: "id_old_wrong", Outcome.LATER: "id_later"}


class PasskeyPages:
    """What a login has of passkeys, and the question that the page of the sign-in holds."""

    def __init__(self, pages: Callable[[], Pages], door: Door, relying: Relying) -> None:
        self._pages = pages
        self._door = door
        self._relying = relying

    def routes(self) -> list[Route]:
        """Return what these pages answer to."""
        return [
            Route(PATH, self.own),
            Route(PATH, self.ask_new, methods=["POST"]),
            Route(f"{PATH}/new", self.add, methods=["POST"]),
            Route(f"{PATH}/{{number:int}}", self.change, methods=["POST"]),
        ]

    def question(self, request: Request) -> str:
        """Return what a browser is asked for a sign-in, as JSON; nothing where passkeys do not work."""
        if not self._is_here(request):
            return ""
        visit = visit_of(request)
        visit.csrf()  # from now on the token is the browser's
        return asked_to_sign_in(self._relying, _challenges(request).make(visit.token, SIGN_IN))

    @require(*EVERYBODY)
    async def own(self, request: Request, fault: str = "") -> Response:
        """Show a person's passkeys, and ask whether there is to be one more."""
        person, office = _who(request), office_of(request)
        rows = await office.database.run(lambda c: passkeys.list_passkeys(c, person.login))
        shown = [
            {
                "number": row["number"],
                "name": opened_name(office, person, row["name"]),
                "since": row["created_at"],
                "used": row["used_at"],
                "is_synced": row["is_synced"],
                "is_shut": row["shut_at"] is not None,
            }
            for row in rows
        ]
        done = request.query_params.get("done", "")
        return self._pages().render(
            request,
            "passkeys.html",
            status=status_of(fault, 403),
            rows=shown,
            is_here=self._is_here(request),
            origin=self._relying.origin,
            is_full=len(rows) >= PASSKEYS_MAX,
            fault=fault,
            done=f"id_pk_{done}" if not fault and done in DONE else "",
        )

    @require(*EVERYBODY)
    async def ask_new(self, request: Request) -> Response:
        """Judge the password; then ask the browser for a new passkey."""
        person, office, form = _who(request), office_of(request), form_of(request)
        name = text_of(form, "name", NAME_CHARACTERS_MAX)
        if not name or not self._is_here(request):
            raise HTTPException(400)
        typed = form.get("password", "")
        outcome = await self._door.is_right(office, person.login, typed if isinstance(typed, str) else "")
        if outcome is not Outcome.IN:
            return await self.own(request, _FAULTS[outcome])
        rows = await office.database.run(lambda c: passkeys.list_passkeys(c, person.login))
        if len(rows) >= PASSKEYS_MAX:
            return await self.own(request, "id_pk_full")
        question = asked_to_make(
            self._relying,
            _challenges(request).make(visit_of(request).token, MAKE),
            handle=Keys(office.master).passkey_handle(office.programme, person.login),
            programme=office.name,
            name=name,
            known=[bytes(row["credential"]) for row in rows],
        )
        return self._pages().render(request, "passkey_new.html", name=name, question=question)

    @require(*EVERYBODY)
    async def add(self, request: Request) -> Response:
        """Judge what the browser made, and keep its public half."""
        person, office, form, visit = (
            _who(request),
            office_of(request),
            form_of(request),
            visit_of(request),
        )
        name = text_of(form, "name", NAME_CHARACTERS_MAX)
        if not name:
            raise HTTPException(400)
        if not await self._door.may_write(office, person.login):
            return await self.own(request, "id_later")
        challenges = _challenges(request)
        try:
            challenge, made = judge_new(
                self._relying,
                text_of(form, "credential", ANSWER_CHARACTERS_MAX),
                lambda each: challenges.is_mine(each, visit.token, MAKE),
            )
        except Refused:
            return await self.own(request, "id_pk_refused")
        if not await self._door.is_first(office, "challenge", challenge.hex()):
            return await self.own(request, "id_pk_refused")

        async def job(connection: Connection) -> None:
            async with connection.transaction():
                kept = await sealed_name(connection, office, person, name)
                new = NewPasskey(office.programme, person.login, *made, kept)
                await passkeys.add_passkey(connection, actor_of(person, "passkey added"), new)

        try:
            await office.database.run(job)
        except RegistryRefused:
            return await self.own(request, "id_pk_refused")
        self._door.notes.changed(office, person.kind, "passkey_added")
        return _back(request, "added")

    @require(*EVERYBODY)
    async def change(self, request: Request) -> Response:
        """Give one of a person's own another name, or remove it."""
        person, office, form = _who(request), office_of(request), form_of(request)
        number: int = request.path_params["number"]
        what, name = text_of(form, "what", 10), text_of(form, "name", NAME_CHARACTERS_MAX)
        if what not in {"name", "remove"} or (what == "name" and not name):
            raise HTTPException(400)
        if not await self._door.may_write(office, person.login):
            return await self.own(request, "id_later")

        async def job(connection: Connection) -> None:
            if what == "remove":
                actor = actor_of(person, "passkey removed")
                await passkeys.remove_passkey(connection, actor, person.login, number)
                return
            async with connection.transaction():
                kept = await sealed_name(connection, office, person, name)
                actor = actor_of(person, "passkey named")
                await passkeys.name_passkey(connection, actor, person.login, number, kept)

        try:
            await office.database.run(job)
        except NotInRegistry:
            raise HTTPException(404) from None
        if what == "remove":
            self._door.notes.changed(office, person.kind, "passkey_removed")
            return _back(request, "removed")
        self._door.notes.changed(office, person.kind, "passkey_named")
        return _back(request, "named")

    def _is_here(self, request: Request) -> bool:
        return self._relying.is_asked(request.headers.get("host", ""))


async def sealed_name(connection: Connection, office: Office, person: Person, name: str) -> bytes:
    """Return a passkey's name as it is kept: a holder's under the holder's own key."""
    if person.account is None:
        return Keys(office.master).seal(person.login, name.encode(), SEALED_AS)
    vault = office.master.vault
    key = await sealed.key_of(connection, vault, office.programme, person.account)
    return sealed.seal(vault, key, name, _place(person))


def opened_name(office: Office, person: Person, kept: bytes) -> str:
    """Return a passkey's name."""
    if person.account is None:
        return Keys(office.master).unseal(person.login, bytes(kept), SEALED_AS).decode()
    return sealed.unseal(office.master.vault, bytes(kept), _place(person))


def _place(person: Person) -> bytes:
    return sealed.place(person.programme, person.login, SEALED_AS)


def _challenges(request: Request) -> Challenges:
    """All programmes of a site are of one installation, and have one master key."""
    return challenges_of(next(iter(offices_of(request).values())))


def _who(request: Request) -> Person:
    """Return who asks, on the own account: a passkey is the login's, whoever it acts for."""
    person = person_of(request)
    assert person is not None
    if person.acts_for is not None:
        raise HTTPException(403)
    return person


def _back(request: Request, done: str) -> Response:
    return RedirectResponse(f"/{request.state.language}{PATH}?done={done}", status_code=303)
