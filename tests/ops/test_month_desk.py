"""A month closed at a desk: what two persons agreed to is all that is closed, and nothing else ever is."""

from typing import Any

import pytest

from ledger.errors import LedgerError, RegistryRefused
from ledger.postgres.database import Connection, Database
from ledger.registry.partners import NewPartner, import_partners
from ledger.registry.programme_roles import make_role, role_name
from ledger.registry.proposals import ProposalState, approve, find
from ledger.registry.settlements import Documents, Kept, keep_documents
from ledger.settlement.closing import close, correct, is_closed
from ledger.settlement.prices import Prices
from ledger.settlement.statement import read_statements
from ops.settlement.month_desk import MonthDesk
from ops.settlement.prices import prices_of
from tests.ledger.books import write_registry
from tests.ops.test_second_person import ANNA, CITY, JAN, PARTNER, city, last_month, this_month
from tests.web.desk_months import first_month

OTHER = PARTNER + 1


async def desk_of(owner: Database) -> MonthDesk:
    """The desk of a city where two persons close a month, and two partners owe something for the last."""
    await city(owner, "month_close", is_needed=True)
    await owner.run(lambda c: import_partners(c, ANNA, CITY, [NewPartner(OTHER, "Kino")]))
    for partner in (PARTNER, OTHER):
        await owes(owner, partner, 1_000)
    return MonthDesk(owner, CITY)


async def owes(owner: Database, partner: int, grosze: int) -> None:
    await enter(owner, partner, last_month(), grosze)


async def enter(owner: Database, partner: int, month: str, grosze: int) -> None:
    await owner.run(lambda c: correct(c, ANNA, partner, month, grosze, prices=Prices(), second_needed=False))


async def proposed(desk: MonthDesk) -> int:
    await desk.run(ANNA, last_month())
    return await desk.propose_close(ANNA, last_month())


async def closed(owner: Database) -> bool:
    return await owner.run(lambda c: is_closed(c, CITY, last_month()))


async def fee(owner: Database) -> None:
    """A duplicate that costs 10 zł, of the month."""
    await owner.run(lambda c: write_registry(c, FEE, f"{last_month()}-15"))


FEE = """with made as (insert into registry.card (token, last4, status, account, programme)
    select 77, '0077', 1, 800, 1 returning account, carrier, issue, programme)
  insert into registry.card_fee (account, carrier, issue, programme, why, grosze, owed_at)
    select account, carrier, issue, programme, '', 1000, $1::text::timestamptz from made"""


async def moved_about(owner: Database) -> None:
    """Two partners owe other sums, and all of them together the same."""
    await owes(owner, PARTNER, 100_000)
    await owes(owner, OTHER, -100_000)


async def renamed(owner: Database) -> None:
    """A statement is of somebody else by name."""
    await owner.run(lambda c: write_registry(c, "update registry.partner set name = 'Inna' where id = 7"))


@pytest.mark.parametrize("change", [moved_about, fee, renamed])
async def test_what_was_proposed_is_closed_or_nothing(owner: Database, change: Any) -> None:
    """Where one statement or the fees are others by then, nothing is closed, nor approved; anew it is."""
    desk = await desk_of(owner)
    number = await proposed(desk)
    await change(owner)
    with pytest.raises(RegistryRefused, match="not what was proposed any more"):
        await desk.approve(JAN, number)
    assert not await closed(owner)
    assert (await owner.run(lambda c: find(c, number)))["state"] == ProposalState.PROPOSED
    await desk.run(ANNA, last_month())
    assert (await desk.show(last_month())).is_changed
    with pytest.raises(RegistryRefused, match="proposed already"):
        await desk.propose_close(ANNA, last_month())
    await desk.refuse(ANNA, number)
    await desk.approve(JAN, await desk.propose_close(ANNA, last_month()))
    assert await closed(owner)
    assert not (await desk.show(last_month())).is_changed


@pytest.mark.parametrize("sql", ["select 1", "update registry.statement set document = '{}'"])
async def test_the_database_closes_what_was_agreed(owner: Database, sql: str) -> None:
    """In a programme's role a month is closed by an approved proposal of what is kept, and by no other."""
    desk = await desk_of(owner)
    number = await proposed(desk)

    async def job(c: Connection) -> None:
        await make_role(c, CITY)
        await approve(c, JAN, number)
        async with c.transaction():
            await c.execute(f"set local role {role_name(CITY)}")
            await c.execute("set local cityswitch.actor = 'jan'")
            await c.execute("set local cityswitch.second = 'anna'")
            await c.execute(sql)
            await c.execute(
                "insert into registry.settlement_period (programme, month, first_id, through_id, zone) "
                "values (1, $1, 1, 2, 'x')",
                last_month(),
            )

    if sql == "select 1":
        await owner.run(job)
    else:
        with pytest.raises(LedgerError, match="approved proposal"):
            await owner.run(job)
    assert await closed(owner) == (sql == "select 1")


