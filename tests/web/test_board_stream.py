"""The board's stream: one look for all, bounded viewers, and nobody who does not read is waited for."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import msgspec
import trio
import trio.testing
from starlette.types import Message

from ops.web.application import Access
from ops.web.board.poller import LINGER_S
from ops.web.board.scrape import ScrapeFailed
from ops.web.board.site import Board
from ops.web.board.viewers import LINE_MAX, EventStream, Viewers, event
from ops.web.server import SEND_BUFFER_BYTES, bind_site, serving_site
from tests.patience import HANG_S
from tests.web.asgi import ask

WORKER = "http://worker"
PAGE = 'cityswitch_ready 1\ncityswitch_replies_total{message="Earn",code="0",class="approved"} %d\n'


class Reader:
    """One who watches: reads the messages of a stream for as long as it likes."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.is_gone = trio.Event()
        self.reads = trio.Event()
        self.reads.set()
        self.got = trio.Event()

    async def receive(self) -> Message:
        await self.is_gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        await self.reads.wait()
        self.bodies.append(message.get("body", b""))
        self.got.set()

    async def wait_for(self, text: bytes) -> None:
        with trio.fail_after(HANG_S):
            while text not in b"".join(self.bodies):
                self.got = trio.Event()
                await self.got.wait()


def stream(viewers: Viewers) -> EventStream:
    return EventStream(viewers, "en", lambda: event("look", b"hello"), event("full", b"{}"))


async def test_a_viewer_who_does_not_read_is_dropped(nursery: trio.Nursery) -> None:
    """When a viewer's line is full it is dropped at once; the others are told as before."""
    viewers = Viewers()
    asleep, awake = Reader(), Reader()
    for reader in (asleep, awake):
        nursery.start_soon(stream(viewers), {}, reader.receive, reader.send)
        await reader.wait_for(b"hello")
    asleep.reads = trio.Event()
    for number in range(3 * LINE_MAX):
        viewers.tell("en", event("look", b"%d" % number))
        await awake.wait_for(b"data: %d\n" % number)
    assert len(viewers) == 1
    assert viewers.dropped == 1
    asleep.reads.set()
    viewers.end()


async def test_so_many_watch_and_no_more(nursery: trio.Nursery) -> None:
    """One too many is told so and hangs up; who leaves makes room."""
    viewers = Viewers(2)
    readers = [Reader() for _ in range(3)]
    for reader in readers[:2]:
        nursery.start_soon(stream(viewers), {}, reader.receive, reader.send)
        await reader.wait_for(b"hello")
    await stream(viewers)({}, readers[2].receive, readers[2].send)
    assert b"event: full" in b"".join(readers[2].bodies)
    assert b"hello" not in b"".join(readers[2].bodies)
    readers[0].is_gone.set()
    await trio.testing.wait_all_tasks_blocked()
    assert len(viewers) == 1
    viewers.end()


class Worker:
    """A worker's /metrics."""

    def __init__(self) -> None:
        self.replies = 0
        self.scrapes = 0
        self.problem = ""

    async def fetch(self, _: str) -> str:
        self.scrapes += 1
        await trio.lowlevel.checkpoint()
        if self.problem:
            raise ScrapeFailed(self.problem)
        return PAGE % self.replies


class NoBooks:
    """A database nobody has to be asked for."""

    async def run(self, job: Callable[[object], Awaitable[object]], *, timeout_s: float) -> object:
        return await job(self)

    async def fetch(self, *_: object) -> list[object]:
        return []

    async def fetchval(self, *_: object) -> int:
        return 1

    @asynccontextmanager
    async def transaction(self, **_: object) -> AsyncIterator[None]:
        yield


@asynccontextmanager
async def looked_at(worker: Worker) -> AsyncIterator[Board]:
    board = Board(NoBooks(), lambda: [WORKER], fetch=worker.fetch)  # type: ignore[arg-type]
    async with board.looking():
        yield board


async def test_one_look_a_second_however_many_watch(autojump_clock: None, nursery: trio.Nursery) -> None:
    """Ten viewers cost one scrape a second, and when the last has left there is none."""
    worker = Worker()
    async with looked_at(worker) as board:
        app = board.application(Access())
        await trio.sleep(60)
        assert worker.scrapes == 0, "nobody looks"
        readers = [Reader() for _ in range(10)]
        async with trio.open_nursery() as watching:
            for reader in readers:
                watching.start_soon(board_stream, app, reader)
            await trio.sleep(30.5)
            assert 30 <= worker.scrapes <= 32
            for reader in readers:
                reader.is_gone.set()
        await trio.sleep(2 * LINGER_S)
        after = worker.scrapes
        await trio.sleep(60)
        assert worker.scrapes == after


async def board_stream(app: Callable[..., Awaitable[None]], reader: Reader) -> None:
    scope = {
        "type": "http",
        "method": "GET",
        "path": "/en/board/events",
        "query_string": b"",
        "root_path": "",
        "headers": [(b"host", b"127.0.0.1")],
        "state": {},
    }
    await app(scope, reader.receive, reader.send)


async def test_a_gap_is_a_gap(autojump_clock: None) -> None:
    """What happened while nobody looked is no rate: the curve has a gap, and begins anew."""
    worker = Worker()
    async with looked_at(worker) as board:
        await ask(board.application(Access()), "/en/")
        await trio.sleep(3.5)
        await trio.sleep(120)
        worker.replies += 1_000_000
        await ask(board.application(Access()), "/en/")
        await trio.sleep(2.5)
    totals = [point[1] for point in board.poller.points]
    assert None in totals
    assert all(total == 0 for total in totals if total is not None)


async def test_a_worker_that_is_gone_is_told_in_both_languages(autojump_clock: None) -> None:
    """No worker answers: the page says since when and why, in the reader's language."""
    worker = Worker()
    worker.problem = "refused"
    async with looked_at(worker) as board:
        app = board.application(Access())
        assert "The switch does not answer: no worker does, since" in (await ask(app, "/en/")).text
        assert "żaden proces" in (await ask(app, "/pl/")).text
        assert "połączenie odrzucone" in (await ask(app, "/pl/")).text
        worker.problem = ""
        await trio.sleep(2)
        assert "All workers of the switch answer." in (await ask(app, "/en/")).text


async def test_the_server_ends_though_a_viewer_does_not_read() -> None:
    """A peer with a full socket does not keep the server from ending, nor cost more than its buffer."""
    viewers = Viewers()
    sock = bind_site("127.0.0.1", 0)
    address = sock.getsockname()
    with trio.fail_after(HANG_S):
        async with serving_site(stream(viewers), sock):
            peer = await trio.open_tcp_stream(*address)
            await peer.send_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            while not len(viewers):  # noqa: ASYNC110 - another task's
                await trio.sleep(0.01)
            while len(viewers):
                viewers.tell("en", event("look", b"x" * SEND_BUFFER_BYTES))
                await trio.sleep(0.01)
        await peer.aclose()
    assert viewers.dropped == 1


def test_a_message_is_one_line() -> None:
    """Whatever a name holds, an event's data stays one line."""
    message = event("partners", msgspec.json.encode(["a\nb\r\n\ndata: c"]))
    assert message.count(b"\n\n") == 1
    assert message.count(b"\n") == 3
