"""What partners owe for a month by the terminals' own logs alone: the second computation of a settlement.

Owns it, a pure function over `Witnessed`. Must not know the books, the ledger's settlement or its statements:
not a line of it is shared, so that a mistake would have to be made twice. It believes only what a terminal
was told; a reversal counts where the terminal had been told that its sale was approved. One document bills
each partner, for nothing here takes back a sale of an earlier month: VAT is that of the sum.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import NamedTuple
from zoneinfo import ZoneInfo

from protocol import ResultCode
from simulators.audit.log import Told, Witnessed
from simulators.till.posting import EARN, EARN_ADVICE, REDEEM, REFUND, REVERSAL

_SALES = (EARN, EARN_ADVICE)


class Tariff(NamedTuple):
    """What things cost, net, in grosze; a lease for each terminal, in its first year."""

    point_grosze: int = 10
    vat_percent: int = 23
    lease_grosze: int = 100


class Owed(NamedTuple):
    """What a partner owes by its terminals: points sold to it, rebates it gave, and the sums in grosze."""

    points: int
    points_spent: int
    rebates_grosze: int
    net_grosze: int
    vat_grosze: int
    due_grosze: int


class _Till:
    def __init__(self) -> None:
        self.points = 0
        self.spent = 0
        self.rebates_grosze = 0


def owed_by_logs(witnessed: Witnessed, month: str, zone: str, tariff: Tariff) -> dict[int, Owed]:
    """Return what each partner of the logs' population owes for a month ("2026-11") of a time zone."""
    population = witnessed.population
    if population is None:
        return {}
    tills = {population.partner_id(index): _Till() for index in range(population.partners)}
    terminals = dict.fromkeys(tills, 0)
    partner_of = {}
    for index in range(population.terminals):
        partner = population.terminal_partner(index)
        partner_of[population.terminal_id(index)] = partner
        terminals[partner] += 1
    for (terminal, _), answers in witnessed.told.items():
        answer = answers[0]
        if answer.code == ResultCode.APPROVED and _month(answer, zone) == month:
            original = witnessed.told.get((terminal, answer.original_stan), ())
            _enter(tills[partner_of[terminal]], answer, original)
    return {
        partner: _owed(till, terminals[partner] * tariff.lease_grosze, tariff)
        for partner, till in tills.items()
    }


def _enter(till: _Till, answer: Told, original: Iterable[Told]) -> None:
    if answer.type in _SALES or answer.type == REFUND:
        till.points += answer.points
    elif answer.type == REDEEM:
        till.spent -= answer.points
        till.rebates_grosze += answer.amount
    elif answer.type == REVERSAL:
        for sale in original:
            if sale.code != ResultCode.APPROVED:
                continue
            if sale.type in _SALES:
                till.points += answer.points
            elif sale.type == REDEEM:
                till.spent -= answer.points
                till.rebates_grosze -= sale.amount
            return


def _month(answer: Told, zone: str) -> str:
    """The month of a transaction: its number begins with the milliseconds (ARCHITECTURE.md)."""
    moment = datetime.fromtimestamp((answer.transaction_id >> 22) / 1000, UTC)
    return moment.astimezone(ZoneInfo(zone)).strftime("%Y-%m")


def _owed(till: _Till, lease_grosze: int, tariff: Tariff) -> Owed:
    net = till.points * tariff.point_grosze + lease_grosze
    share = Decimal(net) * tariff.vat_percent / 100
    vat = int(share.quantize(Decimal(1), rounding=ROUND_HALF_UP))
    return Owed(till.points, till.spent, till.rebates_grosze, net, vat, net + vat - till.rebates_grosze)
