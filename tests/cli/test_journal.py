"""`cityswitch journal find`: what a caller at the desk has in his hand, and what it finds."""

import csv
import io
import json
from typing import Any

import pytest
import trio

from ledger.postgres.database import open_database
from ops.exit_codes import Exit
from protocol import ResultCode
from tests.cli.office import Run, card
from tests.ledger.books import Books
from tests.postgres import FreshDatabase

PARTNER = 7


@pytest.fixture
def shop(run: Run, fresh: FreshDatabase) -> Run:
    """Six sales of two cards at terminals 17 and 18, the last two declined; two seconds apart."""
    for words, typed in (
        (("partners", "add", "7", "Kino"), ""),
        (("terminals", "add", "17", "--partner", "7"), ""),
        (("terminals", "add", "18", "--partner", "7"), ""),
        (("cards", "add"), card(1)),
        (("cards", "add"), card(2)),
    ):
        status, _, err = run(*words, typed=typed)
        assert status == Exit.OK, err

    async def sell() -> None:
        async with open_database(fresh.service_dsn) as database:
            rows = await database.run(lambda c: c.fetch("select account from registry.card order by account"))
            books = await Books.of(database, [row["account"] for row in rows])
            for n in range(6):
                code = int(ResultCode.NOT_SUPPORTED) if n > 3 else 0
                posting = books.earn(n + 1, 25, card=n % 2, terminal=17 + n % 2, code=code)
                posting.accepted_at_ms += 2_000 * n
                posting.last4 = 1234
                await books.post(posting)

    trio.run(sell)
    return run


def found(run: Run, *words: str, typed: str = "") -> dict[str, Any]:
    status, out, err = run("journal", "find", *words, "--json", typed=typed)
    assert status == Exit.OK, err
    page: dict[str, Any] = json.loads(out)
    return page


def stans(page: dict[str, Any]) -> list[int]:
    return [row["stan"] for row in page["rows"]]


def test_what_a_receipt_says_finds_its_row(shop: Run) -> None:
    """Terminal and STAN, or the transaction id; of the card four digits, and the time by the city's clock."""
    (row,) = found(shop, "17/3")["rows"]
    assert (row["terminal"], row["stan"], row["partner"], row["result"]) == (17, 3, PARTNER, "APPROVED")
    assert row["card"] == "****1234"
    assert row["accepted_at"] == "2026-09-21 16:13:24+02:00"
    assert found(shop, "--transaction", row["transaction_id"])["rows"] == [row]
    for missing in (("17/99",), ("--transaction", "99")):
        assert shop("journal", "find", *missing)[0] == Exit.NOT_FOUND


def test_by_card_terminal_partner_result_and_time(shop: Run) -> None:
    """Each alone and together; a moment is by the programme's clock, or by its own offset."""
    assert stans(found(shop)) == [6, 5, 4, 3, 2, 1]
    assert stans(found(shop, "--card", "-", typed=card(2))) == [6, 4, 2]
    assert stans(found(shop, "--terminal", "17")) == [5, 3, 1]
    assert stans(found(shop, "--partner", "7", "--result", "declined")) == [6, 5]
    assert stans(found(shop, "--result", "not_supported", "--terminal", "18")) == [6]
    assert stans(found(shop, "--from", "2026-09-21T16:13:24", "--to", "2026-09-21T16:13:28")) == [4, 3]
    assert stans(found(shop, "--to", "2026-09-21T14:13:22+00:00")) == [1]
    assert stans(found(shop, "--card", "-", "--from", "2026-09-21T16:13:26", typed=card(2))) == [6, 4]


def test_a_page_says_how_to_go_on(shop: Run) -> None:
    """In JSON as a field, else on stderr; the pages join."""
    read: list[int] = []
    words: tuple[str, ...] = ()
    while True:
        page = found(shop, "--terminal", "17", "--limit", "2", *words)
        read += stans(page)
        if page["before"] is None:
            break
        words = ("--before", page["before"])
    assert read == [5, 3, 1]
    _, _, err = shop("journal", "find", "--limit", "1")
    assert "--before" in err


def test_csv_has_every_field(shop: Run) -> None:
    """One line a row, for a spreadsheet."""
    status, out, _ = shop("journal", "find", "--csv")
    assert status == Exit.OK
    rows = list(csv.DictReader(io.StringIO(out)))
    assert [row["stan"] for row in rows] == ["6", "5", "4", "3", "2", "1"]
    assert set(rows[0]) == set(found(shop)["rows"][0])


@pytest.mark.parametrize(
    ("words", "status"),
    [
        (("17",), Exit.USAGE),
        (("--before", "x"), Exit.USAGE),
        (("--before", "1/2"), Exit.USAGE),
        (("--result", "sold out"), Exit.USAGE),
        (("--from", "yesterday"), Exit.USAGE),
        (("--limit", "0"), Exit.USAGE),
        (("--partner", "99"), Exit.NOT_FOUND),
        (("--terminal", "99"), Exit.NOT_FOUND),
        (("--programme", "zgierz"), Exit.NOT_FOUND),
        (("--csv", "--json"), Exit.USAGE),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_what_cannot_be_meant_is_told_in_one_line(shop: Run, words: tuple[str, ...], status: Exit) -> None:
    """Not an empty page: what is named is there, and a page begins where one ended."""
    got, out, err = shop("journal", "find", *words)
    assert (got, out, err.count("\n")) == (status, "", 1)
