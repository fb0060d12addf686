"""Three Patroni nodes and one etcd on loopback: started, asked, killed, ended by their pids.

Owns the processes and their directory, which is temporary. Must not know what the databases hold. As root
they run as the embedded Postgres does (`ledger.postgres.embedded_launcher`): Postgres refuses to run as root.

Invariants: only processes started here are ever signalled, and a postmaster only if it is at home in a node's
directory; what is started dies with this process, or is ended by `close`.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import IO, Final

import msgspec
import trio

from ledger.postgres.embedded_launcher import Launcher
from ops.deploy.ha.settings import (
    HOST,
    SUPERUSER,
    Node,
    Passwords,
    etcd_command,
    patroni_settings,
)

ASK_S_MAX: Final = 2.0
POLL_S: Final = 0.1
STOP_S_MAX: Final = 20.0
SQL_FILES: Final = Path(__file__).parent
LEADER: Final = "leader"
SYNCHRONOUS: Final = "sync_standby"
_WELL: Final = frozenset({"running", "streaming"})


class HaError(Exception):
    """The cluster is not as the demonstration needs it; one line."""


class Member(msgspec.Struct):
    """A node as Patroni tells of it."""

    name: str
    role: str
    state: str
    timeline: int = 0


class View(msgspec.Struct):
    """All nodes, as one of them sees them."""

    members: list[Member] = []

    def named(self, role: str) -> str | None:
        """Return the name of the node with a role, if it is up."""
        found = [each.name for each in self.members if each.role == role and each.state in _WELL]
        return found[0] if found else None

    @property
    def timeline(self) -> int:
        """The leader's timeline; 0 without one."""
        return max((each.timeline for each in self.members if each.role == LEADER), default=0)


