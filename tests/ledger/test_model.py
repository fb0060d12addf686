"""Random requests over few ids, in random batches, against the store in memory: every answer is the same.

The store (`simulators.world.memory`) is the specification of the books; here hypothesis looks for the
shortest list of requests that Postgres answers otherwise.
"""

import itertools
from dataclasses import dataclass

import pytest
import trio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from ledger.books.batch import post
from ledger.books.posting import ANY_ACCOUNT, AccountKind, Kind, Posting, QuotaLeg, account_id
from ledger.books.transaction_ids import TransactionIds
from ledger.books.verify import verify
from ledger.postgres.database import Database, open_database
from simulators.world.memory.connection import MemoryConnection
from simulators.world.memory.ledger import MemoryLedger
from tests.ledger.books import NOW_MS, Books, write_registry
from tests.postgres import FreshDatabase

CARDS = 3
STANS = 7
UNKNOWN, ANY = CARDS, CARDS + 1
"""A card the registry does not know; and, for a reference, one that this worker does not know yet."""
SUSPENDED_FOR_NOW = 13


STEP = 1_000


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
    """Cut the list where a request shares an id with its batch, as the committer does; cards may repeat."""
    cut: list[list[Request]] = []
    taken: set[int] = set()
    for request in given_requests:
        keys = {request.stan}
        if request.kind in REFERENCES:
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


async def new_books(database: Database, terminal: int, buckets: int) -> Books:
    accounts = [8 * (terminal * CARDS + card) for card in range(CARDS)]
    insert = """insert into ledger.account (bucket, id)
        select ledger.bucket_of(id, $2), id from unnest($1::bigint[]) as a(id)"""
    await database.run(lambda connection: connection.execute(insert, accounts, buckets))
    return Books(database, accounts, ids, clock, buckets)


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
    model = MemoryLedger(buckets)
    memory = MemoryConnection(model, None, "model")
    async with open_database(dsn, connections_max=1) as database:
        books = await new_books(database, terminal, buckets)
        for account in books.accounts:
            model.open_account(account)
        for batch in batches(given_requests):
            postings = [made(books, r, terminal) for r in batch]
            copies = [replace(posting) for posting in postings]
            assert await books.post_all(postings) == await post(memory, copies, buckets=buckets)
        assert await balances(database, books.accounts) == {a: model.balance(a) for a in books.accounts}
        assert await quotas(database, books.accounts, terminal) == {
            (bucket.number, *key): row.balance
            for bucket in model.buckets
            for key, row in bucket.quotas.rows.items()
            if row.balance
        }
        for finding in await database.run(verify):
            assert finding.count == 0, finding
        assert model.check() == []


async def balances(database: Database, accounts: list[int]) -> dict[int, int]:
    query = "select id, balance from ledger.account where id = any($1)"
    return {row["id"]: row["balance"] for row in await database.run(lambda c: c.fetch(query, accounts))}


async def quotas(database: Database, accounts: list[int], terminal: int) -> dict[tuple[int, ...], int]:
    """What was used of the accounts' quotas and of this example's wide one."""
    query = """select bucket, owner, quota, period, balance from ledger.quota
        where balance <> 0 and (owner = any($1) or quota = $2)"""
    rows = await database.run(lambda c: c.fetch(query, accounts, terminal << 3))
    return {tuple(row)[:4]: row["balance"] for row in rows}


@pytest.mark.parametrize("buckets", [1, 4, 8])
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(requests, min_size=1, max_size=25))
def test_the_ledger_answers_as_the_store_in_memory(
    fresh: FreshDatabase, buckets: int, given_requests: list[Request]
) -> None:
    """For any list of requests and any number of buckets: every answer is the same in every field, balances
    and quotas agree, and both books are proved.
    """

    async def run() -> None:
        async with open_database(fresh.owner_dsn, connections_max=1) as owner:
            layout = "update registry.layout set buckets = $1 where buckets <> $1"
            await owner.run(lambda connection: write_registry(connection, layout, buckets))
        await compare(fresh.owner_dsn, given_requests, buckets)

    trio.run(run)
