"""A terminal's life in a simulated world: it works, loses line, power or a record of its memory, and settles.

Owns one terminal's program and memory file, and when each ends. What is done at it is the clerk's. Must not
know the switch. Invariants: a program may end between any two steps, and the next begins with what the file
holds; after `settle` nothing is unsettled.
"""

from __future__ import annotations

import os
import random
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

import trio

from protocol import TransactionReply
from simulators.errors import Abandoned, TerminalError
from simulators.till.exchange import Counters, Patience
from simulators.till.identity import TerminalIdentity
from simulators.till.posting import PostingRequest, Witness
from simulators.till.store import TerminalMemory
from simulators.till.terminal import PosTerminal
from simulators.world.cities import City
from simulators.world.clerk import Clerk, Sale
from simulators.world.faults import Fault, Faults
from simulators.world.network import Network
from simulators.world.scheduling import WallClock
from switch.rules.programme import LANGUAGES

PATIENCE: Final = Patience(pause_min_s=0.1, pause_max_s=8.0)
PAUSE_S: Final = 0.08
"""Between two customers, on average."""
RETRY_S: Final = 1.0
_SKEW_S: Final = 40.0


class PowerCut(Exception):
    """The terminal's program ends here: its memory file is all that remains."""


class Watch:
    """A terminal's witness, who is told again what was never stored: the power went while it was written."""

    def __init__(self, witness: Witness) -> None:
        self._witness = witness
        self._newest: dict[int, int] = {}
        self.never_stored: set[tuple[int, int]] = set()

    def signed_on(self, terminal: int, stan: int) -> None:
        """Pass it on."""
        self._witness.signed_on(terminal, stan)

    def sending(self, terminal: int, request: PostingRequest) -> None:
        """Pass it on."""
        self._newest[terminal] = request.stan
        self.never_stored.discard((terminal, request.stan))
        self._witness.sending(terminal, request)

    def told(self, terminal: int, request: PostingRequest, reply: TransactionReply) -> None:
        """Pass it on."""
        self._witness.told(terminal, request, reply)

    def began_again(self, terminal: int, stan: int) -> None:
        """A terminal begins again with a memory whose last STAN is this one."""
        newest = self._newest.get(terminal, 0)
        if newest > stan:
            self.never_stored.add((terminal, newest))


class Till:
    """One terminal and who works at it. `sales`: what was sold in its city and can be undone."""

    def __init__(
        self,
        number: int,
        city: City,
        sales: list[Sale],
        *,
        seed: str,
        folder: Path,
        network: Network,
        wall: WallClock,
        witness: Watch,
    ) -> None:
        self.number = number
        self._city = city
        self._path = folder / f"{number}.memory"
        self._network = network
        self._faults: Faults = network.faults
        self._witness = witness
        self._rng = random.Random(f"{seed}:till:{number}")
        self._nonces = random.Random(f"{seed}:nonces:{number}")
        self._wall = wall
        self._skew_s = self._rng.uniform(-_SKEW_S, _SKEW_S)
        self.totals_differed = 0
        self.memory = self._open()
        self.terminal = self._program(reverse=False)
        self._clerk = Clerk(self.terminal, city, sales, self._rng)

    @property
    def counters(self) -> Counters:
        """What its present program did on the wire."""
        return self.terminal.counters

    def _open(self) -> TerminalMemory:
        return TerminalMemory.open(self._path, self.number, durable=False, write=self._write)

    def _write(self, fd: int, data: bytes) -> int:
        if self._faults.strikes(Fault.TORN_RECORD):
            os.write(fd, data[: self._rng.randrange(len(data))])
            raise PowerCut
        return os.write(fd, data)

    def _program(self, *, reverse: bool) -> PosTerminal:
        return PosTerminal(
            TerminalIdentity(self.number, self._city.key(self.number)),
            self.memory,
            lambda: self._network.connect(self.number),
            rng=self._rng,
            patience=PATIENCE,
            language=self._rng.choice(LANGUAGES),
            witness=self._witness,
            reverse_on_restart=reverse,
            clock=lambda: max(self._wall.now_s() + self._skew_s, 0.0),
            make_nonce=self._nonces.randbytes,
        )

    def close(self) -> None:
        """Hang up and release the memory file."""
        self.terminal.drop_link()
        self.memory.close()

    def restart(self) -> None:
        """The program is gone; begin again with what the file holds."""
        self.close()
        self.memory = self._open()
        self._witness.began_again(self.number, self.memory.stan)
        self.terminal = self._clerk.terminal = self._program(reverse=self._rng.random() < 0.5)

    async def work(self, may_go_on: Callable[[], bool]) -> None:
        """Serve customers for as long as `may_go_on` says so."""
        rng = self._rng
        while may_go_on():
            await trio.sleep(rng.expovariate(1 / PAUSE_S))
            if self._faults.strikes(Fault.OFFLINE):
                await self._be_offline()
            else:
                await self._through(self._clerk.serve)

    async def _through(self, step: Callable[[], Awaitable[object]]) -> bool:
        """Do a step, through whatever becomes of line and power; return whether it came to its end."""
        rng, power_s = self._rng, float("inf")
        if self._faults.strikes(Fault.POWER_CUT):
            power_s = rng.choice((0.001, 0.02, 0.05, 0.2, 3.0)) * rng.random()
        try:
            with trio.move_on_after(power_s) as power:
                await step()
        except PowerCut:
            self.restart()
            return False
        except Abandoned:
            return False
        except TerminalError:
            await trio.sleep(rng.uniform(0.0, RETRY_S))
            return False
        if power.cancelled_caught:
            self._network.silence(self.number)
            self.restart()
            return False
        return True

    async def _be_offline(self) -> None:
        """Sell without a line for a while, then forward it all."""
        self.terminal.drop_link()
        for _ in range(self._rng.randint(1, 5)):
            await trio.sleep(self._rng.uniform(0.1, 4.0))
            await self._through(self._store_offline)
        await self._through(self.terminal.settle)

    async def _store_offline(self) -> None:
        self._clerk.store_offline()

    async def settle(self) -> None:
        """Bring everything to its end, compare the totals and go home; ends only when that is done."""
        while self.terminal.has_unsettled:
            if not await self._through(self.terminal.settle):
                await trio.sleep(RETRY_S)
        while not await self._through(self._compare_totals):  # noqa: ASYNC110 - it tries again
            await trio.sleep(RETRY_S)
        await self._through(self.terminal.sign_off)

    async def _compare_totals(self) -> None:
        self.totals_differed += (await self.terminal.totals()).code != 0
