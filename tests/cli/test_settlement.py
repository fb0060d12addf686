"""`cityswitch contracts` and `cityswitch settlement`: a partner from its declaration to its statement."""

import json
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from ops.exit_codes import Exit
from tests.cli.office import Run

SURE = ("--yes", "--reason", "month end")
SECOND = ("--second", "maria")


def today() -> datetime:
    return datetime.now(ZoneInfo("Europe/Warsaw"))


def test_a_partner_declares_agrees_and_is_billed(run: Run, tmp_path: Path) -> None:
    """Declared, verified and agreed, it owes the lease of its terminal; the statement is CSV and PDF."""
    month = today().strftime("%Y-%m")
    assert run("contracts", "declare", "17", "Kwiaciarnia", "--tax-id", "8982145677")[0] == Exit.OK
    assert run("terminals", "add", "70", "--partner", "17")[0] == Exit.OK
    assert run("partners", "unblock", "17")[0] != Exit.OK
    assert run("contracts", "verify", "17")[0] == Exit.OK
    assert run("contracts", "agree", "17", "--from", "2001-01-01")[0] == Exit.USAGE
    assert run("contracts", "agree", "17", "--from", f"{today():%Y-%m-%d}", "--months", "3")[0] == Exit.USAGE
    assert run("contracts", "agree", "17", "--from", f"{today():%Y-%m-%d}")[0] == Exit.OK
    (contract,) = json.loads(run("contracts", "list", "--json")[1])
    assert (contract["state"], contract["months_min"], contract["late"]) == ("active", 12, False)
    assert run("settlement", "run", "--month", month)[0] == Exit.OK
    status, out, _ = run("settlement", "statement", "17", "--month", month, "--json")
    assert status == Exit.OK
    assert json.loads(out)["net_grosze"] == 100
    pdf, sheet = tmp_path / "s.pdf", tmp_path / "s.csv"
    words = ("settlement", "statement", "17", "--month", month, "--pdf", str(pdf), "--csv", str(sheet))
    assert run(*words)[0] == Exit.OK
    assert pdf.read_bytes().startswith(b"%PDF")
    assert f"CZESTOCHOWA/{month.replace('-', '/')}/17" in sheet.read_text()
    words = ("settlement", "correct", "17", "-0.50", "--month", month, "--reason", "typed twice")
    assert run(*words)[0] == Exit.USAGE
    assert run(*words, "--second", "maria")[0] == Exit.OK
    assert json.loads(run("settlement", "show", "--month", month, "--json")[1])["net_grosze"] == 50
    assert run("settlement", "export", str(tmp_path / "all"), "--month", month, "--pdf")[0] == Exit.OK
    assert len(list((tmp_path / "all").iterdir())) == 3
    assert run("settlement", "close", "--month", month, *SURE, *SECOND)[0] != Exit.OK


def test_a_month_is_closed_once(run: Run) -> None:
    """One that is over is closed, shown as it was, and never closed or run again."""
    assert run("settlement", "close", "--month", "2026-01")[0] == Exit.USAGE
    alone = run("settlement", "close", "--month", "2026-01", *SURE)
    assert (alone[0], "second person" in alone[2]) == (Exit.USAGE, True)
    assert run("settlement", "close", "--month", "2026-01", *SURE, *SECOND)[0] == Exit.OK
    assert json.loads(run("settlement", "show", "--month", "2026-01", "--json")[1])["closed_at_ms"] > 0
    assert run("settlement", "close", "--month", "2026-01", *SURE, *SECOND)[0] == Exit.USAGE
    assert run("settlement", "run", "--month", "2026-01")[0] == Exit.USAGE
    for wrong in ("2026-13", "x", "2099-01"):
        assert run("settlement", "run", "--month", wrong)[0] == Exit.USAGE
    assert run("settlement", "statement", "17", "--month", "2026-01")[0] == Exit.NOT_FOUND
