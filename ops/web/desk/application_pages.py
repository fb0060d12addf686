"""The pages of applications: what is due, one taken down, one dealt with, its files and letters.

Owns what they ask and answer. Must not know how anything is judged (`ops.office.applications`). Invariants:
an officer of one desk meets no other desk's application but those taken down by that very person; a file
leaves as one to keep, in a sandbox.
"""

from __future__ import annotations

from datetime import date, tzinfo
from typing import Any, Final, cast, get_args

import trio
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from ledger.errors import NotInRegistry, RegistryRefused
from ledger.registry.applications import (
    DIGEST_CHARACTERS,
    ENDED,
    KINDS,
    OPEN,
    TOLD,
    ApplicationChanged,
    Which,
    decider_fault,
)
from ledger.registry.attachments import ATTACHMENTS
from ledger.registry.audit import REASON_CHARACTERS_MAX, Actor
from ledger.registry.card_fees import OldCard, PaidHow
from ledger.registry.contact import email_address
from ledger.registry.notices import letters_of
from ledger.registry.people import CHANNELS
from ops.notices.letters import Asked, ask, by_mail
from ops.office.application_view import View
from ops.office.applications import ApplicationDesk
from ops.office.forms import Form, Kind, asked
from ops.office.letters.letter import Kind as LetterKind
from ops.office.letters.letter import Letter, as_pdf
from ops.office.uploads.check import FILE_BYTES_MAX, SUFFIXES
from ops.office.uploads.refused import UploadRefused
from ops.web.desk.application_form import form_in
from ops.web.desk.common import (
    CLERKS,
    OFFICERS,
    WORK,
    GetPages,
    back_to,
    desk_of,
    number_in,
    officer,
    status_of,
    to,
)
from ops.web.documents import PDF, to_keep
from ops.web.fields import seen_in
from ops.web.identity import Person, actor_of, form_of, office_of, require, text_of
from ops.web.numbers import figures
from ops.web.refusals import fault_of
from ops.web.uploads import checked_file

UPLOAD_BYTES_MAX: Final = FILE_BYTES_MAX + 16_384
REASON_MAX: Final = 2_000
ACTS: Final = (
    *("call", "complete", "verify", "grant", "refuse", "ready", "collect", "withdraw", "remove"),
    *("mail", "paid"),
)
OLD_CARD: Final[tuple[OldCard, ...]] = get_args(OldCard)
PAID: Final[tuple[PaidHow, ...]] = get_args(PaidHow)


