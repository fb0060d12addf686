"""The cards of a worker, packed: millions of them in bytes, an object made of one when it is asked for.

Owns the layout, and when what a reading of the registry brings counts. Must not know programmes, numbers of
cards or the database. The registry deletes nobody: a record is only taken out whose card has another token by
now. Invariants: a card is found by its token wherever it lies, with what was last said of it; no call moves
more than it was given and one bucket.

A card is a record of 31 bytes, little-endian without gaps:

     0  8  token, signed
     8  8  account, signed
    16  4  the last valid day in days since 1970, signed; -2**31: valid for ever
    20  2  programme, signed
    22  1  status
    23  4  number of what it was before among `Packed.pasts`; 0: nothing else
    27  4  number of its holder's data among `Packed.holders`; 0: nothing is kept

Records lie side by side, in no order, in buckets of about 16. Which bucket: linear hashing by the token's low
bits (a token is a keyed hash, so they are as good as any). With n buckets, 2**k < n <= 2**(k+1), it is the
one of the low k+1 bits if there is such a one, else that of the low k. For every 16 cards more the next
bucket in turn is split in two by one bit more. So the table grows by 500 bytes at a time, and at no moment
all of it is copied. In a bucket the record is found by a search for the 8 bytes of the token; a find that
does not begin where a record does is none. Records are put into buckets and found in C where it is built
(native.c), else in Python.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from struct import Struct
from typing import TYPE_CHECKING, ClassVar, Final, Generic, TypeAlias, TypeVar

import msgspec

from ledger.registry.reads import CardTuple
from switch.rules.entitlement import Held

_RECORD: Final = Struct("<qqihBII")
_TOKEN: Final = Struct("<q")
_FIELDS: Final = Struct(f"<{_TOKEN.size}x" + _RECORD.format.removeprefix("<q"))
_TOKENS: Final = Struct(f"<q{_RECORD.size - _TOKEN.size}x")
_SHARED: Final = Struct(f"<{_RECORD.size - 8}xII")
RECORD_BYTES: Final = _RECORD.size
FOR_EVER: Final = -(1 << 31)
"""No date of Postgres."""
CARDS_A_BUCKET: Final = 16
"""With 8 a card weighs two bytes more; with 48 one byte less, and a look-up takes a third longer."""
CARDS_A_STEP: Final = 2_000

T = TypeVar("T")
Days: TypeAlias = tuple[int | None, ...]
"""The last of a row that the registry hands over (`ledger.registry.reads.CardTuple`)."""
Before: TypeAlias = tuple[tuple[int, ...] | None, Days | None]
"""What a card was before: its statuses, and its last days."""


class Card(msgspec.Struct, gc=False):
    """One plastic. `status` as in the registry; `expires_day`, the last valid day, in days since 1970.

    `past`: its statuses before, for `ledger.registry.reads.status_at`; None for nearly every card.
    """

    account: int
    programme: int
    status: int
    expires_day: int | None = None
    past: tuple[int, ...] | None = None

    held: ClassVar[Held | None] = None
    """What is kept of its holder. Of most programmes nothing is."""
    days: ClassVar[Days | None] = None
    """What its last valid days were before."""


class HeldCard(Card, gc=False):
    """A card whose holder's data decide. Holders alike share one object, the carriers of an account
    anyway.
    """

    held: Held | None = None  # type: ignore[misc]


class ChangedCard(HeldCard, gc=False):
    """A card whose last day was another, or whose holder's data were: for `switch.rules.as_of`."""

    days: Days | None = None  # type: ignore[misc]


def store_in_python(
    buckets: list[bytes], records: list[bytes], room: int, record_bytes: int, cards_a_bucket: int, /
) -> tuple[int, list[bytes]]:
    """Put records into their buckets, in the place of those with the same token; return how many more come
    until a bucket is split, and the records that were replaced. native.c does the same.
    """
    mask = (1 << (len(buckets) - 1).bit_length()) - 1
    replaced: list[bytes] = []
    for record in records:
        key = record[:8]
        at = int.from_bytes(key, "little") & mask
        if at >= len(buckets):
            at &= mask >> 1
        bucket = buckets[at]
        start = bucket.find(key)
        while start % record_bytes and start >= 0:
            start = bucket.find(key, start + 1)
        if start >= 0:
            end = start + record_bytes
            replaced.append(bucket[start:end])
            buckets[at] = bucket[:start] + record + bucket[end:]
            continue
        buckets[at] = bucket + record
        room -= 1
        if not room:
            mask = _split(buckets, mask, record_bytes)
            room = cards_a_bucket
    return room, replaced


