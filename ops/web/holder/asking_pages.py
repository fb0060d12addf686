"""What a holder asks the desk for: a duplicate, a renewal, and what became of it.

Owns these pages of Zgierz § 19 and § 20. Must not know how an application is judged
(`ops.office.applications`). Invariants: an application is of the account of whoever has signed in; a file is
looked at in a thread, and kept only as it was found to be.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, get_args

import trio
from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from ledger.errors import RegistryRefused
from ops.office.applications import ApplicationDesk
from ops.office.forms import Form, asked
from ops.office.uploads.check import FILE_BYTES_MAX, check_upload
from ops.office.uploads.refused import UploadRefused
from ops.web.holder.card_pages import day_of
from ops.web.identity.forms import form_of, text_of
from ops.web.identity.person import HOLDERS, Person, actor_of, office_of, person_of, require
from ops.web.language import NO_BREAK
from ops.web.numbers import figures
from ops.web.pages import Pages
from switch.rules.programme import WhyDuplicate

UPLOADS: Final = {"/me/renewal": FILE_BYTES_MAX + 65_536}
REASONS: Final[tuple[WhyDuplicate, ...]] = get_args(WhyDuplicate)
_one_at_a_time: Final = trio.CapacityLimiter(1)


class AskingPages:
    """Duplicate and renewal."""

    def __init__(self, pages: Callable[[], Pages]) -> None:
        self._pages = pages

    def routes(self) -> list[Route]:
        """Return what these pages answer to."""
        return [
            Route("/me/duplicate", self.ask_duplicate),
            Route("/me/duplicate", self.duplicate, methods=["POST"]),
            Route("/me/renewal", self.ask_renewal),
            Route("/me/renewal", self.renew, methods=["POST"]),
        ]

    @require(*HOLDERS)
    async def ask_duplicate(self, request: Request, fault: str = "") -> Response:
        """Ask why, and where it is to be collected."""
        desk, _ = _desk(request)
        rules, _day = await desk.terms()
        fees = rules.card.duplicate.fees()
        return self._pages().render(
            request,
            "holder_duplicate.html",
            status=400 if fault else 200,
            fault=fault,
            reasons=[(why, f"{fees[why] / 100:.2f}{NO_BREAK}zł") for why in REASONS],
            desks=asked(rules).desks,
            **await _shown(request, desk),
        )

    @require(*HOLDERS)
    async def duplicate(self, request: Request) -> Response:
        """Take it down."""
        form = form_of(request)
        why = next((each for each in REASONS if each == text_of(form, "why", 20)), None)
        if why is None:
            return await self.ask_duplicate(request, "h_not_applied")
        desk, person = _desk(request)
        said = Form(why=why, lost=text_of(form, "lost", 3) == "yes", pickup=text_of(form, "pickup", 64))
        try:
            await desk.take(actor_of(person), "duplicate", "web", said, account=person.account)
        except RegistryRefused:
            return await self.ask_duplicate(request, "h_not_applied")
        return RedirectResponse(f"/{request.state.language}/me/duplicate?done=1", status_code=303)

    @require(*HOLDERS)
    async def ask_renewal(self, request: Request, fault: str = "") -> Response:
        """Ask for the year of tax and its proof, where the programme wants one."""
        desk, _ = _desk(request)
        rules, day = await desk.terms()
        return self._pages().render(
            request,
            "holder_renewal.html",
            status=400 if fault else 200,
            fault=fault,
            year=day.year - 1 if rules.entitlement else None,
            has_end=rules.entitlement is not None or rules.card.validity_months > 0,
            **await _shown(request, desk),
        )

    @require(*HOLDERS)
    async def renew(self, request: Request) -> Response:
        """Take it down, and the file with it."""
        form, (desk, person) = form_of(request), _desk(request)
        typed = text_of(form, "tax_year", 4)
        file = form.get("file")
        data = await file.read() if isinstance(file, UploadFile) and file.filename else b""
        try:
            if data:  # before anything is written: a file that is refused leaves no application behind
                await trio.to_thread.run_sync(check_upload, data, limiter=_one_at_a_time)
            said = Form(tax_year=_year(typed))
            number = await desk.take(actor_of(person), "renewal", "web", said, account=person.account)
            if data:
                await desk.attach(actor_of(person), number, "tax", data)
        except UploadRefused:
            return await self.ask_renewal(request, "h_file_refused")
        except RegistryRefused:
            return await self.ask_renewal(request, "h_not_applied")
        return RedirectResponse(f"/{request.state.language}/me/renewal?done=1", status_code=303)


def _year(typed: str) -> int | None:
    """A year as it was typed; none at all is none, and what is no year is refused."""
    if not typed:
        return None
    if (year := figures(typed)) is None:
        raise RegistryRefused("that is no year")
    return year


def _desk(request: Request) -> tuple[ApplicationDesk, Person]:
    person, office = person_of(request), office_of(request)
    assert person is not None
    return ApplicationDesk(office.database, office.master, office.programme), person


async def _shown(request: Request, desk: ApplicationDesk) -> dict[str, Any]:
    _, person = _desk(request)
    assert person.account is not None
    language = request.state.language
    rows = [
        {
            "kind": f"h_app_{row['kind']}",
            "state": f"h_app_{row['state']}",
            "on": day_of(row["received_on"], language),
            "due": day_of(row["complete_until"] or row["due_on"], language),
        }
        for row in await desk.of_account(person.account)
        if person.acts_as != "proxy" or row["kind"] == "renewal"
    ]
    return {"applications": rows, "is_done": request.query_params.get("done") == "1"}
