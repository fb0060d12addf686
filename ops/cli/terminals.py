"""`cityswitch terminals`: the terminals of the partners, and their keys.

Owns the subcommands. Must not write SQL: `ledger.registry_admin` does. Invariants: a key is shown once,
when it is issued, and rests wrapped under the master key; no other command can print it.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Parameter

from ledger.postgres.database import Connection
from ledger.registry.admin import (
    KEY_OVERLAP_DAYS,
    Import,
    NewTerminal,
    import_terminals,
    issue_key,
    list_keys,
    list_terminals,
    set_terminal_status,
)
from ledger.registry.reads import Status
from ledger.registry.secrets import MasterKey
from ops.cli.csv_import import (
    Columns,
    Line,
    LineError,
    Refused,
    count_lines,
    import_lines,
    read_lines,
    report,
    store_once,
)
from ops.cli.help_texts import examples
from ops.cli.registry_options import FIRST_PAGE, Json, Page
from ops.errors import CommandError
from ops.exit_codes import Exit
from ops.output import Row, print_fields, print_line, print_rows, say
from ops.place.database import changing, looking
from ops.place.options import HERE, Place

COLUMNS = Columns(required=("id", "partner"), optional=("label",))
SHOWN = ("id", "partner", "status", "label")
KEYS_SHOWN = ("generation", "issued_at", "not_after", "retired_at")
STATUS_NAMES = {Status.ACTIVE: "active", Status.STOPPED: "blocked"}
KEY_BYTES = 32

app = App(
    name="terminals",
    help="Terminals of the partners, and their keys.",
    help_epilogue=examples("terminals add 17 --partner 1001", "terminals key issue 17", "terminals list"),
)
key = App(
    name="key",
    help="Keys of a terminal.",
    help_epilogue=examples("terminals key issue 17", "terminals key rotate 17", "terminals key list 17"),
)
app.command(key)


@app.command(help_epilogue=examples("terminals add 17 --partner 1001 --label 'till 2'"))
async def add(
    number: Annotated[int, Parameter(help="The terminal's number, 1 to 99999999.")],
    /,
    *,
    partner: Annotated[int, Parameter(help="Number of the partner it stands at.")],
    label: Annotated[str, Parameter(help="What staff call it.")] = "",
    place: Place = HERE,
) -> None:
    """Add one terminal; it needs a key next."""
    terminal = NewTerminal(number, partner, label)
    async with changing(place) as database:
        done: Import = await database.run(lambda connection: import_terminals(connection, [terminal]))
    if done.refused:
        raise CommandError(Exit.USAGE, f"terminal {number}: {done.refused[0].reason}.")
    print_line(f"Terminal {number} added. Give it a key: cityswitch terminals key issue {number}")


def read_terminal(row: Mapping[str, str]) -> NewTerminal:
    """Read one line of a file. Raises `LineError`."""
    for column in ("id", "partner"):
        if not (row[column].isascii() and row[column].isdigit()) or len(row[column]) > 9:
            raise LineError(f"{column} is no number")
    return NewTerminal(int(row["id"]), int(row["partner"]), row["label"])


@app.command(name="import", help_epilogue=examples("terminals import terminals.csv"))
async def import_(
    file: Annotated[Path, Parameter(help="CSV: id,partner and, if wanted, label.")],
    /,
    *,
    json: Json = False,
    place: Place = HERE,
) -> Exit:
    """Import terminals from a CSV file: good lines are imported, refused ones reported with the reason."""
    async with changing(place) as database:

        async def store(lines: list[Line[NewTerminal]]) -> list[Refused]:
            return await store_once(
                lines,
                lambda terminal: terminal.id,
                lambda fresh: database.run(lambda connection: import_terminals(connection, fresh)),
            )

        lines = read_lines(file, COLUMNS, read_terminal)
        stored, refused = await import_lines(lines, store, what="terminals", lines_total=count_lines(file))
    return report(stored, refused, what="terminals", as_json=json)


def shown(row: Any) -> Row:
    """Return a terminal as it is shown."""
    return {**{name: row[name] for name in SHOWN}, "status": STATUS_NAMES[row["status"]]}


@app.command(
    name="list",
    help_epilogue=examples("terminals list", "terminals list --partner 1001", "terminals list --json"),
)
async def list_(
    *,
    partner: Annotated[int | None, Parameter(help="Those of one partner.")] = None,
    page: Page = FIRST_PAGE,
    json: Json = False,
    place: Place = HERE,
) -> None:
    """List terminals by number."""
    async with looking(place) as database:
        rows = await database.run(
            lambda connection: list_terminals(connection, after=page.after, limit=page.limit, partner=partner)
        )
    print_rows([shown(row) for row in rows], SHOWN, as_json=json, empty="No terminal there.")


@app.command(help_epilogue=examples("terminals show 10000001", "terminals show 10000001 --json"))
async def show(number: int, /, *, json: Json = False, place: Place = HERE) -> None:
    """Show one terminal and the generations of its key."""

    async def job(connection: Connection) -> tuple[list[Any], list[Any]]:
        rows = await list_terminals(connection, after=number - 1, limit=1)
        return rows, await list_keys(connection, number)

    async with looking(place) as database:
        rows, keys = await database.run(job)
    if not rows or rows[0]["id"] != number:
        raise CommandError(
            Exit.NOT_FOUND, f"there is no terminal {number}.", "See `cityswitch terminals list`."
        )
    live = [row["generation"] for row in keys if row["retired_at"] is None]
    print_fields({**shown(rows[0]), "key_generations": ", ".join(map(str, live)) or None}, as_json=json)


@app.command(help_epilogue=examples("terminals block 10000001"))
async def block(number: int, /, *, place: Place = HERE) -> None:
    """Block a terminal: its connection is closed at once, and it cannot sign on."""
    await _set_status(number, Status.STOPPED, place)


@app.command(help_epilogue=examples("terminals unblock 10000001"))
async def unblock(number: int, /, *, place: Place = HERE) -> None:
    """Let a blocked terminal work again."""
    await _set_status(number, Status.ACTIVE, place)


async def _set_status(number: int, status: Status, place: Place) -> None:
    async with changing(place) as database:
        await database.run(lambda connection: set_terminal_status(connection, number, status))
    print_line(f"Terminal {number} is {STATUS_NAMES[status]}.")


KeyFile = Annotated[
    Path | None, Parameter(name="--out", help="Write it to a new file (mode 0600), not to the screen.")
]


@key.command(help_epilogue=examples("terminals key issue 17", "terminals key issue 17 --out terminal-17.key"))
async def issue(number: int, /, *, out: KeyFile = None, json: Json = False, place: Place = HERE) -> None:
    """Issue a terminal's first key and show it, once."""
    await _issue(number, out=out, json=json, place=place, again=False)


