"""The API as an application: who is let in, what is read, in which transaction it is done, what is answered.

Owns HTTP. Must not know what an operation does. Invariants: whatever a request is, it is answered, and never
with a traceback; a body is read up to `BODY_BYTES_MAX` and for `BODY_S_MAX`; an operation runs with the
database role of its token's programme; a write and the answer it got are one transaction, so a write asked
for twice under one key is done once; no token, number of a card or field of a person is logged.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Awaitable, Callable, Mapping
from contextlib import aclosing
from typing import Any, Final, NamedTuple

import msgspec
import structlog
import trio
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from ledger.errors import LedgerError, NotInRegistry
from ledger.postgres.database import Connection
from ledger.registry.api_tokens import Kept, Token, begin_write, find_token, keep_answer
from ledger.registry.bounds import plain_text
from ops.api.openapi import page
from ops.api.operations import OPERATIONS, Context, Operation
from ops.api.problems import Failure, failure_of
from ops.api.tokens import RATE_DEFAULT, Allowance, bearer_of
from ops.office.rules_in_force import version_in_force
from ops.web.offices import Office
from ops.web.security import SecurityHeaders

log = structlog.get_logger()

BODY_BYTES_MAX: Final = 16_384
BODY_S_MAX: Final = 10.0
AT_ONCE_MAX: Final = 64
"""Requests in work; the next is told to come again."""
KEY: Final = re.compile(r"[A-Za-z0-9._:-]{1,64}")
JSON: Final = "application/json"
ONCE: Final = "Idempotency-Replayed"
UNKNOWN: Final = "there is no such thing in this programme"


class Answer(NamedTuple):
    """What is sent: a body of JSON, and whether it was kept from before."""

    status: int
    body: bytes
    is_kept: bool = False


class Write(NamedTuple):
    """A write: the name the system gave it, the SHA-256 of what was asked, and that as it was read."""

    key: str
    asked: bytes
    taken: Any


class Api:
    """The API of the programmes there are."""

    def __init__(
        self, offices: Mapping[int, Office], now_s: Callable[[], float], rate: float = RATE_DEFAULT
    ) -> None:
        self._offices = offices
        self._allowance = Allowance(rate, now_s)
        self._at_once = trio.CapacityLimiter(AT_ONCE_MAX)
        self._document = page()

    def application(self) -> ASGIApp:
        """Return the application."""
        routes = [
            Route(row.path, _endpoint(self._answering(row)), methods=[row.method]) for row in OPERATIONS
        ]
        routes.append(Route("/v1/openapi.json", _endpoint(self._openapi), methods=["GET"]))
        return SecurityHeaders(Starlette(routes=routes, exception_handlers={HTTPException: _not_routed}))

    async def _openapi(self, request: Request) -> Response:
        return _with_tag(request, Answer(200, self._document))

    def _answering(self, row: Operation) -> Callable[[Request], Awaitable[Response]]:
        async def answer(request: Request) -> Response:
            try:
                self._at_once.acquire_on_behalf_of_nowait(request)
            except trio.WouldBlock:
                raise Failure(503, "too many requests at once", headers={"Retry-After": "1"}) from None
            try:
                return _with_tag(request, await self._do(row, request))
            finally:
                self._at_once.release_on_behalf_of(request)

        return answer

    async def _do(self, row: Operation, request: Request) -> Answer:
        token, office = await self._let_in(row, request)
        key = read_key(request) if row.is_write else ""
        raw = await _body_of(request) if row.method == "POST" else b""
        taken = read_body(row, raw) if row.method == "POST" else read_parameters(row, request)
        try:
            version = await version_in_force(office.database, office.programme)
        except NotInRegistry:
            raise Failure(
                503, "the programme has no rules in force yet", headers={"Retry-After": "60"}
            ) from None
        at = Context(token, office, version, request.path_params)

        async def work(connection: Connection) -> Answer:
            async with connection.transaction():
                if not row.is_write:
                    return Answer(row.status, msgspec.json.encode(await row.handler(connection, at, taken)))
                asked = hashlib.sha256(
                    b"\0".join((row.name.encode(), request.url.path.encode(), raw))
                ).digest()
                return await _once(connection, row, at, Write(key, asked, taken))

        return await office.database.run(work)

    async def _let_in(self, row: Operation, request: Request) -> tuple[Token, Office]:
        given = bearer_of(request.headers.get("authorization", ""))
        office = self._offices.get(given.programme) if given else None
        token = None
        if given is not None and office is not None:
            token = await office.database.run(lambda c: find_token(c, given.digest))
        if token is None or office is None or token.programme != office.programme:
            raise Failure(401, "a token is needed", headers={"WWW-Authenticate": 'Bearer realm="cityswitch"'})
        if wait_s := self._allowance.wait_s(token.number):
            raise Failure(429, "too many requests", headers={"Retry-After": str(int(wait_s) + 1)})
        if row.right and row.right not in token.rights:
            raise Failure(403, f"the token lacks the right {row.right}")
        return token, office


async def _once(connection: Connection, row: Operation, at: Context, write: Write) -> Answer:
    kept = await begin_write(connection, at.token, write.key)
    if kept is not None:
        if kept.asked != write.asked:
            raise Failure(409, "this Idempotency-Key was used for something else")
        return Answer(kept.status, kept.body.encode(), is_kept=True)
    body = msgspec.json.encode(await row.handler(connection, at, write.taken))
    await keep_answer(connection, at.token, write.key, Kept(write.asked, row.status, body.decode()))
    return Answer(row.status, body)


def _endpoint(answer: Callable[[Request], Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
    """Turn whatever an answer raises into one."""

    async def endpoint(request: Request) -> Response:
        try:
            return await answer(request)
        except Failure as failure:
            return failure.response()
        except ClientDisconnect:
            return Failure(400, "the body did not come").response()
        except LedgerError as error:
            failure_ = failure_of(error)
            if failure_ is None or failure_.status == 503:
                log.error("api_failed", path=request.scope["route"].path, problem=str(error))
            return (failure_ or Failure(500, "it stands in the log")).response()
        except Exception as error:  # a request's boundary: the others are still answered
            log.error("api_failed", path=request.scope["route"].path, problem=type(error).__name__)
            return Failure(500, "it stands in the log").response()

    return endpoint


async def _not_routed(_: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    headers = error.headers if isinstance(error, HTTPException) else None
    return Failure(status, UNKNOWN if status == 404 else "", headers=headers).response()


def _with_tag(request: Request, answer: Answer) -> Response:
    """Return the answer; of what is read its tag, and nothing more to who has it already."""
    headers = {ONCE: "true"} if answer.is_kept else {}
    if request.method in ("GET", "HEAD"):
        tag = f'"{hashlib.sha256(answer.body).hexdigest()[:32]}"'
        headers |= {"ETag": tag, "Cache-Control": "private, no-cache", "Vary": "Authorization"}
        if tag in [each.strip() for each in request.headers.get("if-none-match", "").split(",")]:
            return Response(status_code=304, headers=headers)
    return Response(answer.body, answer.status, headers, JSON)


def read_key(request: Request) -> str:
    """Return the name that the system gave a write. Raises `Failure`."""
    keys = request.headers.getlist("idempotency-key")
    if len(keys) != 1 or not KEY.fullmatch(keys[0]):
        raise Failure(400, "a write wants one Idempotency-Key: 1 to 64 letters, figures, . _ : -")
    return keys[0]


async def _body_of(request: Request) -> bytes:
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != JSON:
        raise Failure(415, f"send {JSON}")
    body = b""
    with trio.move_on_after(BODY_S_MAX) as scope:
        async with aclosing(request.stream()) as chunks:
            async for chunk in chunks:
                body += chunk
                if len(body) > BODY_BYTES_MAX:
                    raise Failure(413, f"a body has at most {BODY_BYTES_MAX} bytes")
    if scope.cancelled_caught:
        raise Failure(400, "the body did not come in time")
    return body


def read_body(row: Operation, raw: bytes) -> Any:
    """Return what a body asks for. Raises `Failure`."""
    try:
        asked = msgspec.json.decode(raw, type=row.takes)
    except msgspec.ValidationError as error:
        raise Failure(422, str(error)[:200]) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Failure(400, "the body is no JSON") from None
    said = {name: getattr(asked, name) for name in row.takes.__struct_fields__}
    texts = {name: plain_text(value) or value for name, value in said.items() if isinstance(value, str)}
    return msgspec.structs.replace(asked, **texts)


def read_parameters(row: Operation, request: Request) -> Any:
    """Return what the parameters of an address ask for. Raises `Failure`."""
    given = request.query_params.multi_items()
    names = [name for name, _ in given]
    if len(set(names)) < len(names):
        raise Failure(422, "a parameter stands there twice")
    try:
        return msgspec.convert(dict(given), row.takes, strict=False)
    except msgspec.ValidationError as error:
        raise Failure(422, str(error)[:200]) from None
