"""Random requests, in random batches, against a model of a page: the ledger answers as the model does."""

import itertools
from dataclasses import dataclass, field, replace

import pytest
import trio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ledger.books import result_codes as codes
from ledger.books.posting import ANY_ACCOUNT, PUT_OFF, Kind, Outcome, Posting
from ledger.books.transaction_ids import TransactionIds
from ledger.books.verify import verify
from ledger.postgres.database import Database, open_database
from tests.ledger.books import NOW_MS, Books
from tests.postgres import FreshDatabase

CARDS = 3
STANS = 7
UNKNOWN, ANY = CARDS, CARDS + 1
"""A card the registry does not know; and, for a reference, one that this worker does not know yet."""
SUSPENDED_FOR_NOW = 13


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


@dataclass
class Model:
    """The rules of the books, for one terminal. Knows nothing of buckets: they may not show."""

    balances: dict[int, int] = field(default_factory=dict)
    journal: dict[int, Entry] = field(default_factory=dict)
    reversed: set[int] = field(default_factory=set)

    def ask(self, posting: Posting) -> tuple[int, int, int]:
        """Code, points and balance of the answer."""
        if posting.kind == Kind.BALANCE:
            return posting.code, 0, self.balances.get(posting.account, 0)
        if posting.kind == Kind.STATUS:
            return (posting.code or self.status(posting)), 0, 0
        stored = self.journal.get(posting.stan)
        if stored is not None:
            if stored.digest not in (None, posting.digest):
                return codes.STAN_CONFLICT, 0, 0
            return stored.code, stored.points, stored.balance
        if posting.code in PUT_OFF:
            return posting.code, 0, 0
        account, code, points = self.decide(posting)
        return self.enter(posting, posting.stan, account, code, points, posting.digest)

    def enter(
        self, posting: Posting, stan: int, account: int, code: int, points: int, digest: int | None
    ) -> tuple[int, int, int]:
        balance = self.balances.get(account, 0) + points
        if account:
            self.balances[account] = balance
        kind, original = (posting.kind, posting.original_stan) if digest is not None else (Kind.TOMBSTONE, 0)
        self.journal[stan] = Entry(kind, account, code, points, balance, digest, original)
        return code, points, balance

    def settle(self, posting: Posting) -> bool:
        """Leave a tombstone if the original was never seen."""
        if posting.original_stan in self.journal:
            return False
        account = max(posting.account, 0)
        self.enter(posting, posting.original_stan, account, codes.ORIGINAL_CANCELLED, 0, None)
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

    def decide(self, posting: Posting) -> tuple[int, int, int]:
        """The account of the entry, its code, and its points."""
        if posting.code:
            return max(posting.account, 0), posting.code, 0
        if posting.kind == Kind.REVERSAL:
            return self.reverse(posting)
        if posting.points < 0 and self.balances[posting.account] + posting.points < 0:
            return posting.account, codes.POINTS_INSUFFICIENT, 0
        return posting.account, codes.APPROVED, posting.points

    def reverse(self, posting: Posting) -> tuple[int, int, int]:
        if posting.original_stan >= posting.stan:
            return 0, codes.ORIGINAL_MISMATCH, 0
        if self.settle(posting):
            return max(posting.account, 0), codes.APPROVED_ORIGINAL_UNSEEN, 0
        if self.names_another(posting):
            return 0, codes.ORIGINAL_MISMATCH, 0
        original = self.journal[posting.original_stan]
        if original.kind == Kind.REVERSAL:
            return original.account, codes.ORIGINAL_NOT_REVERSIBLE, 0
        if original.code or posting.original_stan in self.reversed:
            return original.account, codes.APPROVED_NOTHING_TO_REVERSE, 0
        self.reversed.add(posting.original_stan)
        return original.account, codes.APPROVED, -original.points


@dataclass(frozen=True)
class Request:
    kind: Kind
    stan: int
    original: int
    card: int
    points: int
    code: int


KINDS = [
    *[Kind.EARN, Kind.EARN, Kind.EARN_ADVICE, Kind.REDEEM],
    *[Kind.REVERSAL, Kind.REVERSAL, Kind.STATUS, Kind.BALANCE],
]
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
        if request.kind in (Kind.REVERSAL, Kind.STATUS):
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


def answer(outcome: Outcome) -> tuple[int, int, int]:
    return outcome.code, outcome.points, outcome.balance


def made(books: Books, r: Request, terminal: int) -> Posting:
    is_reference = r.kind in (Kind.REVERSAL, Kind.STATUS)
    is_known = r.card < CARDS
    posting = books.request(
        r.kind,
        r.stan,
        points={Kind.REDEEM: -r.points, Kind.REVERSAL: 0, Kind.BALANCE: 0}.get(r.kind, r.points),
        card=r.card if is_known else None,
        original=r.original if is_reference else 0,
        code=r.code or (0 if is_known or is_reference else 41),
        terminal=terminal,
    )
    if is_reference and r.card == ANY:
        posting.account = ANY_ACCOUNT
    return posting


async def compare(dsn: str, given_requests: list[Request], buckets: int) -> None:
    terminal = next(terminals)
    async with open_database(dsn, connections_max=1) as database:
        books = await new_books(database, terminal, buckets)
        model = Model(balances=dict.fromkeys(books.accounts, 0))
        for batch in batches(given_requests):
            postings = [made(books, r, terminal) for r in batch]
            known = {r.stan: replace(model.journal[r.original]) for r in batch if r.original in model.journal}
            outcomes = await books.post_all(postings)
            assert [answer(outcome) for outcome in outcomes] == [model.ask(posting) for posting in postings]
            for posting, outcome in zip(postings, outcomes, strict=True):
                if outcome.original is not None:
                    entry = known[posting.stan]
                    assert answer(outcome.original) == (entry.code, entry.points, entry.balance)
                    assert outcome.original.original_stan == entry.original
        found = await database.run(
            lambda c: c.fetch("select id, balance from ledger.account where id = any($1)", books.accounts)
        )
        assert {row["id"]: row["balance"] for row in found} == model.balances
        for finding in await database.run(verify):
            assert finding.count == 0, finding


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
            await owner.run(lambda connection: connection.execute(layout, buckets))
        await compare(fresh.owner_dsn, given_requests, buckets)

    trio.run(run)
