"""What fields of messages are made of: their types with bounds, and the shape all messages share.

Owns the bounds as msgspec sees them (the numbers are `limits`) and the closed sets of numbers that fields
hold. Must not know a message. Invariant: a number keyed by a cashier has a wide range, for it is answered by
a result code; every other bound closes the connection.
"""

from __future__ import annotations

from enum import IntEnum, IntFlag
from typing import Annotated, Any, TypeAlias

import msgspec
from msgspec import Meta

from protocol import limits
from protocol.card_number import mask_text


class EntryMode(IntEnum):
    """How the terminal read a card (ISO 8583 field 22)."""

    SWIPED = 1
    SCANNED = 2
    TAPPED = 3
    KEYED = 4


class Check(IntFlag):
    """What a cashier is to see before a benefit, and confirms to have seen."""

    PHOTO_ID = 1
    GUARDIAN_ID = 2
    """Of a minor without a photo document: the parent's or guardian's."""
    NO_OTHER_DISCOUNT = 4


class ReportKind(IntEnum):
    """What a terminal reports of a card."""

    RETAINED = 1
    """The partner keeps the card, for somebody else used it."""
    ATTEMPT = 2
    """Somebody else tried to use it, and left with it."""
    DOUBT = 3
    """Whether the holder is still entitled; nothing is blocked by it."""


ENTRY_MODES_ALL = sum(1 << mode for mode in EntryMode)
"""The bits of all ways a card is read, as `entries` of the SIGN_ON reply holds them."""

Stan: TypeAlias = Annotated[int, Meta(ge=1, le=limits.STAN_MAX)]
StanOrNone: TypeAlias = Annotated[int, Meta(ge=0, le=limits.STAN_MAX)]
TerminalTime: TypeAlias = Annotated[int, Meta(ge=0, le=limits.TERMINAL_TIME_MAX)]
Card: TypeAlias = Annotated[str, Meta(max_length=limits.CARD_BYTES_MAX)]
PrintableAscii: TypeAlias = Annotated[str, Meta(pattern=r"\A[ -~]*\Z")]
WireAmount: TypeAlias = Annotated[int, Meta(ge=-limits.AMOUNT_WIRE_MAX, le=limits.AMOUNT_WIRE_MAX)]
Count: TypeAlias = Annotated[int, Meta(ge=0, le=limits.COUNT_MAX)]
Code: TypeAlias = Annotated[int, Meta(ge=0, le=limits.CODE_MAX)]
Int64: TypeAlias = Annotated[int, Meta(ge=limits.INT64_MIN, le=limits.INT64_MAX)]
UInt63: TypeAlias = Annotated[int, Meta(ge=0, le=limits.INT64_MAX)]
Nonce: TypeAlias = Annotated[bytes, Meta(min_length=limits.NONCE_SIZE, max_length=limits.NONCE_SIZE)]
SessionId: TypeAlias = Annotated[
    bytes, Meta(min_length=limits.SESSION_ID_SIZE, max_length=limits.SESSION_ID_SIZE)
]
Mac: TypeAlias = Annotated[bytes, Meta(min_length=limits.MAC_SIZE, max_length=limits.MAC_SIZE)]
Version: TypeAlias = Annotated[int, Meta(ge=1, le=255)]
Entry: TypeAlias = Annotated[int, Meta(ge=1, le=len(EntryMode))]
EntryBits: TypeAlias = Annotated[int, Meta(ge=0, le=ENTRY_MODES_ALL)]
Report: TypeAlias = Annotated[int, Meta(ge=1, le=len(ReportKind))]
TerminalNumber: TypeAlias = Annotated[int, Meta(ge=1, le=limits.TERMINAL_MAX)]
Generation: TypeAlias = Annotated[int, Meta(ge=1, le=limits.GENERATION_MAX)]
GenerationOrNone: TypeAlias = Annotated[int, Meta(ge=0, le=limits.GENERATION_MAX)]
WrappedKey: TypeAlias = Annotated[bytes, Meta(max_length=limits.WRAPPED_KEY_SIZE)]
Language: TypeAlias = Annotated[str, Meta(pattern=r"\A[a-z]{2}\Z")]
MessageNumber: TypeAlias = Annotated[int, Meta(ge=1, le=limits.MESSAGE_NUMBER_MAX)]
OfferNumber: TypeAlias = Annotated[int, Meta(ge=1, le=limits.OFFER_MAX)]
OfferOrNone: TypeAlias = Annotated[int, Meta(ge=0, le=limits.OFFER_MAX)]
OfferKind: TypeAlias = Annotated[int, Meta(ge=0, le=limits.OFFER_KIND_MAX)]
OfferName: TypeAlias = Annotated[str, Meta(max_length=limits.OFFER_NAME_BYTES_MAX)]
Bits: TypeAlias = Annotated[int, Meta(ge=0, le=limits.BITS_MAX)]
Remaining: TypeAlias = Annotated[int, Meta(ge=-1, le=limits.COUNT_MAX)]


class Message(msgspec.Struct, array_like=True, frozen=True, forbid_unknown_fields=True, gc=False):
    """A msgpack array of exactly the declared fields."""


class Request(Message, frozen=True):
    """What a terminal asks; `terminal_time` is recorded, never trusted."""

    stan: Stan
    terminal_time: TerminalTime


class CardMessage(Request, frozen=True):
    """A request for a card; printed for a log or a failure it shows the last four digits at most."""

    card: Card
    entry: Entry

    def __repr__(self) -> str:
        shown = ", ".join(f"{name}={value!r}" for name, value in self.__rich_repr__())
        return f"{type(self).__name__}({shown})"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        fields = {name: getattr(self, name) for name in self.__struct_fields__}
        return list({**fields, "card": mask_text(self.card)}.items())
