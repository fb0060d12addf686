"""The life of a partner's contract: declared, verified within 14 days, agreed, active, ended."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from ledger.errors import LedgerError, NotInRegistry, RegistryRefused
from ledger.postgres.database import Database
from ledger.registry import partner_contracts as contracts
from ledger.registry.audit import Actor
from ledger.registry.history import day_number, read_history
from ledger.registry.outlets import NewOutlet, import_outlets
from ledger.registry.partner_contracts import ContractState, Details, Newcomer, Term
from ledger.registry.partners import NewPartner, import_partners, set_partner_status
from ledger.registry.presence import Wanted, terminal_status
from ledger.registry.programmes import add_programme, today_of
from ledger.registry.reads import ContractRow, Status, read_changes
from ledger.registry.terminals import (
    NewTerminal,
    import_terminals,
    list_terminals,
    set_terminal_status,
)
from tests.ledger.books import TESTER, write_registry

ENDS = Actor("anna", "both want it")
KWIACIARNIA = Newcomer(9, "Kwiaciarnia", Details("Kwiaty sp. z o.o.", "898-214-56-77", "Rynek 1"))


@pytest.fixture
async def city(owner: Database) -> Database:
    await owner.run(lambda c: add_programme(c, TESTER, programme=1, code="czestochowa", name="Częstochowa"))
    await owner.run(lambda c: import_partners(c, TESTER, 1, [NewPartner(7, "Piekarnia")]))
    return owner


async def today(city: Database) -> date:
    return await city.run(lambda c: today_of(c, 1))


async def declared(city: Database) -> date:
    return await city.run(lambda c: contracts.declare(c, TESTER, 1, KWIACIARNIA))


async def verified(city: Database) -> None:
    await declared(city)
    assert await city.run(lambda c: contracts.verify_declaration(c, TESTER, 9)) is True


async def stands(city: Database, partner: int) -> tuple[int, int]:
    """The state of the newest contract, and the partner's status."""
    row = (await city.run(lambda c: contracts.contracts_of(c, partner)))[0]
    return row["state"], row["status"]


async def test_a_partner_goes_from_its_declaration_to_its_agreement(city: Database) -> None:
    """Declared it is refused, verified too; from the agreement's first day on it is served."""
    assert await declared(city) == await today(city) + timedelta(days=14)
    assert await stands(city, 9) == (ContractState.DECLARED, Status.WITHOUT_CONTRACT)
    with pytest.raises(RegistryRefused, match="is declared"):
        await city.run(lambda c: contracts.agree(c, TESTER, 9, Term(date(2030, 1, 1))))
    assert await city.run(lambda c: contracts.verify_declaration(c, TESTER, 9)) is True
    assert await stands(city, 9) == (ContractState.VERIFIED, Status.WITHOUT_CONTRACT)
    first = await today(city)
    assert await city.run(lambda c: contracts.agree(c, TESTER, 9, Term(first))) is ContractState.ACTIVE
    assert await stands(city, 9) == (ContractState.ACTIVE, Status.ACTIVE)
    (row,) = await city.run(lambda c: contracts.contracts_of(c, 9))
    assert (row["legal_name"], row["tax_id"]) == ("Kwiaty sp. z o.o.", "8982145677")


async def test_a_late_verification_is_seen(city: Database) -> None:
    """More than 14 days after the declaration it is taken down, and says that it was late."""
    await city.run(
        lambda c: write_registry(c, "insert into registry.partner values (8, 1, 'x', 1, false, null, 0)")
    )
    day = await today(city) - timedelta(days=15)
    await city.run(
        lambda c: write_registry(
            c,
            "insert into registry.partner_contract (partner, number, programme, declared_on, verify_by) "
            "values (8, 1, 1, $1, $1::date + 14)",
            day,
        )
    )
    assert (await city.run(lambda c: contracts.contracts_of(c, 8)))[0]["is_late"]
    assert await city.run(lambda c: contracts.verify_declaration(c, TESTER, 8)) is False


@pytest.mark.parametrize(("days", "months"), [(-1, 12), (0, 11), (0, 241), (4000, 12)])
async def test_an_agreement_is_for_twelve_months_at_least(city: Database, days: int, months: int) -> None:
    """A shorter one, one from the past or from a day nobody lives to see is refused."""
    await verified(city)
    term = Term(await today(city) + timedelta(days=days), months)
    with pytest.raises(RegistryRefused):
        await city.run(lambda c: contracts.agree(c, TESTER, 9, term))
    assert await stands(city, 9) == (ContractState.VERIFIED, Status.WITHOUT_CONTRACT)


