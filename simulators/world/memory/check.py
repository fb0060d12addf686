"""Owns the proof of the store's books: what must be true of them whatever was posted.

Sums up the legs of all entries anew. Knows none of the rules by which they came about, and changes nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

from ledger.books.posting import NO_LIMIT, AccountKind, Unit
from simulators.world.memory.entries import Entry, Leg, parts_of

if TYPE_CHECKING:
    from simulators.world.memory.books import Bucket
    from simulators.world.memory.quotas import Key

_KIND_BITS: Final = 7
_KINDS: Final = {
    Unit.POINTS: {
        AccountKind.CARD,
        AccountKind.PARTNER_ISSUED,
        AccountKind.PARTNER_REDEEMED,
        AccountKind.ORGANISER,
    },
    Unit.USES: {AccountKind.CARD, AccountKind.ORGANISER, AccountKind.PARTNER_USES},
    Unit.GROSZE: {AccountKind.PARTNER_DISCOUNTS, AccountKind.CARD_DISCOUNTS},
}
"""The accounts a unit moves between; a quota is its owner's account, in uses."""


def differences(buckets: Sequence[Bucket]) -> list[str]:
    """What is wrong, one line each."""
    return [
        *_ids_that_stand_twice(buckets),
        *(wrong for bucket in buckets for wrong in _wrong_in(bucket)),
        *_shares_that_were_made(buckets),
    ]


def _shown(found: int) -> str:
    terminal, stan = parts_of(found)
    return f"terminal {terminal} stan {stan}"


def _ids_that_stand_twice(buckets: Sequence[Bucket]) -> Iterator[str]:
    times = Counter(found for bucket in buckets for found in bucket.journal)
    for found, count in times.items():
        if count > 1:
            yield f"{_shown(found)} stands {count} times"
    if len(buckets) == 1:
        return
    homes = {found: home for bucket in buckets for found, (home, _) in bucket.claims.items()}
    for bucket in buckets:
        for found in bucket.journal:
            if homes.get(found) != bucket.number:
                yield f"{_shown(found)} is not claimed for its bucket"


def _wrong_in(bucket: Bucket) -> Iterator[str]:
    points: Counter[int] = Counter()
    units: Counter[int] = Counter()
    uses: Counter[Key] = Counter()
    used_ids: Counter[int] = Counter()
    for found, entry in bucket.journal.items():
        where = _shown(found)
        yield from (f"{where}: {wrong}" for wrong in _wrong_with(entry))
        if entry.digest is not None:
            used_ids[entry.outcome.transaction_id] += 1
        for leg in entry.legs:
            units[leg.unit] += _signed(leg, leg.credit) + _signed(leg, leg.debit)
            if leg.unit == Unit.POINTS:
                points[leg.credit] += leg.count
                points[leg.debit] -= leg.count
            elif leg.quota is not None:
                uses[leg.quota] += _signed(leg, leg.quota[0])
    yield from (f"bucket {bucket.number} unit {unit} sums to {sum_}" for unit, sum_ in units.items() if sum_)
    yield from (
        f"transaction {number} occurs {count} times" for number, count in used_ids.items() if count > 1
    )
    for number, account in bucket.accounts.items():
        if account.balance != points[number]:
            yield f"account {number}: balance {account.balance}, postings {points[number]}"
    for key in uses.keys() | bucket.quotas.rows.keys():
        yield from _wrong_with_quota(bucket, key, uses[key])


def _signed(leg: Leg, account: int) -> int:
    return leg.count if account == leg.credit else -leg.count


def _wrong_with(entry: Entry) -> Iterator[str]:
    told, legs = entry.outcome, entry.legs
    if told.code and (legs or told.points):
        yield "what was declined has moved something"
    moved = sum(_signed(leg, entry.account) for leg in legs if leg.unit == Unit.POINTS)
    if moved != told.points:
        yield f"{told.points} points told, {moved} posted"
    for leg in legs:
        kinds = {leg.debit & _KIND_BITS, leg.credit & _KIND_BITS}
        if leg.count <= 0 or leg.debit == leg.credit or not kinds <= _KINDS[Unit(leg.unit)]:
            yield f"{leg} is no movement of its unit"
        if (leg.unit == Unit.USES) != (leg.quota is not None):
            yield f"{leg}: a use is of a quota, and nothing else is"
    if any(leg.quota for leg in legs) and told.remaining == NO_LIMIT:
        yield "uses were taken, and nothing is told of what remains"


def _wrong_with_quota(bucket: Bucket, key: Key, uses: int) -> Iterator[str]:
    row = bucket.quotas.rows.get(key)
    if row is None or row.balance != uses or row.balance > 0:
        yield f"quota {key} of bucket {bucket.number}: {row}, postings {uses}"
    elif row.balance < 0 and -row.balance > bucket.quotas.limit(key[0], row.allowed) + row.moved:
        yield f"quota {key} of bucket {bucket.number}: {row} is used beyond its limit"


def _shares_that_were_made(buckets: Sequence[Bucket]) -> Iterator[str]:
    """A part of a share that has left, and arrived nowhere, is on its way; all others come to nothing."""
    moved: Counter[Key] = Counter()
    for bucket in buckets:
        for key, row in bucket.quotas.rows.items():
            moved[key] += row.moved
        for (key, giver, number), move in bucket.quotas.moves.items():
            has_left = giver == bucket.number
            if has_left and (key, giver, number) not in buckets[move.taker].quotas.moves:
                moved[key] += move.uses
    yield from (f"quota {key}: {uses} uses of shares were made" for key, uses in moved.items() if uses)
