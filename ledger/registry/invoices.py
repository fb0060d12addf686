"""Owns the documents that were issued to partners: their numbers, their bytes, and what waits to be sent.

A number is taken and its document written in one transaction, under the lock of all the registry's writes;
the database refuses a number that does not follow the one before it (migrations, 0083). So the numbers of a
programme, series and year are 1, 2, 3, … without a gap, whenever a run ends. What a document says is its
maker's, who is called with its number and day. What was proposed is issued as it was proposed, to the last
document, and approved in the same write, or not at all; the database holds each to what was agreed, too
(migrations, 0095).
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any, Final, Literal, NamedTuple

import msgspec

from ledger.errors import NotInRegistry, RegistryRefused
from ledger.postgres.database import Connection
from ledger.registry.audit import Actor, check_second, writing
from ledger.registry.bounds import check_page, check_text
from ledger.registry.invoice_billings import Billing, corrected, refuse_billed_elsewhere
from ledger.registry.proposals import approve, both

Kind = Literal["invoice", "correction", "note"]
SERIES: Final[dict[Kind, str]] = {"invoice": "F", "correction": "F", "note": "N"}
"""Invoices and their corrections are numbered in one series, notes (no invoices) in another."""
TEXT_CHARACTERS_MAX: Final = 64
NO_RATES: Final[Mapping[int, int]] = {}
DIGEST_CHARACTERS: Final = 64
"""Of the value of a document (`digests_of`): hexadecimal digits."""
_COLUMNS: Final = (
    "i.programme, i.series, i.year, i.number, i.text, i.kind, i.partner, i.month, i.statement, i.issued_on, "
    "i.made_at, i.net_grosze, i.vat_grosze, i.gross_grosze, i.seller_nip, i.origin, i.takes_from, "
    "i.corrects, d.sink, d.sent_at, d.ksef_number, coalesce(d.outside_ksef, false), "
    "coalesce(d.told_number, '')"
)
_FROM: Final = "from registry.invoice i left join registry.invoice_delivery d using (text)"
_LIST: Final = f"""select {_COLUMNS} {_FROM} where i.programme = $1 and ($2::text is null or i.month = $2)
  and ($3::int is null or i.partner = $3) order by i.year, i.series, i.number offset $4 limit $5"""
_THERE: Final = f"""select {_COLUMNS} {_FROM}
  where i.programme = $1 and i.partner = $2 and i.month = $3 and i.kind = $4 and i.origin = $5"""
_UNSENT: Final = f"""select {_COLUMNS} {_FROM} where i.programme = $1 and d.text is null
  and (i.series, i.year, i.number) > ($2::text, $3::int, $4::int)
  order by i.series, i.year, i.number limit $5"""
_INSERT: Final = """insert into registry.invoice (programme, series, year, number, text, kind, partner, month,
  statement, issued_on, made_at, net_grosze, vat_grosze, gross_grosze, seller_nip, origin, takes_from,
  corrects, second_needed, net_of)
  values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19,
    $20::text::jsonb)"""
_DOCUMENT: Final = """insert into registry.invoice_document (programme, series, year, number, document)
  values ($1, $2, $3, $4, $5)"""

_DIGESTS: Final = """select registry.document_digest_v1(o.value)
  from jsonb_array_elements($1::text::jsonb) with ordinality as o(value, place) order by o.place"""
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
    seller_nip: str
    origin: str = ""
    """Of a correction: the month that its lines name, "" where they name none."""
    takes_from: str = ""
    """Of a correction: the month whose invoice it corrects, "" where nobody said so yet."""
    second_needed: bool = False
    """Two persons issue it, by the rules in force."""
    net_of: Mapping[int, int] = NO_RATES
    """The net sum at each rate of VAT; of a note none."""


class Numbered(NamedTuple):
    """The number a document is given, the day it is issued on, and the moment it is made at (UTC)."""

    text: str
    issued_on: date
    made_at: datetime


class Issued(NamedTuple):
    """A document that was issued; `sink` None: not sent yet; `ksef_number` None or "": not known.

    `told_number`: what the sink told in its place, which cannot be one.

    `origin`, `takes_from`: as in `Order`; `corrects`: the number of the invoice that a correction is of.
    """

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
    seller_nip: str
    origin: str = ""
    takes_from: str = ""
    corrects: str = ""
    sink: str | None = None
    sent_at: datetime | None = None
    ksef_number: str | None = None
    is_outside_ksef: bool = False
    told_number: str = ""


Write = Callable[[Numbered, Billing | None], bytes]
"""Makes the bytes of a document, of a correction with the invoice that it is of. Raises RegistryRefused."""
STAND_IN: Final = Numbered("F/X/2026/1", date(2026, 2, 1), datetime(2026, 2, 1, tzinfo=UTC))
"""For a document that takes no number, to see whether it can be made."""


class ToIssue(NamedTuple):
    """A document that is to be issued, and who writes it."""

    order: Order
    write: Write


async def check_issuable(connection: Connection, document: ToIssue) -> None:
    """Raise RegistryRefused for a document that could not be issued now: see `issue`. It takes no number."""
    document.write(STAND_IN, await _billing(connection, document.order))


async def digests_of(connection: Connection, documents: Sequence[ToIssue]) -> list[str]:
    """Return of each document all that it would say now, but for its number and day, as one value."""
    orders = msgspec.json.encode([document.order._asdict() for document in documents]).decode()
    return [row[0] for row in await connection.fetch(_DIGESTS, orders)]


async def issue_proposed(
    connection: Connection,
    actor: Actor,
    number: int,
    prepare: Callable[[Any], Awaitable[Sequence[ToIssue]]],
) -> list[Issued]:
    """Approve a proposal of documents and issue them: all of them in one write, or none.

    `prepare` is called with the proposal and returns what its month asks for now. Raises NotInRegistry,
    RegistryRefused where they are not what was proposed any more, or this person may not approve them.
    """
    async with writing(connection, actor):
        proposal = await approve(connection, actor, number)
        agreed = both(actor, proposal)
        left = set(msgspec.json.decode(proposal["terms"])["digests"])
        documents, issued = await prepare(proposal), list[Issued]()
        digests = await digests_of(connection, documents)
        async with writing(connection, agreed):
            for document, digest in zip(documents, digests, strict=True):
                if digest in left:
                    done, is_new = await _issue(connection, agreed, document)
                    if is_new:
                        left.remove(digest)
                        issued.append(done)
        if left:
            raise RegistryRefused(
                "the documents are not what was proposed any more: refuse that, and propose them anew"
            )
    return issued


async def issue(connection: Connection, actor: Actor, order: Order, write: Write) -> tuple[Issued, bool]:
    """Issue one document, unless it was: return it, and whether it is new.

    `write` makes its bytes, of a correction with the invoice that it is of; what it raises takes the number
    back. Raises RegistryRefused where the same month was issued to the partner over another sum, or billed
    elsewhere, and for a correction whose invoice is not there, or not known to KSeF (`corrected`).
    """
    async with writing(connection, actor):
        return await _issue(connection, actor, ToIssue(order, write))


async def _issue(connection: Connection, actor: Actor, wanted: ToIssue) -> tuple[Issued, bool]:
    order, write = wanted
    series = SERIES[order.kind]
    key = (order.programme, order.partner, order.month, order.kind, order.origin)
    if there := await connection.fetchrow(_THERE, *key):
        return _same(Issued(*there), order), False
    billing = await _billing(connection, order)
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
        order.seller_nip,
        order.origin,
        order.takes_from,
        billing.text if billing else "",
    )
    document = write(numbered, billing)
    net_of = msgspec.json.encode(order.net_of).decode()
    await connection.execute(_INSERT, *issued[:18], order.second_needed, net_of)
    await connection.execute(_DOCUMENT, *issued[:4], document)
    return issued, True


async def _billing(connection: Connection, order: Order) -> Billing | None:
    """Return the invoice that a correction is of; None for anything else. Raises RegistryRefused."""
    whose = (order.programme, order.partner)
    if order.kind == "invoice":
        await refuse_billed_elsewhere(connection, *whose, order.month)
    if order.kind != "correction":
        return None
    if order.takes_from >= order.month:
        raise RegistryRefused("a correction of {month} is of an earlier month", month=order.month)
    return await corrected(connection, *whose, order.takes_from, order.net_of)


def _same(there: Issued, order: Order) -> Issued:
    """Return what is there, if it says what the order does: a closed month never changes."""
    was = (there.statement, there.net_grosze, there.vat_grosze)
    if was != (order.statement, order.net_grosze, order.vat_grosze):
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


async def there_already(connection: Connection, programme: int, month: str) -> set[tuple[int, str, str]]:
    """Of which partners something was issued for a month, of which kind and origin."""
    rows = await connection.fetch(
        "select partner, kind, origin from registry.invoice where programme = $1 and month = $2",
        programme,
        month,
    )
    return {tuple(row) for row in rows}


async def has_unsent(connection: Connection, programme: int) -> bool:
    """Whether something was issued and not sent yet."""
    return bool(await unsent(connection, programme, limit=1))


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
