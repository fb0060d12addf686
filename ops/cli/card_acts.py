"""`cityswitch cards`: what becomes of a card, one subcommand for each act of the table of moves.

Owns these subcommands. Must not know the table (`ledger.registry.card_states` does) nor do an office's
work itself (`ops.office.cards` does). Invariants: what is shown of a number is its last four digits; every
command takes its numbers from standard input, too; what stops or ends a card wants a reason and a
confirmation.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Group, Parameter

from ledger.registry.card_fees import OldCard, PaidHow
from ledger.registry.card_states import CardStatus, Hand
from ledger.registry.duplicates import Carrier
from ops.cli.cards import Expires, app, card_desk, last_valid_day, tell_card
from ops.cli.help_texts import examples
from ops.cli.registry_options import (
    NOBODY,
    UNSURE,
    By,
    BySure,
    CardNumber,
    Json,
    Programme,
    digits_of,
    pick_programme,
    tell_done,
)
from ops.office import bureau
from ops.office.bureau import Order
from ops.office.duplicate_fees import in_zloty
from ops.place.options import HERE, Place
from ops.till.cards import FROM_INPUT
from protocol import mask_card
from switch.rules.programme import WhyDuplicate

__all__ = ["app"]

ByHand = Annotated[
    # Those a person at a desk can take down; a terminal's and the clock's are the switch's own.
    Literal[
        Hand.DESK,
        Hand.ORGANISER,
        Hand.HOLDER_DESK,
        Hand.HOLDER_ONLINE,
        Hand.HOLDER_POST,
        Hand.GUARDIAN_DESK,
        Hand.GUARDIAN_ONLINE,
        Hand.GUARDIAN_POST,
        Hand.PROXY_DESK,
        Hand.PROXY_ONLINE,
    ],
    Parameter(
        name="--hand",
        group=Group("Who and why", sort_key=8),
        help="By whose hand, and how: it decides whether the act is allowed.",
    ),
]
GivenBack = Annotated[
    OldCard | None,
    Parameter(
        name="--old-card",
        help="Of a duplicate that is handed over: the old one is returned, or declared with a signature that "
        "it cannot be; where the rules want it.",
    ),
]
NewNumber = Annotated[
    str,
    Parameter(
        allow_leading_hyphen=True,
        show_default=False,
        help="Number of the new card, given in the same ways.",
    ),
]


@app.command(
    help_epilogue=examples("cards generate --count 500 --out cards.csv", "cards generate --out one-card.csv")
)
async def generate(
    *,
    count: Annotated[int, Parameter(help="How many cards.")] = 1,
    out: Annotated[Path, Parameter(help="The file for the maker of the cards, a new one.")],
    expires_on: Expires = "",
    programme: Programme = None,
    by: By = NOBODY,
    json: Json = False,
    place: Place = HERE,
) -> None:
    """Make cards with numbers nobody can guess: ordered, and a private file for their maker.

    The file has number, track 2, QR text and issue of each. The registry keeps no number: guard the file, and
    delete it when the cards are made.
    """
    last_day = last_valid_day(expires_on)
    async with card_desk(place) as desk:
        number = await desk.database.run(lambda connection: pick_programme(connection, programme))
        by.agreed(place, count)
        order = Order(number, await desk.validity(number), count, last_day, out)
        await bureau.generate(desk.database, desk.master, by.told(), order)
    tell_done(
        f"{count} cards are ordered; their numbers are in {out}.",
        {"cards": count, "file": str(out)},
        as_json=json,
        again="cards list",
    )


@app.command(help_epilogue=examples("cards ready", "cards ready < number.txt"))
async def ready(
    number: CardNumber = FROM_INPUT, /, *, by: By = NOBODY, json: Json = False, place: Place = HERE
) -> None:
    """Note that an ordered card lies at the desk."""
    digits = digits_of(number)
    async with card_desk(place) as desk:
        status = await desk.set(by.told(), digits, CardStatus.READY)
    _tell(digits, status, json)


@app.command(help_epilogue=examples("cards activate", "cards activate --old-card returned < number.txt"))
async def activate(
    number: CardNumber = FROM_INPUT,
    /,
    *,
    old_card: GivenBack = None,
    by: By = NOBODY,
    json: Json = False,
    place: Place = HERE,
) -> None:
    """Hand a ready card over: it is active, and the older ones of its account and kind are dead."""
    digits = digits_of(number)
    async with card_desk(place) as desk:
        ended = await desk.activate(by.told(), digits, old_card)
    tell_card(digits, "active", {"status": "active", "replaced": ended}, as_json=json)


@app.command(
    help_epilogue=examples(
        "cards fee-paid --how cash", "cards fee-paid --how none --reason 'given back' < number.txt"
    )
)
async def fee_paid(
    number: CardNumber = FROM_INPUT,
    /,
    *,
    how: Annotated[PaidHow | Literal["none"], Parameter(help="How; none: it was not, or was given back.")],
    by: By = NOBODY,
    json: Json = False,
    place: Place = HERE,
) -> None:
    """Take down that the fee of a duplicate was paid, by the duplicate's number; anew it wants --reason.

    What was taken down before is taken back now: a month that was closed stays as it was.
    """
    digits = digits_of(number)
    async with card_desk(place) as desk:
        kept = await desk.fee_paid(by.told(), digits, None if how == "none" else how)
    told = f"paid ({kept.paid_how})" if kept.paid_how else "not paid"
    tell_done(
        f"Card {mask_card(digits)}: the fee of {in_zloty(kept.grosze)} is {told}.",
        {"card": mask_card(digits), "fee_grosze": kept.grosze, "paid_how": kept.paid_how or None},
        as_json=json,
    )


@app.command(
    help_epilogue=examples(
        "cards block --reason 'lost, by telephone'", "cards block --hand proxy-online --reason lost --yes"
    )
)
async def block(
    number: CardNumber = FROM_INPUT,
    /,
    *,
    hand: ByHand = Hand.DESK,
    by: BySure = UNSURE,
    json: Json = False,
    place: Place = HERE,
) -> None:
    """Block a card: every terminal refuses it at once."""
    actor, digits = by.told(hand=hand), digits_of(number)
    by.confirm(f"Block card {mask_card(digits)}")
    async with card_desk(place) as desk:
        status = await desk.set(actor, digits, CardStatus.BLOCKED)
    _tell(digits, status, json)


@app.command(help_epilogue=examples("cards unblock", "cards unblock --reason 'found again'"))
async def unblock(
    number: CardNumber = FROM_INPUT, /, *, by: By = NOBODY, json: Json = False, place: Place = HERE
) -> None:
    """Make a blocked, wanted or retained card what it was before."""
    digits = digits_of(number)
    async with card_desk(place) as desk:
        status = await desk.set(by.told(), digits, CardStatus.ACTIVE)
    _tell(digits, status, json)


@app.command(help_epilogue=examples("cards retain --reason 'used by somebody else'"))
async def retain(
    number: CardNumber = FROM_INPUT,
    /,
    *,
    kept: Annotated[
        bool, Parameter(help="It has been kept already, and is on its way to the office.")
    ] = False,
    by: BySure = UNSURE,
    json: Json = False,
    place: Place = HERE,
) -> None:
    """Have the card kept by the next shop it is shown at, where the programme's rules let shops keep
    cards.
    """
    actor, digits = by.told(), digits_of(number)
    by.confirm(f"Have card {mask_card(digits)} retained")
    async with card_desk(place) as desk:
        status = await desk.set(actor, digits, CardStatus.RETAINED if kept else CardStatus.WANTED)
    _tell(digits, status, json)


@app.command(
    help_epilogue=examples(
        "cards duplicate --reason damaged", "cards duplicate --lost --reason stolen --yes < two-numbers.txt"
    )
)
async def duplicate(
    number: CardNumber = FROM_INPUT,
    new_number: NewNumber = FROM_INPUT,
    /,
    *,
    lost: Annotated[bool, Parameter(help="The card that is out is lost or stolen: dead at once.")] = False,
    handed_over: Annotated[
        bool, Parameter(help="The new card is handed over now: active at once, the old one dead.")
    ] = False,
    why: Annotated[
        WhyDuplicate | None,
        Parameter(help="Lost or damaged by the holder's fault or not, or new data; where the fees differ."),
    ] = None,
    old_card: GivenBack = None,
    hand: ByHand = Hand.DESK,
    by: BySure = UNSURE,
    json: Json = False,
    place: Place = HERE,
) -> None:
    """Give an account a duplicate, with the same last day, holder, balance and history.

    It waits to be handed over (`cards activate`); until then the old card works, unless it is lost.
    """
    actor, old, new = by.told(hand=hand), digits_of(number), digits_of(new_number, "New card")
    by.confirm(f"Replace card {mask_card(old)} by {mask_card(new)}")
    async with card_desk(place) as desk:
        done, fee = await desk.duplicate(
            actor, old, new, lost=lost, handed_over=handed_over, why=why, old_card=old_card
        )
    new_status, old_status = done.status.name.lower(), done.old_status.name.lower()
    tell_done(
        f"Card {mask_card(old)} has the duplicate {mask_card(new)}, issue {done.issue}: it is {new_status}, "
        f"the old one {old_status}. It costs the holder {in_zloty(fee.grosze)}.",
        {"card": mask_card(new), "issue": done.issue, "status": new_status,
         "old_card": mask_card(old), "old_status": old_status,
         "why": fee.why, "fee_grosze": fee.grosze},
        as_json=json,
        again="cards show",
    )  # fmt: skip


@app.command(
    help_epilogue=examples("cards carrier --kind qr", "cards carrier --kind transport < two-numbers.txt")
)
async def carrier(
    number: CardNumber = FROM_INPUT,
    new_number: NewNumber = FROM_INPUT,
    /,
    *,
    kind: Annotated[Carrier, Parameter(help="What the new number is on.")] = Carrier.QR,
    by: By = NOBODY,
    json: Json = False,
    place: Place = HERE,
) -> None:
    """Give an active card's account another kind of carrier, active at once and blocked by itself."""
    digits, new = digits_of(number), digits_of(new_number, "New card")
    async with card_desk(place) as desk:
        issue = await desk.add_carrier(by.told(), digits, new, kind)
    fields = {"status": "active", "carrier": kind.name.lower(), "issue": issue}
    tell_card(new, "active", fields, as_json=json)


