"""The pages beside the switch: what they answer, and that nobody can keep a scrape from being answered."""

import itertools
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import pytest
import trio
import trio.testing

from switch.metrics import Meters
from switch.process import http
from switch.process.http import (
    CONNECTIONS_MAX,
    HEAD_BYTES_MAX,
    REST_PER_WORK,
    Check,
    HttpServer,
    Page,
    Pages,
    bind_http,
    make_pages,
)
from tests.patience import HANG_S

GET = b"GET %s HTTP/1.1\r\nHost: x\r\n%s\r\n"
UPGRADE = (
    b"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: AAAA\r\nSec-WebSocket-Version: 13\r\n"
)


class Site:
    """A running server, and connections to it."""

    def __init__(self, server: HttpServer, address: tuple[str, int]) -> None:
        self.server = server
        self.address = address
        self.streams: list[trio.SocketStream] = []

    async def connect(self) -> trio.SocketStream:
        stream = await trio.open_tcp_stream(*self.address)
        self.streams.append(stream)
        return stream

    async def ask(self, data: bytes) -> tuple[int, bytes]:
        """Send bytes, read to the end; return status and body."""
        async with await trio.open_tcp_stream(*self.address) as stream:
            await stream.send_all(data)
            with trio.fail_after(HANG_S):
                reply = b"".join([bytes(chunk) async for chunk in stream])
        head, _, body = reply.partition(b"\r\n\r\n")
        return int(head.split()[1]), body

    async def get(self, path: bytes, headers: bytes = b"") -> tuple[int, bytes]:
        return await self.ask(GET % (path, headers))


@asynccontextmanager
async def running_site(
    pages: Pages | None = None, checks: Mapping[str, Check] | None = None
) -> AsyncIterator[Site]:
    server = HttpServer(make_pages(Meters(), checks or {}) if pages is None else pages)
    sock = bind_http("127.0.0.1", 0)
    site = Site(server, sock.getsockname())
    async with trio.open_nursery() as nursery:
        nursery.start_soon(server.run, sock)
        yield site
        for stream in site.streams:
            await stream.aclose()
        nursery.cancel_scope.cancel()


async def test_pages_and_what_is_none() -> None:
    """Three pages; anything else has its own status, and every connection is closed after its reply."""
    checks: dict[str, Check] = {"postgres": lambda: None, "postings": lambda: "none commits"}
    async with running_site(checks=checks) as site:
        status, body = await site.get(b"/metrics?x=1")
        assert status == 200
        assert b"cityswitch_start_time_seconds" in body
        assert await site.get(b"/healthz") == (200, b"ok\n")
        status, body = await site.get(b"/readyz")
        assert (status, body.strip()) == (
            503,
            b'{"ready":false,"checks":{"postgres":"ok","postings":"none commits"},"pid":%d}' % os.getpid(),
        )
        assert await site.ask(b"HEAD /healthz HTTP/1.0\r\n\r\n") == (200, b"")
        assert (await site.get(b"/nothing"))[0] == 404
        assert (await site.ask(b"POST /metrics HTTP/1.1\r\n\r\n"))[0] == 405
        for junk in (b"\r\n\r\n", b"GET\r\n\r\n", b"GET / HTTP/2\r\n\r\n", b"\x16\x03\x01 \r\n\r\n"):
            assert (await site.ask(junk))[0] == 400


def broken(_: str) -> Page:
    raise ZeroDivisionError


async def test_a_page_that_fails_is_one_lost_reply() -> None:
    """A defect of one page is logged; the others, and the worker, live on."""
    fine = Page(http.HTTPStatus.OK, b"ok\n")
    async with running_site({"/bad": broken, "/healthz": lambda _: fine}) as site:
        with pytest.raises(IndexError):
            await site.get(b"/bad")
        assert (await site.get(b"/healthz"))[0] == 200


async def test_upgrades_are_no_requests_of_another_kind() -> None:
    """A browser's WebSockets, many at once: each gets a reply and is gone; each scrape is answered."""
    async with running_site() as site:
        statuses: list[int] = []

        async def upgrade() -> None:
            await site.get(b"/ws", UPGRADE)

        async def scrape() -> None:
            statuses.append((await site.get(b"/metrics"))[0])

        async with trio.open_nursery() as nursery:
            for _ in range(20):
                nursery.start_soon(upgrade)
                nursery.start_soon(scrape)
        assert statuses == [200] * 20


async def test_connections_that_ask_nothing_make_room() -> None:
    """More half-open connections than there may be: the newest is served, and they are never more."""
    async with running_site() as site:
        for _ in range(3 * CONNECTIONS_MAX):
            await (await site.connect()).send_all(b"GET /metr")
        assert (await site.get(b"/healthz"))[0] == 200
        assert site.server.connections <= CONNECTIONS_MAX


async def test_a_head_without_end_is_cut_off() -> None:
    """Headers for ever: no more of them is read than a request may have."""
    async with running_site() as site:
        assert (await site.get(b"/healthz", b"X: " + b"y" * HEAD_BYTES_MAX + b"\r\n"))[0] == 400


async def test_a_request_that_does_not_come_is_given_up(autojump_clock: trio.testing.MockClock) -> None:
    """Half a request: the connection is closed after its time."""
    async with running_site() as site:
        stream = await site.connect()
        await stream.send_all(b"GET /healthz")
        assert await stream.receive_some() == b""
        assert trio.current_time() >= http.REQUEST_S_MAX


async def test_pages_take_a_tenth_of_the_time(autojump_clock: trio.testing.MockClock) -> None:
    """However many pages are asked for at once, the worker has nine tenths of its time for terminals."""
    made_at_s: list[float] = []
    cost_s = http.REST_S_MAX / 100

    def slow(_: str) -> Page:
        made_at_s.append(trio.current_time())
        autojump_clock.jump(cost_s)
        return Page(http.HTTPStatus.OK, b"")

    async with running_site({"/slow": slow}) as site, trio.open_nursery() as nursery:
        for _ in range(10):
            nursery.start_soon(site.get, b"/slow")
    pauses = [later - earlier for earlier, later in itertools.pairwise(made_at_s)]
    assert len(pauses) == 9
    assert min(pauses) >= (1 + REST_PER_WORK) * cost_s * 0.999
