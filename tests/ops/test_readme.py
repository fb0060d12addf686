"""README's "Run it for real", line by line, on Debian's Postgres 15: what an operator reads is what works."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from ops.place.installation import read_uses
from ops.place.running import read_note
from tests.debian_postgres import DebianPostgres, debian_postgres, need_debian_postgres
from tests.shell import ROOT, Block, Shell, blocks, wait_for_switch


def section() -> list[Block]:
    """Return the fenced blocks of the section."""
    page = (ROOT / "README.md").read_text(encoding="utf-8")
    return blocks(page.partition("## Run it for real\n")[2].partition("\n## ")[0])


@pytest.fixture(scope="module")
def server() -> Iterator[DebianPostgres]:
    """Debian's Postgres 15."""
    with debian_postgres() as running:
        yield running


def substituted(text: str, etc: Path, port: int, switch_port: str) -> str:
    """Return a text of the README with this machine's names and addresses in place of the examples'."""
    table = {
        "@db.example/": f"@127.0.0.1:{port}/",
        "PGHOST=db.example": "PGHOST=127.0.0.1",
        "/etc/cityswitch": str(etc),
        "…": "secret",
        'listen_host = "0.0.0.0"': 'listen_host = "127.0.0.1"\ntls = "on"\nhttp_port = 0',
        "listen_port = 7070": "listen_port = 0",
        "switch.example:7070": f"localhost:{switch_port}",
        "switch.example": "localhost",
    }
    for example, here in table.items():
        text = text.replace(example, here)
    return text


def commands(text: str) -> list[str]:
    """Return the commands of a block, lines that are continued joined."""
    return text.replace("\\\n", " ").splitlines()


def test_run_it_for_real_is_run_literally(server: DebianPostgres, tmp_path: Path) -> None:
    """Every line of the section does what it says: from createdb to the first sale, over TLS."""
    etc, here = tmp_path / "etc", tmp_path / "here"
    (here / "switch/rules/programmes").mkdir(parents=True)
    for file in (ROOT / "switch/rules/programmes").glob("*.toml"):
        (here / "switch/rules/programmes" / file.name).write_bytes(file.read_bytes())
    found = section()
    for _, name, text in found:
        if name:
            (here / name).write_text(substituted(text, etc, server.port, ""), encoding="utf-8")
    printed, switch_port = "", ""
    shell = Shell(here, server.environment)
    try:
        for command in [line for kind, _, text in found if kind == "sh" for line in commands(text)]:
            printed += shell.type(substituted(command, etc, server.port, switch_port))
            if "cityswitch serve" in command:
                switch_port = wait_for_switch(here / "var")
    finally:
        shell.close()
    assert "1 cards imported" in printed
    assert re.search(r"database +Postgres 15\.\S+.* as cityswitch_service", printed)
    assert "FAIL" not in printed
    assert "Przyznane punkty: 4" in printed
    assert "embedded" not in printed
    assert not (here / "var" / "postgres").exists()
    assert read_note(here / "var") is None
    assert read_uses(etc / "master.key") == [("database", f"127.0.0.1:{server.port}/cityswitch")]


def test_the_section_names_every_file_it_uses() -> None:
    """The blocks hold a script in four parts, three CSV files and the settings."""
    kinds = [(kind, name) for kind, name, _ in section()]
    assert [kind for kind, _ in kinds].count("sh") == 4
    assert {name for _, name in kinds if name} == {
        "partners.csv", "terminals.csv", "cards.csv", "cityswitch.toml",
    }  # fmt: skip


def test_a_missing_postgres_fails_continuous_integration(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without Debian's Postgres these tests are skipped with a word; where CI=true they fail."""
    monkeypatch.setattr("tests.debian_postgres.BIN", Path("/nowhere"))
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="apt install postgresql-15"):
        need_debian_postgres()
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="apt install postgresql-15"):
        need_debian_postgres()
