"""Random requests, in random batches, against a model of a page: the ledger answers as the model does."""

import itertools
from collections import Counter
from dataclasses import dataclass, field, replace

import pytest
import trio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ledger.books import result_codes as codes
from ledger.books.posting import (
    ANY_ACCOUNT,
    NO_LIMIT,
    PUT_OFF,
    AccountKind,
    Kind,
    Outcome,
    Posting,
    QuotaLeg,
    account_id,
    bucket_of,
)
from ledger.books.transaction_ids import TransactionIds
from ledger.books.verify import verify
from ledger.postgres.database import Database, open_database
from tests.ledger.books import NOW_MS, Books, write_registry
from tests.postgres import FreshDatabase

CARDS = 3
STANS = 7
UNKNOWN, ANY = CARDS, CARDS + 1
"""A card the registry does not know; and, for a reference, one that this worker does not know yet."""
SUSPENDED_FOR_NOW = 13


STEP = 1_000
Answer = tuple[int, int, int, int]
"""Code, points, balance, what remains of the tightest quota."""
Key = tuple[int, int, int]
"""A quota as the model knows it: owner, number, and, where it is held in shares, the bucket."""


@dataclass(frozen=True)
class Entry:
    """What the model keeps of one id; digest None: a tombstone."""

    kind: int
    account: int
    code: int
    points: int
    balance: int
    digest: int | None
    original: int
    remaining: int = NO_LIMIT
    paid: int = 0
    step: int = 0
    uses: tuple[Key, ...] = ()


@dataclass
class Refunds:
    """What the refunds of a sale came to."""

    grosze: int = 0
    points: int = 0


