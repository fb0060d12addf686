"""Cards of others under one login: whom one acts for, and who acts for oneself.

Owns this page. Must not know SQL, nor what who acts may do (`acting`). Invariants: whom one acts for is kept
with the session, and only ever one of those the registry names today; a proxy is given with the password once
more, and the code that makes it one is shown once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from ledger.errors import RegistryRefused
from ledger.registry.audit import Actor
from ops import written
from ops.office.acting_for import Circle
from ops.web.fields import day_in
from ops.web.holder.acting import FAMILY
from ops.web.identity.forms import form_of, text_of
from ops.web.identity.person import HOLDERS, Person, actor_of, office_of, person_of, require
from ops.web.identity.secrets import hash_of, new_code, plain_code
from ops.web.identity.signing_in import Door, Outcome
from ops.web.identity.visits import visit_of
from ops.web.numbers import FIGURES_MAX, figures
from ops.web.pages import Pages
from ops.web.throttled import status_of

TRIES: Final = 10


class FamilyPages:
    """Whom one acts for, and who acts for oneself."""

    def __init__(self, pages: Callable[[], Pages], door: Door) -> None:
        self._pages = pages
        self._door = door

    def routes(self) -> list[Route]:
        """Return what these pages answer to."""
        return [
            Route(FAMILY, self.show),
            Route(f"{FAMILY}/switch", self.switch, methods=["POST"]),
            Route(f"{FAMILY}/code", self.take, methods=["POST"]),
            Route(f"{FAMILY}/proxies", self.give, methods=["POST"]),
            Route(f"{FAMILY}/proxies/end", self.end, methods=["POST"]),
        ]

    @require(*HOLDERS)
    async def show(self, request: Request, fault: str = "", code: str = "", *, status: int = 400) -> Response:
        """Show both lists, and ask whom to act for; `status`: of a page that tells a fault of its own."""
        who, circle, language = _who(request), _circle(request), request.state.language
        is_own = who.kind == "holder" and who.acts_for is None
        own = await circle.representatives() if is_own else []
        return self._pages().render(
            request,
            "holder_family.html",
            status=status_of(fault, status),
            is_once=bool(code),
            fault=fault,
            code=code,
            has_ended=who.acts_as == "ended",
            acts_for=who.acts_for if who.acts_as != "ended" else None,
            is_own=is_own,
            has_card=who.kind == "holder",
            represented=[_shown(each._asdict(), language) for each in await circle.represented(who.login)],
            own=[_shown(each, language) for each in own],
            is_done=not fault and request.query_params.get("done") == "1",
        )

    @require(*HOLDERS)
    async def switch(self, request: Request) -> Response:
        """Act for another from now on, or for oneself again."""
        typed = text_of(form_of(request), "account", 19)
        account = _number(typed) if typed else None
        if not await _circle(request).act_for(visit_of(request).hash, account):
            raise HTTPException(404)
        return RedirectResponse(f"/{request.state.language}/me", status_code=303)

    @require(*HOLDERS)
    async def take(self, request: Request) -> Response:
        """Take a code that makes one a representative."""
        who, office = _who(request), office_of(request)
        if not await self._door.may_try(office, "act", str(who.login), TRIES):
            return await self.show(request, "id_later")
        typed = text_of(form_of(request), "code", 40)
        try:
            await _circle(request).take_code(_myself(who), hash_of(plain_code(typed)), who.login)
        except RegistryRefused:
            return await self.show(request, "id_code_wrong")
        await self._door.has_succeeded(office, "act", str(who.login))
        return _done(request)

    @require(*HOLDERS)
    async def give(self, request: Request) -> Response:
        """Give a proxy, and show the code once."""
        form, who, office = form_of(request), _who(request), office_of(request)
        typed, code = form.get("password", ""), new_code()
        outcome = await self._door.is_right(office, who.login, typed if isinstance(typed, str) else "")
        if outcome is not Outcome.IN:
            return await self.show(request, "id_later" if outcome is Outcome.LATER else "id_old_wrong")
        if not await self._door.may_write(office, who.login):
            return await self.show(request, "id_later")
        try:
            until = day_in("until", text_of(form, "until", 10))
            await _circle(request).give_proxy(
                _myself(who), text_of(form, "name"), until, hash_of(plain_code(code))
            )
        except RegistryRefused:
            return await self.show(request, "h_refused")
        return await self.show(request, code=code)

    @require(*HOLDERS)
    async def end(self, request: Request) -> Response:
        """End a proxy, at once; of one that has ended already the page says so."""
        number = _number(text_of(form_of(request), "number", FIGURES_MAX))
        try:
            await _circle(request).end_proxy(_myself(_who(request)), number)
        except RegistryRefused:
            return await self.show(request, "h_fam_gone", status=404)
        return _done(request)


def _who(request: Request) -> Person:
    person = person_of(request)
    assert person is not None
    return person


def _myself(who: Person) -> Actor:
    """As whom one writes here: in one's own name, whomever one acts for."""
    alone = "" if who.kind == "holder" else "nobody"
    own = msgspec.structs.replace(who, acts_for=None, acts_as=alone)
    return actor_of(own, "cards of others, and proxies, on the web")


def _circle(request: Request) -> Circle:
    who, office = _who(request), office_of(request)
    return Circle(office.database, office.master, who.programme, who.account or 0)


def _shown(row: dict[str, Any], language: str) -> dict[str, Any]:
    return {**row, "until": written.day(row["until"], language) if row["until"] else ""}


def _number(typed: str) -> int:
    if not (number := figures(typed)):
        raise HTTPException(404)
    return number


def _done(request: Request) -> Response:
    return RedirectResponse(f"/{request.state.language}{FAMILY}?done=1", status_code=303)
