"""Walks through the runbook of an alert while it fires: each command of "See it" is run as it stands.

Owns the running, with the drill's addresses in place of the default ones. Must not judge what is printed; it
is kept for who reads it. Invariant: a command fails if its status is not 0, but for psql where Postgres
is away, and those of ours whose status 1 says that something was found.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

import trio

from ops.monitoring.drill.stage import ROOT, WORKERS, Stage
from ops.monitoring.prometheus import Prometheus
from ops.monitoring.rules import ALERTS

COMMAND_S_MAX: Final = 60.0
FINDING: Final = ("cityswitch doctor", "cityswitch ledger verify")
"""Commands whose status 1 says that they found what they look for."""
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


def _may_end_so(command: str, status: int, databaseless: bool) -> bool:
    """Whether a status other than 0 is an answer: psql without Postgres, one of ours that found something."""
    return (databaseless and command.startswith("psql")) or (status == 1 and command.startswith(FINDING))


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
            if done.returncode and not _may_end_so(command, done.returncode, databaseless):
                failed.append(f"{command}: status {done.returncode}")
        if scope.cancelled_caught:
            failed.append(f"{command}: not done in {COMMAND_S_MAX:g} s")
    (folder / f"{alert}.txt").write_text("".join(kept))
    return Walked(len(commands), failed)
