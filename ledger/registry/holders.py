"""Owns what decides about a holder: kinds, flags, guardian, entitlement, notice. One row an account.

A holder is an account, whatever it is carried on. Who the holder is lies in schema `people` (`people.py`);
of it only the days on which the kinds of holder change reach this row, and they are placed by the
database. Rules of a programme are the caller's: flags and kinds come as bit masks, terms as days. Takes
the owner's connection; every write takes its actor.
"""

from datetime import date
from typing import Any, Final

from ledger.errors import NotInRegistry, RegistryRefused
from ledger.postgres.database import Connection
from ledger.registry.audit import Actor, writing
from ledger.registry.bounds import check_number
from ledger.registry.card_states import ENDED, CardStatus
from ledger.registry.cards import the_card

MASK_MAX: Final = 65_535
TAX_YEARS: Final = range(1990, 2201)

END_NOTICES: Final = "select registry.end_notices_v1()"
_VIEW: Final = """account, programme, flags, guardian, kinds, kinds_from, kinds_before, next_from, kinds_next,
    entitled_until, tax_year, notice_given_on, notice_ends_on, resigned_on"""


async def find_holder(connection: Connection, account: int) -> Any | None:
    """What decides about the holder of an account; None where nothing is kept."""
    return await connection.fetchrow(
        f"select {_VIEW} from registry.holder where account = $1",  # noqa: S608 a fixed list
        account,
    )


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
        if not is_correction and was is not None and entitled_until <= was:
            raise RegistryRefused("entitled until {day} already: that proof renews nothing", day=was)
        await connection.execute(
            "update registry.holder set tax_year = $2, entitled_until = $3 where account = $1",
            holder["account"],
            tax_year,
            entitled_until,
        )


async def give_notice(
    connection: Connection, actor: Actor, token: int, *, given_on: date, ends_on: date
) -> None:
    """Give notice that the entitlement is lost (Zgierz § 33), or take down an objection (§ 35): the cards are
    void once `ends_on` is over.

    Of two the earlier end holds, whichever came first. Raises RegistryRefused for one that ends it no sooner.
    """
    async with writing(connection, actor):
        holder = await the_holder(connection, token)
        was = holder["notice_ends_on"]
        if was is not None and ends_on >= was:
            raise RegistryRefused("the contract ends on {day} already: this changes nothing", day=was)
        await connection.execute(
            "update registry.holder set notice_given_on = $2, notice_ends_on = $3 where account = $1",
            holder["account"],
            given_on,
            ends_on,
        )


async def withdraw_notice(connection: Connection, actor: Actor, token: int) -> None:
    """Take a notice back that has not run out."""
    async with writing(connection, actor):
        holder = await the_holder(connection, token)
        if holder["notice_given_on"] is None:
            raise RegistryRefused("no notice was given")
        await connection.execute(
            "update registry.holder set notice_given_on = null, notice_ends_on = null where account = $1",
            holder["account"],
        )


async def end_notices(connection: Connection) -> None:
    """Void the cards whose month of notice has ended; with the service's rights."""
    await connection.execute(END_NOTICES)
