"""`cityswitch init` and `cityswitch migrate`: a new installation, and a new version of one.

Owns the subcommands; the steps are `ops.place.installation`'s.
"""

from __future__ import annotations

from typing import Annotated

from cyclopts import App, Parameter

from ledger.postgres.migrate import migrate as apply_migrations
from ledger.postgres.migrate import pending
from ops.cli.help_texts import examples
from ops.output import print_line, work_is_done
from ops.place.database import Purpose, database_server
from ops.place.installation import install
from ops.place.options import HERE, Place

init_app = App(
    name="init",
    help_epilogue=examples(
        "init",
        "init --dsn postgresql://owner@db.example/cityswitch --master-key-file /etc/cityswitch/master.key",
    ),
)
migrate_app = App(name="migrate", help_epilogue=examples("migrate", "migrate --dry-run", "migrate --after"))


@init_app.default
async def init(*, place: Place = HERE) -> None:
    """Make what a new installation needs: state directory, master key, database schema."""
    config = place.settings()
    async with database_server(place, config, Purpose.MAKE) as dsns:
        done = await install(config, dsns)
    work_is_done()
    print_line(f"{len(done.migrations)} migrations applied.")
    print_line(f"Master key {config.master_key_path} {'made: back it up' if done.key_made else 'is there'}.")


@migrate_app.default
async def migrate(
    *,
    after: Annotated[
        bool, Parameter(help="Also what must wait until no switch of an older version runs.")
    ] = False,
    dry_run: Annotated[bool, Parameter(help="Only say what would be applied.")] = False,
    place: Place = HERE,
) -> None:
    """Bring the database's schema up to this version (with the owner's DSN); switches of the version before
    run on.
    """
    async with database_server(place, place.settings(), Purpose.LOOK if dry_run else Purpose.CHANGE) as dsns:
        waiting = await pending(dsns.owner)
        names = waiting.before + (waiting.after if after else [])
        if not dry_run:
            names = await apply_migrations(dsns.owner, after=after)
    for name in names:
        print_line(f"{'would apply' if dry_run else 'applied'} {name}")
    if not names:
        print_line("The database is up to date.")
    if left := [name for name in waiting.after if name not in names]:
        print_line(
            f"{len(left)} more for when no switch of an older version runs: `cityswitch migrate --after`."
        )
