"""What the terminals of one process sent and were told, written down outside the switch.

Owns the file: append-only records of a fixed size, one `write` each, made before the terminal sends or
acts. A card is named by its index in the population, never by its number. Reading many logs into one
`Witnessed` is here too.

Must not know: the ledger, what a difference is.

Invariants: a record is on its way to the disk before the caller goes on, so it survives the death of the
process; a record torn by that death is the last and is ignored; one log belongs to one population; while it
is written nobody else writes, compares or renames it (a lock on the file, which ends with its process).
"""

import fcntl
import os
import struct
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from enum import IntEnum
from pathlib import Path
from typing import Final, NamedTuple, Self, TypeAlias

import msgspec

from protocol import TYPE_OF, BenefitAdvice, BenefitUse, Redeem, Refund, Reversal, TransactionReply
from simulators.city.population import Population
from simulators.till.posting import PostingRequest

RECORD: Final = struct.Struct("<BBhIIIiqqqqIIqi")
"""event, type, code, terminal, STAN, original STAN, card index, amount, points, balance, transaction, offer,
original terminal, discount, remaining."""

_HEAD: Final = struct.Struct(">4sBH")
_MAGIC: Final = b"CSAL"
_FORMAT_VERSION: Final = 2
_HEAD_BYTES_MAX: Final = _HEAD.size + 0xFFFF
NO_LIMIT: Final = -1
"""Remaining uses of what no quota limits."""
STRANGER: Final = -1
"""Card index of a number that the population does not have."""

Id: TypeAlias = tuple[int, int]
"""(terminal, STAN)."""


class AuditLogError(Exception):
    """The file is no audit log, or belongs to another population; one readable line."""


class _Event(IntEnum):
    SIGNED_ON = 1
    SENDING = 2
    TOLD = 3


class Sent(NamedTuple):
    """A request as first sent; `amount` is in grosze, for a redemption the tier in points.

    `offer` of a benefit, `original_terminal` of a refund, else 0.
    """

    type: int
    original_stan: int
    card: int
    amount: int
    offer: int = 0
    original_terminal: int = 0


_NOTHING: Final = Sent(0, 0, STRANGER, 0)


class Told(NamedTuple):
    """A final answer as the terminal got it, with what its request named; `amount` in grosze."""

    type: int
    code: int
    original_stan: int
    card: int
    amount: int
    points: int
    balance: int
    transaction_id: int
    offer: int = 0
    original_terminal: int = 0
    discount: int = 0
    remaining: int = NO_LIMIT


@dataclass
class Witnessed:
    """All that some logs say. `first_stan`: per terminal, the STAN above which these logs know everything."""

    population: Population | None = None
    first_stan: dict[int, int] = field(default_factory=dict)
    sent: dict[Id, Sent] = field(default_factory=dict)
    told: dict[Id, list[Told]] = field(default_factory=dict)


