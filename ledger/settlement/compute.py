"""Owns how a month becomes statements: lines and days of each partner, and the organiser's summary. Pure.

Invariants: the lines of a partner come to what its accounts moved in the month; the days sum up to the lines.
"""

from collections.abc import Iterable
from typing import Final
from zoneinfo import ZoneInfo

from msgspec import Struct

from ledger.registry.settlements import named_month
from ledger.settlement.leases import leased
from ledger.settlement.movement import Month, Moved, Party
from ledger.settlement.prices import PointPrice, Prices, contract_month
from ledger.settlement.statement import (
    CAMPAIGN,
    CORRECTION,
    DUPLICATE_FEES,
    KINDS,
    LEASE,
    POINTS_BOUGHT,
    REBATES,
    Day,
    Line,
    Statement,
    statement_number,
    total,
)

NOBODY: Final = Party("", "", "")


class Summary(Struct, frozen=True):
    """What a month of a programme came to for its organiser: lines by kind and price, of all partners.

    Duplicates' fees are the holders', outside VAT, and in no statement; `due_grosze` is without them.
    """

    programme: int
    month: str
    statements: int
    lines: tuple[Line, ...]
    net_grosze: int
    vat_grosze: int
    """The sum of the statements'."""
    gross_grosze: int
    rebates_grosze: int
    due_grosze: int
    duplicate_fees_grosze: int
    closed_at_ms: int | None
    duplicate_fees_paid_grosze: int = 0
    """What holders paid of such fees in the month, whenever they were owed, less what was taken back in it:
    below zero where that is more.
    """


def statements_of(month: Month, prices: Prices) -> list[Statement]:
    """Return the statement of each partner that had a contract, a movement or a correction in the month.

    Raises RegistryRefused where the rules do not say a price that is needed.
    """
    span, zone = month.span, ZoneInfo(month.span.zone)
    lines: dict[int, list[Line]] = {}
    moved: dict[int, list[Moved]] = {}
    for row in month.moved:
        moved.setdefault(row.partner, []).append(row)
    for partner, rows in moved.items():
        lines.setdefault(partner, []).extend((*_points(rows, prices), *_rebates(rows)))
    for partner, leases in _leases(month, prices):
        lines.setdefault(partner, []).extend(leases)
    for made in month.corrections:
        net, earlier = made.net_grosze, named_month(made.origin)
        origin = "" if earlier == span.month else earlier or made.origin
        line = Line(CORRECTION, 1, net, net, made.vat_rate, origin, reason=made.reason)
        lines.setdefault(made.partner, []).append(line)
    for bonus in month.bonuses:
        rate = prices.at_the_end_of(bonus.origin or span.month, zone).vat_rate
        line = Line(CAMPAIGN, bonus.points, 0, 0, rate, bonus.origin)
        lines.setdefault(bonus.partner, []).append(line)
    made_of = []
    for partner in sorted(lines):
        party = month.parties.get(partner, NOBODY)
        ordered = sorted(lines[partner], key=_place)
        made_of.append(
            Statement(
                statement_number(span.code, span.month, partner),
                span.programme,
                partner,
                span.month,
                *party,
                tuple(ordered),
                *total(ordered),
                _days(moved.get(partner, ())),
                None,
            )
        )
    return made_of


def summary_of(month: Month, statements: Iterable[Statement]) -> Summary:
    """Return the organiser's summary of the month's statements."""
    kept = list(statements)
    sums: dict[tuple[int, str, int, int | None], tuple[int, int]] = {}
    for statement in kept:
        for line in statement.lines:
            unit = line.unit_grosze if line.kind in (POINTS_BOUGHT, LEASE) else 0
            key = (KINDS.index(line.kind), line.origin, unit, line.vat_rate)
            quantity, net = sums.get(key, (0, 0))
            sums[key] = (quantity + line.quantity, net + line.net_grosze)
    pieces, fees, fees_paid = month.fees
    if pieces:
        sums[KINDS.index(DUPLICATE_FEES), "", 0, None] = (pieces, fees)
    lines = [
        Line(KINDS[kind], quantity, unit, net, rate, origin)
        for (kind, origin, unit, rate), (quantity, net) in sums.items()
    ]
    return Summary(
        month.span.programme,
        month.span.month,
        len(kept),
        tuple(sorted(lines, key=_place)),
        sum(statement.net_grosze for statement in kept),
        sum(statement.vat_grosze for statement in kept),
        sum(statement.gross_grosze for statement in kept),
        sum(statement.rebates_grosze for statement in kept),
        sum(statement.due_grosze for statement in kept),
        fees,
        None,
        fees_paid,
    )


def _place(line: Line) -> tuple[int, str, int, int, int]:
    """Where a line stands among others."""
    return KINDS.index(line.kind), line.origin, line.contract, line.unit_grosze, -(line.vat_rate or 0)


def _points(rows: Iterable[Moved], prices: Prices) -> Iterable[Line]:
    """Points bought, apart by price, by rate, and by the month they are taken back from."""
    bought: dict[tuple[str, PointPrice], int] = {}
    for row in rows:
        if row.issued:
            key = (row.origin, prices.of_point(row.version))
            bought[key] = bought.get(key, 0) + row.issued
    for (origin, price), points in bought.items():
        if points:
            yield Line(POINTS_BOUGHT, points, price.grosze, points * price.grosze, price.vat_rate, origin)


def _rebates(rows: Iterable[Moved]) -> Iterable[Line]:
    """Rebates credited, by the month they are taken back from; their quantity is the points redeemed."""
    credited: dict[str, tuple[int, int]] = {}
    for row in rows:
        points, grosze = credited.get(row.origin, (0, 0))
        credited[row.origin] = (points + row.redeemed, grosze + row.rebates_grosze)
    for origin, (points, grosze) in credited.items():
        if points or grosze:
            yield Line(REBATES, points, 0, grosze, None, origin)


def _leases(month: Month, prices: Prices) -> Iterable[tuple[int, list[Line]]]:
    """The lease under each contract; none where the programme leases nothing."""
    year, of_year = map(int, month.span.month.split("-"))
    zone = ZoneInfo(month.span.zone)
    ended = prices.at_the_end_of(month.span.month, zone)
    terminals_of = leased(month.contracts, month.spells, zone)
    for contract in month.contracts:
        number = contract_month(contract.starts_on, contract.ends_on, year, of_year)
        terminals = terminals_of.get((contract.partner, contract.number), 0)
        if ended.lease is None or not number or not terminals:
            yield contract.partner, []
            continue
        price = ended.lease.monthly_grosze(number, with_services=contract.with_services)
        net = terminals * price
        line = Line(LEASE, terminals, price, net, ended.vat_rate, contract=contract.number)
        yield contract.partner, [line]


def _days(rows: Iterable[Moved]) -> tuple[Day, ...]:
    by_day: dict[object, Day] = {}
    for row in rows:
        day = by_day.get(row.day) or Day(row.day)
        by_day[row.day] = Day(
            row.day,
            day.earns + row.earns,
            day.points_issued + row.issued,
            day.redemptions + row.redemptions,
            day.points_redeemed + row.redeemed,
            day.rebates_grosze + row.rebates_grosze,
            day.uses + row.uses,
            day.discounts_grosze + row.discounts_grosze,
            day.refunds + row.refunds,
            day.reversals + row.reversals,
        )
    return tuple(sorted(by_day.values(), key=lambda day: day.date))
