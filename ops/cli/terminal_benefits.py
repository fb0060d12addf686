"""`cityswitch terminal`: benefits, quotes, refunds, reports of a card, and the terminal's own key.

Owns these subcommands. Must not know how a terminal behaves (`simulators.till.terminal`) or how answers look
(`ops.till.answers`). Invariant: exit status 0 only if the switch approved.
"""

from __future__ import annotations

from typing import Annotated, Literal

from cyclopts import Parameter

from ops.cli.amounts import parse_amount
from ops.cli.help_texts import examples
from ops.cli.terminal import Amount, CardText, JsonReply, app
from ops.exit_codes import Exit
from ops.output import print_fields, print_json, print_line
from ops.place.options import HERE, Place
from ops.till.answers import code_name, code_text, show_reply, show_verified, status_of
from ops.till.cards import FROM_INPUT, typed_card
from ops.till.terminal import HAND, TillOptions, open_terminal
from protocol import Ack, BenefitUse, Check, Earn, Redeem, ReportKind
from simulators.city.example import EXAMPLE_CARD
from simulators.errors import KeyNotChanged

__all__ = ["app"]

OPERATIONS: dict[str, type[Earn | Redeem | BenefitUse]] = {
    "earn": Earn,
    "redeem": Redeem,
    "benefit": BenefitUse,
}
Offer = Annotated[int, Parameter(help="Number of the offer.")]
Price = Annotated[str, Parameter(help="Price before the benefit, 25.00.", allow_leading_hyphen=True)]


@app.command(help_epilogue=examples(f"terminal verify --card {EXAMPLE_CARD}"))
async def verify(
    *,
    card: CardText = FROM_INPUT,
    after: Annotated[int, Parameter(help="Begin after this offer: the next page.")] = 0,
    json: JsonReply = False,
    till: TillOptions = HAND,
    place: Place = HERE,
) -> Exit:
    """Ask which benefits hold for a card here and now."""
    swiped = typed_card(card)
    async with open_terminal(till, place) as terminal:
        reply = await terminal.verify(swiped, offers_after=after, entry=till.entry)
        return show_verified(reply, as_json=json)


@app.command(help_epilogue=examples(f"terminal quote earn --card {EXAMPLE_CARD} --amount 45.90"))
async def quote(
    operation: Annotated[Literal["earn", "redeem", "benefit"], Parameter(help="What it is about.")],
    /,
    *,
    card: CardText = FROM_INPUT,
    amount: Amount,
    number: Annotated[int, Parameter(help="The tier or the offer.")] = 0,
    json: JsonReply = False,
    till: TillOptions = HAND,
    place: Place = HERE,
) -> Exit:
    """Ask what an operation would come to."""
    swiped, grosze = typed_card(card), parse_amount(amount)
    async with open_terminal(till, place) as terminal:
        kind = OPERATIONS[operation]
        reply = await terminal.quote(swiped, kind, grosze, number=number, entry=till.entry)
        return show_reply(terminal, reply, as_json=json)


@app.command(help_epilogue=examples(f"terminal benefit 17 --card {EXAMPLE_CARD} --amount 25 --seen-id"))
async def benefit(
    offer: Offer,
    /,
    *,
    card: CardText = FROM_INPUT,
    amount: Price,
    seen_id: Annotated[bool, Parameter(help="A photo document was seen.")] = False,
    guardian: Annotated[bool, Parameter(help="Of a minor without one: the guardian's was seen.")] = False,
    no_other: Annotated[bool, Parameter(help="No other discount was given.")] = False,
    json: JsonReply = False,
    till: TillOptions = HAND,
    place: Place = HERE,
) -> Exit:
    """Use a benefit on a price."""
    swiped, grosze = typed_card(card), parse_amount(amount)
    confirmed = Check(
        seen_id * Check.PHOTO_ID | guardian * Check.GUARDIAN_ID | no_other * Check.NO_OTHER_DISCOUNT
    )
    async with open_terminal(till, place) as terminal:
        reply = await terminal.benefit(swiped, offer, grosze, confirmed=confirmed, entry=till.entry)
        return show_reply(terminal, reply, as_json=json)


@app.command(help_epilogue=examples(f"terminal refund --card {EXAMPLE_CARD} --stan 17 --amount 12.50"))
async def refund(
    *,
    card: CardText = FROM_INPUT,
    amount: Annotated[str, Parameter(help="What the customer gets back.", allow_leading_hyphen=True)],
    original: Annotated[int, Parameter(name="--stan", help="STAN of the sale, as printed.")],
    original_terminal: Annotated[
        int, Parameter(name="--of-terminal", help="Terminal of the sale; this one.")
    ] = 0,
    json: JsonReply = False,
    till: TillOptions = HAND,
    place: Place = HERE,
) -> Exit:
    """Give part or all of a sale back, made at any till of the partner."""
    swiped, grosze = typed_card(card), parse_amount(amount)
    sale = (original_terminal or till.terminal, original)
    async with open_terminal(till, place) as terminal:
        return show_reply(
            terminal, await terminal.refund(swiped, sale, grosze, entry=till.entry), as_json=json
        )


@app.command(help_epilogue=examples(f"terminal report retained --card {EXAMPLE_CARD}"))
async def report(
    kind: Annotated[ReportKind, Parameter(help="What happened: retained, attempt, or a doubt.")],
    /,
    *,
    card: CardText = FROM_INPUT,
    json: JsonReply = False,
    till: TillOptions = HAND,
    place: Place = HERE,
) -> Exit:
    """Report a card that somebody else used, or a doubt; stored, and sent until it is taken down."""
    swiped = typed_card(card)
    async with open_terminal(till, place) as terminal:
        stan = terminal.store_report(swiped, kind, entry=till.entry)
        [told] = [one.reply for one in await terminal.settle() if one.request.stan == stan]
        assert isinstance(told, Ack)
        if json:
            print_json({"result": code_name(told.code), "code": int(told.code), "stan": stan})
        else:
            print_line(code_text(told.code))
        return status_of(told.code)


@app.command(name="change-key", help_epilogue=examples("terminal change-key"))
async def change_key(*, json: JsonReply = False, till: TillOptions = HAND, place: Place = HERE) -> Exit:
    """Fetch the terminal's next key; it rests in the terminal's memory and is used from then on."""
    async with open_terminal(till, place) as terminal:
        try:
            generation = await terminal.change_key()
        except KeyNotChanged as error:
            if json:
                print_json({"result": code_name(error.code), "code": error.code})
            else:
                print_line(code_text(error.code))
            return status_of(error.code)
        fields = {"terminal": terminal.identity.terminal, "generation": generation}
        if json:
            print_fields(fields, as_json=True)
        else:
            print_line(f"The key of generation {generation} is here.")
        return Exit.OK
