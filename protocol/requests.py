"""What a terminal asks: the fields of every request, in the order of the wire.

Owns the requests; their numbers are `messages`'. All begin with `stan` 1..2**31-1 and `terminal_time` in Unix
seconds 0..2**32-1 (recorded, never trusted); those for a card go on with the card's text and how it was read.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from protocol import limits
from protocol.fields import (
    Bits,
    CardMessage,
    Count,
    Generation,
    Int64,
    Language,
    Message,
    MessageNumber,
    OfferOrNone,
    PrintableAscii,
    Report,
    Stan,
    TerminalNumber,
    TerminalTime,
    WireAmount,
)


class SignOn(Message, frozen=True):
    """Ask for the programme's settings; `software` names the terminal's program, printable ASCII.

    `language` is the one receipts are to be printed in; `offers_after` the offer after which the page of
    offers begins, 0 for the first.
    """

    stan: Stan
    terminal_time: TerminalTime
    software: Annotated[PrintableAscii, Meta(max_length=limits.SOFTWARE_BYTES_MAX)]
    language: Language
    offers_after: OfferOrNone


class SignOff(Message, frozen=True):
    """The terminal goes home; nothing is in flight any more."""

    stan: Stan
    terminal_time: TerminalTime


class Echo(Message, frozen=True):
    """Is the switch there?"""

    stan: Stan
    terminal_time: TerminalTime


class KeyChange(Message, frozen=True):
    """Ask for a newer key than `generation`, the newest the terminal holds."""

    stan: Stan
    terminal_time: TerminalTime
    generation: Generation


class Balance(CardMessage, frozen=True):
    """Ask for the balance of a card; never journalled."""


class Verify(CardMessage, frozen=True):
    """Which benefits hold for a card here and now? `offers_after` as in SIGN_ON; never journalled."""

    offers_after: OfferOrNone


class Quote(CardMessage, frozen=True):
    """What would `operation` (EARN, REDEEM or BENEFIT_USE, by its number) come to? Never journalled.

    `number` is the tier or the offer, 0 for EARN; `amount` as that operation would state it.
    """

    operation: MessageNumber
    amount: WireAmount
    number: WireAmount


class Earn(CardMessage, frozen=True):
    """Points for `amount` grosze paid, decided now."""

    amount: WireAmount


class EarnAdvice(CardMessage, frozen=True):
    """Points for `amount` grosze paid while the terminal was offline (`terminal_time` says when)."""

    amount: WireAmount


class Redeem(CardMessage, frozen=True):
    """Spend one tier of points; `tier` in points, `amount` what is to pay before the rebate, 0 unknown."""

    tier: WireAmount
    amount: WireAmount


class BenefitUse(CardMessage, frozen=True):
    """Use one benefit: `amount` the price before it in grosze, `confirmed` what the cashier has seen."""

    offer: Count
    amount: WireAmount
    confirmed: Bits


class BenefitAdvice(CardMessage, frozen=True):
    """A benefit granted while the terminal was offline (`terminal_time` says when)."""

    offer: Count
    amount: WireAmount
    confirmed: Bits


class Refund(CardMessage, frozen=True):
    """Give `amount` grosze of a sale back, which was made at any terminal of the partner."""

    original_terminal: TerminalNumber
    original_stan: Stan
    amount: WireAmount


class Reversal(CardMessage, frozen=True):
    """Undo the terminal's own `original_stan`, which was for this card, or keep it from ever posting."""

    original_stan: Stan


class Status(CardMessage, frozen=True):
    """What became of `original_stan`? If the switch has never seen it, it never will be executed."""

    original_stan: Stan


class CardReport(CardMessage, frozen=True):
    """Tell the organiser of a card; `report` is a `ReportKind`."""

    report: Report


class Totals(Message, frozen=True):
    """The terminal's sums over its STANs `stan_from..stan_to`: counts, signed points, grosze of discounts."""

    stan: Stan
    terminal_time: TerminalTime
    stan_from: Stan
    stan_to: Stan
    earn_count: Count
    earn_points: Int64
    redeem_count: Count
    redeem_points: Int64
    reversal_count: Count
    reversal_points: Int64
    benefit_count: Count
    benefit_grosze: Int64
    refund_count: Count
    refund_points: Int64
