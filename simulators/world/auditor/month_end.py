"""The auditor's month end: what each partner bought, gave and owes, summed up from what he judged.

Owns sums, lease and tax by the programmes' documents (Częstochowa, Oferta dla Partnera). Must not know the
switch's settlement. Invariant: a number counts once; what takes a sale of an earlier month back is of the
month it comes in, and names the other.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from protocol import BenefitAdvice, BenefitUse, Earn, EarnAdvice, Redeem, Refund, Request, Reversal
from simulators.world.auditor.expected import Expected

POINT_GROSZE = 10
VAT_PERCENT = 23
LEASE_GROSZE, LEASE_LATER_GROSZE, FIRST_YEAR_MONTHS = 100, 3_000, 12
DAY = (
    *("earns", "issued", "redemptions", "redeemed", "rebates"),
    *("uses", "discounts", "refunds", "reversals"),
)


class Sale(NamedTuple):
    """What may be taken back: whose it was, in which month, and what it gave and took."""

    partner: int
    month: str
    rebate_grosze: int = 0
    discount_grosze: int = 0
    paid_grosze: int = 0


class Contract(NamedTuple):
    """What a partner pays a lease by, from its first day to its last; one price with other services.

    outlet: it is about the terminals there alone; None: about all that stand under no other one.
    """

    number: int
    starts_on: date
    with_services: bool = False
    ends_on: date | None = None
    outlet: int | None = None

    def runs_on(self, day: date) -> bool:
        """Whether a day is one of it."""
        return self.starts_on <= day and (self.ends_on is None or day <= self.ends_on)


class Foretold(NamedTuple):
    """A partner's month. lines: kind, month it takes back from or "", number of the contract it is due under
    or 0, quantity, net; days: as `DAY` names.
    """

    lines: tuple[tuple[str, str, int, int, int], ...]
    net: int
    vat: int
    gross: int
    rebates: int
    due: int
    days: tuple[tuple[date, tuple[int, ...]], ...]


class MonthEnd:
    """Everything that partners did, by month and day."""

    def __init__(self, zone: str = "Europe/Warsaw", *, has_lease: bool = True) -> None:
        self._zone = ZoneInfo(zone)
        self._has_lease = has_lease
        self._sales: dict[tuple[int, int], Sale] = {}
        self._points: defaultdict[tuple[int, str, str], int] = defaultdict(int)
        self._rebates: defaultdict[tuple[int, str, str], list[int]] = defaultdict(lambda: [0, 0])
        self._days: defaultdict[tuple[int, date], list[int]] = defaultdict(lambda: [0] * len(DAY))
        self._corrections: defaultdict[tuple[int, str], list[int]] = defaultdict(list)
        self.contracts: dict[int, list[Contract]] = {}
        self.tills: dict[int, dict[int, int | None]] = {}
        """Of each partner the terminals, each with the outlet it stands in."""

    def corrected(self, partner: int, month: str, net_grosze: int) -> None:
        """Take note of what somebody set right."""
        self._corrections[partner, month].append(net_grosze)

    def heard(self, terminal: int, partner: int, request: Request, expected: Expected, at_ms: int) -> None:
        """Take note of a request that was judged; one that changed nothing, or stood there, counts not."""
        known = (terminal, getattr(request, "stan", 0))
        if expected.code or known in self._sales:
            return
        day = datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(self._zone).date()
        month = f"{day:%Y-%m}"
        if isinstance(request, Earn | EarnAdvice):
            self._sold(known, Sale(partner, month), day, earns=1, issued=expected.points)
        elif isinstance(request, Redeem):
            sale = Sale(partner, month, expected.amount_grosze)
            self._sold(
                known, sale, day, redemptions=1, redeemed=-expected.points, rebates=expected.amount_grosze
            )
        elif isinstance(request, BenefitUse | BenefitAdvice):
            discount = expected.discount_grosze
            sale = Sale(partner, month, 0, discount, expected.to_pay_grosze)
            self._sold(known, sale, day, uses=1, discounts=discount)
        elif isinstance(request, Reversal | Refund):
            self._taken_back(known, request, expected, day, month)

    def _sold(self, known: tuple[int, int], sale: Sale, day: date, **figures: int) -> None:
        self._sales[known] = sale
        self._count(sale.partner, day, sale.month, "", **figures)

    def _taken_back(
        self, known: tuple[int, int], request: Reversal | Refund, expected: Expected, day: date, month: str
    ) -> None:
        at = request.original_terminal if isinstance(request, Refund) else known[0]
        sale = self._sales.get((at, request.original_stan))
        if sale is None:
            return
        self._sales[known] = Sale(sale.partner, month)
        origin = sale.month if sale.month != month else ""
        figures = {"refunds" if isinstance(request, Refund) else "reversals": 1}
        if isinstance(request, Refund):
            self._sales[at, request.original_stan] = sale = sale._replace(
                paid_grosze=sale.paid_grosze - expected.amount_grosze
            )
        # A discount is taken back with the last of the price.
        if isinstance(request, Reversal) or sale.paid_grosze == 0:
            figures["discounts"] = -sale.discount_grosze
        if expected.points > 0:  # a redemption that is undone
            figures |= {"redeemed": -expected.points, "rebates": -sale.rebate_grosze}
        else:
            figures["issued"] = expected.points
        self._count(sale.partner, day, month, origin, **figures)

    def _count(self, partner: int, day: date, month: str, origin: str, **figures: int) -> None:
        of_day = self._days[partner, day]
        for name, count in figures.items():
            of_day[DAY.index(name)] += count
        self._points[partner, month, origin] += figures.get("issued", 0)
        rebates = self._rebates[partner, month, origin]
        rebates[0] += figures.get("redeemed", 0)
        rebates[1] += figures.get("rebates", 0)

    def month(self, partner: int, month: str) -> Foretold:
        """Return what a partner's statement of a month has to say."""
        lines = [
            ("points_bought", origin, 0, points, points * POINT_GROSZE)
            for (whose, when, origin), points in self._points.items()
            if (whose, when) == (partner, month) and points
        ]
        lines += self._lease(partner, month)
        lines += [("correction", "", 0, 1, net) for net in self._corrections[partner, month]]
        net = sum(line[-1] for line in lines)
        credited = [
            ("rebates", origin, 0, points, grosze)
            for (whose, when, origin), (points, grosze) in self._rebates.items()
            if (whose, when) == (partner, month) and (points or grosze)
        ]
        rebates = sum(line[-1] for line in credited)
        vat = _vat(lines)
        days = (
            (day, tuple(figures))
            for (whose, day), figures in self._days.items()
            if whose == partner and f"{day:%Y-%m}" == month
        )
        return Foretold(
            tuple(sorted([*lines, *credited])),
            net,
            vat,
            net + vat,
            rebates,
            net + vat - rebates,
            tuple(sorted(days)),
        )

    def _lease(self, partner: int, month: str) -> Iterable[tuple[str, str, int, int, int]]:
        """Day by day: who stood under which contract, and on which day a month of a contract began."""
        if not self._has_lease:
            return
        under: defaultdict[int, set[int]] = defaultdict(set)
        begun: dict[int, int] = {}
        contracts = self.contracts.get(partner, [])
        for day in _days_of(month):
            running = [contract for contract in contracts if contract.runs_on(day)]
            for contract in running:
                if nth := _month_begun(contract.starts_on, day):
                    begun[contract.number] = nth
            for till, outlet in self.tills.get(partner, {}).items():
                own = [one for one in running if one.outlet is not None and one.outlet == outlet]
                for contract in own or [one for one in running if one.outlet is None]:
                    under[contract.number].add(till)
        for contract in contracts:
            nth, terminals = begun.get(contract.number, 0), len(under[contract.number])
            if nth and terminals:
                cheap = contract.with_services or nth <= FIRST_YEAR_MONTHS
                price = LEASE_GROSZE if cheap else LEASE_LATER_GROSZE
                yield "lease", "", contract.number, terminals, terminals * price


