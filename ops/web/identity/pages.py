"""The pages of signing in, and of what everybody has who has: sessions, the password.

Owns what they ask and answer. Must not know how anything is judged (`signing_in`). Invariant: a page leads on
only within this site.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from ledger.registry import logins, web_sessions
from ledger.registry.contact import EMAIL_CHARACTERS_MAX
from ops.web.identity import second_factor
from ops.web.identity.forms import form_of, text_of
from ops.web.identity.making import NAME_CHARACTERS_MAX, NAME_TYPED_MAX
from ops.web.identity.part import MenuItem, Part
from ops.web.identity.passkey_pages import PATH as PASSKEYS
from ops.web.identity.passkey_pages import PasskeyPages
from ops.web.identity.passkeys import ANSWER_CHARACTERS_MAX, PasskeyDoor, Relying
from ops.web.identity.passwords import CHARACTERS_MAX, password_fault
from ops.web.identity.person import (
    EVERYBODY,
    actor_of,
    office_of,
    offices_of,
    person_of,
    require,
    to_sign_in,
)
from ops.web.identity.secrets import Keys, new_token
from ops.web.identity.signing_in import Door, Entry, Outcome
from ops.web.identity.statement_words import STATEMENT
from ops.web.identity.visits import IDLE_S, visit_of
from ops.web.identity.words import IDENTITY
from ops.web.numbers import figures
from ops.web.offices import Office
from ops.web.pages import Pages
from ops.web.throttled import status_of

HERE: Final = Path(__file__).parent
WORDS: Final = {**IDENTITY, **STATEMENT}
MENU: Final = (
    MenuItem("/account/sessions", "id_sessions", EVERYBODY, acting=("nobody",)),
    MenuItem("/account/password", "id_change_password", EVERYBODY, acting=("nobody",)),
)
BELONGS: Final = {"/logout": "/"}
_WITHIN: Final = re.compile(r"/[A-Za-z0-9_./?=&%-]{0,200}")
_FAULTS: Final = {Outcome.WRONG: "id_wrong", Outcome.LATER: "id_later_login"}
STAGES: Final = {"enrol": "/login/enrol", "second": "/login/second"}


class IdentityPages:
    """Signing in; one for a whole site. `menu`: whose first page a person begins at; `relying`: as what
    passkeys know the site, where it has a name.
    """

    def __init__(
        self,
        pages: Callable[[], Pages],
        door: Door,
        menu: Callable[[], Sequence[MenuItem]],
        relying: Relying | None = None,
    ) -> None:
        self._pages = pages
        self._door = door
        self._menu = menu
        self._passkeys = PasskeyDoor(door, relying) if relying else None
        self._passkey_pages = PasskeyPages(pages, door, relying) if relying else None

    def part(self) -> Part:
        """Return what these pages bring to a site."""
        bounds = {
            "login_characters_max": NAME_CHARACTERS_MAX,
            "email_characters_max": EMAIL_CHARACTERS_MAX,
        }
        routes = [
            Route("/", self.start),
            Route("/login", self.ask),
            Route("/login", self.enter, methods=["POST"]),
            Route("/login/second", self.ask_second),
            Route("/login/second", self.give_second, methods=["POST"]),
            Route("/login/enrol", self.ask_enrol),
            Route("/login/enrol", self.enrol, methods=["POST"]),
            Route("/login/enrol.svg", self.enrol_picture),
            Route("/logout", self.leave, methods=["POST"]),
            Route("/account/sessions", self.sessions),
            Route("/account/sessions", self.end_session, methods=["POST"]),
            Route("/account/password", self.ask_password),
            Route("/account/password", self.change_password, methods=["POST"]),
        ]
        if self._passkey_pages is None:
            return Part(
                routes,
                WORDS,
                [HERE],
                MENU,
                helpers={"passkey_question": lambda _: "", **bounds},
                belongs=BELONGS,
            )
        routes += [
            Route("/login/passkey", self.enter_by_passkey, methods=["POST"]),
            *self._passkey_pages.routes(),
        ]
        menu = (*MENU, MenuItem(PASSKEYS, "id_passkeys", EVERYBODY, acting=("nobody",)))
        helpers = {"passkey_question": self._passkey_pages.question, **bounds}
        return Part(routes, WORDS, [HERE], menu, helpers=helpers, belongs=BELONGS)

    async def start(self, request: Request) -> Response:
        """Lead to where a person begins, or to the sign-in."""
        person = person_of(request)
        if person is None:
            return RedirectResponse(f"/{request.state.language}/login", status_code=303)
        path = next(item.path for item in self._menu() if item.is_for(person))
        return RedirectResponse(f"/{request.state.language}{path}", status_code=303)

    async def ask(self, request: Request) -> Response:
        """Ask who it is."""
        return self._sign_in(
            request, request.query_params.get("city", ""), _next(request.query_params.get("next"))
        )

    async def enter(self, request: Request) -> Response:
        """Judge who it says it is."""
        form = form_of(request)
        code, back = text_of(form, "programme", 32), _next(form.get("next"))
        name = _typed(form.get("login"), NAME_TYPED_MAX)
        office = next((each for each in offices_of(request).values() if each.code == code), None)
        if office is None:
            raise HTTPException(400)
        entry = await self._door.enter(
            office,
            name,
            _typed(form.get("password")),
            source=visit_of(request).source,
            agent=request.headers.get("user-agent", ""),
            device=visit_of(request).device,
        )
        if entry.outcome is not Outcome.IN:
            return self._sign_in(request, code, back, entry.outcome)
        return self._go_in(request, entry, back)

    def _sign_in(
        self, request: Request, chosen: str, back: str, outcome: Outcome | None = None, fault: str = ""
    ) -> Response:
        fault = fault or (_FAULTS[outcome] if outcome else "")
        return self._pages().render(
            request,
            "login.html",
            status=status_of(fault, 403),
            offices=[office for _, office in sorted(offices_of(request).items())],
            chosen=chosen,
            next=back,
            fault=fault,
        )

    def _go_in(self, request: Request, entry: Entry, back: str) -> Response:
        visit_of(request).become(entry.token)
        visit_of(request).remembers = entry.device
        language = request.state.language
        path = f"/{language}{STAGES[entry.stage]}?next={back}" if entry.stage in STAGES else back
        return RedirectResponse(path or f"/{language}/", status_code=303)

    async def enter_by_passkey(self, request: Request) -> Response:
        """Judge what the browser answered for a passkey of this site."""
        assert self._passkeys is not None
        form, visit = form_of(request), visit_of(request)
        entry = await self._passkeys.enter(
            offices_of(request),
            text_of(form, "credential", ANSWER_CHARACTERS_MAX),
            token=visit.token,
            source=visit.source,
            agent=request.headers.get("user-agent", ""),
        )
        back = _next(form.get("next"))
        if entry.outcome is not Outcome.IN:
            fault = "id_pk_wrong" if entry.outcome is Outcome.WRONG else "id_later"
            return self._sign_in(request, "", back, entry.outcome, fault)
        return self._go_in(request, entry, back)

    async def ask_second(self, request: Request, outcome: Outcome | None = None) -> Response:
        """Ask for a code of the second factor."""
        if _stage(request) != "second":
            return to_sign_in(request)
        fault = _code_fault(outcome)
        return self._pages().render(
            request, "second.html", status=status_of(fault, 403), next=_back(request), fault=fault
        )

    async def give_second(self, request: Request) -> Response:
        """Judge it."""
        if _stage(request) != "second":
            return to_sign_in(request)
        visit = visit_of(request)
        entry = await self._door.give_second(
            _office_of_session(request),
            visit.session,
            text_of(form_of(request), "code", 20),
            replaces=visit.hash,
            agent=request.headers.get("user-agent", ""),
            device=visit.device,
        )
        if entry.outcome is not Outcome.IN:
            return await self.ask_second(request, entry.outcome)
        return self._go_in(request, entry, _back(request))

    async def ask_enrol(self, request: Request, outcome: Outcome | None = None) -> Response:
        """Show the secret of a second factor to be, the same until it is enrolled, and ask for a code."""
        if _stage(request) != "enrol":
            return to_sign_in(request)
        secret, fault = await self._pending(request), _code_fault(outcome)
        return self._pages().render(
            request,
            "enrol.html",
            status=status_of(fault, 403),
            secret=second_factor.typed_secret(secret),
            next=_back(request),
            fault=fault,
        )

    async def enrol_picture(self, request: Request) -> Response:
        """Answer with the picture of that secret."""
        if _stage(request) != "enrol":
            raise HTTPException(404)
        session, office = visit_of(request).session, _office_of_session(request)
        assert session is not None
        text = second_factor.uri(
            await self._pending(request),
            "cityswitch",
            f"{office.code} {session['shown'] or session['login']}",
        )
        return Response(second_factor.picture(text), media_type="image/svg+xml")

    async def enrol(self, request: Request) -> Response:
        """Judge that code; show the recovery codes, once."""
        if _stage(request) != "enrol":
            return to_sign_in(request)
        visit, office = visit_of(request), _office_of_session(request)
        done = await self._door.enrol(office, visit.session, text_of(form_of(request), "code", 20))
        if isinstance(done, Outcome):
            return await self.ask_enrol(request, done)
        assert visit.session is not None
        entry = await self._door.whole(
            office,
            visit.session["login"],
            replaces=visit.hash,
            agent=request.headers.get("user-agent", ""),
        )
        visit.become(entry.token)
        back = _back(request) or f"/{request.state.language}/"
        return self._pages().render(request, "recovery.html", is_once=True, codes=done, next=back)

    async def _pending(self, request: Request) -> bytes:
        visit, office = visit_of(request), _office_of_session(request)
        assert visit.session is not None
        keys, login = Keys(office.master), visit.session["login"]
        if visit.session["pending"]:
            return keys.unseal(login, visit.session["pending"])
        secret = second_factor.new_secret()
        sealed = keys.seal(login, secret)
        await office.database.run(lambda c: web_sessions.keep_pending(c, visit.hash, sealed))
        return secret

    async def leave(self, request: Request) -> Response:
        """End the session."""
        visit = visit_of(request)
        if visit.session is not None:
            office = _office_of_session(request)
            await office.database.run(lambda c: web_sessions.end_session(c, visit.hash))
            self._door.notes.ended(office, visit.session["kind"], "signed_out")
        visit.become(new_token(0))
        return RedirectResponse(f"/{request.state.language}/login", status_code=303)

    @require(*EVERYBODY)
    async def sessions(self, request: Request) -> Response:
        """Show where a person is signed in."""
        person, visit = person_of(request), visit_of(request)
        assert person is not None
        rows = await office_of(request).database.run(
            lambda c: web_sessions.list_sessions(c, person.login, idle_s=IDLE_S)
        )
        shown = [
            {
                "number": row["number"],
                "since": row["created_at"],
                "seen": row["seen_at"],
                "agent": row["agent"],
                "is_this": row["hash"] == visit.hash,
            }
            for row in rows
        ]
        return self._pages().render(request, "sessions.html", rows=shown)

    @require(*EVERYBODY)
    async def end_session(self, request: Request) -> Response:
        """End one of a person's own sessions, or all others."""
        person, office, which = person_of(request), office_of(request), text_of(form_of(request), "end", 20)
        assert person is not None
        if which == "others":
            await office.database.run(
                lambda c: web_sessions.end_other_sessions(c, person.login, visit_of(request).hash)
            )
        elif (number := figures(which)) is None or not await office.database.run(
            lambda c: web_sessions.end_session_of(c, person.login, number)
        ):
            raise HTTPException(404)
        self._door.notes.ended(office, person.kind, "others_ended" if which == "others" else "ended")
        return RedirectResponse(f"/{request.state.language}/account/sessions", status_code=303)

    @require(*EVERYBODY)
    async def ask_password(self, request: Request, fault: str = "") -> Response:
        """Ask for a new password."""
        return self._pages().render(
            request,
            "password.html",
            status=status_of(fault, 403),
            fault=fault,
            is_done=not fault and request.query_params.get("done") == "1",
        )

    @require(*EVERYBODY)
    async def change_password(self, request: Request) -> Response:
        """Change it, if the old one is right; all other sessions end, and this one's token is another."""
        person, office, form, visit = (
            person_of(request),
            office_of(request),
            form_of(request),
            visit_of(request),
        )
        assert person is not None
        old, new = _typed(form.get("old")), _typed(form.get("new"))
        if new != _typed(form.get("again")):
            return await self.ask_password(request, "id_pw_differs")
        if why := password_fault(new, ""):
            return await self.ask_password(request, f"id_{why}")
        outcome = await self._door.is_right(office, person.login, old)
        if outcome is not Outcome.IN:
            return await self.ask_password(
                request, "id_later" if outcome is Outcome.LATER else "id_old_wrong"
            )
        if not await self._door.may_write(office, person.login):
            return await self.ask_password(request, "id_later")
        hashed = await self._door.passwords.hash(new)
        await office.database.run(
            lambda c: logins.change_password(c, actor_of(person, "change of password"), person.login, hashed)
        )
        await office.database.run(lambda c: web_sessions.end_other_sessions(c, person.login, visit.hash))
        self._door.notes.changed(office, person.kind, "password")
        self._door.notes.ended(office, person.kind, "others_ended")
        agent = request.headers.get("user-agent", "")
        entry = await self._door.whole(office, person.login, replaces=visit.hash, agent=agent)
        visit.become(entry.token)
        return RedirectResponse(f"/{request.state.language}/account/password?done=1", status_code=303)


def _typed(value: object, most: int = CHARACTERS_MAX + 1) -> str:
    """A name or a password as it was typed: bounded, and otherwise judged as it is."""
    return value[:most] if isinstance(value, str) else ""


def _next(path: object) -> str:
    """Return where to lead on: a path of this site, else nowhere."""
    if not isinstance(path, str) or path.startswith("//") or not _WITHIN.fullmatch(path):
        return ""
    return path


def _back(request: Request) -> str:
    form = getattr(request.state, "form", None)
    return _next(form.get("next") if form is not None else request.query_params.get("next"))


def _code_fault(outcome: Outcome | None) -> str:
    if outcome is None:
        return ""
    return "id_later" if outcome is Outcome.LATER else "id_code_wrong"


def _stage(request: Request) -> str:
    session = visit_of(request).session
    return session["stage"] if session is not None else ""


def _office_of_session(request: Request) -> Office:
    session = visit_of(request).session
    assert session is not None
    return offices_of(request)[session["programme"]]
