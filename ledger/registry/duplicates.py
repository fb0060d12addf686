"""Owns the carriers of an account after its first: duplicates, further kinds, and the day each is valid
until.

A duplicate is the next issue of one kind of carrier (plastic, transport card, QR code): it keeps the
account, so balance, holder, quotas, and the last valid day. Of each kind an account has at most one active
carrier; the database holds that, too. Takes the owner's connection; every write takes its actor. Invariant:
the issues of a kind that have not ended have one last valid day, whichever of them it is put on.
"""

from datetime import date
from enum import IntEnum
from typing import Any, Final, NamedTuple

from ledger.errors import RegistryRefused
from ledger.postgres.database import Connection
from ledger.registry.audit import Actor, writing
from ledger.registry.card_fees import (
    FREE,
    Fee,
    OldCard,
    check_given_back,
    check_old_card,
    take_old_card,
    write_fee,
)
from ledger.registry.card_states import ENDED, STOPPED, CardStatus, check_move
from ledger.registry.cards import CardRow, card_fault, move, the_card
from ledger.registry.stops import check_not_held, check_not_overtaken

ISSUE_MAX: Final = 9_999


class Carrier(IntEnum):
    """What carries a number; a card account may have one of each."""

    PLASTIC = 1
    TRANSPORT = 2
    """The city's transport card (Częstochowa)."""
    QR = 3


class New(NamedTuple):
    """A further card of an account: token and last four digits of its number, and what it is on."""

    token: int
    last4: str
    carrier: Carrier
    pepper: int = 0
    """The number of the one its token is made with."""


class Duplicate(NamedTuple):
    """What became of a replacement: the new card's issue number and status, and the old one's status."""

    issue: int
    status: CardStatus
    old_status: CardStatus


_ISSUED: Final = """
insert into registry.card (token, last4, status, carrier, account, programme, expires_on, issue, pepper)
  select $1, $2, $3, $4::smallint, account, programme, expires_on,
      (select coalesce(max(c.issue), 0) + 1 from registry.card c
         where c.account = like_this.account and c.carrier = $4), $6::smallint
    from registry.card like_this where token = $5
  on conflict (token) do nothing returning issue"""

_PUT_LAST_DAY: Final = """update registry.card c set expires_on = $2 from registry.card named
  where named.token = $1 and (c.account, c.carrier) = (named.account, named.carrier)
    and c.status <> all ($3::smallint[]) and c.expires_on is distinct from $2"""


async def replace_card(
    connection: Connection,
    actor: Actor,
    old_token: int,
    new_token: int,
    last4: str,
    *,
    lost: bool = False,
    handed_over: bool = False,
    ordered: bool = False,
    expires_on: date | None = None,
    fee: Fee = FREE,
    old_card: OldCard | None = None,
    pepper: int = 0,
) -> Duplicate:
    """Give an account a duplicate of its newest card of that kind, with the next issue number.

    It inherits the account and the last valid day (programmes, Żywiec). It waits to be handed over
    (`ordered`: it is made first), and until then the old one works; unless that is `lost`, when it is dead
    at once, with those whose place it was to take. `handed_over`: both at once, the new one active and the
    old one dead; it is valid until `expires_on`, if the old one never had a last day. The fee is written
    down with it, and owed once it is handed over. `old_card`: what became of the old one, where it is.
    """
    check_old_card(old_card, is_needed=handed_over and fee.old_card_needed)
    if old_card is not None and not handed_over:
        raise RegistryRefused("the old card is returned when the duplicate is handed over")
    if why := card_fault(CardRow(new_token, last4)):
        raise RegistryRefused("the new card: {column} {why}", column=why[0], why=why[1])
    async with writing(connection, actor):
        old = await the_card(connection, old_token)
        was = CardStatus(old["status"])
        _check_replaceable(was, old["issue"])
        check_move(was, CardStatus.REPLACED, actor.hand)
        if await connection.fetchval(
            "select true from registry.card where account = $1 and carrier = $2 and issue > $3",
            old["account"],
            old["carrier"],
            old["issue"],
        ):
            raise RegistryRefused(
                "a duplicate of this card is made already: hand that one over, or replace it"
            )
        await check_not_held(connection, old, actor.hand)
        await check_given_back(connection, old)
        waiting = CardStatus.ORDERED if ordered else CardStatus.READY
        never_handed_over = was in (CardStatus.ORDERED, CardStatus.READY)
        if lost or handed_over:
            await _end_older(connection, old, old["issue"])
        elif never_handed_over:
            await move(connection, [old_token], CardStatus.REPLACED)
        status = CardStatus.ACTIVE if handed_over else waiting
        new = New(new_token, last4, Carrier(old["carrier"]), pepper)
        issue = await _issue(connection, new, status, old_token)
        await write_fee(connection, new_token, fee, old_card)
        if handed_over and old["expires_on"] is None and expires_on is not None:
            await _put_last_day(connection, new_token, expires_on)
        after = await the_card(connection, old_token)
        return Duplicate(issue, status, CardStatus(after["status"]))


