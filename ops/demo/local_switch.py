"""A switch on this machine for as long as a block lasts: workers as child processes, ports that are free.

Owns the choice of ports and the orderly end. Must not know the database's making or the load. Invariants:
when the block is left, in whatever way, the workers have drained and are gone; the default ports are used
if they are free.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from typing import IO, Final

import msgspec
import trio

from ops.errors import CommandError
from ops.exit_codes import Exit
from ops.place.running import RunningNote, noted
from switch.config import Config
from switch.process.supervisor import EXIT_PORT_IN_USE, serve
from switch.process.supervisor import Running as Listening
from switch.wire.listener import PortInUse

READY_S_MAX: Final = 60.0
ANY_PORT: Final = 0


class _Serving:
    """One attempt to serve, as a task."""

    def __init__(self, config: Config, log_file: IO[bytes]) -> None:
        self.stop = trio.Event()
        self.decided = trio.Event()
        self.listening: Listening | None = None
        self.status = 0
        self._config = config
        self._log_file = log_file

    async def run(self) -> None:
        # Shielded: the workers drain even when everything else is cancelled.
        with trio.CancelScope(shield=True):
            try:
                self.status = await serve(
                    self._config, self.stop, on_ready=self._on_ready, log_file=self._log_file
                )
            except PortInUse:
                self.status = EXIT_PORT_IN_USE
        self.decided.set()

    def _on_ready(self, listening: Listening) -> None:
        self.listening = listening
        self.decided.set()


@asynccontextmanager
async def local_switch(config: Config, log_path: Path) -> AsyncIterator[RunningNote]:
    """Serve `config` (with a service DSN) on its ports, or on free ones if they are taken; logs go to a file.

    Raises `CommandError` when the switch does not come up.
    """
    with log_path.open("wb") as log_file, ExitStack() as notes:
        async with trio.open_nursery() as nursery:
            serving = await _start(nursery, config, log_file)
            if serving.status == EXIT_PORT_IN_USE:
                free = msgspec.structs.replace(config, listen_port=ANY_PORT, http_port=ANY_PORT)
                serving = await _start(nursery, free, log_file)
            try:
                listening = serving.listening
                if listening is None:
                    raise _not_up(serving.status, log_path)
                running = running_of(config, listening)
                notes.enter_context(noted(config.state_path, running))
                yield running
            finally:
                serving.stop.set()


async def _start(nursery: trio.Nursery, config: Config, log_file: IO[bytes]) -> _Serving:
    serving = _Serving(config, log_file)
    nursery.start_soon(serving.run)
    try:
        with trio.move_on_after(READY_S_MAX):
            await serving.decided.wait()
    except BaseException:
        serving.stop.set()
        raise
    return serving


def running_of(config: Config, listening: Listening) -> RunningNote:
    """Return the note for the state directory."""
    return RunningNote(os.getpid(), listening.host, listening.port, listening.http, config.tls_wanted)


def _not_up(status: int, log_path: Path) -> CommandError:
    known = {member.value for member in Exit}
    exit_status = Exit(status) if status in known and status else Exit.INTERNAL
    lines = log_path.read_text(errors="replace").splitlines() or ["no output"]
    return CommandError(
        exit_status, f"the switch does not start: {lines[-1][:300]}", f"All of it is in {log_path}."
    )
