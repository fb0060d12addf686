"""The board in this process: its socket, its database, its workers' addresses.

Owns how these are put together. Must not know the page. Invariants: on anything but loopback there is a
token; the switch may come, go and come back elsewhere while the board stays.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ledger.postgres.database import open_database
from ops.place.running import read_note
from ops.web.application import Access
from ops.web.board.site import Board
from ops.web.board.viewers import VIEWERS_MAX
from ops.web.server import Tls, bind_site, check_access, serving_site, url_of
from ops.web.token import read_token
from switch.config import Config, is_loopback

HOST: Final = "127.0.0.1"
PORT: Final = 9180
CONNECTIONS: Final = 2
"""Of the database: one for the steady reads, one so that a slow one holds up nobody's start."""


@dataclass(frozen=True, kw_only=True)
class BoardOptions:
    """Where the board listens, by which names it is known, who may look."""

    host: str = HOST
    port: int = PORT
    token_file: Path | None = None
    names: Sequence[str] = ()
    contact: str = ""
    viewers_max: int = VIEWERS_MAX


def workers_of(config: Config) -> Callable[[], Sequence[str]]:
    """Return what tells the workers' addresses: by the note of the state directory, else by settings."""

    def addresses() -> Sequence[str]:
        note = read_note(config.state_path)
        if note is not None:
            return [each if each.startswith("http") else f"http://{each}" for each in note.http]
        host = f"[{config.http_host}]" if ":" in config.http_host else config.http_host
        return [f"http://{host}:{config.http_port + worker}" for worker in range(config.workers)]

    return addresses


@asynccontextmanager
async def running_board(config: Config, dsn: str, options: BoardOptions) -> AsyncIterator[str]:
    """Serve the board for as long as the block lasts; yield its address. `dsn`: the service's.

    Raises `CommandError` for what is open to everybody or a token that is none, and `PortInUse`.
    """
    check_access(options.host, options.token_file)
    token = read_token(options.token_file) if options.token_file else None
    tls = _tls(config, options.host)
    sock = bind_site(options.host, options.port)
    url = url_of(sock, tls)
    async with open_database(
        dsn, connections_max=CONNECTIONS, application_name="cityswitch board"
    ) as database:
        board = Board(database, workers_of(config), viewers_max=options.viewers_max, contact=options.contact)
        app = board.application(Access((options.host, *options.names), token, is_secure=tls is not None))
        async with serving_site(app, sock, tls), board.looking():
            yield url


def _tls(config: Config, host: str) -> Tls | None:
    """The switch's own certificate, where others than this machine look and there is one."""
    if is_loopback(host) or not (config.tls_certificate and config.tls_key):
        return None
    return Tls(Path(config.tls_certificate), Path(config.tls_key))
