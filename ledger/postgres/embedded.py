"""Owns the embedded Postgres of development, demonstrations and tests: finds the binaries, starts, stops.

A server of our own on a Unix socket in a private directory, no TCP, durable settings. It is our child and
dies with us, even when we are killed; what an earlier run left over is stopped first. Not meant for
production: one machine, no standby, and whoever can reach the socket directory may do everything
(`DEVELOPMENT_NOTICE` says so).

Layout of the directory: data/ (the cluster), socket/ (0700), postgres.log, lock (held while we live).
Knows nothing of schemas: `ledger.postgres.migrate` makes them.
"""

import fcntl
import os
import signal
import subprocess
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Final, NamedTuple
from urllib.parse import quote

import trio

from ledger.errors import EmbeddedFault, EmbeddedPostgresError
from ledger.postgres.embedded_launcher import DATABASE, OWNER, Launcher, directory_error, initialise, no_space

__all__ = ["DATABASE", "DEVELOPMENT_NOTICE", "OWNER", "SERVICE", "EmbeddedPostgres", "embedded_postgres"]

DEVELOPMENT_NOTICE: Final = (
    "embedded Postgres: for development and demonstrations, not for production "
    "(set `dsn` for a server of your own)"
)
SERVICE: Final = "cityswitch_service"
START_S_MAX: Final = 60.0
STOP_S_MAX: Final = 30.0
POLL_S: Final = 0.02


class EmbeddedPostgres(NamedTuple):
    """A running embedded server: where to connect, and its process id."""

    directory: Path
    socket_directory: Path
    owner_dsn: str
    service_dsn: str
    pid: int
    major: int

    def dsn(self, database: str, user: str = OWNER) -> str:
        """The DSN of another database of this server."""
        return _dsn(self.socket_directory, user, database)


def _dsn(socket_directory: Path, user: str, database: str) -> str:
    return f"postgresql://{user}@/{database}?host={quote(str(socket_directory))}"


def _absolute(directory: Path) -> Path:
    return directory.absolute()


@contextmanager
def _lock(directory: Path) -> Iterator[None]:
    """Hold the directory for ourselves; the lock ends with our process, however it ends."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
        file = (directory / "lock").open("a+")
    except OSError as error:
        raise directory_error(directory, error) from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.seek(0)
            raise EmbeddedPostgresError(
                EmbeddedFault.IN_USE,
                f"another cityswitch (process {file.read().strip() or 'unknown'}) runs in {directory}: "
                "stop it, or set another `state_dir`",
            ) from None
        file.truncate(0)
        file.write(f"{os.getpid()}\n")
        file.flush()
        yield


def _pid_file(data: Path) -> list[str]:
    try:
        return (data / "postmaster.pid").read_text().splitlines()
    except OSError:
        return []


def _is_server_of(pid: int, data: Path) -> bool:
    """Whether the process is a Postgres at home in this data directory; a reused pid is not."""
    try:
        program = os.readlink(f"/proc/{pid}/exe").removesuffix(" (deleted)")
        home = os.readlink(f"/proc/{pid}/cwd")
    except OSError:
        return False
    return Path(program).name == "postgres" and Path(home) == data.resolve()


def _servers_of(data: Path) -> list[int]:
    """All Postgres processes at home in this data directory: the server and its backends."""
    if not Path(
        "/proc/self"
    ).exists():  # no way to look: the server itself will refuse to start beside another
        return []
    return [int(name) for name in os.listdir("/proc") if name.isdigit() and _is_server_of(int(name), data)]


async def _stop_orphan(data: Path) -> None:
    """Stop the server an earlier run of ours left over in this directory. We hold its lock: nobody uses
    it.
    """
    lines = _pid_file(data)
    if not lines or not lines[0].lstrip("-").isdigit():
        return
    pid = abs(int(lines[0]))
    for number in (signal.SIGINT, signal.SIGQUIT):
        if _is_server_of(pid, data):
            os.kill(pid, number)
        with trio.move_on_after(STOP_S_MAX):
            # The last backends of a server that was killed end by themselves, a moment after it.
            while left := _servers_of(data):  # noqa: ASYNC110 no event tells of a stranger's end
                await trio.sleep(POLL_S)
        if not left:
            # Its number may belong to a stranger by now, which the new server would take for a living rival.
            (data / "postmaster.pid").unlink(missing_ok=True)
            return
    raise EmbeddedPostgresError(
        EmbeddedFault.IN_USE, f"the server left over in {data} does not stop: end process {left[0]} yourself"
    )


async def _wait_ready(launcher: Launcher, process: subprocess.Popen[bytes]) -> None:
    """Wait until the server says so in its pid file, as pg_ctl does."""
    with trio.move_on_after(START_S_MAX):
        while process.poll() is None:
            lines = _pid_file(launcher.data)
            if len(lines) >= 8 and lines[0] == str(process.pid) and lines[7].strip() == "ready":
                return
            await trio.sleep(POLL_S)
    tail = launcher.log_tail()
    if "No space left" in tail:
        raise no_space(launcher.data)
    raise EmbeddedPostgresError(
        EmbeddedFault.NOT_STARTED, f"the embedded Postgres did not start: {tail} (see {launcher.log_path})"
    )


async def _stop(process: subprocess.Popen[bytes]) -> None:
    """Fast shutdown, then harder; always reaps."""
    for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
        if process.poll() is not None:
            return
        process.send_signal(number)
        with trio.move_on_after(STOP_S_MAX):
            while process.poll() is None:  # noqa: ASYNC110 not every system can wait on a process
                await trio.sleep(POLL_S)


@asynccontextmanager
async def embedded_postgres(
    directory: Path, *, settings: Mapping[str, str] | None = None
) -> AsyncIterator[EmbeddedPostgres]:
    """Run a Postgres server in `directory` for as long as the block lasts; makes the cluster when there
    is none.

    Call it from the main thread: the server dies with the thread that started it. `settings` override the
    server's. Raises EmbeddedPostgresError, whose `fault` names the cause.
    """
    directory = _absolute(directory)
    with _lock(directory):
        launcher = Launcher(directory)
        try:
            launcher.prepare_user()
            await _stop_orphan(launcher.data)
            if not launcher.is_made():
                await trio.to_thread.run_sync(initialise, launcher)
            log = launcher.open_log()
        except OSError as error:
            raise directory_error(directory, error) from error
        with log:
            process = launcher.start(settings or {}, log)
        try:
            await _wait_ready(launcher, process)
            yield EmbeddedPostgres(
                directory=directory,
                socket_directory=launcher.socket_directory,
                owner_dsn=_dsn(launcher.socket_directory, OWNER, DATABASE),
                service_dsn=_dsn(launcher.socket_directory, SERVICE, DATABASE),
                pid=process.pid,
                major=launcher.binaries.major,
            )
        finally:
            with trio.CancelScope(shield=True):
                await _stop(process)
