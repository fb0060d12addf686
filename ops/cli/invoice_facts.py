"""`cityswitch invoices number`, `outside`, `elsewhere`, `withdraw-elsewhere`, `seller`, `city`: what a person
says of invoices.

Owns these subcommands. Must not write SQL, nor decide what a number may be (`ledger.registry` does). What is
said holds from the next document on.
"""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from ledger.registry.bounds import ID_MAX, check_number
from ledger.registry.invoice_billings import say_elsewhere, withdraw_elsewhere
from ledger.registry.invoice_deliveries import record_number, record_outside
from ledger.registry.invoice_parties import City, Seller, set_city, set_seller
from ledger.settlement.statement import check_month
from ops.cli.contracts import day_of
from ops.cli.help_texts import examples
from ops.cli.invoices import app
from ops.cli.registry_options import NOBODY, By, Json, Programme, pick_programme, tell_done
from ops.place.database import changing
from ops.place.options import HERE, Place

__all__ = ["app"]


@app.command(
    help_epilogue=examples("invoices number F/CZESTOCHOWA/2026/1 8982145677-20261127-0100001AF629-A4")
)
async def number(
    number: Annotated[str, Parameter(help="The number a document shows.")],
    ksef_number: Annotated[str, Parameter(help="The number that KSeF gave it.")],
    /,
    *,
    by: By = NOBODY,
    json: Json = False,
    place: Place = HERE,
) -> None:
    """Note the KSeF number of an invoice whose file was carried there: corrections name it.

    In the place of another one with --reason, until a correction names it.
    """
    actor = by.told()
    async with changing(place) as database:
        await database.run(lambda c: record_number(c, actor, number, ksef_number))
    done = {"number": number, "ksef_number": ksef_number}
    tell_done(f"{number} is {ksef_number} in KSeF.", done, as_json=json, again=f"invoices show {number}")


@app.command(
    help_epilogue=examples("invoices outside F/CZESTOCHOWA/2026/1 --reason 'KSeF was away, sent by post'")
)
async def outside(
    number: Annotated[str, Parameter(help="The number a document shows.")],
    /,
    *,
    by: By = NOBODY,
    json: Json = False,
    place: Place = HERE,
) -> None:
    """Say that an invoice was issued outside KSeF, and never gets a number there; wants --reason.

    Its corrections say so, too. Said by mistake, `invoices number` takes its place.
    """
    actor = by.told()
    async with changing(place) as database:
        await database.run(lambda c: record_outside(c, actor, number))
    done = {"number": number, "outside_ksef": True}
    tell_done(f"{number} was issued outside KSeF.", done, as_json=json, again=f"invoices show {number}")


@app.command(
    help_epilogue=examples(
        "invoices elsewhere 1001 2026-05 FV/17/05/2026 --on 2026-06-02 --reason 'before this office'"
    )
)
async def elsewhere(
    partner: Annotated[int, Parameter(help="The partner it billed.")],
    month: Annotated[str, Parameter(help="The month it billed, like 2026-05.")],
    number: Annotated[str, Parameter(help="The number it shows.")],
    /,
    *,
    on: Annotated[str, Parameter(help="The day it was issued on, like 2026-06-02.")],
    ksef_number: Annotated[str, Parameter(help="Its number in KSeF; without: issued outside KSeF.")] = "",
    by: By = NOBODY,
    json: Json = False,
    place: Place = HERE,
) -> None:
    """Name the invoice from elsewhere that billed a month, so that it is corrected; wants --reason.

    That month is not invoiced here then. Said anew it is replaced, until a correction names it.
    """
    check_number("the number of a partner", partner, 1, ID_MAX)
    check_month(month)
    actor, issued_on = by.told(), day_of("--on", on)
    async with changing(place) as database:
        said = (number, issued_on, ksef_number)
        await database.run(lambda c: say_elsewhere(c, actor, partner, month, said))
    done = {"partner": partner, "month": month, "number": number}
    tell_done(f"{month} of partner {partner} was billed by {number}.", done, as_json=json)


