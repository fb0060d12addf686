"""Owns the vault: a key for each holder, in a file beside the master key, outside the database's backups.

A key is known by its number, its place in the file: numbers are never used again, and no restored database
brings a destroyed key back. Each rests wrapped (AES-256-GCM) under a secret of the master key, bound to its
number, and says under which; the head of the file says under which new ones are. To destroy one its place
is overwritten, through to the disk; what stays there is that it was destroyed, and whose it was: an account
id, so that the erasure can be done again in a restored database.

Invariants: what is drawn is on the disk, whole, before anything is sealed with it; a place goes from empty
to a key to destroyed and never back; one writer at a time (flock); no key is kept in memory between two uses.
Knows nothing of the database, nor of what is sealed.
"""

from __future__ import annotations

import fcntl
import hmac
import os
import stat
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from ledger.errors import HolderErased, SecretsError
from ledger.registry.beside import overwrite, sync_folder, written_beside
from ledger.registry.key_ring import SECRET_BYTES, KeyRing, folder_locked, vault_secret

PLACE_BYTES: Final = 64
_MAGIC: Final = b"cityswitch holder keys 1\n".ljust(32, b"\0")
_KEY, _DESTROYED = b"K", b"D\0\0\0"
_NONCE_BYTES: Final = 12
_SCAN_PLACES: Final = 1 << 14


class Destroyed(NamedTuple):
    """A key that was destroyed, and the account whose it was; 0 where it was of none."""

    key: int
    account: int


