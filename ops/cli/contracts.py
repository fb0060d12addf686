"""`cityswitch contracts`: what partners and the organiser agreed, from the declaration to the end.

Owns the subcommands. Must not write SQL: `ledger.registry.partner_contracts` does.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

from cyclopts import App, Parameter

from ledger.errors import NotInRegistry
from ledger.registry import partner_contracts as registry
from ledger.registry.partner_contracts import ContractState, Details, Newcomer, Term
from ops.cli.help_texts import examples
from ops.cli.registry_options import (
    FIRST_PAGE,
    NOBODY,
    UNSURE,
    By,
    BySure,
    Json,
    Page,
    Programme,
    parse_day,
    pick_programme,
    tell_done,
)
from ops.errors import CommandError
from ops.exit_codes import Exit
from ops.office.rules_in_force import version_in_force
from ops.output import Row, print_rows
from ops.place.database import changing, looking
from ops.place.options import HERE, Place

SHOWN = (
    *("partner", "outlet", "name", "state", "verify_by", "late", "starts_on", "months_min", "ends_on"),
    "tax_id",
)
LegalName = Annotated[str, Parameter(help="As documents name it; the name otherwise.")]
TaxId = Annotated[str, Parameter(help="NIP.")]
Address = Annotated[str, Parameter(help="As documents name it.")]
Outlet = Annotated[
    int | None,
    Parameter(help="The partner's outlet that it is about, by number; else the partner as a whole."),
]

app = App(
    name="contracts",
    help="Contracts of partners: declared, verified within 14 days, agreed, active, ended.",
    help_epilogue=examples(
        "contracts declare 17 'Kwiaciarnia'", "contracts verify 17", "contracts agree 17 --from 2027-01-01"
    ),
)


def day_of(name: str, text: str) -> date:
    """Return the day of an option. Raises `CommandError`."""
    try:
        day = parse_day(text)
    except ValueError as error:
        raise CommandError(Exit.USAGE, f"{name} {error}.") from None
    if day is None:
        raise CommandError(Exit.USAGE, f"{name} wants a day like 2027-01-01.")
    return day


@app.command(help_epilogue=examples("contracts declare 17 'Kwiaciarnia' --tax-id 8982145677"))
async def declare(
    partner: Annotated[int, Parameter(help="The number it is to have.")],
    name: Annotated[str, Parameter(help="The shop's sign, as receipts show it.")],
    /,
    *,
    legal_name: LegalName = "",
    tax_id: TaxId = "",
    address: Address = "",
    outlet: Outlet = None,
    programme: Programme = None,
    by: By = NOBODY,
    json: Json = False,
    place: Place = HERE,
) -> None:
    """Take down that somebody wants to take part; its terminals are refused until the agreement runs."""
    newcomer, actor = Newcomer(partner, name, Details(legal_name, tax_id, address)), by.told()
    async with changing(place) as database:
        chosen = await database.run(lambda c: pick_programme(c, programme))
        verify_by = await database.run(lambda c: registry.declare(c, actor, chosen, newcomer, outlet=outlet))
    _tell(partner, f"has declared: to be verified by {verify_by}", json, verify_by=verify_by.isoformat())


@app.command(help_epilogue=examples("contracts verify 17"))
async def verify(
    partner: int,
    /,
    *,
    outlet: Outlet = None,
    by: By = NOBODY,
    json: Json = False,
    place: Place = HERE,
) -> None:
    """Take down that a declaration was verified, today."""
    actor = by.told()
    async with changing(place) as database:
        in_time = await database.run(lambda c: registry.verify_declaration(c, actor, partner, outlet))
    _tell(partner, "is verified" + ("" if in_time else ", later than 14 days"), json, in_time=in_time)


@app.command(help_epilogue=examples("contracts refuse 17 --reason 'no shop there' --yes"))
async def refuse(
    partner: int,
    /,
    *,
    outlet: Outlet = None,
    by: BySure = UNSURE,
    json: Json = False,
    place: Place = HERE,
) -> None:
    """Refuse a declaration."""
    actor = by.told()
    by.confirm(f"Refuse the declaration of partner {partner}")
    async with changing(place) as database:
        await database.run(lambda c: registry.refuse_declaration(c, actor, partner, outlet))
    _tell(partner, "is refused", json)


@app.command(help_epilogue=examples("contracts agree 17 --from 2027-01-01 --months 24"))
async def agree(
    partner: int,
    /,
    *,
    from_: Annotated[str, Parameter(name="--from", help="First day: today, or a day to come.")],
    months: Annotated[int | None, Parameter(help="For how many at least; the least by the rules.")] = None,
    with_services: Annotated[bool, Parameter(help="It uses other services of the operator, too.")] = False,
    outlet: Outlet = None,
    by: By = NOBODY,
    json: Json = False,
    place: Place = HERE,
) -> None:
    """Take down the agreement with a verified partner; from its first day on its terminals are served."""
    actor, first = by.told(), day_of("--from", from_)
    async with changing(place) as database:
        rows = await database.run(lambda c: registry.contracts_of(c, partner))
        least = registry.MONTHS_MIN
        if rows:
            try:
                lease = (await version_in_force(database, rows[0]["programme"])).rules.lease
                least = lease.contract_months_min if lease else least
            except NotInRegistry:
                pass
        term = Term(first, least if months is None else months, with_services)
        state = await database.run(
            lambda c: registry.agree(c, actor, partner, term, outlet=outlet, months_min=least)
        )
    _tell(partner, f"has agreed for {term.months} months from {first}", json, state=state.name.lower())


@app.command(help_epilogue=examples("contracts end 17 --on 2027-06-30 --reason 'both want it' --yes"))
async def end(
    partner: int,
    /,
    *,
    on: Annotated[str, Parameter(help="The last day on which its terminals are served.")],
    outlet: Outlet = None,
    by: BySure = UNSURE,
    json: Json = False,
    place: Place = HERE,
) -> None:
    """Say which day is the last of a contract."""
    actor, last = by.told(), day_of("--on", on)
    by.confirm(f"End the contract of partner {partner} with {last}")
    async with changing(place) as database:
        term_ends_on = await database.run(lambda c: registry.end(c, actor, partner, last, outlet=outlet))
    told = {"ends_on": last.isoformat(), "term_ends_on": None}
    if term_ends_on is None:
        _tell(partner, f"is served until {last}", json, **told)
        return
    early = f"is served until {last}, before its least term is over ({term_ends_on})"
    _tell(partner, early, json, **told | {"term_ends_on": term_ends_on.isoformat()})


@app.command(help_epilogue=examples("contracts details 17 --tax-id 8982145677 --address 'Rynek 1'"))
async def details(
    partner: int,
    /,
    *,
    legal_name: LegalName = "",
    tax_id: TaxId = "",
    address: Address = "",
    by: By = NOBODY,
    json: Json = False,
    place: Place = HERE,
) -> None:
    """Say how statements and invoices name a partner: all three, anew."""
    actor = by.told()
    async with changing(place) as database:
        await database.run(
            lambda c: registry.set_details(c, actor, partner, Details(legal_name, tax_id, address))
        )
    _tell(partner, "is named so in documents", json)


@app.command(name="list", help_epilogue=examples("contracts list", "contracts list --after 1100 --json"))
async def list_(
    *, programme: Programme = None, page: Page = FIRST_PAGE, json: Json = False, place: Place = HERE
) -> None:
    """List contracts by partner; `late`: verified, or still to be verified, after more than 14 days."""
    async with looking(place) as database:
        chosen = None if programme is None else await database.run(lambda c: pick_programme(c, programme))
        rows = await database.run(
            lambda c: registry.list_contracts(c, programme=chosen, after=page.after, limit=page.limit)
        )
    print_rows([shown(row) for row in rows], SHOWN, as_json=json, empty="No contract there.")


@app.command(help_epilogue=examples("contracts show 1001"))
async def show(partner: int, /, *, json: Json = False, place: Place = HERE) -> None:
    """Show the contracts of one partner, the newest first."""
    async with looking(place) as database:
        rows = await database.run(lambda c: registry.contracts_of(c, partner))
    print_rows([shown(row) for row in rows], SHOWN, as_json=json, empty="It has declared nothing.")


def shown(row: Any) -> Row:
    """Return a contract as it is shown."""

    def day(name: str) -> str | None:
        value = row[name]
        return None if value is None else value.isoformat()

    return {
        "partner": row["partner"],
        "number": row["number"],
        "outlet": row["outlet"],
        "name": row["name"],
        "state": ContractState(row["state"]).name.lower(),
        "declared_on": day("declared_on"),
        "verify_by": day("verify_by"),
        "verified_on": day("verified_on"),
        "late": row["is_late"],
        "starts_on": day("starts_on"),
        "months_min": row["months_min"],
        "ends_on": day("ends_on"),
        "with_services": row["with_services"],
        "legal_name": row["legal_name"],
        "tax_id": row["tax_id"],
        "address": row["address"],
    }


def _tell(partner: int, what: str, as_json: bool, **fields: object) -> None:
    tell_done(
        f"Partner {partner} {what}.",
        {"partner": partner, **fields},
        as_json=as_json,
        again=f"contracts show {partner}",
    )
