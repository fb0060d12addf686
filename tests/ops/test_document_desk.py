"""The documents of a closed month at a desk: issued as they were proposed, with the approval, or not."""

import re
from collections.abc import Awaitable, Callable
from datetime import date
from functools import partial
from pathlib import Path

import pytest
import trio

from ledger.errors import LedgerError, NotInRegistry, RegistryRefused
from ledger.postgres.database import Connection, Database, Job
from ledger.registry import proposals
from ledger.registry.audit import Actor
from ledger.registry.invoice_billings import say_elsewhere
from ledger.registry.invoice_parties import City, set_city, set_seller
from ledger.registry.invoices import find_document, issue, list_issued
from ledger.registry.partner_contracts import Details, add_details, set_details
from ledger.registry.partners import NewPartner, import_partners
from ledger.registry.programme_roles import make_role, role_name
from ledger.registry.proposals import ProposalState
from ledger.settlement.closing import close, correct
from ledger.settlement.prices import Prices
from ledger.settlement.statement import Statement, read_statement, read_statements
from ops.invoices import document_desk, drafts
from ops.invoices.document_desk import DocumentDesk
from ops.invoices.issuing import asked_of, issue_all
from ops.invoices.sinks import Document, FileSink
from ops.settlement.month_desk import RUN_S_MAX, MonthDesk
from tests.ops.statements import SELLER, ksef_number
from tests.ops.test_second_person import ANNA, CITY, JAN, PARTNER, city, last_month
from tests.prices import lasting_prices

OLA = Actor("Ola (3)", "order 7")
EARLIER = "2020-05"
BILLED_ELSEWHERE = ("FV/5/2020", date(2020, 6, 2), "")


async def desk_of(
    owner: Database,
    *,
    is_needed: bool = True,
    address: str = "Rynek 1",
    is_closed: bool = True,
    others: int = 0,
    is_named: bool = True,
) -> DocumentDesk:
    """The desk of a city whose last month, with one partner that owes something and so many others, is
    closed.
    """
    await city(owner, "month_documents", is_needed=is_needed)
    beside = [NewPartner(PARTNER + n, "Kino") for n in range(1, others + 1)]

    async def job(c: Connection) -> None:
        if is_named:
            await set_seller(c, ANNA, CITY, SELLER)
        named = {each.id: Details("Kino", "", "Rynek 3") for each in beside}
        await import_partners(c, ANNA, CITY, beside)
        await add_details(c, ANNA, CITY, {PARTNER: Details("Piekarnia", "", address), **named})
        for partner in (PARTNER, *(each.id for each in beside)):
            await correct(c, ANNA, partner, last_month(), 500, prices=Prices(), second_needed=False)

    await owner.run(job)
    await MonthDesk(owner, CITY).run(ANNA, last_month())
    if is_closed:
        await closed(owner)
    return DocumentDesk(owner, CITY)


async def closed(owner: Database) -> None:
    await owner.run(
        lambda c: close(c, ANNA, CITY, last_month(), lasting_prices({1: 10}), second_needed=False)
    )


async def corrects_earlier(owner: Database, *, is_named: bool = True) -> None:
    """Close the month with a correction of an earlier one, which an invoice from elsewhere billed."""
    taken = partial(correct, partner=PARTNER, month=last_month(), net_grosze=-100, origin=EARLIER)
    await owner.run(partial(taken, actor=ANNA, prices=Prices(), second_needed=False))
    if is_named:
        await owner.run(lambda c: say_elsewhere(c, ANNA, PARTNER, EARLIER, BILLED_ELSEWHERE))
    await closed(owner)


async def numbers(owner: Database) -> list[int]:
    return [each.number for each in await owner.run(lambda c: list_issued(c, CITY))]


async def in_trail(owner: Database) -> tuple[str, ...]:
    """Who issued the one invoice, who agreed, and whether the rules wanted that."""
    row = await owner.run(
        lambda c: c.fetchrow(
            "select actor, second, after ->> 'second_needed' as needed from registry.audit "
            "where object = 'invoice'"
        )
    )
    return tuple(row)


