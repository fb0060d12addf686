"""Owns what a partner and the organiser agreed: declared, verified, agreed for a term, active, ended.

A contract is of a partner as a whole, or of one of its outlets: a terminal stands under its outlet's own
while that runs, else under the partner's. A terminal is served on the days of the contracts about it, which
the switch follows (`ledger.registry.reads`); what of it the office sees, the states of contracts and the
statuses of partners and terminals, the service's keeper moves (`move_contracts`). That nobody without a
running contract is taken up again, and from which state which other comes, the database holds (migrations,
0080). Takes the owner's connection, or a programme's own role; every write takes its actor.
"""

from collections.abc import Mapping
from datetime import date
from enum import IntEnum
from typing import Any, Final, NamedTuple

from ledger.errors import NotInRegistry, RegistryRefused
from ledger.phrase import Phrase
from ledger.postgres.database import Connection
from ledger.registry.audit import Actor, writing
from ledger.registry.bounds import ID_MAX, NAME_CHARACTERS_MAX, check_number, check_page, check_text
from ledger.registry.invoice_parties import check_nip
from ledger.registry.partners import check_partner
from ledger.registry.programmes import check_programme

VERIFY_DAYS: Final = 14
"""Within so many days a declaration is verified (Żywiec § 5)."""
MONTHS_MIN: Final = 12
"""An agreement is for at least so long (Częstochowa, Oferta dla Partnera), unless the rules say another."""
MONTHS_MAX: Final = 240
LEGAL_CHARACTERS_MAX: Final = 512
MOVE: Final = "select registry.move_contracts_v1()"
_TERM_ENDS_ON: Final = "(starts_on + months_min * interval '1 month')::date as term_ends_on"
"""The last day of a contract's least term (Civil Code, art. 112)."""
_CONTRACTS: Final = f"""
select c.partner, c.number, c.programme, p.name, c.state, c.declared_on, c.verify_by, c.verified_on,
    c.outlet, c.starts_on, c.months_min, c.ends_on, c.with_services, p.status, {_TERM_ENDS_ON},
    coalesce(d.legal_name, '') as legal_name,
    coalesce(d.tax_id, '') as tax_id, coalesce(d.address, '') as address,
    coalesce(c.verified_on, registry.today_of(c.programme)) > c.verify_by as is_late
  from registry.partner_contract c join registry.partner p on p.id = c.partner
  left join registry.partner_details d on d.partner = c.partner"""  # noqa: S608 fixed text
_DETAILS: Final = "select legal_name, tax_id, address from registry.partner_details where partner = $1"


class ContractState(IntEnum):
    """Where a contract stands; REFUSED and ENDED are for good."""

    DECLARED = 0
    VERIFIED = 1
    AGREED = 2
    """It begins on a day to come."""
    ACTIVE = 3
    ENDED = 4
    REFUSED = 5


class Details(NamedTuple):
    """A partner as documents name it; all may be empty. tax_id: a NIP."""

    legal_name: str = ""
    tax_id: str = ""
    address: str = ""


class Newcomer(NamedTuple):
    """Who declares: number, the sign that receipts show, and how documents name it."""

    partner: int
    name: str
    details: Details = Details()


class Term(NamedTuple):
    """From which day an agreement runs, for how many months at least, and whether the partner uses other
    services of the operator, too.
    """

    starts_on: date
    months: int = MONTHS_MIN
    with_services: bool = False


def _checked(details: Details) -> Details:
    check_text("the legal name", details.legal_name, LEGAL_CHARACTERS_MAX, least=0)
    check_text("the address", details.address, LEGAL_CHARACTERS_MAX, least=0)
    tax_id = details.tax_id.strip()
    return details._replace(tax_id=check_nip("the tax number", tax_id) if tax_id else "")


async def declare(
    connection: Connection, actor: Actor, programme: int, newcomer: Newcomer, *, outlet: int | None = None
) -> date:
    """Take down that somebody wants to take part; returns the day by which it is to be verified.

    The partner is there from now on, without a contract that runs; one that is there already, without a
    contract, may declare anew under the name it has; how documents name it stays where the newcomer says
    nothing else. `outlet`: of this one of the partner's alone, beside
    any other contract.
    """
    partner, name, _ = newcomer
    check_number("the number of a partner", partner, 1, ID_MAX)
    check_text("the name of a partner", name, NAME_CHARACTERS_MAX)
    details = _checked(newcomer.details)
    async with writing(connection, actor):
        await check_programme(connection, programme)
        await connection.execute(
            "insert into registry.partner (id, programme, name, status) values ($1, $2, $3, 2) "
            "on conflict (id) do nothing",
            partner,
            programme,
            name,
        )
        there = await connection.fetchrow(
            "select programme, name from registry.partner where id = $1", partner
        )
        if there is None or (there["programme"], there["name"]) != (programme, name):
            raise RegistryRefused("partner {partner} is another one already", partner=partner)
        await _check_outlet(connection, partner, outlet)
        if await connection.fetchval(
            "select true from registry.partner_contract "
            "where partner = $1 and outlet is not distinct from $2 and state < $3",
            partner,
            outlet,
            int(ContractState.ENDED),
        ):
            raise RegistryRefused(
                "{whose} has a contract or has declared already", whose=_whose(partner, outlet)
            )
        known = await connection.fetchrow(_DETAILS, partner) or Details()
        details = Details(*(said or was for said, was in zip(details, known, strict=True)))
        await _keep_details(connection, programme, partner, details)
        verify_by: date = await connection.fetchval(
            "insert into registry.partner_contract "
            "(partner, number, programme, outlet, declared_on, verify_by) "
            "select $1, 1 + coalesce((select max(number) from registry.partner_contract where partner = $1), "
            "0), $2, $3, d.today, d.today + $4::int from (select registry.today_of($2)) as d(today) "
            "returning verify_by",
            partner,
            programme,
            outlet,
            VERIFY_DAYS,
        )
    return verify_by


