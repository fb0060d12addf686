"""`cityswitch journal`: what stands in the journal, found by what a caller at the desk has in his hand.

Owns the options and the showing. Must not search itself: `ledger.books.search` does. Invariants: of a card
its last four digits are shown, and its number is read from standard input; times are the programme's own.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Final
from zoneinfo import ZoneInfo

from cyclopts import App, Group, Parameter

from ledger.books import search as books
from ledger.books.posting import Kind
from ledger.books.search import Found, Search
from ledger.postgres.database import Connection
from ledger.registry.bounds import ID_MAX, INT64_MAX, check_number
from ledger.registry.partners import check_partner
from ledger.registry.programmes import list_zones
from ledger.registry.terminals import check_terminal
from ops.cli.explain import ids_of
from ops.cli.help_texts import examples
from ops.cli.registry_options import TABLE, Format, digits_of, master_key, pick_programme
from ops.errors import CommandError
from ops.exit_codes import Exit
from ops.office.numbers import card_of
from ops.output import Form, Row, print_json, print_rows, say
from ops.place.database import looking
from ops.place.options import HERE, Place
from ops.till.answers import code_name
from protocol import ResultClass, ResultCode, result_class
from switch.clock import clock_ms

SHOWN: Final = (
    "accepted_at", "terminal", "stan", "partner", "kind", "result", "card", "points", "amount_grosze",
    "discount_grosze", "transaction_id",
)  # fmt: skip
NARROW: Final = SHOWN[:7]
KINDS: Final = {int(kind): kind.name.lower() for kind in Kind}
CLASSES: Final = {
    "approved": {ResultClass.APPROVE},
    "declined": {ResultClass.DECLINE, ResultClass.PICK_UP, ResultClass.FAULT},
}

app = App(
    name="journal",
    help="The journal: every request that was decided, found again.",
    help_epilogue=examples("journal find 10000001/17", "journal find --partner 1001 --from 2027-01-01"),
)


@Parameter(name="*", group=Group("Which", sort_key=6))
@dataclass(frozen=True, kw_only=True)
class Which:
    """What is looked for."""

    terminal: Annotated[int | None, Parameter(help="Of one terminal.")] = None
    partner: Annotated[int | None, Parameter(help="At one partner.")] = None
    programme: Annotated[str | None, Parameter(help="In one programme, by number or code.")] = None
    transaction: Annotated[int | None, Parameter(help="The transaction id, as a receipt has it.")] = None
    card: Annotated[
        str | None, Parameter(allow_leading_hyphen=True, help="Of one card: - reads its number from input.")
    ] = None
    result: Annotated[
        str | None, Parameter(help="A result: its name or number, or 'approved' or 'declined'.")
    ] = None
    since: Annotated[
        str | None,
        Parameter(
            name="--from", help="Accepted since: 2027-01-01 or 2027-01-01T14:30, by the programme's clock."
        ),
    ] = None
    until: Annotated[str | None, Parameter(name="--to", help="Accepted before.")] = None


ANY: Final = Which()


@Parameter(name="*", group=Group("Page", sort_key=7))
@dataclass(frozen=True, kw_only=True)
class Page:
    """Which part of what is found."""

    before: Annotated[str | None, Parameter(help="Where the page before ended, as it said.")] = None
    limit: Annotated[int, Parameter(help="At most so many rows, up to 1000.")] = 100


FIRST: Final = Page()


@app.command(
    help_epilogue=examples(
        "journal find 10000001/17",
        "journal find --card - --from 2027-01-01 < number.txt",
        "journal find --partner 1001 --from 2027-01-01T14:00 --to 2027-01-01T15:00 --result declined --csv",
    )
)
async def find(
    request: Annotated[str | None, Parameter(help="Terminal and STAN, as TERMINAL/STAN.")] = None,
    /,
    *,
    which: Which = ANY,
    page: Page = FIRST,
    form: Format = TABLE,
    place: Place = HERE,
) -> None:
    """Find requests in the journal, newest first: by id, transaction, card, terminal, partner, result, time.

    What is asked for costs what it looks at, however large the journal is; a search that has looked at enough
    says how to go on.
    """
    form.check()
    ids = None if request is None else ids_of(request)
    codes, key = codes_of(which.result), key_of(page.before)
    digits = None if which.card is None else digits_of(which.card)

    async def job(connection: Connection) -> tuple[books.Page, dict[int, tuple[str, ZoneInfo]]]:
        zones = await zones_of(connection)
        search = await search_of(connection, which, codes, zones)
        account = None
        if digits is not None:
            account = int((await card_of(connection, master_key(place), digits))["account"])
        asked = Asked(search, ids, which.transaction, account, key, page.limit)
        return await run_search(connection, asked), zones

    async with looking(place) as database:
        found, zones = await database.run(job, timeout_s=60.0)
    tell(found, [shown(row, zones) for row in found.rows], form)


def tell(found: books.Page, rows: list[Row], form: Format) -> None:
    """Print what was found and, where there may be more, how to go on."""
    following = "/".join(map(str, found.key)) if found.key else None
    if form.kind is Form.JSON:
        print_json({"rows": rows, "before": following})
        return
    print_rows(rows, SHOWN, form=form.kind, empty="Nothing found.", narrow=NARROW)
    if following:
        say(f"There may be more; {found.looked} rows were looked at. Go on with --before {following}")


@dataclass(frozen=True)
class Asked:
    """One search, and the page of it."""

    search: Search
    ids: tuple[int, int] | None
    transaction: int | None
    account: int | None
    key: tuple[int, ...] | None
    limit: int


async def run_search(connection: Connection, asked: Asked) -> books.Page:
    """Search by the narrowest that is named. Raises `CommandError` or NotInRegistry."""
    search, key = asked.search, asked.key
    if asked.ids is not None or asked.transaction is not None:
        if asked.ids is not None:
            rows = await books.by_id(connection, *asked.ids)
        else:
            assert asked.transaction is not None
            check_number("a transaction id", asked.transaction, 1, INT64_MAX)
            rows = await books.by_transaction(connection, asked.transaction)
        if not rows:
            raise CommandError(
                Exit.NOT_FOUND, "there is no such request in the journal.", "Is it of another city?"
            )
        return books.Page([row for row in rows if search.takes(row)], None, len(rows))
    if asked.account is not None:
        books.check_key(key, 2)
        return await books.of_card(connection, asked.account, search, key=key, limit=asked.limit)
    if search.terminal is not None and not search.is_timed:
        books.check_key(key, 1)
        return await books.of_terminal(connection, search, key=key, limit=asked.limit)
    books.check_key(key, 3)
    return await books.in_time(connection, search, clock_ms(), key=key, limit=asked.limit)


async def zones_of(connection: Connection) -> dict[int, tuple[str, ZoneInfo]]:
    """Return code and time zone of each programme, by its number."""
    return {row["id"]: (row["code"], ZoneInfo(row["zone"])) for row in await list_zones(connection)}


async def search_of(
    connection: Connection, which: Which, codes: list[int] | None, zones: dict[int, tuple[str, ZoneInfo]]
) -> Search:
    """Return what is searched for; what is named is there. Raises `CommandError` or NotInRegistry."""
    programme = None
    if which.programme is not None:
        programme = await pick_programme(connection, which.programme)
    clock_of = programme
    if which.partner is not None:
        clock_of = await check_partner(connection, which.partner)
    if which.terminal is not None:
        check_number("the number of a terminal", which.terminal, 1, ID_MAX)
        clock_of = await check_terminal(connection, which.terminal)
    zone = zone_for(clock_of, zones, is_needed=bool(which.since or which.until))
    since_ms, until_ms = moment_ms(which.since, zone), moment_ms(which.until, zone)
    if since_ms is not None and until_ms is not None and since_ms >= until_ms:
        raise CommandError(Exit.USAGE, "--from is not before --to: nothing can lie between.")
    return Search(
        which.terminal,
        which.partner,
        programme,
        codes,
        since_ms,
        until_ms,
    )


def zone_for(
    programme: int | None, zones: dict[int, tuple[str, ZoneInfo]], *, is_needed: bool
) -> ZoneInfo | None:
    """Return whose clock a moment is by. Raises `CommandError` where several might be meant."""
    if programme is not None:
        return zones[programme][1]
    found = {zone.key: zone for _, zone in zones.values()}
    if len(found) > 1 and is_needed:
        raise CommandError(
            Exit.USAGE,
            f"a moment is by a programme's clock, and these are in several time zones: {', '.join(found)}.",
            "Name one with --programme, or write the moment with its offset: 2027-01-01T14:00+01:00.",
        )
    return next(iter(found.values()), ZoneInfo("Europe/Warsaw"))


def moment_ms(text: str | None, zone: ZoneInfo | None) -> int | None:
    """Return a moment in ms since 1970; one without an offset is by the clock of a zone. Raises
    `CommandError`.
    """
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=zone)
        return int(moment.timestamp() * 1_000)
    except (ValueError, OverflowError):
        raise CommandError(
            Exit.USAGE, f"'{text}' is no moment.", "Write it like 2027-01-01 or 2027-01-01T14:30."
        ) from None


def codes_of(text: str | None) -> list[int] | None:
    """Return the codes of a result: by name, number or class. Raises `CommandError`."""
    if text is None:
        return None
    word = text.strip().lower()
    if classes := CLASSES.get(word):
        return [int(code) for code in ResultCode if result_class(code) in classes]
    named = [int(code) for code in ResultCode if word in (code.name.lower(), str(int(code)))]
    if not named:
        raise CommandError(
            Exit.USAGE,
            f"'{text}' is no result.",
            "Write it like POINTS_INSUFFICIENT, 51, approved or declined.",
        )
    return named


def key_of(text: str | None) -> tuple[int, ...] | None:
    """Return where a page begins. Raises `CommandError`."""
    if text is None:
        return None
    if not re.fullmatch(r"[0-9]{1,19}(/[0-9]{1,19}){0,2}", text):
        raise CommandError(Exit.USAGE, f"'{text}' begins no page.", "Give what the page before said.")
    return tuple(map(int, text.split("/")))


def shown(row: Found, zones: dict[int, tuple[str, ZoneInfo]]) -> Row:
    """Return a row of the journal as it is shown, at its programme's time."""
    code, zone = zones.get(row.programme or 0, (None, ZoneInfo("UTC")))
    accepted = datetime.fromtimestamp(row.accepted_at_ms / 1_000, zone)
    original = f"{row.original_terminal or row.terminal}/{row.original_stan}" if row.original_stan else None
    return {
        "accepted_at": accepted.isoformat(" ", "seconds"),
        "accepted_at_ms": row.accepted_at_ms,
        "terminal": row.terminal,
        "stan": row.stan,
        "programme": code,
        "partner": row.partner,
        "kind": KINDS.get(row.kind, "tombstone"),
        "result": code_name(row.code),
        "code": row.code,
        "card": f"****{row.last4:04}" if row.last4 >= 0 else None,
        "points": row.points,
        "balance": row.balance,
        "amount_grosze": row.amount_grosze,
        "discount_grosze": row.discount_grosze,
        "offer": row.offer or None,
        "original": original,
        "transaction_id": str(row.transaction_id),
        "rules_version": row.rules_version,
    }
