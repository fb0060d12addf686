"""Debian's Postgres 15 for tests: a cluster of its own in a temporary directory, on a loopback port.

It is what an operator has, where the embedded server is what a developer has: passwords are asked for, an
administrator is not the owner of the books. Owns the cluster from initdb to the removal of its files. As root
the server runs as `postgres`, or nobody, for it refuses to run as root. Where the programs are missing a test
is skipped with a word, but never in continuous integration (CI=true), where it fails.
"""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.patience import HANG_S

BIN = Path("/usr/lib/postgresql/15/bin")
ADMINISTRATOR = "postgres"
PASSWORD = "administrator"


class DebianPostgres(NamedTuple):
    """A running server: its port on 127.0.0.1; `environment` makes libpq's programs its administrator."""

    port: int
    environment: Mapping[str, str]


def need_debian_postgres() -> None:
    """Skip the test where Debian's Postgres 15 is not installed; fail it in continuous integration."""
    if (BIN / "postgres").exists():
        return
    word = f"Debian's Postgres 15 is not installed ({BIN}): apt install postgresql-15"
    if os.environ.get("CI") == "true":
        pytest.fail(word)
    pytest.skip(word)


def _user() -> dict[str, object]:
    """Return as whom the server's programs run, as arguments of `subprocess`."""
    if os.geteuid() != 0:
        return {}
    for name in (ADMINISTRATOR, "nobody"):
        try:
            found = pwd.getpwnam(name)
        except KeyError:
            continue
        return {"user": found.pw_uid, "group": found.pw_gid, "extra_groups": []}
    raise AssertionError("neither postgres nor nobody is a user here")


@contextmanager
def debian_postgres() -> Iterator[DebianPostgres]:
    """Run a fresh cluster for as long as the block lasts; password authentication on 127.0.0.1."""
    need_debian_postgres()
    user = _user()
    directory = Path(tempfile.mkdtemp(prefix="cityswitch-debian-"))
    try:
        if user:
            os.chown(directory, int(str(user["user"])), int(str(user["group"])))
        with _cluster(directory, user) as server:
            yield server
    finally:
        shutil.rmtree(directory)


@contextmanager
def _cluster(directory: Path, user: dict[str, object]) -> Iterator[DebianPostgres]:
    data, secret = directory / "data", directory / "password"
    secret.write_text(PASSWORD)
    secret.chmod(0o644)
    made = subprocess.run(
        [BIN / "initdb", "-D", data, "-U", ADMINISTRATOR, "--auth=scram-sha-256", f"--pwfile={secret}",
         "--encoding=UTF8", "--locale=C", "--no-sync"],
        capture_output=True, text=True, check=False, cwd=directory, **user,
    )  # type: ignore[call-overload]  # fmt: skip
    assert made.returncode == 0, made.stderr
    with socket.create_server(("127.0.0.1", 0)) as found:
        port = found.getsockname()[1]
    command = [BIN / "postgres", "-D", data, "-k", directory, "-p", str(port)]
    command += ["-c", "listen_addresses=127.0.0.1"]
    with (directory / "log").open("wb") as log:
        server = subprocess.Popen(command, stdout=log, stderr=log, cwd=directory, **user)  # type: ignore[call-overload]
    try:
        ready = [BIN / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(port)]
        while subprocess.run(ready, check=False).returncode != 0:
            assert server.poll() is None, (directory / "log").read_text()
        environment = {"PGPORT": str(port), "PGUSER": ADMINISTRATOR, "PGPASSWORD": PASSWORD}
        yield DebianPostgres(port, environment)
    finally:
        server.send_signal(signal.SIGINT)
        assert server.wait(HANG_S) == 0
