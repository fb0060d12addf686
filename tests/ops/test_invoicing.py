"""A month's invoices issued and sent: each once, whatever ends a run; files that stand whole or not."""

import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
import trio

from ledger.errors import NotInRegistry, RegistryRefused
from ledger.postgres.database import Database, open_database
from ledger.registry.invoice_parties import set_city, set_seller
from ledger.registry.invoices import find_document, list_issued, record_number
from ledger.registry.partners import NewPartner, import_partners
from ledger.settlement.statement import Statement
from ops.invoices.issuing import Outcome, issue_all, send_all
from ops.invoices.sinks import Document, FileSink, Sink, find_sink
from tests.ledger.books import PARTNER, PROGRAMME, TESTER, found_registry
from tests.ops.statements import CITY, SELLER, points, rebate, statement

KSEF_NUMBER = "5265877635-20261205-A1B2C3-D4E5F6-12"
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
    city: Database, ledger_dsn: str, killed_after: int
) -> None:
    """Stopped in the middle of a document: the next run has the numbers follow, and no month twice."""
    statements = month_of_all()
    async with open_database(ledger_dsn, connections_max=1) as victim:
        with trio.CancelScope() as scope:

            def until_killed() -> object:
                for count, of in enumerate(statements):
                    if count == killed_after:
                        scope.cancel()
                    yield of

            await issue_all(victim, TESTER, PROGRAMME, until_killed())  # type: ignore[arg-type]
        assert scope.cancelled_caught
    assert len((await numbers(city))["F"]) < len(statements)
    await issued(city, *statements)
    assert await numbers(city) == {"F": list(range(1, 22)), "N": list(range(1, 22))}


async def test_a_negative_month_corrects_the_invoice_with_its_ksef_number(city: Database) -> None:
    """The number that KSeF gave the invoice stands in the correction, and the list says what it corrects."""
    (invoice,) = (await issued(city, statement(points(50), month="2026-10"))).issued
    negative = statement(points(-80, origin="2026-10"), month="2026-11")

    class Ksef:
        name = "ksef"

        def send(self, document: Document) -> str:
            return KSEF_NUMBER

    assert (await send_all(city, TESTER, PROGRAMME, Ksef())).sent == [invoice.text]
    (correction,) = (await issued(city, negative)).issued
    assert (correction.kind, correction.number, correction.corrects) == ("correction", 2, [invoice.text])
    assert (correction.net_grosze, correction.vat_grosze) == (-800, -184)
    _, content = await city.run(lambda c: find_document(c, correction.text))
    assert f"<NrKSeFFaKorygowanej>{KSEF_NUMBER}</NrKSeFFaKorygowanej>".encode() in content
    assert (await issued(city, negative)).there == [correction]


async def test_a_first_month_that_is_negative_is_refused(city: Database) -> None:
    """A correction corrects something; the note of the same month waits with it."""
    outcome = await issued(city, statement(points(-80), rebate(100)))
    assert [refused.why for refused in outcome.refused] == [
        "the month is negative, and no earlier invoice is there to be corrected"
    ]
    assert await numbers(city) == {}


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
        await city.run(lambda c: record_number(c, TESTER, invoice.text, KSEF_NUMBER))


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
