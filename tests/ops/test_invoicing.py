"""A month's invoices issued and sent: each once, whatever ends a run; files that stand whole or not."""

import os
import stat
from collections.abc import Callable
from datetime import date
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import trio

from ledger.errors import NotInRegistry, RegistryRefused
from ledger.postgres.database import Database, open_database
from ledger.registry.audit import Actor
from ledger.registry.invoice_billings import say_elsewhere
from ledger.registry.invoice_deliveries import record_number, record_outside
from ledger.registry.invoice_parties import set_city, set_seller
from ledger.registry.invoices import find_document, list_issued
from ledger.registry.partners import NewPartner, import_partners
from ledger.settlement.statement import Statement
from ops.invoices import issuing
from ops.invoices.issuing import Outcome, issue_all, send_all, write_document
from ops.invoices.sinks import Document, FileSink, Sink, find_sink
from tests.ledger.books import PARTNER, PROGRAMME, TESTER, found_registry
from tests.ops.statements import CITY, SELLER, ksef_number, points, rebate, statement

OTHERS = range(100, 120)


@pytest.fixture
async def city(owner: Database) -> Database:
    """A programme with an organiser and partners."""
    await owner.run(lambda c: found_registry(c, 1))
    partners = [NewPartner(number, f"Sklep {number}") for number in OTHERS]
    await owner.run(lambda c: import_partners(c, TESTER, PROGRAMME, partners))
    await owner.run(lambda c: set_seller(c, TESTER, PROGRAMME, SELLER))
    return owner


def month_of_all(month: str = "2026-10") -> list[Statement]:
    return [statement(points(n), rebate(n), partner=n, month=month) for n in (PARTNER, *OTHERS)]


async def issued(city: Database, *statements: Statement) -> Outcome:
    return await issue_all(city, TESTER, PROGRAMME, statements)


async def numbers(city: Database) -> dict[str, list[int]]:
    """The numbers there are, by series."""
    found: dict[str, list[int]] = {}
    for row in await city.run(lambda c: list_issued(c, PROGRAMME, limit=1000)):
        found.setdefault(row.series, []).append(row.number)
    return found


async def test_a_month_is_issued_once_and_sent_once(city: Database, tmp_path: Path) -> None:
    """A second run finds all there; what is sent is what was issued, byte for byte, for the owner alone."""
    first = await issued(city, *month_of_all())
    assert (len(first.issued), len(first.there), first.refused) == (42, 0, [])
    again = await issued(city, *month_of_all())
    assert (len(again.issued), again.there) == (0, first.issued)
    assert await numbers(city) == {"F": list(range(1, 22)), "N": list(range(1, 22))}
    sent = await send_all(city, TESTER, PROGRAMME, FileSink(tmp_path / "out"))
    assert len(sent.sent) == 42
    assert (await send_all(city, TESTER, PROGRAMME, FileSink(tmp_path / "other"))).sent == []
    assert not (tmp_path / "other").exists()
    assert len(list((tmp_path / "out").iterdir())) == 42
    for row in first.issued:
        _, content = await city.run(lambda c, text=row.text: find_document(c, text))
        place = tmp_path / "out" / f"{row.text.replace('/', '-')}.xml"
        assert place.read_bytes() == content
        assert stat.S_IMODE(place.stat().st_mode) == 0o600


async def test_without_an_organiser_nothing_is_issued(owner: Database) -> None:
    """Who invoices is asked before the first number is taken."""
    await owner.run(lambda c: found_registry(c, 1))
    with pytest.raises(NotInRegistry, match="invoices seller"):
        await issued(owner, *month_of_all())


async def test_a_partner_that_is_refused_stops_no_other_and_takes_no_number(city: Database) -> None:
    """Told with its reason; once mended it has the next number."""
    broken = statement(points(5), partner=100, month="2026-10", address="")
    outcome = await issued(city, broken, *month_of_all()[2:])
    assert [(refused.what, refused.why) for refused in outcome.refused] == [
        ("partner 100", "the partner's address must have 1 to 512 characters")
    ]
    assert (await numbers(city))["F"] == list(range(1, 20))
    mended = await issued(city, statement(points(5), partner=100, month="2026-10"))
    assert mended.issued[0].number == 20


