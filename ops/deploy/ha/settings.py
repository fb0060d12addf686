"""What three database nodes and their etcd are told, for a synchronous standby that is never gone without.

Owns the settings of Patroni and etcd and the DSN that names all nodes. Pure: opens and starts nothing.
docs/how-to/high-availability.md shows the same settings for machines of their own; a test holds both.

Invariants: `synchronous_mode_strict`, so no commit is answered that only one node has; `loop_wait` and twice
`retry_timeout` fit into `ttl`, as Patroni demands; no password stands in a command line.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple
from urllib.parse import quote

HOST: Final = "127.0.0.1"
SCOPE: Final = "cityswitch"
SUPERUSER: Final = "postgres"

TTL_S: Final = 20
"""A primary that vanished is replaced once its lease, renewed every `LOOP_WAIT_S`, has run out. Patroni takes
no less."""
LOOP_WAIT_S: Final = 5
RETRY_TIMEOUT_S: Final = 5
DCS: Final[dict[str, object]] = {
    "ttl": TTL_S,
    "loop_wait": LOOP_WAIT_S,
    "retry_timeout": RETRY_TIMEOUT_S,
    "primary_start_timeout": 0,
    "synchronous_mode": True,
    "synchronous_mode_strict": True,
}
PARAMETERS: Final[dict[str, object]] = {
    "wal_log_hints": "on",
    "wal_keep_size": "512MB",
    "max_connections": 100,
    "timezone": "UTC",
    "log_timezone": "UTC",
}


class Node(NamedTuple):
    """One database node: its name, where its Postgres and its Patroni listen, and its directory."""

    name: str
    port: int
    rest_port: int
    directory: Path

    @property
    def data(self) -> Path:
        """Where its cluster lies."""
        return self.directory / "data"

    @property
    def rest(self) -> str:
        """Where its Patroni is asked."""
        return f"http://{HOST}:{self.rest_port}"


class Passwords(NamedTuple):
    """One for each role, drawn for this run."""

    superuser: str
    replication: str
    rewind: str
    owner: str
    service: str


def etcd_command(program: str, directory: Path, client_port: int, peer_port: int) -> list[str]:
    """Return the command line of one etcd, a cluster of its own, on loopback."""
    client, peer = f"http://{HOST}:{client_port}", f"http://{HOST}:{peer_port}"
    said = {
        "name": "etcd1", "data-dir": str(directory),
        "listen-client-urls": client, "advertise-client-urls": client,
        "listen-peer-urls": peer, "initial-advertise-peer-urls": peer, "initial-cluster": f"etcd1={peer}",
        "initial-cluster-token": SCOPE, "log-level": "warn",
    }  # fmt: skip
    return [program, *(f"--{name}={value}" for name, value in said.items())]


def patroni_settings(
    node: Node, etcd: Sequence[str], binaries: Path, sockets: Path, passwords: Passwords
) -> dict[str, object]:
    """Return the settings file of a node's Patroni; JSON is YAML, so no YAML has to be written."""
    here = f"{HOST}:{node.port}"
    rest = f"{HOST}:{node.rest_port}"
    return {
        "scope": SCOPE,
        "name": node.name,
        "restapi": {"listen": rest, "connect_address": rest},
        "etcd3": {"hosts": list(etcd)},
        "bootstrap": {
            "dcs": DCS | {"postgresql": {"use_pg_rewind": True, "use_slots": True, "parameters": PARAMETERS}},
            "initdb": [{"encoding": "UTF8"}, {"locale": "C"}, "data-checksums"],
        },
        "postgresql": {
            "listen": here,
            "connect_address": here,
            "data_dir": str(node.data),
            "bin_dir": str(binaries),
            "pgpass": str(node.directory / "pgpass"),
            "parameters": {"unix_socket_directories": str(sockets)},
            "authentication": {
                "superuser": {"username": SUPERUSER, "password": passwords.superuser},
                "replication": {"username": "replicator", "password": passwords.replication},
                "rewind": {"username": "rewinder", "password": passwords.rewind},
            },
            "pg_hba": [
                "local all all scram-sha-256",
                f"host all all {HOST}/32 scram-sha-256",
                f"host replication replicator {HOST}/32 scram-sha-256",
            ],
        },
        "watchdog": {"mode": "off"},
    }


def dsn_of(nodes: Sequence[Node], user: str, password: str) -> str:
    """Return the DSN that names every node, and takes the one that writes."""
    hosts = ",".join(f"{HOST}:{node.port}" for node in nodes)
    return f"postgresql://{user}:{quote(password, safe='')}@{hosts}/{SCOPE}?target_session_attrs=read-write"