def _split(buckets: list[bytes], mask: int, record_bytes: int) -> int:
    """Make one bucket more, of those of another's records whose tokens have the next bit; return the mask."""
    added = len(buckets)
    if added > mask:
        mask = mask * 2 + 1
    bit = (mask + 1) >> 1
    byte, place = divmod(bit.bit_length() - 1, 8)
    stays: list[bytes] = []
    goes: list[bytes] = []
    for record in _records(buckets[added - bit], record_bytes):
        (goes if record[byte] >> place & 1 else stays).append(record)
    buckets[added - bit] = b"".join(stays)
    buckets.append(b"".join(goes))
    return mask


def _records(bucket: bytes, record_bytes: int) -> list[bytes]:
    return [bucket[start : start + record_bytes] for start in range(0, len(bucket), record_bytes)]


Fields: TypeAlias = tuple[int, int, int, int, int, int]
"""What a record holds behind its token, in its order."""


def find_in_python(buckets: list[bytes], mask: int, token: int, /) -> Fields | None:
    """Return what the record of a token holds, or None where there is none. native.c does the same."""
    at = token & mask
    if at >= len(buckets):
        at &= mask >> 1
    bucket = buckets[at]
    key = _TOKEN.pack(token)
    start = bucket.find(key)
    while start % RECORD_BYTES:
        if start < 0:
            return None
        start = bucket.find(key, start + 1)
    return _FIELDS.unpack_from(bucket, start)


if TYPE_CHECKING:
    store, find = store_in_python, find_in_python
else:
    try:
        from switch.rules.native import find, store
    except ImportError:
        store, find = store_in_python, find_in_python


class Shared(Generic[T]):
    """Values that many cards have alike: each is held once, by a number from 1, as long as a card has it."""

    __slots__ = ("_free", "_numbers", "_users", "_values")

    def __init__(self) -> None:
        self._numbers: dict[T, int] = {}
        self._values: list[T | None] = [None]
        self._users = array("I", [0])
        self._free: list[int] = []

    def __len__(self) -> int:
        return len(self._numbers)

    def __getitem__(self, number: int) -> T | None:
        return self._values[number]

    def take(self, value: T) -> int:
        """Return the number of a value that one card more has."""
        number = self._numbers.get(value)
        if number is None:
            if self._free:
                number = self._free.pop()
                self._values[number] = value
            else:
                number = len(self._values)
                self._values.append(value)
                self._users.append(0)
            self._numbers[value] = number
        self._users[number] += 1
        return number

    def drop(self, number: int) -> None:
        """Note that a card has a value no more."""
        if not number:
            return
        self._users[number] -= 1
        if not self._users[number]:
            value, self._values[number] = self._values[number], None
            assert value is not None
            del self._numbers[value]
            self._free.append(number)


