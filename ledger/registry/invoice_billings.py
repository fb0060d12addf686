"""Owns which invoice billed a month to a partner: ours, or one that was issued elsewhere and named here.

A correction is of that invoice, and of no other (VAT Act, art. 106j (2) (2)); what it says of KSeF is what is
known: its number there, or that a person said it was issued outside. Takes the owner's connection, or a
programme's own role; every write takes its actor.
"""

from collections.abc import Mapping
from datetime import date
from typing import Final, NamedTuple

import msgspec

from ledger.errors import NotInRegistry, RegistryRefused
from ledger.postgres.database import Connection
from ledger.registry.audit import Actor, writing
from ledger.registry.bounds import check_text
from ledger.registry.invoice_parties import the_seller
from ledger.registry.ksef_numbers import check_ksef_number
from ledger.registry.partners import check_partner
from ledger.registry.settlements import check_begun

ELSEWHERE_CHARACTERS_MAX: Final = 256
_BILLED: Final = """
select i.text, i.issued_on, coalesce(d.ksef_number, ''), coalesce(d.outside_ksef, false),
      (select coalesce(jsonb_object_agg(r.rate, r.net_grosze), '{}')::text from (
        select n.key as rate, sum(n.value::bigint) as net_grosze
          from registry.invoice o cross join jsonb_each_text(o.net_of) n
          where o.programme = $1 and o.partner = $2
            and (o.text = i.text or (o.takes_from = $3 and o.corrects = i.text)) group by n.key) r)
    from registry.invoice i left join registry.invoice_delivery d using (text)
    where i.programme = $1 and i.partner = $2 and i.month = $3 and i.kind = 'invoice'
  union all
select e.text, e.issued_on, e.ksef_number, e.ksef_number = '', null
    from registry.invoice_elsewhere e
    where e.programme = $1 and e.partner = $2 and e.month = $3 and not e.withdrawn"""
_CARRIED: Final = """select text from registry.invoice
  where programme = $1 and partner = $2 and takes_from = $3 and corrects = $4 order by year, number limit 1"""
_KNOWN: Final = """
select registry.is_ksef_number_known_v1($1, $2, $3, $4) as is_known, coalesce(
    (select text from registry.invoice_delivery where ksef_number = $1),
    (select text from registry.invoice_elsewhere where ksef_number = $1 and not withdrawn)) as text"""
_SAY: Final = """
insert into registry.invoice_elsewhere (programme, partner, month, text, issued_on, ksef_number)
  values ($1, $2, $3, $4, $5, $6)
  on conflict (partner, month) do update set text = excluded.text, issued_on = excluded.issued_on,
    ksef_number = excluded.ksef_number, withdrawn = false"""
_ELSEWHERE: Final = """
select text from registry.invoice_elsewhere where partner = $1 and month = $2 and not withdrawn"""
_WITHDRAW: Final = "update registry.invoice_elsewhere set withdrawn = true where partner = $1 and month = $2"


class Billing(NamedTuple):
    """The invoice that billed a month."""

    text: str
    """The number it shows."""
    issued_on: date
    ksef_number: str
    """"" where it is not known, or there is none."""
    is_outside_ksef: bool
    """A person said that it was issued outside KSeF."""
    left_of: Mapping[int, int] | None = None
    """Its net sum at each rate of VAT with its corrections so far; None: of an invoice from elsewhere."""


async def billing_of(connection: Connection, programme: int, partner: int, month: str) -> Billing | None:
    """Return the invoice that billed a month to a partner, None where none did."""
    row = await connection.fetchrow(_BILLED, programme, partner, month)
    if row is None:
        return None
    left_of = None if row[4] is None else msgspec.json.decode(row[4], type=dict[int, int])
    return Billing(row[0], row[1], row[2], row[3], left_of)


async def corrected(
    connection: Connection, programme: int, partner: int, month: str, net_of: Mapping[int, int]
) -> Billing:
    """Return the invoice that a correction of a month's sale by a net sum at each rate of VAT is of; `month`
    "": none was named.

    Raises RegistryRefused where there is none, nobody knows yet what to say of KSeF, or more is taken off
    than was billed at a rate: what is owed for a sale is never less than nothing (VAT Act, art. 29a (10)),
    and its tax is that of its rate.
    """
    if not month:
        raise RegistryRefused(
            "its corrections take off more than was sold and name no month: say which month's invoice they "
            "correct, with `invoices make --partner {partner} --origin`",
            partner=partner,
        )
    found = await billing_of(connection, programme, partner, month)
    if found is None:
        raise RegistryRefused(
            "no invoice billed {month} yet: that month is invoiced first, or the invoice that was issued "
            "elsewhere is named (`invoices elsewhere`)",
            month=month,
        )
    if not found.ksef_number and not found.is_outside_ksef:
        raise RegistryRefused(
            "the correction waits for the KSeF number of {document}: note it (`invoices number`), or say "
            "that it was issued outside KSeF (`invoices outside`)",
            document=found.text,
        )
    if found.left_of is not None:
        for rate, net_grosze in net_of.items():
            left = found.left_of.get(rate, 0)
            if net_grosze < 0 and left + net_grosze < 0:
                raise RegistryRefused(
                    "the correction takes off more at {rate} % of VAT than is left of {document} at that "
                    "rate ({left} gr net): what is too much is put back by a correction of the same month's "
                    "sale and rate, which is issued first",
                    rate=rate,
                    document=found.text,
                    left=left,
                )
    return found


