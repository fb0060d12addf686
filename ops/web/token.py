"""Who may look where not everybody may: whoever has the token of a file.

Owns the token, the link with it, the cookie that one visit of that link leaves, and the page that says so to
whoever has neither. Must not know what is behind. Invariants: a token is compared in constant time and never
shown, kept in a cookie, or left in the address bar; a cookie ends after `COOKIE_S_MAX`, and with its token.
"""

from __future__ import annotations

import hmac
import stat
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from pathlib import Path
from typing import Final
from urllib.parse import parse_qs

import trio
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from ops.errors import CommandError
from ops.exit_codes import Exit

TOKEN_CHARACTERS_MIN: Final = 32
TOKEN_CHARACTERS_MAX: Final = 512
FORM_BYTES_MAX: Final = 4_096
FORM_S_MAX: Final = 10.0
COOKIE: Final = "cityswitch"
COOKIE_S_MAX: Final = 7 * 86_400
ENTER: Final = "/enter"
OPEN_TO_ALL: Final = ("/static/", "/accessibility")
"""What anybody may have: the look of the page that asks for the token, and the accessibility statement."""

Refusal = Callable[[Request, bool], Awaitable[Response]]
"""Makes the page that asks for the token; whether a wrong one was given."""


def read_token(path: Path) -> bytes:
    """Return the token of a file: its one line. Raises `CommandError`."""
    try:
        mode = path.stat().st_mode
        token = path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no plain text"
        raise CommandError(
            Exit.CONFIGURATION, f"{path} cannot be read: {why}.", f"Make one: openssl rand -hex 32 > {path}"
        ) from None
    if mode & (stat.S_IRWXO | stat.S_IWGRP):
        raise CommandError(
            Exit.CONFIGURATION, f"{path} can be read by others.", f"Close it: chmod 600 {path}"
        )
    if not TOKEN_CHARACTERS_MIN <= len(token) <= TOKEN_CHARACTERS_MAX or not token.isalnum():
        raise CommandError(
            Exit.CONFIGURATION,
            f"{path} holds no token: letters and figures, {TOKEN_CHARACTERS_MIN} or more.",
            f"Make one: openssl rand -hex 32 > {path}",
        )
    return token.encode()


class Gate:
    """Lets in who comes with the token (link or form) or with a cookie of an earlier visit."""

    def __init__(
        self, app: ASGIApp, *, token: bytes, refusal: Refusal, is_secure: bool, now_s: Callable[[], float]
    ) -> None:
        self._app = app
        self._token = token
        self._refusal = refusal
        self._is_secure = is_secure
        self._now_s = now_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let in, or ask for the token."""
        app = self._app
        if scope["type"] == "http" and not scope["path"].startswith(OPEN_TO_ALL):
            request = Request(scope, receive)
            if scope["path"] == ENTER:
                app = await self._enter(request)
            elif not self._is_known(request.cookies.get(COOKIE, "")):
                app = await self._refusal(request, False)
        await app(scope, receive, send)

    async def _enter(self, request: Request) -> Response:
        given = request.query_params.get("token", "")
        if request.method == "POST":
            given = await _token_of_form(request)
        if not hmac.compare_digest(given.encode(), self._token):
            return await self._refusal(request, bool(given))
        response = RedirectResponse(f"/{request.state.language}/", status_code=303)
        response.set_cookie(
            COOKIE,
            self._cookie(int(self._now_s()) + COOKIE_S_MAX),
            max_age=COOKIE_S_MAX,
            httponly=True,
            secure=self._is_secure,
            samesite="lax",
        )
        return response

    def _cookie(self, until_s: int) -> str:
        return f"{until_s}-{hmac.digest(self._token, f'cookie until {until_s}'.encode(), 'sha256').hex()}"

    def _is_known(self, cookie: str) -> bool:
        until = cookie.partition("-")[0]
        if not until.isdecimal() or len(until) > 12 or int(until) < self._now_s():
            return False
        return hmac.compare_digest(cookie.encode(), self._cookie(int(until)).encode())


async def _token_of_form(request: Request) -> str:
    body = b""
    with trio.move_on_after(FORM_S_MAX):
        async with aclosing(request.stream()) as chunks:
            async for chunk in chunks:
                body += chunk
                if len(body) > FORM_BYTES_MAX:
                    return ""
    return parse_qs(body.decode("latin-1")).get("token", [""])[0]
