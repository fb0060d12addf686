"""Walks through the runbook of an alert while it fires: each command of "See it" is run as it stands.

Owns the running, with the drill's addresses in place of the default ones. Must not judge what is printed; it
is kept for who reads it. Invariant: a command fails if its status is not 0, but for psql where Postgres is
away.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final, NamedTuple

import trio

from ops.monitoring.drill.stage import WORKERS, Stage
from ops.monitoring.prometheus import Prometheus
from ops.monitoring.rules import ALERTS

ROOT: Final = Path(__file__).resolve().parents[3]
COMMAND_S_MAX: Final = 60.0
_RUNBOOK: Final = {alert.name: ROOT / alert.runbook for alert in ALERTS}


class Walked(NamedTuple):
    """How many commands of a page were run, and which failed."""

    commands: int
    failed: list[str]


def commands_of(page: str) -> list[str]:
    """Return the commands of a page, one a line."""
    blocks = re.findall(r"^```sh\n(.*?)^```", page, re.S | re.M)
    return [line for block in blocks for line in block.splitlines() if line]


def here(command: str, stage: Stage, prometheus: Prometheus) -> str:
    """Return a command with the addresses of the drill."""
    for worker in range(WORKERS):
        command = command.replace(f"127.0.0.1:{9170 + worker}", f"127.0.0.1:{stage.http_port + worker}")
    return command.replace("127.0.0.1:9090", f"127.0.0.1:{prometheus.port}")


async def walk(alert: str, stage: Stage, prometheus: Prometheus, *, databaseless: bool) -> Walked:
    """Run the commands of an alert's page; what they print goes to walked/ALERT.txt."""
    folder = stage.folder / "walked"
    folder.mkdir(exist_ok=True)
    commands, failed, kept = commands_of(_RUNBOOK[alert].read_text()), [], []
    for command in commands:
        kept.append(f"$ {command}\n")
        with trio.move_on_after(COMMAND_S_MAX) as scope:
            done = await trio.run_process(
                ["bash", "-o", "pipefail", "-c", here(command, stage, prometheus)],
                cwd=stage.folder,
                env=stage.environment,
                capture_stdout=True,
                capture_stderr=True,
                check=False,
            )
            kept.append((done.stdout + done.stderr).decode(errors="replace"))
            may_fail = databaseless and command.startswith("psql")
            if done.returncode and not may_fail:
                failed.append(f"{command}: status {done.returncode}")
        if scope.cancelled_caught:
            failed.append(f"{command}: not done in {COMMAND_S_MAX:g} s")
    (folder / f"{alert}.txt").write_text("".join(kept))
    return Walked(len(commands), failed)
