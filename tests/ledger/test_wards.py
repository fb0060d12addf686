"""Whoever acts through a parent or guardian ends no contract by the own hand (Zgierz § 12): a minor, and an
adult without full legal capacity.
"""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest

from ledger.errors import LedgerError, RegistryRefused
from ledger.postgres.database import Connection, Database
from ledger.registry.audit import Actor, writing
from ledger.registry.card_states import CardStatus, Hand
from ledger.registry.contracts import end_contract
from ledger.registry.endings import list_endings, take_objection, withdraw
from ledger.registry.erasures import anonymise
from ledger.registry.people import find_person
from tests.days import today
from tests.ledger.books import write_registry
from tests.ledger.test_acting_for import CHILD, STRANGER, VAULT, Family

Act = Callable[[Connection, Actor, int], Awaitable[Any]]
DAY = today() + timedelta(20)


@pytest.fixture
async def family(owner: Database) -> Family:
    """A child among them, and a stranger of no age that is known."""
    return await Family(owner).found()


async def resign(connection: Connection, actor: Actor, token: int) -> object:
    """Resign (Zgierz § 31)."""
    return await end_contract(connection, actor, token, CardStatus.RESIGNED)


async def delete(connection: Connection, actor: Actor, token: int) -> object:
    """Delete the account (Zgierz § 26)."""
    return await anonymise(connection, actor, VAULT, token)


async def object_to(connection: Connection, actor: Actor, token: int) -> object:
    """Object to announced rules (Zgierz § 35)."""
    return await take_objection(connection, actor, token, given_on=today(), ends_on=DAY)


async def take_back(connection: Connection, actor: Actor, token: int) -> object:
    """Take an objection back."""
    return await withdraw(connection, actor, token, "objection")


def by(hand: Hand) -> Actor:
    """Return who acts by a hand."""
    return Actor("somebody", "asked for", hand=hand)


async def written_by(owner: Database, hand: Hand, sql: str, *values: object) -> None:
    """Write by a hand what no function of this package looked at."""

    async def job(connection: Connection) -> None:
        async with writing(connection, by(hand)):
            await connection.execute(sql, *values)

    await owner.run(job)


@pytest.mark.parametrize("act", [resign, delete, object_to])
async def test_a_child_ends_no_contract_by_the_own_hand(family: Family, act: Act) -> None:
    """Not on the web, at a desk or by post; card, person and contract stay. The guardian does it."""
    owner, account = family.owner, family.accounts[CHILD]
    for hand in (Hand.HOLDER_ONLINE, Hand.HOLDER_DESK, Hand.HOLDER_POST):
        if act is delete and hand is Hand.HOLDER_POST:
            continue  # nobody's account is deleted by post
        with pytest.raises(RegistryRefused, match="guardian"):
            await owner.run(lambda c, h=hand: act(c, by(h), CHILD))
    assert await owner.run(lambda c: find_person(c, VAULT, account)) is not None
    assert await owner.run(lambda c: list_endings(c, account)) == []
    assert (
        await owner.run(lambda c: c.fetchval("select status from registry.card where token = $1", CHILD)) == 0
    )
    await owner.run(lambda c: act(c, by(Hand.GUARDIAN_DESK), CHILD))


async def test_a_child_takes_no_objection_back(family: Family) -> None:
    """What the guardian said stays said; the guardian takes it back."""
    await family.owner.run(lambda c: object_to(c, by(Hand.GUARDIAN_ONLINE), CHILD))
    with pytest.raises(RegistryRefused, match="guardian"):
        await family.owner.run(lambda c: take_back(c, by(Hand.HOLDER_DESK), CHILD))
    assert await family.owner.run(lambda c: take_back(c, by(Hand.GUARDIAN_DESK), CHILD)) is None


@pytest.mark.parametrize(
    ("years", "is_ward", "ends"), [(18, False, True), (18, True, False), (None, False, True)]
)
async def test_who_is_of_full_age_and_capacity_ends_it(
    family: Family,
    years: int | None,
    is_ward: bool,
    ends: bool,
) -> None:
    """From the eighteenth birthday on, that day included, unless a guardian acts whatever the age."""
    owner, account = family.owner, family.accounts[STRANGER]
    born = (
        "update people.person set born_on = (registry.today_of(programme) - make_interval(years => $2))::date"
        " where account = $1"
    )
    await owner.run(lambda c: write_registry(c, born, account, years))
    ward = "update registry.holder set guardian = $2 where account = $1"
    await owner.run(lambda c: write_registry(c, ward, account, is_ward))
    if ends:
        await owner.run(lambda c: resign(c, by(Hand.HOLDER_ONLINE), STRANGER))
        return
    with pytest.raises(RegistryRefused, match="guardian"):
        await owner.run(lambda c: resign(c, by(Hand.HOLDER_ONLINE), STRANGER))


async def test_the_database_refuses_it_too(family: Family) -> None:
    """Whatever a program forgets to ask: a card resigned or closed, an objection, by a ward's own hand."""
    account = family.accounts[CHILD]
    ended = "update registry.card set status = $2 where account = $1"
    objected = (
        "insert into registry.ending (account, programme, kind, given_on, ends_on) "
        "values ($1, 1, 'objection', $2, $2)"
    )
    for sql, value in ((ended, 8), (ended, 6), (objected, today())):
        with pytest.raises(LedgerError, match="does not end the contract alone"):
            await written_by(family.owner, Hand.HOLDER_ONLINE, sql, account, value)
    await written_by(family.owner, Hand.GUARDIAN_ONLINE, ended, account, 8)
