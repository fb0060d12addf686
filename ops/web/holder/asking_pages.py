"""What a holder asks the desk for: a duplicate, a renewal, and what became of it.

Owns these pages of Zgierz § 19 and § 20. Must not know how an application is judged
(`ops.office.applications`). Invariants: an application is of the account of whoever has signed in; a file is
looked at before anything is written, and kept only as it was found to be.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, get_args

from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from ledger.errors import RegistryRefused
from ops import written
from ops.office.applications import ApplicationDesk
from ops.office.forms import Form, asked
from ops.office.uploads.refused import UploadRefused
from ops.web.fields import year_in
from ops.web.holder.application_state import UPLOAD_BYTES_MAX
from ops.web.holder.own_application_pages import kinds_of
from ops.web.identity.forms import form_of, text_of
from ops.web.identity.person import HOLDERS, Person, actor_of, office_of, person_of, require
from ops.web.identity.signing_in import Door
from ops.web.pages import Pages
from ops.web.refusals import fault_of
from ops.web.throttled import status_of
from ops.web.uploads import checked_file
from switch.rules.programme import WhyDuplicate

UPLOADS: Final = {"/me/renewal": UPLOAD_BYTES_MAX}
REASONS: Final[tuple[WhyDuplicate, ...]] = get_args(WhyDuplicate)


class AskingPages:
    """Duplicate and renewal."""

    def __init__(self, pages: Callable[[], Pages], door: Door) -> None:
        self._pages = pages
        self._door = door

    def routes(self) -> list[Route]:
        """Return what these pages answer to."""
        return [
            Route("/me/duplicate", self.ask_duplicate),
            Route("/me/duplicate", self.duplicate, methods=["POST"]),
            Route("/me/renewal", self.ask_renewal),
            Route("/me/renewal", self.renew, methods=["POST"]),
        ]

    @require(*HOLDERS)
    async def ask_duplicate(
        self, request: Request, error: RegistryRefused | None = None, *, later: bool = False
    ) -> Response:
        """Ask why, and where it is to be collected."""
        desk, _ = _desk(request)
        rules, _day = await desk.terms()
        fees = rules.card.duplicate.fees()
        shown = await _shown(request, desk, error, later=later)
        return self._pages().render(
            request,
            "holder_duplicate.html",
            status=status_of(shown["fault"]),
            reasons=[(why, written.zloty(fees[why], request.state.language)) for why in REASONS],
            desks=asked(rules).desks,
            **shown,
        )

    @require(*HOLDERS)
    async def duplicate(self, request: Request) -> Response:
        """Take it down."""
        form = form_of(request)
        why = next((each for each in REASONS if each == text_of(form, "why", 20)), None)
        desk, person = _desk(request)
        if not await self._door.may_write(office_of(request), person.login):
            return await self.ask_duplicate(request, later=True)
        try:
            said = Form(why=why, lost=text_of(form, "lost", 3) == "yes", pickup=text_of(form, "pickup", 64))
            if why is None:
                raise RegistryRefused("say why a duplicate is needed")
            await desk.take(actor_of(person), "duplicate", "web", said, account=person.account)
        except RegistryRefused as error:
            return await self.ask_duplicate(request, error)
        return RedirectResponse(f"/{request.state.language}/me/duplicate?done=1", status_code=303)

    @require(*HOLDERS)
    async def ask_renewal(
        self, request: Request, error: RegistryRefused | None = None, *, later: bool = False
    ) -> Response:
        """Ask for the year of tax and its proof, where the programme wants one."""
        desk, _ = _desk(request)
        rules, day = await desk.terms()
        shown = await _shown(request, desk, error, later=later)
        return self._pages().render(
            request,
            "holder_renewal.html",
            status=status_of(shown["fault"]),
            year=day.year - 1 if rules.entitlement else None,
            has_end=rules.entitlement is not None or rules.card.validity_months > 0,
            **shown,
        )

    @require(*HOLDERS)
    async def renew(self, request: Request) -> Response:
        """Take it down, and the file with it; more of them are attached on its own page."""
        form, (desk, person) = form_of(request), _desk(request)
        if not await self._door.may_write(office_of(request), person.login):
            return await self.ask_renewal(request, later=True)
        file = form.get("file")
        try:
            typed = text_of(form, "tax_year", 4)
            sent = isinstance(file, UploadFile) and file.filename and file.size
            checked = await checked_file("tax", file) if isinstance(file, UploadFile) and sent else None
            said = Form(tax_year=year_in("tax_year", typed))
            number = await desk.take(actor_of(person), "renewal", "web", said, account=person.account)
            if checked is not None:
                await desk.keep(actor_of(person), number, "tax", checked)
        except RegistryRefused as error:
            return await self.ask_renewal(request, error)
        return RedirectResponse(f"/{request.state.language}/me/applications/{number}?done=1", status_code=303)


def _desk(request: Request) -> tuple[ApplicationDesk, Person]:
    person, office = person_of(request), office_of(request)
    assert person is not None
    return ApplicationDesk(office.database, office.master, office.programme), person


async def _shown(
    request: Request, desk: ApplicationDesk, error: RegistryRefused | None, *, later: bool
) -> dict[str, Any]:
    _, person = _desk(request)
    assert person.account is not None
    language = request.state.language
    rows = [
        {
            "number": row["number"],
            "kind": f"h_app_{row['kind']}",
            "state": f"h_app_{row['state']}",
            "on": written.day(row["received_on"], language),
            "due": written.day(row["complete_until"] or row["due_on"], language),
        }
        for row in await desk.of_account(person.account)
        if row["kind"] in kinds_of(person)
    ]
    is_of_file = isinstance(error, UploadRefused)
    fault = "id_later" if later else "h_file_refused" if is_of_file else "h_not_applied" if error else ""
    return {
        "applications": rows,
        "is_done": not fault and request.query_params.get("done") == "1",
        "fault": fault,
        "refused": "" if is_of_file else fault_of(error),
    }
