"""The page of one application of a holder's: how it stands, its files, completion and withdrawal.

Owns it. Must not know how an application is judged (`ops.office.applications`). Invariant: another account's
is not found, nor for a proxy anything but a renewal (Zgierz § 20.2).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from ledger.errors import RegistryRefused
from ledger.registry.applications import KINDS
from ops.office.applications import ApplicationDesk
from ops.office.own_applications import OwnApplication, own_application
from ops.web.holder.application_state import UPLOAD_BYTES_MAX, carry_out, stands
from ops.web.identity.person import HOLDERS, Person, actor_of, office_of, person_of, require
from ops.web.identity.signing_in import Door
from ops.web.pages import Pages
from ops.web.throttled import status_of

PATH: Final = "/me/applications/{number:int}"
UPLOADS: Final = {"/me/applications/": UPLOAD_BYTES_MAX}


def kinds_of(person: Person) -> tuple[str, ...]:
    """Return which applications of the account a person sees."""
    return ("renewal",) if person.acts_as == "proxy" else KINDS


class OwnApplicationPages:
    """One application."""

    def __init__(self, pages: Callable[[], Pages], door: Door) -> None:
        self._pages = pages
        self._door = door

    def routes(self) -> list[Route]:
        """Return what these pages answer to."""
        return [Route(PATH, self.show), Route(PATH, self.act, methods=["POST"])]

    @require(*HOLDERS)
    async def show(self, request: Request, fault: str = "") -> Response:
        """Show how it stands."""
        own = await _own(request)
        return self._pages().render(
            request,
            "holder_application.html",
            status=status_of(fault),
            programme=office_of(request).name,
            kind=f"h_app_{own.view.row['kind']}",
            fault=fault,
            is_done=not fault and request.query_params.get("done") == "1",
            **stands(request, own),
        )

    @require(*HOLDERS)
    async def act(self, request: Request) -> Response:
        """Take a file, say that it is complete, or withdraw it."""
        own = await _own(request)
        if not await self._door.may_deal(office_of(request), own.number):
            return await self.show(request, "id_later")
        if fault := await carry_out(request, own):
            return await self.show(request, fault)
        language = request.state.language
        return RedirectResponse(f"/{language}/me/applications/{own.number}?done=1", status_code=303)


async def _own(request: Request) -> OwnApplication:
    """Return the application of the path. Raises 404."""
    person, office = person_of(request), office_of(request)
    assert person is not None
    assert person.account is not None
    number: int = request.path_params["number"]
    desk = ApplicationDesk(office.database, office.master, office.programme)
    try:
        return await own_application(desk, actor_of(person), person.account, number, kinds_of(person))
    except RegistryRefused:
        raise HTTPException(404) from None
