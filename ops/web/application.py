"""A site of pages: what stands around them, put together.

Owns the order: headers, language, whom it is meant for, who may look, then the page; and the pages that say
what went wrong. Must not know what a site shows. Invariant: whatever fails in a page becomes an answer and a
log line; it ends neither the connection's task nor the server.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import structlog
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ops.web.fields import FieldRefused
from ops.web.language import LanguageChoice
from ops.web.pages import Pages
from ops.web.refusals import fault_of
from ops.web.security import ErrorPage, MeantForUs, SecurityHeaders
from ops.web.token import Gate

log = structlog.get_logger()

TOLD: Final = (400, 403, 404, 405, 408, 413, 421, 429, 500)
"""Statuses that have words of their own."""


@dataclass(frozen=True)
class Access:
    """Who may look: by which names the site is known beside addresses in figures, and with which token."""

    names: Sequence[str] = ()
    token: bytes | None = None
    is_secure: bool = False
    """Whether browsers come by TLS: then the cookie travels by nothing else."""


def make_application(
    pages: Pages,
    routes: Sequence[BaseRoute],
    access: Access,
    *,
    around: Callable[[ASGIApp, ErrorPage], ASGIApp] | None = None,
) -> ASGIApp:
    """Return the site of these routes, with what every page needs around them; `around`: a layer of the
    site's own, behind what keeps strangers out.
    """

    async def error_page(request: Request, status: int, fault: str = "") -> Response:
        shown = status if status in TOLD else 500
        return pages.render(request, "error.html", status=status, code=shown, fault=fault)

    async def on_field(request: Request, error: Exception) -> Response:
        return await error_page(request, 400, fault_of(error))

    async def on_error(request: Request, error: Exception) -> Response:
        return await error_page(request, error.status_code if isinstance(error, HTTPException) else 500)

    async def refusal(request: Request, is_wrong: bool) -> Response:
        response = pages.render(request, "token.html", status=401, is_wrong=is_wrong)
        response.headers["WWW-Authenticate"] = 'Cookie realm="cityswitch"'
        return response

    async def accessibility(request: Request) -> Response:
        return pages.render(request, "accessibility.html")

    app: ASGIApp = Starlette(
        routes=[
            *routes,
            Route("/accessibility", accessibility),
            Route("/static/{name:path}", pages.static),
        ],
        exception_handlers={HTTPException: on_error, FieldRefused: on_field, Exception: on_error},
    )
    if around is not None:
        app = around(app, error_page)
    if access.token is not None:
        app = Gate(app, token=access.token, refusal=refusal, is_secure=access.is_secure, now_s=time.time)
    app = MeantForUs(app, names=access.names, error_page=error_page)
    return SecurityHeaders(LanguageChoice(Caught(app, error_page)), is_secure=access.is_secure)


class Caught:
    """Turns what a page raises into a log line, and into the page that says so if nothing was sent yet."""

    def __init__(self, app: ASGIApp, error_page: ErrorPage) -> None:
        self._app = app
        self._error_page = error_page

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Go on, and catch."""
        has_begun = False

        async def noticed(message: Message) -> None:
            nonlocal has_begun
            has_begun = True
            await send(message)

        try:
            await self._app(scope, receive, noticed)
        except Exception as error:  # a page's boundary: the others are still to be had
            log.error("page_failed", path=scope.get("path"), exc_info=error)
            if not has_begun and scope["type"] == "http":
                page = await self._error_page(Request(scope), 500)
                await page(scope, receive, send)
