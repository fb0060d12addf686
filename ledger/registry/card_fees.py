"""Owns what a duplicate wants of its holder: its fee and the payment of it, and what becomes of the old card.

Both are by the rules of the day it was asked for, and written down with it (migrations, 0041). Its fee is
owed once it is handed over; where the rules want the old card (Żywiec § 3: "zwrot Karty lub podpisanie
oświadczenia o niemożności zwrócenia"), the hand-over says which of the two there was, or is none: the
database holds it, too. Takes the owner's connection, or a programme's own role; every write takes its actor.
Invariants: a payment, and that it was taken back, are rows of their moments which never change, so no month
that was closed does; what was paid for a duplicate that nobody was handed is given back.
"""

from datetime import datetime
from typing import Any, Final, Literal, NamedTuple

from ledger.errors import RegistryRefused
from ledger.postgres.database import Connection
from ledger.registry.audit import Actor, writing
from ledger.registry.card_states import ENDED, CardStatus

OldCard = Literal["returned", "declared"]
"""Given back, or declared with a signature that it cannot be."""
PaidHow = Literal["cash", "card", "transfer"]
_WRITE: Final = """insert into registry.card_fee
    (account, carrier, issue, programme, why, grosze, old_card_needed, old_card, owed_at)
  select account, carrier, issue, programme, $2, $3, $4, $5, case when status = 0 then clock_timestamp() end
    from registry.card where token = $1"""
_THIS: Final = "f.account = $1 and f.carrier = $2 and f.issue = $3"
_FIND: Final = f"""select f.grosze, f.old_card_needed, f.old_card, coalesce(p.how, ''), p.at, p.made_by,
    f.owed_at is not null, p.number as payment, f.number as fee, c.status
  from registry.card_fee f join registry.card c using (account, carrier, issue)
    left join lateral (select * from registry.card_fee_payment m where m.fee = f.number
      order by m.number desc limit 1) p on p.grosze > 0
  where {_THIS}"""  # noqa: S608 a fixed text
_TO_GIVE_BACK: Final = """select f.account, f.carrier, f.issue, c.last4, c.status, p.number as payment,
    p.grosze, p.how, p.at, p.made_by
  from registry.card_fee f join registry.card c using (account, carrier, issue)
    cross join lateral (select * from registry.card_fee_payment m where m.fee = f.number
      order by m.number desc limit 1) p
  where f.programme = $1 and f.owed_at is null and p.grosze > 0 and ($2::bigint is null or f.account = $2)
  order by p.number"""
_TAKE: Final = f"update registry.card_fee f set old_card = $4 where {_THIS}"  # noqa: S608 a fixed text
_PAY: Final = "insert into registry.card_fee_payment (fee, how, grosze) values ($1, $2, $3)"
_TAKE_BACK: Final = """insert into registry.card_fee_payment (fee, how, grosze, takes_back)
  select fee, how, -grosze, number from registry.card_fee_payment where number = $1"""


class Fee(NamedTuple):
    """What a duplicate costs its holder, why it is made ("": the programme's fees are one), and whether its
    hand-over wants the old card.
    """

    why: str
    grosze: int
    old_card_needed: bool = False


class Kept(NamedTuple):
    """What is written down of a duplicate; `old_card`: "" where nothing was taken down yet; `paid_how`, when
    and by whom taken, `payment`, its number: of the payment that stands, "" where there is none. `is_owed`:
    it was handed over.
    """

    grosze: int
    old_card_needed: bool
    old_card: str
    paid_how: str
    paid_at: datetime | None
    paid_by: str | None
    is_owed: bool
    payment: int | None = None


FREE: Final = Fee("", 0)


async def write_fee(connection: Connection, token: int, fee: Fee, old_card: OldCard | None) -> None:
    """Write down what a duplicate wants, with the card itself; `old_card`: of one that is handed over at
    once.
    """
    await connection.execute(_WRITE, token, *fee, old_card or "")