async def test_the_day_begins_and_ends_contracts(city: Database, database: Database) -> None:
    """The keeper takes a partner up on the first day and suspends it past the last, and moves nobody else."""
    await verified(city)
    tomorrow = await today(city) + timedelta(days=1)
    assert await city.run(lambda c: contracts.agree(c, TESTER, 9, Term(tomorrow))) is ContractState.AGREED
    await database.run(contracts.move_contracts)
    assert await stands(city, 9) == (ContractState.AGREED, Status.WITHOUT_CONTRACT)

    async def let_days_pass(days: int) -> None:
        sql = (
            "alter table registry.partner_contract disable trigger contract_moves; "
            "update registry.partner_contract "
            f"set starts_on = starts_on - {days}, ends_on = ends_on - {days}; "
            "alter table registry.partner_contract enable trigger contract_moves"
        )
        await city.run(lambda c: write_registry(c, sql))
        await database.run(contracts.move_contracts)

    await let_days_pass(1)
    assert await stands(city, 9) == (ContractState.ACTIVE, Status.ACTIVE)
    await city.run(lambda c: set_partner_status(c, TESTER, 9, Status.STOPPED))
    last = await today(city)
    await city.run(lambda c: contracts.end(c, ENDS, 7, last))
    await database.run(contracts.move_contracts)
    assert await stands(city, 7) == (ContractState.ACTIVE, Status.ACTIVE)
    await let_days_pass(1)
    assert await stands(city, 7) == (ContractState.ENDED, Status.WITHOUT_CONTRACT)
    assert await stands(city, 9) == (ContractState.ACTIVE, Status.STOPPED)


async def test_a_contract_that_has_ended_is_given_no_later_day(city: Database) -> None:
    """Its last day decides, not whether the keeper has ended it yet."""
    yesterday = await today(city) - timedelta(days=1)
    sql = (
        "alter table registry.partner_contract disable trigger contract_moves; "
        "update registry.partner_contract "
        f"set starts_on = starts_on - 400, ends_on = '{yesterday}'; "
        "alter table registry.partner_contract enable trigger contract_moves"
    )
    await city.run(lambda c: write_registry(c, sql))
    with pytest.raises(RegistryRefused, match="the contract of partner 7 is ended"):
        await city.run(lambda c: contracts.end(c, ENDS, 7, yesterday + timedelta(days=30)))
    (contract,) = await city.run(lambda c: contracts.contracts_of(c, 7))
    assert (contract["state"], contract["ends_on"]) == (ContractState.ACTIVE, yesterday)


LEAP = (datetime.now(UTC).year + 5) // 4 * 4
"""The next leap year but for one that begins within a year."""


@pytest.mark.parametrize(
    ("first", "months", "until"),
    [
        (date(LEAP - 1, 6, 13), 12, date(LEAP, 6, 13)),
        (date(LEAP - 1, 2, 28), 12, date(LEAP, 2, 28)),
        (date(LEAP, 2, 29), 12, date(LEAP + 1, 2, 28)),
        (date(LEAP - 1, 8, 31), 18, date(LEAP + 1, 2, 28)),
    ],
)
async def test_an_end_before_the_least_term_is_told(
    city: Database, first: date, months: int, until: date
) -> None:
    """Częstochowa: at least twelve months, to the day of the same number (Civil Code, art. 112) or the last
    of its month; whoever ends a contract before hears until when it was.
    """
    await verified(city)
    await city.run(lambda c: contracts.agree(c, TESTER, 9, Term(first, months)))
    for last, told in ((until - timedelta(days=1), until), (until, None), (first, until)):
        assert await city.run(lambda c, last=last: contracts.end(c, ENDS, 9, last)) == told


async def test_the_switch_reads_the_days_of_contracts(city: Database, database: Database) -> None:
    """Each from the moment it is written, before its day; the trail tells the same."""
    await verified(city)
    first, last = await today(city) + timedelta(days=9), await today(city)
    number = (await database.run(lambda c: read_changes(c, 0, list))).number
    await city.run(lambda c: contracts.agree(c, TESTER, 9, Term(first)))
    await city.run(lambda c: contracts.end(c, ENDS, 7, last))
    changes = await database.run(lambda c: read_changes(c, number, list))
    days = [
        ContractRow(7, 1, 0, day_number(last), day_number(last)),
        ContractRow(9, 1, 0, day_number(first), None),
    ]
    assert list(changes.contracts) == days
    told = {}
    for change in await city.run(read_history):
        if isinstance(change.row, ContractRow):
            told[change.row.partner] = change.row
    assert list(told.values()) == days


