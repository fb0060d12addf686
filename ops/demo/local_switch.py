"""The demo's switch: on the default ports if they are free, else on any; its log in a file.

Owns the choice of ports. Must not know the database's making or the load. Invariant: when the block is left,
in whatever way, the workers have drained and are gone (`switch.process.supervisor.serving`).
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import IO, Final

import msgspec

from ops.errors import CommandError
from ops.exit_codes import Exit
from ops.place.running import RunningNote, note_of, noted
from switch.config import Config
from switch.process.supervisor import EXIT_PORT_IN_USE, Switch, SwitchFailed, serving
from switch.wire.listener import PortInUse

ANY_PORT: Final = 0


@asynccontextmanager
async def local_switch(config: Config, log_path: Path) -> AsyncIterator[RunningNote]:
    """Serve `config` (with a service DSN) on its ports, or on free ones if they are taken; logs go to a file.

    Raises `CommandError` when the switch does not come up, or ends by itself.
    """
    with log_path.open("wb") as log_file:
        async with AsyncExitStack() as stack:
            switch = await _start(stack, config, log_file, log_path)
            with noted(config.state_path, note_of(config, switch)):
                yield note_of(config, switch)


async def _start(stack: AsyncExitStack, config: Config, log_file: IO[bytes], log_path: Path) -> Switch:
    free = msgspec.structs.replace(config, listen_port=ANY_PORT, http_port=ANY_PORT)
    try:
        return await stack.enter_async_context(serving(config, log_file=log_file))
    except PortInUse:
        pass
    except SwitchFailed as error:
        if error.status != EXIT_PORT_IN_USE:
            raise _not_up(error.status, log_path) from None
    try:
        return await stack.enter_async_context(serving(free, log_file=log_file))
    except SwitchFailed as error:
        raise _not_up(error.status, log_path) from None


def _not_up(status: int, log_path: Path) -> CommandError:
    known = {member.value for member in Exit}
    exit_status = Exit(status) if status in known and status else Exit.INTERNAL
    lines = log_path.read_text(errors="replace").splitlines() or ["no output"]
    return CommandError(
        exit_status, f"the switch does not start: {lines[-1][:300]}", f"All of it is in {log_path}."
    )
