"""The product's side of the machine of cards: a database, its office, and a worker's view of the registry.

Owns the three programmes and how each act is done: by the use cases of commands and desk, by what the service
may, or by hand in SQL. Must not know what ought to come of it (`card_life` does).
"""

import itertools
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack
from datetime import UTC, date, datetime, timedelta
from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from ledger.books.verify import verify
from ledger.postgres.database import Connection, open_database
from ledger.registry.audit import Actor, writing
from ledger.registry.card_cases import CaseKind, CaseState, Report, list_cases, report_card
from ledger.registry.card_states import CardStatus, Hand
from ledger.registry.holder_imports import NewHolder
from ledger.registry.installation import adopt_master_key
from ledger.registry.partners import NewPartner, import_partners
from ledger.registry.people import Person
from ledger.registry.peppers import REENTERED, reenter
from ledger.registry.programmes import add_programme, add_rules
from ledger.registry.reads import read_changes
from ledger.registry.secrets import MasterKey
from ledger.registry.terminals import NewTerminal, import_terminals
from ops.office import card_cases, pepper
from ops.office.cards import CardDesk
from ops.office.holders import HolderDesk
from protocol import ResultCode
from switch.clock import clock_ms
from switch.rules.decide.refusals import refuse_card
from switch.rules.directory import Directory
from tests.ledger.books import TESTER, Books
from tests.machines.card_life import LONG_AGO, SOON, Image, Life
from tests.machines.cities import City
from tests.postgres import FreshDatabase
from tests.trio_thread import TrioThread

NAMES: Final = ("czestochowa", "zywiec", "zgierz")
PREFIXES: Final = ("96160", "96161", "96162")
TERMINALS: Final = (70, 80, 90)
"""One in each city; the first is the one of `Books`."""
JAN: Final = Person("Jan Nowak", born_on=date(1980, 1, 1), phone="600100200")
FAR: Final = date(2200, 5, 31)
_S = CardStatus
_CARDS: Final = """select concat_ws('/', account, carrier, issue) as key, account, carrier, token, status,
  expires_on, pepper from registry.card"""
_TRAIL: Final = """select id, actor, reason, hand, key, before,
    (before ->> 'status')::int, before ->> 'expires_on', (before ->> 'pepper')::int,
    (after ->> 'status')::int, after ->> 'expires_on', (after ->> 'pepper')::int
  from registry.audit where object = 'card' and id > $1 order by id"""
_POINTS: Final = "select id, balance from ledger.account where id & 7 = 0 order by id"
_SET: Final = """update registry.card set status = $2
  where concat_ws('/', account, carrier, issue) = $1"""


def _image(status: int, expires_on: str | None, pepper: int) -> Image:
    return Image(_S(status), expires_on and date.fromisoformat(expires_on), pepper)  # type: ignore[arg-type]


def programme_of(digits: str) -> int:
    return PREFIXES.index(digits[:5]) + 1


async def _reenter(connection: Connection, programme: int, newest: int, tokens: dict[int, int]) -> None:
    await reenter(connection, REENTERED, programme, newest, tokens)


