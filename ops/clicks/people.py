"""Who clicks, and what is there to click at: persons with logins, applications, cases, in a seeded city.

Owns the numbers and the names (made of syllables: nobody is one of them). Must not know who clicks nor what
is measured. The logins are the office's own: a name's key, an Argon2id hash, and of officers the second
factor. Invariants: all holders' logins share one hash, made once: to make 2,000 would take a minute, and to
compare with it takes what it takes with any other; each holder begins with a session that was made ahead, for
no city sees 2,000 sign-ins at once.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from typing import Final, NamedTuple

import msgspec

from ledger.postgres.database import Connection, Database
from ledger.registry.applications import NewApplication, add_application
from ledger.registry.audit import Actor, writing
from ledger.registry.card_cases import CaseKind, Report, report_card
from ledger.registry.cards import find_cards
from ledger.registry.holder_imports import NewHolder, add_holders
from ledger.registry.logins import ROLES, NewLogin, add_login
from ledger.registry.numbers import Numbers
from ledger.registry.people import Person
from ledger.registry.programmes import today_of
from ledger.registry.secrets import MasterKey
from ledger.registry.web_sessions import NewSession, begin_session
from ops.office.forms import Form
from ops.web.identity.making import make_login
from ops.web.identity.passwords import Passwords
from ops.web.identity.second_factor import STEP_S, code_at
from ops.web.identity.secrets import Keys, hash_of, new_token
from ops.web.identity.visits import HOURS_MAX
from ops.web.offices import Office, open_offices
from simulators.city.holders import holder_of
from simulators.city.population import Peculiarity, Population

ACTOR: Final = Actor("clicks", "people for a measurement")
PASSWORD: Final = "Zielony rower 7"  # noqa: S105 of a database that is thrown away
SECRET: Final = b"a measurement's only"
AGENT: Final = "a browser of before"
SEED_S_MAX: Final = 300.0
AT_A_TIME: Final = 200
CODES_S: Final = 3_600
NAMES: Final = 200
LOOKED_FOR: Final = 500
CASES_STAN: Final = 1_000
_SYLLABLES: Final = tuple("".join(pair) for pair in itertools.product("bdgklmnprstwz", "aeiou"))
_FIRST_NAMES: Final = ("Ala", "Ola", "Ela", "Jan", "Leon", "Maja", "Piotr", "Zofia")


class Sizes(NamedTuple):
    """How many of each."""

    holders: int = 2_000
    officers: int = 50
    persons: int = 20_000
    """Who is known at all: among so many names a desk looks for one."""
    applications: int = 300
    cases: int = 40


class People(NamedTuple):
    """Who can sign in, and what officers look for."""

    holders: list[str]
    sessions: list[str]
    """Of each holder the token of a session that is open: as if signed in some time ago."""
    officers: list[str]
    names: list[str]
    cards: list[str]
    codes: dict[int, str]


def surname(index: int) -> str:
    """Return a name of four syllables; below 17,850,625 no two are the same."""
    parts = []
    for _ in range(4):
        index, place = divmod(index, len(_SYLLABLES))
        parts.append(_SYLLABLES[place])
    return "".join(parts).title()


def person_of(index: int) -> Person:
    """Return the person of a number."""
    first = _FIRST_NAMES[index % len(_FIRST_NAMES)]
    return Person(
        f"{first} {surname(index * 7_919)}",
        address=f"Rynek {index % 90 + 1}",
        phone=f"6{index:08}",
        email=f"osoba{index}@poczta.example",
        channel="email",
    )


def free_cards(population: Population) -> Iterator[str]:
    """Yield the numbers of cards with which nothing is wrong, and of whose holder nothing is kept yet."""
    for index in range(population.cards):
        is_sound = population.peculiarity(index) is Peculiarity.NONE
        if is_sound and not holder_of(population, index).is_kept:
            yield population.card_digits(index)


async def seed_people(
    owner: Database, dsn: str, population: Population, master: MasterKey, sizes: Sizes
) -> People:
    """Add them to a city that is there, by its owner's connection and `dsn`."""
    async with open_offices(dsn, master) as offices:
        office = offices[population.programme]
        digits = list(itertools.islice(free_cards(population), sizes.persons))
        numbers = await office.database.run(lambda c: Numbers.of(c, master, population.programme))
        tokens = [numbers.token(each) for each in digits]
        new = [NewHolder(each, person=person_of(index)) for index, each in enumerate(tokens)]
        database, programme = office.database, population.programme
        await database.run(
            lambda c: add_holders(c, ACTOR, master.vault, programme, new), timeout_s=SEED_S_MAX
        )
        rows = await database.run(lambda c: find_cards(c, tokens), timeout_s=SEED_S_MAX)
        account = {row["token"]: int(row["account"]) for row in rows}
        accounts = [account[each] for each in tokens]
        holders, sessions = await _holders(office, accounts[: sizes.holders])
        officers = await _officers(office, sizes.officers)
        await _applications(office, sizes.applications)
        await _cases(owner, population, tokens[-sizes.cases :] if sizes.cases else [])
    step = int(time.time()) // STEP_S
    return People(
        holders,
        sessions,
        officers,
        [
            person_of(index).name.split()[1].lower()
            for index in range(0, len(digits), len(digits) // NAMES + 1)
        ],
        digits[: min(LOOKED_FOR, len(digits) - sizes.cases)],
        {each: code_at(SECRET, each * STEP_S) for each in range(step - 1, step + CODES_S // STEP_S)},
    )


async def _holders(office: Office, accounts: Sequence[int]) -> tuple[list[str], list[str]]:
    keys, hashed = Keys(office.master), await Passwords().hash(PASSWORD)
    logins = {account: f"posiadacz{number}" for number, account in enumerate(accounts)}
    tokens = [new_token(office.programme) for _ in accounts]
    token = dict(zip(accounts, tokens, strict=True))

    async def add(connection: Connection, some: Sequence[int]) -> None:
        async with writing(connection, ACTOR):
            for account in some:
                key = keys.name_key(office.programme, logins[account])
                new = NewLogin(office.programme, "holder", key, hashed, account=account)
                login = await add_login(connection, ACTOR, new)
                session = NewSession(hash_of(token[account]), office.programme, login, "whole", AGENT)
                await begin_session(connection, session, hours=HOURS_MAX)

    for begin in range(0, len(accounts), AT_A_TIME):
        some = accounts[begin : begin + AT_A_TIME]
        await office.database.run(lambda c, s=some: add(c, s), timeout_s=SEED_S_MAX)  # type: ignore[misc]
    return list(logins.values()), tokens


async def _officers(office: Office, count: int) -> list[str]:
    passwords, names = Passwords(), [f"urzednik{number}" for number in range(count)]
    for number, name in enumerate(names):
        await make_login(
            office, passwords, ACTOR, "officer", name, password=PASSWORD, shown=f"Urzędnik {number}",
            roles=ROLES, second=SECRET,
        )  # fmt: skip
    return names


async def _applications(office: Office, count: int) -> None:
    """Take applications down, of people who have no card."""
    today = await office.database.run(lambda c: today_of(c, office.programme))

    async def add(connection: Connection) -> None:
        async with writing(connection, ACTOR):
            for number in range(count):
                form = _form(number)
                due_on = today + timedelta(days=number % 14)
                new = NewApplication(office.programme, "first", "web", msgspec.json.encode(form), due_on)
                await add_application(connection, ACTOR, office.master.vault, new)

    if count:
        await office.database.run(add, timeout_s=SEED_S_MAX)


def _form(number: int) -> Form:
    return Form(
        name=f"Nowa {surname(number * 104_729)}",
        born_on=date(1950, 1, 1) + timedelta(days=number * 61 % 20_000),
        address=f"Rynek {number % 90 + 1}",
        phone=f"5{number:08}",
        channel="phone",
        consent_data=True,
    )


async def _cases(owner: Database, population: Population, tokens: Sequence[int]) -> None:
    """Report a doubt about each of these cards, as a terminal does: that stops none of them."""
    terminal, now_s = population.terminal_id(0), int(time.time())
    for number, token in enumerate(tokens):
        report = Report(terminal, CASES_STAN + number, number, CaseKind.DOUBT, 1, now_s, token, 1)
        await owner.run(lambda c, r=report: report_card(c, r))  # type: ignore[misc]
