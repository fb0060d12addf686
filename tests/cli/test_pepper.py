"""`cityswitch pepper`: each step as an operator does it, and what `doctor` says of it meanwhile."""

import json
from pathlib import Path

import pytest

from ops.cli import main
from ops.exit_codes import Exit
from ops.office import pepper as rotation
from tests.cli.office import SURE, Run, card
from tests.postgres import FreshDatabase


def states(run: Run) -> list[tuple[int, str, int]]:
    """Every pepper of the programme, its state and how many cards are under it."""
    rows = json.loads(run("pepper", "status", "--json")[1])
    return [(row["number"], row["state"], row["cards"]) for row in rows]


def finding(fresh: FreshDatabase, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> str:
    """What `doctor` says of peppers, as the service's role."""
    place = ["--state-dir", str(tmp_path / "state"), "--master-key-file", str(tmp_path / "master.key")]
    main(["doctor", "--json", "--dsn", fresh.service_dsn, *place])
    findings = json.loads(capsys.readouterr()[0])["findings"]
    (found,) = (one for one in findings if one["check"] == "peppers")
    return f"{found['level']}: {found['seen']}"


def test_a_rotation_step_by_step(
    run: Run,
    fresh: FreshDatabase,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """New, begin, reenter, retire: each says what it did and refuses to come out of turn; none shows a secret
    or a number.
    """
    monkeypatch.setattr(rotation, "FORGET_S", 0)
    numbers = [card(n) for n in range(3)]
    for number in numbers:
        assert run("cards", "add", number)[0] == Exit.OK
    listed = tmp_path / "made.csv"
    listed.write_text("\n".join(["number,issue", f"{numbers[0]},1", f"{card(99)},1", "12,1"]))
    assert states(run) == [(0, "newest", 3)]
    assert finding(fresh, tmp_path, capsys) == "ok: each programme has one pepper"
    for early in (["begin"], ["reenter", str(listed)], ["retire", *SURE]):
        status, _, err = run("pepper", *early)
        assert (status, "Traceback" in err) == (Exit.USAGE, False)

    assert json.loads(run("pepper", "new", "--json")[1])["number"] == 1
    assert states(run) == [(0, "newest", 3), (1, "prepared", 0)]
    begun = json.loads(run("pepper", "begin", "--reason", "seen", "--json")[1])
    assert begun == {"programme": 1, "newest": 1, "former": 0}
    assert run("pepper", "new")[0] == Exit.USAGE
    assert finding(fresh, tmp_path, capsys) == "warning: programme 1: pepper 0 in overlap with 1"

    status, out, err = run("pepper", "reenter", str(listed), "--reason", "seen", "--json")
    assert (status, json.loads(out)) == (
        Exit.DIFFERENCES, {"numbers": 2, "reentered": 1, "refused": 1},
    )  # fmt: skip
    assert "line 4" in err
    assert run("cards", "block", numbers[1], *SURE)[0] == Exit.OK
    assert states(run) == [(0, "former", 1), (1, "newest", 2)]

    assert run("pepper", "retire")[0] == Exit.USAGE
    status, out, err = run("pepper", "retire", *SURE, "--json")
    (left,) = json.loads(out)["left"]
    assert (left["card"], left["was"], left["now"]) == (f"****{numbers[2][-4:]}", "active", "blocked")
    assert states(run) == [(1, "newest", 3)]
    assert finding(fresh, tmp_path, capsys) == "ok: each programme has one pepper"
    assert [run("cards", "show", number)[0] for number in numbers] == [Exit.OK, Exit.OK, Exit.NOT_FOUND]
    shown = "".join(
        run(*words)[1]
        for words in (["pepper", "status"], ["audit", "--json"], ["audit", "--object", "cards"])
    )
    secrets = [word for word in (tmp_path / "master.key").read_text().split() if len(word) == 64]
    assert len(secrets) == 4
    assert not any(secret in shown + err for secret in [*secrets, *numbers])
