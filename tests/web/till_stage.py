"""Three small cities, a real switch and the page in the browser, for one module of tests.

Owns the thread in which trio runs all of it. What a test wants of the books it asks through `run`. The line
between bridge and switch can be cut where a test wants it.
"""

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import msgspec
import trio

from ledger.books.statements import HistoryRow, balance, history
from ledger.postgres.database import Connection, Database, open_database
from ledger.registry.cards import find_card
from ledger.registry.secrets import MasterKey
from simulators.browser.catalogue import encoded
from simulators.browser.guide import guide
from simulators.browser.server import bind, serving_page
from simulators.city.example import City
from simulators.city.population import Population
from simulators.city.seeding import seed_city
from simulators.errors import LinkLost
from simulators.till.channel import Address, Channel, connector
from switch.config import Config
from switch.process.supervisor import serving
from tests.patience import HANG_S, UNHURRIED
from tests.postgres import FreshDatabase
from tests.trio_thread import TrioThread

T = TypeVar("T")

SMALL_CITIES = tuple(
    City(Population(code, 300, 2, 4, programme, at_first=2))
    for programme, code in ((1, "czestochowa"), (2, "zywiec"), (3, "zgierz"))
)


class Cut:
    """Where the next line is cut: before a `reply`, half-way through a `request`, or not at all but for its
    reply (`silence`). `replies`: the type byte of replies before each of which it is cut.
    """

    def __init__(self) -> None:
        self.at = ""
        self.replies = 0

    def now(self, place: str) -> bool:
        if self.at != place:
            return False
        self.at = ""
        return True


class CuttableChannel:
    """A channel that breaks where it is told to."""

    def __init__(self, below: Channel, cut: Cut, open_lines: set[Channel]) -> None:
        self._below = below
        self._cut = cut
        self._open_lines = open_lines
        open_lines.add(self)

    async def send(self, data: bytes) -> None:
        if self._cut.now("request"):
            await self._below.send(data[: len(data) // 2])
            raise LinkLost("cut half-way")
        await self._below.send(data)

    async def receive(self) -> bytes:
        data = await self._below.receive()
        if data and (self._cut.now("reply") or data[3] == self._cut.replies):
            raise LinkLost("cut before the reply")
        if data and self._cut.now("silence"):
            await trio.sleep_forever()
        return data

    def close(self) -> None:
        self._open_lines.discard(self)
        self._below.close()

    def abort(self) -> None:
        self._below.abort()


class Stage(TrioThread):
    """What a test has: the page's address, the line's scissors, the books."""

    def __init__(self, fresh: FreshDatabase, directory: Path, cities: Sequence[City] = SMALL_CITIES) -> None:
        super().__init__()
        self.cut = Cut()
        self.cities = cities
        self.open_lines: set[Channel] = set()
        self._fresh = fresh
        self._directory = directory
        self._master = MasterKey.create(directory / "master.key")

    async def serve(self) -> AsyncGenerator[None, None]:
        config = Config(
            listen_port=0,
            http_port=0,
            dsn=self._fresh.service_dsn,
            state_dir=str(self._directory),
            log_level="error",
        )
        config = msgspec.structs.replace(config, **UNHURRIED)
        async with open_database(self._fresh.owner_dsn, connections_max=2) as self._owner:
            for city in self.cities:
                await seed_city(self._owner, city.population, self._master)
            async with serving(config) as switch:
                self.address = Address(switch.host, switch.port)
                documents = {
                    "/wire.json": encoded(),
                    "/till.json": guide(self.cities, "tests", datetime.now(UTC).date()),
                }
                async with serving_page(self._connect, documents, bind(0)) as self.url:
                    yield

    async def _connect(self) -> Channel:
        return CuttableChannel(await connector(self.address)(), self.cut, self.open_lines)

    def run(self, job: Callable[[Database], Awaitable[T]]) -> T:
        """Run a job on the books from the tests' thread."""
        found: T = self.call(job, self._owner)
        return found

    def wait_for(self, holds: Callable[[], bool]) -> None:
        """Wait until something holds in the stage's thread."""

        async def wait(_: Database) -> None:
            with trio.fail_after(HANG_S):
                while not holds():  # noqa: ASYNC110 - what is waited for happens in another process
                    await trio.sleep(0.01)

        self.run(wait)

    def journal(self, city: City, digits: str) -> list[HistoryRow]:
        """Return the journal of a card, newest first."""

        async def look(connection: Connection) -> list[HistoryRow]:
            card = await find_card(connection, self._master.pepper(city.population.programme).token(digits))
            assert card is not None
            return await history(connection, card["account"])

        return self.run(lambda owner: owner.run(look))

    def points(self, city: City, digits: str) -> int:
        """Return the points of a card, by the ledger."""

        async def look(connection: Connection) -> int | None:
            card = await find_card(connection, self._master.pepper(city.population.programme).token(digits))
            assert card is not None
            return await balance(connection, card["account"])

        return self.run(lambda owner: owner.run(look)) or 0