def _vat(lines: Iterable[tuple[str, str, int, int, int]]) -> int:
    """VAT as documents carry it: one for the month's own sale, one for each month that is corrected.

    Each is rounded half-up by itself. What a correction takes off without a month lowers the own sale, or
    stands in a document apart where the sale is less than it (VAT Act, art. 106i and 106j).
    """
    documents: defaultdict[str, list[int]] = defaultdict(list)
    for _, origin, _, _, net in lines:
        documents[origin].append(net)
    own = documents.pop("", [])
    nets = [sum(taken) for taken in documents.values()]
    if sum(own) >= 0:
        nets.append(sum(own))
    else:
        nets += [sum(net for net in own if net > 0), sum(net for net in own if net < 0)]
    return sum((abs(net) * VAT_PERCENT + 50) // 100 * (1 if net >= 0 else -1) for net in nets)


def _days_of(month: str) -> Iterable[date]:
    day = date.fromisoformat(f"{month}-01")
    while f"{day:%Y-%m}" == month:
        yield day
        day += timedelta(days=1)


def _month_begun(starts_on: date, day: date) -> int:
    """Which month of a contract begins on a day (1: the first); 0: none does."""
    is_last = (day + timedelta(days=1)).month != day.month
    if day.day != starts_on.day and not (is_last and starts_on.day > day.day):
        return 0
    return (day.year - starts_on.year) * 12 + day.month - starts_on.month + 1
