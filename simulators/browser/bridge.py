"""The bridge: a WebSocket whose binary messages are a TCP connection's bytes, and the page's files.

Owns the one door from the browser to the switch. Must not know a frame: bytes pass as they are. Invariants:
one socket is one TCP connection, and neither outlives the other; the switch is the one named at the start; at
most `LINES_MAX` at a time, and of each no more is held than one message of `MESSAGE_BYTES_MAX` and what the
server under it queues; only a page of this very address is served (Host, Origin).
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import resources
from typing import Final, NamedTuple

import trio
from starlette.applications import Starlette
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketState

from protocol.limits import FRAME_MAX
from simulators.errors import CannotConnect, LinkLost
from simulators.till.channel import Channel, Connector

MESSAGE_BYTES_MAX: Final = FRAME_MAX
"""A message to the switch is a frame or a part of one."""
LINES_MAX: Final = 16

# Close codes (RFC 6455, section 7.4), and our own above 4000.
TEXT_REFUSED: Final = 1003
FOREIGN: Final = 1008
TOO_BIG: Final = 1009
BUSY: Final = 1013
SWITCH_CLOSED: Final = 4000
NO_SWITCH: Final = 4001

POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)
HEADERS: Final = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
TYPES: Final = {
    "html": "text/html; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "svg": "image/svg+xml",
    "json": "application/json",
}


class File(NamedTuple):
    """What the page's address gives under one path."""

    body: bytes
    media_type: str


def page_files() -> dict[str, File]:
    """Return the page's own files, and the vectors that it can be held to, by path."""
    folder = resources.files("simulators.browser").joinpath("page")
    found = {
        f"/{entry.name}": File(entry.read_bytes(), TYPES[entry.name.rpartition(".")[2]])
        for entry in folder.iterdir()
        if entry.is_file()
    }
    found["/"] = found.pop("/index.html")
    vectors = resources.files("protocol").joinpath("vectors.json").read_bytes()
    return {**found, "/vectors.json": File(vectors, TYPES["json"])}


def application(connect: Connector, documents: Mapping[str, bytes], port: int) -> ASGIApp:
    """Return the site: the page's files, JSON documents by path, and /wire; `port` is its own."""
    files = page_files() | {path: File(body, TYPES["json"]) for path, body in documents.items()}
    hosts = frozenset({f"127.0.0.1:{port}", f"localhost:{port}", f"[::1]:{port}"})
    bridge = Bridge(connect)

    async def file(request: Request) -> Response:
        found = files[request.url.path]
        return Response(found.body, media_type=found.media_type)

    routes = [*(Route(path, file) for path in files), WebSocketRoute("/wire", bridge.serve)]
    return OnlyHere(Starlette(routes=routes), hosts)


class OnlyHere:
    """Refuses what was meant for another name (DNS rebinding) or comes from another site's page."""

    def __init__(self, app: ASGIApp, hosts: frozenset[str]) -> None:
        self._app = app
        self._hosts = hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Look at Host and Origin, then go on; every answer gets the headers."""
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return

        async def send_safely(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        headers = Headers(scope=scope)
        host, origin = headers.get("host", ""), headers.get("origin")
        wants_origin = scope["type"] == "websocket"
        if host in self._hosts and (origin == f"http://{host}" or (origin is None and not wants_origin)):
            await self._app(scope, receive, send_safely)
        elif scope["type"] == "websocket":
            await WebSocket(scope, receive, send).close(FOREIGN)  # before it is accepted: status 403
        else:
            await PlainTextResponse("not for this name or page", 421)(scope, receive, send_safely)


class Bridge:
    """Joins sockets to TCP connections."""

    def __init__(self, connect: Connector) -> None:
        self._connect = connect
        self._lines = 0

    async def serve(self, socket: WebSocket) -> None:
        """Carry one socket's bytes until either end closes."""
        await socket.accept()
        if self._lines >= LINES_MAX:
            await socket.close(BUSY, "too many lines")
            return
        self._lines += 1
        try:
            code = await self._join(socket)
        finally:
            self._lines -= 1
        if socket.client_state is WebSocketState.CONNECTED:
            await socket.close(code)

    async def _join(self, socket: WebSocket) -> int:
        try:
            channel = await self._connect()
        except CannotConnect:
            return NO_SWITCH
        code = SWITCH_CLOSED

        async def upwards() -> None:
            nonlocal code
            code = await _to_switch(socket, channel)
            nursery.cancel_scope.cancel()

        async def downwards() -> None:
            await _to_page(channel, socket)
            nursery.cancel_scope.cancel()

        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(upwards)
                nursery.start_soon(downwards)
        finally:
            channel.close()
        return code


async def _to_switch(socket: WebSocket, channel: Channel) -> int:
    """Carry the page's bytes; return why that ended, as a close code."""
    while True:
        message = await socket.receive()
        if message["type"] == "websocket.disconnect":
            return SWITCH_CLOSED
        data: bytes | None = message.get("bytes")
        if data is None:
            return TEXT_REFUSED
        if len(data) > MESSAGE_BYTES_MAX:
            return TOO_BIG
        try:
            await channel.send(data)
        except LinkLost:
            return SWITCH_CLOSED


async def _to_page(channel: Channel, socket: WebSocket) -> None:
    """Carry the switch's bytes until it closes."""
    try:
        while data := await channel.receive():
            await socket.send_bytes(data)
    except LinkLost:
        return