@app.command(
    name="withdraw-elsewhere",
    help_epilogue=examples("invoices withdraw-elsewhere 1001 2026-05 --reason 'that was of another partner'"),
)
async def withdraw_elsewhere_(
    partner: Annotated[int, Parameter(help="The partner it was said to have billed.")],
    month: Annotated[str, Parameter(help="The month, like 2026-05.")],
    /,
    *,
    by: By = NOBODY,
    json: Json = False,
    place: Place = HERE,
) -> None:
    """Take back that an invoice from elsewhere billed a month; wants --reason.

    Until a correction is of it. That month is invoiced here then.
    """
    check_number("the number of a partner", partner, 1, ID_MAX)
    check_month(month)
    actor = by.told()
    async with changing(place) as database:
        number = await database.run(lambda c: withdraw_elsewhere(c, actor, partner, month))
    done = {"partner": partner, "month": month, "number": number}
    tell_done(f"{month} of partner {partner} was not billed by {number}.", done, as_json=json)


@app.command(
    help_epilogue=examples(
        "invoices seller --nip 8982145677 --name 'Gmina Miasto Częstochowa' "
        "--address 'ul. Śląska 11/13, 42-217 Częstochowa'"
    )
)
async def seller(
    *,
    nip: Annotated[str, Parameter(help="Tax number (NIP) of the organiser, with its check digit.")],
    name: Annotated[str, Parameter(help="Its name as a taxpayer.")],
    address: Annotated[str, Parameter(help="Its address, in one line.")],
    unit_name: Annotated[
        str, Parameter(help="The city's unit that invoices for the city, if one does.")
    ] = "",
    unit_address: Annotated[str, Parameter(help="Its address.")] = "",
    unit_id: Annotated[str, Parameter(help="Its own NIP, or the city's NIP, a hyphen and five digits.")] = "",
    bank_account: Annotated[str, Parameter(help="Where partners pay to.")] = "",
    due_days: Annotated[int, Parameter(help="Days to pay, from the day of issue; 0 to 365.")] = 14,
    programme: Programme = None,
    by: By = NOBODY,
    json: Json = False,
    place: Place = HERE,
) -> None:
    """Say who invoices for a programme, from the next document on."""
    actor = by.told()
    given = Seller(nip, name, address, unit_name, unit_address, unit_id, bank_account, due_days)
    async with changing(place) as database:
        chosen = await database.run(lambda c: pick_programme(c, programme))
        await database.run(lambda c: set_seller(c, actor, chosen, given))
    tell_done(f"Programme {chosen} invoices as {nip}.", {"programme": chosen, "nip": nip}, as_json=json)


@app.command(
    help_epilogue=examples(
        "invoices city 1001 --nip 5265877635 --name 'Gmina Zgierz' --address 'pl. Jana Pawła II 16, Zgierz'"
    )
)
async def city(
    partner: Annotated[int, Parameter(help="Number of the partner that is a unit of a city.")],
    /,
    *,
    nip: Annotated[str, Parameter(help="Tax number (NIP) of the city, with its check digit.")],
    name: Annotated[str, Parameter(help="The city's name as a taxpayer.")],
    address: Annotated[str, Parameter(help="The city's address, in one line.")],
    unit_id: Annotated[str, Parameter(help="The unit's: the city's NIP, a hyphen and five digits.")] = "",
    by: By = NOBODY,
    json: Json = False,
    place: Place = HERE,
) -> None:
    """Say that a partner is a unit of a city: the city is the buyer, the unit who receives."""
    actor = by.told()
    async with changing(place) as database:
        await database.run(lambda c: set_city(c, actor, partner, City(nip, name, address, unit_id)))
    tell_done(f"Partner {partner} is a unit of {nip}.", {"partner": partner, "nip": nip}, as_json=json)
