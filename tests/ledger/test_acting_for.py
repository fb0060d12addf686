"""Who acts for whom: links made by codes, which end with the representation and on the day, and what the
database lets whoever acts for another write.
"""

import hashlib
from collections.abc import Awaitable, Callable
from datetime import date, timedelta
from typing import Self

import pytest

from ledger.errors import LedgerError, NotInRegistry, RegistryRefused
from ledger.postgres.database import Connection, Database
from ledger.registry import acting_for
from ledger.registry.acting_for import NewLink
from ledger.registry.agreements import Representative, add_representative, end_representative, give_consent
from ledger.registry.applications import NewApplication, Step, Which, add_application, move_application
from ledger.registry.audit import Actor
from ledger.registry.card_states import CardStatus, Hand
from ledger.registry.cards import set_card_status
from ledger.registry.contracts import end_contract
from ledger.registry.erasures import anonymise
from ledger.registry.holder_imports import NewHolder, add_holders
from ledger.registry.logins import NewLogin, add_login, find_login, the_login
from ledger.registry.people import Person, change_person, find_person
from ledger.registry.programmes import today_of
from tests.ledger.books import TESTER, found_registry, write_registry
from tests.switch.memory import MASTER_KEY

VAULT = MASTER_KEY.vault
MOTHER, CHILD, STRANGER, GRANDPA = 1000, 1001, 1002, 1003


def hashed(code: str) -> bytes:
    return hashlib.sha256(code.encode()).digest()


class Family:
    """A mother with a login, her child, a stranger with a login, a grandfather."""

    def __init__(self, owner: Database) -> None:
        self.owner = owner
        self.accounts: dict[int, int] = {}
        self.mother = self.stranger = self.codes = 0

    async def run(self, job: Callable[[Connection], Awaitable[object]]) -> None:
        await self.owner.run(job)

    async def found(self) -> Self:
        """Found the registry, too."""
        await self.owner.run(lambda c: found_registry(c, 5))
        today = await self.owner.run(lambda c: today_of(c, 1))
        born = {CHILD: today - timedelta(days=3000), GRANDPA: date(1940, 1, 2)}
        rows = [
            NewHolder(token, person=Person(f"P{token}", born_on=born.get(token), phone="600100200"))
            for token in (MOTHER, CHILD, STRANGER, GRANDPA)
        ]
        await self.run(lambda c: add_holders(c, TESTER, VAULT, 1, rows))
        for row in await self.owner.run(lambda c: c.fetch("select token, account from registry.card")):
            self.accounts[row["token"]] = row["account"]
        self.mother, self.stranger = [
            await self.owner.run(
                lambda c, t=token: add_login(
                    c, TESTER, NewLogin(1, "holder", hashed(str(t)), "x", account=self.accounts[t])
                )
            )
            for token in (MOTHER, STRANGER)
        ]
        return self

    async def link(self, token: int, role: str, login: int, until: date | None = None) -> int:
        who = Representative(role, "Somebody", until=until)
        number = await self.owner.run(lambda c: add_representative(c, TESTER, VAULT, token, who))
        self.codes += 1
        link = NewLink(1, self.accounts[token], number, hashed(f"code {self.codes}"))
        await self.run(lambda c: acting_for.put_code(c, TESTER, link, hours=1))
        await self.run(lambda c: acting_for.take_code(c, TESTER, 1, link.hash, login))
        return number

    async def whom(self, login: int) -> list[tuple[int, str]]:
        found = await self.owner.run(lambda c: acting_for.represented(c, VAULT, login))
        return [(each.account, each.role) for each in found]

    def acting(self, token: int, role: str = "guardian") -> Actor:
        hand = Hand.GUARDIAN_ONLINE if role == "guardian" else Hand.PROXY_ONLINE
        return Actor(f"holder {self.mother} for {self.accounts[token]}", "why", hand=hand)


@pytest.fixture
async def family(owner: Database) -> Family:
    """The four of them."""
    return await Family(owner).found()


