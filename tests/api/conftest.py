"""Two cities, an API over loopback in a thread of its own, and a system with a token for each right."""

import json
import urllib.error
import urllib.request
from collections.abc import AsyncGenerator, Iterator
from datetime import UTC, date, datetime
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest

from ledger.postgres.database import Connection, Database, open_database
from ledger.registry.api_tokens import RIGHTS, add_token
from ledger.registry.audit import writing
from ledger.registry.cards import CardRow, import_cards
from ledger.registry.holder_imports import NewHolder, add_holders
from ledger.registry.installation import adopt_master_key
from ledger.registry.offers import NewOffer, import_offers, publish_draft
from ledger.registry.partners import NewPartner, import_partners
from ledger.registry.people import Person
from ledger.registry.programmes import add_programme, add_rules
from ledger.registry.secrets import MasterKey
from ledger.registry.terminals import NewTerminal, import_terminals
from ledger.settlement.statement import POINTS_BOUGHT, Line, Statement, statement_number, total
from ops.api.run import ApiOptions, running_api
from ops.api.tokens import digest_of, make_token
from switch.rules.entitlement import steps_of
from switch.rules.offers import Offer, encode_offer, read_offer
from switch.rules.programme import parse_rules
from tests.cli.office import card
from tests.ledger.books import TESTER, Books
from tests.postgres import FreshDatabase, Server
from tests.trio_thread import TrioThread

ZGIERZ, CZESTOCHOWA = 3, 1
CODES = {ZGIERZ: "zgierz", CZESTOCHOWA: "czestochowa"}
PREFIX = {ZGIERZ: "96162", CZESTOCHOWA: "96160"}
CARDS = 6
SALES = 5
BENEFITS_OF = 2
"""The card that has used a benefit of offer 5."""


MONTH = "2026-09"
STATEMENT = """insert into registry.statement (programme, month, partner, number, due_grosze, document)
  values ($1, '2026-09', $2, $2::int::text, 0, $3::jsonb)"""


def statement_of(programme: int) -> Statement:
    """The statement of a programme's partner: five points bought."""
    partner = 100 * programme
    line = Line(POINTS_BOUGHT, 5, 10, 50, 23)
    number = statement_number(CODES[programme], MONTH, partner)
    who = (programme, partner, MONTH, "Kino", "", "")
    return Statement(number, *who, (line,), *total([line]), (), None)


class Told(NamedTuple):
    """An answer: status, headers, and its body as JSON."""

    status: int
    headers: dict[str, str]
    body: Any


