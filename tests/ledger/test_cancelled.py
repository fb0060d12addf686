"""Who is cancelled ends, in whatever moment it comes."""

import asyncio
from typing import Any

import pytest

from ledger.postgres import database as module
from ledger.postgres.database import Database, Opened, open_database

PROBES_MAX = 50


class Peer:
    """A connection that answers every probe, and has its listener cancelled with the first answer."""

    def __init__(self) -> None:
        self.listener: asyncio.Task[Any] | None = None
        self.probes = 0

    def add_termination_listener(self, _: object) -> None:
        """It is never lost."""

    async def add_listener(self, *_: object) -> None:
        """Nothing is ever told."""

    async def execute(self, _: str) -> None:
        self.probes += 1
        assert self.listener is not None
        if self.probes == 1:
            asyncio.get_running_loop().call_soon(self.listener.cancel)
        if self.probes > PROBES_MAX:
            raise OSError("it was cancelled and goes on")

    def terminate(self) -> None:
        """It is gone."""


async def test_a_listener_cancelled_with_its_answer_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker told to stop in the moment in which its probe is answered stops, and listens no more."""
    monkeypatch.setattr(module, "LISTEN_PROBE_S", 0.01)
    peer = Peer()

    async def connect(*_: object) -> Opened:
        return Opened(peer, 1)

    async def listen(database: Database) -> bool:
        peer.listener = asyncio.ensure_future(database._listen("x", lambda: None, lambda: None))
        await asyncio.wait({peer.listener})
        return peer.listener.cancelled()

    async with open_database("postgresql://nobody@127.0.0.1:1/nothing", connect=connect) as database:
        assert await database.bridge(listen, database)
    assert peer.probes == 1
