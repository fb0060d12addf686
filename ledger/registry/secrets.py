"""Owns the master key: wraps terminal keys at rest, and makes the peppers that turn card numbers into tokens.

The file rests outside the database, readable by its owner alone. It holds two independent 32-byte
secrets: the wrapping key (AES-256-GCM, NIST SP 800-38D) and the one the peppers of card tokens are derived
from. Each programme has a pepper of its own: with one nothing is learned of another's cards. Losing the
file loses both the terminals' keys and the way from a plastic to its account: back it up apart from the
database.

Knows nothing of the database or of the protocol. Neither secret is ever logged or shown in a repr.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import stat
from collections.abc import Callable
from pathlib import Path
from struct import Struct
from typing import Final, Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from ledger.errors import SecretsError
from ledger.registry.vault import Vault

_HEADER: Final = b"cityswitch master key 1\n"
_SECRET_BYTES: Final = 32
_NONCE_BYTES: Final = 12
_TOKEN_BYTES: Final = 8
_signed_64: Final = Struct(">q").unpack


def vault_path(key: Path) -> Path:
    """Return where the vault of a master key lies: beside it."""
    return key.with_name(f"{key.name}.vault")


class Pepper:
    """What turns the card numbers of one programme into tokens."""

    def __init__(self, key: bytes) -> None:
        self._keyed = hashlib.blake2s(key=key, digest_size=_TOKEN_BYTES).copy

    def token(self, digits: str) -> int:
        """The token of a card number: signed 64 bits of BLAKE2s(digits) keyed by the pepper (RFC 7693)."""
        keyed = self._keyed()
        keyed.update(digits.encode("ascii"))
        return _signed_64(keyed.digest())[0]  # type: ignore[no-any-return]


class MasterKey:
    """The two secrets of one installation, and what is drawn to be kept under them.

    `draw` gives so many bytes that nobody can guess: nonces and new keys. A simulated world has its own.
    `vault_path` is where the holders' keys lie; None: in memory alone.
    """

    def __init__(
        self,
        wrapping: bytes,
        pepper: bytes,
        *,
        draw: Callable[[int], bytes] = secrets.token_bytes,
        vault_path: Path | None = None,
    ) -> None:
        if len(wrapping) != _SECRET_BYTES or len(pepper) != _SECRET_BYTES:
            raise SecretsError("a master key needs two secrets of 32 bytes")
        self.draw: Final = draw
        self._aead = AESGCM(wrapping)
        self.check_value: Final = hmac.digest(wrapping + pepper, b"cityswitch master key check 1", "sha256")
        """What tells this master key from another: neither secret can be had from it."""
        self.vault: Final = Vault(
            vault_path, hmac.digest(wrapping, b"cityswitch holder keys 1", "sha256"), self.check_value, draw
        )
        """The keys of the holders: a file of its own, opened when it is first needed."""
        self._pepper = pepper
        self._peppers: dict[int, Pepper] = {}

    @classmethod
    def create(cls, path: Path) -> Self:
        """Make a new key file with mode 0600; an existing file is never overwritten. Raises SecretsError."""
        text = _HEADER + b"".join(secrets.token_hex(_SECRET_BYTES).encode() + b"\n" for _ in range(2))
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
        except FileExistsError:
            raise SecretsError(
                f"{path} exists already and is kept: remove it yourself to make another"
            ) from None
        except OSError as error:
            raise SecretsError(f"{path} cannot be written: {error.strerror}") from error
        return cls.load(path)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a key file. It must be a regular file open to its owner alone. Raises SecretsError."""
        try:
            descriptor = os.open(path, os.O_RDONLY)
            with os.fdopen(descriptor, "rb") as file:
                status = os.fstat(file.fileno())
                text = file.read(1024)
        except FileNotFoundError:
            raise SecretsError(
                f"{path} is missing: restore it from its backup, or run `cityswitch init`"
            ) from None
        except OSError as error:
            raise SecretsError(f"{path} cannot be read: {error.strerror}") from error
        if not stat.S_ISREG(status.st_mode) or status.st_mode & 0o077:
            raise SecretsError(f"{path} is open to others: run `chmod 600 {path}`")
        lines = text.removeprefix(_HEADER).split()
        if not text.startswith(_HEADER) or len(lines) != 2:
            raise SecretsError(f"{path} is not a master key file: restore it from its backup")
        try:
            wrapping, pepper = (bytes.fromhex(line.decode("ascii")) for line in lines)
        except ValueError:
            raise SecretsError(f"{path} is damaged: restore it from its backup") from None
        return cls(wrapping, pepper, vault_path=vault_path(path))

    def wrap(self, terminal: int, generation: int, key: bytes) -> bytes:
        """Encrypt a terminal key of 32 bytes; the result (60 bytes) opens for this terminal and
        generation only.
        """
        if len(key) != _SECRET_BYTES:
            raise SecretsError("a terminal key has 32 bytes")
        nonce = self.draw(_NONCE_BYTES)
        return nonce + self._aead.encrypt(nonce, key, _binding(terminal, generation))

    def unwrap(self, terminal: int, generation: int, wrapped: bytes) -> bytes:
        """Decrypt what `wrap` made. Raises SecretsError if it was tampered with or belongs to another
        terminal.
        """
        nonce, sealed = wrapped[:_NONCE_BYTES], wrapped[_NONCE_BYTES:]
        try:
            return self._aead.decrypt(nonce, sealed, _binding(terminal, generation))
        except (InvalidTag, ValueError):
            raise SecretsError(
                f"the key of terminal {terminal}, generation {generation} does not open with this master key"
            ) from None

    def derived(self, label: bytes) -> bytes:
        """Return 32 bytes for one use, named by its label; none can be had from another."""
        return hmac.digest(self._pepper, b"cityswitch derived 1 " + label, "sha256")

    def pepper(self, programme: int) -> Pepper:
        """Return the pepper of a programme, by its number: HMAC-SHA256 under the master key's second
        secret.
        """
        found = self._peppers.get(programme)
        if found is None:
            label = b"cityswitch card pepper 1" + programme.to_bytes(4, "big")
            found = self._peppers[programme] = Pepper(hmac.digest(self._pepper, label, "sha256"))
        return found


def _binding(terminal: int, generation: int) -> bytes:
    return b"cityswitch terminal key 1" + terminal.to_bytes(4, "big") + generation.to_bytes(2, "big")
