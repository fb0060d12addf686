"""From the sale to the invoice: months settled from the books are invoiced over the books' own sums."""

from datetime import datetime
from zoneinfo import ZoneInfo

from ledger.books.posting import Posting
from ledger.books.transaction_ids import TransactionIds
from ledger.postgres.database import Database
from ledger.registry.invoice_deliveries import record_number, record_sent
from ledger.registry.invoice_parties import set_seller
from ledger.registry.invoices import Issued, find_document
from ledger.registry.partner_contracts import Details, set_details
from ledger.settlement.closing import close
from ledger.settlement.prices import Lease
from ledger.settlement.statement import read_statements
from ops.invoices.issuing import issue_all
from tests.ledger.books import PARTNER, PROGRAMME, TESTER, Books
from tests.ops.statements import SELLER, ksef_number
from tests.prices import lasting_prices

PRICES = lasting_prices({1: 10}, Lease(((1, 100),), 100))
DETAILS = Details("Piekarnia Kłos sp. z o.o.", "8982145677", "Rynek 2, 42-200 Częstochowa")


async def post(books: Books, posting: Posting, day: str) -> None:
    """Post at noon of a day in Warsaw."""
    noon_ms = (
        int(datetime.fromisoformat(f"{day} 12:00").replace(tzinfo=ZoneInfo("Europe/Warsaw")).timestamp())
        * 1000
    )
    posting.accepted_at_ms, posting.rules_version = noon_ms, 1
    posting.transaction_id = TransactionIds(2, floor_ms=noon_ms).next(noon_ms) + posting.stan
    await books.post(posting)


async def invoiced(owner: Database, month: str) -> list[tuple[str, int, int]]:
    """Close a month and invoice it; return kind, net and gross of what was issued."""
    await owner.run(lambda c: close(c, TESTER._replace(second="maria"), PROGRAMME, month, PRICES))
    statements = await owner.run(lambda c: read_statements(c, PROGRAMME, month))
    outcome = await issue_all(owner, TESTER, PROGRAMME, statements)
    assert outcome.refused == []
    issued: list[Issued] = outcome.issued
    return [(one.kind, one.net_grosze, one.gross_grosze) for one in issued]


async def test_what_was_sold_redeemed_and_taken_back_is_invoiced_month_by_month(
    owner: Database, database: Database
) -> None:
    """September's points are an invoice, its rebate a note; taken back in October they are a correction of
    September's invoice and a debit note.
    """
    books = await Books.open(owner, database, cards=1)
    await owner.run(lambda c: set_seller(c, TESTER, PROGRAMME, SELLER))
    await owner.run(lambda c: set_details(c, TESTER, PARTNER, DETAILS))
    await post(books, books.earn(1, 155), "2026-09-02")
    redeemed = books.redeem(2, 100)
    redeemed.amount_grosze = 1000
    await post(books, redeemed, "2026-09-03")
    assert await invoiced(owner, "2026-09") == [("invoice", 1550, 1907), ("note", 1000, 1000)]
    year = await owner.run(lambda c: c.fetchval("select max(year) from registry.invoice"))
    billed = f"F/CZESTOCHOWA/{year}/1"
    await owner.run(lambda c: record_sent(c, TESTER, billed, "file", ""))
    await owner.run(lambda c: record_number(c, TESTER, billed, ksef_number()))
    await post(books, books.reversal(3, 2), "2026-10-02")
    await post(books, books.reversal(4, 1), "2026-10-02")
    assert await invoiced(owner, "2026-10") == [("correction", -1550, -1907), ("note", -1000, -1000)]
    correction, content = await owner.run(lambda c: find_document(c, f"F/CZESTOCHOWA/{year}/2"))
    assert correction.corrects == billed
    assert b"(dotyczy: 2026-09)" in content
    assert "<Nazwa>Piekarnia Kłos sp. z o.o.</Nazwa>".encode() in content
