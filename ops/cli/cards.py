"""`cityswitch cards`: added, imported and looked up, by number.

Owns these subcommands; what becomes of a card is in `card_acts`. Must not do an office's work itself:
`ops.office.cards` does. Invariants: what is shown of a number is its last four digits; every command takes
its numbers from standard input, too.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Parameter
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from ledger.postgres.database import Connection
from ledger.registry.card_states import ENDED, CardStatus
from ledger.registry.cards import CardRow, list_cards
from ledger.registry.duplicates import Carrier
from ledger.registry.imports import Import, Mode
from ledger.registry.numbers import Numbers
from ledger.registry.programmes import list_programmes
from ops.cli.csv_import import (
    ALL_OR_NOTHING,
    Columns,
    How,
    LineError,
    read_sheet,
    store_sheet,
)
from ops.cli.help_texts import examples
from ops.cli.registry_options import (
    NOBODY,
    By,
    CardNumber,
    Json,
    Programme,
    digits_of,
    master_key,
    parse_day,
    pick_programme,
    tell_done,
)
from ops.errors import CommandError
from ops.exit_codes import Exit
from ops.office.card_view import judged
from ops.office.cards import CardDesk
from ops.office.numbering import Numbering
from ops.office.validity import Validity
from ops.output import Row, effect_so_far, print_fields, print_rows
from ops.place.database import changing, looking
from ops.place.options import HERE, Place
from ops.till.cards import FROM_INPUT
from protocol import CardNumberError, mask_card, parse_card

COLUMNS = Columns(required=("number",), optional=("expires_on", "status"))
SHOWN = ("card", "account", "programme", "carrier", "issue", "status", "expires_on")
IMPORTED_STATUSES = {status.name.lower(): status for status in CardStatus if status not in ENDED}

app = App(
    name="cards",
    help="Cards: add, import, look up, and move from state to state.",
    help_epilogue=examples("cards show", "cards import cards.csv", "cards list --limit 20"),
)

Expires = Annotated[
    str, Parameter(help="Last day of validity, 2031-05-31, no later than the rules allow; as they say.")
]


@asynccontextmanager
async def card_desk(place: Place, *, to_look: bool = False) -> AsyncIterator[CardDesk]:
    """Yield the desk of a place, for a change or only to look; raises as `changing` and `master_key` do."""
    master = master_key(place)
    async with looking(place) if to_look else changing(place) as database:
        yield CardDesk(database, master)


@app.command(help_epilogue=examples("cards add", "cards add --expires-on 2031-05-31 < number.txt"))
async def add(
    number: CardNumber = FROM_INPUT,
    /,
    *,
    expires_on: Expires = "",
    programme: Programme = None,
    by: By = NOBODY,
    json: Json = False,
    place: Place = HERE,
) -> None:
    """Add one card, active at once, with a new account."""
    digits, last_day = digits_of(number), last_valid_day(expires_on)
    async with card_desk(place) as desk:
        code = await desk.database.run(lambda connection: pick_programme(connection, programme))
        await desk.add(by.told(), code, digits, expires_on=last_day)
    tell_card(digits, "added", {"status": "active"}, as_json=json)


@app.command(help_epilogue=examples("cards order", "cards order --expires-on 2031-05-31 < number.txt"))
async def order(
    number: CardNumber = FROM_INPUT,
    /,
    *,
    expires_on: Expires = "",
    programme: Programme = None,
    by: By = NOBODY,
    json: Json = False,
    place: Place = HERE,
) -> None:
    """Add one card that is being made, with a new account: `cards ready`, then `cards activate` follow."""
    digits, last_day = digits_of(number), last_valid_day(expires_on)
    async with card_desk(place) as desk:
        code = await desk.database.run(lambda connection: pick_programme(connection, programme))
        await desk.add(by.told(), code, digits, expires_on=last_day, status=CardStatus.ORDERED)
    tell_card(digits, "ordered", {"status": "ordered"}, as_json=json)


def last_valid_day(text: str) -> date | None:
    """Return the day of an option. Raises `CommandError`."""
    try:
        return parse_day(text)
    except ValueError as error:
        raise CommandError(Exit.USAGE, f"--expires-on: '{text}' {error}.") from None


def card_reader(
    numbers: Numbers, numbering: Numbering, validity: Validity
) -> Callable[[Mapping[str, str]], CardRow]:
    """Return the function that reads one line of a file."""

    def read(row: Mapping[str, str]) -> CardRow:
        try:
            digits = parse_card(row["number"])
        except CardNumberError as error:
            raise LineError("number", f"is no card: {error}") from None
        if why := numbering.fault(digits):
            raise LineError("number", why)
        try:
            expires_on = parse_day(row["expires_on"])
        except ValueError as error:
            raise LineError("expires_on", str(error)) from None
        if why := validity.fault(expires_on):
            raise LineError("expires_on", why)
        status = row["status"].lower() or "active"
        if status not in IMPORTED_STATUSES:
            raise LineError("status", f"is none of {', '.join(IMPORTED_STATUSES)}")
        return CardRow(numbers.token(digits), digits[-4:], expires_on, IMPORTED_STATUSES[status])

    return read


@app.command(
    name="import",
    help_epilogue=examples("cards import cards.csv --dry-run", "cards import cards.csv --good-lines"),
)
async def import_(
    file: Annotated[Path, Parameter(help="CSV: number and, if wanted, expires_on,status.")],
    /,
    *,
    how: How = ALL_OR_NOTHING,
    programme: Programme = None,
    by: By = NOBODY,
    json: Json = False,
    place: Place = HERE,
) -> Exit:
    """Import cards from a CSV file: none if a line is refused. Cards there already and the same are passed
    over.

    Many are stored in parts of 5,000: what ends it half-way is told with how many are in, and the same file
    again adds the rest.
    """
    async with card_desk(place) as desk:
        number = await desk.database.run(lambda connection: pick_programme(connection, programme))
        numbering, validity = await desk.numbering(number), await desk.validity(number)
        numbers = await desk.numbers(number)
        reader = card_reader(numbers, numbering, validity)
        sheet = read_sheet(file, COLUMNS, reader)
        actor = by.told(sheet.source)
        by.agreed(place, len(sheet.lines))

        async def store(rows: list[CardRow], mode: Mode) -> Import:
            with _progress() as progress:
                task = progress.add_task("cards", total=len(rows))

                def on_stored(stored: int) -> None:
                    effect_so_far(f"At least {stored} of the new cards are in: the same file adds the rest.")
                    progress.update(task, completed=stored)

                return await desk.import_all(actor, numbers, rows, mode, on_stored)

        return await store_sheet(sheet, how, lambda card: card.token, store, what="cards", as_json=json)


def _progress() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    )


def shown(row: Any, codes: Mapping[int, str]) -> Row:
    """Return a card as it is shown, its number masked: expired, and until when, as terminals judge it."""
    status = CardStatus(row["status"])
    is_expired = status is CardStatus.ACTIVE and row["is_over"]
    return {
        "card": f"************{row['last4']}",
        "account": row["account"],
        "programme": codes[row["programme"]],
        "carrier": Carrier(row["carrier"]).name.lower(),
        "issue": row["issue"],
        "status": "expired" if is_expired else status.name.lower(),
        "expires_on": row["valid_until"].isoformat() if row["valid_until"] else None,
    }


async def programme_codes(connection: Connection) -> dict[int, str]:
    """Return the code of each programme, by number."""
    return {row["id"]: row["code"] for row in await list_programmes(connection)}


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

    beyond = (after, 2**15 - 1) if after else (0, 0)
    async with looking(place) as database:
        codes = await database.run(programme_codes)
        found = await database.run(lambda c: list_cards(c, after=beyond, limit=limit, account=account))
        rows = [shown(row, codes) for row in await judged(database, found)]
    print_rows(rows, SHOWN, as_json=json, empty="No card there.")


@app.command(help_epilogue=examples("cards show", "cards show --json < number.txt"))
async def show(number: CardNumber = FROM_INPUT, /, *, json: Json = False, place: Place = HERE) -> None:
    """Show one card."""
    digits = digits_of(number)
    async with card_desk(place, to_look=True) as desk:
        row = await desk.show(digits)
        codes = await desk.database.run(programme_codes)
    ends_on = row["contract_ends_on"] and row["contract_ends_on"].isoformat()
    since = status_since(row["past"])
    print_fields({**shown(row, codes), "contract_ends_on": ends_on, "status_since": since}, as_json=json)


def status_since(past: Sequence[int] | None) -> str | None:
    """Return since when a card has the status it has; None where it never had another."""
    return f"{datetime.fromtimestamp((past[-1] >> 4) / 1000, UTC):%Y-%m-%d %H:%M:%S}Z" if past else None


def tell_card(digits: str, now: str, fields: dict[str, Any], *, as_json: bool) -> None:
    """Tell what became of a card, its number masked."""
    masked = mask_card(digits)
    tell_done(f"Card {masked} is {now}.", {"card": masked, **fields}, as_json=as_json, again="cards show")
