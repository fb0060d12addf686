"""A connection that trio drives itself: its answers, errors and limits, over TLS as without."""

import errno
import os
import signal
from collections.abc import Iterator
from typing import Any

import pytest
import trio
import trio.testing

from ledger.errors import DatabaseUnavailable, StatementRefused
from ledger.postgres.database import Bell, Connection, Database, call_soon, open_database
from ledger.postgres.session import Session
from tests.debian_postgres import DebianPostgres
from tests.patience import HANG_S
from tests.tls_postgres import tls_dsn, tls_postgres

LARGE = 12_000_000
"""More than the buffers of any socket."""


@pytest.fixture(scope="module")
def tls_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DebianPostgres]:
    with tls_postgres(tmp_path_factory.mktemp("tls")) as server:
        yield server


@pytest.fixture(params=["plain", "tls"])
def ledger_dsn(request: pytest.FixtureRequest) -> str:
    """The owner's; each test runs over both."""
    if request.param == "plain":
        found: str = request.getfixturevalue("fresh").owner_dsn
        return found
    return tls_dsn(request.getfixturevalue("tls_server"), sslmode="require")


@pytest.fixture
def service_dsn(ledger_dsn: str) -> str:
    """The same: no rights are in question here."""
    return ledger_dsn


async def test_answers_and_refusals(database: Database) -> None:
    """A refused statement leaves the connection as it was; the next is answered over it."""
    session = database.session()
    assert await session.run(lambda c: c.fetchval("select $1::int + 1", 4)) == 5
    backend = session.backend
    with pytest.raises(StatementRefused):
        await session.run(lambda c: c.fetchval("select 1 / $1::int", 0))
    assert await session.run(lambda c: c.fetchval("select pg_backend_pid()")) == backend == session.backend


async def test_more_than_a_socket_holds_goes_both_ways(database: Database) -> None:
    """Arguments and answers larger than the kernel's buffers come whole."""
    session = database.session()
    text = "x" * LARGE
    with trio.fail_after(HANG_S):
        assert await session.run(lambda c: c.fetchval("select $1::text", text), timeout_s=HANG_S) == text


async def test_what_the_server_says_besides_comes_before_its_answer(database: Database) -> None:
    """A warning that changes what a commit means is heard before the commit is taken for done."""
    session = database.session()
    heard: list[str] = []

    async def job(connection: Connection) -> None:
        connection.add_log_listener(lambda _, message: heard.append(message.message))
        for number in range(20):
            await connection.execute(f"do $$ begin raise warning 'number {number}'; end $$")
            assert heard[-1] == f"number {number}"

    await session.run(job)
    assert len(heard) == 20


