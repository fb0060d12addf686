"""`cityswitch roles`: the database roles of the programmes, whose members look after that programme alone.

Owns the subcommands. Must not know what a role may do: the migrations say it.
"""

from __future__ import annotations

from cyclopts import App

from ledger.postgres.database import Connection
from ledger.registry.programme_roles import list_roles, make_role, role_name
from ops.cli.help_texts import examples
from ops.cli.registry_options import Json, pick_programme, tell_done
from ops.output import Row, print_rows
from ops.place.database import changing, looking
from ops.place.options import HERE, Place

app = App(
    name="roles",
    help="Database roles of the programmes: each does an office's work for its own programme, and sees "
    "nothing of another's. What is the whole installation's is the owner's alone, and ends in exit status 3: "
    "`ledger verify`, `redecide`, `rebucket` and `trial-balance`, a new programme, `init` and `migrate`.",
    help_epilogue=examples("roles add zgierz", "roles list"),
)


@app.command(help_epilogue=examples("roles add zgierz", "roles add 3 --json"))
async def add(programme: str | None = None, /, *, json: Json = False, place: Place = HERE) -> None:
    """Make the role of a programme, unless it is there. Its administrators are members of it."""
    async with changing(place) as database:
        number = await database.run(lambda connection: pick_programme(connection, programme))
        is_new = await database.run(lambda connection: make_role(connection, number))
    name = role_name(number)
    tell_done(
        f"Role {name} {'was made' if is_new else 'is there'}. "
        f"Give somebody its rights: create role anna login in role {name}.",
        {"programme": number, "role": name, "made": is_new},
        as_json=json,
        again="roles list",
    )


@app.command(name="list", help_epilogue=examples("roles list", "roles list --json"))
async def list_(*, json: Json = False, place: Place = HERE) -> None:
    """List the roles there are, and their members."""

    async def job(connection: Connection) -> list[Row]:
        return [dict(row) for row in await list_roles(connection)]

    async with looking(place) as database:
        rows = await database.run(job)
    print_rows(rows, ("programme", "role", "members"), as_json=json, empty="No role there.")