class AuditLog:
    """An open log; a `terminal.Witness`. Open it with `AuditLog.open`."""

    def __init__(self, fd: int, population: Population) -> None:
        self._fd = fd
        self._population = population
        self._index_of: dict[str, int] = {}

    @classmethod
    def open(cls, path: Path, population: Population) -> Self:
        """Open or create the log; a torn last record is cut off. Raises AuditLogError or OSError."""
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            if not _lock(fd):
                raise AuditLogError(f"{path} is in use by another fleet")
            head = _head(population)
            size = os.fstat(fd).st_size
            if size < len(head):
                os.ftruncate(fd, 0)
                _write(fd, head)
            elif os.pread(fd, len(head), 0) != head:
                raise AuditLogError(f"{path} is the audit log of another population, or none")
            else:
                os.ftruncate(fd, size - (size - len(head)) % RECORD.size)
        except BaseException:
            os.close(fd)
            raise
        return cls(fd, population)

    def close(self) -> None:
        """Close the file; everything is already written."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def signed_on(self, terminal: int, stan: int) -> None:
        """Note that STANs above `stan` are used from here on."""
        _write(self._fd, _record(_Event.SIGNED_ON, terminal, stan, _NOTHING))

    def sending(self, terminal: int, request: PostingRequest) -> None:
        """Note a request before any byte of it is sent."""
        _write(self._fd, _record(_Event.SENDING, terminal, request.stan, self._named(request)))

    def told(self, terminal: int, request: PostingRequest, reply: TransactionReply) -> None:
        """Note an answer before the terminal acts on it."""
        named = self._named(request)._replace(amount=reply.amount_grosze)
        _write(self._fd, _record(_Event.TOLD, terminal, request.stan, named, reply))

    def _named(self, request: PostingRequest) -> Sent:
        card, original_stan, amount, offer, original_terminal = self._card(request.card), 0, 0, 0, 0
        match request:
            case Reversal():
                original_stan = request.original_stan
            case Refund():
                original_stan, original_terminal = request.original_stan, request.original_terminal
                amount = request.amount
            case Redeem():
                amount = request.tier
            case BenefitUse() | BenefitAdvice():
                amount, offer = request.amount, request.offer
            case _:
                amount = request.amount
        return Sent(TYPE_OF[type(request)], original_stan, card, amount, offer, original_terminal)

    def _card(self, text: str) -> int:
        index = self._index_of.get(text)
        if index is None:
            digits = text.removeprefix(";").partition("=")[0]
            found = self._population.index_of(digits)
            index = self._index_of[text] = STRANGER if found is None else found
        return index


def _record(
    event: _Event, terminal: int, stan: int, named: Sent, reply: TransactionReply | None = None
) -> bytes:
    code, points, balance, transaction_id, discount, remaining = 0, 0, 0, 0, 0, NO_LIMIT
    if reply is not None:
        code, points, balance, transaction_id = reply.code, reply.points, reply.balance, reply.transaction_id
        discount, remaining = reply.discount_grosze, reply.remaining
    return RECORD.pack(
        event, named.type, code, terminal, stan, named.original_stan, named.card, named.amount, points,
        balance, transaction_id, named.offer, named.original_terminal, discount, remaining,
    )  # fmt: skip


@contextmanager
def at_rest(paths: Iterable[Path]) -> Iterator[list[Path]]:
    """Hold the logs that no fleet writes for as long as the block lasts; those in use are left out."""
    with ExitStack() as stack:
        free = []
        for path in paths:
            fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            stack.callback(os.close, fd)
            if _lock(fd):
                free.append(path)
        yield free


def _lock(fd: int) -> bool:
    """Take the file for ourselves until it is closed; False if somebody has it."""
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def read_logs(paths: Iterable[Path]) -> Witnessed:
    """Read logs of one population, in any order. Raises AuditLogError, or OSError for a missing file."""
    witnessed = Witnessed()
    for path in paths:
        data = path.read_bytes()
        population, start = _read_head(path, data)
        if witnessed.population not in {None, population}:
            raise AuditLogError(f"{path} belongs to another population than the logs before it")
        witnessed.population = population
        whole = start + (len(data) - start) // RECORD.size * RECORD.size
        _read_records(witnessed, memoryview(data)[start:whole])
    return witnessed


class LogTail:
    """What a log has more of than at the last look: for who watches a fleet at work."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._at = 0

    def more(self) -> Witnessed:
        """Return what came since; nothing while there is no log. Raises AuditLogError or OSError."""
        witnessed = Witnessed()
        if not self._path.exists():
            return witnessed
        with self._path.open("rb") as file:
            if not self._at:
                head = file.read(_HEAD_BYTES_MAX)
                if len(head) < _HEAD.size:
                    return witnessed
                witnessed.population, self._at = _read_head(self._path, head)
            file.seek(self._at)
            data = file.read()
        whole = len(data) // RECORD.size * RECORD.size
        self._at += whole
        _read_records(witnessed, memoryview(data)[:whole])
        return witnessed


def _read_records(witnessed: Witnessed, data: memoryview) -> None:
    first_stan, sent, told = witnessed.first_stan, witnessed.sent, witnessed.told
    here: dict[int, int] = {}
    for record in RECORD.iter_unpack(data):
        event, kind, code, terminal, stan, original_stan, card, amount = record[:8]
        offer, original_terminal = record[11:13]
        if event == _Event.SENDING:
            # Noted again with another: the first was never stored, for the power went, and never sent.
            sent[terminal, stan] = Sent(kind, original_stan, card, amount, offer, original_terminal)
        elif event == _Event.TOLD:
            answer = Told(kind, code, original_stan, card, amount, *record[8:])
            told.setdefault((terminal, stan), []).append(answer)
        else:
            here.setdefault(terminal, stan)
    for terminal, stan in here.items():
        first_stan[terminal] = min(stan, first_stan.get(terminal, stan))


def _head(population: Population) -> bytes:
    city = (
        population.seed,
        population.cards,
        population.partners,
        population.terminals,
        population.programme,
    )
    body = msgspec.json.encode(city)
    return _HEAD.pack(_MAGIC, _FORMAT_VERSION, len(body)) + body


def _read_head(path: Path, data: bytes) -> tuple[Population, int]:
    try:
        magic, version, length = _HEAD.unpack_from(data)
        if (magic, version) != (_MAGIC, _FORMAT_VERSION):
            raise ValueError("another kind of file")
        start = _HEAD.size + length
        city = msgspec.json.decode(data[_HEAD.size : start], type=tuple[str, int, int, int, int])
        return Population(*city), start
    except (struct.error, ValueError) as error:
        raise AuditLogError(f"{path} is not an audit log ({error})") from None


def _write(fd: int, data: bytes) -> None:
    written = os.write(fd, data)
    if written != len(data):
        os.ftruncate(fd, os.fstat(fd).st_size - written)
        raise OSError(f"the audit log took only {written} of {len(data)} bytes")