async def test_who_is_suspended_stays_so_whatever_contracts_do(city: Database, database: Database) -> None:
    """An agreement takes up whom the want of one stopped, and nobody else."""
    await verified(city)
    await city.run(lambda c: set_partner_status(c, TESTER, 9, Status.STOPPED))
    day = await today(city)
    await city.run(lambda c: contracts.agree(c, TESTER, 9, Term(day)))
    assert await stands(city, 9) == (ContractState.ACTIVE, Status.STOPPED)
    await city.run(lambda c: set_partner_status(c, TESTER, 9, Status.ACTIVE))
    assert await stands(city, 9) == (ContractState.ACTIVE, Status.ACTIVE)


async def test_nobody_is_taken_up_without_a_contract(city: Database) -> None:
    """An unblocking by any hand is refused by the database while no contract runs."""
    await declared(city)
    with pytest.raises(LedgerError, match="no contract that runs"):
        await city.run(lambda c: set_partner_status(c, TESTER, 9, Status.ACTIVE))
    await city.run(lambda c: contracts.refuse_declaration(c, TESTER, 9))
    assert await stands(city, 9) == (ContractState.REFUSED, Status.WITHOUT_CONTRACT)
    await declared(city)
    assert [row["number"] for row in await city.run(lambda c: contracts.contracts_of(c, 9))] == [2, 1]


async def test_who_declares_anew_keeps_what_the_declaration_leaves_out(city: Database) -> None:
    """Name, NIP and address stand as they were known, but where the newcomer says others."""
    await declared(city)
    known = Details("Kwiaty sp. z o.o.", "8982145677", "Rynek 1")
    await city.run(lambda c: contracts.set_details(c, TESTER, 9, known))
    for said, kept in ((Details(), known), (Details(address="Rynek 2"), known._replace(address="Rynek 2"))):
        await city.run(lambda c: contracts.refuse_declaration(c, TESTER, 9))
        newcomer = KWIACIARNIA._replace(details=said)
        await city.run(lambda c, n=newcomer: contracts.declare(c, TESTER, 1, n))  # type: ignore[misc]
        row = await city.run(
            lambda c: c.fetchrow(
                "select legal_name, tax_id, address from registry.partner_details where partner = 9"
            )
        )
        assert Details(*row) == kept


async def test_what_is_not_so_is_refused(city: Database) -> None:
    """Two declarations, another's number, a wrong tax number, an end without a reason, nobody there."""
    await declared(city)
    for newcomer in (KWIACIARNIA, Newcomer(7, "Apteka"), Newcomer(0, "x"), Newcomer(8, "x\n")):
        with pytest.raises(RegistryRefused):
            await city.run(lambda c, n=newcomer: contracts.declare(c, TESTER, 1, n))
    with pytest.raises(RegistryRefused, match="check digit"):
        await city.run(lambda c: contracts.set_details(c, TESTER, 7, Details(tax_id="8982145678")))
    with pytest.raises(RegistryRefused, match="wants a reason"):
        await city.run(lambda c: contracts.end(c, TESTER, 7, date(2030, 1, 1)))
    with pytest.raises(RegistryRefused, match="last day"):
        await city.run(lambda c: contracts.end(c, ENDS, 7, date(2020, 1, 1)))
    with pytest.raises(NotInRegistry):
        await city.run(lambda c: contracts.contracts_of(c, 77))
    listed = await city.run(lambda c: contracts.list_contracts(c, programme=1))
    assert [(row["partner"], row["state"]) for row in listed] == [(7, 3), (9, 0)]


OUTLET, OTHER = 71, 72
"""Of partner 7, each with a terminal: 711 and 721; 700 stands in none."""


async def outlets(city: Database) -> None:
    """Partner 7 has two outlets and three terminals."""
    shops = [NewOutlet(OUTLET, 7, "Rynek"), NewOutlet(OTHER, 7, "Dworzec")]
    tills = [NewTerminal(700, 7), NewTerminal(711, 7, outlet=OUTLET), NewTerminal(721, 7, outlet=OTHER)]
    await city.run(lambda c: import_outlets(c, TESTER, shops))
    await city.run(lambda c: import_terminals(c, TESTER, tills))


async def agreed_for(city: Database, outlet: int, term: Term) -> None:
    bakery = Newcomer(7, "Piekarnia")
    await city.run(lambda c: contracts.declare(c, TESTER, 1, bakery, outlet=outlet))
    await city.run(lambda c: contracts.verify_declaration(c, TESTER, 7, outlet))
    await city.run(lambda c: contracts.agree(c, TESTER, 7, term, outlet=outlet))


async def served(city: Database) -> dict[int, int]:
    """The terminals of partner 7 and their status."""
    rows = await city.run(lambda c: list_terminals(c, partner=7))
    return {row["id"]: row["status"] for row in rows}


