"""`cityswitch terminals key` against a real Postgres: shown once, written down first, whole fleets."""

import json
from pathlib import Path

import pytest

from ops.exit_codes import Exit
from ops.office.private_files import PrivateFiles
from tests.cli.office import SURE, Run


@pytest.fixture
def fleet(run: Run) -> Run:
    """Partner 7 with terminals 17 and 18, partner 8 with terminal 19."""
    run("partners", "add", "7", "Kino Na Rogu")
    run("partners", "add", "8", "Basen")
    for terminal, partner in ((17, 7), (18, 7), (19, 8)):
        assert run("terminals", "add", str(terminal), "--partner", str(partner))[0] == Exit.OK
    return run


def generations(run: Run, terminal: int) -> list[int]:
    """Return the live generations of a terminal's key."""
    rows = json.loads(run("terminals", "key", "list", str(terminal), "--json")[1])
    return [row["generation"] for row in rows if row["retired_at"] is None]


def test_terminal_keys_are_shown_once(fleet: Run, tmp_path: Path) -> None:
    """A key is shown when issued and never again; rotation makes generation 2; a file gets mode 0600."""
    assert fleet("terminals", "key", "rotate", "17")[0] == Exit.USAGE
    issued = json.loads(fleet("terminals", "key", "issue", "17", "--json")[1])
    assert len(bytes.fromhex(issued["key"])) == 32
    assert fleet("terminals", "key", "issue", "17")[0] == Exit.USAGE
    out = tmp_path / "terminal-17.key"
    assert fleet("terminals", "key", "rotate", "17", "--out", str(out))[0] == Exit.OK
    assert out.stat().st_mode & 0o777 == 0o600
    assert len(bytes.fromhex(out.read_text())) == 32
    listed = fleet("terminals", "key", "list", "17", "--json")[1]
    assert [row["generation"] for row in json.loads(listed)] == [2, 1]
    trail = fleet("audit", "--json")[1]
    for secret in (issued["key"], out.read_text().strip()):
        assert secret not in listed + trail + fleet("terminals", "show", "17")[1]


def test_a_key_that_cannot_be_written_is_not_issued(fleet: Run, tmp_path: Path) -> None:
    """If a key's file cannot be made the terminal keeps the keys it has, and no file is left behind."""
    taken = tmp_path / "there"
    taken.touch()
    before = sorted(tmp_path.iterdir())
    assert fleet("terminals", "key", "issue", "17", "--out", str(taken))[0] == Exit.USAGE
    absent = tmp_path / "no" / "such" / "folder"
    assert fleet("terminals", "key", "issue", "17", "--out", str(absent))[0] not in (Exit.OK, Exit.INTERNAL)
    assert fleet("terminals", "key", "issue", "99", "--out", str(tmp_path / "new"))[0] == Exit.NOT_FOUND
    assert generations(fleet, 17) == []
    assert sorted(tmp_path.iterdir()) == before


def test_a_refused_issue_leaves_no_file(fleet: Run, tmp_path: Path) -> None:
    """What the registry refuses after the file was written takes the file away again, empty or not."""
    out = tmp_path / "17.key"
    assert fleet("terminals", "key", "issue", "17")[0] == Exit.OK
    before = sorted(tmp_path.iterdir())
    status, _, err = fleet("terminals", "key", "rotate", "17", "--overlap-days", "400", "--out", str(out))
    assert status == Exit.USAGE
    assert "overlap" in err
    assert sorted(tmp_path.iterdir()) == before
    assert generations(fleet, 17) == [1]


def test_a_whole_fleet_gets_its_keys_from_one_command(fleet: Run, tmp_path: Path) -> None:
    """A partner's or all terminals at once: a file each, or one CSV, mode 0600; those served are left out."""
    folder = tmp_path / "keys"
    assert fleet("terminals", "key", "issue", "--partner", "7", "--out-dir", str(folder))[0] == Exit.OK
    assert sorted(path.name for path in folder.iterdir()) == ["terminal-17.key", "terminal-18.key"]
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}
    sheet = tmp_path / "keys.csv"
    assert fleet("terminals", "key", "issue", "--all", "--out-csv", str(sheet))[0] == Exit.OK
    header, row = sheet.read_text().splitlines()
    assert header == "terminal,generation,key"
    assert row.startswith("19,1,")
    assert fleet("terminals", "key", "issue", "--all", "--out-csv", str(tmp_path / "none.csv"))[0] == Exit.OK
    assert not (tmp_path / "none.csv").exists()
    status, _, err = fleet("terminals", "key", "rotate", "--all")
    assert status == Exit.USAGE
    assert "--out-dir" in err
    assert [generations(fleet, terminal) for terminal in (17, 18, 19)] == [[1], [1], [1]]


def test_a_key_is_revoked_with_a_reason(fleet: Run) -> None:
    """Revoking ends a generation at once; it wants a reason, a confirmation, and a generation that lives."""
    fleet("terminals", "key", "issue", "17")
    words = ("terminals", "key", "revoke", "17", "--generation", "1")
    assert fleet(*words, "--yes")[0] == Exit.USAGE
    assert fleet(*words, "--reason", "stolen")[0] == Exit.USAGE
    assert generations(fleet, 17) == [1]
    assert fleet(*words, *SURE)[0] == Exit.OK
    assert generations(fleet, 17) == []
    assert fleet(*words, *SURE)[0] == Exit.USAGE
    assert fleet("terminals", "key", "revoke", "17", "--generation", "2", *SURE)[0] == Exit.NOT_FOUND


def test_private_files_stand_beside_until_they_count(tmp_path: Path) -> None:
    """Written beside with mode 0600, put in place without overwriting, and kept where that cannot be done."""
    one, two = tmp_path / "one", tmp_path / "two"
    files = PrivateFiles({one: "1", two: "2"})
    files.write_beside()
    assert {path.stat().st_mode & 0o777 for path in files.kept()} == {0o600}
    assert not one.exists()
    two.write_text("somebody else's")
    with pytest.raises(FileExistsError):
        files.put_in_place()
    assert (one.read_text(), two.read_text()) == ("1", "somebody else's")
    (kept,) = files.kept()
    assert kept.read_text() == "2"
    files.remove()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one", "two"]
