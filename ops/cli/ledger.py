"""`cityswitch ledger`: what the books say, and whether they hold.

Owns the subcommands. Must not compute anything itself: `ledger.statements`, `ledger.books.verify` and
`ops.office.redecide` do. Invariants: exit status 1 if and only if the books do not hold; nothing is changed
without --yes.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Final

from cyclopts import App, Group, Parameter

from ledger.books import statements
from ledger.books.posting import AccountKind, Kind, Unit
from ledger.books.rebucket import change_buckets
from ledger.books.verify import verify as verify_books
from ledger.engine.citus import may_be_spread
from ledger.postgres.database import Connection
from ledger.registry.bounds import INT64_MAX
from ledger.registry.partners import check_partner
from ops.cli.audit import parse_since
from ops.cli.help_texts import examples
from ops.cli.registry_options import UNSURE, BySure, Json, digits_of, master_key, tell_done
from ops.errors import CommandError
from ops.exit_codes import Exit
from ops.office.numbers import card_of
from ops.office.redecide import Redecided
from ops.office.redecide import redecide as redecide_journal
from ops.output import Row, print_fields, print_json, print_line, print_rows
from ops.place.database import changing, looking
from ops.place.options import HERE, Place
from ops.till.answers import code_name
from simulators.city.example import EXAMPLE_CARD

WHOLE_LEDGER_S_MAX: Final = 3_600.0
HISTORY_SHOWN: Final = (
    "accepted_at", "terminal", "stan", "kind", "result", "points", "balance", "amount_grosze",
    "original_stan", "transaction_id",
)  # fmt: skip
HISTORY_NARROW: Final = HISTORY_SHOWN[:7]
"""Fits 80 columns with the longest result code and seven digits of points."""
TRIAL_SHOWN: Final = ("bucket", "kind", "unit", "accounts", "debit_points", "credit_points")

app = App(
    name="ledger",
    help="The books: balances, histories, and the proof that they hold.",
    help_epilogue=examples("ledger verify", f"ledger balance {EXAMPLE_CARD}", "ledger trial-balance"),
)


@Parameter(name="*", group=Group("Account", sort_key=6))
@dataclass(frozen=True, kw_only=True)
class AccountOption:
    """Another way to name an account than by card."""

    account: Annotated[int | None, Parameter(help="Account number, instead of a card.")] = None


BY_CARD: Final = AccountOption()
OptionalNumber = Annotated[
    str | None,
    Parameter(
        allow_leading_hyphen=True,
        help="Card number, or track 2 as a reader gives it; with - it is read from standard input.",
    ),
]


async def find_account(connection: Connection, digits: str | None, which: AccountOption, place: Place) -> int:
    """Return the account of a card, or the one named. Raises `CommandError`."""
    if which.account is not None:
        return which.account
    if digits is None:
        raise CommandError(Exit.USAGE, "no account is named.", "Give a card number, or --account.")
    card = await card_of(connection, master_key(place), digits)
    return int(card["account"])


async def balance_of(connection: Connection, account: int) -> int:
    """Return the points of an account. Raises `CommandError` where there is none, or it is another's."""
    points = await statements.balance(connection, account)
    if points is None:
        raise CommandError(Exit.NOT_FOUND, f"there is no account {account}.", "See `cityswitch cards list`.")
    return points


@app.command(help_epilogue=examples(f"ledger balance {EXAMPLE_CARD}", "ledger balance --partner 1001 --json"))
async def balance(
    number: OptionalNumber = None,
    /,
    *,
    partner: Annotated[int | None, Parameter(help="Points a partner has issued and redeemed.")] = None,
    which: AccountOption = BY_CARD,
    json: Json = False,
    place: Place = HERE,
) -> None:
    """Show a card account's points, or what a partner has issued and redeemed."""
    digits = None if number is None else digits_of(number)

    async def job(connection: Connection) -> Row:
        if partner is not None:
            await check_partner(connection, partner)
            sums = await statements.partner_balance(connection, partner)
            return {
                "partner": partner,
                "issued_points": sums.issued_points,
                "redeemed_points": sums.redeemed_points,
            }
        account = await find_account(connection, digits, which, place)
        points = await balance_of(connection, account)
        return {"account": account, "balance": points}

    async with looking(place) as database:
        print_fields(await database.run(job), as_json=json)


@app.command(help_epilogue=examples(f"ledger history {EXAMPLE_CARD}", "ledger history --account 8 --limit 5"))
async def history(
    number: OptionalNumber = None,
    /,
    *,
    which: AccountOption = BY_CARD,
    limit: Annotated[int, Parameter(help="At most so many rows, up to 1000.")] = 20,
    json: Json = False,
    place: Place = HERE,
) -> None:
    """Show an account's transactions, newest first; declined ones too."""
    digits = None if number is None else digits_of(number)

    async def job(connection: Connection) -> list[statements.HistoryRow]:
        account = await find_account(connection, digits, which, place)
        await balance_of(connection, account)
        return await statements.history(connection, account, limit=limit)

    async with looking(place) as database:
        rows = [history_row(row) for row in await database.run(job)]
    print_rows(rows, HISTORY_SHOWN, as_json=json, empty="No transaction yet.", narrow=HISTORY_NARROW)