@dataclass
class Model:
    """The rules of the books, for one terminal. Buckets show in the shares of wide quotas only."""

    buckets: int
    balances: dict[int, int] = field(default_factory=dict)
    journal: dict[int, Entry] = field(default_factory=dict)
    reversed: set[int] = field(default_factory=set)
    refunds: dict[int, Refunds] = field(default_factory=dict)
    used: Counter[Key] = field(default_factory=Counter)
    limits: dict[Key, int] = field(default_factory=dict)

    def ask(self, posting: Posting) -> Answer:
        """What the ledger has to answer."""
        if posting.kind == Kind.BALANCE:
            return posting.code, 0, self.balances.get(posting.account, 0), NO_LIMIT
        if posting.kind == Kind.QUOTE:
            code, points, remaining = (posting.code, 0, NO_LIMIT) if posting.code else self.judge(posting)
            return code, points, self.balances.get(posting.account, 0) + points, remaining
        if posting.kind == Kind.STATUS:
            return (posting.code or self.status(posting)), 0, 0, NO_LIMIT
        stored = self.journal.get(posting.stan)
        if stored is not None:
            if stored.digest not in (None, posting.digest):
                return codes.STAN_CONFLICT, 0, 0, NO_LIMIT
            return stored.code, stored.points, stored.balance, stored.remaining
        if posting.code in PUT_OFF:
            return posting.code, 0, 0, NO_LIMIT
        account, code, points, remaining = self.decide(posting)
        uses = self.keys(posting) if code == codes.APPROVED else ()
        self.used.update(uses)
        return self.enter(posting.stan, account, code, points, remaining, posting, uses)

    def enter(
        self,
        stan: int,
        account: int,
        code: int,
        points: int,
        remaining: int,
        posting: Posting | None = None,
        uses: tuple[Key, ...] = (),
    ) -> Answer:
        """Keep a row; without a posting it is a tombstone."""
        balance = self.balances.get(account, 0) + points
        if account:
            self.balances[account] = balance
        self.journal[stan] = Entry(
            posting.kind if posting else Kind.TOMBSTONE,
            account,
            code,
            points,
            balance,
            posting.digest if posting else None,
            posting.original_stan if posting else 0,
            remaining,
            max(posting.amount_grosze - posting.discount_grosze, 0) if posting else 0,
            posting.step_grosze if posting else 0,
            uses,
        )
        return code, points, balance, remaining

    def keys(self, posting: Posting) -> tuple[Key, ...]:
        home = bucket_of(posting.account, self.buckets)
        return tuple((leg.owner, leg.quota, home if leg.owner & 7 else 0) for leg in posting.quotas)

    def judge(self, posting: Posting) -> tuple[int, int, int]:
        """Code, points and what remains of the tightest quota, for a request of its own."""
        if posting.points < 0 and self.balances[posting.account] + posting.points < 0:
            return codes.POINTS_INSUFFICIENT, 0, NO_LIMIT
        rests = []
        for leg, key in zip(posting.quotas, self.keys(posting), strict=True):
            part, odd = divmod(leg.uses_allowed, self.buckets) if leg.owner & 7 else (leg.uses_allowed, 0)
            self.limits[key] = part + (key[2] < odd)
            rests.append(self.limits[key] - self.used[key])
        if rests and min(rests) < 1:
            return codes.QUOTA_USED_UP, 0, 0
        return codes.APPROVED, posting.points, min(rests) - 1 if rests else NO_LIMIT

    def give_back(self, uses: tuple[Key, ...]) -> int:
        """Return what remains of the tightest of these quotas."""
        self.used.subtract(uses)
        return min((self.limits[key] - self.used[key] for key in uses), default=NO_LIMIT)

    def settle(self, posting: Posting) -> bool:
        """Leave a tombstone if the original was never seen."""
        if posting.original_stan in self.journal:
            return False
        account = max(posting.account, 0)
        self.enter(posting.original_stan, account, codes.ORIGINAL_CANCELLED, 0, NO_LIMIT)
        return True

    def names_another(self, posting: Posting) -> bool:
        original = self.journal[posting.original_stan]
        return posting.account != ANY_ACCOUNT and original.account not in (0, posting.account)

    def status(self, posting: Posting) -> int:
        if posting.original_stan >= posting.stan:
            return codes.ORIGINAL_MISMATCH
        if self.settle(posting):
            return codes.STAN_UNKNOWN
        if self.names_another(posting):
            return codes.ORIGINAL_MISMATCH
        is_settled = self.journal[posting.original_stan].digest is None
        return codes.STAN_UNKNOWN if is_settled else codes.APPROVED

    def decide(self, posting: Posting) -> tuple[int, int, int, int]:
        """The account of the entry, its code, its points, and what remains."""
        if posting.code:
            return max(posting.account, 0), posting.code, 0, NO_LIMIT
        if posting.kind == Kind.REVERSAL:
            return self.reverse(posting)
        if posting.kind == Kind.REFUND:
            return self.refund(posting)
        return (posting.account, *self.judge(posting))

    def refund(self, posting: Posting) -> tuple[int, int, int, int]:
        if posting.original_stan >= posting.stan:
            return 0, codes.ORIGINAL_MISMATCH, 0, NO_LIMIT
        if posting.original_stan not in self.journal:
            return max(posting.account, 0), codes.ORIGINAL_UNKNOWN, 0, NO_LIMIT
        if self.names_another(posting):
            return 0, codes.ORIGINAL_MISMATCH, 0, NO_LIMIT
        sale = self.journal[posting.original_stan]
        if sale.code or sale.original or sale.points < 0 or posting.original_stan in self.reversed:
            return sale.account, codes.ORIGINAL_NOT_REFUNDABLE, 0, NO_LIMIT
        so_far = self.refunds.get(posting.original_stan)
        before = so_far or Refunds()
        left = sale.paid - before.grosze - posting.amount_grosze
        if not posting.amount_grosze and sale.paid:
            return sale.account, codes.AMOUNT_ZERO, 0, NO_LIMIT
        if left < 0 or (not posting.amount_grosze and so_far):
            return sale.account, codes.REFUND_OVER_SALE, 0, NO_LIMIT
        points = 0
        if sale.step:
            points = left // sale.step - sale.points - before.points
        elif not left:
            points = -sale.points
        if points < 0 and not posting.may_go_below and self.balances[sale.account] + points < 0:
            return sale.account, codes.POINTS_INSUFFICIENT, 0, NO_LIMIT
        self.refunds[posting.original_stan] = Refunds(sale.paid - left, before.points + points)
        remaining = NO_LIMIT if left else self.give_back(sale.uses)
        return sale.account, codes.APPROVED, points, remaining

    def reverse(self, posting: Posting) -> tuple[int, int, int, int]:
        if posting.original_stan >= posting.stan:
            return 0, codes.ORIGINAL_MISMATCH, 0, NO_LIMIT
        if self.settle(posting):
            return max(posting.account, 0), codes.APPROVED_ORIGINAL_UNSEEN, 0, NO_LIMIT
        if self.names_another(posting):
            return 0, codes.ORIGINAL_MISMATCH, 0, NO_LIMIT
        original = self.journal[posting.original_stan]
        if original.original:
            return original.account, codes.ORIGINAL_NOT_REVERSIBLE, 0, NO_LIMIT
        refunds = self.refunds.get(posting.original_stan)
        is_refunded = refunds is not None and refunds.grosze == original.paid
        if original.code or is_refunded or posting.original_stan in self.reversed:
            return original.account, codes.APPROVED_NOTHING_TO_REVERSE, 0, NO_LIMIT
        self.reversed.add(posting.original_stan)
        points = -original.points - (refunds.points if refunds else 0)
        return original.account, codes.APPROVED, points, self.give_back(original.uses)


