"""What a request brings: its cookie, whose it is, and its form.

Owns the cookie and the layer that turns it into `request.state`. Must not know pages. Invariants: the cookie
goes back over TLS alone where there is any, to no script, and with nothing that another site's page starts; a
session whose stage is not whole makes nobody a person; who has no session has a token all the same before a
form is shown, so that no form goes unchecked, the one of the sign-in neither.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC
from ipaddress import IPv4Address, IPv6Network, ip_address
from typing import Any, Final

from markupsafe import Markup
from starlette.datastructures import FormData, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ledger.registry import web_sessions
from ops.web.identity.devices import COOKIE_CHARACTERS_MAX, DAYS_MAX
from ops.web.identity.forms import bytes_max, read_form
from ops.web.identity.person import Person
from ops.web.identity.secrets import csrf_of, hash_of, new_token, programme_of_token
from ops.web.offices import Office
from ops.web.security import ErrorPage

IDLE_S: Final = 30 * 60
HOURS_MAX: Final = 12
"""A session ends when nothing was asked for half an hour, and after twelve hours in any case."""
SAFE: Final = frozenset({"GET", "HEAD"})
PUBLIC: Final = "/static/"
"""What is the same for everybody."""
SOURCE_CHARACTERS_MAX: Final = 64


@dataclass
class Visit:
    """What is known of a request: its token, its session if it has one, and the cookie that goes back."""

    token: str
    source: str
    session: Any | None = None
    is_fresh: bool = False
    """Whether the token was made for this request, so that the cookie has to go back if a form holds it."""
    gives: str | None = None
    device: str = ""
    """By what the browser is known, if it is."""
    remembers: str = ""

    @property
    def hash(self) -> bytes:
        """What the session is kept by."""
        return hash_of(self.token)

    @property
    def formed(self) -> str:
        """What its forms are known by: of the token, and of whom it acts for. So no page that was opened for
        one person is sent for another.
        """
        acts_for = self.session["acts_for"] if self.session else None
        return self.token if acts_for is None else f"{self.token} for {acts_for}"

    def csrf(self) -> str:
        """What this visit's forms hold; from then on its token is the browser's."""
        if self.is_fresh and self.gives is None:
            self.gives = self.token
        return csrf_of(self.formed)

    def become(self, token: str) -> None:
        """Give the browser another token."""
        self.gives = token


def visit_of(request: HTTPConnection) -> Visit:
    """Return what is known of a request."""
    found: Visit = request.state.visit
    return found


def csrf_field(request: Request) -> Markup:
    """Return the field that each form holds."""
    return Markup('<input type="hidden" name="csrf" value="{}">').format(visit_of(request).csrf())


def network_of(address: str) -> str:
    """Return by what attempts from an address are counted: one of IPv6 by its network of 64 bits, which one
    household has whole.
    """
    try:
        found = ip_address(address)
    except ValueError:
        return address[:SOURCE_CHARACTERS_MAX]
    if isinstance(found, IPv4Address):
        return str(found)
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return str(IPv6Network((int(found) >> 64 << 64, 64)))


class Visits:
    """The layer around all pages of a site."""

    def __init__(
        self,
        app: ASGIApp,
        error_page: ErrorPage,
        *,
        offices: Mapping[int, Office],
        is_secure: bool,
        uploads: Mapping[str, int],
        proxies: Collection[str] = (),
    ) -> None:
        self._app = app
        self._error_page = error_page
        self._offices = offices
        self._is_secure = is_secure
        self._uploads = uploads
        self._proxies = frozenset(proxies)
        self._cookie = "__Host-session" if is_secure else "session"
        self._device_cookie = "__Host-device" if is_secure else "device"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Find out who it is, read what is posted, and go on."""
        if scope["type"] != "http" or scope["path"].startswith(PUBLIC):
            await self._app(scope, receive, send)
            return
        request = Request(scope, receive)
        visit = await self._visit(request)
        visit.device = request.cookies.get(self._device_cookie, "")[:COOKIE_CHARACTERS_MAX]
        request.state.visit = visit
        request.state.offices = self._offices
        person = request.state.person = _person(visit.session)
        request.state.zone = self._offices[person.programme].zone if person else UTC
        app: ASGIApp = self._app
        form: FormData | None = None
        if scope["method"] not in SAFE:
            try:
                form = await read_form(request, visit.formed, bytes_max(scope["path"], self._uploads))
                request.state.form = form
            except HTTPException as error:
                app = await self._error_page(request, error.status_code)
        try:
            await app(scope, receive, self._with_cookie(visit, send))
        finally:
            if form is not None:
                await form.close()

    async def _visit(self, request: Request) -> Visit:
        source = self._source(request)
        token = request.cookies.get(self._cookie, "")[:100]
        office = self._offices.get(programme_of_token(token))
        if office is not None:
            session = await office.database.run(
                lambda c: web_sessions.find_session(c, hash_of(token), idle_s=IDLE_S)
            )
            if session is not None:
                return Visit(token, source, session)
        if token.startswith("0.") and len(token) > 40:
            return Visit(token, source)
        return Visit(new_token(0), source, is_fresh=True)

    def _source(self, request: Request) -> str:
        """Where a request comes from: the peer, or whom a proxy that is trusted names last."""
        peer = request.client.host if request.client else ""
        if peer in self._proxies:
            named = request.headers.get("x-forwarded-for", "").rpartition(",")[2].strip()
            peer = named or peer
        return network_of(peer)

    def _with_cookie(self, visit: Visit, send: Send) -> Send:
        async def send_on(message: Message) -> None:
            if message["type"] == "http.response.start":
                if visit.gives is not None:
                    self._give(message, self._cookie, visit.gives)
                if visit.remembers:
                    self._give(message, self._device_cookie, visit.remembers, DAYS_MAX * 86_400)
            await send(message)

        return send_on

    def _give(self, message: Message, name: str, value: str, age_s: int | None = None) -> None:
        carrier = Response()
        carrier.set_cookie(
            name, value, max_age=age_s, httponly=True, secure=self._is_secure, samesite="lax", path="/"
        )
        MutableHeaders(scope=message).append("set-cookie", carrier.headers["set-cookie"])


def _person(session: Any | None) -> Person | None:
    if session is None or session["stage"] != "whole":
        return None
    acts_for, acts_as = session["acts_for"], session["acts_as"]
    alone = "nobody" if session["kind"] == "representative" else ""
    return Person(
        session["login"],
        session["kind"],
        session["programme"],
        session["shown"],
        acts_for if acts_as else session["account"],
        session["partner"],
        session["desk"],
        frozenset(session["roles"]),
        acts_for,
        acts_as or (alone if acts_for is None else "ended"),
    )
