"""Owns what ends a contract at a day of its own: a notice of the organiser (Zgierz § 33), an objection of the
holder to announced rules (§ 35).

Each is a row that stays, with its day, its end, by whom and by which way, and when and by whom it was taken
back; none takes another's place. Of those that stand the earliest end is that of the contract, which the
database keeps with the holder. Takes the owner's connection, or one of a programme; every write takes its
actor.
"""

from collections.abc import Callable, Sequence
from datetime import date
from typing import Any, Final, Literal, TypeAlias

from ledger.errors import RegistryRefused
from ledger.postgres.database import Connection
from ledger.registry.audit import Actor, writing
from ledger.registry.card_states import HANDS, OFFICE, CardStatus
from ledger.registry.holders import check_own_end, the_holder

Ending: TypeAlias = Literal["notice", "objection"]
Look: TypeAlias = Callable[[Sequence[int]], None]
"""Is told the numbers of what is taken back, and raises where it is not what was shown."""
OBJECTORS: Final = HANDS[CardStatus.ACTIVE, CardStatus.RESIGNED]
"""Who objects, and how: as who resigns (Zgierz § 35, § 31.3)."""

_LIST: Final = """select number, kind, given_on, ends_on, given_at, given_by, given_hand, withdrawn_at,
    withdrawn_by, withdrawn_hand
  from registry.ending where account = $1 order by number desc"""


async def list_endings(connection: Connection, account: int) -> list[Any]:
    """What was given and taken back of an account, newest first."""
    rows: list[Any] = await connection.fetch(_LIST, account)
    return rows


def standing(rows: Sequence[Any], kind: Ending) -> list[Any]:
    """Of the rows of an account those of a kind that were not taken back: the earliest end first."""
    stands = (row for row in rows if row["kind"] == kind and row["withdrawn_at"] is None)
    return sorted(stands, key=lambda row: (row["ends_on"], row["number"]))


async def give_notice(
    connection: Connection, actor: Actor, token: int, *, given_on: date, ends_on: date
) -> date:
    """Give notice that the entitlement is lost: the cards are void once the contract's last day is over.

    Returns that day, which an objection may make an earlier one. Raises RegistryRefused where a notice stands
    that ends it no later.
    """
    return await _end(connection, actor, token, "notice", given_on=given_on, ends_on=ends_on)


async def take_objection(
    connection: Connection, actor: Actor, token: int, *, given_on: date, ends_on: date
) -> date:
    """Take down an objection to announced rules, as `give_notice` does a notice. Raises RegistryRefused also
    by a hand that may not object.
    """
    if actor.hand not in OBJECTORS:
        raise RegistryRefused("nobody objects by {hand}: only by {hands}", hand=actor.hand, hands=OBJECTORS)
    return await _end(connection, actor, token, "objection", given_on=given_on, ends_on=ends_on)


async def withdraw(
    connection: Connection, actor: Actor, token: int, kind: Ending, look: Look | None = None
) -> date | None:
    """Take back what stands of a kind, before the contract's last day is over; return that day as it is now.

    An objection is the holder's to take back, as it was to make. Raises RegistryRefused where nothing stands,
    and by a hand that may not; and what `look` raises.
    """
    if actor.hand not in (hands := OBJECTORS if kind == "objection" else (*OFFICE, *OBJECTORS)):
        raise RegistryRefused(
            "nothing is taken back by {hand}: only by {hands}", hand=actor.hand, hands=hands
        )
    async with writing(connection, actor):
        account = (await the_holder(connection, token))["account"]
        await check_own_end(connection, actor, account)
        rows = await list_endings(connection, account)
        numbers = [row["number"] for row in standing(rows, kind)]
        if look is not None:
            look(numbers)
        if not numbers:
            raise _none(kind)
        await connection.execute(
            "update registry.ending set withdrawn_at = clock_timestamp() where number = any ($1::bigint[])",
            numbers,
        )
        ends_on: date | None = (await the_holder(connection, token))["contract_ends_on"]
    return ends_on


async def _end(
    connection: Connection, actor: Actor, token: int, kind: Ending, *, given_on: date, ends_on: date
) -> date:
    async with writing(connection, actor):
        holder = await the_holder(connection, token)
        await check_own_end(connection, actor, holder["account"])
        was = standing(await list_endings(connection, holder["account"]), kind)
        if was and ends_on >= was[0]["ends_on"]:
            raise _given(kind, was[0]["ends_on"])
        await connection.execute(
            "insert into registry.ending (account, programme, kind, given_on, ends_on) "
            "values ($1, $2, $3, $4, $5)",
            holder["account"],
            holder["programme"],
            kind,
            given_on,
            ends_on,
        )
    day = holder["contract_ends_on"]
    return ends_on if day is None else min(day, ends_on)


def _given(kind: Ending, day: date) -> RegistryRefused:
    if kind == "notice":
        return RegistryRefused(
            "notice was given already, and ends the contract on {day}: this changes nothing", day=day
        )
    return RegistryRefused("an objection ends the contract on {day} already: this changes nothing", day=day)


def _none(kind: Ending) -> RegistryRefused:
    if kind == "notice":
        return RegistryRefused("no notice was given")
    return RegistryRefused("no objection was taken down")