async def test_who_proposed_issues_nothing_alone(owner: Database) -> None:
    """Where the rules want two another one approves; the trail and the row have both, and it is done once."""
    desk = await desk_of(owner)
    assert len((await desk.show(last_month())).left.ready) == 1
    number = await desk.propose(ANNA, last_month())
    view = await desk.show(last_month())
    assert (view.is_waiting, view.is_changed) == (True, False)
    with pytest.raises(RegistryRefused, match="another person"):
        await desk.approve(Actor("anna  (1)"), number)
    assert await numbers(owner) == []
    await desk.approve(JAN, number)
    assert await numbers(owner) == [1]
    view = await desk.show(last_month())
    assert (view.left, view.state, view.is_waiting) == ((1, [], [], []), "all", False)
    with pytest.raises(RegistryRefused, match="no document to issue"):
        await desk.propose(ANNA, last_month())
    assert await in_trail(owner) == (JAN.name, ANNA.name, "true")


async def test_one_person_does_both_where_the_rules_want_one(owner: Database) -> None:
    """In the same steps."""
    desk = await desk_of(owner, is_needed=False)
    await desk.approve(ANNA, await desk.propose(ANNA, last_month()))
    assert await numbers(owner) == [1]


async def test_two_approve_at_once_and_one_does_it(owner: Database) -> None:
    """One issues, the other is told that it is approved already; each number is there once."""
    desk = await desk_of(owner)
    number = await desk.propose(ANNA, last_month())
    told: list[str] = []

    async def approve(actor: Actor) -> None:
        try:
            await desk.approve(actor, number)
            told.append("done")
        except RegistryRefused as error:
            told.append(str(error))

    async with trio.open_nursery() as nursery:
        for actor in (JAN, OLA):
            nursery.start_soon(approve, actor)
    assert sorted(told) == ["done", "this is approved already"]
    assert await numbers(owner) == [1]


async def test_what_cannot_be_named_yet_is_told_and_proposed_once_it_can(owner: Database) -> None:
    """A partner that no invoice can name is in no proposal, and stops no other; with an address it is."""
    desk = await desk_of(owner, address="", others=1)
    (why,) = (await desk.show(last_month())).left.told()
    assert re.match("partner 7: .*address", why)
    await desk.approve(JAN, await desk.propose(ANNA, last_month()))
    assert [each.partner for each in await owner.run(lambda c: list_issued(c, CITY))] == [PARTNER + 1]
    with pytest.raises(RegistryRefused, match=r"0 issued, 1 refused: partner 7: .*address"):
        await desk.propose(ANNA, last_month())
    await owner.run(lambda c: set_details(c, ANNA, PARTNER, Details("Another", "", "Rynek 1")))
    await desk.approve(JAN, await desk.propose(OLA, last_month()))
    assert await numbers(owner) == [1, 2]
    _, content = await owner.run(lambda c: find_document(c, "F/CZESTOCHOWA/2026/2"))
    assert "Rynek 1" in content.decode()
    assert "Another" not in content.decode(), "what the month was closed with stays"


async def another_seller(owner: Database) -> None:
    """The organiser has another account."""
    account = "PL61109010140000071219812874"
    await owner.run(lambda c: set_seller(c, ANNA, CITY, SELLER._replace(bank_account=account)))


async def of_a_city(owner: Database) -> None:
    """A partner is a unit of a city: the city is the buyer."""
    unit = City("5265877635", "Gmina Zgierz", "pl. Jana Pawła II 16, Zgierz")
    await owner.run(lambda c: set_city(c, ANNA, PARTNER, unit))


async def another_origin(owner: Database) -> None:
    """The correction would be of another invoice."""
    said = ("FV/6/2020", date(2020, 6, 2), "")
    await owner.run(lambda c: say_elsewhere(c, ANNA, PARTNER, EARLIER, said))


async def issued_by_command(owner: Database) -> None:
    """One of them is issued already."""
    actor = ANNA._replace(second=JAN.name)
    month = await owner.run(lambda c: read_statement(c, CITY, PARTNER + 1, last_month()))
    assert len((await issue_all(owner, actor, CITY, [month])).issued) == 1


