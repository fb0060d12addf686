"""Prices of a programme for tests of a month's end, by number of the version of its rules."""

from collections.abc import Mapping
from datetime import UTC, datetime

from ledger.settlement.prices import Lease, Prices, Version

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


def lasting_prices(point_grosze: Mapping[int, int], lease: Lease | None = None) -> Prices:
    """Points at these prices, with VAT of 23 %, and one lease, all of them in force for long."""
    return Prices(Version(number, LONG_AGO, grosze, 23, lease) for number, grosze in point_grosze.items())
