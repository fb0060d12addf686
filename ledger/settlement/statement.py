"""Owns the shape of a partner's monthly statement, how its sums hang together, and the reading of those kept.

Must not know how the sums are found, nor of documents made
from them. Money in grosze, net unless the name
says otherwise; points as integers. Invariant: the sums of a statement are those of its lines (`total`).
"""

import re
from collections.abc import Iterable
from datetime import date
from typing import Any, Final, NamedTuple

import msgspec
from msgspec import Struct

from ledger.errors import NotInRegistry, RegistryRefused
from ledger.postgres.database import Connection
from ledger.registry.bounds import ID_MAX, PROGRAMME_MAX, check_number

POINTS_BOUGHT: Final = "points_bought"
REBATES: Final = "rebates"
LEASE: Final = "lease"
DUPLICATE_FEES: Final = "duplicate_fees"
CORRECTION: Final = "correction"
CAMPAIGN: Final = "campaign"
_MONTH: Final = re.compile(r"20[0-9]{2}-(0[1-9]|1[0-2])")
_KEPT: Final = """
select s.document::text, (extract(epoch from p.closed_at) * 1000)::bigint as closed_at_ms
  from registry.statement s left join registry.settlement_period p using (programme, month)
  where s.programme = $1 and s.month = $2"""
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
    contract: int = 0
    """Of a lease: the number of the partner's contract that it is due under; 0 of everything else."""


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


def check_month(month: str) -> str:
    """Return a month like "2026-11". Raises RegistryRefused for anything else."""
    if not _MONTH.fullmatch(month):
        raise RegistryRefused("a month is written like 2026-11")
    return month


async def read_statement(connection: Connection, programme: int, partner: int, month: str) -> Statement:
    """The statement of a partner as it was computed last. Raises NotInRegistry where there is none."""
    check_number("the number of a partner", partner, 1, ID_MAX)
    _check(programme, month)
    row = await connection.fetchrow(f"{_KEPT} and s.partner = $3", programme, month, partner)
    if row is None:
        raise NotInRegistry(
            "there is no statement of partner {partner} for {month}", partner=partner, month=month
        )
    return _kept(row)


async def read_statements(connection: Connection, programme: int, month: str) -> list[Statement]:
    """All statements of a month as they were computed last, by partner. Raises NotInRegistry without any."""
    _check(programme, month)
    rows = await connection.fetch(f"{_KEPT} order by s.partner", programme, month)
    if not rows:
        raise NotInRegistry(
            "month {month} of programme {programme} was not settled yet", month=month, programme=programme
        )
    return [_kept(row) for row in rows]


def _check(programme: int, month: str) -> None:
    check_number("the number of a programme", programme, 1, PROGRAMME_MAX)
    check_month(month)


def _kept(row: Any) -> Statement:
    kept = msgspec.json.decode(row["document"], type=Statement)
    return msgspec.structs.replace(kept, closed_at_ms=row["closed_at_ms"])