@dataclass(frozen=True)
class Request:
    kind: Kind
    stan: int
    original: int
    card: int
    points: int
    code: int


KINDS = [
    *[Kind.EARN, Kind.EARN, Kind.EARN_ADVICE, Kind.REDEEM, Kind.BENEFIT_USE, Kind.BENEFIT_USE],
    *[Kind.BENEFIT_ADVICE, Kind.REFUND, Kind.REFUND, Kind.QUOTE],
    *[Kind.REVERSAL, Kind.REVERSAL, Kind.STATUS, Kind.BALANCE],
]
REFERENCES = (Kind.REVERSAL, Kind.STATUS, Kind.REFUND)
USES = (Kind.BENEFIT_USE, Kind.BENEFIT_ADVICE, Kind.QUOTE)
requests = st.builds(
    Request,
    kind=st.sampled_from(KINDS),
    stan=st.integers(1, STANS),
    original=st.integers(1, STANS),
    card=st.sampled_from([*range(CARDS), *range(CARDS), UNKNOWN, ANY]),
    points=st.integers(0, 6),
    code=st.sampled_from([0, 0, 0, 0, 45, SUSPENDED_FOR_NOW]),
)


def batches(given_requests: list[Request]) -> list[list[Request]]:
    """Cut the list where a request shares an id with its batch, as the committer does; cards may repeat.

    What names no card goes alone: nobody can tell beforehand whose order it has to keep.
    """
    cut: list[list[Request]] = []
    taken: set[int] = set()
    for request in given_requests:
        keys = {request.stan}
        if request.kind in REFERENCES:
            keys.add(request.original)
        if not cut or keys & taken or ANY in (request.card, cut[-1][-1].card):
            cut.append([])
            taken = set()
        cut[-1].append(request)
        taken |= keys
    return cut


# Every example has a terminal and cards of its own in one database; transaction ids are unique over all
# of them.
terminals = itertools.count(1000)
ids = TransactionIds(1)
clock = itertools.count(NOW_MS)


async def new_books(database: Database, terminal: int, buckets: int) -> Books:
    accounts = [8 * (terminal * CARDS + card) for card in range(CARDS)]
    insert = """insert into ledger.account (bucket, id)
        select ledger.bucket_of(id, $2), id from unnest($1::bigint[]) as a(id)"""
    await database.run(lambda connection: connection.execute(insert, accounts, buckets))
    return Books(database, accounts, ids, clock, buckets)


def answer(outcome: Outcome) -> Answer:
    return outcome.code, outcome.points, outcome.balance, outcome.remaining