class Packed:
    """One table of records; tables that records move between share `pasts` and `holders`."""

    __slots__ = ("_buckets", "_count", "_mask", "_room", "holders", "pasts")

    def __init__(self, pasts: Shared[Before], holders: Shared[Held]) -> None:
        self.pasts, self.holders = pasts, holders
        self._buckets = [b""]
        self._mask = 0
        """Of the low bits that tell the buckets apart, as far as there are so many."""
        self._count = 0
        self._room = CARDS_A_BUCKET
        """So many cards more until a bucket is split."""

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[int]:
        for bucket in self._buckets:
            for (token,) in _TOKENS.iter_unpack(bucket):
                yield token

    def get(self, token: int) -> Card | None:
        """Return a card, made anew at each call, or None."""
        found = find(self._buckets, self._mask, token)
        if found is None:
            return None
        account, day, programme, status, past, holder = found
        expires_day = None if day == FOR_EVER else day
        statuses = days = None
        if past and (before := self.pasts[past]):
            statuses, days = before
        if days is not None:
            return ChangedCard(account, programme, status, expires_day, statuses, self.holders[holder], days)
        if holder:
            return HeldCard(account, programme, status, expires_day, statuses, self.holders[holder])
        return Card(account, programme, status, expires_day, statuses)

    def put(self, rows: Sequence[CardTuple]) -> None:
        """Take cards in; what is said of one that is there already replaces what was."""
        past_of, holder_of, pack = self.pasts.take, self.holders.take, _RECORD.pack
        records = [
            pack(
                token,
                account,
                FOR_EVER if day is None else day,
                programme,
                status,
                past_of((tuple(past) if past else None, tuple(days) if days else None))
                if past or days
                else 0,
                0 if held is None else holder_of(Held.of(held)),
            )
            for token, account, programme, status, day, past, held, days in rows
        ]
        self._store(records)

    def remove(self, token: int) -> None:
        """Take a record out, if there is one with this token; its room is given to the next ones."""
        at = token & self._mask
        if at >= len(self._buckets):
            at &= self._mask >> 1
        key, kept = _TOKEN.pack(token), _records(self._buckets[at], RECORD_BYTES)
        for place, record in enumerate(kept):
            if record.startswith(key):
                del kept[place]
                self._buckets[at] = b"".join(kept)
                self._count -= 1
                self._room += 1
                self._drop(record)
                return

    def give(self, other: Packed, at: int) -> int:
        """Move a bucket's records, which count from here on in the other table; return how many."""
        bucket, self._buckets[at] = self._buckets[at], b""
        records = _records(bucket, RECORD_BYTES)
        other._store(records)
        self._count -= len(records)
        return len(records)

    @property
    def buckets(self) -> int:
        """How many there are."""
        return len(self._buckets)

    def _store(self, records: list[bytes]) -> None:
        self._room, replaced = store(self._buckets, records, self._room, RECORD_BYTES, CARDS_A_BUCKET)
        self._mask = (1 << (len(self._buckets) - 1).bit_length()) - 1
        self._count += len(records) - len(replaced)
        for record in replaced:
            self._drop(record)

    def _drop(self, record: bytes) -> None:
        past, holder = _SHARED.unpack(record)
        self.pasts.drop(past)
        self.holders.drop(holder)


class Cards:
    """All cards of a worker. What a reading brings counts once it has ended (`admit`), all of it at once.

    The first reading's counts as it comes, for nothing is decided before it has ended.
    """

    __slots__ = ("_admitted", "_arriving", "_forgotten", "_left", "_table")

    def __init__(self) -> None:
        self._table = Packed(Shared(), Shared())
        self._arriving: Packed | None = None
        """Of a reading that has not ended."""
        self._admitted: Packed | None = None
        """Of one that has: it counts, and what the table says of the same cards does not."""
        self._left = 0
        """Buckets of the admitted that have not been moved into the table."""
        self._forgotten: list[int] = []
        """Tokens whose records have not been taken out."""

    def __len__(self) -> int:
        """How many cards lie in the table: fewer than there are while admitted ones are moved."""
        return len(self._table)

    def __iter__(self) -> Iterator[int]:
        """Yield the tokens of what lies in the table."""
        return iter(self._table)

    def __getitem__(self, token: int) -> Card:
        if (card := self.get(token)) is None:
            raise KeyError(token)
        return card

    def get(self, token: int) -> Card | None:
        """Return the card with this token, made anew at each call, or None."""
        if self._admitted is not None and (card := self._admitted.get(token)) is not None:
            return card
        return self._table.get(token)

    def put(self, rows: Sequence[CardTuple]) -> None:
        """Take cards in that count at once."""
        self._table.put(rows)

    def bring(self, rows: Sequence[CardTuple]) -> None:
        """Take cards in that count from `admit` on."""
        if self._arriving is None:
            self._arriving = Packed(self._table.pasts, self._table.holders)
        self._arriving.put(rows)

    def admit(self) -> None:
        """Let all that was brought count; `settle` is to be called until it has moved them all."""
        while self.settle():
            pass
        self._admitted, self._arriving = self._arriving, None
        self._left = self._admitted.buckets if self._admitted is not None else 0
        self.settle()

    def forget(self, tokens: Sequence[int]) -> None:
        """Have records taken out, by tokens no card has any more; `settle` does it."""
        self._forgotten += tokens

    def settle(self) -> bool:
        """Move some thousand admitted cards into the table, or take so many forgotten ones out; return
        whether there are more.
        """
        admitted, moved = self._admitted, 0
        while admitted is not None and self._left and moved < CARDS_A_STEP:
            self._left -= 1
            moved += admitted.give(self._table, self._left)
        if not self._left:
            self._admitted = None
            if not moved:
                self._take_out()
        return self._admitted is not None or bool(self._forgotten)

    def _take_out(self) -> None:
        """Once all lies in the table."""
        for token in self._forgotten[-CARDS_A_STEP:]:
            self._table.remove(token)
        del self._forgotten[-CARDS_A_STEP:]
