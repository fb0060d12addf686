"""Applications as the registry keeps them: which step follows which, two persons, one programme."""

import json
from datetime import date
from typing import Any

import pytest

from ledger.errors import (
    DatabaseMisconfigured,
    HolderErased,
    NotInRegistry,
    RegistryRefused,
    StatementRefused,
)
from ledger.postgres.database import Connection, Database
from ledger.registry import applications, attachments, messages
from ledger.registry.applications import NewApplication, Step, Which
from ledger.registry.attachments import File
from ledger.registry.audit import Actor, writing
from ledger.registry.card_states import CardStatus, Hand
from ledger.registry.contracts import end_contract
from ledger.registry.erasures import anonymise
from ledger.registry.holder_imports import NewHolder, add_holders
from ledger.registry.logins import NewCode, NewLogin, add_login, put_code
from ledger.registry.people import Person
from ledger.registry.programme_roles import make_role, role_name
from ledger.registry.programmes import add_programme
from ledger.registry.sealed import key_in
from tests.days import today
from tests.ledger.books import TESTER, found_registry, write_registry
from tests.switch.memory import MASTER_KEY

VAULT = MASTER_KEY.vault
ANNA, JAN = Actor("Anna (1)"), Actor("Jan (2)")
DUE = date(2026, 12, 11)
PLANTED = "Qxyzzy-of-the-form"


async def found(connection: Connection) -> int:
    """One programme, two cards; the first with a person. Returns its account."""
    await found_registry(connection, 2)
    await add_holders(connection, TESTER, VAULT, 1, [NewHolder(1000, person=Person("P"))])
    account: int = await connection.fetchval("select account from registry.card where token = 1000")
    return account


def new(second_needed: bool = False, account: int | None = None) -> NewApplication:
    kind = "first" if account is None else "renewal"
    return NewApplication(1, kind, "web", PLANTED.encode(), DUE, account=account, second_needed=second_needed)


async def move(c: Connection, actor: Actor, number: int, state: str, **more: Any) -> None:
    await applications.move_application(c, actor, VAULT, Which(1, number), Step(state, **more))


async def test_an_application_goes_the_way_the_table_says(owner: Database) -> None:
    """Received, called, received, verified, granted, ready, collected; every other step is refused."""

    async def job(c: Connection) -> None:
        account = await found(c)
        number = await applications.add_application(c, ANNA, VAULT, new())
        for state in ("granted", "ready", "collected", "done", "nothing"):
            with pytest.raises(RegistryRefused, match="does not become"):
                await move(c, ANNA, number, state)
        await move(c, ANNA, number, "called", reason="no photo", complete_until=DUE)
        row = await applications.the_application(c, Which(1, number))
        assert (row["due_on"], row["complete_until"]) == (None, DUE)
        assert applications.reason_in(VAULT, row) == "no photo"
        assert applications.form_in(VAULT, row) == PLANTED.encode()
        await move(c, ANNA, number, "received", due_on=DUE)
        await move(c, ANNA, number, "verified", due_on=DUE)
        await move(c, ANNA, number, "granted", due_on=DUE)
        shown = (await applications.the_application(c, Which(1, number)))["digest"]
        await move(c, ANNA, number, "ready", account=account, token=1000)
        with pytest.raises(RegistryRefused, match="has changed since"):
            await applications.move_application(
                c, ANNA, VAULT, Which(1, number), Step("collected"), digest=shown
            )
        await move(c, ANNA, number, "collected")
        row = await applications.the_application(c, Which(1, number))
        assert (row["verified_by"], row["decided_by"]) == (ANNA.name, ANNA.name)
        assert (row["account"], row["carrier"], row["issue"]) == (account, 1, 1)
        with pytest.raises(RegistryRefused, match="does not become"):
            await move(c, ANNA, number, "withdrawn")

    await owner.run(job)


async def test_the_second_person_is_another_one_whoever_writes(owner: Database) -> None:
    """Where two are needed nobody decides alone: not by another spelling, and not past this module."""

    async def job(c: Connection) -> None:
        await found(c)
        number = await applications.add_application(c, ANNA, VAULT, new(second_needed=True))
        with pytest.raises(RegistryRefused, match="nobody has looked"):
            await move(c, ANNA, number, "refused", reason="no")
        await move(c, ANNA, number, "verified", due_on=DUE)
        for name in (ANNA.name, " ANNA  (1) ", "Ａnna (1)"):
            with pytest.raises(RegistryRefused, match="second person"):
                await move(c, Actor(name), number, "granted", due_on=DUE)
        for sql, why in (
            ("update people.application set state = 'granted', decided_by = 'Jan (2)'", "second person"),
            ("update people.application set verified_by = 'Jan (2)'", "written with the step"),
            ("update people.application set second_needed = false", "stays as it came"),
            ("update people.application set state = 'collected'", "does not become"),
            ("insert into people.application (programme, kind, via, form, received_on, second_needed, "
             "keep_days, state) "
             "values (1, 'first', 'web', repeat('x', 40)::bytea, '2026-01-02', false, 30, 'granted')",
             "begins as received"),
        ):  # fmt: skip
            with pytest.raises(Exception, match=why):
                async with writing(c, ANNA):
                    await c.execute(sql)
        await move(c, JAN, number, "granted", due_on=DUE)
        row = await applications.the_application(c, Which(1, number))
        assert (row["verified_by"], row["decided_by"]) == (ANNA.name, JAN.name)

    await owner.run(job)


