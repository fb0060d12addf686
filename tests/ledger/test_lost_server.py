"""A batch over several servers of which one does not answer: who needs it is told to try again, alone."""

from typing import Any

import pytest
import trio
from trio.testing import MockClock

from ledger.books.batch import CLAIM, HOMES, post_batch
from ledger.books.posting import AccountKind, Answers, Kind, Posting, account_id, bucket_of
from ledger.books.result_codes import TRY_AGAIN
from ledger.books.shard_map import LOST_S, ShardMap
from ledger.engine.shards import Server
from ledger.errors import ServerLost

BUCKETS = 4


def sale(number: int, *, original_terminal: int = 0) -> Posting:
    kind = Kind.REFUND if original_terminal else Kind.EARN
    return Posting(
        number, 1 + number % 7, number, kind, number << 3, account_id(7, AccountKind.PARTNER_ISSUED), 5, 100,
        number, 0, 1 if original_terminal else 0, 1, 0, 0, original_terminal=original_terminal,
    )  # fmt: skip


def numbers(literal: str) -> list[int]:
    return [int(word) for word in literal.strip("{}").split(",")]


class Servers:
    """Every bucket's server, of which those of `lost` do not answer what `statements` begin with."""

    def __init__(self, lost: set[int], statements: tuple[str, ...] = ("",)) -> None:
        self.lost, self.statements = lost, statements
        self.posted: dict[int, list[int]] = {}

    async def ask(self, statement: str, bucket: int, *arguments: Any) -> tuple[Any, ...]:
        if bucket in self.lost and statement.startswith(self.statements):
            raise ServerLost("it does not answer")
        if statement is CLAIM:
            homes = numbers(arguments[2])
            return homes, [0] * len(homes)
        if statement is HOMES:
            return ([0] * len(numbers(arguments[0])),)
        ids = numbers(arguments[1])
        self.posted[bucket] = ids
        return list(range(1, len(ids) + 1)), [0] * len(ids), [5] * len(ids), [None] * len(ids), None


async def told(servers: Servers, batch: list[Posting]) -> dict[int, int]:
    """The code of each posting, by its STAN; each is answered once."""
    found: dict[int, int] = {}

    def take(answers: Answers) -> None:
        for posting, outcome in answers:
            assert posting.stan not in found
            found[posting.stan] = outcome.code

    await post_batch(servers.ask, BUCKETS, batch, take)
    return found


@pytest.mark.parametrize("statements", [("",), ("select homes",), ("select places",)])
async def test_only_who_needs_the_lost_server_is_put_off(statements: tuple[str, ...]) -> None:
    """Whether claims, postings or both cannot be had of it: the others are posted, all are answered."""
    batch = [sale(number) for number in range(1, 60)]
    homes = {each.stan: bucket_of(each.account, BUCKETS) for each in batch}
    claimed = {each.stan: bucket_of(each.terminal << 3, BUCKETS) for each in batch}
    found = await told(Servers({2}, statements), list(batch))
    claims, posts = statements != ("select places",), statements != ("select homes",)
    for stan, code in found.items():
        is_put_off = (claims and claimed[stan] == 2) or (posts and homes[stan] == 2)
        assert code == (TRY_AGAIN if is_put_off else 0)
    assert set(found) == set(homes)
    assert set(found.values()) == {0, TRY_AGAIN}


async def test_a_refund_waits_for_the_server_of_its_sale() -> None:
    """Where a sale stands cannot be asked: its refund claims nothing and is told to try again."""
    sold_at = next(number for number in range(1, 99) if bucket_of(number << 3, BUCKETS) == 3)
    servers = Servers({3}, ("select ledger.homes",))
    found = await told(servers, [sale(1), sale(2, original_terminal=sold_at)])
    assert found == {1: 0, 2: TRY_AGAIN}
    assert list(servers.posted.values()) == [[1]]


async def test_a_lost_server_is_left_alone_for_a_second(autojump_clock: MockClock) -> None:
    """What does not answer is not asked again at once; another server is."""
    servers = ShardMap([])
    servers.lose(Server("a", 1))
    assert servers.is_lost(Server("a", 1))
    assert not servers.is_lost(Server("b", 1))
    await trio.sleep(LOST_S)
    assert not servers.is_lost(Server("a", 1))
