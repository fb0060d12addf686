"""Owns under which contract each terminal is leased in a month. Pure; must not know prices.

A contract is of one outlet, or (outlet None) of all terminals of its partner that stand under none of their
outlet's own. A terminal is leased under each contract that it stood under, active, at some moment of the
month; so where it goes from one to another within the month it counts for both, and which of them are due is
`contract_month`'s to say: whole, for each month of the contract that begins.
"""

from collections.abc import Iterable, Sequence
from datetime import date, datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo


class Contract(NamedTuple):
    """A contract that ran on a day of the month; the last day is one on which it runs."""

    partner: int
    number: int
    outlet: int | None
    starts_on: date
    ends_on: date | None
    with_services: bool


class Spell(NamedTuple):
    """A terminal was active from a moment until before another one, there: outlet None, in none."""

    terminal: int
    partner: int
    outlet: int | None
    since: datetime
    until: datetime


def leased(
    contracts: Sequence[Contract], spells: Iterable[Spell], zone: ZoneInfo
) -> dict[tuple[int, int], int]:
    """Return how many terminals each contract leases, by partner and number of the contract."""
    of_partner: dict[int, list[Contract]] = {}
    for contract in contracts:
        of_partner.setdefault(contract.partner, []).append(contract)
    found: dict[tuple[int, int], set[int]] = {}
    for spell in spells:
        there = of_partner.get(spell.partner, [])
        for moment in _moments(spell, there, zone):
            over = _over(spell, there, moment.astimezone(zone).date())
            if over is not None:
                found.setdefault((over.partner, over.number), set()).add(spell.terminal)
    return {key: len(terminals) for key, terminals in found.items()}


def _moments(spell: Spell, contracts: Iterable[Contract], zone: ZoneInfo) -> list[datetime]:
    """The moments of a spell at which the contract over it may be another one, its first included."""
    days = {contract.starts_on for contract in contracts}
    days |= {contract.ends_on + timedelta(days=1) for contract in contracts if contract.ends_on is not None}
    midnights = [datetime.combine(day, time(), zone) for day in days]
    return [spell.since, *(moment for moment in midnights if spell.since < moment < spell.until)]


def _over(spell: Spell, contracts: Iterable[Contract], day: date) -> Contract | None:
    """The contract over a terminal on a day: its outlet's own, else its partner's as a whole."""
    running = [
        contract
        for contract in contracts
        if contract.starts_on <= day and (contract.ends_on is None or day <= contract.ends_on)
    ]
    for outlet in dict.fromkeys((spell.outlet, None)):
        for contract in running:
            if contract.outlet == outlet:
                return contract
    return None
