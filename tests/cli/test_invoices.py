"""`cityswitch invoices`: who invoices, a month issued and sent once, what was issued."""

import errno
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ledger.errors import DatabaseUnavailable, RegistryRefused
from ledger.registry.invoices import Order
from ops.cli import invoices
from ops.exit_codes import Exit
from ops.invoices import issuing
from ops.invoices.sinks import Document, FileSink
from tests.cli.office import Run
from tests.ops.statements import ksef_number, points, rebate, statement

SELLER = ("--nip", "898-214-56-77", "--name", "Gmina Miasto Częstochowa", "--address", "ul. Śląska 11")
OCTOBER = {
    7: statement(points(1234), rebate(5000), month="2026-10"),
    8: statement(points(5), partner=8, month="2026-10", address=""),
}
NOVEMBER = {7: statement(points(-34, origin="2026-10"), month="2026-11")}
DECEMBER = {7: statement(points(-3), month="2026-12")}
Send = Callable[[FileSink, Document], str]
MONTHS = {"2026-10": OCTOBER, "2026-11": NOVEMBER, "2026-12": DECEMBER}


@pytest.fixture
def office(run: Run, monkeypatch: pytest.MonkeyPatch) -> Run:
    """A programme with two partners, their months settled."""

    async def read_statements(_: object, __: int, month: str) -> object:
        return list(MONTHS[month].values())

    async def read_statement(_: object, __: int, partner: int, month: str) -> object:
        return MONTHS[month][partner]

    monkeypatch.setattr(invoices, "read_statements", read_statements)
    monkeypatch.setattr(invoices, "read_statement", read_statement)
    for number, name in ((7, "Piekarnia"), (8, "Kino")):
        assert run("partners", "add", str(number), name)[0] == Exit.OK
    return run


def test_a_month_is_issued_sent_and_listed(office: Run, tmp_path: Path) -> None:
    """Each document once; a partner that is refused is told, and the run ends as one with differences."""
    assert office("invoices", "make", "--month", "2026-10")[0] == Exit.NOT_FOUND
    assert office("invoices", "seller", *SELLER)[0] == Exit.OK
    status, out, err = office("invoices", "make", "--month", "2026-10", "--to", str(tmp_path / "out"))
    assert status == Exit.DIFFERENCES
    assert "partner 8: the partner's address must have 1 to 512 characters" in out
    assert "Issued 2, there already 0." in err
    rows = json.loads(office("invoices", "list", "--month", "2026-10", "--json")[1])
    assert [(row["kind"], row["gross_grosze"], row["sink"]) for row in rows] == [
        ("invoice", 15178, "file"),
        ("note", 5000, "file"),
    ]
    files = {file.name: file.read_text(encoding="utf-8") for file in (tmp_path / "out").iterdir()}
    assert set(files) == {f"{row['number'].replace('/', '-')}.xml" for row in rows}
    number = rows[0]["number"]
    assert office("invoices", "show", number, "--xml")[1] == files[f"{number.replace('/', '-')}.xml"]
    again = json.loads(office("invoices", "make", "--month", "2026-10", "--json")[1])
    assert (again["there"], again["issued"], again["sent"]) == (2, [], [])
    assert json.loads(office("invoices", "list", "--partner", "8", "--json")[1]) == []
    assert json.loads(office("invoices", "list", "--skip", "1", "--json")[1]) == rows[1:]


def full(sink: FileSink, _document: Document) -> str:
    """A disk that has room for no file."""
    raise OSError(errno.ENOSPC, "No space left on device", str(sink.folder))


def unreachable(_sink: FileSink, _document: Document) -> str:
    """What a sink that an installed package brings may say."""
    raise ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused")


@pytest.mark.parametrize(("send", "why"), [(full, "the disk is full"), (unreachable, "Connection refused")])
def test_what_was_issued_is_told_where_nothing_more_can_be_sent(
    office: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, send: Send, why: str
) -> None:
    """As rows or JSON, with what was sent before; then the cause and its status. Nothing is done twice."""
    office("invoices", "seller", *SELLER)
    usual = FileSink.send

    def first_alone(sink: FileSink, document: Document) -> str:
        return usual(sink, document) if document.kind == "invoice" else send(sink, document)

    make = ("invoices", "make", "--month", "2026-10", "--partner", "7", "--to", str(tmp_path / "out"))
    with monkeypatch.context() as patched:
        patched.setattr(FileSink, "send", first_alone)
        status, out, err = office(*make, "--json")
        told = json.loads(out)
        assert (status, len(told["issued"]), len(told["sent"])) == (Exit.STATE, 2, 1)
        assert why in err
        status, out, err = office("invoices", "send", "--to", str(tmp_path / "out"))
        assert (status, "Sent 0" in err, why in err) == (Exit.STATE, True, True)
    again = json.loads(office(*make, "--json")[1])
    assert (again["there"], again["issued"], len(again["sent"])) == (2, [], 1)
    assert len(list((tmp_path / "out").iterdir())) == 2