async def test_a_code_links_one_login_once(family: Family) -> None:
    """Another login finds it used up; the own account, a code of nothing and an old one are refused alike."""
    number = await family.link(CHILD, "guardian", family.mother)
    assert await family.whom(family.mother) == [(family.accounts[CHILD], "guardian")]
    link = NewLink(1, family.accounts[CHILD], number, hashed("another"))
    with pytest.raises(RegistryRefused, match="has a login"):
        await family.run(lambda c: acting_for.put_code(c, TESTER, link, hours=1))
    with pytest.raises(NotInRegistry):
        await family.run(lambda c: acting_for.put_code(c, TESTER, link._replace(representative=9), hours=1))
    for code, login in (("code 1", family.stranger), ("nothing", family.stranger)):
        with pytest.raises(RegistryRefused, match="no such code"):
            await family.run(lambda c, k=code, n=login: acting_for.take_code(c, TESTER, 1, hashed(k), n))
    assert await family.whom(family.stranger) == []
    with pytest.raises(RegistryRefused, match="no such code"):
        await family.link(MOTHER, "proxy", family.mother)
    with pytest.raises(RegistryRefused, match="no such code"):
        await family.link(CHILD, "proxy", family.mother)


async def test_a_right_ends_with_its_day_and_with_the_representation(family: Family) -> None:
    """Its last day is one on which it holds; the next is none; taken away, it is gone at once."""
    today = await family.owner.run(lambda c: today_of(c, 1))
    await family.link(GRANDPA, "proxy", family.mother, until=today)
    assert await family.whom(family.mother) == [(family.accounts[GRANDPA], "proxy")]
    yesterday = "update people.representative set until = until - 1"
    await family.run(lambda c: write_registry(c, yesterday))
    assert await family.whom(family.mother) == []
    number = await family.link(STRANGER, "proxy", family.mother)
    assert await family.whom(family.mother) == [(family.accounts[STRANGER], "proxy")]
    await family.run(lambda c: end_representative(c, TESTER, STRANGER, number))
    assert await family.whom(family.mother) == []


@pytest.mark.parametrize(
    ("years", "days", "is_ward", "until", "holds"),
    [
        (18, 0, False, None, False),
        (18, 1, False, None, True),
        (40, 0, False, None, False),
        (40, 0, True, None, True),
        (None, 0, False, None, False),
        (None, 0, False, 1, True),
    ],
)
async def test_a_guardian_s_right_ends_as_the_child_comes_of_age(
    family: Family, years: int | None, days: int, is_ward: bool, until: int | None, holds: bool
) -> None:
    """On the eighteenth birthday it is over, not the day before, nor of an adult without full capacity; with
    no date of birth it wants a last day.
    """
    today = await family.owner.run(lambda c: today_of(c, 1))
    last = today + timedelta(days=until) if until else None
    await family.link(CHILD, "guardian", family.mother, until=last)
    sql = (
        "update people.person set born_on = $3::int + "
        "(registry.today_of(1::smallint) - make_interval(years => $2))::date where account = $1"
    )
    account = family.accounts[CHILD]
    await family.run(lambda c: write_registry(c, sql, account, years, days))
    ward = "update registry.holder set guardian = $2 where account = $1"
    await family.run(lambda c: write_registry(c, ward, account, is_ward))
    assert await family.whom(family.mother) == ([(account, "guardian")] if holds else [])


