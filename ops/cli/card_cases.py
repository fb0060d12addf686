"""`cityswitch cards cases`, `confirm`, `lift`: what terminals reported of cards, and what the organiser says.

Owns these subcommands. Must not do an office's work itself: `ops.office.card_cases` does. Invariants: of a
card its last four digits are shown; a decision wants a reason and a confirmation.
"""

from __future__ import annotations

from typing import Annotated, Any

from cyclopts import Parameter

from ledger.registry.card_cases import CaseKind, CaseState, Decided, list_cases
from ledger.registry.card_states import CardStatus
from ops.cli.card_acts import app
from ops.cli.help_texts import examples
from ops.cli.registry_options import FIRST_PAGE, UNSURE, BySure, Json, Page, tell_done
from ops.office.card_cases import confirm as confirm_case
from ops.office.card_cases import lift as lift_case
from ops.output import Row, print_rows
from ops.place.database import changing, looking
from ops.place.options import HERE, Place
from protocol import EntryMode

__all__ = ["app"]

SHOWN = ("case", "kind", "state", "opened_at", "card", "status", "partner", "terminal", "stan")
NARROW = ("case", "kind", "state", "opened_at", "card", "status")
Number = Annotated[int, Parameter(help="Number of the case, as `cards cases` lists it.")]


@app.command(help_epilogue=examples("cards cases", "cards cases --all --json"))
async def cases(
    *,
    every: Annotated[bool, Parameter(name="--all", help="Those decided and noted, too.")] = False,
    page: Page = FIRST_PAGE,
    json: Json = False,
    place: Place = HERE,
) -> None:
    """List what terminals reported of cards, oldest first: the open cases, or all."""
    state = None if every else CaseState.OPEN
    async with looking(place) as database:
        rows = await database.run(lambda c: list_cases(c, state, after=page.after, limit=page.limit))
    print_rows([_shown(row) for row in rows], SHOWN, as_json=json, empty="No case waits.", narrow=NARROW)


@app.command(help_epilogue=examples("cards confirm 12 --reason 'owner says it was stolen'"))
async def confirm(number: Number, /, *, by: BySure = UNSURE, json: Json = False, place: Place = HERE) -> None:
    """Confirm a case: the card stays stopped."""
    actor = by.told()
    by.confirm(f"Confirm case {number}")
    async with changing(place) as database:
        done = await confirm_case(database, actor, number)
    _tell(number, "confirmed", done, json)


@app.command(help_epilogue=examples("cards lift 12 --reason 'the holder was there herself' --yes"))
async def lift(number: Number, /, *, by: BySure = UNSURE, json: Json = False, place: Place = HERE) -> None:
    """Lift a case: the card becomes what it was before the report, unless something else stops it."""
    actor = by.told()
    by.confirm(f"Lift case {number}")
    async with changing(place) as database:
        done = await lift_case(database, actor, number)
    _tell(number, "lifted", done, json)


def _shown(row: Any) -> Row:
    """Return a case as it is listed; times in UTC."""
    status = None if row["status"] is None else CardStatus(row["status"]).name.lower()
    return {
        "case": row["number"],
        "kind": CaseKind(row["kind"]).name.lower(),
        "state": CaseState(row["state"]).name.lower(),
        "opened_at": f"{row['opened_at']:%Y-%m-%d %H:%M:%S}",
        "happened_at": f"{row['happened_at']:%Y-%m-%d %H:%M:%S}",
        "card": f"****{row['last4'] or '????'}",
        "account": row["account"],
        "status": status,
        "programme": row["programme"],
        "partner": row["partner"],
        "terminal": row["terminal"],
        "stan": row["stan"],
        "entry": EntryMode(row["entry"]).name.lower(),
        "decided_by": row["decided_by"],
        "decided_at": row["decided_at"] and f"{row['decided_at']:%Y-%m-%d %H:%M:%S}",
    }


def _tell(number: int, what: str, done: Decided, as_json: bool) -> None:
    now = done.now.name.lower()
    is_back = "again " if done.now != done.was else ""
    tell_done(
        f"Case {number} is {what}: the card is {is_back}{now}.",
        {"case": number, "state": what, "status": now, "status_before": done.was.name.lower()},
        as_json=as_json,
        again="cards cases --all",
    )
