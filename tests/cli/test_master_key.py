"""`cityswitch master-key`: each step as an operator does it, and what `doctor` says of it meanwhile."""

import json
from pathlib import Path

import pytest

from ops.cli import main
from ops.exit_codes import Exit
from tests.cli.office import SURE, Run
from tests.postgres import FreshDatabase


def states(run: Run) -> list[tuple[int, str, int]]:
    """Every key, its state and how many terminals' keys are under it."""
    rows = json.loads(run("master-key", "status", "--json")[1])
    return [(row["number"], row["state"], row["terminal_keys"]) for row in rows]


def rotation_finding(fresh: FreshDatabase, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> str:
    """What `doctor` says of the rotation, as the service's role."""
    place = ["--state-dir", str(tmp_path / "state"), "--master-key-file", str(tmp_path / "master.key")]
    main(["doctor", "--json", "--dsn", fresh.service_dsn, *place])
    findings = json.loads(capsys.readouterr()[0])["findings"]
    (found,) = (one for one in findings if one["check"] == "rotation")
    return f"{found['level']}: {found['seen']}"


def test_a_rotation_step_by_step(
    run: Run, fresh: FreshDatabase, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """New, rewrap, destroy: each says what it did, refuses to come out of turn, and stands in the trail."""
    run("partners", "add", "7", "Kino Na Rogu")
    run("terminals", "add", "17", "--partner", "7")
    run("terminals", "key", "issue", "17")
    before = (tmp_path / "master.key").read_text().split()
    assert states(run) == [(0, "wraps", 1)]
    assert rotation_finding(fresh, tmp_path, capsys) == "ok: everything is under key 0 of the master key"
    for early in ("rewrap", "destroy"):
        status, _, err = run("master-key", early, *SURE[: 2 if early == "rewrap" else None])
        assert (status, "Traceback" in err) == (Exit.USAGE, False)
    assert json.loads(run("master-key", "new", "--json")[1])["number"] == 1
    assert states(run) == [(0, "wraps", 1), (1, "prepared", 0)]
    assert "key 1 (prepared)" in rotation_finding(fresh, tmp_path, capsys)
    status, out, _ = run("master-key", "rewrap", "--reason", "yearly", "--json")
    assert (status, json.loads(out)["terminal_keys"], json.loads(out)["left"]) == (Exit.OK, 1, 0)
    assert states(run) == [(0, "former", 0), (1, "wraps", 1)]
    assert rotation_finding(fresh, tmp_path, capsys).startswith("warning: key 0 (former): 0 terminals'")
    assert run("master-key", "destroy")[0] == Exit.USAGE
    assert json.loads(run("master-key", "destroy", *SURE, "--json")[1]) == {"destroyed": [0]}
    assert states(run) == [(0, "destroyed", 0), (1, "wraps", 1)]
    assert rotation_finding(fresh, tmp_path, capsys) == "ok: everything is under key 1 of the master key"
    rows = json.loads(run("audit", "--object", "master-key", "--json")[1])
    assert [": 0 -> 1" in row["change"] for row in rows[:2]] == [True, True]
    assert [row["reason"] for row in rows[:2]] == [SURE[2], "yearly"]
    shown = run("master-key", "status")[1] + run("audit", "--json")[1]
    secrets = {*before, *(tmp_path / "master.key").read_text().split()}
    assert not any(len(secret) == 64 and secret in shown for secret in secrets)
    assert run("terminals", "key", "rotate", "17")[0] == Exit.OK
    assert run("backup", "key", "--to", str(tmp_path / "copy.key"))[0] == Exit.OK
