"""Backup and restore to a moment amid load, on Debian's Postgres 15; what becomes of lost transactions."""

import json
import stat
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Final, NamedTuple

import pytest
import trio

from ledger.postgres.database import Connection, Database, open_database
from ledger.postgres.migrate import migrate
from ledger.registry.secrets import MasterKey
from ops.cli import main
from ops.deploy.backup import NOTE, PARTIAL, apart, find_program, take_away, whole_backups
from ops.errors import CommandError
from ops.exit_codes import Exit
from protocol import Earn, Refund, Reply, ResultCode, Reversal, SignOn, SignOnReply, TransactionReply
from protocol import Status as StatusRequest
from switch.config import Config
from switch.process.supervisor import Switch, serving
from tests.debian_postgres import DebianPostgres, debian_postgres, need_debian_postgres, restored
from tests.entries import SWIPED
from tests.patience import HANG_S, UNHURRIED
from tests.switch.city import seed
from tests.switch.memory import CARD, Line

EACH: Final = 30
"""Sales of each terminal before the moment, and as many after it."""
ROLE = "create role cityswitch_owner login createrole password 'secret'"
COUNTS = """
select (select count(*) from ledger.journal), (select coalesce(sum(points), 0)::bigint from ledger.journal),
    (select count(*) from ledger.posting),
    (select balance from ledger.account a join registry.card c on a.id = c.account)"""
COUNTS_AS_OF = """
select count(*), coalesce(sum(points), 0)::bigint,
    (select count(*) from ledger.posting where pg_xact_commit_timestamp(xmin) <= $1),
    coalesce(sum(points), 0)::bigint
  from ledger.journal where pg_xact_commit_timestamp(xmin) <= $1"""


class Lost(NamedTuple):
    """The server that was lost: the moment, what it held then and at its end, what terminals were told."""

    moment: datetime
    then: tuple[int, ...]
    at_the_end: tuple[int, ...]
    told: dict[int, dict[int, Reply]]


class Restored(NamedTuple):
    """The server that was restored, and where its settings and files lie."""

    server: DebianPostgres
    folder: Path
    lost: Lost


def dsn(server: DebianPostgres, role: str = "cityswitch_owner") -> str:
    """The books of a server; every role has the same password here, and `password` names it."""
    return f"postgresql://{role}@127.0.0.1:{server.port}/cityswitch"


