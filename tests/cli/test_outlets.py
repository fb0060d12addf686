"""`cityswitch outlets`, and the terminals that stand in them."""

import json
from pathlib import Path

from ops.exit_codes import Exit
from tests.cli.office import Run


def test_outlets_are_added_imported_and_listed(run: Run, tmp_path: Path) -> None:
    """One by one or from a file; a partner that is not there is refused with line and column."""
    assert run("partners", "add", "7", "Kino")[0] == Exit.OK
    words = ("outlets", "add", "12", "Rynek", "--partner", "7", "--address", "Rynek 2")
    assert run(*words)[0] == Exit.OK
    assert run(*words)[0] == Exit.USAGE
    file = tmp_path / "outlets.csv"
    file.write_text("id,partner,name\n13,7,Dworzec\n14,8,Basen\n", encoding="utf-8")
    status, out, _ = run("outlets", "import", str(file))
    assert status == Exit.DIFFERENCES
    assert "line 3: partner: there is no partner 8" in out
    assert run("outlets", "import", str(file), "--good-lines")[0] == Exit.DIFFERENCES
    rows = json.loads(run("outlets", "list", "--json")[1])
    assert [(row["id"], row["name"], row["address"]) for row in rows] == [
        (12, "Rynek", "Rynek 2"),
        (13, "Dworzec", ""),
    ]


def test_a_terminal_is_put_into_an_outlet_and_moved(run: Run, tmp_path: Path) -> None:
    """When it is added, from a file, or later; and into none again."""
    run("partners", "add", "7", "Kino")
    run("outlets", "add", "12", "Rynek", "--partner", "7")
    assert run("terminals", "add", "70", "--partner", "7", "--outlet", "12")[0] == Exit.OK
    assert run("terminals", "add", "71", "--partner", "7", "--outlet", "13")[0] == Exit.USAGE
    file = tmp_path / "terminals.csv"
    file.write_text("id,partner,outlet\n72,7,12\n73,7,\n", encoding="utf-8")
    assert run("terminals", "import", str(file))[0] == Exit.OK
    assert run("terminals", "move", "73", "--outlet", "12")[0] == Exit.OK
    assert run("terminals", "move", "70")[0] == Exit.OK
    assert run("terminals", "move", "70", "--outlet", "99")[0] == Exit.NOT_FOUND
    rows = json.loads(run("terminals", "list", "--json")[1])
    assert [(row["id"], row["outlet"]) for row in rows] == [(70, None), (72, 12), (73, 12)]