async def correction_of(
    connection: Connection, programme: int, partner: int, month: str, text: str
) -> str | None:
    """Return the number of a correction that names the invoice of a month by its number; None without one."""
    carried: str | None = await connection.fetchval(_CARRIED, programme, partner, month, text)
    return carried


async def refuse_known_number(
    connection: Connection,
    ksef_number: str,
    *,
    text: str | None = None,
    partner: int | None = None,
    month: str | None = None,
) -> None:
    """Raise RegistryRefused for a KSeF number that another invoice has, of any programme: another than ours
    of that number, or than the one from elsewhere that billed a month to a partner. The database holds it,
    too. An invoice that this role does not meet is not named.
    """
    found = await connection.fetchrow(_KNOWN, ksef_number, text, partner, month)
    if not found["is_known"]:
        return
    if found["text"] is None:
        raise RegistryRefused("that KSeF number is that of an invoice of another programme")
    raise RegistryRefused("that KSeF number is that of {document}", document=found["text"])


def want_reason(actor: Actor) -> None:
    """Raise RegistryRefused where nobody says why."""
    if not actor.reason.strip():
        raise RegistryRefused("this wants a reason, which is kept with it: name it with --reason")


async def refuse_billed_elsewhere(connection: Connection, programme: int, partner: int, month: str) -> None:
    """Raise RegistryRefused where an invoice that was issued elsewhere billed a month already."""
    if found := await billing_of(connection, programme, partner, month):
        raise RegistryRefused("{month} was billed by {document} already", month=month, document=found.text)


async def say_elsewhere(
    connection: Connection, actor: Actor, partner: int, month: str, billing: tuple[str, date, str]
) -> None:
    """Name the invoice that billed a month to a partner and was issued elsewhere: its number, its day, and
    its KSeF number, "" where it was issued outside KSeF.

    Wants a reason, which stays in the trail; what was said is replaced so, too, until a correction names it.
    Raises RegistryRefused where an invoice of ours billed the month.
    """
    text, issued_on, ksef_number = billing
    check_text("the number", text, ELSEWHERE_CHARACTERS_MAX)
    want_reason(actor)
    async with writing(connection, actor):
        programme = await check_partner(connection, partner)
        await check_begun(connection, programme, month)
        today: date = await connection.fetchval("select registry.today_of($1)", programme)
        if issued_on > today:
            raise RegistryRefused("an invoice that was issued has no day that is to come")
        if ksef_number:
            nip = (await the_seller(connection, programme)).nip
            check_ksef_number(ksef_number, nip, issued_on, today)
            await refuse_known_number(connection, ksef_number, partner=partner, month=month)
        await _refuse_ours(connection, partner, month)
        await _refuse_carried(connection, programme, partner, month)
        await connection.execute(_SAY, programme, partner, month, text, issued_on, ksef_number)


async def withdraw_elsewhere(connection: Connection, actor: Actor, partner: int, month: str) -> str:
    """Take back that an invoice from elsewhere billed a month to a partner: it is invoiced here again.
    Returns that invoice's number.

    Wants a reason, which stays in the trail. Raises NotInRegistry where none is named, RegistryRefused where
    a correction is of it.
    """
    want_reason(actor)
    async with writing(connection, actor):
        programme = await check_partner(connection, partner)
        text = await _refuse_carried(connection, programme, partner, month)
        if text is None:
            raise NotInRegistry(
                "no invoice from elsewhere is named of {month} and partner {partner}",
                month=month,
                partner=partner,
            )
        await connection.execute(_WITHDRAW, partner, month)
    return text


async def _refuse_ours(connection: Connection, partner: int, month: str) -> None:
    """Raise RegistryRefused where an invoice of ours billed a month."""
    there = await connection.fetchval(
        "select text from registry.invoice where partner = $1 and month = $2 and kind = 'invoice'",
        partner,
        month,
    )
    if there:
        raise RegistryRefused("{month} was billed by {document} already", month=month, document=there)


async def _refuse_carried(connection: Connection, programme: int, partner: int, month: str) -> str | None:
    """Return the number of the invoice from elsewhere that billed a month, None without one. Raises
    RegistryRefused where a correction is of it.
    """
    text: str | None = await connection.fetchval(_ELSEWHERE, partner, month)
    if text is None:
        return None
    if carried := await correction_of(connection, programme, partner, month, text):
        raise RegistryRefused(
            "{correction} is of {document}, as it was told then: that stays",
            correction=carried,
            document=text,
        )
    return text
