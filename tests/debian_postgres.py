"""Debian's Postgres 15 for tests: a cluster of its own in a temporary directory, on a loopback port.

It is what an operator has, where the embedded server is what a developer has: passwords are asked for, an
administrator is not the owner of the books, and one server connects to another with `PASSWORD`. Owns the
cluster from initdb to the removal of its files. As root the server runs as `postgres`, or nobody, for it
refuses to run as root. Where the programs are missing a test is skipped with a word, but never in continuous
integration (CI=true), where it fails.
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
    archive: Path
    """Where it archives its log, if it does."""


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
def debian_postgres(
    *, is_archiving: bool = False, settings: Mapping[str, str] | None = None
) -> Iterator[DebianPostgres]:
    """Run a fresh cluster, with settings of its own, for as long as the block lasts; password authentication
    on 127.0.0.1.
    """
    need_debian_postgres()
    user = _user()
    with _directory(user) as directory:
        _init(directory, user)
        archive = directory / "archive"
        more = {"archive_mode": "on", "archive_command": f"cp %p {archive}/%f"} if is_archiving else {}
        more |= {"track_commit_timestamp": "on"} | dict(settings or {})
        with _running(directory, user, more) as server:
            yield server


@contextmanager
def restored(backup: Path, archive: Path, until: str) -> Iterator[DebianPostgres]:
    """Run a copy of a base backup that recovers from the archived log to a moment, and then takes writes."""
    user = _user()
    with _directory(user) as directory:
        data = directory / "data"
        shutil.copytree(backup, data)
        (data / "recovery.signal").touch()
        data.chmod(0o700)
        for path in [data, *data.rglob("*")] if user else []:
            os.chown(path, int(str(user["user"])), int(str(user["group"])))
        settings = {
            "restore_command": f"cp {archive}/%f %p",
            "recovery_target_time": until,
            "recovery_target_action": "promote",
        }
        with _running(directory, user, settings) as server:
            yield server


@contextmanager
def _directory(user: dict[str, object]) -> Iterator[Path]:
    """A temporary directory that is the server's user's, with one for the archived log in it."""
    directory = Path(tempfile.mkdtemp(prefix="cityswitch-debian-"))
    (directory / "archive").mkdir()
    try:
        for path in (directory, directory / "archive") if user else ():
            os.chown(path, int(str(user["user"])), int(str(user["group"])))
        yield directory
    finally:
        shutil.rmtree(directory)


def _init(directory: Path, user: dict[str, object]) -> None:
    data, secret = directory / "data", directory / "password"
    secret.write_text(PASSWORD)
    secret.chmod(0o644)
    made = subprocess.run(
        [BIN / "initdb", "-D", data, "-U", ADMINISTRATOR, "--auth=scram-sha-256", f"--pwfile={secret}",
         "--encoding=UTF8", "--locale=C", "--no-sync"],
        capture_output=True, text=True, check=False, cwd=directory, **user,
    )  # type: ignore[call-overload]  # fmt: skip
    assert made.returncode == 0, made.stderr
    passwords = directory / ".pgpass"
    passwords.write_text(f"*:*:*:*:{PASSWORD}\n")
    passwords.chmod(0o600)
    if user:
        os.chown(passwords, int(str(user["user"])), int(str(user["group"])))


@contextmanager
def _running(
    directory: Path, user: dict[str, object], settings: Mapping[str, str]
) -> Iterator[DebianPostgres]:
    data = directory / "data"
    with _port_held() as port:
        command = [BIN / "postgres", "-D", data, "-k", directory, "-p", str(port)]
        for name, value in {"listen_addresses": "127.0.0.1", **settings}.items():
            command += ["-c", f"{name}={value}"]
        with (directory / "log").open("wb") as log:
            server = subprocess.Popen(
                command, stdout=log, stderr=log, cwd=directory, env={**os.environ, "HOME": str(directory)},
                **user,
            )  # type: ignore[call-overload]  # fmt: skip
        try:
            ready = [BIN / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(port)]
            while subprocess.run(ready, check=False).returncode != 0:
                assert server.poll() is None, (directory / "log").read_text()
            environment = {"PGPORT": str(port), "PGUSER": ADMINISTRATOR, "PGPASSWORD": PASSWORD}
            yield DebianPostgres(port, environment, directory / "archive")
        finally:
            server.send_signal(signal.SIGINT)
            assert server.wait(HANG_S) == 0


@contextmanager
def _port_held() -> Iterator[int]:
    """A port of 127.0.0.1 that the system gives to nobody else, and on which a server may listen that says
    SO_REUSEADDR, as Postgres does.
    """
    with socket.socket() as holder:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        holder.bind(("127.0.0.1", 0))
        yield holder.getsockname()[1]
