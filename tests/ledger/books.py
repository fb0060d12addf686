"""A small set of books for the ledger's tests: cards with accounts, one partner, and requests made in
one line.
"""

import hashlib
import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Self

from ledger.books.batch import post
from ledger.books.posting import NO_DIGITS, AccountKind, Kind, Outcome, Posting, QuotaLeg, account_id
from ledger.books.transaction_ids import TransactionIds
from ledger.postgres.database import Connection, Database
from ledger.registry.audit import Actor, writing
from ledger.registry.cards import CardRow, import_cards
from ledger.registry.partners import NewPartner, import_partners
from ledger.registry.programmes import add_programme
from ledger.registry.reads import layout_buckets
from ledger.registry.terminals import NewTerminal, import_terminals

TESTER = Actor("tests")
NOW_MS = 1_790_000_000_000
PARTNER = 7
PROGRAMME = 1
TERMINAL = 70


def wide(quota: int, allowed: int, *, period: int = 20_000) -> QuotaLeg:
    """A use of a quota of the whole programme."""
    return QuotaLeg(account_id(PROGRAMME, AccountKind.ORGANISER), quota, period, allowed)


async def found_registry(connection: Connection, cards: int) -> None:
    await add_programme(connection, TESTER, programme=1, code="czestochowa", name="Częstochowa")
    await import_partners(connection, TESTER, 1, [NewPartner(PARTNER, "Piekarnia")])
    terminals = [NewTerminal(number, PARTNER) for number in (TERMINAL, TERMINAL + 1)]
    await import_terminals(connection, TESTER, terminals)
    await import_cards(connection, TESTER, 1, [CardRow(1000 + n, f"{n % 10000:04}") for n in range(cards)])


async def found_old_registry(connection: Connection, cards: int) -> None:
    """A registry whose cards came a year ago: sales of days ago are told of them."""
    await found_registry(connection, cards)
    await write_registry(connection, "update registry.card set added_at = now() - interval '1 year'")


async def write_registry(connection: Connection, sql: str, *arguments: object) -> None:
    """Run a statement that writes to the registry, as its actor."""
    async with writing(connection, TESTER):
        await connection.execute(sql, *arguments)


@dataclass
class Books:
    """Requests for the cards of one partner's terminal, and the means to post and count."""

    database: Database
    accounts: list[int]
    ids: TransactionIds = field(default_factory=lambda: TransactionIds(1))
    clock: Iterator[int] = field(default_factory=lambda: itertools.count(NOW_MS))
    buckets: int = 1

    @classmethod
    async def open(cls, owner: Database, database: Database, *, cards: int) -> Self:
        await owner.run(lambda connection: found_registry(connection, cards))
        rows = await database.run(
            lambda connection: connection.fetch("select account from registry.card order by token")
        )
        return await cls.of(database, [row["account"] for row in rows])

    @classmethod
    async def of(cls, database: Database, accounts: list[int], clock: Iterator[int] | None = None) -> Self:
        """Of cards that are there, in the buckets that there are."""
        made = cls(database, accounts, buckets=await database.run(layout_buckets))
        made.clock = made.clock if clock is None else clock
        return made

    def request(
        self,
        kind: Kind,
        stan: int,
        *,
        points: int = 0,
        card: int | None = 0,
        original: int = 0,
        code: int = 0,
        terminal: int = TERMINAL,
    ) -> Posting:
        account = 0 if card is None else self.accounts[card]
        body = repr((kind, stan, points, account, original)).encode()
        owed = AccountKind.PARTNER_REDEEMED if points < 0 else AccountKind.PARTNER_ISSUED
        now_ms = next(self.clock)
        return Posting(
            transaction_id=self.ids.next(now_ms),
            terminal=terminal,
            stan=stan,
            kind=kind,
            account=account,
            counter_account=account_id(PARTNER, owed),
            points=points,
            amount_grosze=abs(points) * 1000,
            digest=int.from_bytes(hashlib.sha256(body).digest()[:8], "big", signed=True),
            code=code,
            original_stan=original,
            rules_version=1,
            accepted_at_ms=now_ms,
            terminal_time=now_ms // 1000,
            last4=NO_DIGITS if card is None else card % 10000,
        )

    def earn(
        self, stan: int, points: int, *, card: int | None = 0, code: int = 0, terminal: int = TERMINAL
    ) -> Posting:
        return self.request(Kind.EARN, stan, points=points, card=card, code=code, terminal=terminal)

    def redeem(self, stan: int, points: int, *, card: int = 0, terminal: int = TERMINAL) -> Posting:
        return self.request(Kind.REDEEM, stan, points=-points, card=card, terminal=terminal)

    def reversal(
        self, stan: int, original: int, *, card: int | None = 0, terminal: int = TERMINAL
    ) -> Posting:
        return self.request(Kind.REVERSAL, stan, original=original, card=card, terminal=terminal)

    def status(self, stan: int, original: int, *, card: int = 0, terminal: int = TERMINAL) -> Posting:
        return self.request(Kind.STATUS, stan, original=original, card=card, terminal=terminal)

    def use(
        self, stan: int, *quotas: QuotaLeg, card: int = 0, terminal: int = TERMINAL, discount: int = 0
    ) -> Posting:
        """A benefit used at a price of 100 zł before the discount."""
        posting = self.request(Kind.BENEFIT_USE, stan, card=card, terminal=terminal)
        posting.counter_account = account_id(PARTNER, AccountKind.PARTNER_USES)
        posting.offer = 5
        posting.amount_grosze = 10_000
        posting.discount_grosze = discount
        posting.quotas = quotas
        return posting

    def per_card(self, quota: int, allowed: int, *, card: int = 0, period: int = 20_000) -> QuotaLeg:
        return QuotaLeg(self.accounts[card], quota, period, allowed)

    def refund(
        self,
        stan: int,
        original: int,
        amount: int,
        *,
        card: int | None = 0,
        terminal: int = TERMINAL,
        sold_at: int = TERMINAL,
    ) -> Posting:
        posting = self.request(Kind.REFUND, stan, original=original, card=card, terminal=terminal)
        posting.original_terminal = sold_at
        posting.amount_grosze = amount
        posting.digest ^= amount << 8 | sold_at << 40
        posting.may_go_below = True
        return posting

    def balance_request(self, stan: int, *, card: int = 0) -> Posting:
        return self.request(Kind.BALANCE, stan, card=card)

    async def post_all(self, postings: list[Posting]) -> list[Outcome]:
        return await self.database.run(lambda connection: post(connection, postings, buckets=self.buckets))

    async def post(self, posting: Posting) -> Outcome:
        (outcome,) = await self.post_all([posting])
        return outcome

    async def balance(self, card: int = 0) -> int:
        return (await self.post(self.balance_request(1_000_000 + card, card=card))).balance

    async def count(self, table: str) -> int:
        found: int = await self.database.run(
            lambda connection: connection.fetchval(f"select count(*) from ledger.{table}")
        )
        return found
