"""Owns the way of one batch into the books, over all its buckets.

With one bucket a batch is one statement. With more, an id has to stand in exactly one place whatever its
card: first it is claimed in the bucket of its terminal, for the bucket of its card, and whoever uses it again
is sent where it stands (ARCHITECTURE.md, "An id stands once"). Each statement commits by itself, and each may
be repeated: what has been done is found done. Knows nothing of connections or retries.
"""

import re
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, TypeAlias

from ledger.books.posting import NOT_JOURNALLED, PUT_OFF, Answers, Outcome, Posting, bucket_of, no_effect
from ledger.books.result_codes import ORIGINAL_CANCELLED, STAN_CONFLICT, TRY_AGAIN
from ledger.books.rows import POST_BATCH, array_literal, columns, outcomes
from ledger.errors import DatabaseContended, ServerLost
from ledger.postgres.database import Connection

Ask: TypeAlias = Callable[..., Awaitable[Sequence[Any]]]
"""Puts one statement, with its arguments, and returns its row."""
CLAIM: Final = (
    "select homes, states from ledger.claim_v1($1, $2::text::int[], $3::text::int[], $4::text::int[],"
    " $5::text::bigint[], $6::text::int[], $7::text::boolean[], $8::text::boolean[])"
)
HOMES: Final = "select ledger.homes_v1($1, $2::text::int[], $3::text::int[])"
STATEMENTS: Final = (POST_BATCH, CLAIM, HOMES)
_STANDS, _IS_ANOTHERS, _IS_SETTLED = 0, 1, 2
_RACED: Final = frozenset({"journal_pkey", "reversal_pkey", "claim_pkey"})
"""Two workers entered one id at once: the loser was rolled back whole."""
RACES_MAX: Final = 5


async def post_batch(
    ask: Ask, buckets: int, postings: list[Posting], on_answers: Callable[[Answers], object]
) -> None:
    """Post a batch of any buckets; its answers are handed out as they come, each posting's once.

    No id, own or original's, twice in a batch. Raises DatabaseContended where other workers entered its ids
    again and again, else what asyncpg raises; what is not answered then may be sent again.
    """
    if buckets == 1:
        await _post(ask, 0, 1, postings, on_answers)
        return
    for home, part in (await _claim(ask, buckets, postings, on_answers)).items():
        await _post(ask, home, buckets, part, on_answers)


async def _post(
    ask: Ask, bucket: int, buckets: int, postings: list[Posting], on_answers: Callable[[Answers], object]
) -> None:
    while postings:
        try:
            answer = await _put(ask, POST_BATCH, bucket, buckets, *columns(postings))
        except ServerLost:  # the other buckets go on
            on_answers(_put_off(postings))
            return
        done, postings = outcomes(postings, answer)
        on_answers(done)


def _put_off(postings: list[Posting]) -> Answers:
    """What is told where a server is lost: nothing is known, and the others go on."""
    return [(posting, no_effect(posting, TRY_AGAIN)) for posting in postings]


async def _put(ask: Ask, statement: str, *arguments: object) -> Sequence[Any]:
    """Put a statement until no other worker enters one of its ids meanwhile: the next try finds it there."""
    for _ in range(RACES_MAX):
        try:
            return await ask(statement, *arguments)
        except Exception as error:
            # A shard's constraints have its number at their ends.
            if re.sub("_[0-9]+$", "", getattr(error, "constraint_name", None) or "") not in _RACED:
                raise
            lost = error
    raise DatabaseContended(str(lost)) from lost


async def _claim(
    ask: Ask, buckets: int, postings: list[Posting], on_answers: Callable[[Answers], object]
) -> dict[int, list[Posting]]:
    """Find where each id stands; answer what is another's, return the rest by bucket, in the order given."""
    home_of: dict[int, int] = {}
    refused: Answers = []
    sales, unknown = await _homes_of_sales(ask, buckets, postings)
    refused += _put_off(unknown)
    passed_over = set(map(id, unknown))
    asked = [posting for posting in postings if id(posting) not in passed_over]
    for bucket, part in _by_bucket(asked, buckets).items():
        part.sort(key=lambda posting: (posting.terminal, posting.stan))
        try:
            homes, states = await _put(ask, CLAIM, bucket, *_claims(part, buckets, sales))
        except ServerLost:
            refused += _put_off(part)
            continue
        for posting, home, state in zip(part, homes, states, strict=True):
            if state == _IS_ANOTHERS:
                refused.append((posting, no_effect(posting, STAN_CONFLICT)))
                continue
            if state == _IS_SETTLED:
                posting.code = ORIGINAL_CANCELLED
            home_of[id(posting)] = home
    if refused:
        on_answers(refused)
    found: dict[int, list[Posting]] = {}
    for posting in postings:
        if id(posting) in home_of:
            found.setdefault(home_of[id(posting)], []).append(posting)
    return found


async def _homes_of_sales(
    ask: Ask, buckets: int, postings: list[Posting]
) -> tuple[dict[int, int], list[Posting]]:
    """Where the sales stand that are to be refunded, of whatever terminal, by id() of the refund; and the
    refunds of which that cannot be asked now.
    """
    refunds: dict[int, list[Posting]] = {}
    for posting in postings:
        if posting.original_terminal and not posting.code:
            refunds.setdefault(bucket_of(posting.original_terminal << 3, buckets), []).append(posting)
    found: dict[int, int] = {}
    unknown: list[Posting] = []
    for bucket, part in refunds.items():
        sales = zip(*((posting.original_terminal, posting.original_stan) for posting in part), strict=True)
        try:
            (homes,) = await ask(HOMES, bucket, *map(array_literal, sales))
        except ServerLost:
            unknown += part
            continue
        found.update(
            (id(posting), home) for posting, home in zip(part, homes, strict=True) if home is not None
        )
    return found, unknown


def _by_bucket(postings: list[Posting], buckets: int) -> dict[int, list[Posting]]:
    parts: dict[int, list[Posting]] = {}
    for posting in postings:
        parts.setdefault(bucket_of(posting.terminal << 3, buckets), []).append(posting)
    return parts


def _claims(postings: list[Posting], buckets: int, sales: dict[int, int]) -> list[str]:
    rows = [
        (
            posting.terminal,
            posting.stan,
            sales.get(id(posting), bucket_of(max(posting.account, 0), buckets)),
            posting.digest,
            0 if posting.code or posting.original_terminal else posting.original_stan,
            posting.kind not in NOT_JOURNALLED,
            posting.code not in PUT_OFF,
        )
        for posting in postings
    ]
    return [array_literal(column) for column in zip(*rows, strict=True)]


async def post(connection: Connection, postings: list[Posting], *, buckets: int = 1) -> list[Outcome]:
    """Post one batch and return the outcomes in the order given, for single use (desk, tests).

    No id, own or original's, twice in it. Raises DatabaseContended, or what asyncpg raises; `Database.run`
    turns that into closed types.
    """
    found: dict[int, Outcome] = {}

    def keep(answers: Answers) -> None:
        found.update((id(posting), outcome) for posting, outcome in answers)

    await post_batch(connection.fetchrow, buckets, postings, keep)
    return [found[id(posting)] for posting in postings]