async def test_what_is_due_first_comes_first(owner: Database) -> None:
    """The list is in order of the days, page by page, of one desk and of what is at no desk."""

    async def job(c: Connection) -> None:
        await found(c)
        days = [date(2026, 12, day) for day in (20, 3, 3, 11)]
        numbers = [
            await applications.add_application(
                c, ANNA, VAULT, new()._replace(due_on=day, desk="" if day.day == 20 else f"POK {day.day}")
            )
            for day in days
        ]
        rows = await applications.list_due(c, 1)
        assert [row["due_on"] for row in rows] == sorted(days)
        page = await applications.list_due(c, 1, limit=2)
        after = (page[-1]["due_on"], page[-1]["number"])
        rest = await applications.list_due(c, 1, after=after)
        assert [row["number"] for row in (*page, *rest)] == [numbers[n] for n in (1, 2, 3, 0)]
        assert {row["number"] for row in await applications.list_due(c, 1, desk="POK 11")} == {
            numbers[3],
            numbers[0],
        }
        await move(c, ANNA, numbers[1], "refused", reason="no")
        assert len(await applications.list_due(c, 1)) == 3

    await owner.run(job)


async def test_attachments_belong_to_one_application_of_one_programme(owner: Database) -> None:
    """A file is read by its own application's number alone, eight at most, and goes with the application."""

    async def job(c: Connection) -> None:
        await found(c)
        first, other = [await applications.add_application(c, ANNA, VAULT, new()) for _ in range(2)]
        file = File("photo", "image/png", b"x" * 10)
        kept = [await attachments.add_attachment(c, ANNA, VAULT, Which(1, first), file) for _ in range(8)]
        with pytest.raises(RegistryRefused, match="at most 8"):
            await attachments.add_attachment(c, ANNA, VAULT, Which(1, first), file)
        assert await attachments.read_attachment(c, VAULT, Which(1, first), kept[0]) == file
        for programme, number in ((1, other), (2, first)):
            with pytest.raises(NotInRegistry):
                await attachments.read_attachment(c, VAULT, Which(programme, number), kept[0])
        with pytest.raises(NotInRegistry):
            await applications.the_application(c, Which(2, first))
        sealed_with = key_in((await applications.the_application(c, Which(1, first)))["form"])
        with pytest.raises(RegistryRefused, match="not removed"):
            await applications.remove_application(c, ANNA, VAULT, Which(1, first))
        await move(c, ANNA, first, "withdrawn", withdrawn_via="person")
        with pytest.raises(RegistryRefused, match="takes no attachments"):
            await attachments.add_attachment(c, ANNA, VAULT, Which(1, first), file)
        await applications.remove_application(c, JAN, VAULT, Which(1, first), "person")
        assert await c.fetchval("select count(*) from people.attachment") == 0
        with pytest.raises(HolderErased):
            VAULT.cipher(sealed_with)

    await owner.run(job)


async def test_nothing_of_a_person_is_left_behind(owner: Database) -> None:
    """The trail tells steps and columns; applications, files and messages go with the person."""

    async def job(c: Connection) -> None:
        account = await found(c)
        number = await applications.add_application(c, ANNA, VAULT, new(account=account))
        await attachments.add_attachment(
            c, ANNA, VAULT, Which(1, number), File("tax", "image/png", PLANTED.encode())
        )
        await messages.send_message(c, ANNA, VAULT, account, PLANTED, from_holder=True)
        await move(c, ANNA, number, "withdrawn", reason=PLANTED, withdrawn_via="letter")
        trail = await c.fetch("select * from registry.audit")
        text = json.dumps([dict(row) for row in trail], default=str)
        assert PLANTED not in text
        assert PLANTED.encode().hex() not in text
        assert '"withdrawn"' in text.replace("\\", "")
        await anonymise(c, Actor("Anna", "asked for it"), VAULT, 1000)
        for table in ("application", "attachment", "message"):
            assert await c.fetchval(f"select count(*) from people.{table}") == 0

    await owner.run(job)


