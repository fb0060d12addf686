"""The auditor's own books: what was answered under each number, what a card has, how often a limit was used.

Owns the journal, the balances and the counts of uses. Must not know rules. Millions of rows are kept, so a
row is a place in columns, not an object, and a terminal's numbers are two sorted columns. Invariants: a
(terminal, STAN) has one row for ever; a row's figures are what its reply held.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterator
from typing import NamedTuple

from protocol import ResultCode
from simulators.world.auditor.expected import NO_LIMIT, Expected
from simulators.world.auditor.shares import Key, Shares

CANCELLED = 0
"""The kind of a row nothing was ever executed under; other kinds are type bytes."""
_COLUMNS = {
    "kind": "B",
    "code": "B",
    "checks": "B",
    "is_undone": "B",
    "is_returned": "B",
    "remaining": "l",
    "step": "l",
    "uses_from": "l",
    "uses_to": "l",
    "order": "q",
    "account": "q",
    "points": "q",
    "amount": "q",
    "discount": "q",
    "balance": "q",
    "at_ms": "q",
    "digest": "q",
    "returned": "q",
    "returned_points": "q",
}


class Use(NamedTuple):
    """One use of a limit: what names it and its period, how many there may be, and whether it is wide."""

    key: Key
    allowed: int
    is_wide: bool


class Under(NamedTuple):
    """Under which number a reply is kept, of what kind of request, for which account; by which commit."""

    terminal: int
    stan: int
    kind: int
    account: int
    digest: int
    order: int


class Numbers:
    """The numbers of one terminal, sorted, and the row of each."""

    __slots__ = ("rows", "stans")

    def __init__(self) -> None:
        self.stans = array("l")
        self.rows = array("l")


class Books:
    """Everything that was decided."""

    kind: array[int]
    code: array[int]
    checks: array[int]
    is_undone: array[int]
    is_returned: array[int]
    remaining: array[int]
    step: array[int]
    uses_from: array[int]
    uses_to: array[int]
    order: array[int]
    account: array[int]
    points: array[int]
    amount: array[int]
    discount: array[int]
    balance: array[int]
    at_ms: array[int]
    digest: array[int]
    returned: array[int]
    returned_points: array[int]

    def __init__(self, shares: Shares) -> None:
        self._shares = shares
        for name, code in _COLUMNS.items():
            setattr(self, name, array(code))
        self._numbers: dict[int, Numbers] = {}
        self._points: dict[int, int] = {}
        self._quotas: dict[Key, int] = {}
        self._divided: dict[int, tuple[Key, int]] = {}
        """Of limits that are held in shares: of which one, and of which bucket."""
        self._used = array("l")
        self._allowed = array("l")
        self._uses = array("l")

    # The journal.

    def find(self, terminal: int, stan: int) -> int | None:
        """Return the row of a number; None: nothing stands under it."""
        numbers = self._numbers.get(terminal)
        if numbers is None or not numbers.stans or stan > numbers.stans[-1]:
            return None
        place = bisect_left(numbers.stans, stan)
        return numbers.rows[place] if numbers.stans[place] == stan else None

    def add(self, under: Under, expected: Expected) -> int:
        """Enter what was answered; return its row."""
        row = len(self.code)
        self.kind.append(under.kind)
        self.account.append(under.account)
        self.digest.append(under.digest)
        self.order.append(under.order)
        self.code.append(expected.code)
        self.checks.append(expected.checks)
        self.remaining.append(expected.remaining)
        self.points.append(expected.points)
        self.amount.append(expected.amount_grosze)
        self.discount.append(expected.discount_grosze)
        self.balance.append(expected.balance)
        self.at_ms.append(expected.decided_at_ms)
        for column in (self.is_undone, self.is_returned, self.step, self.returned, self.returned_points):
            column.append(0)
        self.uses_from.append(len(self._uses))
        self.uses_to.append(len(self._uses))
        numbers = self._numbers.setdefault(under.terminal, Numbers())
        place = len(numbers.stans)
        if place and under.stan < numbers.stans[-1]:
            place = bisect_left(numbers.stans, under.stan)
        numbers.stans.insert(place, under.stan)
        numbers.rows.insert(place, row)
        return row

    def told(self, row: int) -> Expected:
        """Return the reply that stands in a row."""
        return Expected(
            self.code[row],
            self.at_ms[row],
            self.amount[row],
            self.discount[row],
            self.points[row],
            self.balance[row],
            self.remaining[row],
            self.checks[row],
            True,
            self.order[row],
        )

    def rows(self, terminal: int, first: int, last: int) -> Iterator[int]:
        """Yield the rows of a terminal's numbers from the first to the last."""
        numbers = self._numbers.get(terminal)
        if numbers is not None:
            for place in range(bisect_left(numbers.stans, first), len(numbers.stans)):
                if numbers.stans[place] > last:
                    break
                yield numbers.rows[place]

    def last_stan(self, terminal: int) -> int:
        """Return the highest number a terminal sent something under that is kept; 0: none."""
        numbers = self._numbers.get(terminal)
        if numbers is not None:
            for place in reversed(range(len(numbers.stans))):
                if self.kind[numbers.rows[place]] != CANCELLED:
                    return numbers.stans[place]
        return 0

    # Points.

    def points_of(self, account: int) -> int:
        """Return the points of an account; nobody's are 0."""
        return self._points.get(account, 0)

    def post(self, account: int, points: int) -> int:
        """Change an account's points; return what it has then."""
        balance = self._points[account] = self._points.get(account, 0) + points
        return balance

    # Limits.

    def left(self, use: Use) -> int:
        """Return how often one more use may be taken by somebody."""
        if use.is_wide and self._shares.are_divided:
            used = sum(self._used_of((use.key, bucket)) for bucket in self._shares.buckets())
        else:
            used = self._used_of(use.key)
        return max(use.allowed - used, 0)

    def left_for(self, account: int, use: Use) -> int:
        """Return how often one more use may be taken by a card of this account."""
        if not use.is_wide or not self._shares.are_divided:
            return self.left(use)
        bucket = self._shares.bucket_of(account)
        return max(self._shares.of(use.key, bucket, use.allowed) - self._used_of((use.key, bucket)), 0)

    def _used_of(self, key: Key) -> int:
        quota = self._quotas.get(key)
        return self._used[quota] if quota is not None else 0

    def take(self, row: int, account: int, uses: list[Use]) -> int:
        """Take one use of each for a row; return what the tightest leaves to the account."""
        for use in uses:
            quota = self._quota_of(use, account)
            self._used[quota] += 1
            self._allowed[quota] = use.allowed
            self._uses.append(quota)
        self.uses_to[row] = len(self._uses)
        return min((self.left_for(account, use) for use in uses), default=NO_LIMIT)

    def _quota_of(self, use: Use, account: int) -> int:
        key, new = use.key, len(self._used)
        if use.is_wide and self._shares.are_divided:
            key = use.key, self._shares.bucket_of(account)
        quota = self._quotas.setdefault(key, new)
        if quota == new:
            self._used.append(0)
            self._allowed.append(0)
            if key is not use.key:
                self._divided[quota] = use.key, self._shares.bucket_of(account)
        return quota

    def uses(self) -> list[int]:
        """Return of every limit that is used how often it is."""
        return [used for used in self._used if used]

    def give_back(self, row: int) -> int:
        """Give the uses of a row back, each into its own period; return what the tightest has then."""
        left = NO_LIMIT
        for quota in self._uses[self.uses_from[row] : self.uses_to[row]]:
            self._used[quota] -= 1
            rest = max(self._limit_of(quota) - self._used[quota], 0)
            left = rest if left == NO_LIMIT else min(left, rest)
        return left

    def _limit_of(self, quota: int) -> int:
        """Return what may be used of a limit, by the rules its newest use was judged by."""
        allowed = self._allowed[quota]
        if quota in self._divided:
            return self._shares.of(*self._divided[quota], allowed)
        return allowed


NOT_KEPT = frozenset(int(code) for code in ResultCode if code.result_class == "retry")
"""Of what is put off nothing is kept: the same request may come again and be decided."""
