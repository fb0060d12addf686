"""The machines of a simulated world: workers that are started, told to stop, crash, and are started again.

Owns each worker's life: its way to the store, its entrance, its clock, and what it leaves behind. The worker
is the switch's own (`switch.process.worker`). Must not know terminals. Invariants: what has crashed reaches
neither store nor line any more, whatever its tasks still do; a worker that ends otherwise than it was told to
is an accident of the world.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import partial
from typing import Final

import msgspec
import trio

from ledger.postgres.database import open_database
from ledger.registry.secrets import MasterKey
from simulators.world.books import WorldLedger
from simulators.world.faults import Fault, Faults
from simulators.world.memory.connection import connector
from simulators.world.network import Entrance, Network
from simulators.world.scheduling import Drift, run_with
from simulators.world.store_faults import StoreFaults
from switch.config import Config
from switch.process.worker import Surroundings, Worker

DSN: Final = "postgresql://memory/world"
WATCH_S: Final = 0.25
"""So often a world's workers look at their statements' time limits, which are seconds."""
RESTART_S: Final = 0.5
STOP_S_MAX: Final = 60.0
BEHIND_MS_MAX: Final = 40 * 60 * 1_000
WRAPPING, PEPPER = b"wrapping key of simulated worlds", b"pepper of every simulated world."


def master_key(seed: str, name: str) -> MasterKey:
    """Return the world's master key, drawing by a chance of its own."""
    return MasterKey(WRAPPING, PEPPER, draw=random.Random(f"{seed}:draw:{name}").randbytes)


class Incarnation:
    """One worker from its start to its end."""

    def __init__(self, machine: Machine, number: int) -> None:
        self._machine = machine
        name = f"{machine.number}.{number}"
        chance = random.Random(f"{machine.seed}:store:{name}")
        self.store = StoreFaults(machine.network.faults, chance, machine.ledger.lose_answer)
        self.has_crashed = False
        self._stop = trio.Event()
        self._scope = trio.CancelScope()
        self.ended = trio.Event()
        self._entrance: Entrance | None = None
        self._worker = Worker(
            machine.config,
            machine.number,
            master_key(machine.seed, name),
            surroundings=Surroundings(
                open_database=partial(
                    open_database, connect=connector(machine.ledger, self.store), watch_s=WATCH_S
                ),
                listen=self._listen,
                has_pages=False,
            ),
        )

    @property
    def is_stopping(self) -> bool:
        """Whether it was told to end, or is gone."""
        return self._stop.is_set() or self.has_crashed

    def _listen(self, _: Config) -> Entrance:
        self._entrance = self._machine.network.open_entrance(self._machine.number)
        return self._entrance

    async def run(self) -> None:
        """Serve until it is stopped or has crashed. Raises what the worker raises, unless it has crashed."""
        try:
            with self._scope:
                await self._worker.run(self._stop, lambda _: None)
        except BaseExceptionGroup:
            if not self.has_crashed:
                raise
        except Exception:
            if not self.has_crashed:
                raise
        finally:
            self.ended.set()

    def stop(self) -> None:
        """Tell it to drain and end."""
        self._stop.set()

    def crash(self, *, silently: bool) -> None:
        """End it at once, in the middle of whatever it does."""
        self.has_crashed = True
        self.store.crash()
        if self._entrance is not None:
            self._entrance.crash(silently=silently)
        self._scope.cancel()


class Machine:
    """One of the world's workers, through all its lives. `behind_ms`: its clock is late by so much."""

    def __init__(
        self,
        number: int,
        config: Config,
        *,
        seed: str,
        ledger: WorldLedger,
        network: Network,
        nursery: trio.Nursery,
        behind_ms: int,
    ) -> None:
        self.number = number
        self.seed = seed
        self.config = msgspec.structs.replace(config)
        self.ledger = ledger
        self.network = network
        self._faults: Faults = network.faults
        self._nursery = nursery
        self.drift = Drift(behind_ms)
        self._lives = 0
        self.now: Incarnation = self._start()

    def _start(self) -> Incarnation:
        self._lives += 1
        life = Incarnation(self, self._lives)
        self._nursery.start_soon(self._live, life)
        return life

    async def _live(self, life: Incarnation) -> None:
        run_with(self.drift)
        await life.run()

    def crash(self, rng: random.Random) -> None:
        """Let it crash, and start it again after a moment."""
        if self.now.is_stopping:
            return
        if self.ledger.at_work:
            self._faults.counts["worker_crashed_mid_batch"] += 1
        self._faults.happened(Fault.WORKER_CRASHED)
        self.now.crash(silently=rng.random() < 0.3)
        self.network.later(trio.current_time() + RESTART_S, self._start_again)

    def restart(self) -> None:
        """Let it drain, and start another beside it."""
        if self.now.is_stopping:
            return
        self._faults.happened(Fault.WORKER_RESTARTED)
        self.now.stop()
        self._start_again()

    async def end(self) -> None:
        """Let it drain for good, and wait until it has."""
        self.now.stop()
        await self.now.ended.wait()

    def _start_again(self) -> None:
        self.now = self._start()

    def each_way_to_the_store(self, strike: Callable[[StoreFaults], None]) -> None:
        """Do something to this worker's connections."""
        strike(self.now.store)