async def test_a_proxy_blocks_and_renews_and_writes_nothing_else(family: Family) -> None:
    """Zgierz § 20, § 24: whatever a page would let pass, the database refuses."""
    await family.link(GRANDPA, "proxy", family.mother)
    actor, account = family.acting(GRANDPA, "proxy"), family.accounts[GRANDPA]
    today = await family.owner.run(lambda c: today_of(c, 1))
    renewal = NewApplication(1, "renewal", "web", b"{}", today, account=account)
    number = await family.owner.run(lambda c: add_application(c, actor, VAULT, renewal))
    withdrawn = Step("withdrawn")
    with pytest.raises(LedgerError, match="does not change"):
        await family.run(lambda c: move_application(c, actor, VAULT, Which(1, number), Step("verified")))
    await family.run(lambda c: move_application(c, actor, VAULT, Which(1, number), withdrawn))
    duplicate = renewal._replace(kind="duplicate")
    with pytest.raises(LedgerError, match="does not change"):
        await family.run(lambda c: add_application(c, actor, VAULT, duplicate))
    asked = await family.owner.run(lambda c: add_application(c, TESTER, VAULT, duplicate))
    forbidden: list[Callable[[Connection], Awaitable[object]]] = [
        lambda c: move_application(c, actor, VAULT, Which(1, asked), withdrawn),
        lambda c: change_person(c, actor, VAULT, GRANDPA, {"phone": "600999999"}),
        lambda c: give_consent(c, actor, GRANDPA, "newsletter"),
        lambda c: end_contract(c, actor, GRANDPA, CardStatus.RESIGNED),
        lambda c: anonymise(c, actor, VAULT, GRANDPA),
        lambda c: add_representative(c, actor, VAULT, GRANDPA, Representative("proxy", "x")),
        lambda c: add_login(c, actor, NewLogin(1, "holder", hashed("y"), "x", account=account)),
        lambda c: set_card_status(c, actor._replace(hand=Hand.GUARDIAN_ONLINE), GRANDPA, CardStatus.BLOCKED),
    ]
    for act in forbidden:
        with pytest.raises(LedgerError):
            await family.run(act)
    await family.run(lambda c: set_card_status(c, actor, GRANDPA, CardStatus.BLOCKED))
    trail = await family.owner.run(
        lambda c: c.fetchrow("select actor, hand from registry.audit order by id desc limit 1")
    )
    assert tuple(trail) == (actor.name, "proxy-online")
    assert await family.owner.run(lambda c: find_person(c, VAULT, account)) is not None


async def test_nobody_acts_for_whom_they_do_not_represent(family: Family) -> None:
    """A name in the right form is no right: neither another's, nor one that has ended, nor another role's."""
    number = await family.link(CHILD, "guardian", family.mother)
    for actor in (
        family.acting(GRANDPA),
        family.acting(CHILD, "proxy"),
        family.acting(CHILD)._replace(name=f"holder {family.stranger} for {family.accounts[CHILD]}"),
    ):
        for token in (GRANDPA, CHILD):
            with pytest.raises(LedgerError):
                await family.run(lambda c, a=actor, t=token: set_card_status(c, a, t, CardStatus.BLOCKED))
    with pytest.raises(LedgerError):
        await family.run(lambda c: set_card_status(c, family.acting(CHILD), GRANDPA, CardStatus.BLOCKED))
    await family.run(lambda c: end_representative(c, TESTER, CHILD, number))
    with pytest.raises(LedgerError, match="nobody acts so"):
        await family.run(lambda c: set_card_status(c, family.acting(CHILD), CHILD, CardStatus.BLOCKED))


async def test_a_guardian_does_what_the_holder_does(family: Family) -> None:
    """Contact, consent; and resignation or deletion, with either of which the link goes."""
    await family.link(CHILD, "guardian", family.mother)
    actor = family.acting(CHILD)
    await family.run(lambda c: change_person(c, actor, VAULT, CHILD, {"phone": "600999999"}))
    await family.run(lambda c: give_consent(c, actor, CHILD, "newsletter"))
    await family.run(lambda c: anonymise(c, actor, VAULT, CHILD))
    assert await family.owner.run(lambda c: find_person(c, VAULT, family.accounts[CHILD])) is None
    assert await family.whom(family.mother) == []
    day = await family.owner.run(lambda c: today_of(c, 1))
    await family.link(STRANGER, "guardian", family.mother, until=day)
    stranger = family.acting(STRANGER)
    await family.run(lambda c: end_contract(c, stranger, STRANGER, CardStatus.RESIGNED))
    assert await family.whom(family.mother) == []
    assert await family.owner.run(lambda c: find_login(c, 1, hashed(str(STRANGER)))) is None
    with pytest.raises(LedgerError, match="nobody acts so"):
        await family.run(lambda c: change_person(c, stranger, VAULT, STRANGER, {"phone": "600999999"}))
    with pytest.raises(RegistryRefused, match="contract has ended"):
        await family.link(STRANGER, "guardian", family.mother)


