"""`cityswitch terminals status`: which terminals are on line, when each was heard last, and why one is not.

Owns the listing. Must not write SQL: `ledger.registry.presence` has what the workers tell. Invariant: the
true cause is shown to the operator, whom the wire's silence is not for.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, Final

from cyclopts import Group, Parameter

from ledger.postgres.database import Connection
from ledger.registry.bounds import ID_MAX
from ledger.registry.presence import Only, Wanted, strangers, terminal_status
from ops.cli.help_texts import examples
from ops.cli.registry_options import FIRST_PAGE, TABLE, Format, Page, pick_programme
from ops.cli.terminals import app
from ops.errors import CommandError
from ops.exit_codes import Exit
from ops.output import Row, print_rows
from ops.place.database import looking
from ops.place.options import HERE, Place

__all__ = ["app"]

SHOWN: Final = (
    "terminal", "partner", "label", "state", "last_seen", "silent", "worker", "software", "refused_now",
    "last_failure", "failed_at", "failed_from",
)  # fmt: skip
NARROW: Final = ("terminal", "state", "last_seen", "silent", "refused_now", "last_failure")


@Parameter(name="*", group=Group("Which", sort_key=6))
@dataclass(frozen=True, kw_only=True)
class Which:
    """Which terminals."""

    partner: Annotated[int | None, Parameter(help="Those of one partner.")] = None
    programme: Annotated[str | None, Parameter(help="Those of one programme, by number or code.")] = None
    silent: Annotated[
        bool, Parameter(help="Not heard in an hour in which they were heard one and two weeks ago.")
    ] = False
    on_line: Annotated[bool, Parameter(help="Those that are connected.")] = False
    off_line: Annotated[bool, Parameter(help="Those that are not.")] = False

    def only(self) -> Only | None:
        """Return the state that is asked for. Raises `CommandError` for more than one."""
        named = [
            only
            for only, is_wanted in (
                (Only.SILENT, self.silent),
                (Only.ON_LINE, self.on_line),
                (Only.OFF_LINE, self.off_line),
            )
            if is_wanted
        ]
        if len(named) > 1:
            raise CommandError(Exit.USAGE, "--silent, --on-line and --off-line exclude each other.")
        return named[0] if named else None


ALL: Final = Which()


@app.command(
    help_epilogue=examples(
        "terminals status", "terminals status 17 18", "terminals status --silent --programme zgierz --csv"
    )
)
async def status(
    *numbers: Annotated[int, Parameter(help="Numbers of terminals; all.")],
    which: Which = ALL,
    page: Page = FIRST_PAGE,
    form: Format = TABLE,
    place: Place = HERE,
) -> None:
    """Show which terminals are on line, when each was heard last, and why one was not let in."""
    wanted = Wanted(list(numbers) or None, which.partner, which.programme, which.only())
    form.check()

    async def job(connection: Connection) -> list[Any]:
        await check_named(connection, numbers)
        programme = wanted.programme
        if programme is not None:
            programme = str(await pick_programme(connection, programme))
        limit = max(page.limit, len(numbers))
        asked = wanted._replace(programme=programme)
        return await terminal_status(connection, asked, after=page.after, limit=limit)

    async with looking(place) as database:
        rows = [shown(row) for row in await database.run(job)]
    print_rows(rows, SHOWN, form=form.kind, empty="No terminal is so.", narrow=NARROW)


async def check_named(connection: Connection, numbers: tuple[int, ...]) -> None:
    """Raise `CommandError` where a terminal named is not there, with what is known of who claimed it."""
    in_bounds = [number for number in numbers if 1 <= number <= ID_MAX]
    there = {row["terminal"] for row in await terminal_status(connection, Wanted(in_bounds), limit=1_000)}
    missing = [number for number in numbers if number not in there]
    if not missing:
        return
    claimed = {row["terminal"]: row for row in await strangers(connection, in_bounds)}
    tried = [
        f"{number} was tried {row['failures']} times, last at {moment(row['failed_at'])} "
        f"from {row['failed_from']}"
        for number in missing
        if (row := claimed.get(number))
    ]
    cause = f"there is no terminal {', '.join(map(str, missing))}"
    raise CommandError(
        Exit.NOT_FOUND,
        f"{cause}{': ' if tried else ''}{'; '.join(tried)}.",
        "See `cityswitch terminals list`.",
    )


def moment(at: datetime | None) -> str | None:
    """Return a moment as it is shown, in UTC."""
    return None if at is None else f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S}Z"


def shown(row: Any) -> Row:
    """Return a terminal's state as it is shown."""
    never = row["seen_at"] is None and row["since"] is None
    return {
        "terminal": row["terminal"],
        "partner": row["partner"],
        "programme": row["programme"],
        "label": row["label"],
        "state": "on_line" if row["on_line"] else "never_seen" if never else "off_line",
        "on_line_since": moment(row["since"]) if row["on_line"] else None,
        "last_seen": moment(row["seen_at"]),
        "silent": row["silent"],
        "worker": row["worker"],
        "software": row["software"] or None,
        "refused_now": row["hindrance"] or None,
        "last_failure": row["failure"] or None,
        "failed_at": moment(row["failed_at"]),
        "failed_from": row["failed_from"] or None,
        "failures": row["failures"],
        "ended": "worker_gone" if row["worker_gone"] else row["ended"] or None,
        "ended_at": moment(row["ended_at"]),
    }