def check_old_card(old_card: OldCard | None, *, is_needed: bool) -> None:
    """Raise RegistryRefused where a hand-over wants the old card, and nobody says what became of it."""
    if is_needed and old_card is None:
        raise RegistryRefused(
            "a duplicate is handed over for the old card, or for a signed declaration that it cannot be "
            "returned: say which of the two there is"
        )


async def take_old_card(connection: Connection, card: Any, old_card: OldCard | None) -> None:
    """Take down what became of the old card at the hand-over of a card, where it takes another's place.

    Raises RegistryRefused where that is wanted and not said, or said of what is no duplicate.
    """
    kept = await kept_fee(connection, card)
    if kept is None and old_card is not None:
        raise RegistryRefused("this card takes the place of no other: there is no old card")
    check_old_card(old_card, is_needed=kept is not None and kept.old_card_needed)
    if old_card is not None:
        await connection.execute(_TAKE, *_key(card), old_card)


async def kept_fee(connection: Connection, card: Any) -> Kept | None:
    """Return what is written down of a duplicate; None: the card takes the place of no other."""
    row = await connection.fetchrow(_FIND, *_key(card))
    return None if row is None else _kept(row)


async def record_paid(connection: Connection, actor: Actor, card: Any, how: PaidHow | None) -> Kept:
    """Take down that a duplicate's fee was paid, and how; None: it was not, or was given back. Returns what
    is kept of it then, when and by whom included.

    What was taken down before is taken back with a reason, now: paid in another way than was said is no new
    money. Raises RegistryRefused where there is no fee.
    """
    async with writing(connection, actor):
        row = await connection.fetchrow(_FIND, *_key(card))
        if row is None or not row["grosze"]:
            raise RegistryRefused("this card costs its holder nothing")
        kept = _kept(row)
        if kept.paid_how == (how or ""):
            return kept
        if kept.paid_how:
            if not actor.reason.strip():
                raise RegistryRefused("a payment that was taken down is replaced with a reason")
            await connection.execute(_TAKE_BACK, row["payment"])
        if how is not None:
            if not kept.is_owed and CardStatus(row["status"]) in ENDED:
                raise not_handed_over()
            await connection.execute(_PAY, row["fee"], how, kept.grosze)
        return _kept(await connection.fetchrow(_FIND, *_key(card)))


async def check_given_back(connection: Connection, card: Any) -> None:
    """Raise RegistryRefused where a fee was paid for a duplicate that is not handed over, and from now on
    will not be: it is given back first.
    """
    kept = await kept_fee(connection, card)
    if kept is not None and kept.paid_how and not kept.is_owed:
        raise RegistryRefused(
            "the fee of this duplicate was paid, and it is not handed over: give it back first, and take "
            "that down"
        )


async def fees_to_give_back(connection: Connection, programme: int, account: int | None = None) -> list[Any]:
    """Return what was paid for duplicates of a programme (of an account) that nobody will be handed, the
    oldest payment first: whoever deleted the account has no application any more by which it is given back.
    """
    rows = await connection.fetch(_TO_GIVE_BACK, programme, account)
    return [row for row in rows if CardStatus(row["status"]) in ENDED]


async def check_erasable(connection: Connection, programme: int, account: int) -> None:
    """Raise RegistryRefused where a fee was paid for a duplicate of an account that nobody was handed: before
    an office erases who it is of, it is given back.
    """
    for row in await connection.fetch(_TO_GIVE_BACK, programme, account):
        await check_given_back(connection, row)


def not_handed_over() -> RegistryRefused:
    """Return why nothing is paid for a duplicate that nobody will be handed."""
    return RegistryRefused("this duplicate is not handed over any more: nothing is paid for it")


def _kept(row: Any) -> Kept:
    return Kept(*row[: len(Kept._fields)])


def _key(card: Any) -> tuple[int, int, int]:
    return card["account"], card["carrier"], card["issue"]
