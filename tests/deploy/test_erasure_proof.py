"""Somebody unmistakable is planted, served, backed up and erased, and is then looked for in whatever is kept.

Two look: one who reads, and one who has the vault and opens whatever is sealed by the key of the planted one
(in heap pages, log and dumps alike). Before the erasure the second finds the person in every copy, which
shows that the search can find; afterwards neither finds anything, in the same bytes.
"""

import io
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest
import trio

from ledger.errors import HolderErased, SecretsError
from ledger.postgres.database import Connection, open_database
from ledger.registry.agreements import Representative, add_representative
from ledger.registry.audit import writing
from ledger.registry.sealed import OVERHEAD_BYTES, find_keys, place, seal, unseal
from ledger.registry.secrets import MasterKey
from ledger.registry.vault import PLACE_BYTES, Vault
from ops.cli import main
from ops.deploy.backup import find_program, whole_backups
from ops.exit_codes import Exit
from ops.place.running import RunningNote
from protocol import Balance, Earn
from tests.cli.test_planted_people import KNOWN, PLANTED, memory_of
from tests.cli.test_serve import start, until_serving, workers
from tests.debian_postgres import DebianPostgres, debian_postgres, need_debian_postgres, restored
from tests.deploy.test_backup import archive_all, dsn, found, password, until_promoted  # noqa: F401
from tests.entries import SWIPED
from tests.ledger.books import TESTER
from tests.patience import HANG_S
from tests.postgres import FreshDatabase
from tests.switch.city import http_get
from tests.switch.memory import CARD, Line

PROXY: Final = "Pełnomocnik Żdżarska-Qxyzzy"
WORDS: Final = "Proszę o odpowiedź: Qxyzzy"
SEALED: Final = {"name", "pesel", "address", "phone", "email", "pickup"}
SURE: Final = ("--reason", "asked for by letter", "--yes")


class Seen(NamedTuple):
    """What was found in one place: texts as they stand, texts opened with the vault, the key, KNOWN."""

    plain: frozenset[str]
    opened: frozenset[str]
    key: bool
    is_searched: bool


class Planted(NamedTuple):
    """Whom we look for: the account, the key by number and by its bytes, the numbers of rows."""

    account: int
    key: int
    needles: tuple[bytes, ...]


class Erased(NamedTuple):
    """What was seen before and after the erasure, by place; the servers, and the planted one."""

    before: Mapping[str, Seen]
    after: Mapping[str, Seen]
    again: DebianPostgres
    place: list[str]
    planted: Planted
    vault: Vault


class Tapped:
    """A connection whose bytes, both ways, are kept."""

    def __init__(self, stream: trio.SocketStream) -> None:
        self._stream = stream
        self.heard = bytearray()

    async def send_all(self, data: bytes) -> None:
        self.heard += data
        await self._stream.send_all(data)

    async def receive_some(self, size: int | None = None) -> bytes:
        data = bytes(await self._stream.receive_some(size))
        self.heard += data
        return data


def office(server: DebianPostgres, folder: Path, *words: str, typed: str = "") -> tuple[int, str]:
    """Run a command of the office; return its status and what it said."""
    place = ["--dsn", dsn(server), "--state-dir", str(folder)]
    said, was = io.StringIO(), sys.stdin
    with redirect_stdout(said), redirect_stderr(said):
        sys.stdin = io.StringIO(typed)
        try:
            status = main([*words, *place, "--master-key-file", str(folder / "master.key")])
        finally:
            sys.stdin = was
    return status, said.getvalue()


async def trade(note: RunningNote, first: int) -> bytes:
    """The planted one's card is used at a till; return every byte of the connection."""
    async with await trio.open_tcp_stream(note.host, note.port) as stream:
        tapped = Tapped(stream)
        line = Line(tapped, 1)  # type: ignore[arg-type]
        assert await line.sign_in()
        for stan in range(first, first + 20, 2):
            earn = Earn(stan=stan, terminal_time=0, card=CARD, entry=SWIPED, amount=1_000)
            assert (await line.ask(earn)).code == 0
            await line.ask(Balance(stan=stan + 1, terminal_time=0, card=CARD, entry=SWIPED))
    return bytes(tapped.heard)


async def plant_more(server: DebianPostgres, vault: Vault) -> Planted:
    """Whoever acts for the planted one, and a message; return by what they are known."""

    async def job(c: Connection) -> Planted:
        row = await c.fetchrow("select token, account from registry.card")
        account = row["account"]
        await add_representative(c, TESTER, vault, row["token"], Representative("proxy", PROXY))
        async with writing(c, TESTER):
            key = (await find_keys(c, [account]))[account]
            await c.execute(
                "insert into people.message (account, programme, from_holder, body) values ($1, 1, true, $2)",
                account,
                seal(vault, key, WORDS, place(1, account, "message.body")),
            )
        assert vault.path is not None
        wrapped = vault.path.read_bytes()[key * PLACE_BYTES :][:PLACE_BYTES]
        secret = vault._secret(key)
        return Planted(account, key, (wrapped[4:36], wrapped[36:64], secret))

    async with open_database(dsn(server), connections_max=1) as database:
        return await database.run(job)