@pytest.fixture(scope="module", autouse=True)
def password() -> Iterator[None]:
    """The password where no command line shows it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PGPASSWORD", "secret")
        yield


def config_of(server: DebianPostgres, folder: Path) -> Config:
    """Settings of a switch on that server, which hurries nobody."""
    return Config(
        dsn=dsn(server, "cityswitch_service"), state_dir=str(folder / "state"), listen_port=0, http_port=0,
        master_key_file=str(folder / "master.key"), **UNHURRIED,  # type: ignore[arg-type]
    )  # fmt: skip


def earn(stan: int) -> Earn:
    """A sale of 50 zł, the same whenever it is asked."""
    return Earn(stan=stan, terminal_time=0, card=CARD, entry=SWIPED, amount=5_000)


async def row(database: Database, query: str, *arguments: object) -> tuple[int, ...]:
    """The one row of a query."""

    async def job(connection: Connection) -> tuple[int, ...]:
        return tuple(await connection.fetchrow(query, *arguments))

    return await database.run(job)


async def found(server: DebianPostgres, folder: Path) -> None:
    """A database with its books, its registry and a role that may make backups."""
    admin = f"postgresql://postgres:administrator@127.0.0.1:{server.port}/"

    async def run(at: str, *statements: str) -> None:
        async with open_database(at, connections_max=1) as database:
            for statement in statements:
                await database.run(lambda c, statement=statement: c.execute(statement))

    await run(admin + "postgres", ROLE, "create database cityswitch owner cityswitch_owner")
    await migrate(dsn(server))
    await run(
        admin + "cityswitch",
        "alter role cityswitch_service password 'secret'",
        "create role cityswitch_backup login replication password 'secret'",
    )
    async with open_database(dsn(server), connections_max=1) as owner:
        await seed(owner, MasterKey.create(folder / "master.key"))


@asynccontextmanager
async def line_of(switch: Switch, terminal: int) -> AsyncIterator[Line]:
    """A signed-on connection."""
    async with await trio.open_tcp_stream("127.0.0.1", switch.port) as stream:
        line = Line(stream, terminal)
        assert await line.sign_in()
        yield line


async def trade(server: DebianPostgres, folder: Path) -> Lost:
    """Two terminals sell without a pause; amid their sales the moment is noted, and they go on."""
    told: dict[int, dict[int, Reply]] = {1: {}, 2: {}}
    over, news = trio.Event(), trio.lowlevel.ParkingLot()

    async def sell(switch: Switch, terminal: int) -> None:
        async with line_of(switch, terminal) as line:
            while not over.is_set():
                stan = len(told[terminal]) + 1
                told[terminal][stan] = reply = await line.ask(earn(stan))
                assert reply.code == ResultCode.APPROVED
                news.unpark_all()

    async def until(is_so: Callable[[], bool]) -> None:
        with trio.fail_after(HANG_S):
            while not is_so():
                await news.park()

    async with serving(config_of(server, folder)) as switch, open_database(dsn(server)) as database:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(sell, switch, 1)
            nursery.start_soon(sell, switch, 2)
            await until(lambda: min(map(len, told.values())) >= EACH)
            (moment,) = await row(database, "select clock_timestamp()")
            counted = {terminal: len(replies) for terminal, replies in told.items()}
            await until(lambda: all(len(told[each]) >= counted[each] + EACH for each in told))
            over.set()
        then = await row(database, COUNTS_AS_OF, moment)
        at_the_end = await row(database, COUNTS)
    return Lost(moment, then, at_the_end, told)  # type: ignore[arg-type]


async def until_it_says(at: str, query: str, *arguments: object) -> None:
    """Ask a server again and again until it says yes."""
    async with open_database(at, connections_max=1) as database:
        with trio.fail_after(HANG_S):
            while not (await row(database, query, *arguments))[0]:  # noqa: ASYNC110 - it sends no word of it
                await trio.sleep(0.05)


async def archive_all(server: DebianPostgres) -> None:
    """Have the log archived as far as it was written."""
    admin = f"postgresql://postgres:administrator@127.0.0.1:{server.port}/postgres"
    async with open_database(admin, connections_max=1) as database:
        (name,) = await row(database, "select pg_walfile_name(pg_switch_wal())")
    await until_it_says(admin, "select last_archived_wal >= $1 from pg_stat_archiver", name)


async def until_promoted(server: DebianPostgres) -> None:
    """Wait until the restored server takes writes."""
    await until_it_says(dsn(server), "select not pg_is_in_recovery()")


@pytest.fixture(scope="module")
def after_the_loss(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Restored]:
    """A server backed up, traded on and lost, restored to a moment amid the trade, its key beside it."""
    need_debian_postgres()
    folder, safe = tmp_path_factory.mktemp("lost"), tmp_path_factory.mktemp("restored")
    backups = folder / "backups"
    with debian_postgres(is_archiving=True) as server:
        trio.run(found, server, folder)
        place = ["--master-key-file", str(folder / "master.key"), "--json"]
        replication = dsn(server, "cityswitch_backup")
        assert main(["backup", "make", "--to", str(backups), "--dsn", replication, *place]) == Exit.OK
        assert (
            main(["backup", "key", "--to", str(safe / "master.key"), "--dsn", dsn(server), *place]) == Exit.OK
        )
        lost = trio.run(trade, server, folder)
        trio.run(archive_all, server)
        (backup,) = whole_backups(backups)
        with restored(backup, server.archive, lost.moment.isoformat()) as again:
            trio.run(until_promoted, again)
            yield Restored(again, safe, lost)


def test_the_books_are_those_of_the_moment(
    after_the_loss: Restored, capsys: pytest.CaptureFixture[str]
) -> None:
    """Restored to a moment amid load: `ledger verify` is clean; counts and balances are that moment's."""
    server, folder, lost = after_the_loss

    async def look() -> tuple[int, ...]:
        async with open_database(dsn(server)) as database:
            return await row(database, COUNTS)

    assert 2 * EACH <= lost.then[0] <= lost.at_the_end[0] - 2 * EACH
    assert trio.run(look) == lost.then
    place = ["--dsn", dsn(server), "--master-key-file", str(folder / "master.key")]
    assert main(["ledger", "verify", "--json", *place]) == Exit.OK
    found = json.loads(capsys.readouterr().out)
    assert len(found) > 15
    assert [each for each in found if each["count"]] == []


