"""Random requests, in random batches, against a model of a page: the ledger answers as the model does."""

import itertools
from dataclasses import dataclass, field, replace

import trio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ledger.books import result_codes as codes
from ledger.books.posting import Kind, Outcome, Posting
from ledger.books.transaction_ids import TransactionIds
from ledger.books.verify import verify
from ledger.postgres.database import Database, open_database
from tests.ledger.books import NOW_MS, Books
from tests.postgres import FreshDatabase

CARDS = 3
STANS = 7


@dataclass(frozen=True)
class Entry:
    """What the model keeps of one id; digest None: a tombstone."""

    kind: int
    account: int
    code: int
    points: int
    balance: int
    digest: int | None


@dataclass
class Model:
    """The rules of design.md, "The ledger", for one terminal."""

    balances: dict[int, int] = field(default_factory=dict)
    journal: dict[int, Entry] = field(default_factory=dict)
    reversed: set[int] = field(default_factory=set)

    def ask(self, posting: Posting) -> tuple[int, int, int]:
        """Code, points and balance of the answer."""
        held = self.balances[posting.account]
        if posting.kind == Kind.BALANCE:
            return posting.code, 0, held
        if posting.kind == Kind.STATUS:
            return (posting.code or self.status(posting)), 0, 0
        stored = self.journal.get(posting.stan)
        if stored is not None:
            if stored.digest not in (None, posting.digest):
                return codes.STAN_CONFLICT, 0, 0
            return stored.code, stored.points, stored.balance
        code, points = self.decide(posting)
        self.balances[posting.account] = held + points
        entry = Entry(posting.kind, posting.account, code, points, held + points, posting.digest)
        self.journal[posting.stan] = entry
        return code, points, entry.balance

    def settle(self, posting: Posting) -> bool:
        """Leave a tombstone if the original was never seen."""
        if posting.original_stan in self.journal:
            return False
        held = self.balances[posting.account]
        self.journal[posting.original_stan] = Entry(
            Kind.TOMBSTONE, posting.account, codes.ORIGINAL_CANCELLED, 0, held, None
        )
        return True

    def status(self, posting: Posting) -> int:
        if self.settle(posting):
            return codes.STAN_UNKNOWN
        original = self.journal[posting.original_stan]
        return codes.ORIGINAL_MISMATCH if original.account != posting.account else codes.APPROVED

    def decide(self, posting: Posting) -> tuple[int, int]:
        if posting.code:
            return posting.code, 0
        if posting.kind != Kind.REVERSAL:
            if posting.points < 0 and self.balances[posting.account] + posting.points < 0:
                return codes.POINTS_INSUFFICIENT, 0
            return codes.APPROVED, posting.points
        if posting.original_stan == posting.stan:
            return codes.ORIGINAL_NOT_REVERSIBLE, 0
        if self.settle(posting):
            return codes.APPROVED_ORIGINAL_UNSEEN, 0
        original = self.journal[posting.original_stan]
        if original.account != posting.account:
            return codes.ORIGINAL_MISMATCH, 0
        if original.kind == Kind.REVERSAL:
            return codes.ORIGINAL_NOT_REVERSIBLE, 0
        if original.code or posting.original_stan in self.reversed:
            return codes.APPROVED_NOTHING_TO_REVERSE, 0
        self.reversed.add(posting.original_stan)
        return codes.APPROVED, -original.points


@dataclass(frozen=True)
class Request:
    kind: Kind
    stan: int
    original: int
    card: int
    points: int
    code: int


requests = st.builds(
    Request,
    kind=st.sampled_from(
        [
            Kind.EARN,
            Kind.EARN,
            Kind.EARN_ADVICE,
            Kind.REDEEM,
            Kind.REVERSAL,
            Kind.REVERSAL,
            Kind.STATUS,
            Kind.BALANCE,
        ]
    ),
    stan=st.integers(1, STANS),
    original=st.integers(1, STANS),
    card=st.integers(0, CARDS - 1),
    points=st.integers(0, 6),
    code=st.sampled_from([0, 0, 0, 0, 45]),
)


def batches(given_requests: list[Request]) -> list[list[Request]]:
    """Cut the list where a request shares a card or an id with its batch, as the committer does."""
    cut: list[list[Request]] = []
    taken: set[object] = set()
    for request in given_requests:
        keys: set[object] = {("card", request.card), request.stan}
        if request.kind in (Kind.REVERSAL, Kind.STATUS):
            keys.add(request.original)
        if not cut or keys & taken:
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


async def new_books(database: Database, terminal: int) -> Books:
    accounts = [8 * (terminal * CARDS + card) for card in range(CARDS)]
    insert = "insert into ledger.account (bucket, id) select 0, unnest($1::bigint[])"
    await database.run(lambda connection: connection.execute(insert, accounts))
    return Books(database, accounts, ids, clock)


def answer(outcome: Outcome) -> tuple[int, int, int]:
    return outcome.code, outcome.points, outcome.balance


async def compare(dsn: str, given_requests: list[Request]) -> None:
    terminal = next(terminals)
    async with open_database(dsn, connections_max=1) as database:
        books = await new_books(database, terminal)
        model = Model(balances=dict.fromkeys(books.accounts, 0))
        for batch in batches(given_requests):
            postings = [
                books.request(
                    r.kind,
                    r.stan,
                    points={Kind.REDEEM: -r.points, Kind.REVERSAL: 0}.get(r.kind, r.points),
                    card=r.card,
                    original=r.original if r.kind in (Kind.REVERSAL, Kind.STATUS) else 0,
                    code=r.code,
                    terminal=terminal,
                )
                for r in batch
            ]
            known = {r.stan: replace(model.journal[r.original]) for r in batch if r.original in model.journal}
            outcomes = await books.post_all(postings)
            assert [answer(outcome) for outcome in outcomes] == [model.ask(posting) for posting in postings]
            for posting, outcome in zip(postings, outcomes, strict=True):
                if outcome.original is not None and outcome.code == codes.APPROVED:
                    entry = known[posting.stan]
                    assert answer(outcome.original) == (entry.code, entry.points, entry.balance)
        found = await database.run(
            lambda c: c.fetch("select id, balance from ledger.account where id = any($1)", books.accounts)
        )
        assert {row["id"]: row["balance"] for row in found} == model.balances
        for finding in await database.run(verify):
            assert finding.count == 0, finding


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(requests, min_size=1, max_size=25))
def test_the_ledger_answers_as_the_model(fresh: FreshDatabase, given_requests: list[Request]) -> None:
    """For any list of requests: every answer is the model's, balances agree, and the books verify."""
    trio.run(compare, fresh.owner_dsn, given_requests)