def sealed_in(piece: bytes, key: int) -> Iterator[bytes]:
    """What may be sealed by a key in a piece of a heap, log or dump, by the lengths that stand before it."""
    head = b"\1" + key.to_bytes(8, "big")
    at = piece.find(head)
    while at >= 0:
        if at == 0:
            yield piece
        elif piece[at - 1] & 1:
            yield piece[at : at + (piece[at - 1] >> 1) - 1]
        if at >= 4 and OVERHEAD_BYTES < (size := int.from_bytes(piece[at - 4 : at], "little") >> 2) < 10_000:
            yield piece[at : at + size - 4]
        at = piece.find(head, at + 1)


def opened_in(piece: bytes, planted: Planted, vault: Vault) -> set[str]:
    """What whoever has the vault reads of the planted one in a piece."""
    columns = [f"person.{column}" for column in SEALED] + ["representative.1.name", "message.body"]
    texts = set()
    for value in set(sealed_in(piece, planted.key)) - {b""}:
        for column in columns:
            try:
                texts.add(unseal(vault, value, place(1, planted.account, column)))
            except (HolderErased, SecretsError):
                continue
    return texts


def in_bytes(text: str) -> set[bytes]:
    """How a text is kept: by Postgres and on the wire; by Python in memory."""
    return {text.encode(), text.encode("utf-16-le")}


def look(pieces: Iterable[bytes], planted: Planted, vault: Vault) -> Seen:
    """Search one place."""
    texts = {text: in_bytes(text) for text in (*PLANTED.values(), PROXY, WORDS)}
    known = in_bytes(KNOWN) | {CARD.encode()}
    plain, opened, key, is_searched = set(), set(), False, False
    for piece in pieces:
        plain |= {text for text, kinds in texts.items() if any(kind in piece for kind in kinds)}
        opened |= opened_in(piece, planted, vault)
        key |= any(needle in piece for needle in planted.needles)
        is_searched |= any(kind in piece for kind in known)
    return Seen(frozenset(plain), frozenset(opened), key, is_searched)


def files(folder: Path) -> Iterator[bytes]:
    """Every file below a folder, without the empty end of a log that was cut off early."""
    return (path.read_bytes().rstrip(b"\0") for path in sorted(folder.rglob("*")) if path.is_file())


def log_files(folder: Path) -> Iterator[bytes]:
    """Every segment of a log without the headers of its pages, which may stand in the middle of a value."""
    for segment in files(folder):
        # XLogLongPageHeaderData at the segment's beginning, XLogPageHeaderData at every further page's.
        pages = (segment[at + (24 if at else 40) : at + 8192] for at in range(0, len(segment), 8192))
        yield b"".join(pages)


def dump(server: DebianPostgres) -> list[bytes]:
    """All schemas and rows, as an administrator dumps them: the text, and each value of bytes in it."""
    done = subprocess.run(
        [find_program("pg_dump"), "--host=127.0.0.1", "--dbname=cityswitch"],
        env=dict(server.environment), capture_output=True, check=True,
    )  # fmt: skip
    return [
        done.stdout,
        *(bytes.fromhex(found[1].decode()) for found in re.finditer(rb"\\\\x(\w+)", done.stdout)),
    ]


def memory(process: subprocess.Popen[bytes]) -> Iterator[bytes]:
    """The memory of the switch: supervisor and workers."""
    for pid in (process.pid, *workers(process)):
        yield from memory_of(pid)


@pytest.fixture(scope="module")
def erased(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Erased]:
    """The planted one: added, served, backed up, looked for, erased, looked for; an older backup restored."""
    need_debian_postgres()
    folder = tmp_path_factory.mktemp("erased")
    with debian_postgres(is_archiving=True) as server:
        trio.run(found, server, folder)
        vault = MasterKey.load(folder / "master.key").vault
        fresh = FreshDatabase("cityswitch", dsn(server), dsn(server, "cityswitch_service"))
        ports = ("--listen-port", "0", "--http-port", "0", "--log-level", "debug", "--master-key-file")
        log = folder / "serve.log"
        with (
            log.open("wb") as out,
            start(fresh, folder, out.fileno(), *ports, str(folder / "master.key")) as process,
        ):
            try:
                note = trio.run(until_serving, folder, process)
                typed = "\n".join([CARD, *(f"{name}: {text}" for name, text in PLANTED.items())])
                status, told = office(server, folder, "holders", "add", "--flags", "senior", typed=typed)
                assert status == Exit.OK, told
                planted = trio.run(plant_more, server, vault)
                wire = trio.run(trade, note, 1)
                backups, keys = folder / "backups", ["--master-key-file", str(folder / "master.key")]
                replication = dsn(server, "cityswitch_backup")
                assert main(["backup", "make", "--to", str(backups), "--dsn", replication, *keys]) == Exit.OK
                (backup,) = whole_backups(backups)
                moment = trio.run(now, server)

                trio.run(archive_all, server)
                copies: dict[str, Callable[[], Iterable[bytes]]] = {
                    "tables": lambda: dump(server),
                    "archived log": lambda: log_files(server.archive),
                    "older backup": lambda: files(backup),
                }
                before = {name: look(pieces(), planted, vault) for name, pieces in copies.items()}
                status, told = office(server, folder, "holders", "anonymise", *SURE, typed=f"{CARD}\n")
                assert status == Exit.OK, told
                assert not any(text in told for text in PLANTED.values())
                trio.run(archive_all, server)
                pages = [trio.run(http_get, note.http[0], page)[1] for page in ("/metrics", "/healthz")]
                places = copies | {
                    "log": lambda: log_files(server.archive.parent / "data" / "pg_wal"),
                    "memory": lambda: memory(process),
                    "switch's log": lambda: [log.read_bytes()],
                    "metrics": lambda: pages,
                    "wire": lambda: [wire],
                }
                after = {name: look(pieces(), planted, vault) for name, pieces in places.items()}
            finally:
                process.send_signal(signal.SIGTERM)
                assert process.wait(HANG_S) == 0
        with restored(backup, server.archive, moment) as again:
            trio.run(until_promoted, again)
            yield Erased(before, after, again, [str(folder)], planted, vault)


