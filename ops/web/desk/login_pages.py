"""The pages of who signs in to work here, or for a partner: logins listed, made, set anew and ended.

Owns what they ask and answer. Must not know how a password is kept. Invariants: every act has a reason, which
the trail keeps; no password is shown again; nobody touches the own login here, nor any beside another role:
it could be the second person of the own acts, or choose by removal who is.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final

from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from ledger.errors import NotInRegistry, RegistryRefused
from ledger.registry import logins
from ledger.registry.audit import REASON_CHARACTERS_MAX, Actor
from ledger.registry.bounds import ID_MAX
from ledger.registry.logins import ROLES
from ops.office.acting import with_reason
from ops.web.desk.common import (
    ADMINS,
    OFFICERS,
    GetPages,
    acting,
    back_to,
    named,
    number_in,
    officer,
    status_of,
    whole,
)
from ops.web.fields import FieldRefused
from ops.web.identity import Office, Person, choices_of, form_of, office_of, require, text_of
from ops.web.identity.making import FAULTS, make_login, name_fault, reset_login
from ops.web.identity.making import NAME_CHARACTERS_MAX as LOGIN_CHARACTERS_MAX
from ops.web.identity.passwords import CHARACTERS_MAX, password_fault
from ops.web.identity.signing_in import Door
from ops.web.refusals import fault_of

NAME_CHARACTERS_MAX: Final = 64
"""Of the name that is shown, of a desk."""

Making = Callable[[Office, Door, Actor, FormData], Awaitable[object]]
Changing = Callable[[Office, Door, Actor, int, FormData], Awaitable[object]]


async def _officer(office: Office, door: Door, actor: Actor, form: FormData) -> None:
    name = _name(form)
    password = _password(form, name)
    await make_login(
        office,
        door.passwords,
        actor,
        "officer",
        name,
        password=password,
        shown=text_of(form, "shown", NAME_CHARACTERS_MAX),
        desk=text_of(form, "desk", NAME_CHARACTERS_MAX),
        roles=choices_of(form, "roles"),
    )


async def _partner(office: Office, door: Door, actor: Actor, form: FormData) -> None:
    name = _name(form)
    password = _password(form, name)
    partner, shown = whole(form, "partner"), text_of(form, "shown", NAME_CHARACTERS_MAX)
    if not 0 < partner <= ID_MAX:
        raise NotInRegistry("there is no partner {partner} in this programme", partner=partner)
    await make_login(
        office, door.passwords, actor, "partner", name, password=password, shown=shown, partner=partner
    )


async def _reset(office: Office, door: Door, actor: Actor, login: int, form: FormData) -> None:
    await reset_login(office.database, door.passwords, actor, login, _password(form))


async def _end(office: Office, _door: Door, actor: Actor, login: int, _form: FormData) -> None:
    await office.database.run(lambda c: logins.end_login(c, actor, login))


MADE: Final[dict[str, Making]] = {"officer": _officer, "partner": _partner}
ACTS: Final[dict[str, Changing]] = {"reset": _reset, "end": _end}


class LoginPages:
    """The logins of whoever's programme it is."""

    def __init__(self, pages: GetPages, door: Door) -> None:
        self._pages = pages
        self._door = door

    @require(*OFFICERS, roles=ADMINS)
    async def logins(self, request: Request) -> Response:
        """Show who has a login, and ask for new ones."""
        return await self._list(request)

    @require(*OFFICERS, roles=ADMINS)
    async def make(self, request: Request) -> Response:
        """Make a login for an officer or a partner."""
        form, office = form_of(request), office_of(request)
        act = named(form, MADE)
        try:
            _check_alone(officer(request))
            await act(office, self._door, with_reason(acting(request, form)), form)
        except RegistryRefused as error:
            return await self._list(request, error)
        return back_to(request, "/desk/logins")

    @require(*OFFICERS, roles=ADMINS)
    async def show(self, request: Request) -> Response:
        """Show one login."""
        return await self._show(request)

    @require(*OFFICERS, roles=ADMINS)
    async def act(self, request: Request) -> Response:
        """Set a login anew, or end it."""
        number, form, who = number_in(request, "login"), form_of(request), officer(request)
        act = named(form, ACTS)
        try:
            if number == who.login:
                raise RegistryRefused("nobody sets the own login anew here, nor ends it")
            _check_alone(who)
            await act(office_of(request), self._door, with_reason(acting(request, form)), number, form)
        except NotInRegistry:
            raise HTTPException(404) from None
        except RegistryRefused as error:
            return await self._show(request, error)
        return back_to(request, f"/desk/logins/{number}")

    async def _list(self, request: Request, error: RegistryRefused | None = None) -> Response:
        office = office_of(request)
        return self._pages().render(
            request,
            "desk_logins.html",
            status=status_of(error) if error else 200,
            rows=await office.database.run(lambda c: logins.list_logins(c, office.programme)),
            roles=ROLES,
            name_max=NAME_CHARACTERS_MAX,
            password_max=CHARACTERS_MAX,
            reason_max=REASON_CHARACTERS_MAX,
            fault=fault_of(error),
        )

    async def _show(self, request: Request, error: RegistryRefused | None = None) -> Response:
        office, number = office_of(request), number_in(request, "login")
        rows = await office.database.run(lambda c: logins.list_logins(c, office.programme))
        row: Any = next((each for each in rows if each["id"] == number), None)
        if row is None:
            raise HTTPException(404)
        return self._pages().render(
            request,
            "desk_login.html",
            status=status_of(error) if error else 200,
            row=row,
            is_own=number == officer(request).login,
            password_max=CHARACTERS_MAX,
            reason_max=REASON_CHARACTERS_MAX,
            fault=fault_of(error),
        )


def _check_alone(person: Person) -> None:
    """Raise RegistryRefused for who has another role beside the one that makes logins."""
    if person.roles != set(ADMINS):
        raise RegistryRefused("who has another role, too, makes no logins, sets none anew and ends none")


def _name(form: FormData) -> str:
    name = text_of(form, "login", LOGIN_CHARACTERS_MAX)
    if why := name_fault(name):
        raise FieldRefused("login", why)
    return name


def _password(form: FormData, name: str = "") -> str:
    typed = form.get("password", "")
    password = typed if isinstance(typed, str) else ""
    if word := password_fault(password, name):
        raise FieldRefused("password", FAULTS[word])
    return password
