"""docs/how-to/citus.md, line by line: an owner who is no superuser, three servers that nobody else uses."""

import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.citus import need_citus
from tests.debian_postgres import PASSWORD, DebianPostgres, debian_postgres, need_debian_postgres
from tests.ops.test_readme import section, substituted
from tests.shell import ROOT, Shell, blocks, wait_for_switch

CONTROL = Path("/usr/share/postgresql/15/extension/citus.control")
SETTINGS = {"shared_preload_libraries": "citus", "max_prepared_transactions": "50"}
SERVERS = ("coordinator.example", "worker1.example", "worker2.example")


@pytest.fixture
def servers() -> Iterator[list[DebianPostgres]]:
    """The coordinator and two workers, with Citus and nothing in them."""
    need_citus()
    need_debian_postgres()
    if not CONTROL.exists():
        pytest.skip(f"Debian's Postgres 15 has no Citus ({CONTROL})")
    with ExitStack() as stack:
        yield [stack.enter_context(debian_postgres(settings=SETTINGS)) for _ in SERVERS]


@pytest.fixture
def shell(servers: list[DebianPostgres], tmp_path: Path) -> Iterator[Shell]:
    """A shell at a checkout of which `init` is the first command."""
    (tmp_path / "switch").symlink_to(ROOT / "switch")
    (tmp_path / "etc").mkdir(mode=0o700)
    with typing(tmp_path, servers[0]) as opened:
        yield opened


@contextmanager
def typing(directory: Path, coordinator: DebianPostgres) -> Iterator[Shell]:
    opened = Shell(directory, dict(coordinator.environment))
    try:
        opened.type("set -e")  # the first line of a block that fails ends the shell
        yield opened
    finally:
        opened.close()


def here(text: str, servers: list[DebianPostgres], etc: Path, switch_port: str = "") -> str:
    """A text of either page with this machine's addresses and password in place of the examples'."""
    for name, server in zip(SERVERS, servers, strict=True):
        text = text.replace(f'"{name}"', f'"127.0.0.1 port={server.port}"')
        text = text.replace(f"'{name}', 5432", f"'127.0.0.1', {server.port}")
        text = text.replace(f"@{name}/", f"@127.0.0.1:{server.port}/").replace(f"={name}\n", "=127.0.0.1\n")
    return substituted(text.replace("…", PASSWORD), etc, servers[0].port, switch_port)


def page() -> list[str]:
    """The page's two scripts: the administrator's and the operator's."""
    text = (ROOT / "docs/how-to/citus.md").read_text(encoding="utf-8")
    return [block.text for block in blocks(text) if block.kind == "sh"]


def test_the_page_is_run_literally(shell: Shell, servers: list[DebianPostgres], tmp_path: Path) -> None:
    """From three empty servers to a sale over TLS, its bucket's server the only one that has it; the books
    hold, and each server has buckets.
    """
    etc, switch_port = tmp_path / "etc", ""
    administrator, operator = page()
    certificate, *_, registry, serving = [text for kind, _, text in section() if kind == "sh"]
    registry = registry.partition("cityswitch init\n")[2]
    for _, name, text in section():
        if name:
            (tmp_path / name).write_text(here(text, servers, etc), encoding="utf-8")
    for script in (certificate, administrator):
        shell.type(here(script, servers, etc))
    spread = shell.type(here(operator, servers, etc))
    assert "64 buckets (they had 1). Spread them over the servers: cityswitch init --engine citus." in spread
    for worker in servers[1:]:
        assert f"Server 127.0.0.1:{worker.port}: 32 buckets" in spread
    printed = shell.type(here(registry, servers, etc))
    check, serve, sale = here(serving, servers, etc).replace("\\\n", " ").splitlines()
    printed += shell.type(f"{check}\n{serve}")
    switch_port = wait_for_switch(tmp_path / "var")
    printed += shell.type(sale.replace("localhost:", f"localhost:{switch_port}"))
    assert "1 cards imported" in printed
    assert "FAIL" not in printed
    assert "Przyznane punkty: 4" in printed
    assert "21 of 21 invariants hold" in shell.type("cityswitch ledger verify")
    assert shell.type('psql -Atd cityswitch -c "select count(*) from ledger.journal"') == "1\n"


THERE = "Citus makes at each server"
ROLES = "may not create roles"


@pytest.mark.parametrize(
    ("is_first", "rights", "causes"),
    [
        (True, "login createrole", [THERE]),
        (False, "login createrole", [THERE]),
        (True, "login", [ROLES, THERE]),
    ],
)
def test_an_owner_who_may_not_is_told_why(
    shell: Shell,
    servers: list[DebianPostgres],
    tmp_path: Path,
    is_first: bool,
    rights: str,
    causes: list[str],
) -> None:
    """An owner who had the database before Citus was in it, or was given it where Citus did not hear of it:
    `init` names each cause, and the statements that it says are all that is wanted.
    """
    administrator, operator = (here(script, servers, tmp_path / "etc") for script in page())
    made, owned = (line for line in administrator.splitlines() if "cityswitch_owner" in line)
    script = administrator.replace(f"{owned}\n", "")
    if is_first:
        first = made.replace("login createrole", rights), "create database cityswitch", owned
        shell.type("\n".join(f'psql -h 127.0.0.1 -d postgres -c "{each}"' for each in first))
        script = script.replace(f"{made}\n", "").replace('database cityswitch"', 'database cityswitch" ||:')
    shell.type(script)
    shell.type(f'psql -d postgres -c "{owned}"')
    shell.type("\n".join(line for line in operator.splitlines() if line.startswith("export")))
    for cause in causes:
        told = shell.type("cityswitch init 2>&1 || test $? = 3")
        assert [each for each in (ROLES, THERE) if each in told] == [cause]
        (cure,) = re.findall(r"run `([^`]+)`", told)
        shell.type(f'psql -d cityswitch -v ON_ERROR_STOP=1 -c "{cure}"')
    assert "42 migrations applied" in shell.type("cityswitch init")
