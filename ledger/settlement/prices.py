"""Owns what things cost a partner: the prices a settlement is computed by, and which month of a contract
pays.

Must not know rules files: whoever reads them makes `Prices`. Pure; money in grosze, net.
"""

from calendar import monthrange
from collections.abc import Mapping
from datetime import date
from typing import Final

from msgspec import Struct

from ledger.errors import RegistryRefused

VAT_RATE: Final = 23
"""Where no version of the rules says one."""


class Lease(Struct, frozen=True):
    """What a terminal costs a month: (first month of the contract, grosze), and with other services."""

    prices: tuple[tuple[int, int], ...]
    with_services_grosze: int

    def monthly_grosze(self, contract_month: int, *, with_services: bool) -> int:
        """The price of a month of the contract (1: the first)."""
        if with_services:
            return self.with_services_grosze
        return max(
            (from_month, grosze) for from_month, grosze in self.prices if from_month <= contract_month
        )[1]


class Prices(Struct, frozen=True):
    """The prices of a programme: of a point by the version of the rules a sale was decided by."""

    point_grosze: Mapping[int, int]
    vat_rate: int = VAT_RATE
    lease: Lease | None = None

    def of_point(self, rules_version: int) -> int:
        """What a point costs. Raises RegistryRefused for a version that sells none."""
        price = self.point_grosze.get(rules_version)
        if price is None:
            raise RegistryRefused(
                "version {version} of the rules does not say what a point costs", version=rules_version
            )
        return price


def contract_month(starts_on: date, ends_on: date | None, year: int, month: int) -> int:
    """Which month of a contract begins in a calendar month (1: the first); 0: none does.

    A month begins on the day of the contract's first, or on the month's last day where it has no such day
    (Civil Code, art. 112); a lease is charged whole for each month begun.

    A contract counts its own months, for its price is of a year "of the contract" (Częstochowa, Oferta dla
    Partnera: "w pierwszym roku umowy"). So where one ends and the partner's next begins within a calendar
    month, two leases are due if a month of the first had begun in it, too; if none had, the next's alone.
    """
    number = (year - starts_on.year) * 12 + month - starts_on.month + 1
    begins = date(year, month, min(starts_on.day, monthrange(year, month)[1]))
    return number if number >= 1 and (ends_on is None or begins <= ends_on) else 0