@app.command(help_epilogue=examples("cards renew --expires-on 2028-11-26"))
async def renew(
    number: CardNumber = FROM_INPUT,
    /,
    *,
    expires_on: Expires = "",
    by: By = NOBODY,
    json: Json = False,
    place: Place = HERE,
) -> None:
    """Put the last valid day of a card anew, on a new application; without a day, as the rules say."""
    digits, wanted = digits_of(number), last_valid_day(expires_on)
    async with card_desk(place) as desk:
        last_day = await desk.renew(by.told(), digits, wanted)
    tell_card(digits, f"valid until {last_day}", {"expires_on": last_day.isoformat()}, as_json=json)


@app.command(help_epilogue=examples("cards resign --hand holder-post --reason 'letter of 2 May' --yes"))
async def resign(
    number: CardNumber = FROM_INPUT,
    /,
    *,
    hand: ByHand = Hand.HOLDER_DESK,
    by: BySure = UNSURE,
    json: Json = False,
    place: Place = HERE,
) -> None:
    """Take down the holder's resignation: every carrier of the account is dead at once."""
    _tell_end(await _end(CardStatus.RESIGNED, number, hand, by, place), json)


@app.command(help_epilogue=examples("cards void --reason 'gross breach, case 12' --yes"))
async def void(
    number: CardNumber = FROM_INPUT,
    /,
    *,
    by: BySure = UNSURE,
    json: Json = False,
    place: Place = HERE,
) -> None:
    """Void a card by the organiser's decision, and every carrier of its account with it, at once."""
    _tell_end(await _end(CardStatus.VOID, number, Hand.ORGANISER, by, place), json)


