"""The documents of a closed month at a desk: issued once it was approved, by two where the rules say so."""

from collections.abc import Awaitable, Callable
from datetime import date
from pathlib import Path

import pytest
import trio

from ledger.errors import NotInRegistry, RegistryRefused
from ledger.postgres.database import Connection, Database, Job
from ledger.registry import proposals
from ledger.registry.audit import Actor
from ledger.registry.invoice_billings import say_elsewhere
from ledger.registry.invoice_parties import set_seller
from ledger.registry.invoices import find_document, list_issued
from ledger.registry.partner_contracts import Details, add_details, set_details
from ledger.settlement.closing import close, correct
from ledger.settlement.prices import Prices
from ledger.settlement.statement import Statement, read_statements
from ops.invoices import document_desk, drafts
from ops.invoices.document_desk import DocumentDesk
from ops.invoices.sinks import Document, FileSink
from ops.settlement.month_desk import RUN_S_MAX, MonthDesk
from tests.ops.statements import SELLER, ksef_number
from tests.ops.test_second_person import ANNA, CITY, JAN, PARTNER, city, last_month

OLA = Actor("Ola (3)", "order 7")


async def desk_of(
    owner: Database, *, is_needed: bool = True, address: str = "Rynek 1", is_closed: bool = True
) -> DocumentDesk:
    """The desk of a city whose last month, with one partner that owes something, is closed."""
    await city(owner, "month_documents", is_needed=is_needed)

    async def job(c: Connection) -> None:
        await set_seller(c, ANNA, CITY, SELLER)
        await add_details(c, ANNA, CITY, {PARTNER: Details("Piekarnia", "", address)})
        await correct(c, ANNA, PARTNER, last_month(), 500, second_needed=False)

    await owner.run(job)
    await MonthDesk(owner, CITY).run(ANNA, last_month())
    if is_closed:
        await owner.run(lambda c: close(c, ANNA, CITY, last_month(), Prices({1: 10}), second_needed=False))
    return DocumentDesk(owner, CITY)


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
    assert len((await desk.show(last_month())).asked.left) == 1
    number = await desk.propose(ANNA, last_month())
    with pytest.raises(RegistryRefused, match="another person"):
        await desk.approve(Actor("anna  (1)"), number)
    with pytest.raises(RegistryRefused, match="proposed first, and approved"):
        await desk.issue(JAN, last_month())
    assert await numbers(owner) == []
    await desk.approve(JAN, number)
    assert await numbers(owner) == [1]
    view = await desk.show(last_month())
    assert (view.asked, view.state) == ((1, [], [], []), "all")
    await desk.issue(OLA, last_month())
    assert await numbers(owner) == [1]
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


async def test_a_refusal_is_told_and_done_again_once_it_was_approved(owner: Database) -> None:
    """A partner that no invoice can name: the approval stays, and is carried out by a third person once there
    is an address; the trail names who approved.
    """
    desk = await desk_of(owner, address="")
    number = await desk.propose(ANNA, last_month())
    with pytest.raises(RegistryRefused, match=r"0 issued, 1 refused: partner 7: .*address"):
        await desk.approve(JAN, number)
    with pytest.raises(RegistryRefused, match="1 refused"):
        await desk.issue(OLA, last_month())
    with pytest.raises(RegistryRefused, match="approved"):
        await desk.propose(ANNA, last_month())
    assert await numbers(owner) == []
    await owner.run(lambda c: set_details(c, ANNA, PARTNER, Details("Another", "", "Rynek 1")))
    await desk.issue(OLA, last_month())
    assert await numbers(owner) == [1]
    assert (await desk.show(last_month())).asked.left == []
    assert await in_trail(owner) == (OLA.name, JAN.name, "true")
    ((text, *_),) = await owner.run(lambda c: c.fetch("select text from registry.invoice"))
    _, content = await owner.run(lambda c: find_document(c, text))
    assert "Rynek 1" in content.decode()
    assert "Another" not in content.decode(), "what the month was closed with stays"


async def test_what_no_document_can_be_made_of_is_left_and_told(
    owner: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is not proposed, and nobody says that all is issued."""
    desk = await desk_of(owner)
    monkeypatch.setattr(drafts, "LINES_MAX", 0)
    asked = (await desk.show(last_month())).asked
    assert (await desk.show(last_month())).state == "left"
    (why,) = asked.told()
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
    await owner.run(lambda c: close(c, ANNA, CITY, last_month(), Prices({1: 10}), second_needed=False))
    number = await desk.propose(ANNA, last_month())
    with pytest.raises(RegistryRefused, match="proposed already"):
        await desk.propose(JAN, last_month())
    await desk.refuse(JAN, number)
    assert await desk.propose(JAN, last_month()) > number


async def test_of_a_closed_month_that_asks_for_nothing_nothing_was_issued(owner: Database) -> None:
    """Nobody owed anything in it: that is another state than all issued."""
    await city(owner, "month_documents", is_needed=True)
    await owner.run(lambda c: close(c, ANNA, CITY, last_month(), Prices({1: 10}), second_needed=False))
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
    with pytest.raises(RegistryRefused, match="No space"):
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
    issued by the same approval once that is named. How KSeF knows a document is said, and said anew.
    """
    desk, earlier = await desk_of(owner, is_closed=False), "2020-05"

    async def owe(c: Connection) -> None:
        await correct(c, ANNA, PARTNER, last_month(), -100, origin=earlier, second_needed=False)
        await close(c, ANNA, CITY, last_month(), Prices({1: 10}), second_needed=False)

    await owner.run(owe)
    asked = (await desk.show(last_month())).asked
    assert [draft.kind for draft in asked.left] == ["invoice", "correction"]
    (why,) = asked.told()
    assert why.startswith(f"partner {PARTNER}: no invoice billed {earlier} yet")
    number = await desk.propose(ANNA, last_month())
    with pytest.raises(RegistryRefused, match=f"1 issued, 1 refused: partner 7: no invoice billed {earlier}"):
        await desk.approve(JAN, number)
    said = ("FV/5/2020", date(2020, 6, 2), "")
    await owner.run(lambda c: say_elsewhere(c, ANNA, PARTNER, earlier, said))
    assert (await desk.show(last_month())).asked.told() == []
    await desk.issue(OLA, last_month())
    assert (await desk.show(last_month())).state == "all"
    await DocumentDesk(owner, CITY, FileSink(tmp_path)).send(ANNA)
    text = (await desk.show(last_month())).issued[0].text
    with pytest.raises(NotInRegistry):
        await desk.note_outside(ANNA, "2020-01", text)
    await desk.note_outside(ANNA, last_month(), text)
    assert (await desk.show(last_month())).issued[0].is_outside_ksef
    await desk.note_number(ANNA, last_month(), text, ksef_number())
    assert not (await desk.show(last_month())).issued[0].is_outside_ksef
