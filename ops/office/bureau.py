"""Cards to be made: numbers nobody can guess, and the file for the maker of the cards.

Owns the making of numbers and the order of things: the file is on the disk before the registry knows the
cards, and has its name only when it does. Must not keep a number anywhere else: the registry gets tokens.
Invariants: the body of a number is random (`secrets`) and it ends with a Luhn digit; no number is ever
given twice; the file is its owner's alone, and never overwritten.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Final, NamedTuple

from ledger.errors import DatabaseUnavailable, LedgerError, RegistryRefused
from ledger.postgres.database import Connection, Database
from ledger.registry.audit import Actor
from ledger.registry.card_states import CardStatus
from ledger.registry.cards import CardRow, find_cards, import_cards
from ledger.registry.installation import check_master_key
from ledger.registry.numbers import Numbers
from ledger.registry.secrets import MasterKey
from ops.csv_text import exact_csv
from ops.office.private_files import PrivateFiles
from ops.office.validity import Validity
from protocol import luhn_digit
from switch.rules.programme import CardRules

COUNT_MAX: Final = 1_000_000
MAKE_S_MAX: Final = 3_600.0
COLUMNS: Final = ("number", "track2", "qr", "issue", "expires_on")
FIRST_ISSUE: Final = 1


class ForMaker(NamedTuple):
    """One card as its maker has to have it: what is printed, on the stripe, in the QR code."""

    number: str
    track_2: str
    qr: str
    issue: int
    expires_on: date | None


def new_number(rules: CardRules) -> str:
    """Return a number of a programme that nobody can guess: its prefix, a random body, a Luhn digit."""
    body = rules.digits - len(rules.prefix) - 1
    digits = f"{rules.prefix}{secrets.randbelow(10**body):0{body}d}"
    return digits + luhn_digit(digits)


def for_maker(number: str, expires_on: date | None, issue: int = FIRST_ISSUE) -> ForMaker:
    """Return what a card's maker needs of a number.

    Track 2 (ISO/IEC 7813): number, end of validity (9912: none), a service code of no bank's, the issue.
    """
    ends = f"{expires_on:%y%m}" if expires_on else "9912"
    return ForMaker(number, f";{number}={ends}000{issue:04d}?", number, issue, expires_on)


def as_csv(cards: list[ForMaker]) -> str:
    """Return the maker's file: a line that names the columns, then one a card."""
    return exact_csv(
        COLUMNS, ((card.number, card.track_2, card.qr, card.issue, card.expires_on or "") for card in cards)
    )


class CardsUnsure(LedgerError):
    """Whether the cards count is not known; the file with their numbers is kept."""


class Order(NamedTuple):
    """What is to be made: cards of a programme, by its rules of cards, for the file that does not exist
    yet.
    """

    programme: int
    validity: Validity
    cards: int
    expires_on: date | None
    place: Path


async def generate(database: Database, master: MasterKey, actor: Actor, order: Order) -> None:
    """Make cards, ordered and with an account each, and write the maker's file.

    Raises RegistryRefused for a count or a last day out of bounds, or a place that is taken, `CardsUnsure`,
    OSError when the file cannot be written (no card is added then).
    """
    programme, validity, count, wanted, place = order
    rules, expires_on = validity.rules, validity.last_day(wanted, CardStatus.ORDERED)
    if not 1 <= count <= COUNT_MAX:
        raise RegistryRefused(f"from 1 to {COUNT_MAX} cards are made at a time")
    numbers = await database.run(lambda c: Numbers.of(c, master, programme))
    made = await database.run(
        lambda c: _unused(c, count, numbers, lambda: new_number(rules)), timeout_s=MAKE_S_MAX
    )
    files = PrivateFiles({place: as_csv([for_maker(number, expires_on) for number in made])})
    files.write_beside()
    rows = [CardRow(numbers.token(n), n[-4:], expires_on, CardStatus.ORDERED) for n in made]

    async def job(connection: Connection) -> None:
        await check_master_key(connection, master)
        await numbers.reenter(connection, actor)
        done = await import_cards(connection, actor, programme, rows, pepper=numbers.pepper)
        if done.added != count:
            raise RegistryRefused("some of these numbers were taken meanwhile: generate the cards again")

    try:
        await database.run(job, timeout_s=MAKE_S_MAX)
    except DatabaseUnavailable as error:
        kept = files.kept()[0]
        raise CardsUnsure(
            f"whether the cards count is not known ({error}); their numbers are in {kept}: see "
            "`cityswitch cards list`, and generate them again if none is there"
        ) from error
    except LedgerError:
        files.remove()
        raise
    files.put_in_place()


async def _unused(connection: Connection, count: int, numbers: Numbers, make: Callable[[], str]) -> list[str]:
    """Return so many new numbers, all different, none of which a card has."""
    found: dict[str, None] = {}
    while len(found) < count:
        fresh = {number: numbers.tokens(number) for number in (make() for _ in range(count - len(found)))}
        tokens = [token for each in fresh.values() for token in each]
        taken = {row["token"] for row in await find_cards(connection, tokens)}
        found.update((number, None) for number, each in fresh.items() if taken.isdisjoint(each))
    return list(found)
