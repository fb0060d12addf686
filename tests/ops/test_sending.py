"""Documents are handed over one by one by one sender at a time, whoever presses Send and how often."""

from pathlib import Path
from threading import Event

import pytest
import trio

from ledger.errors import DatabaseUnavailable, RegistryRefused
from ledger.postgres.database import Database
from ledger.registry.invoices import list_issued
from ops.invoices import issuing
from ops.invoices.document_desk import DocumentDesk
from ops.invoices.sinks import Document, FileSink
from tests.ops.test_document_desk import OLA, desk_of
from tests.ops.test_second_person import ANNA, CITY, last_month
from tests.patience import HANG_S


class Slow(FileSink):
    """Takes note of what it is handed; the first document it keeps in its hand until it is let go."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.handed: list[Document] = []
        self.has_first, self.goes_on = trio.Event(), Event()

    def send(self, document: Document) -> str:
        """Send it, the first one when it is let go."""
        self.handed.append(document)
        if len(self.handed) == 1:
            trio.from_thread.run_sync(self.has_first.set)
            assert self.goes_on.wait(HANG_S)
        return super().send(document)


async def issued_by(owner: Database, sink: FileSink) -> DocumentDesk:
    """The desk of a city with two documents that wait to be sent."""
    desk = await desk_of(owner, is_needed=False, others=1)
    await desk.approve(ANNA, await desk.propose(ANNA, last_month()))
    return DocumentDesk(owner, CITY, sink)


def files_of(folder: Path) -> set[Path]:
    return set(folder.iterdir())


async def sent(owner: Database) -> list[bool]:
    return [each.sent_at is not None for each in await owner.run(lambda c: list_issued(c, CITY))]


async def test_of_two_who_send_at_once_one_does(owner: Database, tmp_path: Path) -> None:
    """The other is told so and hands nothing over; each document is handed over once, and noted."""
    sink = Slow(tmp_path)
    desk = await issued_by(owner, sink)
    with trio.fail_after(HANG_S):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(desk.send, ANNA)
            await sink.has_first.wait()
            try:
                with pytest.raises(RegistryRefused, match="are being sent already"):
                    await desk.send(OLA)
            finally:
                sink.goes_on.set()
    assert len(sink.handed) == len({each.text for each in sink.handed}) == 2
    assert await sent(owner) == [True, True]
    await desk.send(OLA)
    assert len(sink.handed) == 2


async def test_what_was_handed_over_and_not_noted_is_handed_over_again(
    owner: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever sends next hands the same bytes over, in whose place nothing else comes, and notes it."""
    sink = Slow(tmp_path)
    sink.goes_on.set()
    desk = await issued_by(owner, sink)

    async def lost(*_: object, **__: object) -> None:
        raise DatabaseUnavailable("the connection was lost")

    with monkeypatch.context() as patch:
        patch.setattr(issuing, "record_sent", lost)
        with pytest.raises(DatabaseUnavailable):
            await desk.send(ANNA)
    assert await sent(owner) == [False, False]
    await desk.send(OLA)
    first, again, other = sink.handed
    assert (first, other.text != first.text) == (again, True)
    assert await sent(owner) == [True, True]
    assert files_of(tmp_path) == {sink.path_of(each) for each in (first, other)}
