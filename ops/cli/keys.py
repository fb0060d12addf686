"""`cityswitch terminals key`: the keys of one terminal or of a fleet.

Owns the subcommands. Must not decide what is issued, nor in which order it is written down and committed:
`ops.office.keys` does. Invariants: a key is shown or written down once, when it is issued, and rests wrapped
under the master key; no other command can print it; files get mode 0600 and are never overwritten.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from cyclopts import App, Group, Parameter

from ledger.registry.keys import OVERLAP_DAYS, list_keys
from ops.cli.help_texts import examples
from ops.cli.registry_options import NOBODY, UNSURE, By, BySure, Json, master_key, tell_done
from ops.csv_text import exact_csv
from ops.errors import CommandError
from ops.exit_codes import Exit
from ops.office.keys import Fleet, IssuedKey, plan_issue
from ops.office.keys import issue as issue_keys
from ops.office.keys import revoke as revoke_key
from ops.output import print_fields, print_json, print_line, print_rows, say, work_is_done
from ops.place.database import changing, looking
from ops.place.options import HERE, Place

SHOWN = ("generation", "issued_at", "used_at", "not_after", "retired_at")

app = App(
    name="key",
    help="Keys of the terminals.",
    help_epilogue=examples(
        "terminals key issue 17", "terminals key rotate --all --out-dir keys", "terminals key list 17"
    ),
)


@Parameter(name="*", group=Group("Which and where to", sort_key=4))
@dataclass(frozen=True, kw_only=True)
class Bunch:
    """Which terminals, and where their keys are written down."""

    partner: Annotated[int | None, Parameter(help="The terminals of a partner.")] = None
    all: Annotated[bool, Parameter(help="All terminals.")] = False
    out: Annotated[
        Path | None, Parameter(help="Write the one key to this new file (mode 0600), not to the screen.")
    ] = None
    out_dir: Annotated[
        Path | None, Parameter(help="Write a file per terminal, terminal-17.key, into this folder.")
    ] = None
    out_csv: Annotated[
        Path | None, Parameter(help="Write one new file (mode 0600): terminal,generation,key.")
    ] = None

    def keeping(self, keys: Sequence[IssuedKey]) -> dict[Path, str]:
        """Return the texts to write, by file; none: the key is shown. Raises `CommandError`."""
        if sum(place is not None for place in (self.out, self.out_dir, self.out_csv)) > 1:
            raise CommandError(Exit.USAGE, "one of --out, --out-dir and --out-csv is enough.")
        if self.out_dir is not None:
            return {self.out_dir / f"terminal-{one.terminal}.key": one.key + "\n" for one in keys}
        if self.out_csv is not None:
            rows = ((one.terminal, one.generation, one.key) for one in keys)
            return {self.out_csv: exact_csv(("terminal", "generation", "key"), rows)}
        if len(keys) > 1:
            raise CommandError(
                Exit.USAGE, f"{len(keys)} keys do not go to the screen.", "Name --out-dir or --out-csv."
            )
        return {self.out: keys[0].key + "\n"} if self.out else {}


BY_NUMBER = Bunch()
Numbers = Annotated[int, Parameter(help="Numbers of terminals; or --partner, or --all.")]
Overlap = Annotated[
    int, Parameter(help="So many days the key in use stays good, unless the new one is used before.")
]


@app.command(help_epilogue=examples("terminals key issue 17", "terminals key issue --all --out-csv keys.csv"))
async def issue(
    *numbers: Numbers,
    bunch: Bunch = BY_NUMBER,
    by: By = NOBODY,
    json: Json = False,
    place: Place = HERE,
) -> None:
    """Issue the first key of terminals, all in one transaction; one key is shown, once.

    With --partner or --all: of those that have none yet.
    """
    await _issue(numbers, bunch, by, json, place, rotate=False, overlap_days=OVERLAP_DAYS)


@app.command(
    help_epilogue=examples(
        "terminals key rotate 17 --out terminal-17.key",
        "terminals key rotate --all --out-dir keys --overlap-days 60",
    )
)
async def rotate(
    *numbers: Numbers,
    bunch: Bunch = BY_NUMBER,
    overlap_days: Overlap = OVERLAP_DAYS,
    by: By = NOBODY,
    json: Json = False,
    place: Place = HERE,
) -> None:
    """Issue the next generation of keys; the one a terminal works with stays good until the new one is used.

    A generation that was issued and never used is replaced: a key lost on its way may be issued again.
    """
    await _issue(numbers, bunch, by, json, place, rotate=True, overlap_days=overlap_days)


async def _issue(
    numbers: tuple[int, ...],
    bunch: Bunch,
    by: By,
    as_json: bool,
    place: Place,
    *,
    rotate: bool,
    overlap_days: int,
) -> None:
    master, actor = master_key(place), by.told()
    if bunch.out_dir is not None:
        bunch.out_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    async with changing(place) as database:
        planned = await plan_issue(database, Fleet(numbers, bunch.partner, bunch.all), rotate=rotate)
        if not planned:
            print_json([]) if as_json else print_line("No terminal there wants a key.")
            return
        issued = await issue_keys(database, master, actor, planned, bunch.keeping, overlap_days=overlap_days)
    _tell(issued, bunch, as_json)
    if rotate:
        say(f"The keys in use stay good for {overlap_days} days, or until the new ones are used.")


def _tell(issued: Sequence[IssuedKey], bunch: Bunch, as_json: bool) -> None:
    files = list(bunch.keeping(issued))
    work_is_done(
        "Issue it again: a key never used is replaced." if not files else "The keys are written down."
    )
    if len(issued) == 1:
        shown = str(files[0]) if files else issued[0].key
        print_fields(
            {"terminal": issued[0].terminal, "generation": issued[0].generation, "key": shown},
            as_json=as_json,
        )
    elif as_json:
        print_json([{"terminal": one.terminal, "generation": one.generation} for one in issued])
    else:
        print_line(f"{len(issued)} keys issued, in {bunch.out_dir or bunch.out_csv}.")
    if not files:
        say("It is shown this once and cannot be read back: put it into the terminal now.")


@app.command(help_epilogue=examples("terminals key revoke 17 --generation 2 --reason 'terminal stolen'"))
async def revoke(
    number: int,
    /,
    *,
    generation: Annotated[int, Parameter(help="Which; see `terminals key list`.")],
    by: BySure = UNSURE,
    json: Json = False,
    place: Place = HERE,
) -> None:
    """End a key at once, used or not.

    A terminal whose last key it is cannot sign on until it gets another.
    """
    actor = by.told()
    by.confirm(f"End generation {generation} of the key of terminal {number}")
    async with changing(place) as database:
        await revoke_key(database, actor, number, generation)
    tell_done(
        f"Generation {generation} of the key of terminal {number} has ended.",
        {"terminal": number, "generation": generation, "status": "revoked"},
        as_json=json,
        again=f"terminals key list {number}",
    )


@app.command(name="list", help_epilogue=examples("terminals key list 17"))
async def list_(number: int, /, *, json: Json = False, place: Place = HERE) -> None:
    """List the generations of a terminal's key, newest first, without the keys."""
    async with looking(place) as database:
        rows = await database.run(lambda connection: list_keys(connection, number))
    cells = [
        {
            name: row[name]
            if name == "generation" or row[name] is None
            else row[name].isoformat(" ", "seconds")
            for name in SHOWN
        }
        for row in rows
    ]
    print_rows(cells, SHOWN, as_json=json, empty=f"Terminal {number} has no key.")
