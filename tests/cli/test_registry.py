"""The registry and the books from the command line, against a real Postgres."""

import json
from pathlib import Path

import pytest

from ledger.errors import DatabaseUnavailable
from ledger.registry.secrets import MasterKey
from ops.cli import main
from ops.exit_codes import Exit
from tests.cli.office import SURE, Run, card
from tests.switch.certificates import make_certificate


def test_partners_are_imported_whole_or_by_their_good_lines(run: Run, tmp_path: Path) -> None:
    """A bad line stops all, by line and column; with --good-lines the good ones are in the registry."""
    file = tmp_path / "partners.csv"
    file.write_text(
        "id;name;main_partner;points_step\n"
        "1;Piekarnia Kłos;tak;5,00\n2;Apteka Promyk;;\nx;Optyk;;\n3;Kino;maybe;\n4;Basen;;free\n1;Kłos;;\n",
        encoding="utf-8",
    )
    status, out, _ = run("partners", "import", str(file), "--json")
    assert status == Exit.DIFFERENCES
    report = json.loads(out)
    assert report["imported"] == 0
    assert [(entry["line"], entry["column"]) for entry in report["refused"]] == [
        (4, "id"), (5, "main_partner"), (6, "points_step"), (7, ""),
    ]  # fmt: skip
    assert json.loads(run("partners", "list", "--json")[1]) == []
    assert run("partners", "import", str(file), "--good-lines")[0] == Exit.DIFFERENCES
    shown = json.loads(run("partners", "list", "--json")[1])
    assert [(row["id"], row["main_partner"], row["points_step_grosze"]) for row in shown] == [
        (1, True, 500),
        (2, False, None),
    ]


def test_partners_are_blocked_and_taken_up_again(run: Run) -> None:
    """A partner added by hand can be blocked, taken up again, and not added twice."""
    assert run("partners", "add", "7", "Kino Na Rogu")[0] == Exit.OK
    assert run("partners", "block", "7", *SURE)[0] == Exit.OK
    assert json.loads(run("partners", "show", "7", "--json")[1])["status"] == "blocked"
    assert run("partners", "unblock", "7")[0] == Exit.OK
    assert run("partners", "add", "7", "Kino")[0] == Exit.USAGE
    assert run("partners", "show", "8")[0] == Exit.NOT_FOUND


def test_terminals_are_imported_blocked_and_listed(run: Run, tmp_path: Path) -> None:
    """Terminals of unknown partners are refused with the line's number; blocking shows."""
    run("partners", "add", "7", "Kino Na Rogu")
    file = tmp_path / "terminals.csv"
    file.write_text("id,partner,label\n1,7,a\n2,8,b\n3,7,\n", encoding="utf-8")
    status, out, _ = run("terminals", "import", str(file), "--good-lines")
    assert status == Exit.DIFFERENCES
    assert "line 3: partner: there is no partner 8" in out
    assert run("terminals", "block", "3", *SURE)[0] == Exit.OK
    rows = json.loads(run("terminals", "list", "--partner", "7", "--json")[1])
    assert [(row["id"], row["status"]) for row in rows] == [(1, "active"), (3, "blocked")]
    assert run("terminals", "unblock", "99")[0] == Exit.NOT_FOUND


def test_an_empty_ledger_holds(run: Run) -> None:
    """Balance, history, trial balance and verification of books in which nothing was posted."""
    run("cards", "add", card(1))
    assert json.loads(run("ledger", "balance", card(1), "--json")[1])["balance"] == 0
    assert json.loads(run("ledger", "history", card(1), "--json")[1]) == []
    assert "debits 0 = credits 0" in run("ledger", "trial-balance")[1]
    status, out, _ = run("ledger", "verify")
    assert status == Exit.OK
    assert "FAIL" not in out
    assert run("ledger", "balance")[0] == Exit.USAGE
    assert run("ledger", "balance", "--account", "4711")[0] == Exit.NOT_FOUND


def test_the_books_are_spread_over_other_buckets_only_when_told(run: Run) -> None:
    """`ledger rebucket` wants --yes and a number that can be; afterwards the books hold as before."""
    run("cards", "add", card(1))
    assert run("ledger", "rebucket", "4")[0] == Exit.USAGE
    assert run("ledger", "rebucket", "0", *SURE)[0] == Exit.USAGE
    assert "4 buckets (they had 1)" in run("ledger", "rebucket", "4", *SURE)[1]
    assert "4 buckets (they had 4)" in run("ledger", "rebucket", "4", *SURE)[1]
    assert run("ledger", "verify")[0] == Exit.OK
    assert json.loads(run("ledger", "balance", card(1), "--json")[1])["balance"] == 0


