"""Owns what a duplicate wants of its holder: its fee and the payment of it, and what becomes of the old card.

Both are by the rules of the day it was asked for, and written down with it (migrations, 0041). Its fee is
owed once it is handed over; where the rules want the old card (Żywiec § 3: "zwrot Karty lub podpisanie
oświadczenia o niemożności zwrócenia"), the hand-over says which of the two there was, or is none: the
database holds it, too. Takes the owner's connection, or a programme's own role; every write takes its actor.
"""

from datetime import datetime
from typing import Any, Final, Literal, NamedTuple

from ledger.errors import RegistryRefused
from ledger.postgres.database import Connection
from ledger.registry.audit import Actor, writing

OldCard = Literal["returned", "declared"]
"""Given back, or declared with a signature that it cannot be."""
PaidHow = Literal["cash", "card", "transfer"]
_WRITE: Final = """insert into registry.card_fee
    (account, carrier, issue, programme, why, grosze, old_card_needed, old_card, owed_at)
  select account, carrier, issue, programme, $2, $3, $4, $5, case when status = 0 then clock_timestamp() end
    from registry.card where token = $1"""
_THIS: Final = "account = $1 and carrier = $2 and issue = $3"
_FIND: Final = f"""select grosze, old_card_needed, old_card, paid_how, paid_at, paid_by
  from registry.card_fee where {_THIS}"""  # noqa: S608 a fixed text
_TAKE: Final = f"update registry.card_fee set old_card = $4 where {_THIS}"  # noqa: S608 a fixed text
_PAY: Final = f"update registry.card_fee set paid_how = $4 where {_THIS}"  # noqa: S608 a fixed text


class Fee(NamedTuple):
    """What a duplicate costs its holder, why it is made ("": the programme's fees are one), and whether its
    hand-over wants the old card.
    """

    why: str
    grosze: int
    old_card_needed: bool = False


class Kept(NamedTuple):
    """What is written down of a duplicate; `old_card`, `paid_how`: "" where nothing was taken down yet."""

    grosze: int
    old_card_needed: bool
    old_card: str
    paid_how: str
    paid_at: datetime | None
    paid_by: str | None


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
    return None if row is None else Kept(*row)


async def record_paid(connection: Connection, actor: Actor, card: Any, how: PaidHow | None) -> Kept:
    """Take down that a duplicate's fee was paid, and how; None: it was not, or was given back. Returns what
    is kept of it then, when and by whom included.

    What was taken down before is replaced with a reason. Raises RegistryRefused where there is no fee.
    """
    async with writing(connection, actor):
        kept = await kept_fee(connection, card)
        if kept is None or not kept.grosze:
            raise RegistryRefused("this card costs its holder nothing")
        if kept.paid_how == (how or ""):
            return kept
        if kept.paid_how and not actor.reason.strip():
            raise RegistryRefused("a payment that was taken down is replaced with a reason")
        await connection.execute(_PAY, *_key(card), how or "")
        return Kept(*await connection.fetchrow(_FIND, *_key(card)))


def _key(card: Any) -> tuple[int, int, int]:
    return card["account"], card["carrier"], card["issue"]
