"""Begins an installation, and keeps production and development apart.

Owns where a master key may lie and the note beside it of what it was used for (`<key>.used-by`), which
`make clean` reads. Must not know what the steps of an installation are (`switch.process.installation`).
Invariants: the key of a database of one's own lies outside the state directory, which `make clean` deletes;
a key that served a demo never serves another database, and the other way round; a note is written before the
key is used.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from urllib.parse import parse_qs

from ledger.registry.audit import SWITCH, Actor
from ops.errors import CommandError
from ops.exit_codes import Exit
from ops.place.database import Dsns
from switch.config import Config
from switch.process.installation import Prepared, prepare

EMBEDDED: Final = "embedded"
DATABASE: Final = "database"


async def install(config: Config, dsns: Dsns, actor: Actor = SWITCH) -> Prepared:
    """Migrate the database and make its master key if there is none; each step is skipped when done.

    Raises `CommandError` for a key that must not be used there, a `LedgerError` or OSError.
    """
    key = config.master_key_path
    check_key(config, is_embedded=dsns.is_embedded)
    kind = EMBEDDED if dsns.is_embedded else DATABASE
    where = str(config.state_path) if dsns.is_embedded else database_name(dsns.owner)
    _refuse_other_kind(key, kind)
    is_noted = note_path(key).exists()
    note_use(key, kind, where)
    try:
        return await prepare(config, dsns.owner, actor)
    finally:
        if not is_noted and not key.exists():  # refused before there was a key: there is nothing to note
            note_path(key).unlink(missing_ok=True)


def check_key(config: Config, *, is_embedded: bool) -> None:
    """Raise `CommandError` if the key of a database of one's own would lie where development has its own."""
    if is_embedded:
        return
    key = config.master_key_path
    if not config.master_key_file:
        raise CommandError(
            Exit.CONFIGURATION,
            f"a database of your own needs a master key of its own ({key} is for development).",
            "Name a file outside the state directory: --master-key-file /etc/cityswitch/master.key.",
        )
    if config.state_path.resolve() in key.absolute().resolve().parents:
        raise CommandError(
            Exit.CONFIGURATION,
            f"{key} lies in the state directory, which `make clean` deletes.",
            "Name a file outside: --master-key-file /etc/cityswitch/master.key.",
        )
    if _is_copy(key, config.state_path / "master.key"):
        raise CommandError(
            Exit.CONFIGURATION,
            f"{key} is a copy of the key of the demo in {config.state_path}.",
            "Remove the copy: `cityswitch init` makes a key of its own.",
        )


def _is_copy(key: Path, development: Path) -> bool:
    try:
        return key.read_bytes() == development.read_bytes()
    except OSError:
        return False


def _refuse_other_kind(key: Path, kind: str) -> None:
    for used_as, where in read_uses(key):
        if used_as != kind:
            what = "a demo's" if used_as == EMBEDDED else "another database's"
            raise CommandError(
                Exit.CONFIGURATION,
                f"{key} is {what} master key: it was used for {where}.",
                "Name another file with --master-key-file.",
            )


def note_path(key: Path) -> Path:
    """Return where the note of what a key was used for lies."""
    return key.with_name(f"{key.name}.used-by")


def read_uses(key: Path) -> list[tuple[str, str]]:
    """Return for what a key was used: ("embedded" or "database", where)."""
    try:
        lines = note_path(key).read_text(encoding="utf-8").splitlines()
    except OSError:
        return []
    words = [line.split(" ", 2) for line in lines]
    return [(line[1], line[2]) for line in words if len(line) == 3]


def note_use(key: Path, kind: str, where: str) -> None:
    """Add a line to the note of a key, unless it is there. Raises OSError."""
    if (kind, where) in read_uses(key):
        return
    key.parent.mkdir(parents=True, exist_ok=True)
    with note_path(key).open("a", encoding="utf-8") as file:
        file.write(f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ} {kind} {where}\n")
        file.flush()
        os.fsync(file.fileno())


def database_name(dsn: str) -> str:
    """Return which database a DSN means, without role and password: "db.example:5432/cityswitch"."""
    rest, _, query = dsn.partition("://")[2].partition("?")
    authority, _, path = rest.partition("/")
    host = authority.rpartition("@")[2] or ",".join(parse_qs(query).get("host", ["local"]))
    return f"{host}/{path}"