async def test_a_holder_has_one_application_of_a_kind_open(owner: Database) -> None:
    """A second is told which one is open; another kind is taken beside it, and once it ended the next."""

    async def job(c: Connection) -> None:
        account = await found(c)
        number = await applications.add_application(c, ANNA, VAULT, new(account=account))
        with pytest.raises(RegistryRefused, match=f"application {number} of this kind is open"):
            await applications.add_application(c, ANNA, VAULT, new(account=account))
        duplicate = new(account=account)._replace(kind="duplicate")
        await applications.add_application(c, ANNA, VAULT, duplicate)
        await move(c, ANNA, number, "withdrawn", withdrawn_via="email")
        await applications.add_application(c, ANNA, VAULT, new(account=account))
        assert len(await applications.applications_of(c, 1, account)) == 3

    await owner.run(job)


async def test_nobody_is_opened_to_see_that_somebody_is_known(owner: Database) -> None:
    """What an application of a holder's needs to know is read: another column may be damaged, a key not."""

    async def job(c: Connection) -> None:
        account = await found(c)
        await write_registry(c, "update people.person set address = repeat('x', 40)::bytea")
        await applications.add_application(c, ANNA, VAULT, new(account=account))
        VAULT.destroy(key_in(await c.fetchval("select name from people.person")))
        duplicate = new(account=account)._replace(kind="duplicate")
        with pytest.raises(RegistryRefused, match="nobody is known"):
            await applications.add_application(c, ANNA, VAULT, duplicate)

    await owner.run(job)


@pytest.mark.parametrize("status", [CardStatus.RESIGNED, CardStatus.CLOSED])
async def test_an_account_that_ended_has_no_login(owner: Database, status: CardStatus) -> None:
    """Zgierz § 26, § 31: whichever way it ended, no code is given out for it and no login made."""

    async def job(c: Connection) -> None:
        account = await found(c)
        code = NewCode(1, "activate", b"h" * 32, account)
        await put_code(c, TESTER, code, hours=1)
        ended_by = TESTER._replace(hand=Hand.HOLDER_DESK)
        await end_contract(c, ended_by, 1000, status)
        with pytest.raises(RegistryRefused, match="contract has ended"):
            await put_code(c, TESTER, code, hours=1)
        with pytest.raises(RegistryRefused, match="contract has ended"):
            await add_login(c, TESTER, NewLogin(1, "holder", b"n" * 32, "x", account=account))
        assert await c.fetchval("select count(*) from web.code") == 0

    await owner.run(job)


async def test_messages_wait_until_they_are_read(owner: Database) -> None:
    """Who waits longest is first; a holder has twenty unread at most; what was sent stays."""

    async def job(c: Connection) -> None:
        account = await found(c)
        for n in range(messages.UNREAD_MAX):
            await messages.send_message(c, ANNA, VAULT, account, f"{n}\nline", from_holder=True)
        with pytest.raises(RegistryRefused, match="wait to be read"):
            await messages.send_message(c, ANNA, VAULT, account, "x", from_holder=True)
        for text in ("", " \n ", "x" * 4_001, "a\0b", "a\x1b[0m"):
            with pytest.raises(RegistryRefused):
                await messages.send_message(c, ANNA, VAULT, account, text, from_holder=False)
        with pytest.raises(NotInRegistry):
            await messages.send_message(c, ANNA, VAULT, account + 8, "x", from_holder=False)
        waiting = await messages.unread_accounts(c, 1)
        assert [(row["account"], row["count"]) for row in waiting] == [(account, 20)]
        last = (await messages.list_messages(c, VAULT, account, limit=3))[-1]["number"]
        assert await messages.mark_read(c, ANNA, account, from_holder=True, through=last - 1) == 17
        assert await messages.mark_read(c, ANNA, account, from_holder=True, through=last + 2) == 3
        assert await messages.unread_accounts(c, 1) == []
        listed = await messages.list_messages(c, VAULT, account)
        assert listed[0]["body"] == "19\nline"

    await owner.run(job)
    with pytest.raises(StatementRefused, match="stays"):
        await owner.run(lambda c: write_registry(c, "update people.message set body = 'y'"))


async def test_a_programme_s_role_sees_its_own(owner: Database, database: Database) -> None:
    """Another city's application is not there for a city's role; the service has no way in at all."""

    async def job(c: Connection) -> int:
        await found(c)
        await add_programme(c, TESTER, programme=2, code="zywiec", name="Żywiec")
        await make_role(c, 1)
        await make_role(c, 2)
        return await applications.add_application(c, ANNA, VAULT, new())

    number = await owner.run(job)

    async def as_city(c: Connection, programme: int) -> Any:
        async with c.transaction():
            await c.execute(f"set local role {role_name(programme)}")
            return await applications.the_application(c, Which(1, number))

    assert (await owner.run(lambda c: as_city(c, 1)))["received_on"] == today()
    with pytest.raises(NotInRegistry):
        await owner.run(lambda c: as_city(c, 2))
    with pytest.raises(DatabaseMisconfigured, match="permission denied"):
        await database.run(lambda c: applications.the_application(c, Which(1, number)))
