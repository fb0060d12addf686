"""Owns the life of a card: its states, which may follow which, and by whose hand.

One table, `MOVES`. The database holds the same table (`registry.card_move`) and refuses every other change of
a status, whoever makes it; tests hold the two, and docs/cards.md, together. Pure.

`expired` is no state that is stored: an active card is expired once its last valid day is over, by the
programme's time zone. Every move acts at once, in every worker; a sale made offline before it is judged by
what the card was then.
"""

from enum import IntEnum, StrEnum
from itertools import product
from typing import Final, NamedTuple

from ledger.errors import RegistryRefused


class CardStatus(IntEnum):
    """Of one plastic (or transport card, or QR code)."""

    ACTIVE = 0
    BLOCKED = 1
    WANTED = 2
    """To be kept by whoever is shown it."""
    REPLACED = 3
    ORDERED = 4
    READY = 5
    CLOSED = 6
    RETAINED = 7
    """Kept by a partner, who hands it to the organiser."""
    RESIGNED = 8
    VOID = 9


class Hand(StrEnum):
    """By whose hand a card changes, and where that one has a choice, how: at a desk, online or by post."""

    DESK = "desk"
    """The office in its own work."""
    ORGANISER = "organiser"
    """The city's decision."""
    HOLDER_DESK = "holder-desk"
    HOLDER_ONLINE = "holder-online"
    HOLDER_POST = "holder-post"
    GUARDIAN_DESK = "guardian-desk"
    GUARDIAN_ONLINE = "guardian-online"
    GUARDIAN_POST = "guardian-post"
    PROXY_DESK = "proxy-desk"
    PROXY_ONLINE = "proxy-online"
    TERMINAL = "terminal"
    """A partner's report."""
    CLOCK = "clock"
    """A term that has ended."""


class Move(NamedTuple):
    """What may become of a card: by which act, from what, into what, by whose hand, and what says so."""

    act: str
    was: tuple[CardStatus, ...]
    becomes: tuple[CardStatus, ...]
    hands: tuple[Hand, ...]
    source: str


_S = CardStatus
OFFICE: Final = (Hand.DESK, Hand.ORGANISER)
_AT_A_DESK: Final = (Hand.HOLDER_DESK, Hand.GUARDIAN_DESK)
ONLINE: Final = (Hand.HOLDER_ONLINE, Hand.GUARDIAN_ONLINE)
_BY_POST: Final = (Hand.HOLDER_POST, Hand.GUARDIAN_POST)
WAITING: Final = (_S.ORDERED, _S.READY)
STOPPED: Final = (_S.BLOCKED, _S.WANTED, _S.RETAINED)

MOVES: Final = (
    Move("ready", (_S.ORDERED,), (_S.READY,), (Hand.DESK,), "Zgierz § 12.2.5: it lies at the desk"),
    Move("activate", (_S.READY,), (_S.ACTIVE,), (Hand.DESK,), "Zgierz § 8, § 28: handed over in person"),
    Move(
        "block",
        (*WAITING, _S.ACTIVE, _S.WANTED),
        (_S.BLOCKED,),
        (*OFFICE, *ONLINE, Hand.PROXY_ONLINE, *_AT_A_DESK, Hand.TERMINAL),
        "Zgierz § 24; Żywiec 4: an attempt a partner reports",
    ),
    Move("unblock", STOPPED, (*WAITING, _S.ACTIVE), OFFICE, "not stated: the office, to what it was"),
    Move("want", (_S.ACTIVE, _S.BLOCKED), (_S.WANTED,), OFFICE, "Żywiec 4: partners retain"),
    Move(
        "retained",
        (*WAITING, _S.ACTIVE, _S.BLOCKED, _S.WANTED),
        (_S.RETAINED,),
        (*OFFICE, Hand.TERMINAL),
        "Żywiec 4: kept on the partner's own finding",
    ),
    Move(
        "replace",
        (*WAITING, _S.ACTIVE, _S.BLOCKED, _S.RETAINED),
        (_S.REPLACED,),
        (*OFFICE, *_AT_A_DESK),
        "Zgierz § 27, § 28; Żywiec 3: when the duplicate is handed over",
    ),
    Move(
        "resign",
        (*WAITING, _S.ACTIVE, *STOPPED),
        (_S.RESIGNED,),
        (*_AT_A_DESK, *ONLINE, *_BY_POST),
        "Zgierz § 31, § 35",
    ),
    Move(
        "void",
        (*WAITING, _S.ACTIVE, *STOPPED),
        (_S.VOID,),
        (Hand.ORGANISER, Hand.CLOCK),
        "Zgierz § 32, § 33; Żywiec 4: the organiser",
    ),
    Move(
        "close",
        (*WAITING, _S.ACTIVE, *STOPPED, _S.RESIGNED, _S.VOID),
        (_S.CLOSED,),
        (*OFFICE, *_AT_A_DESK, *ONLINE),
        "Zgierz § 26: the account is deleted",
    ),
)

HANDS: Final = {
    pair: move.hands for move in MOVES for pair in product(move.was, move.becomes) if pair[0] != pair[1]
}
"""By whose hands a card may go from one state into another; a pair that is not here is no move."""

ENDED: Final = frozenset({_S.REPLACED, _S.RESIGNED, _S.VOID, _S.CLOSED})
"""What no card comes back from."""


def check_move(was: CardStatus, becomes: CardStatus, hand: str) -> None:
    """Raise RegistryRefused unless a card of one state may become another by this hand."""
    hands = HANDS.get((was, becomes))
    if hands is None:
        raise no_move(was, becomes)
    if hand not in hands:
        raise RegistryRefused(
            "a card is not made {card_becomes} by {hand}: only by {hands}",
            card_becomes=becomes.name.lower(),
            hand=hand,
            hands=hands,
        )


def no_move(was: CardStatus, becomes: CardStatus) -> RegistryRefused:
    """Return the refusal of what is no move, by whatever hand."""
    states = {"card_state": was.name.lower(), "card_becomes": becomes.name.lower()}
    if was is _S.REPLACED:
        return RegistryRefused(
            "a card that is {card_state} cannot be made {card_becomes}: replace or use the newer one",
            **states,
        )
    return RegistryRefused("a card that is {card_state} cannot be made {card_becomes}", **states)
