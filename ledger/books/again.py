"""Owns the ledger's own decisions made again: balances, quotas of a card, reversals and refunds.

One account at a time, its rows in the order of their commits, which their chain tells. Pure. Must not know
how the switch decided: that comes with each row. The rules are those of `post_batch_v1` (0003, 0006), written
a second time.

Left out, for no row holds it: in which order the cards of a programme used a wide quota (that it was never
used beyond its limit `ledger.books.verify` proves), and whose card a reference named that is refused for it
(code 22).
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final, NamedTuple, TypeAlias

from ledger.books.posting import Kind, QuotaLeg
from ledger.books.recorded import Recorded

UNSEEN: Final = 1
NOTHING_TO_REVERSE: Final = 2
MISMATCH: Final = 22
NOT_REVERSIBLE: Final = 23
CANCELLED: Final = 24
NOT_REFUNDABLE: Final = 26
SALE_UNKNOWN: Final = 27
AMOUNT_ZERO: Final = 50
REFUND_OVER_SALE: Final = 54
POINTS_INSUFFICIENT: Final = 60
QUOTA_USED_UP: Final = 61
MAY_GO_BELOW: Final = 4096

Find: TypeAlias = Callable[[int, int], Recorded | None]
"""The row of a terminal and STAN."""


class Asked(NamedTuple):
    """A row, and what the switch asked the ledger for: as in `Posting`."""

    row: Recorded
    code: int
    points: int = 0
    quotas: tuple[QuotaLeg, ...] = ()


def in_order(rows: Iterable[Asked]) -> list[Asked]:
    """Return the rows of one account in the order of their commits; what is not in the chain comes last."""
    after = {(asked.row.previous_terminal, asked.row.previous_stan): asked for asked in rows}
    ordered: list[Asked] = []
    at = (0, 0)
    while (asked := after.pop(at, None)) is not None:
        ordered.append(asked)
        at = (asked.row.terminal, asked.row.stan)
    return [*ordered, *after.values()]


class AccountAgain:
    """One account from its first row on; of rows without an account each is one of its own."""

    def __init__(self, find: Find) -> None:
        self._find = find
        self._balance = 0
        self._used: dict[tuple[int, int, int], int] = {}
        self._legs: dict[tuple[int, int], tuple[QuotaLeg, ...]] = {}
        self._seen: set[tuple[int, int]] = set()
        self._reversed: set[tuple[int, int]] = set()
        self._refunded: dict[tuple[int, int], tuple[int, int]] = {}

    def differences(self, rows: Sequence[Asked]) -> Iterator[tuple[Recorded, str]]:
        """Yield the rows that are not as they are decided now, and in what."""
        for asked in rows:
            row = asked.row
            code, points = self._decide(asked)
            if code in (row.code, None) and points != row.points:
                yield row, f"points {points}, not {row.points}"
            elif code not in (row.code, None):
                yield row, f"code {code}, not {row.code}"
            elif row.account and row.balance != self._balance + row.points:
                yield row, f"balance {self._balance + row.points}, not {row.balance}"
            self._note(asked)

    def _decide(self, asked: Asked) -> tuple[int | None, int]:
        """Return code and points; code None: what decided is not recorded."""
        row = asked.row
        if row.kind == Kind.TOMBSTONE:
            return CANCELLED, 0
        if asked.code:
            return asked.code, 0
        if row.kind == Kind.REVERSAL:
            return self._reverse(row)
        if row.kind == Kind.REFUND:
            return self._refund(row)
        return self._own(asked)

    def _own(self, asked: Asked) -> tuple[int | None, int]:
        if asked.points < 0 and self._balance + asked.points < 0:
            return POINTS_INSUFFICIENT, 0
        account = asked.row.account
        own = [leg for leg in asked.quotas if leg.owner == account]
        if any(self._used.get(leg[:3], 0) >= leg.uses_allowed for leg in own):
            return QUOTA_USED_UP, 0
        if asked.row.code == QUOTA_USED_UP and len(own) < len(asked.quotas):
            return None, 0
        return 0, asked.points

    def _reverse(self, row: Recorded) -> tuple[int | None, int]:
        key = (row.terminal, row.original_stan)
        original = self._find(*key)
        if row.original_stan >= row.stan or _is_of_another(original, row):
            return (None if row.code == MISMATCH and not row.account else MISMATCH), 0
        if original is None or (
            original.kind == Kind.TOMBSTONE and original.transaction_id == row.transaction_id
        ):
            return UNSEEN, 0
        if original.original_stan:
            return NOT_REVERSIBLE, 0
        grosze, points = self._refunded.get(key, (None, 0))
        if original.code or key in self._reversed or grosze == paid_grosze(original):
            return NOTHING_TO_REVERSE, 0
        return 0, -original.points - points

    def _refund(self, row: Recorded) -> tuple[int | None, int]:
        key = (row.original_terminal, row.original_stan)
        sale = self._find(*key)
        is_later = row.original_terminal == row.terminal and row.original_stan >= row.stan
        if is_later or _is_of_another(sale, row):
            # Or the sale, of another card, had not come yet.
            return (None if row.code in (MISMATCH, SALE_UNKNOWN) else MISMATCH), 0
        if sale is None or (sale.account and key not in self._seen):
            return SALE_UNKNOWN, 0
        if sale.code or sale.original_stan or sale.points < 0 or key in self._reversed:
            return NOT_REFUNDABLE, 0
        return self._give_back(row, sale)

    def _give_back(self, row: Recorded, sale: Recorded) -> tuple[int, int]:
        before, points_before = self._refunded.get((sale.terminal, sale.stan), (None, 0))
        paid = paid_grosze(sale)
        left = paid - (before or 0) - row.amount_grosze
        if not row.amount_grosze and paid:
            return AMOUNT_ZERO, 0
        if left < 0 or row.amount_grosze < 0 or (not row.amount_grosze and before is not None):
            return REFUND_OVER_SALE, 0
        if sale.step_grosze:
            points = left // sale.step_grosze - sale.points - points_before
        else:
            points = 0 if left else -sale.points
        if points < 0 and not row.details & MAY_GO_BELOW and self._balance + points < 0:
            return POINTS_INSUFFICIENT, 0
        return 0, points

    def _note(self, asked: Asked) -> None:
        """Take a row as it stands, so that one difference is not followed by others."""
        row = asked.row
        key = (row.terminal, row.stan)
        self._seen.add(key)
        if row.account:
            self._balance = row.balance
        if row.code:
            return
        if row.kind == Kind.REVERSAL:
            original = (row.terminal, row.original_stan)
            self._reversed.add(original)
            self._use(self._legs.pop(original, ()), -1)
        elif row.kind == Kind.REFUND:
            sale = (row.original_terminal, row.original_stan)
            grosze, points = self._refunded.get(sale, (0, 0))
            self._refunded[sale] = grosze + row.amount_grosze, points + row.points
            found = self._find(*sale)
            if found is not None and grosze + row.amount_grosze == paid_grosze(found):
                self._use(self._legs.pop(sale, ()), -1)
        elif asked.quotas:
            self._legs[key] = asked.quotas
            self._use(asked.quotas, 1)

    def _use(self, legs: Iterable[QuotaLeg], times: int) -> None:
        for leg in legs:
            self._used[leg[:3]] = self._used.get(leg[:3], 0) + times


def _is_of_another(original: Recorded | None, row: Recorded) -> bool:
    """Whether what a row names is of another card, or of a card where its own is not known."""
    return original is not None and original.account not in (0, row.account)


def paid_grosze(row: Recorded) -> int:
    """Return what was paid in a sale: its amount less its discount."""
    return max(row.amount_grosze - row.discount_grosze, 0)
