"""`cityswitch pepper`: the rotation of a programme's pepper, a step a command (docs/how-to/rotate.md).

Owns the subcommands. Must not decide an order: `ops.office.pepper` does. Invariant: none shows a secret, nor
a number.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from ledger.registry.installation import check_master_key
from ops.cli.csv_import import Columns, LineError, read_sheet
from ops.cli.help_texts import examples
from ops.cli.registry_options import (
    NOBODY,
    UNSURE,
    By,
    BySure,
    Json,
    Programme,
    master_key,
    pick_programme,
    tell_done,
)
from ops.exit_codes import Exit
from ops.office import pepper as rotation
from ops.office.bureau import COLUMNS as MAKERS
from ops.output import print_rows, say
from ops.place.database import changing, looking
from ops.place.options import HERE, Place
from protocol import CardNumberError, parse_card

SHOWN = ("programme", "code", "number", "state", "cards")
COLUMNS = Columns(required=("number",), optional=tuple(name for name in MAKERS if name != "number"))
LEFT_SHOWN_MAX = 50

app = App(
    name="pepper",
    help="Rotation of a programme's pepper while the switch serves (docs/how-to/rotate.md).",
    help_epilogue=examples("pepper status", "pepper new", "pepper begin", "pepper retire"),
)


@app.command(help_epilogue=examples("pepper status", "pepper status --json"))
async def status(*, json: Json = False, place: Place = HERE) -> None:
    """Show the peppers of every programme: their states, and how many cards are under each."""
    master = master_key(place)
    async with looking(place) as database:
        await database.run(lambda connection: check_master_key(connection, master))
        states = await rotation.read_states(database, master)
    print_rows([one._asdict() for one in states], SHOWN, as_json=json, empty="No programme.")


@app.command(help_epilogue=examples('pepper new --programme zgierz --reason "seen with a backup"'))
async def new(
    *, programme: Programme = None, by: By = NOBODY, json: Json = False, place: Place = HERE
) -> None:
    """Add a programme's next pepper to the file of the master key. No card is under it before `begin`.

    Copy the file to every machine that has one before you go on, and make a backup of it. Refused while a
    former pepper is in overlap.
    """
    by.told()
    path, master = place.settings().master_key_path, master_key(place)
    async with changing(place) as database:
        code = await database.run(lambda connection: pick_programme(connection, programme))
        number = await rotation.make_pepper(database, path, master, code)
    tell_done(
        f"Pepper {number} of programme {code} is in {path}: bring that file to every machine, and run "
        "`cityswitch backup key`.",
        {"programme": code, "number": number, "file": str(path)}, as_json=json, again="pepper status",
    )  # fmt: skip


@app.command(help_epilogue=examples('pepper begin --programme zgierz --reason "seen with a backup"'))
async def begin(
    *, programme: Programme = None, by: By = NOBODY, json: Json = False, place: Place = HERE
) -> None:
    """Have new cards under the pepper that `new` made, from now on.

    The former one goes on in overlap: a card it finds is re-entered under the new one when its number is
    named. A switch whose file lacks the new one goes stale and says so.
    """
    actor, master = by.told(), master_key(place)
    async with changing(place) as database:
        code = await database.run(lambda connection: pick_programme(connection, programme))
        held = await rotation.begin(database, actor, master, code)
    tell_done(
        f"New cards of programme {code} are under pepper {held.newest}; pepper {held.former} is in overlap.",
        {"programme": code, "newest": held.newest, "former": held.former},
        as_json=json, again="pepper status",
    )  # fmt: skip


@app.command(help_epilogue=examples("pepper reenter made.csv --programme zgierz"))
async def reenter(
    file: Annotated[Path, Parameter(help="CSV: number; the file that went to the cards' maker will do.")],
    /,
    *,
    programme: Programme = None,
    by: By = NOBODY,
    json: Json = False,
    place: Place = HERE,
) -> Exit:
    """Re-enter the cards of a list of numbers that are under the former pepper, for nobody uses them."""
    master = master_key(place)
    async with changing(place) as database:
        code = await database.run(lambda connection: pick_programme(connection, programme))
        sheet = read_sheet(file, COLUMNS, _number)
        actor = by.told(sheet.source)
        by.agreed(place, len(sheet.lines))
        digits = (line.value for line in sheet.lines)
        done = await rotation.reenter(database, actor, master, code, digits)
    for refused in sheet.refused[:LEFT_SHOWN_MAX]:
        say(str(refused))
    tell_done(
        f"Of {len(sheet.lines)} numbers {done} were under the former pepper, and are under the newest now; "
        f"{len(sheet.refused)} lines are no number of a card.",
        {"numbers": len(sheet.lines), "reentered": done, "refused": len(sheet.refused)},
        as_json=json, again="pepper status",
    )  # fmt: skip
    return Exit.DIFFERENCES if sheet.refused else Exit.OK


def _number(row: Mapping[str, str]) -> str:
    try:
        return parse_card(row["number"])
    except CardNumberError as error:
        raise LineError("number", f"is no card: {error}") from None


@app.command(help_epilogue=examples('pepper retire --programme zgierz --reason "no card for a year" --yes'))
async def retire(
    *, programme: Programme = None, by: BySure = UNSURE, json: Json = False, place: Place = HERE
) -> None:
    """End the former pepper and destroy it. Cards that are under it yet are found by no number any more: they
    are blocked and listed, and their accounts stay; a duplicate gives each of these a card again.
    """
    by.confirm("End the former pepper, and block the cards that are under it")
    path, master, actor = place.settings().master_key_path, master_key(place), by.told()
    async with changing(place) as database:
        code = await database.run(lambda connection: pick_programme(connection, programme))
        left = await rotation.retire(database, actor, path, master, code)
    rows = [
        {
            "account": one.account, "issue": one.issue, "card": f"****{one.last4}",
            "was": one.was.name.lower(), "now": one.now.name.lower(),
        }
        for one in left
    ]  # fmt: skip
    for row in rows[:LEFT_SHOWN_MAX]:
        say("account {account}, issue {issue}: {card} was {was}, is {now}".format(**row))
    tell_done(
        f"Programme {code} has one pepper. {len(rows)} cards were under the former one: no number finds them "
        "(`cityswitch audit --object cards` has all). Reload every switch.",
        {"programme": code, "left": rows}, as_json=json, again="pepper status",
    )  # fmt: skip
