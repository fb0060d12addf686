"""What transaction ids promise, and that the ledger's codes are the protocol's."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.books import result_codes
from ledger.books.transaction_ids import NODES, SEQUENCES, TransactionIds, claim_node, first_id, time_ms
from ledger.errors import DatabaseUnavailable
from ledger.postgres.database import Connection, Database
from protocol import ResultCode


@given(st.lists(st.integers(0, (1 << 41) - 100), min_size=1, max_size=50), st.integers(0, NODES - 1))
def test_ids_strictly_increase_whatever_the_clock_does(clock: list[int], node: int) -> None:
    """The clock may stand or be set back; ids still rise, carry their node, and fit 63 bits."""
    ids = TransactionIds(node)
    made = [ids.next(now_ms) for now_ms in clock]
    assert all(low < high for low, high in pairwise(made))
    assert all(made_id >> 12 & (NODES - 1) == node for made_id in made)
    assert max(made) < 1 << 63


def test_a_full_millisecond_carries_into_the_next() -> None:
    """More ids in one millisecond than there are sequence numbers go on in the next one."""
    ids = TransactionIds(3)
    made = [ids.next(1000) for _ in range(SEQUENCES + 1)]
    assert made == sorted(set(made))
    assert [time_ms(made[-2]), time_ms(made[-1])] == [1000, 1001]
    assert first_id(1000) <= made[0] < first_id(1001) <= made[-1]


@pytest.mark.parametrize("node", [-1, NODES])
def test_nodes_have_bounds(node: int) -> None:
    """A node number has ten bits."""
    with pytest.raises(ValueError, match="node must be"):
        TransactionIds(node)


async def test_nodes_are_unique_among_live_workers(database: Database) -> None:
    """Two live workers never share a number; a dead one's is free again; preferred numbers are tried
    first.
    """
    one, two = database.session(), database.session()
    first = await one.run(claim_node)
    assert await two.run(lambda connection: claim_node(connection, first)) != first
    one.terminate()
    three = database.session()

    async def reclaim(connection: Connection) -> int:
        while await connection.fetchval(
            "select count(*) from pg_locks where locktype = 'advisory' and objid = $1", first
        ):
            pass
        return await claim_node(connection, first)

    assert await three.run(reclaim) == first


async def test_all_nodes_taken(database: Database, owner: Database) -> None:
    """When every number is taken, that is said."""
    everything = "select count(pg_try_advisory_lock(1667854708, n)) from generate_series(0, 1023) n"
    session = owner.session()
    await session.run(lambda connection: connection.execute(everything))
    with pytest.raises(DatabaseUnavailable, match="too many workers"):
        await database.run(claim_node)


def test_the_codes_are_the_protocols() -> None:
    """Neither part imports the other; the numbers are the same."""
    codes = {name: value for name, value in vars(result_codes).items() if name.isupper()}
    assert codes
    for name, value in codes.items():
        assert ResultCode[name] == value
