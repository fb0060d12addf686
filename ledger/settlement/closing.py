"""Owns the settling of a month: its span, the run that keeps statements, the close after which none changes.

A run may be repeated while the month is open; each takes the place of the one before. To close, the month's
ids are closed first and what was running is waited for, so nothing can come to it while it is computed; then
statements and summary are kept in one short write, for a long one would make a block of a card wait. That
closed months stay and follow each other, the database holds (migrations, 0081). Takes the owner's
connection, or a programme's own role.
"""

from typing import Final, NamedTuple

import msgspec

from ledger.books.rollup import outlive_running
from ledger.errors import DatabaseContended, NotInRegistry, RegistryRefused
from ledger.postgres.database import Connection
from ledger.registry.audit import Actor, check_second
from ledger.registry.partners import check_partner
from ledger.registry.programmes import check_programme
from ledger.registry.settlements import (
    Closing,
    Documents,
    Kept,
    NewCorrection,
    check_begun,
    check_correction,
    close_month,
    enter_correction,
    keep_documents,
)
from ledger.settlement.compute import Summary, statements_of, summary_of
from ledger.settlement.correction_rates import rate_of_correction
from ledger.settlement.movement import Month, Span, read_month
from ledger.settlement.prices import Prices
from ledger.settlement.statement import Statement, check_month

WAIT_S: Final = 30.0
"""So long a close waits for transactions that began before it."""
_SPAN: Final = """
select p.code, registry.month_begins_v1(p.id, $2),
    registry.month_begins_v1(p.id, registry.month_after($2)) - 1, z.zone
  from registry.programme p cross join lateral (select registry.zone_of_v1(p.id, now())) as z(zone)
  where p.id = $1"""
_LAST: Final = """
select month, through_id from registry.settlement_period where programme = $1 order by month desc limit 1"""
_CLOSED: Final = """
select first_id, through_id, zone from registry.settlement_period where programme = $1 and month = $2"""
_SUMMARY: Final = """
select summary::text, (extract(epoch from p.closed_at) * 1000)::bigint as closed_at_ms
  from registry.settlement_summary left join registry.settlement_period p using (programme, month)
  where programme = $1 and month = $2"""
_IS_OVER: Final = "select (extract(epoch from clock_timestamp()) * 1000)::bigint - 60000 << 22 > $1::bigint"
# Of a programme whose first month is closed: what moved before it would be in no statement.
_BEFORE: Final = "select office.moved_before_v1($1, $2)"


class Settled(msgspec.Struct, frozen=True):
    """What a run made: the statements, and the organiser's summary."""

    statements: list[Statement]
    summary: Summary


class Corrected(NamedTuple):
    """A correction that was entered: its number, and its rate of VAT in percent."""

    number: int
    vat_rate: int


async def span_of(connection: Connection, programme: int, month: str) -> Span:
    """Return the ids of a month. Raises RegistryRefused for one that is to come, or before a closed one."""
    check_month(month)
    await check_programme(connection, programme)
    await check_begun(connection, programme, month)
    code, first_id, through_id, zone = await connection.fetchrow(_SPAN, programme, month)
    if closed := await connection.fetchrow(_CLOSED, programme, month):
        return Span(programme, code.upper(), month, *closed)
    last = await connection.fetchrow(_LAST, programme)
    if last is not None:
        if month < last["month"]:
            raise RegistryRefused("month {month} is before those that were settled", month=month)
        # What came late to the closed month is of the first open one.
        first_id = max(first_id, last["through_id"] + 1) if month > last["month"] else first_id
    return Span(programme, code.upper(), month, first_id, through_id, zone)


async def compute(connection: Connection, programme: int, month: str, prices: Prices) -> Settled:
    """Compute a month's statements and summary, and keep nothing."""
    return _settled(await read_month(connection, await span_of(connection, programme, month)), prices)


async def run(connection: Connection, actor: Actor, programme: int, month: str, prices: Prices) -> Settled:
    """Compute the statements of an open month and keep them until the next run, or the close."""
    await _refuse_closed(connection, programme, month)
    settled = await compute(connection, programme, month, prices)
    await keep_documents(connection, actor, programme, month, _documents(settled))
    return settled


