"""Owns the documents that were issued to partners: their numbers, their bytes, and where they were sent.

A number is taken and its document written in one transaction, under the lock of all the registry's writes;
the database refuses a number that does not follow the one before it (migrations, 0083). So the numbers of a
programme, series and year are 1, 2, 3, … without a gap, whenever a run ends. What a document says is its
maker's, who is called with its number and day.
"""

import re
from collections.abc import Callable
from datetime import date, datetime
from typing import Any, Final, Literal, NamedTuple

from ledger.errors import NotInRegistry, RegistryRefused
from ledger.postgres.database import Connection
from ledger.registry.audit import Actor, check_second, writing
from ledger.registry.bounds import check_page, check_text

Kind = Literal["invoice", "correction", "note"]
SERIES: Final[dict[Kind, str]] = {"invoice": "F", "correction": "F", "note": "N"}
"""Invoices and their corrections are numbered in one series, notes (no invoices) in another."""
TEXT_CHARACTERS_MAX: Final = 64
KSEF_NUMBER: Final = re.compile(
    r"([1-9]((\d[1-9])|([1-9]\d))\d{7}|M\d{9}|[A-Z]{3}\d{7})-(20[2-9]\d|2[1-9]\d{2}|[3-9]\d{3})(0[1-9]|1[0-2])"
    r"(0[1-9]|[12]\d|3[01])-[0-9A-F]{6}-?[0-9A-F]{6}-[0-9A-F]{2}",
    re.ASCII,
)
"""As the schema FA(3) takes it (TNumerKSeF)."""
_COLUMNS: Final = (
    "i.programme, i.series, i.year, i.number, i.text, i.kind, i.partner, i.month, i.statement, i.issued_on, "
    "i.made_at, i.net_grosze, i.vat_grosze, i.gross_grosze, i.corrects, d.sink, d.sent_at, d.ksef_number"
)
_FROM: Final = "from registry.invoice i left join registry.invoice_delivery d using (text)"
_LIST: Final = f"""select {_COLUMNS} {_FROM} where i.programme = $1 and ($2::text is null or i.month = $2)
  and ($3::int is null or i.partner = $3) order by i.year, i.series, i.number offset $4 limit $5"""
_THERE: Final = f"""select {_COLUMNS} {_FROM}
  where i.programme = $1 and i.partner = $2 and i.month = $3 and i.series = $4"""
_CORRECTABLE: Final = f"""select {_COLUMNS} {_FROM}
  where i.programme = $1 and i.partner = $2 and i.kind = 'invoice' and i.month < $3
  order by i.month"""
_UNSENT: Final = f"""select {_COLUMNS} {_FROM} where i.programme = $1 and d.text is null
  and (i.series, i.year, i.number) > ($2::text, $3::int, $4::int)
  order by i.series, i.year, i.number limit $5"""
_INSERT: Final = """insert into registry.invoice (programme, series, year, number, text, kind, partner, month,
  statement, issued_on, made_at, net_grosze, vat_grosze, gross_grosze, corrects, second_needed)
  values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)"""
_DOCUMENT: Final = """insert into registry.invoice_document (programme, series, year, number, document)
  values ($1, $2, $3, $4, $5)"""

_NOTES: Final = """select d.document from registry.invoice i
  join registry.invoice_document d using (programme, series, year, number)
  where i.programme = $1 and i.month = $2 and i.kind = 'note' and ($3::int is null or i.partner = $3)
  order by i.year, i.number"""


class Order(NamedTuple):
    """What is to be issued: to whom, for which month ("2026-11") and statement, over how much."""

    programme: int
    partner: int
    month: str
    statement: str
    kind: Kind
    net_grosze: int
    vat_grosze: int
    corrects: tuple[str, ...] = ()
    second_needed: bool = False
    """Two persons issue it, by the rules in force."""


class Numbered(NamedTuple):
    """The number a document is given, the day it is issued on, and the moment it is made at (UTC)."""

    text: str
    issued_on: date
    made_at: datetime


class Issued(NamedTuple):
    """A document that was issued; `sink` None: not sent yet; `ksef_number` None or "": not known."""

    programme: int
    series: str
    year: int
    number: int
    text: str
    kind: Kind
    partner: int
    month: str
    statement: str
    issued_on: date
    made_at: datetime
    net_grosze: int
    vat_grosze: int
    gross_grosze: int
    corrects: list[str]
    sink: str | None = None
    sent_at: datetime | None = None
    ksef_number: str | None = None


async def issue(
    connection: Connection, actor: Actor, order: Order, write: Callable[[Numbered], bytes]
) -> tuple[Issued, bool]:
    """Issue one document, unless it was: return it, and whether it is new.

    `write` makes its bytes; what it raises takes the number back. Raises RegistryRefused where another
    document was issued for the same month, partner and series.
    """
    series = SERIES[order.kind]
    async with writing(connection, actor):
        if there := await connection.fetchrow(_THERE, order.programme, order.partner, order.month, series):
            return _same(Issued(*there), order), False
        now = await connection.fetchrow(
            "select p.code, registry.today_of(p.id) as today, date_trunc('second', clock_timestamp()) as at "
            "from registry.programme p where p.id = $1",
            order.programme,
        )
        if now is None:
            raise NotInRegistry("there is no programme {programme}", programme=order.programme)
        check_second(actor, "to issue a document", needed=order.second_needed)
        year = now["today"].year
        number = 1 + await connection.fetchval(
            "select coalesce(max(number), 0) from registry.invoice "
            "where programme = $1 and series = $2 and year = $3",
            order.programme,
            series,
            year,
        )
        numbered = Numbered(f"{series}/{now['code'].upper()}/{year}/{number}", now["today"], now["at"])
        issued = Issued(
            order.programme,
            series,
            year,
            number,
            numbered.text,
            order.kind,
            order.partner,
            order.month,
            order.statement,
            numbered.issued_on,
            numbered.made_at,
            order.net_grosze,
            order.vat_grosze,
            order.net_grosze + order.vat_grosze,
            list(order.corrects),
        )
        document = write(numbered)
        await connection.execute(_INSERT, *issued[:15], order.second_needed)
        await connection.execute(_DOCUMENT, *issued[:4], document)
    return issued, True