async def test_a_holder_gives_a_proxy_and_ends_it(family: Family) -> None:
    """Five at most, none by whoever has a guardian, none that is over; a guardian is the desk's to end."""

    async def give(token: int, code: str, until: date | None = None) -> int:
        who = Representative("proxy", "Jan", until=until)
        return await family.owner.run(
            lambda c: acting_for.give_proxy(c, TESTER, VAULT, token, who, code=hashed(code), hours=1)
        )

    number = await give(MOTHER, "a")
    await family.run(lambda c: acting_for.take_code(c, TESTER, 1, hashed("a"), family.stranger))
    assert await family.whom(family.stranger) == [(family.accounts[MOTHER], "proxy")]
    linked = await family.owner.run(lambda c: acting_for.linked_numbers(c, family.accounts[MOTHER]))
    assert linked == {number: True}
    await family.run(lambda c: acting_for.end_proxy(c, TESTER, MOTHER, number))
    assert await family.whom(family.stranger) == []
    with pytest.raises(NotInRegistry):
        await family.run(lambda c: acting_for.end_proxy(c, TESTER, MOTHER, number))
    guardian = await family.link(CHILD, "guardian", family.mother)
    with pytest.raises(NotInRegistry):
        await family.run(lambda c: acting_for.end_proxy(c, TESTER, CHILD, guardian))
    with pytest.raises(RegistryRefused, match="has a guardian"):
        await give(CHILD, "b")
    with pytest.raises(RegistryRefused, match="past"):
        await give(MOTHER, "c", date(2020, 1, 1))
    for count in range(5):
        await give(MOTHER, f"d{count}")
    with pytest.raises(RegistryRefused, match="at most"):
        await give(MOTHER, "e")


async def opened(family: Family, token: int, role: str = "guardian", *, name: str = "new") -> tuple[int, int]:
    """A representative of a card's holder without a card, who makes a login by a code; number and login."""
    number = await family.owner.run(
        lambda c: add_representative(c, TESTER, VAULT, token, Representative(role, "Somebody"))
    )
    link = NewLink(1, family.accounts[token], number, hashed(f"{name} {token}"))
    await family.run(lambda c: acting_for.put_code(c, TESTER, link, hours=1))
    last4 = await family.owner.run(
        lambda c: c.fetchval("select last4 from registry.card where token = $1", token)
    )
    new = NewLogin(1, "representative", hashed(name), "x")
    for code, figures in ((hashed("another"), last4), (link.hash, "xxxx")):
        with pytest.raises(RegistryRefused, match="no such code"):
            await family.run(lambda c, k=code, f=figures: acting_for.open_login(c, TESTER, new, k, f))
    assert await family.owner.run(lambda c: find_login(c, 1, hashed(name))) is None
    login = await family.owner.run(lambda c: acting_for.open_login(c, TESTER, new, link.hash, last4))
    other = new._replace(name_key=hashed("other"))
    with pytest.raises(RegistryRefused, match="no such code"):
        await family.run(lambda c: acting_for.open_login(c, TESTER, other, link.hash, last4))
    return number, login


async def test_who_has_no_card_makes_a_login_by_the_code(family: Family) -> None:
    """It works once, with the card's last figures; what is refused leaves the code; more codes are taken."""
    _, login = await opened(family, CHILD)
    assert await family.whom(login) == [(family.accounts[CHILD], "guardian")]
    await family.link(GRANDPA, "proxy", login)
    assert await family.whom(login) == [
        (account, role)
        for account, role in sorted(
            [(family.accounts[CHILD], "guardian"), (family.accounts[GRANDPA], "proxy")]
        )
    ]


async def test_such_a_login_goes_with_the_last_it_acts_for(family: Family) -> None:
    """By the end of the representation, or by the erasure of whom it acted for; not before."""
    number, login = await opened(family, CHILD)
    await family.link(GRANDPA, "proxy", login)
    await family.run(lambda c: end_representative(c, TESTER, CHILD, number))
    assert (await family.owner.run(lambda c: the_login(c, login)))["kind"] == "representative"
    await family.run(lambda c: anonymise(c, TESTER, VAULT, GRANDPA))
    with pytest.raises(NotInRegistry):
        await family.owner.run(lambda c: the_login(c, login))
    assert (await family.owner.run(lambda c: the_login(c, family.mother)))["kind"] == "holder"