def test_rebucket_asks_what_comes_next_before_it_begins(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """A command that says it failed has not rewritten the books."""

    async def fail(_: object) -> bool:
        raise DatabaseUnavailable("the server went away")

    with monkeypatch.context() as patched:
        patched.setattr("ops.cli.ledger.may_be_spread", fail)
        assert run("ledger", "rebucket", "4", *SURE)[0] == Exit.DATABASE
    assert "4 buckets (they had 1)" in run("ledger", "rebucket", "4", *SURE)[1]


def test_migrations_are_named_and_applied_once(run: Run) -> None:
    """On an up-to-date database `migrate` says so and does nothing."""
    assert "up to date" in run("migrate", "--dry-run")[1]
    assert "up to date" in run("migrate")[1]


def test_init_keeps_a_master_key_that_is_there(run: Run, tmp_path: Path) -> None:
    """`init` again keeps the key; a lost key is not replaced while cards need it."""
    run("cards", "add", card(1))
    before = (tmp_path / "master.key").read_bytes()
    assert run("init")[0] == Exit.OK
    assert (tmp_path / "master.key").read_bytes() == before
    (tmp_path / "master.key").unlink()
    status, _, err = run("init")
    assert status == Exit.CONFIGURATION
    assert "backup" in err
    assert not (tmp_path / "master.key").exists()


def test_the_check_passes_on_a_sound_installation(
    run: Run,
    service_dsn: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """`config check` names settings with origin, finds database and registry sound, and hides passwords."""
    dsn = service_dsn.replace("cityswitch_service@", "cityswitch_service:hidden@")
    monkeypatch.setenv("CITYSWITCH_DSN", dsn)
    place = ["--state-dir", str(tmp_path / "state"), "--master-key-file", str(tmp_path / "master.key")]
    status = main(["config", "check", *place])
    out = capsys.readouterr().out
    assert "hidden" not in out
    assert "command line" in out
    assert "environment CITYSWITCH_DSN" in out
    for check in ("master key", "state", "database", "connections", "sessions", "migrations", "registry"):
        assert f"ok    {check}" in out
    assert status in (Exit.OK, Exit.PORT)  # the default ports may be taken where the tests run


@pytest.mark.parametrize(
    ("days", "cause"), [((-3, -2), "expired at"), ((2, 3), "not valid before"), ((-1, 1), "valid until")]
)
def test_the_check_looks_at_the_certificates_days(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], days: tuple[int, int], cause: str
) -> None:
    """A certificate that no terminal can trust today is refused with status 3 and its date."""
    crt, key = make_certificate(tmp_path, from_days=days[0], to_days=days[1])
    settings = tmp_path / "cityswitch.toml"
    settings.write_text(f'tls = "on"\ntls_certificate = "{crt}"\ntls_key = "{key}"\n')
    main(["config", "check", "--json", "--config", str(settings), "--state-dir", str(tmp_path / "state")])
    found = {entry["check"]: entry for entry in json.loads(capsys.readouterr().out)["checks"]}
    assert cause in found["tls"]["text"]
    assert found["tls"]["status"] == (Exit.OK if cause == "valid until" else Exit.CONFIGURATION)


def test_the_check_refuses_another_installations_key(
    run: Run, service_dsn: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With a key this database was not initialised with nothing would be found: status 3, and the cure."""
    MasterKey.create(tmp_path / "other.key")
    place = ["--state-dir", str(tmp_path / "state"), "--master-key-file", str(tmp_path / "other.key")]
    main(["config", "check", "--json", "--dsn", service_dsn, *place])
    found = {entry["check"]: entry for entry in json.loads(capsys.readouterr().out)["checks"]}
    assert found["registry"]["status"] == Exit.CONFIGURATION
    assert "another installation's" in found["registry"]["text"]


def test_the_check_refuses_a_role_that_may_change_postings(run: Run) -> None:
    """The switch must not run as the owner of the books: `config check` says so with status 3."""
    _, out, _ = run("config", "check", "--json")
    found = {entry["check"]: entry for entry in json.loads(out)["checks"]}
    assert found["database"]["status"] == Exit.CONFIGURATION
    assert "may change postings" in found["database"]["text"]


def test_czestochowa_main_partners_are_a_limited_number(run: Run, tmp_path: Path) -> None:
    """Częstochowa, "Główni Partnerzy": as many as the rules say, by file or one by one."""
    file = tmp_path / "partners.csv"
    lines = [f"{number},Kino {number},yes" for number in range(1, 12)]
    file.write_text("\n".join(["id,name,main_partner", *lines]) + "\n", encoding="utf-8")
    status, _, err = run("partners", "import", str(file))
    assert status == Exit.USAGE
    assert "at most 10 Main Partners" in err
    assert json.loads(run("partners", "list", "--json")[1]) == []
    file.write_text("\n".join(["id,name,main_partner", *lines[:10]]) + "\n", encoding="utf-8")
    assert run("partners", "import", str(file))[0] == Exit.OK
    assert run("partners", "add", "11", "Kino 11", "--main-partner")[0] == Exit.USAGE
    assert run("partners", "add", "11", "Kino 11")[0] == Exit.OK