@pytest.mark.parametrize("change", [another_seller, of_a_city, another_origin, issued_by_command])
async def test_what_was_proposed_is_issued_or_nothing(
    owner: Database, change: Callable[[Database], Awaitable[None]]
) -> None:
    """Where one document is another by then, none is issued and nothing approved; proposed anew they are."""
    desk = await desk_of(owner, others=1, is_closed=False)
    await corrects_earlier(owner)
    number = await desk.propose(ANNA, last_month())
    await change(owner)
    before = await numbers(owner)
    assert (await desk.show(last_month())).is_changed
    with pytest.raises(RegistryRefused, match="not what was proposed any more"):
        await desk.approve(JAN, number)
    assert await numbers(owner) == before
    assert (await owner.run(lambda c: proposals.find(c, number)))["state"] == ProposalState.PROPOSED
    with pytest.raises(RegistryRefused, match="proposed already"):
        await desk.propose(ANNA, last_month())
    await desk.refuse(ANNA, number)
    await desk.approve(JAN, await desk.propose(ANNA, last_month()))
    assert await numbers(owner) == [1, 2, 3]


@pytest.mark.parametrize("change", [None, another_seller, of_a_city])
async def test_the_database_issues_what_was_agreed(
    owner: Database, change: Callable[[Database], Awaitable[None]] | None
) -> None:
    """In a programme's role a document is issued as an approved proposal has it, and no other, also by the
    same approval later.
    """
    desk = await desk_of(owner)
    number = await desk.propose(ANNA, last_month())
    await owner.run(lambda c: make_role(c, CITY))
    await owner.run(lambda c: proposals.approve(c, JAN, number))
    if change is not None:
        await change(owner)
    statements = await owner.run(lambda c: read_statements(c, CITY, last_month()))

    async def job(c: Connection) -> None:
        async with c.transaction():
            await c.execute(f"set local role {role_name(CITY)}")
            asked = await asked_of(c, CITY, statements, second_needed=True)
            for order, write in asked.documents:
                await issue(c, JAN._replace(second=ANNA.name), order, write)

    if change is None:
        await owner.run(job)
    else:
        with pytest.raises(LedgerError, match="approved proposal"):
            await owner.run(job)
    assert await numbers(owner) == ([1] if change is None else [])


async def test_without_an_organiser_that_is_told(owner: Database) -> None:
    """The page is there, and says who has to be named first."""
    desk = await desk_of(owner, is_named=False)
    (why,) = (await desk.show(last_month())).left.told()
    assert "nobody invoices" in why
    with pytest.raises(NotInRegistry, match="nobody invoices"):
        await desk.propose(ANNA, last_month())


