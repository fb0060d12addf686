"""`cityswitch cards`: the plastics, by number, and the accounts behind them.

Owns the subcommands. Must not write SQL: `ledger.registry_admin` does. Invariants: a number is turned
into a token here and goes no further; what is shown has the last four digits only.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Parameter

from ledger.postgres.database import Connection
from ledger.registry.admin import (
    CardRow,
    find_card,
    import_cards,
    list_cards,
    list_programmes,
    replace_card,
    set_card_status,
)
from ledger.registry.reads import CardStatus
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
from ops.cli.registry_options import Json, Programme, parse_day, pick_programme
from ops.errors import CommandError
from ops.exit_codes import Exit
from ops.output import Row, print_fields, print_line, print_rows
from ops.place.database import changing, looking
from ops.place.options import HERE, Place
from ops.till.terminal import check_card, masked
from protocol import CardNumberError, parse_card
from simulators.city.example import EXAMPLE_CARD

COLUMNS = Columns(required=("number",), optional=("expires_on", "flags", "status"))
SHOWN = ("card", "account", "programme", "issue", "status", "flags", "expires_on")
FLAGS_MAX = 2**31 - 1
STORE_S_MAX = 60.0
IMPORTED_STATUSES = {
    status.name.lower(): status
    for status in CardStatus
    if status not in (CardStatus.REPLACED, CardStatus.CLOSED)
}

app = App(
    name="cards",
    help="Cards: add, import, look up, block and replace.",
    help_epilogue=examples(f"cards show {EXAMPLE_CARD}", "cards import cards.csv", "cards list --limit 20"),
)

Number = Annotated[str, Parameter(help="Card number, or track 2 as a reader gives it.")]
Expires = Annotated[str, Parameter(help="Last day of validity, 2031-05-31; never.")]
Flags = Annotated[int, Parameter(help="Flags of the holder, as the programme numbers them.")]


def master_key(place: Place) -> MasterKey:
    """Return the master key of the place, whose pepper turns numbers into tokens. Raises `SecretsError`."""
    return MasterKey.load(place.settings().master_key_path)


def digits_of(number: str) -> str:
    """Return the digits of a keyed or swiped card. Raises `CommandError`."""
    return parse_card(check_card(number))


def new_card(master: MasterKey, digits: str, expires_on: str, flags: int) -> CardRow:
    """Return a card to store. Raises `CommandError`."""
    try:
        return CardRow(master.token(digits), digits[-4:], flags, parse_day(expires_on))
    except ValueError as error:
        raise CommandError(Exit.USAGE, f"--expires-on: {error}.") from None


@app.command(
    help_epilogue=examples("cards add 4000000000000002", "cards add 4000000000000002 --expires-on 2031-05-31")
)
async def add(
    number: Number,
    /,
    *,
    expires_on: Expires = "",
    flags: Flags = 0,
    programme: Programme = None,
    place: Place = HERE,
) -> None:
    """Add one card, active at once, with a new account."""
    digits = digits_of(number)
    card = new_card(master_key(place), digits, expires_on, flags)

    async def job(connection: Connection) -> str:
        done = await import_cards(connection, await pick_programme(connection, programme), [card])
        return done.refused[0].reason if done.refused else ""

    async with changing(place) as database:
        if refused := await database.run(job):
            raise CommandError(Exit.USAGE, f"card {masked(digits)}: {refused}.")
    print_line(f"Card {masked(digits)} added.")


def card_reader(master: MasterKey) -> Callable[[Mapping[str, str]], CardRow]:
    """Return the function that reads one line of a file."""

    def read(row: Mapping[str, str]) -> CardRow:
        try:
            digits = parse_card(row["number"])
            expires_on = parse_day(row["expires_on"])
        except CardNumberError as error:
            raise LineError(f"number is no card: {error}") from None
        except ValueError as error:
            raise LineError(f"expires_on: {error}") from None
        flags = row["flags"] or "0"
        if not (flags.isascii() and flags.isdigit()) or len(flags) > 10 or int(flags) > FLAGS_MAX:
            raise LineError(f"flags is no number from 0 to {FLAGS_MAX}")
        status = row["status"].lower() or "active"
        if status not in IMPORTED_STATUSES:
            raise LineError(f"status is none of {', '.join(IMPORTED_STATUSES)}")
        return CardRow(master.token(digits), digits[-4:], int(flags), expires_on, IMPORTED_STATUSES[status])

    return read


@app.command(name="import", help_epilogue=examples("cards import cards.csv", "cards import cards.csv --json"))
async def import_(
    file: Annotated[Path, Parameter(help="CSV: number and, if wanted, expires_on,flags,status.")],
    /,
    *,
    programme: Programme = None,
    json: Json = False,
    place: Place = HERE,
) -> Exit:
    """Import cards from a CSV file: good lines are imported, refused ones reported with the reason."""
    read = card_reader(master_key(place))
    async with changing(place) as database:
        number = await database.run(lambda connection: pick_programme(connection, programme))

        async def store(lines: list[Line[CardRow]]) -> list[Refused]:
            return await store_once(
                lines,
                lambda card: card.token,
                lambda fresh: database.run(
                    lambda connection: import_cards(connection, number, fresh), timeout_s=STORE_S_MAX
                ),
            )

        lines = read_lines(file, COLUMNS, read)
        stored, refused = await import_lines(lines, store, what="cards", lines_total=count_lines(file))
    return report(stored, refused, what="cards", as_json=json)


def shown(row: Any, codes: Mapping[int, str]) -> Row:
    """Return a card as it is shown, its number masked."""
    return {
        "card": f"************{row['last4']}",
        "account": row["account"],
        "programme": codes[row["programme"]],
        "issue": row["issue"],
        "status": CardStatus(row["status"]).name.lower(),
        "flags": row["flags"],
        "expires_on": row["expires_on"].isoformat() if row["expires_on"] else None,
    }


@app.command(
    name="list",
    help_epilogue=examples("cards list --limit 20", "cards list --account 4720", "cards list --json"),
)
async def list_(
    *,
    account: Annotated[int | None, Parameter(help="The plastics of one account.")] = None,
    after: Annotated[int, Parameter(help="Begin after this account.")] = 0,
    limit: Annotated[int, Parameter(help="At most so many rows, up to 1000.")] = 100,
    json: Json = False,
    place: Place = HERE,
) -> None:
    """List cards by account, their numbers masked."""

    async def job(connection: Connection) -> list[Row]:
        codes = {row["id"]: row["code"] for row in await list_programmes(connection)}
        beyond = (after, 2**15 - 1) if after else (0, 0)
        rows = await list_cards(connection, after=beyond, limit=limit, account=account)
        return [shown(row, codes) for row in rows]

    async with looking(place) as database:
        rows = await database.run(job)
    print_rows(rows, SHOWN, as_json=json, empty="No card there.")


@app.command(help_epilogue=examples(f"cards show {EXAMPLE_CARD}", f"cards show {EXAMPLE_CARD} --json"))
async def show(number: Number, /, *, json: Json = False, place: Place = HERE) -> None:
    """Show one card."""
    digits = digits_of(number)
    token = master_key(place).token(digits)

    async def job(connection: Connection) -> Row | None:
        codes = {row["id"]: row["code"] for row in await list_programmes(connection)}
        row = await find_card(connection, token)
        return shown(row, codes) if row else None

    async with looking(place) as database:
        row = await database.run(job)
    if row is None:
        raise CommandError(
            Exit.NOT_FOUND, f"there is no card {masked(digits)} here.", "Is it of another installation?"
        )
    print_fields(row, as_json=json)


@app.command(help_epilogue=examples(f"cards block {EXAMPLE_CARD}"))
async def block(number: Number, /, *, place: Place = HERE) -> None:
    """Block a card: every terminal refuses it at once."""
    await _set_status(number, CardStatus.BLOCKED, place)


@app.command(help_epilogue=examples(f"cards unblock {EXAMPLE_CARD}"))
async def unblock(number: Number, /, *, place: Place = HERE) -> None:
    """Make a blocked card, or one to be retained, active again."""
    await _set_status(number, CardStatus.ACTIVE, place)


@app.command(help_epilogue=examples(f"cards retain {EXAMPLE_CARD}"))
async def retain(number: Number, /, *, place: Place = HERE) -> None:
    """Have the card kept by the next shop it is shown at."""
    await _set_status(number, CardStatus.RETAIN, place)


async def _set_status(number: str, status: CardStatus, place: Place) -> None:
    digits = digits_of(number)
    token = master_key(place).token(digits)
    await _run(place, lambda connection: set_card_status(connection, token, status))
    now = "to be retained" if status is CardStatus.RETAIN else status.name.lower()
    print_line(f"Card {masked(digits)} is {now}.")


@app.command(help_epilogue=examples(f"cards replace {EXAMPLE_CARD} 4000000000000002"))
async def replace(
    number: Number,
    new_number: Annotated[str, Parameter(help="Number of the new plastic.")],
    /,
    *,
    expires_on: Expires = "",
    flags: Flags = 0,
    place: Place = HERE,
) -> None:
    """Give an account a new plastic; balance and history stay, the old plastic is dead at once."""
    old, new = digits_of(number), digits_of(new_number)
    master = master_key(place)
    card = new_card(master, new, expires_on, flags)
    issue: int = await _run(place, lambda connection: replace_card(connection, master.token(old), card))
    print_line(f"Card {masked(old)} is replaced by {masked(new)}, issue {issue}.")


async def _run(place: Place, job: Callable[[Connection], Awaitable[Any]]) -> Any:
    async with changing(place) as database:
        return await database.run(job)
