"""The auditor's month end: what each partner bought, gave and owes, summed up from what he judged.

Owns sums, lease and tax by the programmes' documents (Częstochowa, Oferta dla Partnera). Must not know the
switch's settlement. Invariants: a number counts once; what takes a sale of an earlier month back is of the
month it comes in, and names the other; points have the price and the rate of VAT that the rules said when
they were sold, a lease the rate that they said when the month ended, a correction one at which the month that
it sets right was billed.
"""

from __future__ import annotations

import tomllib
from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple, TypeAlias
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


class Terms(NamedTuple):
    """What the rules say that partners pay, since a moment: a point, net, and VAT in percent."""

    since_ms: int = 0
    point_grosze: int = POINT_GROSZE
    vat_percent: int = VAT_PERCENT


class Sale(NamedTuple):
    """What may be taken back: whose it was, in which month, by which terms, and what it gave and took."""

    partner: int
    month: str
    terms: Terms
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


Told: TypeAlias = tuple[str, str, int, int | None, int, int]
"""A line: kind, month it takes back from or "", number of the contract it is due under or 0, percent of VAT
or None, quantity, net.
"""


class Foretold(NamedTuple):
    """A partner's month, its days as `DAY` names them."""

    lines: tuple[Told, ...]
    net: int
    vat: int
    gross: int
    rebates: int
    due: int
    days: tuple[tuple[date, tuple[int, ...]], ...]


class ForetoldSummary(NamedTuple):
    """The organiser's month, of all partners. lines: kind, month they take back from or "", percent of VAT or
    None, quantity, net.
    """

    statements: int
    lines: frozenset[tuple[str, str, int | None, int, int]]
    net: int
    vat: int
    gross: int
    rebates: int
    due: int


