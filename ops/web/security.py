"""What protects a page whatever it shows: headers, and who it was meant for.

Owns the security headers of every answer and the check of the Host header. Must not know a page.
Invariants: no answer leaves without `HEADERS`; nothing inline runs or styles, and nothing is loaded from
elsewhere; a page is given only under a name that this server is known by, so that no stranger's name that
was made to point here (DNS rebinding) reads it with its reader's rights; a request that another site made
is not answered but for the visit of a page.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from ipaddress import ip_address
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

POLICY: Final = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    )
)
HEADERS: Final = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
BY_TLS: Final = {"Strict-Transport-Security": "max-age=31536000"}
"""Of a site that browsers reach by TLS: from then on by nothing else, for a year. Of its own name alone: what
else a city has below it is not ours to say.
"""
NOT_STORED: Final = {"Cache-Control": "no-store"}

ErrorPage = Callable[[Request, int], Awaitable[Response]]
"""Makes the page that says of a status what is wrong."""


class SecurityHeaders:
    """Puts `HEADERS` on every answer; one that says nothing of caches is not to be kept."""

    def __init__(self, app: ASGIApp, *, is_secure: bool = False) -> None:
        self._app = app
        self._headers = HEADERS | BY_TLS if is_secure else HEADERS

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Go on, and add them."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_safely(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                stricter = headers.getlist("content-security-policy")
                headers.update(self._headers)
                for policy in stricter:  # a page may allow less than all do: browsers hold it to both
                    headers.append("Content-Security-Policy", policy)
                for name, value in NOT_STORED.items():
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, send_safely)


class MeantForUs:
    """Refuses requests under another name (421), and those that another site's page makes (403)."""

    def __init__(self, app: ASGIApp, *, names: Sequence[str], error_page: ErrorPage) -> None:
        self._app = app
        self._names = {name.lower() for name in names} | {"localhost"}
        self._error_page = error_page

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Look at the headers, then go on or refuse."""
        app = self._app
        if scope["type"] == "http":
            headers = Headers(scope=scope)
            if not self._is_ours(headers.get("host", "")):
                app = await self._error_page(Request(scope), 421)
            elif _is_foreign(headers):
                app = await self._error_page(Request(scope), 403)
        await app(scope, receive, send)

    def _is_ours(self, host: str) -> bool:
        """Whether a Host is a name of ours or an address in figures, which no name server can move."""
        name, colon, port = host.rpartition(":")
        if not colon or not port.isdecimal() or host.endswith("]"):
            name = host
        try:
            ip_address(name.removeprefix("[").removesuffix("]"))
        except ValueError:
            return name.lower().removesuffix(".") in self._names
        return True


def _is_foreign(headers: Headers) -> bool:
    """Whether another site's page made this request, as browsers tell; a link may lead here."""
    is_visit = headers.get("sec-fetch-mode") == "navigate" and headers.get("sec-fetch-dest") == "document"
    return headers.get("sec-fetch-site") in {"cross-site", "same-site"} and not is_visit
