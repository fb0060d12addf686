"""Who looked at an application last, and that somebody else decides it: past no step, and whatever writes."""

import pytest

from ledger.errors import RegistryRefused
from ledger.postgres.database import Connection, Database
from ledger.registry import applications
from ledger.registry.applications import Which
from ledger.registry.audit import Actor, writing
from ledger.registry.card_states import Hand
from ledger.registry.erasures import anonymise
from tests.ledger.test_applications import ANNA, DUE, JAN, VAULT, found, move, new

REFUSED = {"reason": "no"}
CALLED = {"reason": "no photo", "complete_until": DUE}
APPLICANT = Actor("applicant 7")


async def looked_by(c: Connection, number: int) -> str | None:
    name: str | None = (await applications.the_application(c, Which(1, number)))["looked_by"]
    return name


async def is_refused(c: Connection, actor: Actor, number: int, state: str, why: str) -> None:
    """By this module and by the table itself."""
    with pytest.raises(RegistryRefused, match=why):
        await move(c, actor, number, state, **REFUSED)
    with pytest.raises(Exception, match=why):
        async with writing(c, actor):
            await c.execute(
                "update people.application set state = $2, reason = form, complete_until = null, "
                "looked_by = 'Ewa (9)', verified_by = 'Ewa (9)', decided_by = 'Ewa (9)' where number = $1",
                number,
                state,
            )


async def test_nobody_decides_what_nobody_has_looked_at(owner: Database) -> None:
    """One that came by the web is not refused by one officer alone; another has to look at it first."""

    async def job(c: Connection) -> None:
        await found(c)
        for via in ("web", "api"):
            number = await applications.add_application(c, APPLICANT, VAULT, new(True)._replace(via=via))
            assert await looked_by(c, number) is None
            await is_refused(c, JAN, number, "refused", "nobody has looked at")
            await move(c, ANNA, number, "verified")
            assert await looked_by(c, number) == ANNA.name
            await move(c, JAN, number, "refused", **REFUSED)

    await owner.run(job)


async def test_to_call_clears_nobody_who_looked(owner: Database) -> None:
    """Verified, called, completed: whoever did it decides at no step of the way, and another may."""

    async def job(c: Connection) -> None:
        await found(c)
        for is_completed in (False, True):
            number = await applications.add_application(c, APPLICANT, VAULT, new(second_needed=True))
            await move(c, ANNA, number, "verified")
            await move(c, ANNA, number, "called", **CALLED)
            await is_refused(c, ANNA, number, "refused", "second person")
            if is_completed:
                await move(c, APPLICANT, number, "received", due_on=DUE)
                await is_refused(c, ANNA, number, "refused", "second person")
            assert await looked_by(c, number) == ANNA.name
            await move(c, JAN, number, "refused", **REFUSED)
            row = await applications.the_application(c, Which(1, number))
            assert (row["looked_by"], row["decided_by"]) == (ANNA.name, JAN.name)

    await owner.run(job)


async def test_whoever_looked_before_the_last_decides(owner: Database) -> None:
    """One verifies, another calls: two have looked; the other does not decide, and the first may."""

    async def job(c: Connection) -> None:
        await found(c)
        number = await applications.add_application(c, APPLICANT, VAULT, new(second_needed=True))
        await move(c, ANNA, number, "verified")
        await move(c, JAN, number, "called", **CALLED)
        await is_refused(c, Actor(" JAN (2)"), number, "refused", "second person")
        await move(c, ANNA, number, "refused", **REFUSED)
        row = await applications.the_application(c, Which(1, number))
        assert (row["state"], row["looked_by"], row["decided_by"]) == ("refused", JAN.name, ANNA.name)

    await owner.run(job)


async def test_to_take_an_application_down_at_a_desk_is_to_look_at_it(owner: Database) -> None:
    """At the counter or by post: whoever typed it does not refuse it, whatever is written; another may."""

    async def job(c: Connection) -> None:
        await found(c)
        for via in ("desk", "post"):
            number = await applications.add_application(c, ANNA, VAULT, new(True)._replace(via=via))
            assert await looked_by(c, number) == ANNA.name
            await is_refused(c, ANNA, number, "refused", "second person")
            with pytest.raises(Exception, match="written with the step"):
                async with writing(c, ANNA):
                    await c.execute("update people.application set looked_by = 'Jan (2)'")
            await move(c, JAN, number, "refused", **REFUSED)
        async with writing(c, ANNA):
            given = await c.fetchrow(
                "insert into people.application (programme, kind, via, form, received_on, second_needed, "
                "keep_days, looked_by) values (1, 'first', 'web', repeat('x', 40)::bytea, '2026-01-02', "
                "true, 30, 'Jan (2)') returning looked_by"
            )
        assert given is not None
        assert given["looked_by"] is None

    await owner.run(job)


async def test_who_asked_withdraws_and_an_erasure_removes_whoever_looked(owner: Database) -> None:
    """No second person for what the applicant wants: to ask no more, and to be forgotten."""

    async def job(c: Connection) -> None:
        account = await found(c)
        number = await applications.add_application(c, APPLICANT, VAULT, new(second_needed=True))
        own = Actor(f"applicant {number}", hand=Hand.HOLDER_ONLINE)
        await move(c, own, number, "withdrawn")
        number = await applications.add_application(c, APPLICANT, VAULT, new(True, account))
        await move(c, ANNA, number, "verified")
        await anonymise(c, Actor(ANNA.name, "asked for it"), VAULT, 1000)
        assert await c.fetchval("select count(*) from people.application where account is not null") == 0

    await owner.run(job)


async def test_where_one_may_one_does_it_all(owner: Database) -> None:
    """By rules that want nobody else an application is refused at once, and by who verified it."""

    async def job(c: Connection) -> None:
        await found(c)
        for states in ((), ("verified",)):
            number = await applications.add_application(c, APPLICANT, VAULT, new())
            for state in states:
                await move(c, ANNA, number, state)
            await move(c, ANNA, number, "refused", **REFUSED)
            row = await applications.the_application(c, Which(1, number))
            assert (row["state"], row["decided_by"]) == ("refused", ANNA.name)

    await owner.run(job)
