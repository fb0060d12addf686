"""What the way to the database promises: time limits that hold, hosts that are raced, errors that are
closed types.
"""

import pytest
import trio

from ledger.errors import DatabaseMisconfigured, DatabaseUnavailable, StatementRefused
from ledger.postgres.database import Connection, Database, open_database
from ledger.postgres.embedded import EmbeddedPostgres
from tests.ledger.books import Books
from tests.ledger.test_races import Rival, wait_blocked
from tests.patience import HANG_S
from tests.postgres import FreshDatabase


async def test_a_dead_host_does_not_hinder_the_living(
    fresh: FreshDatabase, postgres: EmbeddedPostgres
) -> None:
    """Of two hosts, one of them dead, the living one is found."""
    dsn = f"postgresql://cityswitch_owner@/{fresh.name}?host=/nonexistent,{postgres.socket_directory}"
    async with open_database(dsn) as database:
        assert (
            await database.run(lambda connection: connection.fetchval("select current_database()"))
            == fresh.name
        )


async def test_all_hosts_dead() -> None:
    """When no host answers, it is said."""
    async with open_database("postgresql://u@/x?host=/nonexistent,/neither") as database:
        with pytest.raises(DatabaseUnavailable, match="does not answer"):
            await database.run(lambda connection: connection.fetchval("select 1"))


async def test_a_server_that_refuses_a_login_is_named(
    fresh: FreshDatabase, postgres: EmbeddedPostgres
) -> None:
    """Which role is to exist at which server, for Postgres' words name no server and seldom the cause."""
    place = postgres.socket_directory
    async with open_database(f"postgresql://nobody_here@/{fresh.name}?host={place}&port=5432") as database:
        with pytest.raises(
            DatabaseMisconfigured, match=f"role nobody_here is to exist at {place}:5432 with the password"
        ):
            await database.run(lambda connection: connection.fetchval("select 1"))


async def test_a_job_past_its_limit_loses_its_connection(owner: Database, database: Database) -> None:
    """A job that waits for a lock too long is of unknown outcome; the next one gets a new connection."""
    books = await Books.open(owner, database, cards=1)
    rival = Rival(database)
    await rival.begin(books.earn(1, 5))
    session = database.session()
    await session.run(lambda connection: connection.execute("select 1"))  # the limit is not its connecting's

    async def wait(connection: Connection) -> None:
        await connection.execute("select from ledger.account for update")

    async with trio.open_nursery() as nursery:

        async def late() -> None:
            with pytest.raises(DatabaseUnavailable, match=r"within 0\.2 s"):
                await session.run(wait, timeout_s=0.2)

        nursery.start_soon(late)
        await wait_blocked(owner, rival.pid)
    assert not session.is_connected
    await rival.commit()
    assert await session.run(lambda connection: connection.fetchval("select 1")) == 1
    assert session.connects == 2


async def test_a_limit_ends_with_its_job(database: Database) -> None:
    """A connection is not ended later for a job that was in time, nor for the time between jobs."""
    session = database.session()
    for _ in range(2):
        assert await session.run(lambda connection: connection.fetchval("select 1"), timeout_s=HANG_S) == 1
        session.end_overdue(trio.current_time() + 2 * HANG_S)  # as the watch would, long after the limit
    assert session.connects == 1
    assert session.is_connected


@pytest.mark.parametrize(("outer_s", "inner_s"), [(0.2, 2 * HANG_S), (2 * HANG_S, 0.2)])
async def test_of_two_limits_the_nearer_holds(database: Database, outer_s: float, inner_s: float) -> None:
    """A limit inside a job that has one cannot lengthen it."""
    session = database.session()
    with trio.fail_after(HANG_S), pytest.raises(DatabaseUnavailable):
        await session.run(
            lambda connection: session.limit(connection.execute("select pg_sleep(600)"), inner_s),
            timeout_s=outer_s,
        )
    assert not session.is_connected


async def test_a_cancelled_job_gives_its_slot_back(database: Database) -> None:
    """A cancelled job leaks neither its connection nor its place in the pool."""
    for _ in range(5):
        with trio.move_on_after(0.01):
            await database.run(lambda connection: connection.execute("select pg_sleep(10)"))
    assert await database.run(lambda connection: connection.fetchval("select 1")) == 1


async def test_errors_of_data_are_not_those_of_the_connection(database: Database) -> None:
    """A refused statement keeps the connection and names the SQLSTATE."""
    session = database.session()
    with pytest.raises(StatementRefused) as caught:
        await session.run(lambda connection: connection.execute("select 1 / 0"))
    assert caught.value.sqlstate == "22012"
    assert await session.run(lambda connection: connection.fetchval("select 1")) == 1
    assert session.connects == 1


async def test_the_callers_own_errors_pass(service_dsn: str) -> None:
    """What is raised inside the block leaves it as it is, not wrapped in a group."""
    with pytest.raises(KeyError, match="mine"):
        async with open_database(service_dsn):
            raise KeyError("mine")


async def test_whatever_is_raised_over_a_lost_connection_is_its_loss(database: Database) -> None:
    """asyncpg meets parts of itself that are gone: AttributeError instead of an error of its own."""

    async def lose(connection: Connection) -> None:
        connection.terminate()
        raise AttributeError("'NoneType' object has no attribute 'bind_execute'")

    with pytest.raises(DatabaseUnavailable, match="the connection was lost: AttributeError"):
        await database.run(lose)
    assert await database.run(lambda connection: connection.fetchval("select 1")) == 1


async def test_a_session_terminated_beside_its_job_is_lost_to_it(database: Database) -> None:
    """Who doubts a batch drops the connection under the job that waits on it: whatever the job meets then is
    that loss, and no fault of the program.
    """
    session = database.session()

    async def lose(_: Connection) -> None:
        session.terminate()
        raise AttributeError("'NoneType' object has no attribute 'get_settings'")

    with pytest.raises(DatabaseUnavailable, match="the connection was lost: AttributeError"):
        await session.run(lose)
    assert await session.run(lambda connection: connection.fetchval("select 1")) == 1
