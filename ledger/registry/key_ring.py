"""Owns the file of the master key: its text, and how it is replaced.

A ring is the wrapping keys of one installation by their numbers, which of them wraps, the programmes' later
peppers by theirs, and the secrets that no rotation changes: the one each programme's first pepper is derived
from, and the one that sorts PESELs into baskets. The file of an installation that never rotated holds two
secrets and no more; later ones name their keys.

Invariants: a file is whole, before and after, whatever kills the writer; one writer at a time (flock on the
folder), who first removes what a killed one left beside it (`beside.py`); what is replaced is overwritten, as
far as a disk lets a file be. A link to the file stays one. Knows nothing of what is wrapped.
"""

from __future__ import annotations

import fcntl
import hmac
import os
import secrets
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Final, NamedTuple

from ledger.errors import SecretsError
from ledger.registry.beside import overwrite, remove_left, sync_folder, written_beside

SECRET_BYTES: Final = 32
NUMBER_MAX: Final = 255
PEPPER_MAX: Final = 32_767
"""The highest number of a programme's pepper."""
_FIRST: Final = b"cityswitch master key 1\n"
_LATER: Final = b"cityswitch master key 2\n"
FILE_BYTES_MAX: Final = 65_536


class KeyRing(NamedTuple):
    """The secrets of one installation. `wraps` is the number of the key that new things are wrapped under.

    `peppers`: those of programmes after their first, by programme and number; each is a secret of its own.
    """

    keys: dict[int, bytes]
    wraps: int
    pepper: bytes
    baskets: bytes
    peppers: Mapping[tuple[int, int], bytes] = MappingProxyType({})

    def __repr__(self) -> str:
        return f"KeyRing({sorted(self.keys)}, wraps={self.wraps}, peppers={sorted(self.peppers)})"

    @classmethod
    def first(cls, wrapping: bytes, pepper: bytes) -> KeyRing:
        """Return the ring of an installation that never rotated."""
        return cls({0: wrapping}, 0, pepper, hmac.digest(vault_secret(wrapping), b"baskets 1", "sha256"))

    @property
    def newest(self) -> int:
        """The number of the newest key; it is not `wraps` while a rotation is only prepared."""
        return max(self.keys)

    def check_value(self, number: int) -> bytes:
        """Return what tells a key, with the pepper, from another one: neither can be had from it."""
        return hmac.digest(self.keys[number] + self.pepper, b"cityswitch master key check 1", "sha256")

    def text(self) -> bytes:
        """Return what stands in the file."""
        if self == KeyRing.first(self.keys.get(0, b""), self.pepper):
            return _FIRST + b"".join(one.hex().encode() + b"\n" for one in (self.keys[0], self.pepper))
        lines = [f"pepper {self.pepper.hex()}", f"baskets {self.baskets.hex()}", f"wraps {self.wraps}"]
        lines += [f"key {number} {key.hex()}" for number, key in sorted(self.keys.items())]
        lines += [
            f"pepper-of {of} {number} {one.hex()}" for (of, number), one in sorted(self.peppers.items())
        ]
        return _LATER + "\n".join(lines).encode() + b"\n"


def vault_secret(wrapping: bytes) -> bytes:
    """Return the secret of a wrapping key that the holders' keys are wrapped under."""
    return hmac.digest(wrapping, b"cityswitch holder keys 1", "sha256")


def parse_ring(text: bytes) -> KeyRing | None:
    """Return the ring a file holds; None for what is no master key. Raises ValueError for a damaged one."""
    if text.startswith(_FIRST):
        lines = text.removeprefix(_FIRST).split()
        return KeyRing.first(*map(_secret, lines)) if len(lines) == 2 else None
    if not text.startswith(_LATER):
        return None
    keys: dict[int, bytes] = {}
    peppers: dict[tuple[int, int], bytes] = {}
    others: dict[bytes, bytes] = {}
    for line in text.removeprefix(_LATER).splitlines():
        name, *rest = line.split(b" ")
        if name == b"key":
            number, key = rest
            keys[int(number)] = _secret(key)
        elif name == b"pepper-of":
            programme, number, pepper = rest
            peppers[int(programme), int(number)] = _secret(pepper)
        else:
            (others[name],) = rest
    in_bounds = all(0 <= number <= NUMBER_MAX for number in keys)
    in_bounds &= all(of >= 1 <= number <= PEPPER_MAX for of, number in peppers)
    wraps = int(others.get(b"wraps", b"-1"))
    if others.keys() != {b"wraps", b"pepper", b"baskets"} or wraps not in keys or not in_bounds:
        return None
    return KeyRing(keys, wraps, _secret(others[b"pepper"]), _secret(others[b"baskets"]), peppers)


