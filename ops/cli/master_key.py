"""`cityswitch master-key`: the rotation of the master key, a step a command (docs/how-to/rotate.md).

Owns the subcommands. Must not decide an order: `ops.office.master_key` does. Invariant: none shows a secret.
"""

from __future__ import annotations

from cyclopts import App

from ledger.registry.installation import check_master_key
from ops.cli.help_texts import examples
from ops.cli.registry_options import NOBODY, UNSURE, By, BySure, Json, master_key, tell_done
from ops.exit_codes import Exit
from ops.office import master_key as rotation
from ops.output import print_rows, say
from ops.place.database import changing, looking
from ops.place.options import HERE, Place

SHOWN = ("number", "state", "terminal_keys", "holders_keys")
SHOWN_MAX = 10

app = App(
    name="master-key",
    help="Rotation of the master key while the switch serves (docs/how-to/rotate.md).",
    help_epilogue=examples("master-key status", "master-key new", "master-key rewrap", "master-key destroy"),
)


@app.command(help_epilogue=examples("master-key status", "master-key status --json"))
async def status(*, json: Json = False, place: Place = HERE) -> None:
    """Show every wrapping key, by number: its state, and how many keys of terminals and holders it wraps."""
    master = master_key(place)
    async with looking(place) as database:
        await database.run(lambda connection: check_master_key(connection, master))
        states = await rotation.read_states(database, master)
    print_rows([one._asdict() for one in states], SHOWN, as_json=json, empty="No key.")


@app.command(help_epilogue=examples('master-key new --reason "yearly rotation"'))
async def new(*, by: By = NOBODY, json: Json = False, place: Place = HERE) -> None:
    """Add a new key to the file of the master key. Nothing is under it before `rewrap`.

    Copy the file to every machine that has one before you go on, and make a backup of it.
    """
    by.told()
    path, master = place.settings().master_key_path, master_key(place)
    async with changing(place) as database:
        await rotation.check_rotation(database, master)
        number = rotation.make_key(path)
    tell_done(
        f"Key {number} is in {path}: bring that file to every machine, and run `cityswitch backup key`.",
        {"number": number, "file": str(path)}, as_json=json, again="master-key status",
    )  # fmt: skip


@app.command(help_epilogue=examples('master-key rewrap --reason "yearly rotation"'))
async def rewrap(*, by: By = NOBODY, json: Json = False, place: Place = HERE) -> Exit:
    """Wrap every terminal's and holder's key anew under the newest master key, in small steps.

    The switch serves meanwhile. Whatever ended a run, the next one does the rest. Ends in status 1 where keys
    do not open or were written under the former key meanwhile.
    """
    path, master, actor = place.settings().master_key_path, master_key(place), by.told()
    async with changing(place) as database:
        done = await rotation.rewrap(database, actor, path, master)
    for terminal, generation in done.damaged[:SHOWN_MAX]:
        say(f"the key of terminal {terminal}, generation {generation} does not open: issue it another")
    damaged = len(done.damaged) + done.holders_damaged
    tell_done(
        f"{done.terminal_keys} terminals' keys were wrapped anew under key {done.number}; "
        f"under an older one are {done.left}, of which {damaged} do not open.",
        {
            "number": done.number, "terminal_keys": done.terminal_keys, "left": done.left,
            "terminals_damaged": len(done.damaged), "holders_damaged": done.holders_damaged,
        },
        as_json=json, again="master-key status",
    )  # fmt: skip
    return Exit.DIFFERENCES if done.left else Exit.OK


@app.command(help_epilogue=examples('master-key destroy --reason "yearly rotation" --yes'))
async def destroy(*, by: BySure = UNSURE, json: Json = False, place: Place = HERE) -> None:
    """Destroy the former key, once nothing is under it: it leaves the file, and the database takes none of
    it.

    Backups from before the rotation cannot be read without a copy of the file that has it.
    """
    by.confirm("Destroy the former master key")
    path, master, actor = place.settings().master_key_path, master_key(place), by.told()
    async with changing(place) as database:
        gone = await rotation.destroy(database, actor, path, master)
    tell_done(
        f"Destroyed: key {', '.join(map(str, gone)) or 'none that this file had'}. Reload every switch.",
        {"destroyed": gone}, as_json=json, again="master-key status",
    )  # fmt: skip
