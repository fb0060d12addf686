"""`cityswitch holders`: what a holder agreed to, and who may act for the holder.

Owns these subcommands. Must not do an office's work itself: `ops.office.holders` does. Invariant: nothing
of a person is ever an argument; it is read from standard input, after the card's number.
"""

from __future__ import annotations

import sys
from typing import Annotated, Any

from cyclopts import Parameter

from ledger.registry.agreements import Representative
from ops.cli.help_texts import examples
from ops.cli.holders import app, holder_desk
from ops.cli.registry_options import NOBODY, By, CardNumber, Json, digits_of, parse_day, tell_done
from ops.errors import CommandError
from ops.exit_codes import Exit
from ops.output import print_json, print_line
from ops.place.options import HERE, Place
from ops.till.cards import FROM_INPUT
from protocol import mask_card

__all__ = ["app"]


@app.command(help_epilogue=examples("holders consent newsletter", "holders consent newsletter --withdraw"))
async def consent(
    kind: Annotated[str, Parameter(help="data or newsletter.")],
    number: CardNumber = FROM_INPUT,
    /,
    *,
    withdraw: Annotated[bool, Parameter(help="It is withdrawn.")] = False,
    by: By = NOBODY,
    json: Json = False,
    place: Place = HERE,
) -> None:
    """Take down that a card's holder gave a consent today, or withdrew it."""
    digits = digits_of(number)
    async with holder_desk(place) as desk:
        await desk.consent(by.told(), digits, kind, is_withdrawn=withdraw)
    what = "withdrawn" if withdraw else "given"
    _tell(digits, f"has the consent {kind} {what}", {"consent": kind, "withdrawn": withdraw}, json)


@app.command(help_epilogue=examples("holders represent --role proxy < number-and-name.txt"))
async def represent(
    number: CardNumber = FROM_INPUT,
    /,
    *,
    role: Annotated[str, Parameter(help="proxy or guardian.")] = "guardian",
    until: Annotated[str, Parameter(help="Until that day, 2031-05-31; until it is ended.")] = "",
    end: Annotated[int, Parameter(help="End the representative with this number.")] = 0,
    by: By = NOBODY,
    json: Json = False,
    place: Place = HERE,
) -> None:
    """Take down who may act for a card's holder: lines with name, phone and e-mail on standard input."""
    digits = digits_of(number)
    async with holder_desk(place) as desk:
        if end:
            await desk.end_representative(by.told(), digits, end)
            _tell(digits, f"has no representative {end} any more", {"number": end}, json)
            return
        lines = [] if sys.stdin.isatty() else [line.strip() for line in sys.stdin.read().splitlines()]
        name, phone, email = (*lines, "", "", "")[:3]
        try:
            who = Representative(role, name, phone, email, parse_day(until))
        except ValueError as error:
            raise CommandError(Exit.USAGE, f"--until: '{until}' {error}.") from None
        known_by = await desk.represent(by.told(), digits, who)
    _tell(digits, f"has the {role} {known_by}", {"number": known_by, "role": role}, json)


@app.command(help_epilogue=examples("holders agreements", "holders agreements --json < number.txt"))
async def agreements(number: CardNumber = FROM_INPUT, /, *, json: Json = False, place: Place = HERE) -> None:
    """Show what a card's holder agreed to, and who may act for the holder."""
    digits = digits_of(number)
    async with holder_desk(place, to_look=True) as desk:
        consents, accepted, representatives = await desk.agreements(digits)
    told = {
        "card": mask_card(digits),
        "consents": [{name: _text(value) for name, value in row.items()} for row in consents],
        "accepted": [{name: _text(value) for name, value in row.items()} for row in accepted],
        "representatives": [{name: _text(value) for name, value in row.items()} for row in representatives],
    }
    if json:
        print_json(told)
        return
    for row in (*consents, *accepted, *representatives):
        print_line("  ".join(str(_text(value)) for value in row.values() if value not in {None, ""}))


def _text(value: Any) -> Any:
    return value.isoformat() if hasattr(value, "isoformat") else value


def _tell(digits: str, what: str, fields: dict[str, Any], as_json: bool) -> None:
    masked = mask_card(digits)
    tell_done(
        f"Card {masked} {what}.", {"card": masked, **fields}, as_json=as_json, again="holders agreements"
    )
