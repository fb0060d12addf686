"""What a terminal's memory holds, and the form of its file: a head, then one record per change.

Owns the kinds of records and their bytes: 16 bytes of head (`CSTM`, version, terminal number), then records
`u32 length | u32 its complement | msgpack array | crc32`. The complement tells a damaged length from a record
that a crash cut short. Must not know files, nor what a record does to a memory (`store`). Invariants: a
request's body is never printed, it holds a card; only the last record may be torn.
"""

import operator
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec

from protocol import TYPE_OF, EarnAdvice
from simulators.errors import StoreDamaged

EARN_ADVICE: Final = TYPE_OF[EarnAdvice]
_HEAD: Final = struct.Struct(">4sB3xQ")
_MAGIC: Final = b"CSTM"
_FORMAT_VERSION: Final = 1
HEAD_BYTES: Final = _HEAD.size
_LENGTH: Final = struct.Struct(">II")
_LENGTH_MASK: Final = 0xFFFF_FFFF
_CRC_BYTES: Final = 4


class PendingRequest(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """A request sent (or about to be) and not answered: exactly the bytes to send again, never printed.

    `original_type` is set for a reversal that gives up an unanswered request: that request's message type.
    """

    stan: int
    type: int
    body: bytes
    original_type: int = 0

    def __repr__(self) -> str:
        shown = f"{self.stan}, type=0x{self.type:02x}, body of {len(self.body)} bytes"
        return f"PendingRequest({shown}, original_type=0x{self.original_type:02x})"


class Advice(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """A sale or benefit made offline, or a report: to be forwarded byte for byte, never printed."""

    stan: int
    body: bytes
    type: int = EARN_ADVICE

    def __repr__(self) -> str:
        return f"Advice({self.stan}, body of {len(self.body)} bytes)"


class HeldKey(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """A key that came over the wire, never printed."""

    generation: int
    key: bytes

    def __repr__(self) -> str:
        return f"HeldKey({self.generation})"


class RunningTotals(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """What the terminal adds up between two cut-overs; points with the sign the replies stated."""

    earn_count: int = 0
    earn_points: int = 0
    redeem_count: int = 0
    redeem_points: int = 0
    reversal_count: int = 0
    reversal_points: int = 0
    benefit_count: int = 0
    benefit_grosze: int = 0
    refund_count: int = 0
    refund_points: int = 0

    def plus(self, other: "RunningTotals") -> "RunningTotals":
        """Return the sum, figure by figure."""
        return RunningTotals(
            *map(operator.add, msgspec.structs.astuple(self), msgspec.structs.astuple(other))
        )


class Record(msgspec.Struct, array_like=True, frozen=True, gc=False, forbid_unknown_fields=True):
    """Base of what a log line can say; the tag is the first element of the array."""


class Begun(Record, frozen=True, tag=1):
    """A request is about to be sent."""

    pending: PendingRequest


class Finished(Record, frozen=True, tag=2):
    """What was pending, or the oldest advice, is settled."""

    stan: int
    totals: RunningTotals | None


class Stored(Record, frozen=True, tag=3):
    """A sale was made offline."""

    advice: Advice


class Skipped(Record, frozen=True, tag=4):
    """STANs up to this one are used."""

    stan: int


class CutOver(Record, frozen=True, tag=5):
    """New totals begin with this STAN."""

    stan_from: int


class KeyKept(Record, frozen=True, tag=7):
    """A newer key of the terminal."""

    key: HeldKey


class KeyAccepted(Record, frozen=True, tag=8):
    """The switch has accepted this generation; older ones are forgotten."""

    generation: int


class Snapshot(Record, frozen=True, tag=6):
    """The whole memory; all records before it may be forgotten."""

    stan: int
    stan_from: int
    totals: RunningTotals
    pending: PendingRequest | None
    advices: list[Advice]
    keys: list[HeldKey] = []
    accepted_generation: int = 0


AnyRecord = Begun | Finished | Stored | Skipped | CutOver | KeyKept | KeyAccepted | Snapshot
_encode: Final = msgspec.msgpack.Encoder().encode
decode_record: Final = msgspec.msgpack.Decoder(AnyRecord).decode


def framed(record: Record) -> bytes:
    """Return a record as it stands in the file."""
    payload = _encode(record)
    length = len(payload)
    return (
        _LENGTH.pack(length, length ^ _LENGTH_MASK)
        + payload
        + zlib.crc32(payload).to_bytes(_CRC_BYTES, "big")
    )


def file_head(terminal: int) -> bytes:
    """Return the first bytes of the file of this terminal's memory."""
    return _HEAD.pack(_MAGIC, _FORMAT_VERSION, terminal)


def records(data: bytes, path: Path) -> Iterator[tuple[bytes, int]]:
    """Yield (payload, end offset) of each sound record; stop at a torn last one, else raise StoreDamaged."""
    offset = HEAD_BYTES
    while offset + _LENGTH.size <= len(data):
        length, complement = _LENGTH.unpack_from(data, offset)
        if length ^ complement != _LENGTH_MASK:
            if any(data[offset:]):
                raise StoreDamaged(f"{path}: damaged at byte {offset}")
            return  # blocks that a power cut left as zeros
        start = offset + _LENGTH.size
        end = start + length + _CRC_BYTES
        if end > len(data):
            return  # torn by a crash
        payload = data[start : start + length]
        if zlib.crc32(payload) != int.from_bytes(data[end - _CRC_BYTES : end], "big"):
            # Without forcing to disk a power cut may leave the last append with a hole; the first record
            # of a compacted file was whole before the file got its name.
            if end == len(data) and offset > HEAD_BYTES:
                return
            raise StoreDamaged(f"{path}: damaged at byte {offset}")
        yield payload, end
        offset = end