class Cluster:
    """The nodes, their etcd, and the passwords of this run. Made by `started`; use from the main thread."""

    def __init__(self, directory: Path, nodes: list[Node], etcd_ports: tuple[int, int], passwords: Passwords):
        self.nodes = nodes
        self.passwords = passwords
        self._directory = directory
        self._etcd_ports = etcd_ports
        self._patronis: dict[str, subprocess.Popen[bytes]] = {}
        self._etcd: subprocess.Popen[bytes] | None = None
        self._launchers: dict[str, Launcher] = {}

    async def start(self) -> None:
        """Start etcd and all nodes; return when one leads and one is its synchronous standby."""
        program = shutil.which("etcd")
        if program is None:
            raise HaError("etcd is not installed: apt-get install --no-install-recommends etcd-server")
        client, peer = self._etcd_ports
        self._etcd = self._spawn(
            etcd_command(program, self._directory / "etcd", client, peer), self._directory / "etcd.log"
        )
        for node in self.nodes:
            self.start_node(node)
        await self.wait_for(self.is_whole, 180.0, "three nodes, one of them the synchronous standby")

    def start_node(self, node: Node) -> None:
        """Start a node's Patroni, which starts its Postgres; a node that was killed comes back so."""
        launcher = self._launchers.get(node.name)
        if launcher is None:
            node.directory.mkdir(mode=0o700)
            launcher = self._launchers[node.name] = Launcher(node.directory)
            file = node.directory / "patroni.json"
            etcd = [f"{HOST}:{self._etcd_ports[0]}"]
            file.touch(mode=0o600)
            file.write_bytes(
                msgspec.json.encode(
                    patroni_settings(
                        node, etcd, launcher.binaries.bin, launcher.socket_directory, self.passwords
                    )
                )
            )
            launcher.prepare_user()
        command = launcher.command(
            [sys.executable, "-m", "patroni", node.directory / "patroni.json"], signal.SIGTERM
        )
        self._patronis[node.name] = self._spawn(command, node.directory / "patroni.log")

    def kill(self, node: Node) -> None:
        """SIGKILL a node's Patroni and its postmaster."""
        patroni = self._patronis.pop(node.name)
        postmaster = postmaster_of(node)
        patroni.kill()
        if postmaster is not None:
            os.kill(postmaster, signal.SIGKILL)
        patroni.wait()

    def signal_patroni(self, node: Node, number: signal.Signals) -> None:
        """Send a signal to a node's Patroni alone; its Postgres knows nothing of it."""
        self._patronis[node.name].send_signal(number)

    def node(self, name: str) -> Node:
        """Return a node by its name."""
        return next(node for node in self.nodes if node.name == name)

    async def view(self, *, but: Node | None = None) -> View:
        """Return what the first node that answers says of all; nothing if none does."""
        for node in self.nodes:
            if node.name in self._patronis and node != but:
                found = await trio.to_thread.run_sync(partial(ask, f"{node.rest}/cluster"))
                if found is not None:
                    return found
        return View()

    def is_whole(self, view: View) -> bool:
        """Whether every node is up, one leads, and one is its synchronous standby."""
        up = sum(member.state in _WELL for member in view.members)
        is_one = len({member.timeline for member in view.members}) == 1
        roles = view.named(LEADER) and view.named(SYNCHRONOUS)
        return up == len(self.nodes) and is_one and bool(roles)

    async def wait_for(
        self, holds: Callable[[View], bool], within_s: float, what: str, *, but: Node | None = None
    ) -> View:
        """Ask until something holds. Raises HaError when it does not within so many seconds."""
        view = View()
        with trio.move_on_after(within_s):
            while True:
                view = await self.view(but=but)
                if holds(view):
                    return view
                await trio.sleep(POLL_S)
        raise HaError(f"not within {within_s:g} s: {what}; the cluster is {view.members}")

    async def administer(self, file: str, database: str, environment: Mapping[str, str]) -> None:
        """Run a file of SQL on the leader as the administrator; what is secret comes by the environment."""
        leader = self.node((await self.view()).named(LEADER) or "")
        psql = self._launchers[leader.name].binaries.bin / "psql"
        command = [str(psql), "-X", "-q", "-v", "ON_ERROR_STOP=1", "-f", str(SQL_FILES / file)]
        kept = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
        login = {"PGHOST": HOST, "PGPORT": str(leader.port), "PGUSER": SUPERUSER, "PGDATABASE": database}
        secret = {"PGPASSWORD": self.passwords.superuser, **environment}
        await trio.run_process(command, env={**kept, **login, **secret})

    def count_in_log(self, node: Node, text: str) -> int:
        """How often a node's Patroni said something."""
        return (node.directory / "patroni.log").read_text(errors="replace").count(text)

    def close(self) -> None:
        """End everything started here: Patroni first, or it would start Postgres again."""
        for patroni in self._patronis.values():
            patroni.send_signal(signal.SIGKILL)
            patroni.wait()
        for node in self.nodes:
            _end(postmaster_of(node))
        if self._etcd is not None:
            self._etcd.terminate()
            self._etcd.wait(STOP_S_MAX)

    def _spawn(self, command: list[str], log: Path) -> subprocess.Popen[bytes]:
        # Not through trio: its thread would end, and with it what dies with its starter.
        with log.open("ab") as file:
            return _popen(command, file, self._directory)


def _popen(command: list[str], log: IO[bytes], directory: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        cwd=directory,
        env={
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("PG", "PATRONI", "ETCD"))
        },
        start_new_session=True,
    )


def ask(url: str) -> View | None:
    """Ask a Patroni over HTTP; None if it does not answer."""
    try:
        with urllib.request.urlopen(url, timeout=ASK_S_MAX) as answer:  # noqa: S310 an address of our own
            return msgspec.json.decode(answer.read(), type=View)
    except (OSError, urllib.error.URLError, msgspec.DecodeError):
        return None


def postmaster_of(node: Node) -> int | None:
    """Return the process id of a node's postmaster, if one is at home in its directory."""
    try:
        pid = int((node.data / "postmaster.pid").read_text().splitlines()[0])
        is_ours = Path(os.readlink(f"/proc/{pid}/cwd")) == node.data.resolve()
    except (OSError, ValueError, IndexError):
        return None
    return pid if is_ours else None


def _end(postmaster: int | None) -> None:
    """Have a postmaster end at once with its backends, and wait for it."""
    if postmaster is None:
        return
    os.kill(postmaster, signal.SIGQUIT)
    until = time.monotonic() + STOP_S_MAX
    while Path(f"/proc/{postmaster}/cwd").exists() and time.monotonic() < until:
        time.sleep(POLL_S)
