"""Owns at which rate of VAT a correction is taxed: one at which the month that it corrects billed.

It stands in the documents of that month, so it bears no rate that these have not. Where the month has one it
is found; where it has more, whoever corrects says which. Must not know documents.
"""

from typing import Final
from zoneinfo import ZoneInfo

from ledger.errors import NotInRegistry, RegistryRefused
from ledger.postgres.database import Connection
from ledger.registry.invoice_billings import billing_of
from ledger.registry.settlements import named_month
from ledger.settlement.prices import Prices
from ledger.settlement.statement import read_statement
from ledger.settlement.vat import BASIC_RATE, RATES

_ZONE: Final = "select registry.zone_of_v1($1, now())"
_IS_OVER: Final = """
select exists (select from registry.settlement_period where programme = $1 and month >= $2)"""
"""Whether a month is closed, or earlier than one that is: what it billed is what it will have billed."""


async def rate_of_correction(
    connection: Connection,
    programme: int,
    partner: int,
    month: str,
    *,
    prices: Prices,
    origin: str = "",
    named: int | None = None,
) -> int:
    """Return the rate at which a correction is taxed that is entered in a month, of what `origin` names, or
    of that month itself; `named`: the one that whoever corrects says.

    Raises RegistryRefused where it has to be said, for one at which that month billed nothing, and where that
    month is over and no invoice billed it: the correction could be in no document (VAT Act, art. 106j).
    """
    if named is not None and named not in RATES:
        raise RegistryRefused("there is no VAT of {rate} %", rate=named)
    of_month = named_month(origin) or month
    rates = await _rates_of(connection, programme, partner, of_month, prices, is_named=of_month != month)
    told = ", ".join(str(rate) for rate in rates)
    if named is None and len(rates) > 1:
        raise RegistryRefused(
            "{month} has more than one rate of VAT ({rates} %): say which of them is corrected",
            month=of_month,
            rates=told,
        )
    if named is not None and named not in rates:
        raise RegistryRefused(
            "{month} billed this partner nothing at {rate} % of VAT, only at {rates} %: a correction bears "
            "the rate of what it corrects",
            month=of_month,
            rate=named,
            rates=told,
        )
    return rates[0] if named is None else named


async def _rates_of(
    connection: Connection, programme: int, partner: int, month: str, prices: Prices, *, is_named: bool
) -> list[int]:
    """Of a month that billed the partner something and is closed the rates it billed at; of another one those
    of the rules that hold in it, and of what it billed so far. The highest first.

    Raises RegistryRefused for an earlier month that was named and that no invoice billed or will bill.
    """
    billed, is_closed = set[int](), False
    try:
        kept = await read_statement(connection, programme, partner, month)
    except NotInRegistry:
        pass
    else:
        is_closed = kept.closed_at_ms is not None
        billed = {
            line.vat_rate
            for line in kept.lines
            if line.vat_rate is not None and line.net_grosze and not named_month(line.origin)
        }
    if not (is_closed and billed):
        is_over = is_named and not billed and await connection.fetchval(_IS_OVER, programme, month)
        if is_over and await billing_of(connection, programme, partner, month) is None:
            raise RegistryRefused(
                "{month} billed partner {partner} nothing and is closed, so there is no invoice to correct: "
                "enter this without a month, or name the invoice that was issued elsewhere first "
                "(`invoices elsewhere`)",
                month=month,
                partner=partner,
            )
        zone = ZoneInfo(await connection.fetchval(_ZONE, programme))
        billed |= prices.rates_in(month, zone) or {BASIC_RATE}
    return sorted(billed, reverse=True)
