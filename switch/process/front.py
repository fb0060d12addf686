"""The front of a worker: everything between the listening socket and the ledger, put together.

Owns the making of connections, flow, pump, doorway and sweeper, and the drain. Knows the ledger only as
three functions (`flow.Ledger`), so it runs whole against a ledger of memory, too. Invariant: when `run`
returns after `stop`, every request taken has been answered, or its connection was lost, or `drain_s` is over
(then it is logged).
"""

from __future__ import annotations

import secrets
import socket
from collections.abc import Callable

import structlog
import trio

from switch.clock import clock_ms
from switch.config import Config
from switch.flow.connection import Connections
from switch.flow.flow import Flow, Ledger
from switch.metrics import Meters
from switch.rules.directory import Directory
from switch.wire.admission import ANY_KEY, Admission, KeyCheck
from switch.wire.doorway import Doorway
from switch.wire.hub import Hub
from switch.wire.listener import epoll_available
from switch.wire.pump import Pump
from switch.wire.stream import Entrance, StreamDoorway

log = structlog.get_logger()

SWEEP_S = 0.5
SWEPT_AT_ONCE = 1_000
"""Connections looked at before others run: 20,000 would hold a worker up for 14 ms."""
DRAIN_POLL_S = 0.01


class Front:
    """Connections, pump, doorway and flow of one worker. `nursery` holds the tasks of inquiries.

    `use_pump`: None where epoll is available. `draw` gives so many bytes that nobody can guess.
    """

    def __init__(
        self,
        *,
        config: Config,
        directory: Directory,
        meters: Meters,
        ledger: Ledger,
        feed_is_stale: Callable[[], bool],
        nursery: trio.Nursery,
        keys: KeyCheck = ANY_KEY,
        use_pump: bool | None = None,
        draw: Callable[[int], bytes] = secrets.token_bytes,
    ) -> None:
        self._config = config
        self._directory = directory
        self._meters = meters
        self.draining = False
        self.connections = Connections(config, meters)
        self.flow = Flow(
            config=config,
            directory=directory,
            connections=self.connections,
            meters=meters,
            ledger=ledger,
            clock_ms=clock_ms,
            feed_is_stale=feed_is_stale,
            nursery=nursery,
        )
        hub = Hub(self.connections, self.flow, meters)
        self._pump = Pump(hub) if (epoll_available() if use_pump is None else use_pump) else None
        admission = Admission(
            config=config, directory=directory, hub=hub, meters=meters, keys=keys, draw=draw
        )
        self.doorway = Doorway(admission, self._pump) if self._pump else StreamDoorway(admission, nursery)

    async def run(self, listening: socket.socket | Entrance, stop: trio.Event) -> None:
        """Serve who comes in until `stop`, then drain. An entrance that is no socket needs no pump."""
        async with trio.open_nursery() as nursery:
            if self._pump is not None:
                nursery.start_soon(self._pump.run)
            nursery.start_soon(self._sweep)
            accepting = trio.CancelScope()
            nursery.start_soon(self._accept, listening, accepting)
            await stop.wait()
            accepting.cancel()
            await self._drain()
            nursery.cancel_scope.cancel()

    async def _accept(self, listening: socket.socket | Entrance, scope: trio.CancelScope) -> None:
        with scope:
            if isinstance(listening, socket.socket):
                await self.doorway.run(listening)
            else:
                assert isinstance(self.doorway, StreamDoorway)
                await self.doorway.run_entrance(listening)

    async def _sweep(self) -> None:
        shed = 0
        while True:
            await trio.sleep(SWEEP_S)
            if self._meters.requests_shed > shed:
                log.warning("requests_shed", count=self._meters.requests_shed - shed)
                shed = self._meters.requests_shed
            now_ms = clock_ms()
            self.connections.settle(trio.current_time())
            everybody = self.connections.snapshot()
            for first in range(0, len(everybody), SWEPT_AT_ONCE):
                some, reading = everybody[first : first + SWEPT_AT_ONCE], not self.flow.full
                self.connections.sweep(some, trio.current_time(), now_ms=now_ms, reading=reading)
                await trio.lowlevel.checkpoint()

    async def _drain(self) -> None:
        """Stop reading, answer what is in flight, write it out, close."""
        self.draining = True
        log.info("draining", connections=len(self.connections), in_flight=self.flow.in_flight)
        self.connections.stop_reading()
        with trio.move_on_after(self._config.drain_s):
            await self.flow.wait_idle()
        with trio.move_on_after(self._config.write_s):
            # Outboxes empty in pump and streams alike; a drain is short, so it looks instead of being told.
            while any(each.write_since is not None for each in self.connections.snapshot()):  # noqa: ASYNC110
                await trio.sleep(DRAIN_POLL_S)
        for connection in self.connections.snapshot():
            self.connections.close(connection, "drained")
        log.info("drained", unanswered=self.flow.in_flight)