class MonthEnd:
    """Everything that partners did, by month and day."""

    def __init__(self, zone: str = "Europe/Warsaw", *, has_lease: bool = True) -> None:
        self._zone = ZoneInfo(zone)
        self._has_lease = has_lease
        self._sales: dict[tuple[int, int], Sale] = {}
        self._points: defaultdict[tuple[int, str, str, int, int], int] = defaultdict(int)
        self._rebates: defaultdict[tuple[int, str, str], list[int]] = defaultdict(lambda: [0, 0])
        self._days: defaultdict[tuple[int, date], list[int]] = defaultdict(lambda: [0] * len(DAY))
        self._corrections: defaultdict[tuple[int, str], list[tuple[str, int, int]]] = defaultdict(list)
        self._terms = [Terms()]
        self.contracts: dict[int, list[Contract]] = {}
        self.tills: dict[int, dict[int, int | None]] = {}
        """Of each partner the terminals, each with the outlet it stands in."""

    def rules_hold(self, since_ms: int, text: str) -> None:
        """Take note of rules, as the programme publishes them, and of the moment they hold from."""
        said = tomllib.loads(text).get("settlement", {})
        price, vat = said.get("point_price_grosze", POINT_GROSZE), said.get("vat_percent", VAT_PERCENT)
        self._terms = sorted([*self._terms, Terms(since_ms, price, vat)])

    def corrected(
        self, partner: int, month: str, net_grosze: int, origin: str = "", percent: int | None = None
    ) -> int:
        """Take note of what somebody set right, of the same month or of an earlier one; return its rate of
        VAT, which is `percent` where that is said.
        """
        rates = self.rates(partner, origin or month)
        if percent is None:
            (percent,) = rates
        assert percent in rates, "a correction bears a rate of what it sets right"
        self._corrections[partner, month].append((origin, percent, net_grosze))
        return percent

    def rates(self, partner: int, month: str) -> list[int]:
        """Return the rates of VAT at which a month billed a partner, the highest first; where it billed
        nothing, those that the rules said within it.
        """
        billed = {line[3] for line in self.month(partner, month).lines if not line[1] and line[-1]}
        found = {percent for percent in billed if percent is not None}
        if not found:
            days = [datetime.combine(day, time(), self._zone) for day in _days_of(month)]
            first, last = (int(day.timestamp() * 1000) for day in (days[0], days[-1] + timedelta(days=1)))
            within = {terms.vat_percent for terms in self._terms if first < terms.since_ms < last}
            found = {self._terms_at(first).vat_percent} | within
        return sorted(found, reverse=True)

    def _terms_at(self, at_ms: int) -> Terms:
        return [terms for terms in self._terms if terms.since_ms <= at_ms][-1]

    def _percent_at_the_end_of(self, month: str) -> int:
        last = max(_days_of(month))
        midnight = datetime.combine(last + timedelta(days=1), time(), self._zone)
        return self._terms_at(int(midnight.timestamp() * 1000) - 1).vat_percent

    def heard(self, terminal: int, partner: int, request: Request, expected: Expected, at_ms: int) -> None:
        """Take note of a request that was judged; one that changed nothing, or stood there, counts not."""
        known = (terminal, getattr(request, "stan", 0))
        if expected.code or known in self._sales:
            return
        day = datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(self._zone).date()
        month, terms = f"{day:%Y-%m}", self._terms_at(at_ms)
        if isinstance(request, EarnAdvice):  # by the rules of the sale, and none that were to come
            terms = self._terms_at(min(request.terminal_time * 1000, at_ms))
        if isinstance(request, Earn | EarnAdvice):
            self._sold(known, Sale(partner, month, terms), day, earns=1, issued=expected.points)
        elif isinstance(request, Redeem):
            sale = Sale(partner, month, terms, expected.amount_grosze)
            self._sold(
                known, sale, day, redemptions=1, redeemed=-expected.points, rebates=expected.amount_grosze
            )
        elif isinstance(request, BenefitUse | BenefitAdvice):
            discount = expected.discount_grosze
            sale = Sale(partner, month, terms, 0, discount, expected.to_pay_grosze)
            self._sold(known, sale, day, uses=1, discounts=discount)
        elif isinstance(request, Reversal | Refund):
            self._taken_back(known, request, expected, day, month)

    def _sold(self, known: tuple[int, int], sale: Sale, day: date, **figures: int) -> None:
        self._sales[known] = sale
        self._count(sale, day, sale.month, "", **figures)

    def _taken_back(
        self, known: tuple[int, int], request: Reversal | Refund, expected: Expected, day: date, month: str
    ) -> None:
        at = request.original_terminal if isinstance(request, Refund) else known[0]
        sale = self._sales.get((at, request.original_stan))
        if sale is None:
            return
        self._sales[known] = Sale(sale.partner, month, sale.terms)
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
        self._count(sale, day, month, origin, **figures)

    def _count(self, sale: Sale, day: date, month: str, origin: str, **figures: int) -> None:
        partner, (_, price, percent) = sale.partner, sale.terms
        of_day = self._days[partner, day]
        for name, count in figures.items():
            of_day[DAY.index(name)] += count
        self._points[partner, month, origin, price, percent] += figures.get("issued", 0)
        rebates = self._rebates[partner, month, origin]
        rebates[0] += figures.get("redeemed", 0)
        rebates[1] += figures.get("rebates", 0)

    def month(self, partner: int, month: str) -> Foretold:
        """Return what a partner's statement of a month has to say."""
        lines: list[Told] = [
            ("points_bought", origin, 0, percent, points, points * price)
            for (whose, when, origin, price, percent), points in self._points.items()
            if (whose, when) == (partner, month) and points
        ]
        lines += self._lease(partner, month)
        for origin, percent, net in self._corrections[partner, month]:
            lines.append(("correction", origin, 0, percent, 1, net))
        net = sum(line[-1] for line in lines)
        credited: list[Told] = [
            ("rebates", origin, 0, None, points, grosze)
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

    def summary(self, partners: Iterable[int], month: str) -> ForetoldSummary:
        """Return what the organiser's summary of a month has to say."""
        months = [self.month(partner, month) for partner in partners]
        lines: defaultdict[tuple[str, str, int | None], list[int]] = defaultdict(lambda: [0, 0])
        for kind, origin, _, percent, quantity, net in (line for one in months for line in one.lines):
            lines[kind, origin, percent][0] += quantity
            lines[kind, origin, percent][1] += net
        return ForetoldSummary(
            len(months),
            frozenset((*which, quantity, net) for which, (quantity, net) in lines.items()),
            *(
                sum(getattr(one, name) for one in months)
                for name in ("net", "vat", "gross", "rebates", "due")
            ),
        )

    def _lease(self, partner: int, month: str) -> Iterable[Told]:
        """Day by day: who stood under which contract, and on which day a month of a contract began."""
        if not self._has_lease:
            return
        under: defaultdict[int, set[int]] = defaultdict(set)
        begun: dict[int, int] = {}
        contracts = self.contracts.get(partner, [])
        for day in _days_of(month):
            running = [contract for contract in contracts if contract.runs_on(day)]
            for contract in running:
                nth = _month_begun(contract.starts_on, day)
                if nth == 1 or (nth and day != contract.ends_on):  # a year ends on the day it began on
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
                percent = self._percent_at_the_end_of(month)
                yield "lease", "", contract.number, percent, terminals, terminals * price


def _vat(lines: Iterable[Told]) -> int:
    """VAT as documents carry it: one for the month's own sale, one for each month that is corrected, and in
    each of them one for each rate.

    Each is rounded half-up by itself. What a correction takes off without a month lowers the own sale of its
    rate, or stands in a document apart where that is less than it (VAT Act, art. 106i and 106j).
    """
    taxed: defaultdict[tuple[str, int], list[int]] = defaultdict(list)
    for _, origin, _, percent, _, net in lines:
        assert percent is not None
        taxed[origin, percent].append(net)
    vat = 0
    for (origin, percent), nets in taxed.items():
        whole = [nets]
        if not origin and sum(nets) < 0:
            whole = [[net for net in nets if net > 0], [net for net in nets if net < 0]]
        for net in map(sum, whole):
            vat += (abs(net) * percent + 50) // 100 * (1 if net >= 0 else -1)
    return vat


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
