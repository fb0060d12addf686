"""The drill's switch: `cityswitch serve` with two workers as an operator starts it, on an embedded Postgres.

Owns the folder (settings, certificate, keys, logs), Postgres, the process of the switch and its ports. Must
not know alerts. Invariants: only loopback is listened on; when the block is left no process of ours is;
Postgres and the switch may be ended and started again within it.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, Final

import trio

from ledger.postgres.database import open_database
from ledger.postgres.embedded import EmbeddedPostgres, embedded_postgres
from ledger.postgres.embedded_launcher import find_binaries
from ops.monitoring.drill.hands import STOP_S_MAX, children_of, is_listening, is_ready
from ops.monitoring.drill.papers import Papers, TerminalPapers
from ops.monitoring.prometheus import free_port
from simulators.city.population import Population
from simulators.city.seeding import seed_city
from simulators.till.channel import Address, Connector, connector
from switch.config import Config
from switch.process.installation import prepare

ROOT: Final = Path(__file__).resolve().parents[3]
WORKERS: Final = 2
POPULATION: Final = Population("alerts drill", cards=2_000, partners=20, terminals=200)
SMALL: Final[dict[str, Any]] = {
    "batch_max": 20,
    "shed_after_ms": 100,
    "in_flight_max": 60,
    "handshakes_max": 40,
    "connections_max": 1_000,
    "log_level": "info",
}
"""Bounds small enough for one machine to reach; all else is as in production."""
READY_S_MAX: Final = 60.0
POLL_S: Final = 0.1
PORTS: Final = (20_000, 30_000)


class Stage:
    """The switch of the drill, and what it stands on."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True)
        self.folder = folder
        self.papers = Papers(folder)
        self.terminal_papers = TerminalPapers(folder, POPULATION.programme)
        self.port = free_port()
        self.http_port = _two_free_ports()
        self.settings: dict[str, Any] = {**SMALL}
        self.postgres: EmbeddedPostgres
        self._postgres_stack = AsyncExitStack()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def targets(self) -> list[str]:
        """The HTTP address of each worker."""
        return [f"127.0.0.1:{self.http_port + worker}" for worker in range(WORKERS)]

    @property
    def address(self) -> str:
        """Where terminals connect."""
        return f"tls://127.0.0.1:{self.port}"

    @property
    def connect(self) -> Connector:
        """How a terminal reaches the switch."""
        return connector(
            Address.parse(
                self.address,
                ca_file=self.papers.certificate,
                certificate=self.terminal_papers.certificate,
            )
        )

    @property
    def environment(self) -> dict[str, str]:
        """What commands of an operator find: our programs, those of Postgres, and the owner's DSN."""
        paths = (str(Path(sys.executable).parent), str(find_binaries()[0].bin), os.environ["PATH"])
        return {
            **os.environ,
            "PATH": os.pathsep.join(paths),
            "CITYSWITCH_OWNER_DSN": self.postgres.owner_dsn,
            "PYTHONPATH": str(ROOT),
            "PYTHONWARNINGS": "ignore",
        }

    @property
    def psql(self) -> Path:
        """The psql of the embedded Postgres."""
        return find_binaries()[0].bin / "psql"

    @property
    def supervisor(self) -> int:
        """The process of `cityswitch serve`."""
        assert self._process is not None
        return self._process.pid

    @property
    def workers(self) -> list[int]:
        """The processes of the workers that live."""
        return children_of(self.supervisor)

    # Postgres.

    async def start_postgres(self) -> None:
        """Start it, in the same folder as before."""
        server = embedded_postgres(self.folder / "postgres")
        self.postgres = await self._postgres_stack.enter_async_context(server)

    async def stop_postgres(self) -> None:
        """Stop it as an administrator would."""
        await self._postgres_stack.aclose()

    async def sql(self, statement: str) -> Any:
        """Run a statement as the owner; return the first value of its first row."""
        name = "cityswitch drill"
        async with open_database(self.postgres.owner_dsn, connections_max=1, application_name=name) as owner:
            return await owner.run(lambda connection: connection.fetchval(statement))

    # The switch.

    def write_settings(self) -> None:
        """Write cityswitch.toml."""
        told = {
            "listen_host": "127.0.0.1",
            "listen_port": self.port,
            "http_host": "127.0.0.1",
            "http_port": self.http_port,
            "workers": WORKERS,
            "dsn": self.postgres.service_dsn,
            "owner_dsn": self.postgres.owner_dsn,
            "state_dir": str(self.folder / "state"),
            "tls": "on",
            "tls_certificate": str(self.papers.certificate),
            "tls_key": str(self.papers.key),
            "tls_client_ca": str(self.terminal_papers.authority),
            "tls_client_crl": str(self.terminal_papers.revoked),
            **self.settings,
        }
        lines = [f"{key} = {_toml(value)}" for key, value in told.items()]
        (self.folder / "cityswitch.toml").write_text("\n".join(lines) + "\n")

    def reload(self) -> None:
        """Have the switch read settings and certificate again, as `systemctl reload` does."""
        self.write_settings()
        os.kill(self.supervisor, signal.SIGHUP)

    async def start_switch(self) -> None:
        """Start `cityswitch serve` and wait until every worker is ready."""
        self.write_settings()
        self._process = self._open()
        with trio.fail_after(READY_S_MAX):
            for worker in range(WORKERS):
                while not await is_ready(self.http_port + worker):  # noqa: ASYNC110 another process knows
                    await trio.sleep(POLL_S)

    def _open(self) -> subprocess.Popen[bytes]:
        with (self.folder / "switch.log").open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "ops.cli", "serve"],
                cwd=self.folder,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    async def stop_switch(self) -> None:
        """Drain it (SIGTERM); what does not end is killed."""
        process, self._process = self._process, None
        if process is None:
            return
        for number in (signal.SIGTERM, signal.SIGKILL):
            if process.poll() is None:
                process.send_signal(number)
            with trio.move_on_after(STOP_S_MAX):
                while process.poll() is None:  # noqa: ASYNC110
                    await trio.sleep(POLL_S)


@asynccontextmanager
async def staged(folder: Path) -> AsyncIterator[Stage]:
    """Run the drill's switch in a new `folder` for as long as the block lasts."""
    stage = Stage(folder)
    try:
        await stage.start_postgres()
        await _seed(stage)
        await stage.start_switch()
        yield stage
    finally:
        with trio.CancelScope(shield=True):
            await stage.stop_switch()
            await stage.stop_postgres()


async def _seed(stage: Stage) -> None:
    owner_dsn = stage.postgres.owner_dsn
    config = Config(state_dir=str(stage.folder / "state"))
    master = (await prepare(config, owner_dsn)).master_key
    async with open_database(owner_dsn, connections_max=1, application_name="cityswitch drill") as owner:
        await seed_city(owner, POPULATION, master)


def _two_free_ports() -> int:
    """Return a port that is free, and so is the next: one the kernel gives to nobody who asks for any."""
    while True:
        port = random.randrange(*PORTS, WORKERS)
        if not any(is_listening(port + worker) for worker in range(WORKERS)):
            return port


def _toml(value: Any) -> str:
    return f'"{value}"' if isinstance(value, str) else str(value)
