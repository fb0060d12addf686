"""What a terminal asks: the fields of every request, in the order of the wire.

Owns the requests, and all there is to say of each: its number, its reply, its relations in other protocols,
what its reply holds (`catalogue`). All begin with `stan` 1..2**31-1 and `terminal_time` in Unix seconds
0..2**32-1 (recorded, never trusted); those for a card go on with the card's text and how it was read.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from protocol import limits
from protocol.catalogue import listed
from protocol.fields import (
    Bits,
    CardMessage,
    Count,
    Generation,
    Int64,
    Language,
    MessageNumber,
    OfferOrNone,
    PrintableAscii,
    Report,
    Request,
    Stan,
    TerminalNumber,
    WireAmount,
)
from protocol.replies import Ack, KeyChangeReply, SignOnReply, StatusReply, TotalsReply, VerifyReply
from protocol.reply_figures import (
    ALWAYS,
    BALANCE_TOLD,
    BENEFIT_GRANTED,
    MONEY_BACK,
    POINTS_GIVEN,
    POINTS_SPENT,
    QUOTE_TOLD,
    UNDONE,
    Said,
)

__all__ = [
    "Balance",
    "BenefitAdvice",
    "BenefitUse",
    "CardReport",
    "Earn",
    "EarnAdvice",
    "Echo",
    "KeyChange",
    "Quote",
    "Redeem",
    "Refund",
    "Reversal",
    "SignOff",
    "SignOn",
    "Status",
    "Totals",
    "Verify",
]


@listed(
    0x08,
    reply=SignOnReply,
    iso="0800",
    nexo="Login",
    holds=(
        Said("0", "all fields hold"),
        Said("30, 31, 33", "all fields hold, and the terminal is signed on: new business is refused"),
        Said("10", "only `stan`, `code` and `server_time_ms` hold: `last_stan` is not known, and 0"),
    ),
)
class SignOn(Request, frozen=True):
    """Ask for the programme's settings; `software` names the terminal's program, printable ASCII.

    `language` is the one receipts are to be printed in; `offers_after` the offer after which the page of
    offers begins, 0 for the first.
    """

    software: Annotated[PrintableAscii, Meta(max_length=limits.SOFTWARE_BYTES_MAX)]
    language: Language
    offers_after: OfferOrNone


@listed(0x09, reply=Ack, iso="0800", nexo="Logout", holds=ALWAYS)
class SignOff(Request, frozen=True):
    """The terminal goes home; nothing is in flight any more."""


@listed(0x0A, reply=Ack, iso="0800", nexo="Diagnosis", holds=ALWAYS)
class Echo(Request, frozen=True):
    """Is the switch there?"""


@listed(
    0x0B,
    reply=KeyChangeReply,
    iso="0800",
    nexo="none (a TMS loads keys)",
    holds=(
        Said("0", "`generation` is above the one of the session, `wrapped` has 60 bytes"),
        Said("10, 20", "`generation` 0, `wrapped` empty"),
    ),
)
class KeyChange(Request, frozen=True):
    """Ask for a newer key than `generation`, the newest the terminal holds."""

    generation: Generation


@listed(0x10, iso="0100", nexo="BalanceInquiry", holds=BALANCE_TOLD)
class Balance(CardMessage, frozen=True):
    """Ask for the balance of a card; never journalled."""


@listed(
    0x11,
    reply=VerifyReply,
    iso="0100",
    nexo="CardAcquisition",
    holds=(
        Said("0", "all fields hold; no benefit at all is 0, too"),
        Said("all others", "no benefits, `checks` and `benefits_next` 0; `receipt` says why"),
    ),
)
class Verify(CardMessage, frozen=True):
    """Which benefits hold for a card here and now? `offers_after` as in SIGN_ON; never journalled."""

    offers_after: OfferOrNone


@listed(0x12, iso="0100", holds=QUOTE_TOLD)
class Quote(CardMessage, frozen=True):
    """What would `operation` (EARN, REDEEM or BENEFIT_USE, by its number) come to? Never journalled.

    `number` is the tier or the offer, 0 for EARN; `amount` as that operation would state it.
    """

    operation: MessageNumber
    amount: WireAmount
    number: WireAmount


@listed(0x20, iso="0200", nexo="Loyalty: Award", holds=POINTS_GIVEN)
class Earn(CardMessage, frozen=True):
    """Points for `amount` grosze paid, decided now."""

    amount: WireAmount


@listed(0x21, iso="0220, repeat 0221", nexo="Loyalty: Award", holds=POINTS_GIVEN)
class EarnAdvice(CardMessage, frozen=True):
    """Points for `amount` grosze paid while the terminal was offline (`terminal_time` says when)."""

    amount: WireAmount


@listed(0x22, iso="0200", nexo="Loyalty: Redemption", holds=POINTS_SPENT)
class Redeem(CardMessage, frozen=True):
    """Spend one tier of points; `tier` in points, `amount` what is to pay before the rebate, 0 unknown."""

    tier: WireAmount
    amount: WireAmount


@listed(0x23, iso="0200", nexo="Loyalty: Rebate", holds=BENEFIT_GRANTED)
class BenefitUse(CardMessage, frozen=True):
    """Use one benefit: `amount` the price before it in grosze, `confirmed` what the cashier has seen."""

    offer: Count
    amount: WireAmount
    confirmed: Bits


@listed(0x24, iso="0220, repeat 0221", nexo="Loyalty: Rebate", holds=BENEFIT_GRANTED)
class BenefitAdvice(CardMessage, frozen=True):
    """A benefit granted while the terminal was offline (`terminal_time` says when)."""

    offer: Count
    amount: WireAmount
    confirmed: Bits


@listed(0x25, iso="0200 (processing code 20)", nexo="Loyalty: AwardRefund, RebateRefund", holds=MONEY_BACK)
class Refund(CardMessage, frozen=True):
    """Give `amount` grosze of a sale back, which was made at any terminal of the partner."""

    original_terminal: TerminalNumber
    original_stan: Stan
    amount: WireAmount


@listed(0x30, iso="0400, repeat 0401", nexo="Reversal", holds=UNDONE)
class Reversal(CardMessage, frozen=True):
    """Undo the terminal's own `original_stan`, which was for this card, or keep it from ever posting."""

    original_stan: Stan


@listed(
    0x31,
    reply=StatusReply,
    iso="0100",
    nexo="TransactionStatus",
    holds=(
        Said("0", "`original` is the reply the original got, a refusal too"),
        Said("all others", "`original` is nil"),
    ),
)
class Status(CardMessage, frozen=True):
    """What became of `original_stan`? If the switch has never seen it, it never will be executed."""

    original_stan: Stan


@listed(
    0x32,
    reply=Ack,
    iso="0620, repeat 0621",
    nexo="none (Admin)",
    holds=(
        Said("0", "taken down, whatever the card is"),
        Said("10, 20, 21", "nothing was taken down"),
    ),
)
class CardReport(CardMessage, frozen=True):
    """Tell the organiser of a card; `report` is a `ReportKind`."""

    report: Report


@listed(
    0x38,
    reply=TotalsReply,
    iso="0500",
    nexo="Reconciliation",
    holds=(Said("0, 3", "the switch's sums"), Said("10, 20", "0 in all sums")),
)
class Totals(Request, frozen=True):
    """The terminal's sums over its STANs `stan_from..stan_to`: counts, signed points, grosze of discounts."""

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
