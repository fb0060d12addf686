"""HTTP beside the switch: /metrics, /healthz and /readyz of one worker.

Owns the three pages and the little of HTTP they need: GET and HEAD, one request a connection, no bodies, no
upgrades. Must not change anything in the switch. /healthz answers while the worker's event loop turns;
/readyz names each dependency and fails with 503 when one of them does.
Invariants: never more than `CONNECTIONS_MAX` connections; the oldest that waits for no page makes room; a
connection is over within `REQUEST_S_MAX`, a request's head within `HEAD_BYTES_MAX`; pages take about a tenth
of the worker's time at most, however many are asked for.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Final, NamedTuple

import msgspec
import structlog
import trio

from ledger.books.outage import Outage
from switch.metrics import Histogram, Meters, protobuf, text
from switch.metrics.scrape import Scrape
from switch.wire.listener import PortInUse

log = structlog.get_logger()

CONNECTIONS_MAX: Final = 64
BACKLOG: Final = 128
HEAD_BYTES_MAX: Final = 8_192
REQUEST_S_MAX: Final = 5.0
"""From the connection to the last byte of the reply."""
REST_PER_WORK: Final = 9
"""How many times as long as it took to make a page the next one waits."""
REST_S_MAX: Final = 0.2
ACCEPT_RETRY_S: Final = 0.1

Check = Callable[[], str | None]
"""Returns None when all is well, else one line that says why not."""


class Page(NamedTuple):
    """What is answered."""

    status: HTTPStatus
    body: bytes
    content_type: str = "text/plain; charset=utf-8"


Pages = Mapping[str, Callable[[str], Page]]
"""By path; each is given what the request says it accepts."""


def make_pages(meters: Meters, checks: Mapping[str, Check]) -> Pages:
    """Return the pages by path."""
    scrape = Scrape(meters)

    def metrics(accept: str) -> Page:
        if protobuf.wants_protobuf(accept):
            return Page(HTTPStatus.OK, protobuf.write_protobuf(scrape.families()), protobuf.CONTENT_TYPE)
        return Page(HTTPStatus.OK, text.write_text(scrape.families()), text.CONTENT_TYPE)

    def readyz(_: str) -> Page:
        problems = {name: problem for name, check in checks.items() if (problem := check()) is not None}
        said = {
            "ready": not problems,
            "checks": {name: problems.get(name, "ok") for name in checks},
            "pid": os.getpid(),
        }
        status = HTTPStatus.SERVICE_UNAVAILABLE if problems else HTTPStatus.OK
        return Page(status, msgspec.json.encode(said) + b"\n", "application/json")

    return {
        "/metrics": metrics,
        "/healthz": lambda _: Page(HTTPStatus.OK, b"ok\n"),
        "/readyz": readyz,
    }


def bind_http(host: str, port: int) -> socket.socket:
    """Bind the socket of the pages; port 0 takes any free one. Raises `PortInUse`."""
    sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((host, port))
        sock.listen(BACKLOG)
    except OSError as error:
        sock.close()
        raise PortInUse(
            f"cannot listen for HTTP on {host}:{port}: {error.strerror}."
            " Stop what holds it, or choose another with --http-port."
        ) from None
    return sock


class HttpServer:
    """Serves pages over a listening socket; `page_s` is told how long each held the event loop."""

    def __init__(self, pages: Pages, page_s: Histogram | None = None) -> None:
        self._pages = pages
        self._page_s = page_s
        self._idle: dict[trio.SocketStream, trio.CancelScope] = {}
        self._turn = trio.Lock()
        self._rests_until_s = 0.0
        self._outage = Outage("http")
        self.connections = 0

    async def run(self, sock: socket.socket) -> None:
        """Serve until cancelled. Closes the socket."""
        sock.setblocking(False)
        with trio.socket.from_stdlib_socket(sock) as listening:
            async with trio.open_nursery() as nursery:
                while True:
                    try:
                        accepted, _ = await listening.accept()
                    except OSError as error:
                        self._outage.failed(self, f"no connection can be accepted: {error.strerror}")
                        await trio.sleep(ACCEPT_RETRY_S)
                        continue
                    self._outage.works(self)
                    if self.connections >= CONNECTIONS_MAX and not self._make_room():
                        accepted.close()
                        continue
                    self.connections += 1
                    nursery.start_soon(self._serve, trio.SocketStream(accepted))

    def _make_room(self) -> bool:
        """Hang up on the oldest connection that waits for no page; False if all do."""
        if not self._idle:
            return False
        self._idle.pop(next(iter(self._idle))).cancel()
        return True

    async def _serve(self, stream: trio.SocketStream) -> None:
        """Answer one request, or hang up on what is none."""
        try:
            with trio.move_on_after(REQUEST_S_MAX) as scope:
                self._idle[stream] = scope
                head = await read_head(stream)
                self._idle.pop(stream, None)
                page = await self._answer(head)
                await stream.send_all(render(page, is_head=head.startswith(b"HEAD ")))
                self._idle[stream] = scope
                await stream.send_eof()
                while await stream.receive_some():  # closing on unread bytes would take the reply back
                    pass
        except trio.BrokenResourceError:
            pass
        except Exception as error:  # a page's boundary: the others are still to be had
            log.error("http_failed", exc_info=error)
        finally:
            self._idle.pop(stream, None)
            self.connections -= 1
            await trio.aclose_forcefully(stream)

    async def _answer(self, head: bytes) -> Page:
        line = head.partition(b"\r\n")[0].split(b" ")
        if len(line) != 3 or not line[2].startswith(b"HTTP/1."):
            return plain(HTTPStatus.BAD_REQUEST)
        if line[0] not in {b"GET", b"HEAD"}:
            return plain(HTTPStatus.METHOD_NOT_ALLOWED)
        make = self._pages.get(line[1].partition(b"?")[0].decode("latin-1"))
        if make is None:
            return plain(HTTPStatus.NOT_FOUND)
        async with self._turn:
            await trio.sleep_until(self._rests_until_s)
            began_s = trio.current_time()
            page = make(accepted(head))
            took_s = trio.current_time() - began_s
            if self._page_s is not None:
                self._page_s.add(took_s)
            self._rests_until_s = began_s + took_s + min(REST_PER_WORK * took_s, REST_S_MAX)
        return page


async def read_head(stream: trio.SocketStream) -> bytes:
    """Return a request's line and headers; what is too long, or no request, is cut off there."""
    head = b""
    while b"\r\n\r\n" not in head and len(head) < HEAD_BYTES_MAX:
        data = await stream.receive_some(HEAD_BYTES_MAX)
        if not data:
            break
        head += data
    return head if b"\r\n\r\n" in head else b""


def accepted(head: bytes) -> str:
    """Return what a request says it accepts, empty if it does not say."""
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"accept":
            return value.strip().decode("latin-1")
    return ""


def plain(status: HTTPStatus) -> Page:
    """Return a page that says its status and nothing else."""
    return Page(status, f"{status.phrase}\n".encode())


def render(page: Page, *, is_head: bool) -> bytes:
    """Return the bytes of a reply, which is the last on its connection."""
    head = (
        f"HTTP/1.1 {page.status.value} {page.status.phrase}\r\n"
        f"Content-Type: {page.content_type}\r\nContent-Length: {len(page.body)}\r\n"
        "Connection: close\r\n\r\n"
    )
    return head.encode() + (b"" if is_head else page.body)