async def now(server: DebianPostgres) -> str:
    """The moment it is for a server."""
    async with open_database(dsn(server), connections_max=1) as database:
        return str(await database.run(lambda c: c.fetchval("select clock_timestamp()")))


TEXTS: Final = frozenset(text for name, text in PLANTED.items() if name in SEALED) | {PROXY, WORDS}


def test_whoever_has_the_key_finds_the_person_before(erased: Erased) -> None:
    """The control: in tables, archived log and backup all is opened with the vault; nothing without it."""
    for copy in ("tables", "archived log", "older backup"):
        assert erased.before[copy].opened == TEXTS, copy
    assert erased.before["tables"].plain == {PLANTED["born_on"]}
    for name, seen in erased.before.items():
        assert seen.plain <= {PLANTED["born_on"]}, name
        assert (seen.key, seen.is_searched) == (False, True), name


def test_nobody_finds_the_person_after(erased: Erased) -> None:
    """0 in tables, archived and present log, older backup, memory, switch's log, metrics and the wire."""
    assert len(erased.after) == 8
    for name, seen in erased.after.items():
        assert (seen.plain, seen.opened, seen.key) == (frozenset(), frozenset(), False), name
        assert seen.is_searched or name in {"log", "switch's log", "metrics", "wire"}, name


def test_nor_in_the_vault(erased: Erased) -> None:
    """Where the key lay is that it was destroyed and whose it was, and no byte of it."""
    assert erased.vault.path is not None
    content = erased.vault.path.read_bytes()
    assert not any(needle in content for needle in erased.planted.needles)
    assert erased.planted.account in {one.account for one in erased.vault.destroyed()}
    with pytest.raises(HolderErased):
        erased.vault.cipher(erased.planted.key)


def test_a_restored_older_backup_is_brought_there(erased: Erased) -> None:
    """The rows are back and tell nothing; doctor and `holders erasures` say so; applied, all is gone."""
    again, (folder,) = erased.again, erased.place

    def run(*words: str, typed: str = "") -> tuple[int, str]:
        return office(again, Path(folder), *words, typed=typed)

    def seen() -> Seen:
        return look(dump(again), erased.planted, erased.vault)

    assert trio.run(rows_of, again, erased.planted.account) == (1, 1, 0)
    assert (seen().plain, seen().opened) == ({PLANTED["born_on"]}, frozenset())
    status, told = run("holders", "show", "--person", "--json", typed=CARD)
    assert (status, '"name":null' in told) == (Exit.OK, True), told
    status, told = run("holders", "agreements", typed=CARD)
    assert (status, "was destroyed" in told) == (Exit.NOT_FOUND, True), told
    assert "were destroyed are in the database" in run("doctor")[1]
    status, told = run("holders", "erasures")
    assert (status, told.startswith("2 keys")) == (Exit.DIFFERENCES, True), told  # a holder's, a basket's
    assert run("holders", "erasures", "--apply")[0] == Exit.OK
    assert run("holders", "erasures")[0] == Exit.OK
    assert "every erasure is in the database" in run("doctor")[1]
    assert seen()[:3] == (frozenset(), frozenset(), False)
    assert seen().is_searched
    assert trio.run(rows_of, again, erased.planted.account) == (0, 0, 6)
    assert run("ledger", "verify")[0] == Exit.OK


async def rows_of(server: DebianPostgres, account: int) -> tuple[Any, ...]:
    """How many persons and messages an account has, and what its card is."""
    query = """select (select count(*) from people.person where account = $1),
        (select count(*) from people.message where account = $1),
        (select max(status) from registry.card where account = $1)"""
    async with open_database(dsn(server), connections_max=1) as database:
        return tuple(await database.run(lambda c: c.fetchrow(query, account)))
