"""`cityswitch terminal`: one request of a terminal at a time, or a whole shift at the keyboard.

Owns the subcommands. Must not know how a terminal behaves (`simulators.till.terminal`) or how answers look
(`ops.till.answers`). Invariant: exit status 0 only if the switch approved.
"""

from __future__ import annotations

from typing import Annotated

import trio
from cyclopts import App, Parameter

from ops.cli import terminal_menu
from ops.cli.amounts import parse_amount
from ops.cli.help_texts import examples
from ops.exit_codes import Exit
from ops.output import print_fields, print_json, print_line
from ops.place.options import HERE, Place
from ops.till.answers import (
    code_name,
    code_text,
    describe,
    reply_fields,
    show_receipt,
    show_reply,
    show_totals,
    status_of,
)
from ops.till.cards import FROM_INPUT, typed_card
from ops.till.terminal import HAND, TillOptions, open_terminal
from simulators.city.example import EXAMPLE_CARD

app = App(
    name="terminal",
    help="Be a terminal: earn, redeem, ask and reverse, at the keyboard or one request at a time.",
    help_epilogue=examples(
        "terminal",
        f"terminal earn --card {EXAMPLE_CARD} --amount 45.90",
        "terminal --switch tls://switch.example:7070 --terminal 17 --key-file terminal-17.key",
    ),
)

CardText = Annotated[
    str,
    Parameter(
        show_default=False,
        allow_leading_hyphen=True,
        help="Card number, or track 2 as a reader gives it (;…=…?). Without it, or with -, it is read from "
        "standard input: so it stands in no list of processes.",
    ),
]
Amount = Annotated[str, Parameter(help="What the customer paid, 45.90 or 45,90.", allow_leading_hyphen=True)]
JsonReply = Annotated[bool, Parameter(help="One JSON document instead of paper.")]


@app.default
async def menu(*, till: TillOptions = HAND, place: Place = HERE) -> Exit:
    """Sign on and work at the keyboard: swipe or type a card, key an amount, see the receipt."""
    async with open_terminal(till, place) as terminal:
        return await terminal_menu.run(terminal)


@app.command(
    help_epilogue=examples(
        f"terminal earn --card {EXAMPLE_CARD} --amount 45.90",
        f"terminal earn --card ';{EXAMPLE_CARD}=49121010000000?' --amount 45,90 --json",
    )
)
async def earn(
    *,
    card: CardText = FROM_INPUT,
    amount: Amount,
    json: JsonReply = False,
    till: TillOptions = HAND,
    place: Place = HERE,
) -> Exit:
    """Award the points of a payment."""
    swiped, grosze = typed_card(card), parse_amount(amount)
    async with open_terminal(till, place) as terminal:
        return show_reply(terminal, await terminal.earn(swiped, grosze, entry=till.entry), as_json=json)


@app.command(help_epilogue=examples(f"terminal redeem --card {EXAMPLE_CARD} --points 100"))
async def redeem(
    *,
    card: CardText = FROM_INPUT,
    points: Annotated[int, Parameter(help="The tier: how many points are exchanged.")],
    amount: Annotated[
        str, Parameter(help="What is to pay before the rebate, 45.90; not said.", allow_leading_hyphen=True)
    ] = "",
    json: JsonReply = False,
    till: TillOptions = HAND,
    place: Place = HERE,
) -> Exit:
    """Exchange one tier of points for a rebate."""
    swiped, to_pay = typed_card(card), parse_amount(amount) if amount else 0
    async with open_terminal(till, place) as terminal:
        reply = await terminal.redeem(swiped, points, amount_grosze=to_pay, entry=till.entry)
        return show_reply(terminal, reply, as_json=json)


@app.command(help_epilogue=examples(f"terminal balance --card {EXAMPLE_CARD}"))
async def balance(
    *, card: CardText = FROM_INPUT, json: JsonReply = False, till: TillOptions = HAND, place: Place = HERE
) -> Exit:
    """Ask for a card's points."""
    swiped = typed_card(card)
    async with open_terminal(till, place) as terminal:
        return show_reply(terminal, await terminal.balance(swiped, entry=till.entry), as_json=json)


Original = Annotated[int, Parameter(name="--stan", help="STAN of the earlier transaction, as printed.")]


@app.command(help_epilogue=examples(f"terminal reversal --card {EXAMPLE_CARD} --stan 17"))
async def reversal(
    *,
    card: CardText = FROM_INPUT,
    original: Original,
    json: JsonReply = False,
    till: TillOptions = HAND,
    place: Place = HERE,
) -> Exit:
    """Undo an earlier transaction of this terminal."""
    swiped = typed_card(card)
    async with open_terminal(till, place) as terminal:
        return show_reply(terminal, await terminal.reversal(swiped, original, entry=till.entry), as_json=json)


@app.command(help_epilogue=examples(f"terminal status --card {EXAMPLE_CARD} --stan 17"))
async def status(
    *,
    card: CardText = FROM_INPUT,
    original: Original,
    json: JsonReply = False,
    till: TillOptions = HAND,
    place: Place = HERE,
) -> Exit:
    """Ask what became of an earlier STAN; one that was never seen is thereby cancelled for good."""
    swiped = typed_card(card)
    async with open_terminal(till, place) as terminal:
        reply = await terminal.status(swiped, original, entry=till.entry)
        if json:
            found = dict(reply_fields(reply.original)) if reply.original else None
            print_json({"result": code_name(reply.code), "code": int(reply.code), "original": found})
        elif reply.original:
            show_receipt(terminal, reply.original)
        else:
            print_line(code_text(reply.code))
        return status_of(reply.code)


@app.command(help_epilogue=examples("terminal totals", "terminal totals --json"))
async def totals(*, json: JsonReply = False, till: TillOptions = HAND, place: Place = HERE) -> Exit:
    """Compare this terminal's totals since the last time with the switch's, and begin new ones."""
    async with open_terminal(till, place) as terminal:
        return show_totals(await terminal.totals(), as_json=json)


@app.command(help_epilogue=examples("terminal echo", "terminal echo --switch tls://switch.example:7070"))
async def echo(*, json: JsonReply = False, till: TillOptions = HAND, place: Place = HERE) -> Exit:
    """Sign on and ask whether the switch is there."""
    async with open_terminal(till, place) as terminal:
        await terminal.connect()
        asked_at = trio.current_time()
        await terminal.echo()
        answer_ms = round((trio.current_time() - asked_at) * 1000, 1)
        if json:
            print_fields(
                {"terminal": terminal.identity.terminal, "answer_us": int(answer_ms * 1000)}, as_json=True
            )
        else:
            print_line(f"{describe(terminal)}\nThe switch answered in {answer_ms} ms.")
        return Exit.OK