def _secret(word: bytes) -> bytes:
    secret = bytes.fromhex(word.decode("ascii"))
    if len(secret) != SECRET_BYTES:
        raise ValueError("a secret has 32 bytes")
    return secret


def make_file(path: Path) -> None:
    """Make a new key file with mode 0600; an existing file is never overwritten. Raises SecretsError."""
    ring = KeyRing.first(secrets.token_bytes(SECRET_BYTES), secrets.token_bytes(SECRET_BYTES))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(ring.text())
            file.flush()
            os.fsync(file.fileno())
    except FileExistsError:
        raise SecretsError(f"{path} exists already and is kept: remove it yourself to make another") from None
    except OSError as error:
        raise SecretsError(f"{path} cannot be written: {error.strerror}") from error


def read_file(path: Path) -> tuple[KeyRing, tuple[int, ...]]:
    """Return the ring of a key file, and what `signature` told of the file it was read from.

    It must be a regular file open to its owner alone. Raises SecretsError.
    """
    try:
        with os.fdopen(os.open(path, os.O_RDONLY), "rb") as file:
            status = os.fstat(file.fileno())
            text = file.read(FILE_BYTES_MAX)
    except FileNotFoundError:
        raise SecretsError(
            f"{path} is missing: restore it from its backup, or run `cityswitch init`"
        ) from None
    except OSError as error:
        raise SecretsError(f"{path} cannot be read: {error.strerror}") from error
    if not stat.S_ISREG(status.st_mode) or status.st_mode & 0o077:
        raise SecretsError(f"{path} is open to others: run `chmod 600 {path}`")
    try:
        ring = parse_ring(text)
    except ValueError:
        raise SecretsError(f"{path} is damaged: restore it from its backup") from None
    if ring is None:
        raise SecretsError(f"{path} is not a master key file: restore it from its backup")
    return ring, _signature(status)


def signature(path: Path) -> tuple[int, ...] | None:
    """Return what changes when another file is put in this place; None where there is none to be seen."""
    try:
        return _signature(path.stat())
    except OSError:
        return None


@contextmanager
def replacing(path: Path) -> Iterator[KeyRing]:
    """Yield the ring of a file while nobody else replaces it; what a killed one left beside it is gone."""
    path = path.resolve()
    with folder_locked(path):
        remove_left(path)
        yield read_file(path)[0]


@contextmanager
def folder_locked(path: Path) -> Iterator[None]:
    """Let nobody else put a file into the place of this one, or make it, meanwhile. Raises SecretsError."""
    try:
        folder = os.open(path.parent, os.O_RDONLY)
    except OSError as error:
        raise SecretsError(f"{path} cannot be read: {error.strerror}") from error
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def replace_file(path: Path, ring: KeyRing) -> None:
    """Put a ring in the place of the one there, within `replacing`, and overwrite the old bytes.

    The file keeps its owner. Raises SecretsError; what was there is there then.
    """
    path = path.resolve()
    try:
        with path.open("r+b") as older:
            was = os.fstat(older.fileno())
            with written_beside(path, ring.text(), owner=(was.st_uid, was.st_gid)) as beside:
                os.replace(beside, path)
            sync_folder(path)
            overwrite(older.fileno())
    except OSError as error:
        raise SecretsError(f"{path} cannot be replaced: {error.strerror}") from error


def _signature(status: os.stat_result) -> tuple[int, ...]:
    """The last one changes with whatever is done to a file: to what stands in it, its mode, its owner."""
    return status.st_dev, status.st_ino, status.st_mtime_ns, status.st_size, status.st_ctime_ns
