"""Owns the shape of a partner's monthly statement, and how its sums hang together.

Must not know how the sums are found, nor of documents made from them. Money in grosze, net unless the name
says otherwise; points as integers. Invariant: the sums of a statement are those of its lines (`total`).
"""

from collections.abc import Iterable
from datetime import date
from typing import Final, NamedTuple

from msgspec import Struct

POINTS_BOUGHT: Final = "points_bought"
REBATES: Final = "rebates"
LEASE: Final = "lease"
DUPLICATE_FEES: Final = "duplicate_fees"
CORRECTION: Final = "correction"
CAMPAIGN: Final = "campaign"
KINDS: Final = (POINTS_BOUGHT, REBATES, LEASE, DUPLICATE_FEES, CORRECTION, CAMPAIGN)


class Line(Struct, frozen=True):
    """One sum of a statement; `origin` is the month ("2026-10") that a later reversal takes it back from."""

    kind: str
    quantity: int
    """Points, rebates, months or pieces; may be negative."""
    unit_grosze: int
    """The net price of one; 0 where the sum is no product of a price."""
    net_grosze: int
    """May be negative."""
    vat_rate: int | None
    """Percent; None: outside VAT (rebates are third-party consideration, CJEU C-53/09)."""
    origin: str = ""


class Day(Struct, frozen=True):
    """What one business day of the programme's time zone came to at a partner."""

    date: date
    earns: int = 0
    points_issued: int = 0
    redemptions: int = 0
    points_redeemed: int = 0
    rebates_grosze: int = 0
    uses: int = 0
    discounts_grosze: int = 0
    refunds: int = 0
    reversals: int = 0


class Statement(Struct, frozen=True):
    """What a partner and the organiser of a programme owe each other for a month ("2026-11")."""

    number: str
    programme: int
    partner: int
    month: str
    partner_name: str
    tax_id: str
    address: str
    lines: tuple[Line, ...]
    net_grosze: int
    """Of the lines with a rate of VAT."""
    vat_grosze: int
    gross_grosze: int
    rebates_grosze: int
    """Credited apart, without VAT."""
    due_grosze: int
    """Gross less rebates; negative: the organiser owes the partner."""
    days: tuple[Day, ...]
    closed_at_ms: int | None
    """None while the month is open."""


class Sums(NamedTuple):
    """The sums of lines, as a statement carries them."""

    net_grosze: int
    vat_grosze: int
    gross_grosze: int
    rebates_grosze: int
    due_grosze: int


def half_up(grosze: int, percent: int) -> int:
    """VAT of a net sum, half-up to the grosz, a negative sum as its positive mirror."""
    vat = (abs(grosze) * percent + 50) // 100
    return vat if grosze >= 0 else -vat


def total(lines: Iterable[Line]) -> Sums:
    """The sums of lines: VAT is computed on the net sum of the document, once for each rate."""
    net_of: dict[int, int] = {}
    outside = 0
    for line in lines:
        if line.vat_rate is None:
            outside += line.net_grosze
        else:
            net_of[line.vat_rate] = net_of.get(line.vat_rate, 0) + line.net_grosze
    net = sum(net_of.values())
    vat = sum(half_up(of_rate, rate) for rate, of_rate in net_of.items())
    return Sums(net, vat, net + vat, outside, net + vat - outside)


def statement_number(code: str, month: str, partner: int) -> str:
    """The number of a statement, "CZ/2026/11/8003": the programme's code, the month and the partner."""
    year, of_year = month.split("-")
    return f"{code}/{year}/{of_year}/{partner}"