@pytest.mark.parametrize("killed_after", [1, 2, 7])
async def test_a_run_that_is_killed_goes_on_without_a_gap(
    city: Database, ledger_dsn: str, killed_after: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopped in the middle of a document: the next run has the numbers follow, and no month twice."""
    statements, written = month_of_all(), count()
    async with open_database(ledger_dsn, connections_max=1) as victim:
        with trio.CancelScope() as scope:

            def until_killed(*given: Any) -> bytes:
                if next(written) == killed_after:
                    scope.cancel()
                return write_document(*given)

            monkeypatch.setattr(issuing, "write_document", until_killed)
            await issue_all(victim, TESTER, PROGRAMME, statements)
        assert scope.cancelled_caught
    monkeypatch.undo()
    assert len(await city.run(lambda c: list_issued(c, PROGRAMME, limit=1000))) == killed_after
    await issued(city, *statements)
    assert await numbers(city) == {"F": list(range(1, 22)), "N": list(range(1, 22))}


async def test_a_negative_month_corrects_the_invoice_with_its_ksef_number(city: Database) -> None:
    """The number that KSeF gave the invoice stands in the correction, and the list says what it corrects."""
    (invoice,) = (await issued(city, statement(points(80), month="2026-10"))).issued
    negative = statement(points(-80, origin="2026-10"), month="2026-11")

    class Ksef:
        name = "ksef"

        def send(self, document: Document) -> str:
            return ksef_number()

    assert (await send_all(city, TESTER, PROGRAMME, Ksef())).sent == [invoice.text]
    (correction,) = (await issued(city, negative)).issued
    assert (correction.kind, correction.number, correction.corrects) == ("correction", 2, invoice.text)
    assert (correction.net_grosze, correction.vat_grosze) == (-800, -184)
    _, content = await city.run(lambda c: find_document(c, correction.text))
    assert f"<NrKSeFFaKorygowanej>{ksef_number()}</NrKSeFFaKorygowanej>".encode() in content
    assert (await issued(city, negative)).there == [correction]


async def whys(city: Database, *statements: Statement, takes_from: str = "") -> list[str]:
    """Why what these statements ask for was refused."""
    outcome = await issue_all(city, TESTER, PROGRAMME, statements, takes_from=takes_from)
    return [str(refused.why) for refused in outcome.refused]


async def test_a_correction_is_of_the_invoice_of_its_month_and_of_no_other(
    city: Database, tmp_path: Path
) -> None:
    """October is issued before September: what it takes off September waits for September's invoice, and for
    that one's KSeF number; its own sale does not wait.
    """
    august, september = (statement(points(n), month=f"2026-0{n}") for n in (8, 9))
    october = statement(points(7), points(-5, origin="2026-09"), month="2026-10")
    await issued(city, august)
    assert await whys(city, october) == [
        "no invoice billed 2026-09 yet: that month is invoiced first, or the invoice that was issued "
        "elsewhere is named (`invoices elsewhere`)"
    ]
    assert [one.kind for one in await city.run(lambda c: list_issued(c, PROGRAMME))] == ["invoice"] * 2
    (billed,) = (await issued(city, september)).issued
    await send_all(city, TESTER, PROGRAMME, FileSink(tmp_path))
    (waits,) = await whys(city, october)
    assert waits.startswith(f"the correction waits for the KSeF number of {billed.text}: ")
    await city.run(lambda c: record_number(c, TESTER, billed.text, ksef_number()))
    (correction,) = (await issued(city, october)).issued
    assert (correction.kind, correction.net_grosze, correction.corrects) == ("correction", -50, billed.text)


async def test_no_more_is_taken_off_than_was_billed(city: Database, tmp_path: Path) -> None:
    """With the corrections before it: what is too much waits until it is put back, and is told."""
    (billed,) = (await issued(city, statement(points(100), month="2026-08"))).issued
    await send_all(city, TESTER, PROGRAMME, FileSink(tmp_path))
    await city.run(lambda c: record_number(c, TESTER, billed.text, ksef_number()))
    taken = {month: points(n, origin="2026-08") for month, n in (("2026-09", -60), ("2026-10", -50))}
    september, october = (statement(line, month=month) for month, line in taken.items())
    assert await whys(city, september) == []
    (why,) = await whys(city, october)
    assert f"takes off more at 23 % of VAT than is left of {billed.text} at that rate (400 gr net)" in why
    assert await whys(city, statement(points(10, origin="2026-08")), october) == []


async def test_an_invoice_outside_ksef_is_told_by_a_person(city: Database, tmp_path: Path) -> None:
    """Then, and only then, the correction says so."""
    (billed,) = (await issued(city, statement(points(50), month="2026-10"))).issued
    await send_all(city, TESTER, PROGRAMME, FileSink(tmp_path))
    with pytest.raises(RegistryRefused, match="reason"):
        await city.run(lambda c: record_outside(c, Actor("anna"), billed.text))
    await city.run(lambda c: record_outside(c, TESTER._replace(reason="KSeF was away"), billed.text))
    (correction,) = (await issued(city, statement(points(-5, origin="2026-10")))).issued
    _, content = await city.run(lambda c: find_document(c, correction.text))
    assert b"<NrKSeFN>1</NrKSeFN>" in content


async def test_what_names_no_month_is_corrected_where_a_person_says(city: Database) -> None:
    """The month alone is refused; said, and billed elsewhere, it is a correction of that invoice; the month
    that was billed elsewhere is not billed again.
    """
    months = {month: statement(points(-80), rebate(100), month=month) for month in ("2026-10", "2026-11")}
    why = "its corrections take off more than was sold and name no month: say which month's invoice they "
    why += f"correct, with `invoices make --partner {PARTNER} --origin`"
    assert await whys(city, months["2026-10"]) == [why]
    assert await numbers(city) == {"N": [1]}, "the note does not wait"
    said = ("FV/5/2026", date(2026, 6, 2), "")
    await city.run(lambda c: say_elsewhere(c, TESTER._replace(reason="x"), PARTNER, "2026-05", said))
    assert await whys(city, months["2026-10"], takes_from="2026-10") == [
        "a correction of 2026-10 is of an earlier month"
    ]
    assert await whys(city, months["2026-10"], takes_from="2026-05") == []
    (correction,) = [one for one in await city.run(lambda c: list_issued(c, PROGRAMME)) if one.series == "F"]
    assert (correction.kind, correction.corrects) == ("correction", "FV/5/2026")
    assert (await issued(city, months["2026-10"])).refused == []
    assert await whys(city, statement(points(1), month="2026-05")) == [
        "2026-05 was billed by FV/5/2026 already"
    ]


async def test_a_unit_of_a_city_is_invoiced_to_the_city(city: Database) -> None:
    """What the registry says of a partner's city stands in its documents, and in no other's."""
    await city.run(lambda c: set_city(c, TESTER, PARTNER, CITY))
    outcome = await issued(city, *month_of_all()[:2])
    marks = []
    for row in outcome.issued:
        _, content = await city.run(lambda c, text=row.text: find_document(c, text))
        marks.append(b"<JST>1</JST>" in content)
    assert marks == [True, False, False, False]


async def test_a_sink_that_refuses_one_sends_the_others(city: Database, tmp_path: Path) -> None:
    """What was refused waits for the next run, and is told."""
    await issued(city, *month_of_all()[:3])

    class Choosy(FileSink):
        def send(self, document: Document) -> str:
            if document.text.endswith("/2"):
                raise RegistryRefused("not this one")
            return super().send(document)

    outcome = await send_all(city, TESTER, PROGRAMME, Choosy(tmp_path))
    assert [(one.what[0], one.why) for one in outcome.refused] == [
        ("F", "not this one"),
        ("N", "not this one"),
    ]
    assert len(outcome.sent) == 4
    assert len((await send_all(city, TESTER, PROGRAMME, FileSink(tmp_path))).sent) == 2


async def test_a_document_that_was_never_sent_has_no_ksef_number(city: Database) -> None:
    """It is numbered by KSeF after it was sent."""
    (invoice,) = (await issued(city, statement(points(50)))).issued
    with pytest.raises(RegistryRefused, match="not sent yet"):
        await city.run(lambda c: record_number(c, TESTER, invoice.text, ksef_number()))


DOCUMENT = Document("F/CZESTOCHOWA/2026/1", "invoice", b"<x/>")


def test_a_file_is_whole_or_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that is full leaves nothing; sent again it stands, and sent once more it stays."""
    sink = FileSink(tmp_path)

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="No space"):
            sink.send(DOCUMENT)
    assert list(tmp_path.iterdir()) == []
    for _ in range(2):
        assert sink.send(DOCUMENT) == ""
        assert [file.name for file in tmp_path.iterdir()] == ["F-CZESTOCHOWA-2026-1.xml"]


def test_another_document_under_the_same_name_is_never_overwritten(tmp_path: Path) -> None:
    """Two installations that write into one folder are told."""
    sink = FileSink(tmp_path)
    sink.send(DOCUMENT)
    with pytest.raises(RegistryRefused, match="another document"):
        sink.send(DOCUMENT._replace(content=b"<y/>"))
    assert sink.path_of(DOCUMENT).read_bytes() == b"<x/>"


def test_a_sink_is_found_by_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The files' own, or one that an installed package brings; another name is told the known ones."""
    assert isinstance(find_sink("file", tmp_path), FileSink)
    made: Callable[[], Sink] = lambda: FileSink(tmp_path / "ksef")  # noqa: E731

    class Found:
        name = "ksef"

        def load(self) -> Callable[[], Sink]:
            return made

    def found(*, group: str, name: str = "ksef") -> list[Found]:
        return [Found()] if (group, name) == ("cityswitch.invoice_sinks", "ksef") else []

    monkeypatch.setattr("ops.invoices.sinks.entry_points", found)
    assert find_sink("ksef", tmp_path) is not None
    with pytest.raises(NotInRegistry, match="file, ksef"):
        find_sink("post", tmp_path)
