"""Withdrawn at a desk: told some way, by a second person, with a letter; kept for its days."""

import json
from typing import Any

import pytest

from ledger.errors import RegistryRefused
from ledger.postgres.database import Connection, Database
from ledger.registry import applications
from ledger.registry.applications import TOLD, Step, Which
from ledger.registry.audit import Actor, writing
from ledger.registry.card_states import Hand
from ledger.registry.logins import NewLogin, add_login
from tests.ledger.books import TESTER
from tests.ledger.test_applications import ANNA, DUE, JAN, PLANTED, VAULT, found, move, new

TOLD_SO = {"withdrawn_via": "telephone"}


async def taken(c: Connection, second_needed: bool = True, account: int | None = None) -> int:
    """Sent on line: nobody has looked at it."""
    return await applications.add_application(c, Actor("applicant"), VAULT, new(second_needed, account))


def applicant(number: int) -> Actor:
    """Whoever asked, on line."""
    return Actor(f"applicant {number}", hand=Hand.HOLDER_ONLINE)


async def sql(c: Connection, actor: Actor, text: str) -> None:
    async with writing(c, actor):
        await c.execute(text)


async def is_refused(c: Connection, actor: Actor, number: int, why: str) -> None:
    """By this module, and by the table itself: with a way it was told, and without."""
    with pytest.raises(RegistryRefused, match=why):
        await move(c, actor, number, "withdrawn", **TOLD_SO)
    whose = f"where number = {number}"
    with pytest.raises(Exception, match=why):
        await sql(
            c,
            actor,
            f"update people.application set state = 'withdrawn', withdrawn_via = 'person', "
            f"complete_until = null, looked_by = 'Ewa (9)', decided_by = 'Ewa (9)' {whose}",
        )
    with pytest.raises(Exception, match="says which way"):
        await sql(c, actor, f"update people.application set state = 'withdrawn' {whose}")


async def aged(c: Connection) -> None:
    """Let the days be over for which every application that ended is kept."""
    async with c.transaction():
        await c.execute("set local session_replication_role = replica")
        await c.execute("update people.application set keep_until = keep_until - keep_days - 1")


async def test_a_withdrawal_at_a_desk_wants_who_a_refusal_wants(owner: Database) -> None:
    """Not what nobody has looked at, not by who looked last, from whichever state; another one does."""

    async def job(c: Connection) -> None:
        await found(c)
        number = await taken(c)
        await is_refused(c, JAN, number, "nobody has looked at")
        await move(c, ANNA, number, "verified")
        await is_refused(c, Actor(" ANNA (1)"), number, "second person")
        await move(c, ANNA, number, "called", reason="x", complete_until=DUE)
        await is_refused(c, ANNA, number, "second person")
        await move(c, JAN, number, "withdrawn", **TOLD_SO)
        granted = await taken(c)
        await move(c, ANNA, granted, "verified")
        await move(c, JAN, granted, "granted")
        await is_refused(c, ANNA, granted, "second person")
        row = await applications.the_application(c, Which(1, number))
        assert (row["decided_by"], row["withdrawn_via"], row["looked_by"]) == (
            JAN.name,
            "telephone",
            ANNA.name,
        )

    await owner.run(job)


async def test_a_desk_says_which_way_it_was_told(owner: Database) -> None:
    """One of a closed list, also where one person does it; who, when and which way stand in the trail."""

    async def job(c: Connection) -> None:
        await found(c)
        for via in (None, "", "gossip"):
            with pytest.raises(RegistryRefused, match="which way"):
                await move(c, ANNA, await taken(c, second_needed=False), "withdrawn", withdrawn_via=via)
        for via in TOLD:
            number = await taken(c, second_needed=False)
            await move(c, ANNA, number, "withdrawn", withdrawn_via=via, reason=PLANTED)
            row = await applications.the_application(c, Which(1, number))
            assert applications.reason_in(VAULT, row) == PLANTED
        trail = await c.fetch("select actor, after from registry.audit where after ->> 'state' = 'withdrawn'")
        assert [(row["actor"], json.loads(row["after"])["withdrawn_via"]) for row in trail] == [
            (ANNA.name, via) for via in TOLD
        ]
        assert PLANTED not in str(await c.fetch("select * from registry.audit"))

    await owner.run(job)


async def test_what_was_called_for_is_no_note_of_a_withdrawal(owner: Database) -> None:
    """The text of an earlier call goes with it: the letter would say it."""

    async def job(c: Connection) -> None:
        await found(c)
        number = await taken(c, second_needed=False)
        await move(c, ANNA, number, "called", reason="a photo", complete_until=DUE)
        await move(c, ANNA, number, "withdrawn", reason="", **TOLD_SO)
        assert applications.reason_in(VAULT, await applications.the_application(c, Which(1, number))) == ""

    await owner.run(job)


