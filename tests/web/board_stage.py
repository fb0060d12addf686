"""A switch with two workers, and the board as a process of its own beside it, for tests in a real browser.

It runs under trio in a thread of its own, as the tests' Postgres does, for Playwright has the main thread.
"""

import os
import signal
import socket
from collections.abc import AsyncGenerator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import msgspec
import trio

from ledger.postgres.database import Connection, open_database
from ledger.registry.partners import NewPartner, import_partners
from ledger.registry.secrets import MasterKey
from ledger.registry.terminals import NewTerminal, import_terminals
from ops.place.running import note_of, noted
from ops.web.board.process import serving_board
from protocol import Earn, Reply, Request
from switch.config import Config
from switch.process.supervisor import serving
from tests.entries import SWIPED
from tests.ledger.books import TESTER
from tests.patience import HANG_S, UNHURRIED
from tests.postgres import FreshDatabase
from tests.switch.city import http_get, seed
from tests.switch.memory import CARD, Line
from tests.trio_thread import TrioThread

HOSTILE = (
    "<script>document.title='pwned'</script>",
    "<img src=x onerror=\"document.title='pwned'\">",
    "\"'><svg/onload=alert(1)>&amp;",
    "{{ 7 * 7 }} ${7*7} </script>",
)
WORKERS = 2


class Stage(TrioThread):
    """The switch and the board; `board` is where the page is."""

    def __init__(self, fresh: FreshDatabase, directory: Path) -> None:
        super().__init__()
        self._directory = directory
        self.fresh = fresh
        self.board = ""
        self._stan = 0

    def run(self, function: Callable[..., Awaitable[Any]], *arguments: object) -> Any:
        """Run an async function where the switch is served from; in a thread without Playwright's loop."""
        with ThreadPoolExecutor(1) as thread:
            return thread.submit(self.call, function, *arguments).result()

    async def serve(self) -> AsyncGenerator[None, None]:
        state = self._directory / "state"
        state.mkdir()
        master = MasterKey.create(state / "master.key")
        async with open_database(self.fresh.owner_dsn, connections_max=1) as owner:
            await seed(owner, master)
            await owner.run(add_hostile_partners)
        first = free_ports(WORKERS)
        config = Config(
            listen_port=0,
            http_port=first,
            dsn=self.fresh.service_dsn,
            state_dir=str(state),
            workers=WORKERS,
            log_level="error",
        )
        config = msgspec.structs.replace(config, **UNHURRIED, worker_silent_s=HANG_S)
        async with serving(config, ready_s_max=HANG_S) as self.switch:
            with noted(state, note_of(config, self.switch)):
                log_path = self._directory / "board.log"
                async with serving_board(state, self.fresh.service_dsn, log_path, port=0) as self.board:
                    yield

    async def connect(self, terminal: int = 1) -> Line:
        """A signed-on terminal."""
        stream = await trio.open_tcp_stream(self.switch.host, self.switch.port)
        line = Line(stream, terminal)
        assert await line.sign_in()
        return line

    async def sell(self, count: int, make: Callable[[int], Request] | None = None) -> list[Reply]:
        """Have one terminal make `count` purchases of 45.90, or what `make` makes of each number."""
        line = await self.connect()
        replies = []
        for _ in range(count):
            self._stan += 1
            request = make(self._stan) if make else Earn(self._stan, 0, CARD, SWIPED, 4_590)
            replies.append(await line.ask(request))
        line.stream.socket.close()  # type: ignore[attr-defined]
        return replies

    async def metrics(self) -> str:
        """What the workers' /metrics say, one after the other."""
        pages = [await http_get(address, "/metrics") for address in self.switch.http]
        return "\n".join(body.decode() for _, body in pages)

    def stop_worker(self, pid: int, *, frozen: bool) -> None:
        """Freeze a worker, or let it go on."""
        os.kill(pid, signal.SIGSTOP if frozen else signal.SIGCONT)


async def add_hostile_partners(connection: Connection) -> None:
    """Partners whose names are markup, with a terminal each."""
    partners = [NewPartner(100 + number, name) for number, name in enumerate(HOSTILE)]
    await import_partners(connection, TESTER, 1, partners)
    await import_terminals(connection, TESTER, [NewTerminal(row.id, row.id) for row in partners])


def free_ports(count: int) -> int:
    """The first of so many ports in a row that nobody has, so that a worker that begins anew has its own."""
    for first in range(20_000 + os.getpid() % 10_000, 32_000, count):
        socks = [socket.socket() for _ in range(count)]
        try:
            for offset, sock in enumerate(socks):
                sock.bind(("127.0.0.1", first + offset))
        except OSError:
            continue
        finally:
            for sock in socks:
                sock.close()
        return first
    raise AssertionError("no ports are free")