async def hindrances(city: Database) -> dict[int, str]:
    """Why the terminals of partner 7 would be refused, as it is told of those that have a key."""
    key = (
        "insert into registry.terminal_key (terminal, generation, wrapped, changed) "
        "select t.id, 1, decode(repeat('00', 44), 'hex'), 1 from registry.terminal t"
    )
    await city.run(lambda c: write_registry(c, key))
    rows = await city.run(lambda c: terminal_status(c, Wanted(partner=7)))
    return {row["terminal"]: row["hindrance"] for row in rows}


async def test_an_outlet_has_a_contract_of_its_own(city: Database, database: Database) -> None:
    """Beside the partner's; where that ends, the outlet's terminals alone are served, until one begins."""
    await outlets(city)
    day = await today(city)
    await agreed_for(city, OUTLET, Term(day))
    with pytest.raises(RegistryRefused, match="outlet 71 of partner 7 has a contract"):
        await city.run(lambda c: contracts.declare(c, TESTER, 1, Newcomer(7, "Piekarnia"), outlet=OUTLET))
    await city.run(lambda c: contracts.end(c, ENDS, 7, day))
    await past(city, database, 1, whole=True)
    assert await served(city) == {700: 2, 711: 0, 721: 2}
    assert [(row["number"], row["outlet"], row["state"], row["status"]) for row in await listed(city)] == [
        (2, OUTLET, ContractState.ACTIVE, Status.ACTIVE),
        (1, None, ContractState.ENDED, Status.ACTIVE),
    ]
    for terminal in (700, 721):
        with pytest.raises(LedgerError, match="no contract that runs"):
            await city.run(lambda c, t=terminal: set_terminal_status(c, TESTER, t, Status.ACTIVE))
    with pytest.raises(LedgerError, match="no contract that runs"):
        await city.run(lambda c: import_terminals(c, TESTER, [NewTerminal(722, 7, outlet=OTHER)]))
    assert await hindrances(city) == {700: "no_contract", 711: "", 721: "no_contract"}
    await agreed_for(city, OTHER, Term(await today(city)))
    assert await served(city) == {700: 2, 711: 0, 721: 0}


async def test_who_is_blocked_stays_blocked_whatever_contracts_do(city: Database, database: Database) -> None:
    """A contract that begins takes up only those that were stopped for want of one."""
    await outlets(city)
    await city.run(lambda c: set_terminal_status(c, TESTER, 721, Status.STOPPED))
    day = await today(city)
    await agreed_for(city, OUTLET, Term(day))
    await city.run(lambda c: contracts.end(c, ENDS, 7, day))
    await past(city, database, 1, whole=True)
    await agreed_for(city, OTHER, Term(day))
    assert await served(city) == {700: 2, 711: 0, 721: 1}


async def test_without_any_contract_the_partner_is_suspended(city: Database, database: Database) -> None:
    """Then its terminals stay as they are, and the next contract says which of them are served."""
    await outlets(city)
    day = await today(city)
    await city.run(lambda c: contracts.end(c, ENDS, 7, day))
    await past(city, database, 1)
    assert await stands(city, 7) == (ContractState.ENDED, Status.WITHOUT_CONTRACT)
    assert await served(city) == {700: 0, 711: 0, 721: 0}
    assert set((await hindrances(city)).values()) == {"no_contract"}
    await agreed_for(city, OUTLET, Term(await today(city)))
    assert await stands(city, 7) == (ContractState.ACTIVE, Status.ACTIVE)
    assert await served(city) == {700: 2, 711: 0, 721: 2}


async def test_an_outlet_is_one_of_the_partner(city: Database) -> None:
    """A contract is about no other partner's outlet, and about none that is not there."""
    await outlets(city)
    await city.run(lambda c: import_partners(c, TESTER, 1, [NewPartner(8, "Apteka")]))
    for outlet in (OUTLET, 99, 0):
        with pytest.raises(RegistryRefused):
            await city.run(
                lambda c, o=outlet: contracts.declare(c, TESTER, 1, Newcomer(8, "Apteka"), outlet=o)
            )


async def listed(city: Database) -> list[Any]:
    return await city.run(lambda c: contracts.contracts_of(c, 7))


async def past(city: Database, database: Database, days: int, *, whole: bool = False) -> None:
    """Let days pass for contracts (`whole`: for those of partners as a whole alone), and the keeper look."""
    sql = (
        "alter table registry.partner_contract disable trigger contract_moves; "
        f"update registry.partner_contract set starts_on = starts_on - {days}, ends_on = ends_on - {days} "
        f"where outlet is null or not {whole}; "
        "alter table registry.partner_contract enable trigger contract_moves"
    )
    await city.run(lambda c: write_registry(c, sql))
    await database.run(contracts.move_contracts)