async def verify_declaration(
    connection: Connection, actor: Actor, partner: int, outlet: int | None = None
) -> bool:
    """Take down that a declaration was verified, today; returns whether that was in time."""
    async with writing(connection, actor):
        contract = await _the_contract(connection, partner, outlet, ContractState.DECLARED)
        in_time: bool = await connection.fetchval(
            "update registry.partner_contract set state = $3, verified_on = registry.today_of(programme) "
            "where partner = $1 and number = $2 returning verified_on <= verify_by",
            partner,
            contract["number"],
            int(ContractState.VERIFIED),
        )
    return in_time


async def refuse_declaration(
    connection: Connection, actor: Actor, partner: int, outlet: int | None = None
) -> None:
    """Refuse a declaration, verified or not."""
    async with writing(connection, actor):
        states = (ContractState.DECLARED, ContractState.VERIFIED)
        contract = await _the_contract(connection, partner, outlet, *states)
        await connection.execute(
            "update registry.partner_contract set state = $3 where partner = $1 and number = $2",
            partner,
            contract["number"],
            int(ContractState.REFUSED),
        )


async def agree(
    connection: Connection,
    actor: Actor,
    partner: int,
    term: Term,
    *,
    outlet: int | None = None,
    months_min: int = MONTHS_MIN,
) -> ContractState:
    """Take down the agreement with a verified partner: from its first day on its terminals are served.

    `months_min`: what the rules want. Returns AGREED, or ACTIVE where it runs from today. Raises
    RegistryRefused for a first day that has passed, or a shorter term.
    """
    check_number("the months of an agreement", term.months, months_min, MONTHS_MAX)
    async with writing(connection, actor):
        contract = await _the_contract(connection, partner, outlet, ContractState.VERIFIED)
        today: date = await connection.fetchval("select registry.today_of($1)", contract["programme"])
        if not today <= term.starts_on <= date(today.year + 5, 12, 31):
            raise RegistryRefused("an agreement runs from today on, or from a day to come")
        state = ContractState.ACTIVE if term.starts_on == today else ContractState.AGREED
        await connection.execute(
            "update registry.partner_contract set state = $3, starts_on = $4, months_min = $5, "
            "with_services = $6 where partner = $1 and number = $2",
            partner,
            contract["number"],
            int(state),
            *term,
        )
        if state is ContractState.ACTIVE:
            await connection.execute(
                "update registry.partner set status = 0 where id = $1 and status = 2", partner
            )
            await connection.fetchval("select registry.cover_terminals_v1(array[$1::int])", partner)
    return state


async def end(
    connection: Connection, actor: Actor, partner: int, last_day: date, *, outlet: int | None = None
) -> date | None:
    """Say which day is the last of a contract; past it the terminals it alone is about are refused.

    Before its least term has passed that is the organiser's or a court's word: the reason stays in the trail,
    and the last day of that term is returned; None where the contract lasts as long.
    """
    if not actor.reason.strip():
        raise RegistryRefused("the end of a contract wants a reason, which is kept")
    async with writing(connection, actor):
        states = (ContractState.ACTIVE, ContractState.AGREED)
        contract = await _the_contract(connection, partner, outlet, *states)
        today: date = await connection.fetchval("select registry.today_of($1)", contract["programme"])
        if not max(today, contract["starts_on"]) <= last_day <= date(today.year + 40, 12, 31):
            raise RegistryRefused(
                "the last day of a contract is today or a day to come, and not before the first"
            )
        await connection.execute(
            "update registry.partner_contract set ends_on = $3 where partner = $1 and number = $2",
            partner,
            contract["number"],
            last_day,
        )
    term_ends_on: date = contract["term_ends_on"]
    return term_ends_on if last_day < term_ends_on else None