async def test_such_a_login_writes_what_its_role_may(family: Family) -> None:
    """As a holder's that acts: the same names, hands and rights; for nobody else, and as nothing else."""
    _, login = await opened(family, CHILD)
    account, whole = family.accounts[CHILD], "representative"
    actor = Actor(f"{whole} {login} for {account}", "why", hand=Hand.GUARDIAN_ONLINE)
    await family.run(lambda c: change_person(c, actor, VAULT, CHILD, {"phone": "601000000"}))
    stranger = f"{whole} {login} for {family.accounts[STRANGER]}"
    for wrong, token in (
        (actor._replace(name=f"holder {login} for {account}"), CHILD),
        (actor._replace(name=f"{whole} {family.mother} for {account}"), CHILD),
        (actor._replace(name=stranger), STRANGER),
        (actor._replace(hand=Hand.HOLDER_ONLINE), CHILD),
        (actor, STRANGER),
    ):
        with pytest.raises(LedgerError, match="nobody acts so"):
            await family.run(
                lambda c, a=wrong, t=token: change_person(c, a, VAULT, t, {"phone": "602000000"})
            )


async def test_a_guardian_without_a_card_deletes_the_last_account_and_goes_too(family: Family) -> None:
    """What nobody is left to act for is no login any more, by the guardian's own act; others' stay."""
    _, login = await opened(family, CHILD)
    _, other = await opened(family, CHILD, "proxy", name="other proxy")
    account = family.accounts[CHILD]
    actor = Actor(f"representative {login} for {account}", "why", hand=Hand.GUARDIAN_ONLINE)
    await family.run(lambda c: anonymise(c, actor, VAULT, CHILD))
    for gone in (login, other):
        with pytest.raises(NotInRegistry):
            await family.owner.run(lambda c, n=gone: the_login(c, n))
    assert (await family.owner.run(lambda c: the_login(c, family.stranger)))["kind"] == "holder"


async def test_a_representative_has_no_account(family: Family) -> None:
    """The database: a login of this kind has neither account nor name, and a holder's has an account."""
    for sql in (
        "insert into web.login (programme, kind, name_key, password, account) "
        "values (1, 'representative', sha256('a'), 'x', $1)",
        "insert into web.login (programme, kind, name_key, password, shown) "
        "select 1, 'representative', sha256('a'), 'x', 'Anna' where $1::bigint > 0",
        "insert into web.login (programme, kind, name_key, password) "
        "select 1, 'holder', sha256('a'), 'x' where $1::bigint > 0",
    ):
        with pytest.raises(LedgerError):
            await family.run(lambda c, s=sql: write_registry(c, s, family.accounts[GRANDPA]))


async def test_a_number_of_a_representative_comes_back_with_nobody(family: Family) -> None:
    """Ended, it names nobody ever after: what is asked of it is refused, and touches no other person. The
    database gives the numbers and changes none.
    """
    who, account = Representative("proxy", "Somebody"), family.accounts[CHILD]
    first, second = [
        await family.owner.run(lambda c: add_representative(c, TESTER, VAULT, CHILD, who)) for _ in range(2)
    ]
    await family.run(lambda c: end_representative(c, TESTER, CHILD, second))
    third = await family.owner.run(lambda c: add_representative(c, TESTER, VAULT, CHILD, who))
    assert third not in (first, second)
    link = NewLink(1, account, second, hashed("of an old page"))
    with pytest.raises(NotInRegistry, match="not any more"):
        await family.run(lambda c: acting_for.put_code(c, TESTER, link, hours=1))
    with pytest.raises(NotInRegistry, match="not any more"):
        await family.run(lambda c: end_representative(c, TESTER, CHILD, second))
    with pytest.raises(NotInRegistry, match="not any more"):
        await family.run(lambda c: acting_for.end_proxy(c, TESTER, CHILD, second))
    there = "select number from people.representative where account = $1 order by number"
    rows = await family.owner.run(lambda c: c.fetch(there, account))
    assert [row["number"] for row in rows] == [first, third]
    for text in (
        "insert into people.representative (account, programme, number, role, name) "
        "select account, programme, $1, role, name from people.representative limit 1",
        "update people.representative set number = $1",
    ):
        with pytest.raises(LedgerError):
            await family.run(lambda c, text=text: write_registry(c, text, second))
