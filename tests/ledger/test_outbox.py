"""The outbox: told in the transaction of what happened, in order, without a gap, and again after a kill."""

import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
import trio

from ledger.errors import DatabaseMisconfigured, RegistryRefused
from ledger.postgres.database import Connection, Database
from ledger.registry.audit import Actor, writing
from ledger.registry.card_states import CardStatus, Hand
from ledger.registry.cards import CardRow, import_cards, set_card_status
from ledger.registry.contracts import end_contract
from ledger.registry.duplicates import hand_over_card, replace_card
from ledger.registry.endings import give_notice, take_objection, withdraw
from ledger.registry.holder_imports import NewHolder, add_holders
from ledger.registry.notices import letters_of
from ledger.registry.outbox import Event, EventsGone, keep_outbox, keep_place, place_of, read_events, tell
from ledger.registry.partners import set_partner_status
from ledger.registry.people import Person
from ledger.registry.programmes import add_programme, today_of
from ledger.registry.reads import Status
from tests.ledger.books import PARTNER, TESTER, found_registry, write_registry
from tests.ledger.outbox_reader import READER
from tests.patience import HANG_S
from tests.switch.memory import MASTER_KEY

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
async def registry(owner: Database) -> Database:
    await owner.run(lambda c: found_registry(c, 4))
    return owner


async def events(database: Database, after: int = 0, programme: int = 1) -> list[Event]:
    return (await database.run(lambda c: read_events(c, programme, after, 1000))).events


async def test_what_becomes_of_a_card_is_told_and_an_import_is_not(registry: Database) -> None:
    """Block, unblock, a duplicate made, collected, and the end of a contract: an event each, and one for
    every card they change; no number of a card is in any.
    """
    app = Actor("app", "lost", hand=Hand.HOLDER_ONLINE)
    await registry.run(lambda c: set_card_status(c, app, 1000, CardStatus.BLOCKED))
    await registry.run(lambda c: set_card_status(c, TESTER, 1000, CardStatus.ACTIVE))
    await registry.run(lambda c: replace_card(c, TESTER, 1000, 5000, "5000"))
    await registry.run(lambda c: hand_over_card(c, TESTER, 5000, expires_on=date(2027, 1, 1)))
    resigning = Actor("tests", "moves away", hand=Hand.HOLDER_DESK)
    await registry.run(lambda c: end_contract(c, resigning, 5000, CardStatus.RESIGNED))
    told = await events(registry)
    assert [event.number for event in told] == list(range(1, len(told) + 1))
    assert [event.kind for event in told] == [
        "card.blocked",
        "card.active",
        "card.duplicate_ready",
        "card.replaced",
        "card.active",
        "card.resigned",
    ]
    account = await registry.run(lambda c: c.fetchval("select account from registry.card where token = 1000"))
    assert {event.account for event in told} == {account}
    assert told[0].data == {
        "was": "active",
        "became": "blocked",
        "issue": 1,
        "carrier": 1,
        "hand": "holder-online",
    }
    assert told[2].data["issue"] == 2
    assert not any("5000" in str(event.data) for event in told)


async def test_what_is_rolled_back_is_not_told(registry: Database) -> None:
    """An event stands and falls with what it tells of, and what fell leaves no gap in the numbers."""

    async def fail(c: Connection) -> None:
        async with writing(c, TESTER):
            await c.execute("update registry.card set status = 1 where token = 1001")
            raise RegistryRefused("of no use")

    await registry.run(lambda c: set_card_status(c, TESTER, 1000, CardStatus.BLOCKED))
    with pytest.raises(RegistryRefused):
        await registry.run(fail)
    await registry.run(lambda c: set_card_status(c, TESTER, 1002, CardStatus.BLOCKED))
    assert [event.number for event in await events(registry)] == [1, 2]


async def test_holders_and_partners_are_told_of(registry: Database) -> None:
    """A notice and an objection, given and taken back, a partner suspended; nothing of the person is
    in it.
    """
    person = Person("Planted Person", phone="600700800", email="planted@example.org")
    await registry.run(
        lambda c: add_holders(c, TESTER, MASTER_KEY.vault, 1, [NewHolder(1000, person=person)])
    )
    given, ends = date(2199, 1, 31), date(2199, 2, 28)
    await registry.run(lambda c: give_notice(c, TESTER, 1000, given_on=given, ends_on=ends))
    objected = date(2199, 2, 10)
    by_post = Actor("anna", hand=Hand.HOLDER_POST)
    await registry.run(lambda c: take_objection(c, by_post, 1000, given_on=given, ends_on=objected))
    await registry.run(lambda c: withdraw(c, by_post, 1000, "objection"))
    await registry.run(lambda c: withdraw(c, TESTER, 1000, "notice"))
    await registry.run(lambda c: set_partner_status(c, TESTER, PARTNER, Status.STOPPED))
    told = await events(registry)
    notice = {"given_on": "2199-01-31", "ends_on": "2199-02-28"}
    objection = {"given_on": "2199-01-31", "ends_on": "2199-02-10"}
    assert [(event.kind, event.data) for event in told] == [
        ("holder.notice_given", {**notice, "contract_ends_on": "2199-02-28"}),
        ("holder.objection_given", {**objection, "contract_ends_on": "2199-02-10"}),
        ("holder.objection_withdrawn", {**objection, "contract_ends_on": "2199-02-28"}),
        ("holder.notice_withdrawn", notice),
        ("partner.suspended", {}),
    ]
    everything = await registry.run(
        lambda c: c.fetchval("select string_agg(o::text, '') from registry.outbox o")
    )
    assert not any(word in everything for word in ("Planted", "600700800", "example.org"))