class ApplicationPages:
    """The applications of whoever's programme and desk it is."""

    def __init__(self, pages: GetPages) -> None:
        self._pages = pages

    @require(*OFFICERS, roles=CLERKS)
    async def due(self, request: Request) -> Response:
        """Show what is due, oldest first, and what is late."""
        person, wanted = officer(request), request.query_params.get("state", "")
        states = (wanted,) if wanted in OPEN + ENDED else OPEN
        after = request.query_params.get("after", "")
        views = await desk_of(request).due(
            states, desk=person.desk, by=actor_of(person).name, after=_after(after), limit=51
        )
        last = views[49].row if len(views) > 50 else None
        return self._pages().render(
            request,
            "desk_due.html",
            views=views[:50],
            states=OPEN + ENDED,
            chosen=wanted if wanted in OPEN + ENDED else "",
            more=f"{last['due_on'] or last['complete_until'] or '9999-12-31'}_{last['number']}"
            if last
            else "",
        )

    @require(*OFFICERS, roles=CLERKS)
    async def ask_new(self, request: Request) -> Response:
        """Show an empty form; `account`: of somebody who has a card."""
        return await self._form(request, "first", request.query_params.get("account", ""))

    @require(*OFFICERS, roles=CLERKS)
    async def take(self, request: Request) -> Response:
        """Take an application down."""
        posted, desk, person = form_of(request), desk_of(request), officer(request)
        kind, account = _kind(posted), text_of(posted, "account", 19)
        via = "post" if text_of(posted, "via", 8) == "post" else "desk"
        try:
            form = form_in(posted)
            if (kind == "first") != (not account):
                raise RegistryRefused("a first application is of nobody who has a card, the others are")
            number = await desk.take(
                actor_of(person),
                kind,
                via,
                form,
                desk=form.pickup or person.desk,
                account=_number(account) if account else None,
            )
        except RegistryRefused as error:
            return await self._form(request, kind, account, error)
        return to(request, f"/desk/applications/{number}")

    @require(*OFFICERS, roles=CLERKS)
    async def show(self, request: Request) -> Response:
        """Show one application."""
        return await self._show(request)

    @require(*OFFICERS, roles=CLERKS)
    async def change(self, request: Request) -> Response:
        """Put what an application says anew."""
        number, posted = number_in(request, "number"), form_of(request)
        await _own(request, number)
        try:
            await desk_of(request).change(
                actor_of(officer(request)), number, form_in(posted), digest=_digest(posted)
            )
        except RegistryRefused as error:
            return await self._show(request, error)
        return back_to(request, f"/desk/applications/{number}")

    @require(*OFFICERS, roles=CLERKS)
    async def attach(self, request: Request) -> Response:
        """Keep a file that came with an application."""
        number, posted = number_in(request, "number"), form_of(request)
        await _own(request, number)
        file, kind = posted.get("file"), text_of(posted, "kind", 16)
        if not isinstance(file, UploadFile) or kind not in ATTACHMENTS:
            raise HTTPException(400)
        try:
            await desk_of(request).keep(
                actor_of(officer(request)), number, kind, await checked_file(kind, file)
            )
        except RegistryRefused as error:
            return await self._show(request, error)
        return back_to(request, f"/desk/applications/{number}")

    @require(*OFFICERS, roles=CLERKS)
    async def act(self, request: Request) -> Response:
        """Carry one step out."""
        number, posted, person = number_in(request, "number"), form_of(request), officer(request)
        view = await _own(request, number)
        act = text_of(posted, "act", 16)
        if act not in ACTS:
            raise HTTPException(400)
        decides = act in ("grant", "refuse", "withdraw")
        if decides and view.row["second_needed"] and "verifier" not in person.roles:
            raise HTTPException(403)
        try:
            if act == "mail":
                await _mail(request, view, _digest(posted))
            else:
                await _carry_out(desk_of(request), acting_for(request, posted), act, number, posted)
        except RegistryRefused as error:
            return await self._show(request, error)
        return back_to(request, "/desk/applications" if act == "remove" else f"/desk/applications/{number}")

    @require(*OFFICERS, roles=CLERKS)
    async def attachment(self, request: Request) -> Response:
        """Give a file out: to keep, never to show here."""
        number, which = number_in(request, "number"), number_in(request, "attachment")
        await _own(request, number)
        try:
            file = await desk_of(request).attachment(number, which)
        except NotInRegistry:
            raise HTTPException(404) from None
        name = f"{number}-{which}-{file.kind}.{SUFFIXES[file.type]}"
        return to_keep(file.body, name, file.type)

    @require(*OFFICERS, roles=CLERKS)
    async def letter(self, request: Request) -> Response:
        """Give out the letter that belongs to an application's state, as a PDF."""
        number = number_in(request, "number")
        view = await _own(request, number)
        kind = _kind_of_letter(view.row)
        if kind is None:
            raise HTTPException(404)
        letter = _letter_of(request, view, kind, request.state.zone)
        body = await trio.to_thread.run_sync(as_pdf, letter, limiter=WORK)
        return to_keep(body, f"{kind}-{number}.pdf", PDF)

    async def _form(
        self, request: Request, kind: Kind, account: str, error: RegistryRefused | None = None
    ) -> Response:
        rules, _ = await desk_of(request).terms()
        return self._pages().render(
            request,
            "desk_new.html",
            status=status_of(error) if error else 200,
            form=Form(),
            kind=kind,
            account=figures(account) or "",
            fault=fault_of(error),
            kinds=KINDS,
            channels=CHANNELS[1:],
            desks=asked(rules).desks,
            regulations=asked(rules).regulations,
            flags=rules.holders.flags if rules.holders else (),
        )

    async def _show(self, request: Request, error: RegistryRefused | None = None) -> Response:
        number, person = number_in(request, "number"), officer(request)
        view = await _own(request, number)
        rules, _ = await desk_of(request).terms()
        fee = await desk_of(request).fee(view)
        undecided = decider_fault(view.row, actor_of(person).name)
        return self._pages().render(
            request,
            "desk_application.html",
            status=status_of(error) if error else 200,
            view=view,
            form=view.form or Form(),
            kind=view.row["kind"],
            account="",
            fault=fault_of(error),
            is_changed=isinstance(error, ApplicationChanged),
            why=error.why.value if isinstance(error, UploadRefused) else "",
            may_decide=undecided is None and (not view.row["second_needed"] or "verifier" in person.roles),
            undecided=fault_of(undecided),
            decidable=OPEN,
            told_ways=TOLD,
            fee=fee,
            old_card=OLD_CARD,
            paid_ways=PAID,
            reason_max=REASON_CHARACTERS_MAX,
            has_letter=_kind_of_letter(view.row) is not None,
            by_mail=by_mail(view.row) is not None,
            mailed=await office_of(request).database.run(
                lambda c: letters_of(c, office_of(request).programme, number)
            ),
            files=ATTACHMENTS,
            kinds=KINDS,
            channels=CHANNELS[1:],
            desks=asked(rules).desks,
            regulations=asked(rules).regulations,
            flags=rules.holders.flags if rules.holders else (),
        )