def test_what_was_issued_is_told_where_the_database_is_lost(
    office: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of two documents the first was issued; then the cause; the second run issues the other."""
    office("invoices", "seller", *SELLER)
    usual, make = issuing.issue, ("invoices", "make", "--month", "2026-10", "--partner", "7")

    async def lost(*args: Any, order: Order, **more: Any) -> object:
        if order.kind == "note":
            raise DatabaseUnavailable("the connection was lost")
        return await usual(*args, order=order, **more)

    with monkeypatch.context() as patched:
        patched.setattr(issuing, "issue", lost)
        status, out, err = office(*make, "--json")
    assert (status, len(json.loads(out)["issued"]), "was lost" in err) == (Exit.DATABASE, 1, True)
    again = json.loads(office(*make, "--json")[1])
    assert (again["there"], len(again["issued"]), len(again["sent"])) == (1, 1, 2)


def test_notes_are_written_out_to_be_read(office: Run, tmp_path: Path) -> None:
    """One as CSV and PDF, all of a month into a folder; an invoice is none, and no place is a clear line."""
    office("invoices", "seller", *SELLER)
    made = json.loads(
        office("invoices", "make", "--month", "2026-10", "--partner", "7", "--hold", "--json")[1]
    )
    invoice, note = (row["number"] for row in made["issued"])
    sheet, pdf = tmp_path / "note.csv", tmp_path / "note.pdf"
    assert office("invoices", "show", note, "--csv", str(sheet), "--pdf", str(pdf)) == (Exit.OK, "", "")
    assert "5000" in sheet.read_text(encoding="utf-8").splitlines()[-1]
    assert pdf.read_bytes().startswith(b"%PDF")
    folder = tmp_path / "notes"
    status, out, _ = office("invoices", "notes", str(folder), "--month", "2026-10", "--pdf", "--json")
    assert (status, json.loads(out)) == (Exit.OK, {"notes": 1, "directory": str(folder)})
    names = {file.name for file in folder.iterdir()}
    assert names == {"notes.csv", f"{note.replace('/', '-')}.pdf"}
    assert (folder / "notes.csv").read_bytes() == sheet.read_bytes()
    status, _, err = office("invoices", "show", invoice, "--pdf", str(tmp_path / "x.pdf"))
    assert (status, "is no note" in err) == (Exit.USAGE, True)
    for place in (sheet, tmp_path / "not" / "there.csv"):
        status = office("invoices", "show", note, "--csv", str(place))[0]
        assert status == (Exit.OK if place == sheet else Exit.STATE)
    assert office("invoices", "notes", str(sheet), "--month", "2026-10")[0] == Exit.STATE


def test_what_is_held_back_is_sent_later_and_named_by_its_ksef_number(office: Run, tmp_path: Path) -> None:
    """Issued, sent, numbered by KSeF by hand; the correction of the next month names that number."""
    office("invoices", "seller", *SELLER)
    made = json.loads(
        office("invoices", "make", "--month", "2026-10", "--partner", "7", "--hold", "--json")[1]
    )
    number = made["issued"][0]["number"]
    assert made["sent"] == []
    assert office("invoices", "number", number, ksef_number())[0] == Exit.USAGE
    status, out, _ = office("invoices", "send", "--json")
    assert (status, len(json.loads(out)["sent"])) == (Exit.OK, 2)
    folder = tmp_path / "state" / "invoices" / "czestochowa"
    assert len(list(folder.iterdir())) == 2
    assert office("invoices", "number", number, ksef_number())[0] == Exit.OK
    assert office("invoices", "number", number, "x")[0] == Exit.USAGE
    status, out, _ = office("invoices", "make", "--month", "2026-11", "--json")
    (correction,) = json.loads(out)["issued"]
    assert (status, correction["kind"], correction["corrects"]) == (Exit.OK, "correction", number)
    xml = office("invoices", "show", correction["number"], "--xml")[1]
    assert f"<NrKSeFFaKorygowanej>{ksef_number()}<" in xml
    assert json.loads(office("invoices", "show", number, "--json")[1])["ksef_number"] == ksef_number()


def test_what_a_person_says_of_invoices(office: Run) -> None:
    """Issued outside KSeF, billed elsewhere, and whose invoice is corrected: each with a reason, and told."""
    office("invoices", "seller", *SELLER)
    made = json.loads(office("invoices", "make", "--month", "2026-10", "--partner", "7", "--json")[1])
    number = made["issued"][0]["number"]
    assert office("invoices", "outside", number)[0] == Exit.USAGE
    assert office("invoices", "outside", number, "--reason", "KSeF was away")[0] == Exit.OK
    assert json.loads(office("invoices", "show", number, "--json")[1])["outside_ksef"] is True
    status, out, _ = office("invoices", "make", "--month", "2026-12")
    assert (status, "`invoices make --partner 7 --origin`" in out) == (Exit.DIFFERENCES, True)
    said = ("7", "2026-05", "FV/5", "--on", "2026-06-02", "--reason", "before this office")
    withdrawn = ("invoices", "withdraw-elsewhere", "7", "2026-05")
    assert office(*withdrawn, "--reason", "of another")[0] == Exit.NOT_FOUND
    assert office("invoices", "elsewhere", *said)[0] == Exit.OK
    assert office(*withdrawn)[0] == Exit.USAGE
    assert json.loads(office(*withdrawn, "--reason", "of another", "--json")[1])["number"] == "FV/5"
    assert office("invoices", "elsewhere", *said)[0] == Exit.OK
    assert office("invoices", "make", "--month", "2026-12", "--origin", "2026-05")[0] == Exit.USAGE
    taken = ("--month", "2026-12", "--partner", "7", "--origin", "2026-05", "--json")
    (correction,) = json.loads(office("invoices", "make", *taken)[1])["issued"]
    assert (correction["kind"], correction["corrects"]) == ("correction", "FV/5")


def test_files_go_beside_the_state_and_a_refusal_is_told(office: Run, tmp_path: Path) -> None:
    """Without --to, in a folder of the programme; a file that is another document stays as it is."""
    office("invoices", "seller", *SELLER)
    office("invoices", "make", "--month", "2026-10", "--partner", "7", "--hold")
    folder = tmp_path / "state" / "invoices" / "czestochowa"
    folder.mkdir(parents=True)
    name = json.loads(office("invoices", "list", "--json")[1])[0]["number"].replace("/", "-")
    (folder / f"{name}.xml").write_text("another", encoding="utf-8")
    status, out, err = office("invoices", "send")
    assert status == Exit.DIFFERENCES
    assert "is another document: move it away" in out
    assert "Sent 1" in err
    assert (folder / f"{name}.xml").read_text(encoding="utf-8") == "another"


def test_what_was_issued_is_told_where_somebody_is_sending(
    office: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That nothing is sent now stands among what was refused, beside the documents that were issued."""
    office("invoices", "seller", *SELLER)

    async def refused(*_: object) -> None:
        raise RegistryRefused("the documents are being sent already: look again in a while")

    monkeypatch.setattr(invoices, "send_all", refused)
    status, out, _ = office("invoices", "make", "--month", "2026-10", "--json")
    told = json.loads(out)
    assert (status, len(told["issued"]), told["sent"]) == (Exit.DIFFERENCES, 2, [])
    assert [each["what"] for each in told["refused"]] == ["partner 8", "sending"]
    status, out, err = office("invoices", "make", "--month", "2026-10")
    assert (status, "Issued 0, there already 2." in err) == (Exit.DIFFERENCES, True)
    assert "sending: the documents are being sent already" in out
    assert "partner 8: the partner's address" in out


def test_a_unit_of_a_city_is_named_with_its_city(office: Run) -> None:
    """The city is the buyer of what is issued from then on."""
    office("invoices", "seller", *SELLER)
    town = ("--nip", "5265877635", "--name", "Gmina Zgierz", "--address", "pl. Jana Pawła II 16")
    assert office("invoices", "city", "99", *town)[0] == Exit.NOT_FOUND
    assert office("invoices", "city", "7", *town, "--unit-id", "1234567890-00001")[0] == Exit.USAGE
    assert office("invoices", "city", "7", *town)[0] == Exit.OK
    made = json.loads(office("invoices", "make", "--month", "2026-10", "--partner", "7", "--json")[1])
    xml = office("invoices", "show", made["issued"][0]["number"], "--xml")[1]
    assert "<JST>1</JST>" in xml
    assert "<Rola>8</Rola>" in xml


@pytest.mark.parametrize(
    ("words", "status"),
    [
        ("make --month 2026-13", Exit.USAGE),
        ("make --month 2026-10 --sink post", Exit.NOT_FOUND),
        ("make --month 2026-10 --partner 0", Exit.USAGE),
        ("list --skip -1", Exit.USAGE),
        ("show F/CZESTOCHOWA/2026/1", Exit.NOT_FOUND),
        ("number F/CZESTOCHOWA/2026/1 x", Exit.USAGE),
        ("seller --nip 8982145678 --name x --address y", Exit.USAGE),
        ("seller --nip 8982145677 --name x --address y --bank-account abc123456789", Exit.USAGE),
        ("elsewhere 7 2026-05 FV/5 --on 2026-13-01 --reason x", Exit.USAGE),
        ("make --month 2026-10 --partner 7 --origin 2026-10", Exit.USAGE),
    ],
)
def test_what_cannot_be_is_told(office: Run, words: str, status: Exit) -> None:
    """A month that is none, a sink nobody brought, a wrong check digit: one line each."""
    done, _, err = office("invoices", *words.split())
    assert done == status
    assert err.count("\n") == 1