def test_what_becomes_of_stans_after_a_restore(after_the_loss: Restored) -> None:
    """A lost sale asked again posts once; asked about or reversed it never does; a kept one is replayed."""
    server, folder, lost = after_the_loss

    async def play() -> None:
        async with (
            serving(config_of(server, folder)) as switch,
            open_database(dsn(server), connections_max=1) as database,
            line_of(switch, 1) as line,
        ):
            (kept,) = await row(database, "select max(stan) from ledger.journal where terminal = 1")
            before = (await row(database, COUNTS))[0]
            told = lost.told[1]
            assert kept + 5 < max(told)
            card = {"terminal_time": 0, "card": CARD, "entry": SWIPED}

            assert await line.ask(earn(kept)) == told[kept]

            again = await line.ask(earn(kept + 1))
            assert isinstance(again, TransactionReply)
            assert again.code == ResultCode.APPROVED
            assert again.transaction_id != told[kept + 1].transaction_id  # type: ignore[union-attr]
            assert await line.ask(earn(kept + 1)) == again

            stan = max(told) + 1
            status = await line.ask(StatusRequest(stan=stan, original_stan=kept + 2, **card))
            assert status.code == ResultCode.STAN_UNKNOWN
            assert (await line.ask(earn(kept + 2))).code == ResultCode.ORIGINAL_CANCELLED

            undone = await line.ask(Reversal(stan=stan + 1, original_stan=kept + 3, **card))
            assert undone.code == ResultCode.APPROVED_ORIGINAL_UNSEEN
            assert (await line.ask(earn(kept + 3))).code == ResultCode.ORIGINAL_CANCELLED

            refund = Refund(stan=stan + 2, original_terminal=1, original_stan=kept + 4, amount=5_000, **card)
            assert (await line.ask(refund)).code == ResultCode.ORIGINAL_UNKNOWN

            signed_on = await line.ask(
                SignOn(stan=stan + 3, terminal_time=0, software="test 1", language="pl", offers_after=0)
            )
            assert isinstance(signed_on, SignOnReply)
            assert signed_on.last_stan > kept

            assert (await line.ask(earn(stan + 4))).code == ResultCode.APPROVED
            assert (await row(database, COUNTS))[0] > before

    trio.run(play)
    place = ["--dsn", dsn(server), "--master-key-file", str(folder / "master.key")]
    assert main(["ledger", "verify", *place]) == Exit.OK


def test_a_backup_says_what_it_is_and_holds_no_key(after_the_loss: Restored) -> None:
    """Its note names the master key it needs without giving it away; the key's copy is its owner's alone."""
    _, folder, _ = after_the_loss
    (backup,) = whole_backups(folder.parent / next(folder.parent.glob("lost*")) / "backups")
    note = json.loads(backup.with_name(f"{backup.name}-{NOTE}").read_text())
    key = folder / "master.key"
    assert note["master_key_check"] == MasterKey.load(key).check_value.hex()
    assert note["size_bytes"] > 1_000_000
    assert "secret" not in json.dumps(note)
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    secrets = key.read_bytes().split()[-2:]
    files = [path for path in backup.rglob("*") if path.is_file()]
    assert len(files) > 500
    assert not [path for path in files if any(secret in path.read_bytes() for secret in secrets)]


def test_older_backups_are_taken_away_and_partial_ones_are_none(tmp_path: Path) -> None:
    """The newest so many stay; what was never finished is not counted, and not touched."""
    names = [f"2026112{day}T013000Z" for day in range(1, 6)]
    for name in [*names, "20261127T013000Z" + PARTIAL, "mine"]:
        (tmp_path / name).mkdir()
    for name in names:
        (tmp_path / f"{name}-{NOTE}").write_text("{}")
    assert take_away(tmp_path, 2) == names[:3]
    left = sorted(path.name for path in tmp_path.iterdir())
    assert left == sorted(
        [*names[3:], *(f"{name}-{NOTE}" for name in names[3:]), "20261127T013000Z" + PARTIAL, "mine"]
    )


def test_a_password_stands_in_no_list_of_processes() -> None:
    """It is taken out of the DSN wherever it may stand, and decoded."""
    assert apart("postgresql://a:s%40x@h1,h2:5433/d?sslmode=require") == (
        "postgresql://a@h1,h2:5433/d?sslmode=require", "s@x",
    )  # fmt: skip
    assert apart("postgresql:///d?host=%2Frun&user=a&password=s") == (
        "postgresql:///d?host=%2Frun&user=a",
        "s",
    )
    with pytest.raises(CommandError, match="sslpassword") as refused:
        apart("postgresql://a@h/d?sslkey=/k&sslpassword=geheim")
    assert "geheim" not in str(refused.value)


def test_what_is_missing_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """No DSN, no program, no server: one line each, and no folder with a whole backup's name."""
    monkeypatch.delenv("CITYSWITCH_BACKUP_DSN", raising=False)
    key = tmp_path / "master.key"
    MasterKey.create(key)
    make = ["backup", "make", "--to", str(tmp_path / "b"), "--master-key-file", str(key)]
    assert main(make) == Exit.CONFIGURATION
    assert "CITYSWITCH_BACKUP_DSN" in capsys.readouterr().err
    need_debian_postgres()
    monkeypatch.setenv("CITYSWITCH_BACKUP_DSN", "postgresql://nobody@127.0.0.1:1/cityswitch")
    assert main(make) == Exit.DATABASE
    assert "pg_basebackup failed" in capsys.readouterr().err
    assert whole_backups(tmp_path / "b") == []
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr("ops.deploy.backup.DEBIAN", Path("/nowhere"))
    with pytest.raises(CommandError, match="not installed"):
        find_program("pg_basebackup")