class Stage(TrioThread):
    """The API and what it serves; `accounts` and `tokens` by programme."""

    def __init__(self, fresh: FreshDatabase, directory: Path) -> None:
        super().__init__()
        self._fresh = fresh
        self._master = MasterKey.create(directory / "master.key")
        self.url = ""
        self.accounts: dict[int, list[int]] = {}
        self.tokens: dict[tuple[int, str], str] = {}

    async def serve(self) -> AsyncGenerator[None, None]:
        async with (
            open_database(self._fresh.owner_dsn, connections_max=2) as self.owner,
            open_database(self._fresh.service_dsn) as service,
        ):
            for programme in (CZESTOCHOWA, ZGIERZ):
                await self.owner.run(lambda c, p=programme: self._found(c, p))
            await sell(service, self.accounts[CZESTOCHOWA])
            options = ApiOptions(port=0, rate=10_000, behind_proxy=True)
            async with running_api(self._fresh.owner_dsn, self._master, options) as self.url:
                yield

    async def _found(self, c: Connection, programme: int) -> None:
        code = CODES[programme]
        text = files("switch").joinpath(f"rules/programmes/{code}.toml").read_text(encoding="utf-8")
        rules = parse_rules(text)
        if programme == CZESTOCHOWA:
            await adopt_master_key(c, TESTER, self._master)
        await add_programme(c, TESTER, programme=programme, code=code, name=rules.programme.name)
        start = datetime(2016, 1, 1, tzinfo=UTC)
        await add_rules(
            c, TESTER, programme=programme, effective_from=start, rules_toml=text, kind_steps=steps_of(rules)
        )
        partner = 100 * programme
        await import_partners(c, TESTER, programme, [NewPartner(partner, "Kino")])
        await import_terminals(c, TESTER, [NewTerminal(partner, partner)])
        tokens = [self._master.pepper(programme).token(number_of(programme, n)) for n in range(CARDS)]
        rows = [CardRow(token, number_of(programme, n)[-4:]) for n, token in enumerate(tokens)]
        await import_cards(c, TESTER, programme, rows)
        people = [
            NewHolder(token, person=Person(f"Anna {n}", born_on=date(1980, 1, 1), email=f"a{n}@example.org"))
            for n, token in enumerate(tokens[:-1])
        ]
        await add_holders(c, TESTER, self._master.vault, programme, people)
        found = await c.fetch(
            "select account from registry.card where programme = $1 order by account", programme
        )
        self.accounts[programme] = [row["account"] for row in found]
        async with writing(c, TESTER):
            await c.execute(
                "update registry.holder set entitled_until = '2099-05-31', tax_year = 2025 "
                "where account = $1",
                self.accounts[programme][0],
            )
            await c.execute(
                STATEMENT, programme, partner, msgspec.json.encode(statement_of(programme)).decode()
            )
        for right in (*RIGHTS, "all"):
            rights = RIGHTS if right == "all" else (right,)
            self.tokens[programme, right] = await self.let_in(c, programme, *rights)
        if rules.benefits:
            for number, kinds in ((1, []), (2, ["senior"])):
                offer = offer_of(number, partner, kinds)
                await import_offers(
                    c, TESTER, programme, [NewOffer(number, partner, (), encode_offer(offer))]
                )
                await publish_draft(c, TESTER, programme=programme, number=number, effective_from=start)

    async def let_in(self, c: Connection, programme: int, *rights: str, partner: int | None = None) -> str:
        token = make_token(programme)
        await add_token(c, TESTER, programme, "app", digest_of(token), rights=rights, partner=partner)
        return token

    def run(self, job: Any) -> Any:
        """Run a job on the owner's database, from the test's thread."""
        return self.call(self.owner.run, job)

    def ask(
        self,
        path: str,
        body: Any = None,
        *,
        programme: int = ZGIERZ,
        right: str = "all",
        token: str | None = None,
        raw: bytes | None = None,
        **headers: str,
    ) -> Told:
        """Ask with a system's token; a body makes it a POST."""
        data = raw if raw is not None else None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url.rstrip("/") + path, data)
        request.add_header(
            "Authorization", f"Bearer {self.tokens[programme, right] if token is None else token}"
        )
        if data is not None:
            request.add_header("Content-Type", "application/json")
        for name, value in headers.items():
            request.add_header(name.replace("_", "-"), value)
        try:
            with urllib.request.urlopen(request) as answer:
                return told(answer)
        except urllib.error.HTTPError as error:
            with error:
                return told(error)


def told(answer: Any) -> Told:
    text = answer.read()
    return Told(
        answer.status, {k.lower(): v for k, v in answer.headers.items()}, json.loads(text) if text else None
    )


def number_of(programme: int, n: int) -> str:
    """The number of a programme's card."""
    return card(n, PREFIX[programme])


def offer_of(number: int, partner: int, kinds: list[str]) -> Offer:
    """An offer of free entry, for holders of these kinds or for all."""
    benefit: dict[str, Any] = {"kind": "free_entry"}
    if kinds:
        benefit["for"] = kinds
    words = {"pl": "Wstęp wolny", "en": "Free entry"}
    return read_offer(
        {"number": number, "partner": partner, "name": words, "text": words, "benefits": [benefit]}
    )


async def sell(service: Database, accounts: list[int]) -> None:
    """Some sales with the first card, and a benefit with another."""
    books = await Books.of(service, accounts)
    for stan in range(1, SALES + 1):
        posting = books.earn(stan, 10, terminal=100 * CZESTOCHOWA)
        await books.post(posting)
    await books.post(books.use(SALES + 1, card=BENEFITS_OF, terminal=100 * CZESTOCHOWA, discount=1_500))


@pytest.fixture(scope="package")
def stage(postgres_server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """The API over two cities, for all tests of this folder."""
    fresh = postgres_server.create()
    try:
        with Stage(fresh, tmp_path_factory.mktemp("api")).running() as running:
            yield running
    finally:
        postgres_server.drop(fresh)