class Vault:
    """The keys of one installation. `path` None: kept in memory alone, for tests and simulated worlds.

    The file is made when the first key is drawn. Raises SecretsError where it is missing, open to others,
    or another installation's.
    """

    def __init__(
        self,
        path: Path | None,
        ring: KeyRing,
        draw: Callable[[int], bytes],
        refresh: Callable[[], bool] = lambda: False,
    ) -> None:
        self.path: Final = path
        self._refresh: Final = refresh
        self.random: Final = draw
        self._file: int | None = None
        self.take(ring)

    def take(self, ring: KeyRing) -> None:
        """Open places with this ring from now on."""
        self._ring = ring
        self._aeads = {number: AESGCM(vault_secret(key)) for number, key in ring.keys.items()}
        self._headers = {_header(ring.check_value(number)): number for number in ring.keys}

    def draw(self, count: int = 1) -> list[int]:
        """Make so many keys and return their numbers; they are on the disk by then."""
        with self._locked(is_first=True) as file:
            first, number = self._count(file) + 1, self._number_in(file)
            places = b"".join(
                self._wrapped(number, first + n, self.random(SECRET_BYTES)) for n in range(count)
            )
            os.ftruncate(file, first * PLACE_BYTES)  # a part of a place was never handed out
            try:
                _write(file, places, first * PLACE_BYTES)
                os.fsync(file)
            except BaseException:
                os.ftruncate(file, first * PLACE_BYTES)
                raise
        return list(range(first, first + count))

    def destroy(self, *keys: int, account: int = 0) -> None:
        """Destroy keys for good, all those of one account; one that is destroyed already stays so."""
        if not keys:
            return
        with self._locked() as file:
            for key in keys:
                if not 1 <= key <= self._count(file):
                    raise SecretsError(f"{self._name}: there is no key {key}: restore its newest copy")
                if os.pread(file, 1, key * PLACE_BYTES) != _DESTROYED[:1]:
                    place = _DESTROYED + account.to_bytes(8, "big", signed=True)
                    _write(file, place.ljust(PLACE_BYTES, b"\0"), key * PLACE_BYTES)
            os.fsync(file)

    def cipher(self, key: int) -> AESGCM:
        """Return what seals and opens under a key. Raises HolderErased once it is destroyed."""
        return AESGCM(self._secret(key))

    def mac(self, key: int, text: str) -> bytes:
        """Return HMAC-SHA256 of a text under a key. Raises HolderErased once it is destroyed."""
        return hmac.digest(self._secret(key), text.encode(), "sha256")

    def basket(self, text: str) -> int:
        """Return in which of 256 baskets a text lies, always the same one under this master key."""
        return hmac.digest(self._ring.baskets, text.encode(), "sha256")[0]

    def _secret(self, key: int) -> bytes:
        place = os.pread(self._opened(), PLACE_BYTES, key * PLACE_BYTES) if key > 0 else b""
        try:
            return self._unwrapped(key, place)
        except InvalidTag:  # it may have been wrapped anew while we read it
            with self._locked() as file:
                place = os.pread(file, PLACE_BYTES, key * PLACE_BYTES)
        try:
            return self._unwrapped(key, place)
        except InvalidTag:
            raise SecretsError(f"{self._name}: key {key} is damaged: restore its newest copy") from None

    def _unwrapped(self, key: int, place: bytes) -> bytes:
        if place[:4] == _DESTROYED:
            raise HolderErased(f"key {key} was destroyed: whose it was is not known any more")
        if len(place) != PLACE_BYTES or place[:1] != _KEY:
            raise SecretsError(f"{self._name}: there is no key {key}: restore its newest copy")
        if place[1] not in self._aeads:
            self._refresh()
        if (aead := self._aeads.get(place[1])) is None:
            raise SecretsError(f"{self._name}: key {key} is under another master key: restore that one")
        return aead.decrypt(place[4 : 4 + _NONCE_BYTES], place[4 + _NONCE_BYTES :], _binding(key))

    def number(self) -> int | None:
        """Return the number of the key that the vault draws by; None where there is no file yet."""
        return None if self.path is not None and not self.path.exists() else self._number_in(self._opened())

    def wraps_under(self, number: int) -> None:
        """Let what is drawn from now on be wrapped under this key of the ring, whoever draws it."""
        if self.path is not None and not self.path.exists():
            return
        with self._locked() as file:
            _write(file, _header(self._ring.check_value(number)), 0)
            os.fsync(file)

    def rewrap(self, first: int, count: int) -> int:
        """Wrap the keys of so many places from the `first` on under the key that the vault draws by; return
        how many do not open, and stay as they are. What was done is on the disk then; to be done again
        changes nothing.
        """
        damaged = 0
        with self._locked() as file:
            number = self._number_in(file)
            was = os.pread(file, count * PLACE_BYTES, first * PLACE_BYTES)
            places = bytearray(was)
            for at in range(0, len(was) - PLACE_BYTES + 1, PLACE_BYTES):
                place, key = was[at : at + PLACE_BYTES], first + at // PLACE_BYTES
                if place[:1] != _KEY or place[1] == number:
                    continue
                try:
                    secret = self._unwrapped(key, place)
                except (InvalidTag, SecretsError):
                    damaged += 1
                    continue
                places[at : at + PLACE_BYTES] = self._wrapped(number, key, secret)
            if places != was:  # a place lies in one sector of the disk: it is written whole, or not at all
                _write(file, places, first * PLACE_BYTES)
                os.fsync(file)
        return damaged

    def count_under(self) -> dict[int, int]:
        """Return how many keys are under each key of the ring, by its number."""
        found: Counter[int] = Counter()
        for first in range(1, self.count() + 1, _SCAN_PLACES):
            part = os.pread(self._opened(), _SCAN_PLACES * PLACE_BYTES, first * PLACE_BYTES)
            part = part[: len(part) - len(part) % PLACE_BYTES]
            kinds, numbers = part[::PLACE_BYTES], part[1::PLACE_BYTES]
            found.update(n for kind, n in zip(kinds, numbers, strict=True) if kind == _KEY[0])
        return dict(found)

    def count(self) -> int:
        """Return how many keys were ever drawn; 0 where there is no file yet."""
        if self.path is not None and not self.path.exists():
            return 0
        return self._count(self._opened())

    def destroyed(self) -> list[Destroyed]:
        """Return every key that was destroyed: the list of erasures, in the order of their numbers."""
        if not self.count():
            return []
        file = self._opened()
        whole = os.pread(file, (self._count(file) + 1) * PLACE_BYTES, 0)
        found = []
        at = whole.find(_DESTROYED, PLACE_BYTES)
        while at >= 0:
            if at % PLACE_BYTES == 0:
                account = int.from_bytes(whole[at + 4 : at + 12], "big", signed=True)
                found.append(Destroyed(at // PLACE_BYTES, account))
            at = whole.find(_DESTROYED, at - at % PLACE_BYTES + PLACE_BYTES)
        return found

    def copy_to(self, path: Path) -> int:
        """Copy the vault, in the place of an older copy, whose bytes are overwritten; return how many keys.

        Keys that were destroyed here are in no copy any more. Raises SecretsError or OSError.
        """
        with self._locked() as file:
            content = os.pread(file, os.fstat(file).st_size, 0)
        with written_beside(path, content) as beside:
            try:
                with path.open("r+b") as older:
                    os.replace(beside, path)
                    overwrite(older.fileno())
            except FileNotFoundError:
                os.replace(beside, path)
        sync_folder(path)
        return len(content) // PLACE_BYTES - 1

    @property
    def _name(self) -> str:
        return str(self.path or "the vault")

    def _wrapped(self, number: int, key: int, secret: bytes) -> bytes:
        nonce = self.random(_NONCE_BYTES)
        head = _KEY + bytes([number, 0, 0])
        return head + nonce + self._aeads[number].encrypt(nonce, secret, _binding(key))

    def _number_in(self, file: int) -> int:
        """Return the number of the key by which a file draws. Raises SecretsError where the ring has it
        not.
        """
        head = os.pread(file, PLACE_BYTES, 0)
        if head not in self._headers:
            self._refresh()
        if head not in self._headers:
            raise SecretsError(f"{self._name} is no vault of this master key: restore its newest copy")
        return self._headers[head]

    def _count(self, file: int) -> int:
        """Return how many whole places there are: what was torn at the end belongs to nobody."""
        return os.fstat(file).st_size // PLACE_BYTES - 1

    @contextmanager
    def _locked(self, *, is_first: bool = False) -> Iterator[int]:
        file = self._opened(is_first=is_first)
        fcntl.flock(file, fcntl.LOCK_EX)
        try:
            yield file
        finally:
            fcntl.flock(file, fcntl.LOCK_UN)

    def _opened(self, *, is_first: bool = False) -> int:
        """Return the file, opened anew where another one was put in its place."""
        if self.path is None:
            if self._file is None:
                self._file = os.memfd_create("vault")
                _write(self._file, self._first_header(), 0)
            return self._file
        try:
            if self._file is not None and os.path.samestat(os.fstat(self._file), self.path.stat()):
                return self._file
        except FileNotFoundError:
            pass
        self.close()
        if is_first and not self.path.exists():
            self._make(self.path)
        self._file = self._open(self.path)
        return self._file

    def close(self) -> None:
        """Close the file; it is opened again when it is needed."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _first_header(self) -> bytes:
        return _header(self._ring.check_value(self._ring.wraps))

    def _make(self, path: Path) -> None:
        try:
            with folder_locked(path):
                if path.exists():  # another process made it at the same moment
                    return
                with written_beside(path, self._first_header()) as beside:
                    os.replace(beside, path)
                sync_folder(path)
        except OSError as error:
            raise SecretsError(f"{path} cannot be written: {error.strerror}") from error

    def _open(self, path: Path) -> int:
        try:
            file = os.open(path, os.O_RDWR)
        except FileNotFoundError:
            raise SecretsError(f"{path} is missing: restore its newest copy") from None
        except OSError as error:
            raise SecretsError(f"{path} cannot be opened: {error.strerror}") from error
        status = os.fstat(file)
        why = ""
        if not stat.S_ISREG(status.st_mode) or status.st_mode & 0o077:
            why = f"is open to others: run `chmod 600 {path}`"
        try:
            if why:
                raise SecretsError(f"{path} {why}")
            self._number_in(file)
        except SecretsError:
            os.close(file)
            raise
        return file


def _header(check_value: bytes) -> bytes:
    return (_MAGIC + check_value).ljust(PLACE_BYTES, b"\0")


def _binding(key: int) -> bytes:
    return b"cityswitch holder key 1" + key.to_bytes(8, "big")


def _write(file: int, data: bytes | bytearray, at: int) -> None:
    """Write all of it there: a disk that is nearly full takes a part, and says so only to the next write."""
    while data:
        written = os.pwrite(file, data, at)
        data, at = data[written:], at + written
