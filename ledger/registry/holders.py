"""Owns what decides about a holder: kinds, flags, guardian, entitlement, the last day. One row an account.

A holder is an account, whatever it is carried on. Who the holder is lies in schema `people` (`people.py`);
of it only the days on which the kinds of holder change reach this row, and they are placed by the
database, as is the contract's last day (`endings.py`). Rules of a programme are the caller's: flags and kinds
come as bit masks, terms as days. Takes the owner's connection; every write takes its actor.
"""

from datetime import date
from typing import Any, Final

from ledger.errors import NotInRegistry, RegistryRefused
from ledger.postgres.database import Connection
from ledger.registry.audit import Actor, writing
from ledger.registry.bounds import check_number
from ledger.registry.card_states import ENDED, CardStatus, Hand
from ledger.registry.cards import the_card

MASK_MAX: Final = 65_535
TAX_YEARS: Final = range(1990, 2201)
OWN_HANDS: Final = (Hand.HOLDER_DESK, Hand.HOLDER_ONLINE, Hand.HOLDER_POST)

END_NOTICES: Final = "select registry.end_notices_v1()"
_VIEW: Final = """account, programme, flags, guardian, kinds, kinds_from, kinds_before, next_from, kinds_next,
    entitled_until, tax_year, contract_ends_on, resigned_on"""


async def find_holder(connection: Connection, account: int) -> Any | None:
    """What decides about the holder of an account; None where nothing is kept."""
    return await connection.fetchrow(
        f"select {_VIEW} from registry.holder where account = $1",  # noqa: S608 a fixed list
        account,
    )


async def entitled_until(connection: Connection, account: int) -> date | None:
    """Until which day the holder of an account is entitled; None: without end, or nobody is known."""
    day: date | None = await connection.fetchval(
        "select entitled_until from registry.holder where account = $1", account
    )
    return day


async def the_holder(connection: Connection, token: int) -> Any:
    """The holder of a card whose contract runs. Raises NotInRegistry, or RegistryRefused for one that
    ended.
    """
    card = await the_card(connection, token)
    if CardStatus(card["status"]) in ENDED:
        raise RegistryRefused(
            "this card is {card_state}: its holder stays as is",
            card_state=CardStatus(card["status"]).name.lower(),
        )
    holder = await find_holder(connection, card["account"])
    if holder is None:
        raise NotInRegistry("nothing is kept of this card's holder: add one with `holders add`")
    return holder


async def needs_guardian(connection: Connection, account: int) -> bool:
    """Whether a holder acts through a parent or guardian today (Zgierz § 12); asked with a right to read
    people.
    """
    return bool(await connection.fetchval("select people.needs_guardian($1)", account))


async def check_own_end(connection: Connection, actor: Actor, account: int) -> None:
    """Raise RegistryRefused where a holder ends the contract by the own hand whose guardian does that (§ 12).

    The database holds it, too (migrations, 0010 and 0011).
    """
    if actor.hand in OWN_HANDS and await needs_guardian(connection, account):
        raise RegistryRefused("whoever has a guardian does not end the contract alone: the guardian does")


async def set_flags(
    connection: Connection, actor: Actor, token: int, *, flags: int, guardian: bool | None = None
) -> None:
    """Put the flags of a holder anew, a bit mask; `guardian`: acts through a guardian whatever the age (§
    12).
    """
    check_number("flags", flags, 0, MASK_MAX)
    async with writing(connection, actor):
        holder = await the_holder(connection, token)
        await connection.execute(
            "update registry.holder set flags = $2, guardian = coalesce($3, guardian) where account = $1",
            holder["account"],
            flags,
            guardian,
        )


def check_renews(was: date | None, until: date) -> None:
    """Raise RegistryRefused for a proof that entitles until no later day than the one there `was`."""
    if was is not None and until <= was:
        raise RegistryRefused("entitled until {day} already: that proof renews nothing", day=was)


async def prove_tax(
    connection: Connection,
    actor: Actor,
    token: int,
    *,
    tax_year: int,
    entitled_until: date,
    is_correction: bool = False,
) -> None:
    """Take down proof of the tax of a year, which entitles until a day (Zgierz § 20).

    Raises RegistryRefused for one that reaches no further than what was proved already: it renews nothing.
    A correction takes the place of a year that was taken down by mistake, whichever it was.
    """
    check_number("the tax year", tax_year, TAX_YEARS[0], TAX_YEARS[-1])
    async with writing(connection, actor):
        holder = await the_holder(connection, token)
        was = holder["entitled_until"]
        if is_correction and holder["tax_year"] is None:
            raise RegistryRefused("no proof was taken down: there is nothing to correct")
        if not is_correction:
            check_renews(was, entitled_until)
        await connection.execute(
            "update registry.holder set tax_year = $2, entitled_until = $3 where account = $1",
            holder["account"],
            tax_year,
            entitled_until,
        )


async def end_notices(connection: Connection) -> None:
    """Void the cards whose contract a notice or an objection has ended; with the service's rights."""
    await connection.execute(END_NOTICES)