def quotas_of(account: int, terminal: int, pattern: int) -> tuple[QuotaLeg, ...]:
    """None, one or several quotas: of the card (one use, two uses), of all cards together (three uses)."""
    one, two = QuotaLeg(account, 40, 20_000, 1), QuotaLeg(account, 41, 24_000, 2)
    wide = QuotaLeg(account_id(1, AccountKind.ORGANISER), terminal << 3, 2026, 3)
    return ((), (one,), (two,), (one, two), (wide,), (two, wide), (two,))[pattern]


def made(books: Books, r: Request, terminal: int) -> Posting:
    is_reference = r.kind in REFERENCES
    is_known = r.card < CARDS
    signs = {Kind.EARN: 1, Kind.EARN_ADVICE: 1, Kind.REDEEM: -1}
    posting = books.request(
        r.kind,
        r.stan,
        points=signs.get(r.kind, 0) * r.points,
        card=r.card if is_known else None,
        original=r.original if is_reference else 0,
        code=r.code or (0 if is_known or is_reference else 41),
        terminal=terminal,
    )
    if is_reference and r.card == ANY:
        posting.account = ANY_ACCOUNT
    if r.kind in USES:
        posting.quotas = quotas_of(posting.account, terminal, r.points) if is_known else ()
        posting.amount_grosze, posting.discount_grosze = 3 * STEP, STEP * (r.points % 4)
        posting.points = -2 if r.points == len(signs) * 2 else 0
    elif r.kind == Kind.REFUND:
        posting.original_terminal, posting.may_go_below = terminal, r.original % 2 == 0
        posting.amount_grosze = r.points * STEP
    elif r.kind == Kind.EARN:
        posting.step_grosze = STEP
    posting.digest ^= r.points
    return posting


async def compare(dsn: str, given_requests: list[Request], buckets: int) -> None:
    terminal = next(terminals)
    async with open_database(dsn, connections_max=1) as database:
        books = await new_books(database, terminal, buckets)
        model = Model(buckets, dict.fromkeys(books.accounts, 0))
        for batch in batches(given_requests):
            postings = [made(books, r, terminal) for r in batch]
            known = {r.stan: replace(model.journal[r.original]) for r in batch if r.original in model.journal}
            outcomes = await books.post_all(postings)
            assert [answer(outcome) for outcome in outcomes] == [model.ask(posting) for posting in postings]
            for posting, outcome in zip(postings, outcomes, strict=True):
                if outcome.original is not None:
                    entry = known[posting.stan]
                    stored = (entry.code, entry.points, entry.balance, entry.remaining)
                    assert answer(outcome.original) == stored
                    assert outcome.original.original_stan == entry.original
        found = await database.run(
            lambda c: c.fetch("select id, balance from ledger.account where id = any($1)", books.accounts)
        )
        assert {row["id"]: row["balance"] for row in found} == model.balances
        await compare_quotas(database, books.accounts, terminal, model.used)
        for finding in await database.run(verify):
            assert finding.count == 0, finding


async def compare_quotas(database: Database, accounts: list[int], terminal: int, used: Counter[Key]) -> None:
    """Of the accounts and of this example's wide quota as much is used as the model says."""
    query = """select owner, quota, case when owner & 7 = 0 then 0 else bucket end, -balance from ledger.quota
        where balance <> 0 and (owner = any($1) or quota = $2)"""
    rows = await database.run(lambda connection: connection.fetch(query, accounts, terminal << 3))
    assert {tuple(row)[:3]: row[3] for row in rows} == {key: count for key, count in used.items() if count}


@pytest.mark.parametrize("buckets", [1, 4, 8])
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(requests, min_size=1, max_size=25))
def test_the_ledger_answers_as_the_model(
    fresh: FreshDatabase, buckets: int, given_requests: list[Request]
) -> None:
    """For any list of requests and any number of buckets: every answer is the model's, balances agree, and
    the books verify.
    """

    async def run() -> None:
        async with open_database(fresh.owner_dsn, connections_max=1) as owner:
            layout = "update registry.layout set buckets = $1 where buckets <> $1"
            await owner.run(lambda connection: write_registry(connection, layout, buckets))
        await compare(fresh.owner_dsn, given_requests, buckets)

    trio.run(run)