async def test_a_doubtful_commit_raises(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the server warns that what it reports may not last, the outcome is unknown."""
    monkeypatch.setattr("ledger.postgres.session.is_doubtful", lambda message: "may not" in message.message)
    session = database.session()
    with pytest.raises(DatabaseUnavailable, match="unknown outcome"):
        await session.run(lambda c: c.execute("do $$ begin raise warning 'may not last'; end $$"))


async def test_who_is_cancelled_in_a_transaction_leaves_at_once(
    database: Database, owner: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The connection is given up, nothing of the transaction lasts, and the session goes on with another."""
    monkeypatch.setattr("ledger.postgres.session.PROBE_S_MAX", HANG_S)
    session = database.session()

    async def job(connection: Connection) -> None:
        async with connection.transaction():
            await connection.execute("select pg_sleep(600)")

    with trio.fail_after(HANG_S), trio.CancelScope() as scope:
        async with trio.open_nursery() as nursery:

            @nursery.start_soon
            async def cancel() -> None:
                asked = "select count(*) from pg_stat_activity where query = 'select pg_sleep(600)'"
                while not await owner.run(lambda c: c.fetchval(asked)):  # noqa: ASYNC110
                    await trio.sleep(0.02)
                scope.cancel()

            await session.run(job, timeout_s=None)
    assert scope.cancelled_caught
    assert not session.is_connected
    left = session._left[:]
    with trio.fail_after(HANG_S):
        assert await session.run(lambda c: c.fetchval("select pg_backend_pid()")) not in left
    assert (len(left), session._left, session.connects) == (1, [], 2)
    await owner.run(lambda c: c.execute("select pg_terminate_backend($1)", left[0]))


def test_ctrl_c_in_a_transaction_is_no_loss_of_a_connection(service_dsn: str) -> None:
    """Whoever interrupts is told so, whatever asyncpg says of the transaction it could not end."""

    async def job(connection: Connection) -> None:
        async with connection.transaction():
            signal.raise_signal(signal.SIGINT)
            await connection.execute("select pg_sleep(600)")

    async def main() -> list[str]:
        async with open_database(service_dsn) as database:
            session = database.session()
            try:
                await session.run(job, timeout_s=HANG_S)
            except (KeyboardInterrupt, DatabaseUnavailable) as error:
                assert not session.is_connected
                return [type(error).__name__]
            return []

    assert trio.run(main) == ["KeyboardInterrupt"]


async def test_who_was_cancelled_before_asks_nothing(database: Database) -> None:
    """What is sent is done: of a job that comes too late nothing is."""
    session, begun = database.session(), list[bool]()
    await session.run(lambda c: c.execute("select 1"))

    async def job(connection: Connection) -> None:
        begun.append(True)
        await connection.execute("select 1")

    with trio.CancelScope() as scope:
        scope.cancel()
        await session.run(job)
    assert scope.cancelled_caught
    assert begun == []


async def test_a_time_limit_ends_a_job(database: Database) -> None:
    """Past its limit the connection is gone, and the outcome is unknown."""
    session = database.session()
    await session.run(lambda c: c.execute("select 1"))  # the limit is not its connecting's
    with trio.fail_after(HANG_S), pytest.raises(DatabaseUnavailable, match=r"within 0\.2 s"):
        await session.run(lambda c: c.execute("select pg_sleep(600)"), timeout_s=0.2)
    assert await session.run(lambda c: c.fetchval("select 1")) == 1


async def test_a_guest_asks_within_the_job_of_another(database: Database) -> None:
    """Both connections answer within one job; past its limit the guest's is gone, and the host's goes on."""
    host, guest = database.session(), database.session()

    async def job(connection: Connection) -> list[int]:
        joined = await guest.join(HANG_S)
        found = [await guest.limit(joined.fetchval("select $1::int", 7), HANG_S)]
        with pytest.raises(DatabaseUnavailable, match=r"within 0\.2 s"):
            await guest.limit(joined.execute("select pg_sleep(600)"), 0.2)
        guest.terminate()
        found.append(await connection.fetchval("select 8"))
        joined = await guest.join(HANG_S)
        return [*found, await guest.limit(joined.fetchval("select 9"), HANG_S)]

    with trio.fail_after(HANG_S):
        assert await host.run(job, timeout_s=None) == [7, 8, 9]
    assert (host.connects, guest.connects) == (1, 2)


END = "select pg_terminate_backend($1, 60000)"


async def test_a_backend_ended_between_two_jobs(database: Database, owner: Database) -> None:
    """That it took leave is seen before anything is asked of it: the next job has another connection."""
    session = database.session()
    await session.run(lambda c: c.execute("select 1"))
    await owner.run(lambda c: c.execute(END, session.backend))
    with trio.fail_after(HANG_S):
        assert await session.run(lambda c: c.fetchval("select 1")) == 1
    assert session.connects == 2


async def test_a_backend_ended_within_a_statement(database: Database, owner: Database) -> None:
    """The outcome is unknown; the next job has another connection."""
    session = database.session()
    await session.run(lambda c: c.execute("select 1"))
    with trio.fail_after(HANG_S), pytest.raises(DatabaseUnavailable):
        await session.run(
            lambda c: c.execute("select pg_terminate_backend(pg_backend_pid()), pg_sleep(600)"),
            timeout_s=HANG_S,
        )
    assert await session.run(lambda c: c.fetchval("select 1")) == 1


async def test_a_bell_wakes_a_job_and_what_is_due_comes_first(database: Database) -> None:
    """What a job leaves for later is called before it waits, or at its end; a bell wakes it."""
    session, bell, heard = database.session(), Bell(), list[Any]()

    async def job(connection: Connection) -> None:
        await connection.execute("select 1")
        call_soon(heard.append, "while it waits")
        heard.append(await bell.wait())
        call_soon(heard.append, "at its end")

    async with trio.open_nursery() as nursery:
        nursery.start_soon(session.run, job)
        with trio.fail_after(HANG_S):
            while heard != ["while it waits"]:  # noqa: ASYNC110
                await trio.sleep(0.01)
        bell.ring(for_work=False)
    await trio.testing.wait_all_tasks_blocked()
    assert heard == ["while it waits", False, "at its end"]


async def test_no_descriptor_left_for_it_is_no_end_of_its_user(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What goes wrong while a connection is taken over is a loss like another; the next job has one."""

    def short(_: object) -> bool:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    session = database.session()
    with monkeypatch.context() as patched:
        patched.setattr("ledger.postgres.straight.StraightConnection.go_straight", short)
        with pytest.raises(DatabaseUnavailable):
            await session.run(lambda c: c.fetchval("select 1"))
    assert await session.run(lambda c: c.fetchval("select 1")) == 1


async def test_a_connection_ended_before_it_is_taken_over(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ended by another task between its making and the job: unknown, and the next job has another."""
    session = database.session()
    opened = Session._open

    async def ended(self: Session, connect_s: float) -> None:
        await opened(self, connect_s)
        self.terminate()

    with monkeypatch.context() as patched:
        patched.setattr(Session, "_open", ended)
        with pytest.raises(DatabaseUnavailable, match="as soon as it was made"):
            await session.run(lambda c: c.fetchval("select 1"))
    assert await session.run(lambda c: c.fetchval("select 1")) == 1


async def test_no_descriptor_stays_behind(database: Database) -> None:
    """Connections that come and go over the bridge and straight leave no socket open."""
    session = database.session()
    await session.run(lambda c: c.fetchval("select 1"))
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(10):
        session.terminate()
        assert await session.run(lambda c: c.fetchval("select 1")) == 1
    await trio.testing.wait_all_tasks_blocked()
    assert len(os.listdir("/proc/self/fd")) <= before


async def test_ended_in_the_moment_of_its_answer(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Terminated by another task in the turn in which its socket can be read: a lost connection, no fault."""
    session = database.session()
    await session.run(lambda c: c.fetchval("select 1"))
    wait = trio.lowlevel.wait_readable

    async def late(found: object) -> None:
        await wait(found)  # type: ignore[arg-type]
        session.terminate()

    with monkeypatch.context() as patched:
        patched.setattr("ledger.postgres.straight.trio.lowlevel.wait_readable", late)
        with pytest.raises(DatabaseUnavailable) as found:
            await session.run(lambda c: c.fetchval("select 1"))
    assert "AssertionError" not in str(found.value)