def history_row(row: statements.HistoryRow) -> Row:
    """Return a journal row as it is shown; times in UTC, the 63-bit id as text (as in `reply_fields`)."""
    kinds = {int(kind): kind.name.lower() for kind in Kind}
    moment = datetime.fromtimestamp(row.accepted_at_ms / 1000, UTC)
    return {
        "accepted_at": f"{moment:%Y-%m-%d %H:%M:%S}Z",
        "accepted_at_ms": row.accepted_at_ms,
        "terminal": row.terminal,
        "stan": row.stan,
        "kind": kinds.get(row.kind, "tombstone"),
        "result": code_name(row.code),
        "points": row.points,
        "balance": row.balance,
        "transaction_id": str(row.transaction_id),
        "amount_grosze": row.amount_grosze,
        "original_stan": row.original_stan or None,
    }


@app.command(help_epilogue=examples("ledger verify", "ledger verify --json"))
async def verify(*, json: Json = False, place: Place = HERE) -> Exit:
    """Prove the books: check every invariant over the whole ledger, in one snapshot."""
    async with looking(place) as database:
        findings = await database.run(verify_books, timeout_s=WHOLE_LEDGER_S_MAX)
    broken = [finding for finding in findings if finding.count]
    if json:
        print_json(findings)
    else:
        for finding in findings:
            print_line(f"{'FAIL' if finding.count else 'ok  '}  {finding.invariant}")
            if finding.count:
                print_line(f"      {finding.count} times, such as: {finding.example}")
        print_line(f"\n{len(findings) - len(broken)} of {len(findings)} invariants hold.")
    return Exit.DIFFERENCES if broken else Exit.OK


@app.command(help_epilogue=examples("ledger redecide", "ledger redecide --from 2027-01-01 --to 2027-02-01"))
async def redecide(
    *,
    since: Annotated[
        str | None, Parameter(name="--from", help="Since a moment, 2027-01-01 or with a time; UTC.")
    ] = None,
    until: Annotated[str | None, Parameter(name="--to", help="Until before a moment.")] = None,
    json: Json = False,
    place: Place = HERE,
) -> Exit:
    """Decide the journal again, by what was known at each row: the same codes, points and discounts."""
    first, last = parse_since(since), parse_since(until)
    from_ms = 0 if first is None else int(first.timestamp() * 1_000)
    to_ms = INT64_MAX if last is None else int(last.timestamp() * 1_000)

    async def job(connection: Connection) -> Redecided:
        return await redecide_journal(connection, from_ms, to_ms)

    async with looking(place) as database:
        found = await database.run(job, timeout_s=WHOLE_LEDGER_S_MAX)
    if json:
        print_json(found._asdict() | {"differences": [each._asdict() for each in found.differences]})
    else:
        for each in found.differences:
            print_line(f"{each.terminal}/{each.stan}: {each.problem}")
        print_line(f"{found.rows} rows decided again, {len(found.differences)} differences.")
    return Exit.DIFFERENCES if found.differences else Exit.OK


@app.command(help_epilogue=examples("ledger rebucket 8 --reason 'four more cores' --yes"))
async def rebucket(
    buckets: Annotated[int, Parameter(help="How many buckets the books are to have, 1 to 4096.")],
    /,
    *,
    by: BySure = UNSURE,
    json: Json = False,
    place: Place = HERE,
) -> None:
    """Spread the books over another number of buckets, in one transaction; stop every switch first and make
    a backup, for every row is rewritten.
    """
    actor = by.told()
    by.confirm(f"Rewrite the whole ledger for {buckets} buckets")
    async with changing(place) as database:
        is_waited_for = await database.run(may_be_spread)  # nothing that may fail comes after the change
        before = await change_buckets(database, actor, buckets, WHOLE_LEDGER_S_MAX)
    spread = " Spread them over the servers: cityswitch init --engine citus." if is_waited_for else ""
    tell_done(
        f"The books have {buckets} buckets (they had {before}).{spread} Check them: cityswitch ledger verify",
        {"buckets": buckets, "before": before},
        as_json=json,
        again="audit --object buckets",
    )


@app.command(
    name="trial-balance", help_epilogue=examples("ledger trial-balance", "ledger trial-balance --json")
)
async def trial_balance(*, json: Json = False, place: Place = HERE) -> Exit:
    """Show the sums of all postings by kind of account: debits and credits are equal."""
    async with looking(place) as database:
        rows = await database.run(statements.trial_balance, timeout_s=WHOLE_LEDGER_S_MAX)
    kinds = {int(kind): kind.name.lower().replace("_", " ") for kind in AccountKind}
    print_rows(
        [
            {
                "bucket": row.bucket,
                "kind": kinds.get(row.kind, str(row.kind)),
                "unit": Unit(row.unit).name.lower(),
                "accounts": row.accounts,
                "debit_points": row.debit_points,
                "credit_points": row.credit_points,
            }
            for row in rows
        ],
        TRIAL_SHOWN,
        as_json=json,
        empty="Nothing was posted yet.",
    )
    status = Exit.OK
    for unit in Unit:
        of_unit = [row for row in rows if row.unit == unit]
        debit, credit = (
            sum(row.debit_points for row in of_unit),
            sum(row.credit_points for row in of_unit),
        )
        if debit != credit:
            status = Exit.DIFFERENCES
        if not json and (of_unit or unit == Unit.POINTS):
            equal = "=" if debit == credit else "DIFFER FROM"
            print_line(f"\n{unit.name.lower()}: debits {debit} {equal} credits {credit}")
    return status
