"""`cityswitch adjust`: points changed without a till, proposed by one person and approved, mostly by another.

Owns these subcommands. Must not do an office's work itself: `ops.office.adjustments` does. Invariants: of a
card its last four digits are shown; a decision wants a reason and a confirmation, an approval the sum.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any

from cyclopts import App, Parameter

from ledger.books.result_codes import APPROVED
from ledger.registry.adjustments import AdjustmentKind, AdjustmentState, list_adjustments, list_rows
from ops.cli.help_texts import examples
from ops.cli.registry_options import (
    FIRST_PAGE,
    NOBODY,
    UNSURE,
    By,
    BySure,
    CardNumber,
    Json,
    Page,
    digits_of,
    master_key,
    tell_done,
)
from ops.office import adjustments
from ops.office.adjustments import AccountsDesk
from ops.output import Row, print_rows
from ops.place.database import changing, looking
from ops.place.options import HERE, Place
from ops.till.cards import FROM_INPUT
from protocol import mask_card

app = App(
    name="adjust",
    help="Points without a till: propose a correction, list, show, approve, refuse.",
    help_epilogue=examples("adjust propose --points -25 --reason 'till 70 keyed it twice'", "adjust list"),
)
SHOWN = ("adjustment", "kind", "state", "rows", "points", "posted", "declined", "proposed_by", "reason")
NARROW = ("adjustment", "kind", "state", "rows", "points", "proposed_by")
ROWS = ("row", "card", "points", "reference", "result", "balance", "posted_at")
Number = Annotated[int, Parameter(help="Number of the adjustment, as `adjust list` lists it.")]


@asynccontextmanager
async def accounts_desk(place: Place) -> AsyncIterator[AccountsDesk]:
    """Yield the desk of a place, for a change; raises as `changing` and `master_key` do."""
    master = master_key(place)
    async with changing(place) as database:
        yield AccountsDesk(database, master)


@app.command(
    help_epilogue=examples(
        "adjust propose --points -25 --reason 'till 70 keyed it twice' < number.txt",
        "adjust propose --points 100 --reason 'letter of 3 May' --actor anna",
    )
)
async def propose(
    number: CardNumber = FROM_INPUT,
    /,
    *,
    points: Annotated[int, Parameter(help="What is to change: 25, or -25 to take away.")],
    by: By = NOBODY,
    json: Json = False,
    place: Place = HERE,
) -> None:
    """Propose to correct the points of a card: nothing is posted before it is approved."""
    digits = digits_of(number)
    async with accounts_desk(place) as desk:
        found = await desk.propose(by.told(), digits, points)
    tell_done(
        f"Adjustment {found} is proposed: {points:+} points for card {mask_card(digits)}.",
        {**_said(found, "proposed", 1, points), "card": mask_card(digits)},
        as_json=json,
        again=f"adjust show {found}",
    )


@app.command(name="list", help_epilogue=examples("adjust list", "adjust list --all --json"))
async def list_(
    *,
    every: Annotated[bool, Parameter(name="--all", help="Those decided, too.")] = False,
    page: Page = FIRST_PAGE,
    json: Json = False,
    place: Place = HERE,
) -> None:
    """List adjustments, oldest first: those that wait to be approved, or all."""
    state = None if every else AdjustmentState.PROPOSED
    async with looking(place) as database:
        rows = await database.run(lambda c: list_adjustments(c, state, after=page.after, limit=page.limit))
    print_rows([_shown(row) for row in rows], SHOWN, as_json=json, empty="Nothing waits.", narrow=NARROW)


@app.command(help_epilogue=examples("adjust show 12", "adjust show 12 --after 500 --json"))
async def show(
    number: Number, /, *, page: Page = FIRST_PAGE, json: Json = False, place: Place = HERE
) -> None:
    """Show the rows of an adjustment: which cards, how many points, and what became of each."""
    async with looking(place) as database:
        rows = await database.run(lambda c: list_rows(c, number, after=page.after, limit=page.limit))
    print_rows([_shown_row(row) for row in rows], ROWS, as_json=json, empty="No row there.")


@app.command(help_epilogue=examples("adjust approve 12 --points -25 --reason 'slip seen' --actor maria"))
async def approve(
    number: Number,
    /,
    *,
    points: Annotated[int, Parameter(help="What it comes to in all: the sum, as you have checked it.")],
    by: BySure = UNSURE,
    json: Json = False,
    place: Place = HERE,
) -> None:
    """Approve an adjustment, as another person than proposed it where the programme's rules want one.

    It is posted at once, or by the running switch.
    """
    actor = by.told()
    by.confirm(f"Approve adjustment {number}, {points:+} points in all")
    async with changing(place) as database:
        await adjustments.approve(database, actor, number, points)
        done = await adjustments.read_one(database, number)
    tell_done(
        f"Adjustment {number} is approved: {done['posted']} of {done['rows']} rows are posted,"
        f" {done['declined']} declined.",
        {
            **_said(number, "approved", done["rows"], done["points_sum"]),
            "posted": done["posted"],
            "declined": done["declined"],
        },
        as_json=json,
        again=f"adjust show {number}",
    )


@app.command(help_epilogue=examples("adjust refuse 12 --reason 'no slip, no correction' --yes"))
async def refuse(number: Number, /, *, by: BySure = UNSURE, json: Json = False, place: Place = HERE) -> None:
    """Refuse an adjustment, or take your own back: nothing of it will be posted."""
    actor = by.told()
    by.confirm(f"Refuse adjustment {number}")
    async with changing(place) as database:
        await adjustments.refuse(database, actor, number)
        done = await adjustments.read_one(database, number)
    tell_done(
        f"Adjustment {number} is refused.",
        _said(number, "refused", done["rows"], done["points_sum"]),
        as_json=json,
        again="adjust list --all",
    )


def _said(number: int, state: str, rows: int, points: int) -> dict[str, Any]:
    return {"adjustment": number, "state": state, "rows": rows, "points": points}


def _shown(row: Any) -> Row:
    """Return an adjustment as it is listed; times in UTC."""
    return {
        "adjustment": row["number"],
        "kind": AdjustmentKind(row["kind"]).name.lower(),
        "state": AdjustmentState(row["state"]).name.lower(),
        "programme": row["programme"],
        "rows": row["rows"],
        "points": row["points_sum"],
        "posted": row["posted"],
        "declined": row["declined"],
        "reason": row["reason"],
        "source": row["source"],
        "proposed_by": row["proposed_by"],
        "proposed_at": f"{row['proposed_at']:%Y-%m-%d %H:%M:%S}",
        "decided_by": row["decided_by"],
        "decided_at": row["decided_at"] and f"{row['decided_at']:%Y-%m-%d %H:%M:%S}",
        "decision": row["decision"],
    }


def _shown_row(row: Any) -> Row:
    """Return a row as it is listed; `result`: posted, or declined where the card would go below zero."""
    result = None if row["code"] is None else "posted" if row["code"] == APPROVED else "declined"
    return {
        "row": row["number"],
        "card": f"****{row['last4']}",
        "account": row["account"],
        "points": row["points"],
        "reference": row["reference"],
        "posted_at": row["posted_at"] and f"{row['posted_at']:%Y-%m-%d %H:%M:%S}",
        "result": result,
        "balance": row["balance"],
    }
