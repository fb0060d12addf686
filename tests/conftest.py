"""Fixtures all tests may use; those of the database are described in tests/postgres.py."""

import os
import signal
import sys
from collections.abc import AsyncIterator, Iterator

import pytest
from hypothesis import HealthCheck, settings

from ledger.postgres import fitness
from ledger.postgres.database import Database, open_database
from ledger.postgres.embedded import EmbeddedPostgres
from tests.citus import CitusServer
from tests.days import clear_of_midnight
from tests.in_memory import keep_temporary_files_in_memory
from tests.postgres import FreshDatabase, Server

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A shell starts what runs in the background so, and every process of a test would inherit it.
    signal.signal(signal.SIGINT, signal.default_int_handler)

keep_temporary_files_in_memory()
# The commands that tests start, thousands of them, find our modules compiled, as those of an installation do.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

# A property is kept or broken, whatever the machine does besides: no example is late, no drawing of one slow.
settings.register_profile("counted", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("counted")


@pytest.fixture(autouse=True)
def within_a_day() -> None:
    """A test begins and ends on one day: what counts by the day or the month counts on."""
    clear_of_midnight()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--on-citus", action="store_true", help="make the databases of tests on Citus")


def pytest_configure(config: pytest.Config) -> None:
    """Refuse what would fail in a hundred other words: two processes that make roles and rights on one Citus
    meet in the catalogue of its servers ("tuple concurrently updated").
    """
    if config.getoption("--on-citus") and config.getoption("numprocesses", None):
        raise pytest.UsageError("--on-citus is for one process: pytest -n 0, make test TEST_PROCESSES=0")


@pytest.fixture(scope="session")
def postgres_server(
    tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config
) -> Iterator[Server]:
    make = CitusServer if pytestconfig.getoption("--on-citus") else Server
    server = make(tmp_path_factory.mktemp("postgres"))
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def postgres(postgres_server: Server) -> EmbeddedPostgres:
    if postgres_server.embedded is None:
        pytest.skip("CITYSWITCH_TEST_DSN is set: there is no embedded server")
    return postgres_server.embedded


@pytest.fixture
def fresh(postgres_server: Server) -> Iterator[FreshDatabase]:
    made = postgres_server.create()
    yield made
    postgres_server.drop(made)


@pytest.fixture
def ledger_dsn(fresh: FreshDatabase) -> str:
    return fresh.owner_dsn


@pytest.fixture
def service_dsn(fresh: FreshDatabase) -> str:
    return fresh.service_dsn


@pytest.fixture
async def database(service_dsn: str) -> AsyncIterator[Database]:
    async with open_database(service_dsn, connections_max=4) as opened:
        yield opened


@pytest.fixture
async def owner(ledger_dsn: str) -> AsyncIterator[Database]:
    async with open_database(ledger_dsn, connections_max=2) as opened:
        yield opened


@pytest.fixture
def patient_locks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sessions that are opened from now on wait for a lock as long as it takes."""
    monkeypatch.setattr(fitness, "_SET", fitness._SET.replace("lock_timeout = '5s'", "lock_timeout = '0'"))
