"""Debian's Postgres with TLS, for tests."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import trio

from ledger.postgres.database import open_database
from tests.debian_postgres import ADMINISTRATOR, BIN, PASSWORD, DebianPostgres, debian_postgres
from tests.patience import HANG_S
from tests.switch.certificates import make_certificate


@contextmanager
def tls_postgres(directory: Path) -> Iterator[DebianPostgres]:
    """Run one for as long as the block lasts; its certificate, for localhost, is made in `directory` and lies
    where it reads.
    """
    with debian_postgres() as server:
        owner = server.archive.stat()
        for made in make_certificate(directory):
            there = shutil.copy(made, server.archive)
            os.chown(there, owner.st_uid, owner.st_gid)
            os.chmod(there, 0o600)
        certificate, key = (f"{server.archive}/tls.{kind}" for kind in ("crt", "key"))
        statements = (
            f"alter system set ssl_cert_file = '{certificate}'",
            f"alter system set ssl_key_file = '{key}'",
            "alter system set ssl = on",
            "select pg_reload_conf()",
        )
        arguments = [argument for statement in statements for argument in ("-c", statement)]
        command = [BIN / "psql", "-qXh", "127.0.0.1", "-d", "postgres", *arguments]
        subprocess.run(
            command, env={**os.environ, **server.environment}, stdout=subprocess.DEVNULL, check=True
        )
        trio.run(_until_encrypted, tls_dsn(server))
        yield server


def tls_dsn(server: DebianPostgres, host: str = "127.0.0.1", **settings: str) -> str:
    """How the administrator reaches it."""
    said = "&".join(f"{name}={value}" for name, value in settings.items())
    return f"postgresql://{ADMINISTRATOR}:{PASSWORD}@{host}:{server.port}/postgres?{said}"


async def is_encrypted(dsn: str) -> bool:
    """Whether a connection by this is over TLS."""
    async with open_database(dsn) as database:
        asked = "select ssl from pg_stat_ssl where pid = pg_backend_pid()"
        found: bool = await database.run(lambda c: c.fetchval(asked))
        return found


async def _until_encrypted(dsn: str) -> None:
    with trio.fail_after(HANG_S):
        while not await is_encrypted(dsn):  # noqa: ASYNC110
            await trio.sleep(0.05)
