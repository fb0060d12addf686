"""A base backup of the database, whole and looked at, with a note of what it is; older ones taken away.

Owns the folder of backups: one folder each, named by its moment (UTC). Postgres' own pg_basebackup and
pg_verifybackup do the work. Must not hold the master key: it is kept apart (`cityswitch backup key`).
Invariants: what has its final name is whole and was verified; only whole ones are counted and taken away; a
password stands in no list of processes.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

import msgspec
import trio

from ops.errors import CommandError
from ops.exit_codes import Exit
from ops.place.installation import database_name
from ops.program import project_version

DEBIAN: Final = Path("/usr/lib/postgresql")
NAME: Final = re.compile(r"\d{8}T\d{6}Z")
NOTE: Final = "cityswitch-backup.json"
PARTIAL: Final = ".partial"


class Backup(msgspec.Struct, frozen=True):
    """One backup. `master_key_check` tells the master key it needs from others, and gives no secret away."""

    folder: str
    database: str
    made_at: str
    seconds: float
    size_bytes: int
    cityswitch: str
    master_key_check: str


def find_program(name: str) -> str:
    """Return the path of one of Postgres' programs, the newest there is. Raises `CommandError`."""
    if found := shutil.which(name):
        return found
    versions = [path for path in DEBIAN.glob(f"*/bin/{name}") if path.parts[-3].isdecimal()]
    if versions:
        return str(max(versions, key=lambda path: int(path.parts[-3])))
    raise CommandError(
        Exit.ENVIRONMENT, f"{name} is not installed.", "Install it: `apt install postgresql` (Debian)."
    )


async def make_backup(dsn: str, to: Path, keep: int, master_key_check: str) -> tuple[Backup, list[str]]:
    """Make a backup in `to`, verify it, keep the newest `keep`; return it, and which were taken away.

    `dsn` is that of a role with REPLICATION. Raises `CommandError` or OSError; then nothing is taken away.
    """
    basebackup, verify = find_program("pg_basebackup"), find_program("pg_verifybackup")
    began, began_s = datetime.now(UTC), trio.current_time()
    os.makedirs(to, mode=0o700, exist_ok=True)
    whole = to / f"{began:%Y%m%dT%H%M%SZ}"
    partial = whole.with_name(whole.name + PARTIAL)
    bare, password = apart(dsn)
    environment = {**os.environ, **({"PGPASSWORD": password} if password else {})}
    options = ["--format=plain", "--wal-method=stream", "--checkpoint=fast", "--no-password"]
    options += ["--manifest-checksums=SHA256", "--dbname", bare, "--pgdata", str(partial)]
    await _run([basebackup, *options], environment)
    await _run([verify, "--exit-on-error", "--quiet", str(partial)], environment)
    backup = Backup(
        folder=str(whole), database=database_name(dsn), made_at=f"{began:%Y-%m-%dT%H:%M:%SZ}",
        seconds=round(trio.current_time() - began_s, 1), size_bytes=_size(partial),
        cityswitch=project_version(), master_key_check=master_key_check,
    )  # fmt: skip
    (to / f"{whole.name}-{NOTE}").write_bytes(msgspec.json.format(msgspec.json.encode(backup)) + b"\n")
    partial.rename(whole)
    return backup, take_away(to, keep)


def apart(dsn: str) -> tuple[str, str]:
    """Return a DSN without its password, and the password: it is handed over where no list shows it.

    Raises `CommandError` for the password of a private key, which libpq takes nowhere else.
    """
    parts = urlsplit(dsn)
    userinfo, at, hosts = parts.netloc.rpartition("@")
    user, _, password = userinfo.partition(":")
    query = dict(parse_qsl(parts.query))
    password = query.pop("password", unquote(password))
    if "sslpassword" in query:
        raise CommandError(
            Exit.CONFIGURATION,
            "pg_basebackup takes the password of a private key (sslpassword) on its command line alone, "
            "which everybody on this machine can read.",
            "Name a key without one (sslkey), readable by its owner alone.",
        )
    asked = f"?{urlencode(query)}" if query else ""
    return f"{parts.scheme}://{user}{at}{hosts}{parts.path}{asked}", password


def whole_backups(folder: Path) -> list[Path]:
    """Return the backups of a folder that are whole, oldest first."""
    return sorted(path for path in folder.iterdir() if NAME.fullmatch(path.name) and path.is_dir())


def take_away(folder: Path, keep: int) -> list[str]:
    """Remove all but the newest `keep` whole backups; return the names of those removed."""
    too_many = whole_backups(folder)[:-keep]
    for path in too_many:
        shutil.rmtree(path)
        path.with_name(f"{path.name}-{NOTE}").unlink(missing_ok=True)
    return [path.name for path in too_many]


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


async def _run(command: list[str], environment: dict[str, str]) -> None:
    done = await trio.run_process(
        command, env=environment, check=False, capture_stderr=True, stdin=subprocess.DEVNULL
    )
    if done.returncode != 0:
        said = done.stderr.decode(errors="replace").strip().splitlines() or ["it said nothing"]
        raise CommandError(
            Exit.DATABASE, f"{Path(command[0]).name} failed: {said[-1]}",
            "It wants a role with REPLICATION, a line for it in pg_hba.conf, and room in the folder.",
        )  # fmt: skip
