"""Owns what things cost a partner: the prices and rates a settlement is computed by, and which month of a
contract pays.

Must not know rules files: whoever reads them makes `Prices`. Pure; money in grosze, net. Invariant: what is
for a whole month has the price and the rate of the month's end.
"""

from calendar import monthrange
from collections.abc import Iterable
from datetime import UTC, date, datetime
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from msgspec import Struct

from ledger.errors import RegistryRefused
from ledger.settlement.vat import BASIC_RATE


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


class PointPrice(NamedTuple):
    """What a point costs, net, and the rate of VAT on it."""

    grosze: int
    vat_rate: int


class Version(Struct, frozen=True):
    """What one version of the rules says that partners pay, in force from a moment on."""

    number: int
    since: datetime
    point_grosze: int | None = None
    """None: it sells no points."""
    vat_rate: int = BASIC_RATE
    lease: Lease | None = None


class Prices:
    """The prices of a programme, by the versions of its rules."""

    def __init__(self, versions: Iterable[Version] = ()) -> None:
        self._versions = sorted(versions, key=lambda version: (version.since, version.number))
        self._by_number = {version.number: version for version in self._versions}

    def of_point(self, rules_version: int) -> PointPrice:
        """What a point costs by the version its sale was decided by. Raises RegistryRefused for one that
        sells none.
        """
        version = self._by_number.get(rules_version)
        if version is None or version.point_grosze is None:
            raise RegistryRefused(
                "version {version} of the rules does not say what a point costs", version=rules_version
            )
        return PointPrice(version.point_grosze, version.vat_rate)

    def at_the_end_of(self, month: str, zone: ZoneInfo) -> Version:
        """The version in force when a month ("2026-11") ended by a programme's clock; of a month before the
        first one: what holds without any.
        """
        ended = _ends(month, zone)
        begun = [version for version in self._versions if version.since < ended]
        return begun[-1] if begun else _WITHOUT_RULES

    def rates_in(self, month: str, zone: ZoneInfo) -> set[int]:
        """The rates of VAT of the versions that hold at some moment of a month; none before the first."""
        begins, ended = _begins(month, zone), _ends(month, zone)
        holding = {version.since: version for version in self._versions if version.since < ended}
        before = max((since for since in holding if since <= begins), default=begins)
        return {version.vat_rate for since, version in holding.items() if since >= before}


_WITHOUT_RULES: Final = Version(0, datetime.min.replace(tzinfo=UTC))


def _begins(month: str, zone: ZoneInfo) -> datetime:
    year, of_year = map(int, month.split("-"))
    return datetime(year, of_year, 1, tzinfo=zone)


def _ends(month: str, zone: ZoneInfo) -> datetime:
    year, of_year = map(int, month.split("-"))
    return datetime(year + of_year // 12, of_year % 12 + 1, 1, tzinfo=zone)


def contract_month(starts_on: date, ends_on: date | None, year: int, month: int) -> int:
    """Which month of a contract begins in a calendar month (1: the first); 0: none does.

    A month begins on the day of the contract's first, or on the month's last day where it has no such day
    (Civil Code, art. 112); a lease is charged whole for each month begun. By the same article a term of
    months ends with the day of its first one's number, so a contract that ends on such a day has begun no
    month on it: one of 12 months pays 12.

    A contract counts its own months, for its price is of a year "of the contract" (Częstochowa, Oferta dla
    Partnera: "w pierwszym roku umowy"). So where one ends and the partner's next begins within a calendar
    month, two leases are due if a month of the first had begun in it, too; if none had, the next's alone.
    """
    number = (year - starts_on.year) * 12 + month - starts_on.month + 1
    begins = date(year, month, min(starts_on.day, monthrange(year, month)[1]))
    is_over = ends_on is not None and (ends_on < begins or (ends_on == begins and number > 1))
    return number if number >= 1 and not is_over else 0
