"""Production and development keep apart: no change without a name, a key of its own, one holder each."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from ops.cli import main
from ops.exit_codes import Exit
from ops.place.installation import database_name, note_path, note_use, read_uses
from ops.place.running import RunningNote, noted, read_note
from ops.place.running import note_path as running_path
from tests.cli.office import SURE
from tests.postgres import FreshDatabase

ROOT = Path(__file__).resolve().parents[2]
CARD = "4000000000000002"
HOLDER = """
import sys
from pathlib import Path
from ops.place.state_lock import state_held
with state_held(Path(sys.argv[1]), "up"):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in which a demo has run: its embedded Postgres lies in var, and nobody names anything."""
    (tmp_path / "var" / "postgres" / "data").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    "words",
    [
        ["programmes", "apply", str(ROOT / "switch/rules/programmes/czestochowa.toml")],
        ["partners", "add", "7", "Kino"],
        ["partners", "import", "partners.csv"],
        ["partners", "block", "7", *SURE],
        ["terminals", "add", "17", "--partner", "7"],
        ["terminals", "import", "terminals.csv"],
        ["terminals", "block", "17", *SURE],
        ["terminals", "key", "issue", "17"],
        ["cards", "add", CARD],
        ["cards", "import", "cards.csv"],
        ["cards", "block", CARD, "--reason", "lost", "--yes"],
        ["migrate"],
        ["simulate", "city"],
        ["serve"],
    ],
    ids=" ".join,
)
def test_a_change_is_made_only_where_somebody_said(
    clone: Path, words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """Without DSN, settings file or state directory a change is refused, though a demo has a Postgres."""
    from ledger.registry.secrets import MasterKey

    MasterKey.create(clone / "var" / "master.key")
    Path("partners.csv").write_text("id,name\n1,Kino\n", encoding="utf-8")
    Path("terminals.csv").write_text("id,partner\n1,1\n", encoding="utf-8")
    Path("cards.csv").write_text(f"number\n{CARD}\n", encoding="utf-8")
    before = sorted(clone.rglob("*"))
    assert main(words) == Exit.CONFIGURATION
    err = capsys.readouterr().err
    assert "no database is named" in err
    assert "--dsn" in err
    assert [path for path in sorted(clone.rglob("*")) if path.name != "in-use.lock"] == before


def test_a_demo_does_not_fill_a_database_of_ones_own(clone: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Settings that name a production database are not enough for a demo to write a city into it."""
    Path("cityswitch.toml").write_text('dsn = "postgresql://owner@127.0.0.1:1/cityswitch"\n')
    assert main(["demo"]) == Exit.CONFIGURATION
    assert "--dsn" in capsys.readouterr().err


@pytest.mark.parametrize("key", [[], ["--master-key-file", "var/master.key"]])
def test_a_database_of_ones_own_needs_a_key_outside_the_state_directory(
    clone: Path, key: list[str], capsys: pytest.CaptureFixture[str], fresh: FreshDatabase
) -> None:
    """`init --dsn` without a key file, or with one that `make clean` deletes: refused, and none made."""
    assert main(["init", "--dsn", fresh.owner_dsn, *key]) == Exit.CONFIGURATION
    assert "--master-key-file" in capsys.readouterr().err
    assert list(clone.rglob("master.key*")) == []


def test_a_demos_key_is_not_taken_over(
    clone: Path, capsys: pytest.CaptureFixture[str], fresh: FreshDatabase
) -> None:
    """Neither the demo's key itself, under any name, nor a copy of it opens a database of one's own."""
    from ledger.registry.secrets import MasterKey

    MasterKey.create(Path("var/master.key"))
    shutil.copy("var/master.key", "copy.key")
    MasterKey.create(Path("other-demo.key"))
    note_use(Path("other-demo.key"), "embedded", "/elsewhere/var")
    for key in ("copy.key", "other-demo.key"):
        assert main(["init", "--dsn", fresh.owner_dsn, "--master-key-file", key]) == Exit.CONFIGURATION
        assert "demo" in capsys.readouterr().err


def test_a_production_key_serves_no_demo(clone: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A demo refuses a master key that was used for a database of one's own."""
    note_use(Path("real.key"), "database", "db.example/cityswitch")
    shutil.rmtree("var")
    assert main(["init", "--state-dir", "var", "--master-key-file", "real.key"]) == Exit.CONFIGURATION
    assert "db.example/cityswitch" in capsys.readouterr().err


def test_what_a_key_was_used_for_stands_beside_it(
    clone: Path, capsys: pytest.CaptureFixture[str], fresh: FreshDatabase
) -> None:
    """`init` notes the database, once, without role and password; the key is made where it was named."""
    words = ["init", "--dsn", fresh.owner_dsn, "--master-key-file", "safe/real.key"]
    assert [main(words), main(words)] == [Exit.OK, Exit.OK]
    assert read_uses(Path("safe/real.key")) == [("database", database_name(fresh.owner_dsn))]
    assert note_path(Path("safe/real.key")).read_text().count("\n") == 1
    assert "cityswitch_owner" not in note_path(Path("safe/real.key")).read_text()


@pytest.mark.parametrize(
    ("dsn", "name"),
    [
        (
            "postgresql://owner:secret@db.example:5433/cityswitch?sslmode=require",
            "db.example:5433/cityswitch",
        ),
        ("postgresql://owner@/cityswitch?host=/run/postgresql", "/run/postgresql/cityswitch"),
        ("postgresql://a,b/cityswitch", "a,b/cityswitch"),
    ],
)
def test_a_database_is_named_without_its_secrets(dsn: str, name: str) -> None:
    """The name of a database is its hosts and its database."""
    assert database_name(dsn) == name


@pytest.mark.parametrize(("kind", "status"), [("database", 2), ("embedded", 0)])
def test_make_clean_keeps_a_key_that_another_database_needs(clone: Path, kind: str, status: int) -> None:
    """`make clean` removes a demo's state, but not a master key that was used for anything else."""
    shutil.copy(ROOT / "Makefile", clone)
    note_use(Path("var/keys/master.key"), kind, "db.example/cityswitch")
    done = subprocess.run(["make", "clean"], cwd=clone, capture_output=True, text=True, check=False)
    assert done.returncode == status, done.stderr
    assert (clone / "var").exists() == (status != 0)
    assert ("var/keys/master.key is the master key of a database outside" in done.stderr) == (status != 0)


def test_a_state_directory_has_one_holder_who_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """While another process holds it, demo and serve end with status 6: which process, what, since when."""
    command = [sys.executable, "-c", HOLDER, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT) as holder:
        assert holder.stdout is not None
        assert holder.stdin is not None
        assert holder.stdout.readline() == b"held\n"
        for words in (["demo", "--seconds", "1"], ["up"], ["serve"]):
            assert main([*words, "--state-dir", str(tmp_path)]) == Exit.STATE
            err = capsys.readouterr().err
            assert f"process {holder.pid} (cityswitch up) since 2" in err
        holder.stdin.close()
        assert holder.wait(30) == 0
    assert not (tmp_path / "postgres").exists()


def test_a_note_of_another_process_is_left_alone(tmp_path: Path) -> None:
    """What a later switch wrote into the state directory is not removed by the end of an earlier one."""
    mine = RunningNote(os.getpid(), "127.0.0.1", 1, [], False)
    later = RunningNote(os.getppid(), "127.0.0.1", 2, [], False)
    with noted(tmp_path, mine):
        assert read_note(tmp_path) == mine
        running_path(tmp_path).write_bytes(msgspec.json.encode(later))
    assert msgspec.json.decode(running_path(tmp_path).read_bytes(), type=RunningNote) == later
