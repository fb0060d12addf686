"""`cityswitch backup`: a base backup of the database, and copies of the keys that belong to it.

Owns the subcommands. Must not make a backup itself (`ops.deploy.backup`). Invariant: backup and keys are
never put into one place by one command.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Final

from cyclopts import App, Parameter

from ledger.registry.installation import check_master_key
from ledger.registry.secrets import MasterKey
from ops.cli.bounds import between
from ops.cli.help_texts import examples
from ops.cli.registry_options import Json, tell_done
from ops.deploy.backup import make_backup
from ops.errors import CommandError
from ops.exit_codes import Exit
from ops.office.private_files import PrivateFiles
from ops.place.database import looking
from ops.place.options import HERE, Place

BACKUP_DSN: Final = "CITYSWITCH_BACKUP_DSN"
KEPT_MAX: Final = 10_000

app = App(
    name="backup",
    help="Base backups of the database, and the master key apart from them (docs/how-to/backup.md).",
    help_epilogue=examples(
        "backup make --to /var/backups/cityswitch", "backup key --to /media/safe/master.key"
    ),
)


@app.command(
    help_epilogue=examples(
        "backup make --to /var/backups/cityswitch", "backup make --to /var/backups/cityswitch --keep 7 --json"
    )
)
async def make(
    *,
    to: Annotated[Path, Parameter(help="Folder of the backups; each gets a folder of its own in it.")],
    keep: Annotated[
        int, Parameter(help="So many of the newest are kept.", validator=between(1, KEPT_MAX))
    ] = 7,
    json: Json = False,
    place: Place = HERE,
) -> None:
    """Make a base backup of the running database with pg_basebackup, and verify it.

    Who makes it: the DSN in CITYSWITCH_BACKUP_DSN, else --dsn; its role wants REPLICATION.
    """
    dsn = os.environ.get(BACKUP_DSN) or place.dsn
    if not dsn:
        raise CommandError(
            Exit.CONFIGURATION, "nobody is named who may make a backup.",
            f"Set {BACKUP_DSN} to the DSN of a role with REPLICATION, or give --dsn.",
        )  # fmt: skip
    key = MasterKey.load(place.settings().master_key_path)
    backup, taken_away = await make_backup(dsn, to, keep, key.check_value.hex())
    tell_done(
        f"{backup.folder}: {backup.size_bytes:,} bytes in {backup.seconds:g} s, verified; "
        f"{len(taken_away)} older ones taken away.",
        {"backup": backup, "taken_away": taken_away}, as_json=json,
    )  # fmt: skip


@app.command(help_epilogue=examples("backup vault --to /media/safe/master.key.vault"))
async def vault(
    *,
    to: Annotated[Path, Parameter(help="File to make; an older copy there is overwritten and replaced.")],
    json: Json = False,
    place: Place = HERE,
) -> None:
    """Copy the holders' keys in the place of the older copy, which is overwritten. Keep it apart from the
    backups.

    Do it after every day with new holders or erasures: there is to be one copy, the newest.
    """
    master = MasterKey.load(place.settings().master_key_path)
    async with looking(place) as database:
        await database.run(lambda connection: check_master_key(connection, master))
    if master.vault.path is None or to.resolve() == master.vault.path.resolve():
        raise CommandError(Exit.USAGE, f"{to} is the vault itself.", "Name another file with --to.")
    try:
        keys = master.vault.copy_to(to)
    except OSError as error:
        raise CommandError(Exit.USAGE, f"{to}: {error.strerror}.", "Name another file with --to.") from None
    tell_done(f"{to}: {keys:,} keys of holders.", {"vault": str(to), "keys": keys}, as_json=json)


@app.command(help_epilogue=examples("backup key --to /media/safe/master.key"))
async def key(
    *,
    to: Annotated[Path, Parameter(help="File to make; one that is there is never overwritten.")],
    json: Json = False,
    place: Place = HERE,
) -> None:
    """Copy the master key, once it has been seen to be this database's. Keep it apart from the backups."""
    path = place.settings().master_key_path
    master = MasterKey.load(path)
    async with looking(place) as database:
        await database.run(lambda connection: check_master_key(connection, master))
    copy = PrivateFiles({to: path.read_text(encoding="ascii")})
    copy.write_beside()
    copy.put_in_place()
    MasterKey.load(to)
    tell_done(f"{to}: the master key, open to this user alone.", {"key": str(to)}, as_json=json)