class Registry(TrioThread):
    """An installation with three programmes and no card, its office, and a worker's directory."""

    def __init__(self, fresh: FreshDatabase, folder: Path, began: date) -> None:
        super().__init__()
        self._fresh, self._path = fresh, folder / "master.key"
        self._master = MasterKey.create(self._path)
        self._directory = Directory(MasterKey.load(self._path))
        self._began, self._stans, self._seen = began, itertools.count(1), 0

    async def serve(self) -> AsyncGenerator[None, None]:
        async with AsyncExitStack() as stack:
            opened = partial(open_database, connections_max=1)
            self.owner = await stack.enter_async_context(opened(self._fresh.owner_dsn))
            self.service = await stack.enter_async_context(opened(self._fresh.service_dsn))
            self.cards, self.holders = (kind(self.owner, self._master) for kind in (CardDesk, HolderDesk))
            await self.owner.run(self._found)
            self._books = await Books.of(self.service, [])
            yield

    async def _found(self, connection: Connection) -> None:
        await adopt_master_key(connection, TESTER, self._master)
        for number, (name, terminal) in enumerate(zip(NAMES, TERMINALS, strict=True), 1):
            await add_programme(connection, TESTER, programme=number, code=name, name=name)
            rules = files("switch").joinpath(f"rules/programmes/{name}.toml").read_text()
            since = datetime(2016, 12, 19, tzinfo=UTC)
            await add_rules(connection, TESTER, programme=number, effective_from=since, rules_toml=rules)
            await import_partners(connection, TESTER, number, [NewPartner(terminal // 10, "Piekarnia")])
            await import_terminals(connection, TESTER, [NewTerminal(terminal, terminal // 10)])

    async def follow(self) -> None:
        """What the worker's feed does."""
        directory = self._directory
        since, take = directory.number, directory.apply_cards
        changes = await self.service.run(lambda c: read_changes(c, since, take))
        directory.apply(changes, now_ms=clock_ms())
        while directory.cards.settle():
            pass

    def told(self, digits: str) -> ResultCode | None:
        """What a terminal is told of a number; None: there is no such card."""
        city = self._directory.programmes[programme_of(digits)]
        card = self._directory.find_card(city, digits)
        return card and ResultCode(refuse_card(card, card.status, city.current, clock_ms()))

    async def at_a_till(self, digits: str, points: int) -> None:
        """Earn points, if any, for the account that the worker has for a number; and what its feed does then
        with cards that it found under a former pepper.
        """
        directory = self._directory
        card = directory.find_card(directory.programmes[programme_of(digits)], digits)
        if points:
            assert card is not None
            if card.account not in self._books.accounts:
                self._books.accounts.append(card.account)
            of = self._books.accounts.index(card.account)
            done = await self._books.post(self._books.earn(next(self._stans), points, card=of))
            assert done.code == ResultCode.APPROVED
        for number, tokens in directory.take_to_reenter().items():
            newest = directory.programmes[number].pepper
            await self.service.run(partial(_reenter, programme=number, newest=newest, tokens=tokens))

    async def report(self, digits: str, kind: CaseKind) -> None:
        """As `switch.flow.card_report` takes it down."""
        programme = programme_of(digits)
        city, stan = self._directory.programmes[programme], next(self._stans)
        token, former = city.token_of(digits), city.former_token_of
        tokens = {} if former is None else {former(digits): token}
        told = Report(TERMINALS[programme - 1], stan, 1, kind, 1, 1, token, int(digits[-4:]))

        async def job(connection: Connection) -> int:
            await _reenter(connection, programme, city.pepper, tokens)
            return await report_card(connection, told)

        assert await self.service.run(job) == ResultCode.APPROVED

    async def decide(self, actor: Actor, number: int, state: CaseState) -> None:
        act = card_cases.confirm if state is CaseState.CONFIRMED else card_cases.lift
        await act(self.owner, actor, number)

    async def hold(self, actor: Actor, digits: str) -> None:
        """Give a card its holder."""
        numbers = await self.holders.numbers(programme_of(digits))
        new = NewHolder(numbers.token(digits), entitled_until=FAR, person=JAN)
        await self.holders.add(actor, numbers, digits, new)

    async def renew(self, actor: Actor, digits: str) -> None:
        await self.cards.renew(actor, digits, None)

    async def give_notice(self, actor: Actor, digits: str, days: int = SOON) -> None:
        await self.holders.give_notice(actor, digits, self._began + timedelta(days=days))

    async def give_old_notice(self, actor: Actor, digits: str) -> None:
        await self.give_notice(actor, digits, LONG_AGO)

    async def withdraw_notice(self, actor: Actor, digits: str) -> None:
        await self.holders.withdraw(actor, digits, "notice")

    async def anonymise(self, actor: Actor, digits: str) -> None:
        await self.holders.anonymise(actor, digits)

    async def begin_pepper(self, actor: Actor, city: City) -> None:
        await pepper.make_pepper(self.owner, self._path, self._master, city.number)
        await pepper.begin(self.owner, actor, self._master, city.number)

    async def retire_pepper(self, actor: Actor, city: City) -> None:
        """The worker follows before it need not forget any more."""
        of = (self._path, self._master, city.number)
        await pepper.retire(self.owner, actor, *of, pause=self.follow)

    async def write(self, key: str, status: CardStatus, hand: Hand) -> None:
        """By hand, in psql."""

        async def job(connection: Connection) -> None:
            async with writing(connection, Actor("psql", hand=hand)):
                await connection.execute(_SET, key, int(status))

        await self.owner.run(job)

    async def write_as_service(self, key: str, status: CardStatus) -> None:
        await self.service.run(lambda c: c.execute(_SET, key, int(status)))

    async def compare(self, life: Life, numbers: list[str]) -> None:
        """The registry, its trail, cases and points, and the worker's view of all are the model's."""

        async def read(c: Connection) -> tuple[list[Any], list[Any], list[Any], list[Any]]:
            trail = await c.fetch(_TRAIL, self._seen)
            return await c.fetch(_CARDS), trail, await list_cases(c, limit=1_000), await c.fetch(_POINTS)

        rows, trail, cases, points = await self.owner.run(read)
        self._compare_cards(rows, life)
        self._compare_trail(trail, life)
        assert [(case["kind"], case["state"], case["was"], case["became"]) for case in cases] == [
            (case.kind, case.state, case.was, case.became) for case in life.cases
        ]
        assert [tuple(row) for row in points] == [(one.number, one.points) for one in life.accounts]
        await self.follow()
        told = {digits: self.told(digits) for digits in numbers}
        assert told == {digits: life.told(digits) for digits in numbers}
        self._directory.take_to_reenter()

    def _compare_cards(self, rows: list[Any], life: Life) -> None:
        images = {r["key"]: Image(_S(r["status"]), r["expires_on"], r["pepper"]) for r in rows}
        assert images == {card.key: card.image for account in life.accounts for card in account.cards}
        active = Counter((row["account"], row["carrier"]) for row in rows if row["status"] == _S.ACTIVE)
        assert max(active.values(), default=1) == 1
        tokens = {row["token"]: row["key"] for row in rows}
        for digits, card in life.numbers.items():
            token_of = self._master.pepper(card.account.city.number, card.image.pepper).token
            assert tokens[token_of(digits)] == card.key

    def _compare_trail(self, rows: list[Any], life: Life) -> None:
        """A row for each change, of each card in their order."""
        found: list[Any] = []
        for self._seen, *who, before, a, b, c, d, e, f in rows:
            found.append((*who, before and _image(a, b, c), _image(d, e, f)))
        by_card = partial(sorted, key=lambda row: row[3])
        assert by_card(found) == by_card(life.trail)
        life.trail.clear()

    async def prove(self, life: Life, numbers: list[str]) -> None:
        """The books are proved; and a worker that begins now knows what one knows that has followed."""
        assert [found for found in await self.owner.run(verify) if found.count] == []
        self._directory = Directory(MasterKey.load(self._path))
        await self.compare(life, numbers)
