"""Secrets are planted in settings and files, a switch serves with them, and none is found elsewhere."""

import base64
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import trio

from ledger.postgres.database import Database
from ledger.registry.secrets import MasterKey
from ops.cli import main
from protocol import Earn
from tests.cli.test_planted_people import found_in
from tests.cli.test_serve import ended, until_serving, workers
from tests.entries import SWIPED
from tests.postgres import FreshDatabase
from tests.switch.city import http_get, seed
from tests.switch.memory import CARD, Line, terminal_key

PASSWORD = "Hr7-planted-Qxyzzy"
TABLES = """select c.oid::regclass::text from pg_class c join pg_namespace n on n.oid = c.relnamespace
  where c.relkind in ('r', 'p') and n.nspname in ('ledger', 'registry', 'people', 'web')"""


def written(secret: bytes) -> Iterator[str]:
    """How a secret of bytes may be written down, by us or by Postgres."""
    yield secret.hex()
    yield repr(secret)[2:-1]
    yield base64.b64encode(secret).decode().rstrip("=")
    yield base64.urlsafe_b64encode(secret).decode().rstrip("=")
    yield secret.decode("latin-1")


def command_lines(pids: list[int]) -> bytes:
    """What `ps` shows of processes."""
    return b"\n".join(Path(f"/proc/{pid}/cmdline").read_bytes() for pid in pids)


def start(settings: dict[str, str], stderr: int) -> subprocess.Popen[bytes]:
    """Start `cityswitch serve` with settings from the environment, as its unit does."""
    environment = {**os.environ, **{f"CITYSWITCH_{name}": value for name, value in settings.items()}}
    options = ["--listen-port", "0", "--http-port", "0", "--log-level", "debug"]
    command = [sys.executable, "-m", "ops.cli", "serve", *options]
    return subprocess.Popen(command, stderr=stderr, env=environment)


@pytest.fixture
def credentials(tmp_path: Path) -> Iterator[Path]:
    """A directory of credentials as systemd makes it: nothing in it can be written."""
    directory = tmp_path / "credentials"
    directory.mkdir()
    MasterKey.create(directory / "master.key")
    (directory / "master.key").chmod(0o400)
    directory.chmod(0o500)
    yield directory
    directory.chmod(0o700)
    shutil.rmtree(directory)


async def test_no_secret_is_in_command_lines_logs_pages_errors_or_tables(
    fresh: FreshDatabase,
    owner: Database,
    tmp_path: Path,
    credentials: Path,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The DSN's password, both secrets of the master key, a terminal's key: nowhere but where they rest."""
    key_file = credentials / "master.key"
    master = MasterKey.load(key_file)
    await seed(owner, master)
    halves = [bytes.fromhex(line) for line in key_file.read_text().split()[-2:]]
    secrets = [PASSWORD, *(form for one in (*halves, terminal_key(1)) for form in written(one))]
    dsn = fresh.service_dsn.replace("cityswitch_service@", f"cityswitch_service:{PASSWORD}@")
    assert PASSWORD in dsn
    settings = {"DSN": dsn, "MASTER_KEY_FILE": str(key_file), "STATE_DIR": str(tmp_path)}
    log_path = tmp_path / "serve.log"
    with log_path.open("wb") as log, start(settings, log.fileno()) as process:
        try:
            note = await until_serving(tmp_path, process)
            for key in (None, bytes(32)):
                async with await trio.open_tcp_stream(note.host, note.port) as stream:
                    line = Line(stream, 1, key=key)
                    assert await line.sign_in() is (key is None)
                    if key is None:
                        earn = Earn(stan=1, terminal_time=0, card=CARD, entry=SWIPED, amount=1_000)
                        assert (await line.ask(earn)).code == 0
            seen = [command_lines([process.pid, *workers(process)])]
            assert b"ops.cli" in seen[0]
            seen += [(await http_get(note.http[0], page))[1] for page in ("/metrics", "/healthz", "/readyz")]
            process.send_signal(signal.SIGTERM)
            assert await ended(process) == 0
        finally:
            process.kill()
    away = f"postgresql://cityswitch_service:{PASSWORD}@127.0.0.1:1/nowhere"
    monkeypatch.setenv("CITYSWITCH_DSN", away)
    for words in (["ledger", "verify"], ["terminals", "list"], ["config", "check"], ["doctor", "--json"]):
        await trio.to_thread.run_sync(main, [*words, "--state-dir", str(tmp_path)])
    said = capfd.readouterr()
    seen += [log_path.read_bytes(), said.out.encode(), said.err.encode()]
    assert b"session" in seen[4] or b"serving" in seen[4]
    assert said.err
    for table in await owner.run(lambda c: c.fetch(TABLES)):
        rows = await owner.run(lambda c, name=table[0]: c.fetch(f"select t::text from {name} t"))
        seen.append("\n".join(row[0] for row in rows).encode())
    assert any(len(piece) > 1_000 for piece in seen[7:])
    assert found_in(seen, secrets) == []
