"""The two commits at work: each out of its own checkout, with a city, a Postgres and a switch of its own.

Owns the processes and the talk with them (`side.py` runs in each). Must not know what is measured.
Invariant: when a block is left, its side has drained and gone.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import msgspec
import trio

from bench.errors import CannotRun
from bench.paired import side as side_program
from bench.paired.checkout import Checkout
from bench.throughput.driver import Program, Server, running
from bench.throughput.lanes import ClosedLane
from bench.throughput.load_order import VERIFIED_EVERY
from bench.throughput.processes import family_cpu_s
from simulators.city.population import Population

LEAVE_S_MAX: Final = 120.0
UP_S_MAX: Final = 300.0
STANS_PER_RUN: Final = 1_000_000


class SideOrder(msgspec.Struct, frozen=True):
    """What `side.py` is told."""

    directory: str
    cards: int
    partners: int
    wal_mib: int


class SideUp(msgspec.Struct, frozen=True):
    """What it answers."""

    port: int
    pids: tuple[int, ...]
    http: tuple[str, ...]
    postgres: int
    seed: str
    generator: str


class Side:
    """One commit at work: the ground its lanes run on."""

    def __init__(self, checkout: Checkout, up: SideUp, order: SideOrder) -> None:
        self.checkout = checkout
        self.population = Population(up.seed, order.cards, order.partners)
        self.servers: dict[str, Server] = {side_program.SWITCH: Server(up.port, up.pids, up.http)}
        self.own_generator = Program(up.generator, checkout.root)
        self._postgres = up.postgres
        self._runs = 0

    def next_stans(self) -> int:
        """Return the first STAN of a fresh range."""
        self._runs += 1
        return self._runs * STANS_PER_RUN

    def postgres_clock(self) -> float:
        """Return the CPU seconds of all of this side's Postgres."""
        return family_cpu_s(self._postgres)

    def lane(
        self, terminals: int, depth: int, generator: Program, *, verified_every: int = VERIFIED_EVERY
    ) -> ClosedLane:
        """Return a lane against this side's switch."""
        return ClosedLane(
            side_program.SWITCH, terminals, depth, generator=generator, verified_every=verified_every
        )

    @property
    def switch(self) -> Server:
        """The switch of this side."""
        return self.servers[side_program.SWITCH]

    def forget_pages(self) -> None:
        """Do without its metrics: they have other names in this commit."""
        self.servers[side_program.SWITCH] = self.switch._replace(http=())


@asynccontextmanager
async def open_side(checkout: Checkout, order: SideOrder) -> AsyncIterator[Side]:
    """Run a side until the block is left. Raises `CannotRun`."""
    name = f"the switch of {checkout.name}"
    arguments = ["-P", side_program.__file__]
    async with running(arguments, name, root=checkout.root, grace_s=LEAVE_S_MAX) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        await process.stdin.send_all(msgspec.json.encode(order) + b"\n")
        line = b""
        with trio.move_on_after(UP_S_MAX):
            while not line.endswith(b"\n") and (chunk := await process.stdout.receive_some(4_096)):
                line += chunk
        if not line.endswith(b"\n"):
            raise CannotRun(f"{name} did not start: see its lines above")
        yield Side(checkout, msgspec.json.decode(line, type=SideUp), order)