@app.command(help_epilogue=examples("cards close --reason 'account deleted' --yes"))
async def close(
    number: CardNumber = FROM_INPUT,
    /,
    *,
    hand: ByHand = Hand.DESK,
    by: BySure = UNSURE,
    json: Json = False,
    place: Place = HERE,
) -> None:
    """Close a card's account for good: every carrier of it is dead at once, the books stay."""
    _tell_end(await _end(CardStatus.CLOSED, number, hand, by, place), json)


async def _end(status: CardStatus, number: str, hand: Hand, by: BySure, place: Place) -> dict[str, Any]:
    actor, digits = by.told(hand=hand), digits_of(number)
    by.confirm(f"Make card {mask_card(digits)} {status.name.lower()}, and every carrier of its account")
    async with card_desk(place) as desk:
        ended = await desk.end(actor, digits, status)
    return {"card": mask_card(digits), "status": status.name.lower(), "carriers": ended}


def _tell_end(done: dict[str, Any], as_json: bool) -> None:
    tell_done(f"Card {done['card']} is {done['status']}.", done, as_json=as_json, again="cards show")


def _tell(digits: str, status: CardStatus, as_json: bool) -> None:
    now = "to be retained" if status is CardStatus.WANTED else status.name.lower()
    tell_card(digits, now, {"status": status.name.lower()}, as_json=as_json)
