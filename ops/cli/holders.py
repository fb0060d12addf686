"""`cityswitch holders`: who has a card, what they may claim, and until when.

Owns the subcommands. Must not do an office's work itself: `ops.office.holders` does. Invariants: nothing
of a person is ever an argument, so that none stands in a list of processes: it is read from standard input
or a file; no message repeats it.
"""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import date
from pathlib import Path
from typing import Annotated, Any, get_args

from cyclopts import App, Parameter

from ledger.registry.card_states import Hand
from ledger.registry.endings import Ending, standing
from ledger.registry.holder_imports import NewHolder
from ledger.registry.imports import Import, Mode
from ledger.registry.people import Person
from ops.cli.card_acts import ByHand
from ops.cli.csv_import import (
    ALL_OR_NOTHING,
    How,
    LineError,
    read_sheet,
    store_sheet,
)
from ops.cli.help_texts import examples
from ops.cli.holder_lines import (
    COLUMNS,
    FILE_HELP,
    PERSONAL,
    code_mask,
    deciding_of,
    holder_reader,
    person_lines,
    person_of,
)
from ops.cli.registry_options import (
    NOBODY,
    UNSURE,
    By,
    BySure,
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
from ops.office.holders import HolderDesk
from ops.output import print_fields
from ops.place.database import changing, looking
from ops.place.options import HERE, Place
from ops.till.cards import FROM_INPUT
from protocol import mask_card
from switch.rules.programme import Rules

app = App(
    name="holders",
    help="Holders of cards: add, import, show, change, entitle, give notice, anonymise.",
    help_epilogue=examples("holders show", "holders import holders.csv", "holders tax-proof --year 2026"),
)

Flags = Annotated[str, Parameter(help="Flags by their codes in the rules: 'family senior'.")]
Guardian = Annotated[
    bool | None, Parameter(negative="--no-guardian", help="A guardian acts for the holder, whatever the age.")
]


@asynccontextmanager
async def holder_desk(place: Place, *, to_look: bool = False) -> AsyncIterator[HolderDesk]:
    """Yield the desk of a place, for a change or only to look; raises as `changing` and `master_key` do."""
    master = master_key(place)
    async with looking(place) if to_look else changing(place) as database:
        yield HolderDesk(database, master)


@app.command(
    name="import",
    help_epilogue=examples("holders import holders.csv --dry-run", "holders import holders.csv --good-lines"),
)
async def import_(
    file: Annotated[Path, Parameter(help=FILE_HELP)],
    /,
    *,
    how: How = ALL_OR_NOTHING,
    programme: Programme = None,
    by: By = NOBODY,
    json: Json = False,
    place: Place = HERE,
) -> Exit:
    """Give cards their holders from a CSV file, all or none."""
    async with holder_desk(place) as desk:
        number = await desk.database.run(lambda connection: pick_programme(connection, programme))
        numbers = await desk.numbers(number)
        reader = holder_reader(numbers, *await desk.terms(number))
        sheet = read_sheet(file, COLUMNS, reader)
        actor = by.told(sheet.source)
        by.agreed(place, len(sheet.lines))

        async def store(rows: list[NewHolder], mode: Mode) -> Import:
            return await desk.import_all(actor, numbers, rows, mode)

        return await store_sheet(sheet, how, lambda row: row.token, store, what="holders", as_json=json)


@app.command(help_epilogue=examples("holders add --flags family", "holders add < number-and-person.txt"))
async def add(
    number: CardNumber = FROM_INPUT,
    /,
    *,
    flags: Flags = "",
    kinds: Annotated[str, Parameter(help="Kinds by their codes, where no date of birth is kept.")] = "",
    guardian: Guardian = None,
    tax_year: Annotated[str, Parameter(help="The year of which tax was proved.")] = "",
    applied_on: Annotated[str, Parameter(help="The day of an application without proof.")] = "",
    programme: Programme = None,
    by: By = NOBODY,
    json: Json = False,
    place: Place = HERE,
) -> None:
    """Give a card its holder. The person, if kept, follows on standard input: lines like "name: Anna
    Nowak".
    """
    digits = digits_of(number)
    fields = _typed_person()
    row = {"flags": flags, "kinds": kinds, "guardian": "yes" if guardian else "", "tax_year": tax_year,
           "applied_on": applied_on}  # fmt: skip
    async with holder_desk(place) as desk:
        code = await desk.database.run(lambda connection: pick_programme(connection, programme))
        try:
            person = Person(**{"name": "", **person_of(fields)}) if fields else None
            decided = deciding_of(row, *await desk.terms(code))
            numbers = await desk.numbers(code)
            new = NewHolder(numbers.token(digits), person=person, **decided)
        except LineError as error:
            raise CommandError(Exit.USAGE, f"{error.column} {error.reason}.") from None
        await desk.add(by.told(), numbers, digits, new)
    _tell(digits, "has a holder", {"flags": flags.split()}, json)


def _typed_person() -> dict[str, str]:
    return {} if sys.stdin.isatty() else person_lines(sys.stdin.read())


@app.command(help_epilogue=examples("holders update < number-and-changes.txt"))
async def update(
    number: CardNumber = FROM_INPUT, /, *, by: By = NOBODY, json: Json = False, place: Place = HERE
) -> None:
    """Change what is known of a person: lines like "phone: 600100200" on standard input."""
    digits = digits_of(number)
    fields = _typed_person()
    if not fields:
        raise CommandError(Exit.USAGE, "nothing to change.", "Type lines like phone: 600100200.")
    try:
        changes = person_of(fields)
    except LineError as error:
        raise CommandError(Exit.USAGE, f"{error.column} {error.reason}.") from None
    async with holder_desk(place) as desk:
        await desk.change(by.told(), digits, changes)
    _tell(digits, "has its holder changed", {"changed": sorted(changes)}, json)


@app.command(help_epilogue=examples("holders flags 'family senior'", "holders flags '' --no-guardian"))
async def flags(
    codes: Flags,
    number: CardNumber = FROM_INPUT,
    /,
    *,
    guardian: Guardian = None,
    by: By = NOBODY,
    json: Json = False,
    place: Place = HERE,
) -> None:
    """Put the flags of a card's holder anew."""
    digits = digits_of(number)
    async with holder_desk(place) as desk:
        try:
            mask = code_mask("flags", codes, await desk.rules_of(digits))
        except LineError as error:
            raise CommandError(Exit.USAGE, f"{error.column} {error.reason}.") from None
        await desk.set_flags(by.told(), digits, mask, guardian)
    _tell(digits, "has its holder's flags", {"flags": codes.split()}, json)


@app.command(
    help_epilogue=examples(
        "holders tax-proof --year 2025", "holders tax-proof --year 2025 --correct --reason 'a typing error'"
    )
)
async def tax_proof(
    number: CardNumber = FROM_INPUT,
    /,
    *,
    year: Annotated[int, Parameter(help="The year of which tax was proved, one that has ended.")],
    correct: Annotated[
        bool, Parameter(negative="", help="In the place of a year taken down by mistake; wants a reason.")
    ] = False,
    by: By = NOBODY,
    json: Json = False,
    place: Place = HERE,
) -> None:
    """Take down proof of the tax of a year: the rules say until when it entitles."""
    if not 1990 <= year <= 2200:
        raise CommandError(Exit.USAGE, f"--year: {year} is no year from 1990 to 2200.")
    digits = digits_of(number)
    async with holder_desk(place) as desk:
        until = await desk.prove_tax(by.told(), digits, year, is_correction=correct)
    _tell(digits, f"is entitled until {until}", {"entitled_until": until.isoformat()}, json)


@app.command(help_epilogue=examples("holders notice --reason 'moved away' --yes"))
async def notice(
    number: CardNumber = FROM_INPUT,
    /,
    *,
    given_on: Annotated[str, Parameter(help="The day it is given, 2027-01-31; today.")] = "",
    withdraw: Annotated[bool, Parameter(help="Take it back; an objection stays.")] = False,
    by: BySure = UNSURE,
    json: Json = False,
    place: Place = HERE,
) -> None:
    """Give notice that the entitlement is lost: the cards are void when its term is over."""
    actor, digits = by.told(hand=Hand.ORGANISER), digits_of(number)
    try:
        day = parse_day(given_on)
    except ValueError as error:
        raise CommandError(Exit.USAGE, f"--given-on: '{given_on}' {error}.") from None
    by.confirm(f"{'Take back the notice of' if withdraw else 'Give notice to'} card {mask_card(digits)}")
    async with holder_desk(place) as desk:
        if withdraw:
            left = await desk.withdraw(actor, digits, "notice")
            _tell_end(digits, "has no notice any more", left, json)
            return
        ends_on = await desk.give_notice(actor, digits, day)
    _tell_end(digits, "is under notice", ends_on, json)


@app.command(
    name="object", help_epilogue=examples("holders object --hand holder-online --reason 'letter' --yes")
)
async def object_(
    number: CardNumber = FROM_INPUT,
    /,
    *,
    hand: ByHand = Hand.HOLDER_DESK,
    withdraw: Annotated[bool, Parameter(help="Take it back; a notice stays.")] = False,
    by: BySure = UNSURE,
    json: Json = False,
    place: Place = HERE,
) -> None:
    """Take down an objection to the announced change of the rules: the contract ends the day before it."""
    actor, digits = by.told(hand=hand), digits_of(number)
    by.confirm(f"Take {'back' if withdraw else 'down'} the objection of card {mask_card(digits)}")
    async with holder_desk(place) as desk:
        if withdraw:
            left = await desk.withdraw(actor, digits, "objection")
            _tell_end(digits, "has no objection any more", left, json)
            return
        ends_on = await desk.object(actor, digits)
    _tell_end(digits, "has an objection", ends_on, json)


@app.command(help_epilogue=examples("holders anonymise --reason 'asked for by letter' --yes"))
async def anonymise(
    number: CardNumber = FROM_INPUT,
    /,
    *,
    hand: ByHand = Hand.DESK,
    by: BySure = UNSURE,
    json: Json = False,
    place: Place = HERE,
) -> None:
    """Remove who the holder is, for good, and end the account; the books stay."""
    actor, digits = by.told(hand=hand), digits_of(number)
    by.confirm(f"Remove the holder of card {mask_card(digits)} for good")
    async with holder_desk(place) as desk:
        ended = await desk.anonymise(actor, digits)
    _tell(digits, "has no holder any more", {"carriers": ended}, json)


@app.command(help_epilogue=examples("holders show", "holders show --person --json < number.txt"))
async def show(
    number: CardNumber = FROM_INPUT,
    /,
    *,
    person: Annotated[bool, Parameter(help="Who it is, as well.")] = False,
    json: Json = False,
    place: Place = HERE,
) -> None:
    """Show what decides about a card's holder; with --person who it is."""
    digits = digits_of(number)
    async with holder_desk(place, to_look=True) as desk:
        card, holder, ends, known = await desk.show(digits)
        rules = await desk.rules(card["programme"])
    if holder is None:
        raise CommandError(Exit.NOT_FOUND, f"nothing is kept of the holder of card {mask_card(digits)}.")
    fields = shown(holder, ends, rules)
    if person:
        fields |= (
            {name: _text(getattr(known, name)) or None for name in PERSONAL} if known else {"name": None}
        )
    print_fields({"card": mask_card(digits), "account": card["account"], **fields}, as_json=json)


def shown(holder: Any, ends: Sequence[Any], rules: Rules) -> dict[str, Any]:
    """Return what decides about a holder as it is shown: codes of the rules, days; of what ends the contract
    (`list_endings`) what stands.
    """
    stand = {kind: standing(ends, kind) for kind in get_args(Ending)}
    kinds = rules.holders.kinds if rules.holders else ()
    flags = rules.holders.flags if rules.holders else ()
    return {
        "kinds": " ".join(kind.code for kind in kinds if holder["kinds"] >> kind.bit & 1),
        "flags": " ".join(flag.code for flag in flags if holder["flags"] >> flag.bit & 1),
        "guardian": holder["guardian"],
        **{name: _text(holder[name]) for name in ("entitled_until", "tax_year", "contract_ends_on")},
        **{f"{kind}_ends_on": _text(rows[0]["ends_on"]) if rows else None for kind, rows in stand.items()},
    }


def _text(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date) else value


def _tell_end(digits: str, what: str, ends_on: date | None, as_json: bool) -> None:
    until = f": valid until {ends_on} at most" if ends_on else ""
    _tell(digits, f"{what}{until}", {"contract_ends_on": _text(ends_on)}, as_json)


def _tell(digits: str, what: str, fields: dict[str, Any], as_json: bool) -> None:
    masked = mask_card(digits)
    tell_done(f"Card {masked} {what}.", {"card": masked, **fields}, as_json=as_json, again="holders show")