async def test_only_whoever_asked_withdraws_on_line(owner: Database) -> None:
    """By the hand and the name together, of that very application; with no way that a desk was told."""

    async def job(c: Connection) -> None:
        account = await found(c)
        login = await add_login(c, TESTER, NewLogin(1, "holder", b"n" * 32, "x", account=account))
        first, theirs = await taken(c), await taken(c, account=account)
        wrong: list[tuple[int, str]] = [
            (first, "Anna (1)"), (first, f"applicant {first + 1}"), (first, f"holder {login}"),
            (theirs, f"holder {login + 1}"), (theirs, f"holder {login} (1)"),
        ]  # fmt: skip
        for number, name in wrong:
            with pytest.raises(Exception, match="says which way"):
                await move(c, Actor(name, hand=Hand.HOLDER_ONLINE), number, "withdrawn")
        with pytest.raises(Exception, match="says which way"):
            await sql(c, applicant(first), "update people.application set state = 'withdrawn', "
                      f"withdrawn_via = 'person' where number = {first}")  # fmt: skip
        await move(c, applicant(first), first, "withdrawn")
        await move(c, Actor(f"holder {login}", hand=Hand.HOLDER_ONLINE), theirs, "withdrawn")
        rows = [await applications.the_application(c, Which(1, each)) for each in (first, theirs)]
        assert [(row["state"], row["withdrawn_via"], row["decided_by"]) for row in rows] == [
            ("withdrawn", None, None)
        ] * 2

    await owner.run(job)


async def withdrawn_and_broken_off(c: Connection, number: int) -> None:
    async with writing(c, ANNA):
        await move(c, ANNA, number, "withdrawn", **TOLD_SO)
        await c.execute("select 1 / 0")


async def test_the_letter_of_a_withdrawal_is_asked_for_with_it(owner: Database) -> None:
    """By the database, in the same transaction, whatever writes; none of who withdrew on line."""

    async def letters(c: Connection) -> list[Any]:
        rows = await c.fetch("select data from registry.outbox where kind = 'application.letter'")
        return [json.loads(row["data"]) for row in rows]

    async def job(c: Connection) -> None:
        await found(c)
        number, own = await taken(c, second_needed=False), await taken(c, second_needed=False)
        with pytest.raises(Exception, match="division by zero"):
            await withdrawn_and_broken_off(c, number)
        await move(c, applicant(own), own, "withdrawn")
        assert await letters(c) == []
        await sql(c, ANNA, "update people.application set state = 'withdrawn', withdrawn_via = 'letter' "
                  f"where number = {number}")  # fmt: skip
        assert await letters(c) == [{"application": number, "letter": "withdrawal"}]

    await owner.run(job)


async def test_what_was_refused_or_withdrawn_is_kept_for_its_days(owner: Database) -> None:
    """Thirty, by the rules of the day it came: not removed before, whatever deletes; afterwards it is."""

    async def job(c: Connection) -> None:
        await found(c)
        numbers = [await taken(c, second_needed=False) for _ in range(4)]
        with pytest.raises(Exception, match="is not removed"):
            await sql(c, ANNA, f"delete from people.application where number = {numbers[3]}")
        await move(c, ANNA, numbers[0], "refused", reason="no")
        await move(c, ANNA, numbers[1], "withdrawn", **TOLD_SO)
        await move(c, applicant(numbers[2]), numbers[2], "withdrawn")
        for number in numbers[:3]:
            row = await applications.the_application(c, Which(1, number))
            assert (row["keep_until"] - row["today"]).days == applications.KEEP_DAYS == 30
            with pytest.raises(RegistryRefused, match="is kept until"):
                await applications.remove_application(c, JAN, VAULT, Which(1, number))
            with pytest.raises(Exception, match="is kept until"):
                await sql(c, JAN, f"delete from people.application where number = {number}")
            with pytest.raises(Exception, match="written with the step"):
                await sql(c, JAN, f"update people.application set keep_until = '2020-01-01' "
                          f"where number = {number}")  # fmt: skip
        await aged(c)
        for number in numbers[:3]:
            await applications.remove_application(c, ANNA, VAULT, Which(1, number))
        assert await c.fetchval("select count(*) from people.application") == 1

    await owner.run(job)


async def test_what_whoever_asked_wants_removed_early_goes_by_another_person(owner: Database) -> None:
    """Told some way, which stays in the trail; never by who ended it, whatever the rules say of two."""

    async def job(c: Connection) -> None:
        await found(c)
        number = await taken(c, second_needed=False)
        await move(c, ANNA, number, "withdrawn", **TOLD_SO)
        with pytest.raises(RegistryRefused, match="which way"):
            await applications.remove_application(c, JAN, VAULT, Which(1, number), "gossip")
        with pytest.raises(RegistryRefused, match="second person"):
            await applications.remove_application(c, Actor("anna (1)"), VAULT, Which(1, number), "letter")
        with pytest.raises(Exception, match="second person"):
            await sql(
                c,
                ANNA,
                "update people.application set removal_via = 'letter'; delete from people.application",
            )
        await applications.remove_application(c, JAN, VAULT, Which(1, number), "letter")
        assert await c.fetchval("select count(*) from people.application") == 0
        asked = "select actor from registry.audit where after ->> 'removal_via' = 'letter'"
        assert [row["actor"] for row in await c.fetch(asked)] == [JAN.name]

    await owner.run(job)


def test_a_step_that_is_the_applicant_s_own_decides_nothing() -> None:
    """Granted and refused always decide; withdrawn, where a desk takes it down."""
    desk, own = Actor("Anna (1)"), applicant(1)
    assert [applications.is_decision(desk, each) for each in ("granted", "refused", "withdrawn")] == [
        True
    ] * 3
    assert not applications.is_decision(own, "withdrawn")
    assert not applications.is_decision(desk, "verified")
    assert Step("withdrawn").withdrawn_via is None