async def add_carrier(connection: Connection, actor: Actor, token: int, new: New) -> int:
    """Give a card's account a carrier of another kind, active at once; returns its issue number.

    Each is blocked alone; the account's balance, holder and quotas are theirs together.
    """
    if why := card_fault(CardRow(new.token, new.last4)):
        raise RegistryRefused("the new carrier: {column} {why}", column=why[0], why=why[1])
    async with writing(connection, actor):
        card = await the_card(connection, token)
        if card["status"] != CardStatus.ACTIVE:
            raise RegistryRefused("only an active card's account gets another carrier")
        if await connection.fetchval(
            "select true from registry.card where account = $1 and carrier = $2 and not status = any($3)",
            card["account"],
            int(new.carrier),
            [int(status) for status in ENDED],
        ):
            raise RegistryRefused(
                "its account has a {carrier} already: replace that one", carrier=new.carrier.name.lower()
            )
        return await _issue(connection, new, CardStatus.ACTIVE, token)


async def _issue(connection: Connection, new: New, status: CardStatus, like: int) -> int:
    issue: int | None = await connection.fetchval(
        _ISSUED, new.token, new.last4, int(status), int(new.carrier), like, new.pepper
    )
    if issue is None:
        raise RegistryRefused("the new card's number is in use already")
    return issue


def _check_replaceable(status: CardStatus, issue: int) -> None:
    if status is CardStatus.REPLACED:
        raise RegistryRefused("this card was replaced already: replace the newer one")
    if status in ENDED:
        raise RegistryRefused(
            "this card is {card_state}, and its contract ended: no duplicate", card_state=status.name.lower()
        )
    if status is CardStatus.WANTED:
        raise RegistryRefused("this card is to be retained: settle that first, then unblock or block it")
    if issue >= ISSUE_MAX:
        raise RegistryRefused("an account has at most {most} cards of a kind", most=ISSUE_MAX)


async def hand_over_card(
    connection: Connection,
    actor: Actor,
    token: int,
    *,
    expires_on: date | None = None,
    old_card: OldCard | None = None,
) -> int:
    """Make a ready card active; the older ones of its account and kind are dead from then on.

    `expires_on`: its last valid day, if it has none yet, for that is counted from this day (Żywiec 3).
    `old_card`: of a duplicate, what became of the card whose place it takes. Returns how many died.
    """
    async with writing(connection, actor):
        card = await the_card(connection, token)
        if (status := CardStatus(card["status"])) in STOPPED:
            raise RegistryRefused(
                "a card that is {card_state} is not handed over: unblock it first",
                card_state=status.name.lower(),
            )
        check_move(status, CardStatus.ACTIVE, actor.hand)
        await check_not_overtaken(connection, card)
        await check_not_held(connection, card, actor.hand)
        await take_old_card(connection, card, old_card)
        ended = await _end_older(connection, card, card["issue"] - 1)
        if expires_on is not None and card["expires_on"] is None:
            await _put_last_day(connection, token, expires_on)
        await move(connection, [token], CardStatus.ACTIVE)
        return ended


async def _end_older(connection: Connection, card: Any, issue_last: int) -> int:
    """Mark the older cards of an account and kind as replaced, but what is wanted or has ended; return how
    many.
    """
    replaceable = (
        CardStatus.ORDERED,
        CardStatus.READY,
        CardStatus.ACTIVE,
        CardStatus.BLOCKED,
        CardStatus.RETAINED,
    )
    rows = await connection.fetch(
        "select token from registry.card "
        "where account = $1 and carrier = $2 and issue <= $3 and status = any($4::smallint[])",
        card["account"],
        card["carrier"],
        issue_last,
        [int(status) for status in replaceable],
    )
    await move(connection, [row["token"] for row in rows], CardStatus.REPLACED)
    return len(rows)


async def renew_card(connection: Connection, actor: Actor, token: int, expires_on: date | None) -> None:
    """Put the last valid day of a card anew, later than it was (Żywiec 3: on a new application), and that of
    its duplicate that waits, or of the card that works until this one is handed over.
    """
    async with writing(connection, actor):
        card = await the_card(connection, token)
        if CardStatus(card["status"]) in ENDED:
            raise RegistryRefused(
                "a card that is {card_state} is not renewed",
                card_state=CardStatus(card["status"]).name.lower(),
            )
        was = card["expires_on"]
        if was is None:
            raise RegistryRefused("this card has no last day: there is nothing to renew")
        if expires_on is not None and expires_on <= was:
            raise RegistryRefused("it is valid until {day} already", day=was)
        await _put_last_day(connection, token, expires_on)


async def _put_last_day(connection: Connection, token: int, expires_on: date | None) -> None:
    ended = [int(status) for status in ENDED]
    await connection.execute(_PUT_LAST_DAY, token, expires_on, ended)
