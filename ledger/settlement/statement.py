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
from ledger.registry.settlements import named_month

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
    """One sum of a statement; `origin` is the earlier month ("2026-10") whose sale it changes."""

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
    reason: str = ""
    """Of a correction: why it was entered, as it stands in the document that bills it."""


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


class Billed(NamedTuple):
    """The lines with VAT that one document bills: the month's own sale, or what changes an earlier one."""

    is_sale: bool
    origin: str
    """The month whose invoice it changes; "" of a sale, and of what a correction takes off without saying
    from which month.
    """
    lines: tuple[Line, ...]

    @property
    def net_of(self) -> dict[int, int]:
        """The net sum of each rate of VAT."""
        return net_of(self.lines)


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


def net_of(lines: Iterable[Line]) -> dict[int, int]:
    """Return the net sum of lines at each rate of VAT."""
    sums: dict[int, int] = {}
    for line in lines:
        sums[line.vat_rate or 0] = sums.get(line.vat_rate or 0, 0) + line.net_grosze
    return sums


def billed(lines: Iterable[Line]) -> list[Billed]:
    """Return the lines with VAT by the document that bills them, the sale first, then by month of origin.

    A sale is invoiced in its month (VAT Act, art. 106i), what changes an earlier one corrects the invoice
    that billed it (art. 106j). What a correction takes off without a month lowers the month's own sale of its
    rate of VAT, or stands apart where that is less. Lines that come to nothing ask for no document.
    """
    of_month: dict[str, list[Line]] = {"": []}
    for line in lines:
        if line.vat_rate is not None and line.net_grosze:
            of_month.setdefault(named_month(line.origin), []).append(line)
    own = Billed(is_sale=True, origin="", lines=tuple(of_month.pop("")))
    short = {rate for rate, net in own.net_of.items() if net < 0}
    if short:
        of_month[""] = [line for line in own.lines if line.vat_rate in short and line.net_grosze < 0]
    left = (line for line in own.lines if line.vat_rate not in short or line.net_grosze > 0)
    found = [own._replace(lines=tuple(left))]
    found += [Billed(False, month, tuple(taken)) for month, taken in sorted(of_month.items())]
    return [each for each in found if any(each.net_of.values())]


def total(lines: Iterable[Line]) -> Sums:
    """The sums of lines: VAT is computed on the net sum of each document, once for each rate."""
    kept = tuple(lines)
    net_of = [pair for each in billed(kept) for pair in each.net_of.items()]
    outside = sum(line.net_grosze for line in kept if line.vat_rate is None)
    net = sum(of_rate for _, of_rate in net_of)
    vat = sum(half_up(of_rate, rate) for rate, of_rate in net_of)
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