async def test_no_command_closes_a_month_past_its_proposal(owner: Database) -> None:
    """While one waits at the desk it is decided there; refused, the command closes the month."""
    desk = await desk_of(owner)
    number = await proposed(desk)

    async def by_command(connection: Connection) -> None:
        prices = await prices_of(connection, CITY)
        await close(connection, ANNA._replace(second=JAN.name), CITY, last_month(), prices)

    with pytest.raises(RegistryRefused, match="waits at the desk"):
        await owner.run(by_command)
    assert not await closed(owner)
    await desk.refuse(ANNA, number)
    await owner.run(by_command)
    assert await closed(owner)


async def test_an_approval_does_not_outlast_a_close_that_failed(owner: Database) -> None:
    """Where the month before is open it is neither proposed nor approved: nothing is left for later."""
    desk = await desk_of(owner)
    number = await proposed(desk)
    before = first_month()
    await owner.run(lambda c: write_registry(c, MOVED, before))
    with pytest.raises(RegistryRefused, match="postings before"):
        await desk.approve(JAN, number)
    await desk.refuse(JAN, number)
    with pytest.raises(RegistryRefused, match="postings before"):
        await desk.propose_close(ANNA, last_month())
    assert (await owner.run(lambda c: find(c, number)))["state"] == ProposalState.REFUSED


MOVED = """insert into ledger.posting (bucket, transaction_id, leg, unit, debit, credit, points)
  select 0, registry.month_begins_v1(1::smallint, $1) + 5, 0, 0, 7 << 3 | 1, 8, 5"""


async def test_a_month_that_is_not_over_is_neither_proposed_nor_approved(owner: Database) -> None:
    """Nor one to come; a proposal of one, however it came there, closes nothing and stays unapproved."""
    desk = await desk_of(owner)
    await desk.run(ANNA, this_month())
    for month, why in ((this_month(), "not over yet"), ("2099-12", "not begun yet")):
        with pytest.raises(RegistryRefused, match=why):
            await desk.propose_close(ANNA, month)


async def test_a_month_of_nothing_is_computed_looked_at_and_closed(owner: Database) -> None:
    """Without one statement it is kept that it was computed, so months go on."""
    await city(owner, "month_close", is_needed=True)
    desk = MonthDesk(owner, CITY)
    assert (await desk.show(last_month())).summary is None
    with pytest.raises(RegistryRefused, match="compute"):
        await desk.propose_close(ANNA, last_month())
    number = await proposed(desk)
    assert [(row["month"], row["statements"]) for row in await desk.months()] == [(last_month(), 0)]
    await desk.approve(JAN, number)
    assert await closed(owner)


async def test_the_fees_of_an_open_month_are_seen(owner: Database) -> None:
    """They stand in the summary that is looked at before it is proposed, and in what is proposed."""
    desk = await desk_of(owner)
    await fee(owner)
    number = await proposed(desk)
    summary = (await desk.show(last_month())).summary
    assert summary is not None
    assert summary.duplicate_fees_grosze == 1_000
    assert '"fees_grosze": 1000' in (await owner.run(lambda c: find(c, number)))["terms"]


async def test_a_statement_that_is_no_more_is_not_closed(owner: Database) -> None:
    """A computation takes the place of the one before, also where a partner has none any more."""
    desk = await desk_of(owner)
    gone = Documents("{}", [Kept(OTHER, "gone", 5, "{}")])
    await owner.run(lambda c: keep_documents(c, ANNA, CITY, last_month(), gone))
    await owner.run(lambda c: keep_documents(c, ANNA, CITY, last_month(), Documents("{}", [])))
    assert not await owner.run(lambda c: c.fetchval("select count(*) from registry.statement"))
    await desk.run(ANNA, last_month())
    found = await owner.run(lambda c: read_statements(c, CITY, last_month()))
    assert [one.partner for one in found] == [PARTNER, OTHER]


async def test_a_correction_is_of_a_month_that_has_begun_and_is_open(owner: Database) -> None:
    """Else it is not even proposed, and no command enters it."""
    desk = await desk_of(owner)
    await desk.approve(JAN, await proposed(desk))
    for month, why in (("2099-12", "not begun yet"), (last_month(), "is closed"), ("2020-01", "is closed")):
        with pytest.raises(RegistryRefused, match=why):
            await desk.propose_correction(ANNA, PARTNER, month, 500)
        with pytest.raises(RegistryRefused, match=why):
            await enter(owner, PARTNER, month, 5)
    await desk.propose_correction(ANNA, PARTNER, this_month(), 500)
