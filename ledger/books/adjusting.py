"""Owns the posting of approved adjustments: the books and the note of it in one transaction, slice by slice.

Knows nothing of who approved them, or when it is called: the keeper calls it every few seconds, a desk at
once. Invariant: a row is posted once, whoever posts it and however often; what the ledger declined (the card
would go below zero) is noted with its code and not tried again.
"""

from typing import Final

from ledger.books.hand import Hand, HandRow, Work
from ledger.postgres.database import Connection
from ledger.registry.adjustments import PostedRow, note_posted, open_rows

SLICE_ROWS: Final = 200


async def post_adjustments(connection: Connection, now_ms: int, *, slices_max: int = 1_000_000) -> int:
    """Post what is approved, in slices; return how many rows were done. Takes up where another broke off."""
    done = 0
    for _ in range(slices_max):
        if not await open_rows(connection, 1):
            break
        done += await _post_slice(connection, now_ms)
    return done


async def _post_slice(connection: Connection, now_ms: int) -> int:
    async with connection.transaction():
        hand = await Hand.take(connection, now_ms, SLICE_ROWS)
        rows = await open_rows(connection, SLICE_ROWS)
        if not rows:
            return 0
        outcomes = await hand.post([
            HandRow(
                Work.ADJUSTMENT, row.programme, row.number, row.account, row.points, row.rules_version,
                row.may_go_below, row.last4,
            )
            for row in rows
        ])  # fmt: skip
        await note_posted(
            connection,
            [
                PostedRow(row.number, outcome.code, outcome.balance)
                for row, outcome in zip(rows, outcomes, strict=True)
            ],
        )
        return len(rows)
