"""`cityswitch invoices`: who invoices, what was issued, and where it was sent."""

import json
from pathlib import Path

import pytest
import trio

from ledger.postgres.database import Database, open_database
from ops.exit_codes import Exit
from ops.invoices.issuing import Outcome, issue_all
from tests.cli.office import Run
from tests.ledger.books import TESTER
from tests.ops.statements import points, rebate, statement

SELLER = ("--nip", "898-214-56-77", "--name", "Gmina Miasto Częstochowa", "--address", "ul. Śląska 11")
KSEF_NUMBER = "5265877635-20261205-A1B2C3-D4E5F6-12"


@pytest.fixture
def office(run: Run, ledger_dsn: str) -> Run:
    """A programme with a partner, for whose month an invoice and a note were issued."""

    async def issue() -> Outcome:
        async with open_database(ledger_dsn) as database:
            return await issued(database)

    async def issued(database: Database) -> Outcome:
        return await issue_all(database, TESTER, 1, [statement(points(1234), rebate(5000))])

    assert run("partners", "add", "7", "Piekarnia")[0] == Exit.OK
    assert run("invoices", "seller", *SELLER)[0] == Exit.OK
    assert len(trio.run(issue).issued) == 2
    return run


def test_what_was_issued_is_sent_once_listed_and_shown(office: Run, tmp_path: Path) -> None:
    """Each document is a file of its own; the KSeF number is noted once it was sent."""
    rows = json.loads(office("invoices", "list", "--month", "2026-11", "--json")[1])
    assert [(row["kind"], row["gross_grosze"], row["sink"]) for row in rows] == [
        ("invoice", 15178, None),
        ("note", 5000, None),
    ]
    number = rows[0]["number"]
    assert office("invoices", "number", number, KSEF_NUMBER)[0] == Exit.USAGE
    status, out, _ = office("invoices", "send", "--to", str(tmp_path / "out"), "--json")
    assert (status, json.loads(out)["sent"]) == (Exit.OK, [row["number"] for row in rows])
    assert json.loads(office("invoices", "send", "--json")[1])["sent"] == []
    files = {file.name: file.read_text(encoding="utf-8") for file in (tmp_path / "out").iterdir()}
    assert set(files) == {f"{row['number'].replace('/', '-')}.xml" for row in rows}
    assert office("invoices", "show", number, "--xml")[1] == files[f"{number.replace('/', '-')}.xml"]
    assert office("invoices", "number", number, KSEF_NUMBER)[0] == Exit.OK
    assert json.loads(office("invoices", "show", number, "--json")[1])["ksef_number"] == KSEF_NUMBER
    assert json.loads(office("invoices", "list", "--partner", "8", "--json")[1]) == []
    assert [row["kind"] for row in json.loads(office("invoices", "list", "--skip", "1", "--json")[1])] == [
        "note"
    ]


def test_files_go_beside_the_state_and_a_refusal_is_told(office: Run, tmp_path: Path) -> None:
    """Without --to, in a folder of the programme; a file that is another document stays as it is."""
    folder = tmp_path / "state" / "invoices" / "czestochowa"
    folder.mkdir(parents=True)
    name = json.loads(office("invoices", "list", "--json")[1])[0]["number"].replace("/", "-")
    (folder / f"{name}.xml").write_text("another", encoding="utf-8")
    status, out, err = office("invoices", "send")
    assert status == Exit.DIFFERENCES
    assert "is another document: move it away" in out
    assert "Sent 1" in err
    assert (folder / f"{name}.xml").read_text(encoding="utf-8") == "another"


def test_a_unit_of_a_city_is_kept_with_its_city(office: Run) -> None:
    """An identifier of another city's is refused, and so is a partner that is not there."""
    town = ("--nip", "5265877635", "--name", "Gmina Zgierz", "--address", "pl. Jana Pawła II 16")
    assert office("invoices", "city", "99", *town)[0] == Exit.NOT_FOUND
    assert office("invoices", "city", "7", *town, "--unit-id", "1234567890-00001")[0] == Exit.USAGE
    assert office("invoices", "city", "7", *town)[0] == Exit.OK


@pytest.mark.parametrize(
    ("words", "status"),
    [
        ("list --month 2026-13", Exit.USAGE),
        ("send --sink post", Exit.NOT_FOUND),
        ("list --partner 0", Exit.USAGE),
        ("list --skip -1", Exit.USAGE),
        ("show F/CZESTOCHOWA/2025/1", Exit.NOT_FOUND),
        ("number F/CZESTOCHOWA/2025/1 x", Exit.USAGE),
        ("seller --nip 8982145678 --name x --address y", Exit.USAGE),
    ],
)
def test_what_cannot_be_is_told(run: Run, words: str, status: Exit) -> None:
    """A month that is none, a sink nobody brought, a wrong check digit: one line each."""
    done, _, err = run("invoices", *words.split())
    assert done == status
    assert err.count("\n") == 1