async def set_details(connection: Connection, actor: Actor, partner: int, details: Details) -> None:
    """Say how documents name a partner, from the next month's end on; what a closed month lacks at once."""
    details = _checked(details)
    async with writing(connection, actor):
        programme = await check_partner(connection, partner)
        await _keep_details(connection, programme, partner, details)


async def list_contracts(
    connection: Connection, *, programme: int | None = None, after: int = 0, limit: int = 100
) -> list[Any]:
    """A page of contracts of partners with a number above `after`, in order of partner and contract."""
    check_page(limit, after)
    rows: list[Any] = await connection.fetch(
        f"{_CONTRACTS} where c.partner > $1::bigint and ($3::int is null or c.programme = $3) "
        "order by c.partner, c.number limit $2",
        after,
        limit,
        programme,
    )
    return rows


async def due_contracts(connection: Connection, programme: int, limit: int = 100) -> list[Any]:
    """The declarations of a programme that wait to be verified or agreed, what is due first on top."""
    check_page(limit)
    rows: list[Any] = await connection.fetch(
        f"{_CONTRACTS} where c.programme = $1 and c.state in (0, 1) "
        "order by c.state, c.verify_by, c.partner limit $2",
        programme,
        limit,
    )
    return rows


async def contracts_of(connection: Connection, partner: int) -> list[Any]:
    """All contracts of a partner, the newest first. Raises NotInRegistry for a partner who is not there."""
    await check_partner(connection, partner)
    rows: list[Any] = await connection.fetch(
        f"{_CONTRACTS} where c.partner = $1 order by c.number desc", partner
    )
    return rows


async def move_contracts(connection: Connection) -> None:
    """Show the contracts whose day has come as begun and ended; with the service's rights."""
    await connection.execute(MOVE)


async def add_details(
    connection: Connection, actor: Actor, programme: int, details: Mapping[int, Details]
) -> None:
    """Say how documents name partners of a programme; those that are named somehow stay as they are."""
    checked = {partner: _checked(given) for partner, given in details.items()}
    async with writing(connection, actor):
        await connection.execute(
            "insert into registry.partner_details (partner, programme, legal_name, tax_id, address) "
            "select p.id, p.programme, d.legal_name, d.tax_id, d.address "
            "from unnest($2::int[], $3::text[], $4::text[], $5::text[]) as d(partner, legal_name, tax_id, "
            "address) join registry.partner p on p.id = d.partner and p.programme = $1 "
            "on conflict (partner) do nothing",
            programme,
            list(checked),
            *(list(column) for column in zip(*checked.values(), strict=True)),
        )


async def named_in(connection: Connection, programme: int) -> dict[int, Details]:
    """Return how documents name the partners of a programme, of whom anything is known."""
    rows = await connection.fetch(
        "select partner, legal_name, tax_id, address from registry.partner_details where programme = $1",
        programme,
    )
    return {row[0]: Details(*row[1:]) for row in rows}


async def _keep_details(connection: Connection, programme: int, partner: int, details: Details) -> None:
    await connection.execute(
        "insert into registry.partner_details (partner, programme, legal_name, tax_id, address) "
        "values ($1, $2, $3, $4, $5) on conflict (partner) do update set "
        "legal_name = excluded.legal_name, tax_id = excluded.tax_id, address = excluded.address",
        partner,
        programme,
        *details,
    )


async def _the_contract(
    connection: Connection, partner: int, outlet: int | None, *states: ContractState
) -> Any:
    await check_partner(connection, partner)
    await _check_outlet(connection, partner, outlet)
    contract = await connection.fetchrow(
        f"select partner, number, programme, starts_on, {_TERM_ENDS_ON}, "  # noqa: S608 fixed text
        "case when ends_on < registry.today_of(programme) then $3 else state end as state "
        "from registry.partner_contract "
        "where partner = $1 and outlet is not distinct from $2 order by number desc limit 1",
        partner,
        outlet,
        int(ContractState.ENDED),
    )
    if contract is None:
        raise NotInRegistry("{whose} has declared nothing", whose=_whose(partner, outlet))
    if contract["state"] not in states:
        state = ContractState(contract["state"]).name.lower()
        raise RegistryRefused(
            "the contract of {whose} is {contract_state}", whose=_whose(partner, outlet), contract_state=state
        )
    return contract


def _whose(partner: int, outlet: int | None) -> Phrase:
    if outlet is None:
        return Phrase("partner {partner}", partner=partner)
    return Phrase("outlet {outlet} of partner {partner}", outlet=outlet, partner=partner)


async def _check_outlet(connection: Connection, partner: int, outlet: int | None) -> None:
    if outlet is None:
        return
    check_number("the number of an outlet", outlet, 1, ID_MAX)
    if not await connection.fetchval(
        "select true from registry.outlet where id = $1 and partner = $2", outlet, partner
    ):
        raise NotInRegistry("partner {partner} has no outlet {outlet}", partner=partner, outlet=outlet)