async def test_writers_at_once_leave_no_gap_and_no_disorder(registry: Database) -> None:
    """Six writers, some of whom roll back, and a reader in between: whoever has seen n never meets a number
    below it later, and in the end none is missing.
    """
    seen: list[int] = []
    count, writers = 15, 6
    sessions = [registry.session() for _ in range(writers)]
    done = 0

    async def write(number: int) -> None:
        nonlocal done

        async def job(c: Connection, step: int) -> None:
            transaction = c.transaction()
            await transaction.start()
            await tell(c, 1, "test.told", data={"writer": number, "step": step})
            await c.execute("select pg_sleep(0.001)")
            if step % 3 == 2:
                await transaction.rollback()
            else:
                await transaction.commit()

        for step in range(count):
            await sessions[number].run(lambda c, step=step: job(c, step))
        done += 1

    with trio.fail_after(HANG_S):
        async with trio.open_nursery() as nursery:
            for number in range(writers):
                nursery.start_soon(write, number)
            while True:
                is_last = done == writers
                found = await events(registry, after=seen[-1] if seen else 0)
                seen += [event.number for event in found]
                if is_last and not found:
                    break
    assert seen == list(range(1, writers * count * 2 // 3 + 1))


async def test_programmes_count_apart(registry: Database) -> None:
    """Each programme's numbers begin at 1 and have no gap, whatever happens in another."""
    await registry.run(lambda c: add_programme(c, TESTER, programme=2, code="zywiec", name="Żywiec"))
    for programme in (1, 2, 1, 2, 2):
        await registry.run(lambda c, p=programme: tell(c, p, "test.told"))
    assert [event.number for event in await events(registry)] == [1, 2]
    assert [event.number for event in await events(registry, programme=2)] == [1, 2, 3]


async def test_a_reader_killed_reads_on_and_misses_nothing(
    registry: Database, ledger_dsn: str, tmp_path: Path
) -> None:
    """A reader is killed (SIGKILL) three times in the middle: it has every event, in order but for those it
    reads again, and an event read twice is the same event.
    """
    out = tmp_path / "read"
    out.touch()
    rows = [CardRow(10_000 + n, f"{n:04}") for n in range(60)]
    await registry.run(lambda c: import_cards(c, TESTER, 1, rows))

    async def block(first: int) -> None:
        for n in range(first, first + 15):
            await registry.run(lambda c, n=n: set_card_status(c, TESTER, 10_000 + n, CardStatus.BLOCKED))

    for kill in range(4):
        command = [sys.executable, "-m", "tests.ledger.outbox_reader", ledger_dsn, str(out)]
        with subprocess.Popen(command, cwd=ROOT) as process:  # noqa: ASYNC220 it only begins here
            try:
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(block, 15 * kill)
                    enough = 60 if kill == 3 else 15 * kill + 10
                    with trio.fail_after(HANG_S):
                        while not any(line.startswith(f"{enough} ") for line in out.read_text().splitlines()):
                            assert process.poll() is None
                            await trio.sleep(0.005)
            finally:
                process.kill()
    lines = [line.split() for line in out.read_text().splitlines() if line.count(" ") == 3]
    numbers = [int(line[0]) for line in lines]
    assert sorted(set(numbers)) == list(range(1, 61))
    firsts = list(dict.fromkeys(numbers))
    assert firsts == sorted(firsts)
    assert len({tuple(line) for line in lines}) == 60
    assert await registry.run(lambda c: place_of(c, 1, READER)) <= 60


async def test_a_place_never_goes_back(registry: Database) -> None:
    """A place kept late by a reader that was slow undoes no other."""
    for number in (5, 3):
        await registry.run(lambda c, n=number: keep_place(c, 1, "app", n))
    assert await registry.run(lambda c: place_of(c, 1, "app")) == 5


async def age(database: Database, days: int, up_to: int) -> None:
    """Make events old, past the trigger that keeps them as they are."""

    async def job(c: Connection) -> None:
        async with c.transaction():
            await c.execute("set local session_replication_role = replica")
            await c.execute(
                "update registry.outbox set made_at = now() - make_interval(days => $1) where number <= $2",
                days,
                up_to,
            )

    await database.run(job)


async def test_old_events_go_once_they_are_read(registry: Database, database: Database) -> None:
    """Pruned after 90 days and read by all, or four times that unread; who asks for what is gone is told
    where to begin, and the numbers go on.
    """
    for _ in range(6):
        await registry.run(lambda c: tell(c, 1, "test.told"))
    await registry.run(lambda c: keep_place(c, 1, "app", 2))
    await age(registry, 91, 4)
    await database.run(keep_outbox)
    with pytest.raises(EventsGone) as gone:
        await events(registry)
    assert gone.value.oldest == 3
    assert [event.number for event in await events(registry, after=2)] == [3, 4, 5, 6]
    await age(registry, 400, 6)
    await database.run(keep_outbox)
    await registry.run(lambda c: tell(c, 1, "test.told"))
    assert [event.number for event in await events(registry, after=6)] == [7]


async def test_a_renewal_is_due_once(registry: Database, database: Database) -> None:
    """Whose entitlement ends within 60 days is told once for that day, and not who has given up the card."""
    holders = [NewHolder(token) for token in (1000, 1001, 1002)]
    await registry.run(lambda c: add_holders(c, TESTER, MASTER_KEY.vault, 1, holders))
    today = await registry.run(lambda c: today_of(c, 1))
    for token, days in ((1000, 60), (1001, 61), (1002, 10)):
        await registry.run(
            lambda c, t=token, d=days: write_registry(
                c,
                "update registry.holder h set entitled_until = $2 from registry.card c "
                "where c.account = h.account and c.token = $1",
                t,
                today + timedelta(days=d),
            )
        )
    resigning = Actor("tests", "moves away", hand=Hand.HOLDER_DESK)
    await registry.run(lambda c: end_contract(c, resigning, 1002, CardStatus.RESIGNED))
    for _ in range(2):
        await database.run(keep_outbox)
    due = [event for event in await events(registry) if event.kind == "holder.renewal_due"]
    account = await registry.run(lambda c: c.fetchval("select account from registry.card where token = 1000"))
    assert [(event.account, event.data) for event in due] == [
        (account, {"entitled_until": (today + timedelta(days=60)).isoformat()})
    ]


@pytest.mark.parametrize(
    "statement",
    [
        "update registry.outbox set kind = 'x.y'",
        "delete from registry.outbox",
        "update registry.outbox_mark set last = 0",
        "insert into registry.outbox (programme, number, kind, made_at) values (1, 9, 'x.y', now())",
    ],
)
async def test_the_service_changes_no_event(registry: Database, database: Database, statement: str) -> None:
    """The service may tell and read; numbers, marks and what was told are out of its reach."""
    await registry.run(lambda c: tell(c, 1, "test.told"))
    with pytest.raises(DatabaseMisconfigured):
        await database.run(lambda c: c.execute(statement))


async def test_what_is_told_is_bounded(registry: Database) -> None:
    """A kind that is none, an account that is no card's number and too much data are refused."""
    faulty: list[dict[str, Any]] = [
        {"kind": "Robert'); drop"},
        {"kind": "a.b", "account": 7},
        {"kind": "a.b", "data": {"x": "y" * 3000}},
    ]
    for wrong in faulty:
        with pytest.raises(Exception, match="check"):
            await registry.run(lambda c, wrong=wrong: tell(c, 1, **wrong))


async def test_the_letters_of_an_application_are_found_by_an_index(registry: Database) -> None:
    """Few of all events are letters: a page of an application reads no other."""

    async def fill(connection: Connection) -> None:
        async with writing(connection, TESTER):
            await connection.execute(
                "insert into registry.outbox (programme, kind) "
                "select 1, 'card.active' from generate_series(1, 3000)"
            )
            await tell(connection, 1, "application.letter", data={"application": 7, "letter": "call"})
        await connection.execute("analyze registry.outbox")

    async def look(connection: Connection) -> list[Any]:
        found = await letters_of(connection, 1, 7)
        await connection.execute("select pg_stat_force_next_flush()")
        return found

    scans = "select idx_scan from pg_stat_user_indexes where indexrelname = 'outbox_letter'"
    await registry.run(fill)
    before = await registry.run(lambda c: c.fetchval(scans))
    assert [row["letter"] for row in await registry.run(look)] == ["call"]
    assert await registry.run(lambda c: c.fetchval(scans)) == before + 1
