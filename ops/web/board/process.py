"""The board as a process of its own, for whoever runs a switch in this one.

Owns its start, its end and its choice of port. Must not know what it shows. Invariants: whatever becomes of
the board, the switch goes on; when the block is left, or this process ends in whatever way, it is gone.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import msgspec
import trio

from ops.errors import CommandError
from ops.exit_codes import Exit
from ops.web.board.run import PORT

START_S_MAX: Final = 30.0
END_S_MAX: Final = 5.0
LINE_BYTES_MAX: Final = 4_096


class Started(msgspec.Struct):
    """What the process says when it listens."""

    url: str


@asynccontextmanager
async def serving_board(
    state: Path, service_dsn: str, log_path: Path, *, port: int = PORT
) -> AsyncIterator[str]:
    """Run `cityswitch board` for the switch of a state directory while the block lasts; yield its address.

    On `port`, or on any free one if that is taken. Raises `CommandError` if it does not start.
    """
    environment = {**os.environ, "CITYSWITCH_STATE_DIR": str(state), "CITYSWITCH_DSN": service_dsn}
    with log_path.open("wb") as log:
        for wanted in (port, 0):
            command = [
                sys.executable,
                "-m",
                "ops.cli",
                "board",
                "--json",
                "--until-eof",
                "--port",
                str(wanted),
            ]
            process = await trio.lowlevel.open_process(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, env=environment
            )
            try:
                url = await _started(process)
                if url is not None:
                    yield url
                    return
                if await process.wait() != Exit.PORT:
                    break
            finally:
                await _end(process)
    raise CommandError(Exit.STATE, f"the board does not start: {_last_line(log_path)}", f"See {log_path}.")


def _last_line(path: Path) -> str:
    lines = path.read_text(errors="replace").splitlines() or ["no output"]
    return lines[-1][:300]


async def _started(process: trio.Process) -> str | None:
    assert process.stdout is not None
    line = b""
    with trio.move_on_after(START_S_MAX):
        while b"\n" not in line and len(line) < LINE_BYTES_MAX:
            data = await process.stdout.receive_some(LINE_BYTES_MAX)
            if not data:
                return None
            line += data
        return msgspec.json.decode(line, type=Started).url
    process.kill()
    return None


async def _end(process: trio.Process) -> None:
    with trio.CancelScope(shield=True):
        assert process.stdin is not None and process.stdout is not None  # noqa: PT018
        await process.stdin.aclose()
        with trio.move_on_after(END_S_MAX):
            await process.wait()
        if process.returncode is None:
            process.kill()
            await process.wait()
        await process.stdout.aclose()