def _same(there: Issued, order: Order) -> Issued:
    """Return what is there, if it says what the order does: a closed month never changes."""
    was = (there.kind, there.statement, there.net_grosze, there.vat_grosze)
    if was != (order.kind, order.statement, order.net_grosze, order.vat_grosze):
        raise RegistryRefused(
            "{document} was issued for that month already, over another sum", document=there.text
        )
    return there


async def list_issued(
    connection: Connection,
    programme: int,
    *,
    month: str | None = None,
    partner: int | None = None,
    after: int = 0,
    limit: int = 100,
) -> list[Issued]:
    """A page of what was issued for a programme, by year, series and number; `after`: rows to skip."""
    check_page(limit, after)
    rows = await connection.fetch(_LIST, programme, month, partner, max(after, 0), limit)
    return [Issued(*row) for row in rows]


async def there_already(connection: Connection, programme: int, month: str) -> set[tuple[int, str]]:
    """Of which partners something was issued for a month, and in which series."""
    rows = await connection.fetch(
        "select partner, series from registry.invoice where programme = $1 and month = $2", programme, month
    )
    return {(row["partner"], row["series"]) for row in rows}


async def has_unsent(connection: Connection, programme: int) -> bool:
    """Whether something was issued and not sent yet."""
    return bool(await unsent(connection, programme, limit=1))


async def correctable(connection: Connection, programme: int, partner: int, month: str) -> list[Issued]:
    """The invoices of a partner for months before `month`, the oldest first."""
    return [Issued(*row) for row in await connection.fetch(_CORRECTABLE, programme, partner, month)]


async def find_document(connection: Connection, text: str) -> tuple[Issued, bytes]:
    """Return a document by the number it shows. Raises NotInRegistry."""
    check_text("the number", text, TEXT_CHARACTERS_MAX)
    row: Any = await connection.fetchrow(f"select {_COLUMNS} {_FROM} where i.text = $1", text)
    if row is None:
        raise NotInRegistry("there is no document of that number")
    issued = Issued(*row)
    document: bytes = await connection.fetchval(
        "select document from registry.invoice_document "
        "where programme = $1 and series = $2 and year = $3 and number = $4",
        *issued[:4],
    )
    return issued, document


async def notes_of(
    connection: Connection, programme: int, month: str, partner: int | None = None
) -> list[bytes]:
    """The notes issued for a month, of all partners or one, by number: at most one of each partner."""
    return [row["document"] for row in await connection.fetch(_NOTES, programme, month, partner)]


async def has_notes(connection: Connection, programme: int, month: str) -> bool:
    """Whether a note was issued for a month."""
    found: bool = await connection.fetchval(
        "select exists (select from registry.invoice where programme = $1 and month = $2 and kind = 'note')",
        programme,
        month,
    )
    return found


async def unsent(
    connection: Connection, programme: int, *, after: Issued | None = None, limit: int = 100
) -> list[Issued]:
    """A page of what was issued and not sent yet, in the order of the numbers, behind `after`."""
    check_page(limit)
    place = (after.series, after.year, after.number) if after else ("", 0, 0)
    return [Issued(*row) for row in await connection.fetch(_UNSENT, programme, *place, limit)]


async def record_sent(connection: Connection, actor: Actor, text: str, sink: str, ksef_number: str) -> None:
    """Note that a document was sent; a second time changes nothing."""
    check_text("the name of the sink", sink, 64)
    if ksef_number:
        _check_ksef_number(ksef_number)
    async with writing(connection, actor):
        await connection.execute(
            "insert into registry.invoice_delivery (text, programme, sink, ksef_number) "
            "select text, programme, $2, $3 from registry.invoice where text = $1 "
            "on conflict (text) do nothing",
            text,
            sink,
            ksef_number,
        )


async def record_number(connection: Connection, actor: Actor, text: str, ksef_number: str) -> None:
    """Note the number that KSeF gave a document that was sent. Raises NotInRegistry, RegistryRefused."""
    _check_ksef_number(ksef_number)
    issued, _ = await find_document(connection, text)
    if issued.kind == "note":
        raise RegistryRefused("a note is no invoice, and never gets a KSeF number")
    if issued.ksef_number == ksef_number:
        return
    if issued.ksef_number:
        raise RegistryRefused("{document} has another KSeF number already", document=text)
    async with writing(connection, actor):
        if not await connection.fetchval(
            "update registry.invoice_delivery set ksef_number = $2 where text = $1 returning true",
            text,
            ksef_number,
        ):
            raise RegistryRefused("{document} was not sent yet", document=text)


def _check_ksef_number(text: str) -> None:
    if not KSEF_NUMBER.fullmatch(text):
        raise RegistryRefused("a KSeF number is like 5265877635-20261205-A1B2C3-D4E5F6-12")
