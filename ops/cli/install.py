"""`cityswitch init` and `cityswitch migrate`: a new installation, and a new version of one.

Owns the subcommands; the steps are `ops.place.installation`'s.
"""

from __future__ import annotations

from enum import Enum
from typing import Annotated

from cyclopts import App, Parameter

from ledger.engine.citus import resettle, settle
from ledger.postgres.database import open_database
from ledger.postgres.migrate import migrate as apply_migrations
from ledger.postgres.migrate import pending
from ops.cli.help_texts import examples
from ops.cli.registry_options import NOBODY, By, Json
from ops.output import print_json, print_line, work_is_done
from ops.place.database import Purpose, database_server
from ops.place.installation import install
from ops.place.options import HERE, Place

init_app = App(
    name="init",
    help_epilogue=examples(
        "init",
        "init --dsn postgresql://owner@db.example/cityswitch --master-key-file /etc/cityswitch/master.key",
        "init --engine citus --config /etc/cityswitch/cityswitch.toml",
    ),
)
migrate_app = App(name="migrate", help_epilogue=examples("migrate", "migrate --dry-run", "migrate --after"))


class Engine(Enum):
    """What the books lie on."""

    POSTGRES = "postgres"
    CITUS = "citus"


@init_app.default
async def init(
    *,
    engine: Annotated[
        Engine,
        Parameter(
            help="What the books lie on: one Postgres, or several under Citus, over which its"
            " buckets are spread; again after shards or servers have changed."
        ),
    ] = Engine.POSTGRES,
    by: By = NOBODY,
    json: Json = False,
    place: Place = HERE,
) -> None:
    """Make what a new installation needs: state directory, master key, database schema."""
    config, actor = place.settings(), by.told()
    async with database_server(place, config, Purpose.MAKE) as dsns:
        done = await install(config, dsns, actor)
        servers = await _spread(dsns.owner) if engine is Engine.CITUS else {}
    work_is_done()
    if json:
        print_json(
            {
                "migrations": done.migrations,
                "master_key": str(config.master_key_path),
                "key_made": done.key_made,
                "servers": servers,
            }
        )
        return
    print_line(f"{len(done.migrations)} migrations applied.")
    print_line(f"Master key {config.master_key_path} {'made: back it up' if done.key_made else 'is there'}.")
    for server, buckets in servers.items():
        print_line(f"Server {server}: {buckets} buckets.")


async def _spread(dsn: str) -> dict[str, int]:
    async with open_database(dsn, connections_max=1, application_name="cityswitch init") as database:
        return (await settle(database)).servers


@migrate_app.default
async def migrate(
    *,
    after: Annotated[
        bool, Parameter(help="Also what must wait until no switch of an older version runs.")
    ] = False,
    dry_run: Annotated[bool, Parameter(help="Only say what would be applied.")] = False,
    json: Json = False,
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
            async with open_database(dsns.owner, connections_max=1) as database:
                await resettle(database)
    left = [name for name in waiting.after if name not in names]
    if json:
        print_json({"would_apply" if dry_run else "applied": names, "waiting": left})
        return
    for name in names:
        print_line(f"{'would apply' if dry_run else 'applied'} {name}")
    if not names:
        print_line("The database is up to date.")
    if left:
        print_line(
            f"{len(left)} more for when no switch of an older version runs: `cityswitch migrate --after`."
        )