async def test_what_no_document_can_be_made_of_is_left_and_told(
    owner: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is not proposed, and nobody says that all is issued."""
    desk = await desk_of(owner)
    monkeypatch.setattr(drafts, "LINES_MAX", 0)
    view = await desk.show(last_month())
    assert view.state == "left"
    (why,) = view.left.told()
    assert why.startswith("partner 7: a statement of more than 0 lines")
    with pytest.raises(RegistryRefused, match="1 refused: partner 7: a statement of more than 0 lines"):
        await desk.propose(ANNA, last_month())


async def test_statements_are_read_within_the_bound_of_a_month(
    owner: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Shown, proposed and issued: all of a month are read, which may take longer than another job may."""
    desk, bounds = await desk_of(owner), list[float]()
    run = owner.run

    async def noted(job: Job[object], *, timeout_s: float = 10.0) -> object:
        async def noting(connection: Connection) -> object:
            with monkeypatch.context() as patch:
                patch.setattr(document_desk, "read_statements", reading(timeout_s))
                return await job(connection)

        return await run(noting, timeout_s=timeout_s)

    def reading(bound: float) -> Callable[[Connection, int, str], Awaitable[list[Statement]]]:
        async def read(connection: Connection, programme: int, month: str) -> list[Statement]:
            bounds.append(bound)
            return await read_statements(connection, programme, month)

        return read

    monkeypatch.setattr(owner, "run", noted)
    await desk.show(last_month())
    await desk.approve(JAN, await desk.propose(ANNA, last_month()))
    assert bounds == [RUN_S_MAX] * 3


async def test_what_cannot_be_issued_is_not_proposed(owner: Database) -> None:
    """An open month, a month of nobody, one whose proposal waits; refused it may be proposed anew."""
    desk = await desk_of(owner, is_closed=False)
    for month in (last_month(), "2020-01"):
        with pytest.raises(RegistryRefused, match="closed first"):
            await desk.propose(ANNA, month)
    assert (await desk.show(last_month())).state == "open"
    await owner.run(
        lambda c: close(c, ANNA, CITY, last_month(), lasting_prices({1: 10}), second_needed=False)
    )
    number = await desk.propose(ANNA, last_month())
    with pytest.raises(RegistryRefused, match="proposed already"):
        await desk.propose(JAN, last_month())
    await desk.refuse(JAN, number)
    assert await desk.propose(JAN, last_month()) > number


async def test_of_a_closed_month_that_asks_for_nothing_nothing_was_issued(owner: Database) -> None:
    """Nobody owed anything in it: that is another state than all issued."""
    await city(owner, "month_documents", is_needed=True)
    await owner.run(
        lambda c: close(c, ANNA, CITY, last_month(), lasting_prices({1: 10}), second_needed=False)
    )
    assert (await DocumentDesk(owner, CITY).show(last_month())).state == "none"


async def test_another_act_s_proposal_is_decided_elsewhere(owner: Database) -> None:
    """Who issues documents closes no month by it."""
    desk = await desk_of(owner)
    number = await owner.run(lambda c: proposals.propose(c, ANNA, CITY, ("close_month", "2026-01")))
    with pytest.raises(RegistryRefused, match="elsewhere"):
        await desk.approve(JAN, number)
    with pytest.raises(RegistryRefused, match="elsewhere"):
        await desk.refuse(JAN, number)


class Away(FileSink):
    """A place that nothing can be sent to."""

    def send(self, _document: Document) -> str:
        """Send nothing."""
        raise OSError(28, "No space left on device")


async def test_what_was_issued_is_sent_once_and_numbered(owner: Database, tmp_path: Path) -> None:
    """To the sink of the site; without one, or where it is away, that is told; a number is of its month."""
    desk = await desk_of(owner, is_needed=False)
    await desk.approve(ANNA, await desk.propose(ANNA, last_month()))
    with pytest.raises(RegistryRefused, match="was not told where"):
        await desk.send(ANNA)
    with pytest.raises(RegistryRefused, match=r"0 sent, nothing more can be sent now \(No space"):
        await DocumentDesk(owner, CITY, Away(tmp_path)).send(ANNA)
    assert (await desk.show(last_month())).has_unsent
    await DocumentDesk(owner, CITY, FileSink(tmp_path / "out")).send(ANNA)
    assert not (await desk.show(last_month())).has_unsent
    (file,) = (tmp_path / "out").iterdir()
    (issued,) = (await desk.show(last_month())).issued
    assert file.name == f"{issued.text.replace('/', '-')}.xml"
    with pytest.raises(NotInRegistry):
        await desk.note_number(ANNA, "2020-01", issued.text, ksef_number())
    await desk.note_number(ANNA, last_month(), issued.text, ksef_number())
    assert (await desk.show(last_month())).issued[0].ksef_number == ksef_number()


async def test_a_correction_tells_what_it_waits_for(owner: Database, tmp_path: Path) -> None:
    """The month's own sale is issued; what takes off an earlier month waits for that month's invoice, and is
    proposed once that is named. How KSeF knows a document is said, and said anew.
    """
    desk = await desk_of(owner, is_closed=False)
    await corrects_earlier(owner, is_named=False)
    view = await desk.show(last_month())
    assert [document.order.kind for document in view.left.ready] == ["invoice"]
    (why,) = view.left.told()
    assert why.startswith(f"partner {PARTNER}: no invoice billed {EARLIER} yet")
    await desk.approve(JAN, await desk.propose(ANNA, last_month()))
    await owner.run(lambda c: say_elsewhere(c, ANNA, PARTNER, EARLIER, BILLED_ELSEWHERE))
    assert (await desk.show(last_month())).left.told() == []
    await desk.approve(JAN, await desk.propose(ANNA, last_month()))
    assert (await desk.show(last_month())).state == "all"
    await DocumentDesk(owner, CITY, FileSink(tmp_path)).send(ANNA)
    text = (await desk.show(last_month())).issued[0].text
    with pytest.raises(NotInRegistry):
        await desk.note_outside(ANNA, "2020-01", text)
    await desk.note_outside(ANNA, last_month(), text)
    assert (await desk.show(last_month())).issued[0].is_outside_ksef
    await desk.note_number(ANNA, last_month(), text, ksef_number())
    assert not (await desk.show(last_month())).issued[0].is_outside_ksef