async def close(
    connection: Connection,
    actor: Actor,
    programme: int,
    month: str,
    prices: Prices,
    *,
    wait_s: float = WAIT_S,
    second_needed: bool = True,
    proposal: int = 0,
) -> Settled:
    """Close a month that is over: its statements are kept for ever; by two persons, where the rules say so.

    `proposal`: is approved with it, by the actor. Raises RegistryRefused as `check_closable` does, and where
    the month is not what was proposed; DatabaseContended while a transaction from before runs on, or a
    correction came in between: do it again.
    """
    check_second(actor, "to close a month", needed=second_needed)
    span = await check_closable(connection, programme, month)
    await connection.fetchval("select registry.close_month_ids_v1($1, $2)", programme, month)
    if not await outlive_running(connection, wait_s):
        raise DatabaseContended("a transaction has been running for longer than a close waits")
    read = await read_month(connection, span)
    settled = _settled(read, prices)
    closing = Closing(
        span.first_id,
        span.through_id,
        span.zone,
        second_needed,
        max((made.number for made in read.corrections), default=0),
        proposal,
    )
    at_ms = await close_month(connection, actor, programme, month, (closing, _documents(settled)))
    return Settled(
        [msgspec.structs.replace(statement, closed_at_ms=at_ms) for statement in settled.statements],
        msgspec.structs.replace(settled.summary, closed_at_ms=at_ms),
    )


async def check_closable(connection: Connection, programme: int, month: str) -> Span:
    """Return the ids of a month that can be closed now.

    Raises RegistryRefused for one that is not over, that was closed, or that does not follow the last closed.
    """
    await _refuse_closed(connection, programme, month)
    span = await span_of(connection, programme, month)
    await _check_follows(connection, span)
    if not await connection.fetchval(_IS_OVER, span.through_id):
        raise RegistryRefused("month {month} is not over yet", month=month)
    return span


async def is_closed(connection: Connection, programme: int, month: str) -> bool:
    """Whether a month of a programme is closed."""
    return await connection.fetchrow(_CLOSED, programme, month) is not None


async def read_summary(connection: Connection, programme: int, month: str) -> Summary:
    """The organiser's summary of a month as it was computed last, or as it was closed. Raises NotInRegistry
    where it was never computed.
    """
    check_month(month)
    await check_programme(connection, programme)
    row = await connection.fetchrow(_SUMMARY, programme, month)
    if row is None:
        raise NotInRegistry(
            "month {month} of programme {programme} was not settled yet", month=month, programme=programme
        )
    kept = msgspec.json.decode(row["summary"], type=Summary)
    return msgspec.structs.replace(kept, closed_at_ms=row["closed_at_ms"])


async def correct(
    connection: Connection,
    actor: Actor,
    partner: int,
    month: str,
    net_grosze: int,
    *,
    prices: Prices,
    origin: str = "",
    vat_rate: int | None = None,
    second_needed: bool = True,
) -> Corrected:
    """Enter a correction in an open month, which a run or the close then counts.

    Raises RegistryRefused as `enter_correction` and `rate_of_correction` do.
    """
    check_month(month)
    check_correction(actor, month, net_grosze, origin)
    programme = await check_partner(connection, partner)
    rate = await rate_of_correction(
        connection, programme, partner, month, prices=prices, origin=origin, named=vat_rate
    )
    what = NewCorrection(net_grosze, rate, origin)
    number = await enter_correction(connection, actor, partner, month, what, second_needed=second_needed)
    return Corrected(number, rate)


def _settled(month: Month, prices: Prices) -> Settled:
    statements = statements_of(month, prices)
    return Settled(statements, summary_of(month, statements))


def _documents(settled: Settled) -> Documents:
    return Documents(
        msgspec.json.encode(settled.summary).decode(),
        [
            Kept(one.partner, one.number, one.due_grosze, msgspec.json.encode(one).decode())
            for one in settled.statements
        ],
    )


async def _refuse_closed(connection: Connection, programme: int, month: str) -> None:
    check_month(month)
    await check_programme(connection, programme)
    if await is_closed(connection, programme, month):
        raise RegistryRefused(
            "month {month} is closed: what comes later is of the first open month", month=month
        )


async def _check_follows(connection: Connection, span: Span) -> None:
    last = await connection.fetchrow(_LAST, span.programme)
    if last is None:
        if await connection.fetchval(_BEFORE, span.programme, span.first_id):
            raise RegistryRefused(
                "there are postings before {month}: close the month of the first of them first",
                month=span.month,
            )
        return
    following = await connection.fetchval("select registry.month_after($1)", last["month"])
    if span.month != following:
        raise RegistryRefused("month {month} is closed next", month=following)