@key.command(help_epilogue=examples("terminals key rotate 17 --out terminal-17.key"))
async def rotate(number: int, /, *, out: KeyFile = None, json: Json = False, place: Place = HERE) -> None:
    """Issue a key's next generation; the one before stays good for 14 days, or until the new one is used."""
    await _issue(number, out=out, json=json, place=place, again=True)


@key.command(name="list", help_epilogue=examples("terminals key list 17"))
async def list_generations(number: int, /, *, json: Json = False, place: Place = HERE) -> None:
    """List the generations of a terminal's key, newest first, without the keys."""
    async with looking(place) as database:
        rows = await database.run(lambda connection: list_keys(connection, number))
    cells = [
        {
            name: row[name] if name == "generation" or row[name] is None else row[name].isoformat()
            for name in KEYS_SHOWN
        }
        for row in rows
    ]
    print_rows(cells, KEYS_SHOWN, as_json=json, empty=f"Terminal {number} has no key.")


async def _issue(number: int, *, out: Path | None, json: bool, place: Place, again: bool) -> None:
    master = MasterKey.load(place.settings().master_key_path)
    secret = secrets.token_bytes(KEY_BYTES)

    async def job(connection: Connection) -> int:
        has_one = bool(await list_keys(connection, number))
        if has_one and not again:
            raise CommandError(
                Exit.USAGE,
                f"terminal {number} has a key already.",
                f"`cityswitch terminals key rotate {number}` gives it the next one.",
            )
        if again and not has_one:
            raise CommandError(
                Exit.USAGE,
                f"terminal {number} has no key yet.",
                f"`cityswitch terminals key issue {number}` makes one.",
            )
        return await issue_key(connection, master, number, secret)

    async with changing(place) as database:
        # The file first: a key that could not be written down must not become the terminal's.
        descriptor = _create(out) if out else None
        generation = await database.run(job)
    if descriptor is not None:
        with os.fdopen(descriptor, "w") as file:
            file.write(secret.hex() + "\n")
    print_fields(
        {"terminal": number, "generation": generation, "key": str(out) if out else secret.hex()}, as_json=json
    )
    say(
        "It is shown this once and cannot be read back: put it into the terminal now."
        if not out
        else "Written."
    )
    if again:
        say(f"The generation before stays good for {KEY_OVERLAP_DAYS} days, or until this one is used.")


def _create(path: Path) -> int:
    try:
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise CommandError(Exit.USAGE, f"{path}: is there already.", "Name a new file.") from None