def acting_for(request: Request, posted: FormData) -> Actor:
    """Return as whom a step is carried out: its reason is for whoever asked, and stands in no trail."""
    return actor_of(officer(request), "a reason that whoever asked is told" if posted.get("reason") else "")


async def _carry_out(desk: ApplicationDesk, actor: Actor, act: str, number: int, posted: FormData) -> None:
    reason, digest = text_of(posted, "reason", REASON_MAX, lines=True), _digest(posted)
    steps: dict[str, Any] = {
        "call": lambda: desk.call(actor, number, reason, digest=digest),
        "complete": lambda: desk.complete(actor, number, digest=digest),
        "verify": lambda: desk.verify(actor, number, digest=digest),
        "grant": lambda: desk.grant(actor, number, digest=digest),
        "refuse": lambda: desk.refuse(actor, number, reason, digest=digest),
        "ready": lambda: desk.ready(_with_reason(actor), number, text_of(posted, "card", 19), digest=digest),
        "collect": lambda: desk.hand_over(
            actor, number, _one_of(posted, "old_card", OLD_CARD), digest=digest
        ),
        "paid": lambda: desk.paid(
            actor._replace(reason=reason), number, _one_of(posted, "how", PAID), seen_in(posted)
        ),
        "withdraw": lambda: desk.withdraw(
            _told(actor), number, _one_of(posted, "told", TOLD) or "", reason, digest=digest
        ),
        "remove": lambda: desk.remove(actor, number, _one_of(posted, "told", TOLD)),
    }
    await steps[act]()


def _digest(posted: FormData) -> str:
    """Return of which application this is, as the page showed it; "" fits none."""
    return text_of(posted, "digest", DIGEST_CHARACTERS)


def _one_of(posted: FormData, name: str, known: tuple[Any, ...]) -> Any:
    """Return what was chosen, None for nothing. Raises 400."""
    chosen = text_of(posted, name, 16)
    if chosen not in ("", *known):
        raise HTTPException(400)
    return chosen or None


async def _mail(request: Request, view: View, digest: str) -> None:
    """Ask for the letter to be sent by e-mail. Raises RegistryRefused where no address is known."""
    office, person = office_of(request), officer(request)
    email = view.person.email if view.person else view.form.email if view.form else ""
    if not email_address(email or ""):
        raise RegistryRefused("no e-mail address is known here: hand the letter out on paper")
    which = Which(office.programme, view.row["number"])
    asked = Asked(which, request.state.language, person.login)
    await office.database.run(lambda c: ask(c, asked, digest))


def _with_reason(actor: Actor) -> Actor:
    return actor._replace(reason="an application that was granted")


def _told(actor: Actor) -> Actor:
    return actor._replace(reason="whoever asked has told the desk")


def _kind_of_letter(row: Any) -> LetterKind | None:
    return "receipt" if row["state"] == "collected" else by_mail(row)


async def _own(request: Request, number: int) -> View:
    """Return an application that this person meets. Raises 404."""
    person = officer(request)
    try:
        view = await desk_of(request).show(number)
    except NotInRegistry:
        raise HTTPException(404) from None
    if not is_theirs(person, view):
        raise HTTPException(404)
    return view


def is_theirs(person: Person, view: View) -> bool:
    """Whether an application is at a person's desk, or at none, or was taken down by that very person for
    another desk; whoever is at no desk sees all.
    """
    is_here = person.desk == "" or view.row["desk"] in ("", person.desk)
    return is_here or view.row["taken_by"] == actor_of(person).name


def _kind(posted: FormData) -> Kind:
    kind = text_of(posted, "kind", 16)
    if kind not in KINDS:
        raise HTTPException(400)
    return cast(Kind, kind)


def _number(text: str) -> int:
    if (number := figures(text)) is None:
        raise HTTPException(400)
    return number


def _place(row: Any) -> str:
    return f"{row['due_on'] or row['complete_until'] or date.max}_{row['number']}"


def _after(text: str) -> tuple[date, int]:
    day, _, number = text.partition("_")
    try:
        return date.fromisoformat(day), _number(number)
    except (ValueError, HTTPException):
        return date.min, 0


def _letter_of(request: Request, view: View, kind: LetterKind, zone: tzinfo) -> Letter:
    office, form = office_of(request), view.form or Form()
    address = view.person.address if view.person else form.address
    return Letter(
        kind,
        request.state.language,
        office.name,
        view.row["number"],
        view.row["kind"],
        view.row["received_on"],
        view.row["today"],
        (view.name, address),
        desk=view.row["desk"],
        clerk=officer(request).name,
        reason=view.reason,
        until=view.row["keep_until"] or view.row["complete_until"],
        last4=view.last4,
        day=view.row["ended_on"] or view.row["changed_at"].astimezone(zone).date(),  # a receipt's stays
        told=view.row["withdrawn_via"] or "",
    )
