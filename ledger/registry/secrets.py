"""Owns the master key: wraps terminal keys at rest, and makes the peppers that turn card numbers into tokens.

The file (`key_ring.py`) rests outside the database, readable by its owner alone. It holds independent 32-byte
secrets: the wrapping key (AES-256-GCM, NIST SP 800-38D), while it is rotated the former one too, the one
the first peppers of card tokens are derived from, and later peppers. What is wrapped says under which. Each
programme has a pepper of its own: with one nothing is learned of another's cards. Losing the file loses both
the terminals' keys and the way from a plastic to its account: back it up apart from the database.

Knows nothing of the database or of the protocol. Neither secret is ever logged or shown in a repr.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Final, Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from ledger.errors import SecretsError
from ledger.registry.key_ring import SECRET_BYTES, KeyRing, make_file, read_file, signature
from ledger.registry.pepper import Pepper
from ledger.registry.vault import Vault

WRAPPED_BYTES: Final = 60
"""A terminal's key under the first wrapping key: nonce, key, tag."""
_NONCE_BYTES: Final = 12


def vault_path(key: Path) -> Path:
    """Return where the vault of a master key lies: beside it."""
    return key.with_name(f"{key.name}.vault")


class MasterKey:
    """The secrets of one installation, and what is drawn to be kept under them.

    `draw` gives so many bytes that nobody can guess: nonces and new keys. A simulated world has its own.
    `vault_path` is where the holders' keys lie; None: in memory alone. One that was loaded reads its file
    again when it meets a number it does not know, or wraps: a rotation needs no restart.
    """

    def __init__(
        self,
        wrapping: bytes,
        pepper: bytes,
        *,
        draw: Callable[[int], bytes] = secrets.token_bytes,
        vault_path: Path | None = None,
    ) -> None:
        if len(wrapping) != SECRET_BYTES or len(pepper) != SECRET_BYTES:
            raise SecretsError("a master key needs two secrets of 32 bytes")
        self.draw: Final = draw
        self._file: Path | None = None
        self._read_from: tuple[int, ...] | None = None
        self._pepper = pepper
        self._peppers: dict[tuple[int, int], Pepper] = {}
        first = KeyRing.first(wrapping, pepper)
        self.vault: Final = Vault(vault_path, first, draw, self.refresh)
        """The keys of the holders: a file of its own, opened when it is first needed."""
        self._take(first)

    def _take(self, ring: KeyRing) -> None:
        self.ring = ring
        self._aeads = {number: AESGCM(key) for number, key in ring.keys.items()}
        self._peppers.clear()
        self.vault.take(ring)

    @classmethod
    def create(cls, path: Path) -> Self:
        """Make a new key file with mode 0600; an existing file is never overwritten. Raises SecretsError."""
        make_file(path)
        return cls.load(path)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a key file. It must be a regular file open to its owner alone. Raises SecretsError."""
        ring, read_from = read_file(path)
        found = cls(ring.keys[ring.wraps], ring.pepper, vault_path=vault_path(path))
        found._file, found._read_from = path, read_from
        found._take(ring)
        return found

    @property
    def check_value(self) -> bytes:
        """What tells this master key from another: neither secret can be had from it."""
        return self.ring.check_value(self.ring.wraps)

    def has_check(self, value: bytes) -> bool:
        """Whether a check value is that of a key of this ring, as its file stands now."""
        return self._has_check(value) or (self.refresh() and self._has_check(value))

    def _has_check(self, value: bytes) -> bool:
        return any(hmac.compare_digest(value, self.ring.check_value(number)) for number in self.ring.keys)

    def refresh(self) -> bool:
        """Take over what the key file holds now, and return whether that is another ring of the same
        installation. One that cannot be read now changes nothing, and is tried again.
        """
        if self._file is None or signature(self._file) == self._read_from:
            return False
        try:
            ring, self._read_from = read_file(self._file)
        except SecretsError:  # it may be readable in a moment, the same as it is
            return False
        if (ring.pepper, ring.baskets) != (self.ring.pepper, self.ring.baskets):
            return False
        self._take(ring)
        return True

    def wrap(self, terminal: int, generation: int, key: bytes) -> bytes:
        """Encrypt a terminal key of 32 bytes; the result opens for this terminal and generation only.

        60 bytes under an installation's first key; under a later one its number comes before them.
        """
        if len(key) != SECRET_BYTES:
            raise SecretsError("a terminal key has 32 bytes")
        self.refresh()
        nonce, number = self.draw(_NONCE_BYTES), self.ring.wraps
        sealed = nonce + self._aeads[number].encrypt(nonce, key, _binding(terminal, generation))
        return bytes([number]) + sealed if number else sealed

    def unwrap(self, terminal: int, generation: int, wrapped: bytes) -> bytes:
        """Decrypt what `wrap` made. Raises SecretsError if it was tampered with or belongs to another
        terminal.
        """
        number = number_of(wrapped)
        sealed = wrapped[1:] if number else wrapped
        try:
            if number not in self._aeads:
                self.refresh()
            return self._aeads[number].decrypt(
                sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], _binding(terminal, generation)
            )
        except (InvalidTag, ValueError, KeyError):
            raise SecretsError(
                f"the key of terminal {terminal}, generation {generation} does not open with this master key"
            ) from None

    def is_newest(self, wrapped: bytes) -> bool:
        """Whether a terminal's key is under the key that wraps now."""
        return number_of(wrapped) == self.ring.wraps

    def derived(self, label: bytes) -> bytes:
        """Return 32 bytes for one use, named by its label; none can be had from another."""
        return hmac.digest(self._pepper, b"cityswitch derived 1 " + label, "sha256")

    def pepper(self, programme: int, number: int = 0) -> Pepper:
        """Return a pepper of a programme. Its first, 0: HMAC-SHA256 of the programme's number under the
        master key's second secret; a later one stands in the file, and depends on no other secret.

        Raises SecretsError for one that the file does not hold.
        """
        found = self._peppers.get((programme, number))
        if found is None:
            found = self._peppers[programme, number] = Pepper(self._secret_of_pepper(programme, number))
        return found

    def has_pepper(self, programme: int, number: int) -> bool:
        """Whether the file as it stands now holds a pepper; of each programme's first it always does."""
        self.refresh()
        return not number or (programme, number) in self.ring.peppers

    def _secret_of_pepper(self, programme: int, number: int) -> bytes:
        if not number:
            label = b"cityswitch card pepper 1" + programme.to_bytes(4, "big")
            return hmac.digest(self._pepper, label, "sha256")
        found = self.ring.peppers.get((programme, number))
        if found is None and self.has_pepper(programme, number):
            found = self.ring.peppers[programme, number]
        if found is None:
            raise SecretsError(
                f"pepper {number} of programme {programme} is not in the key file: bring the newest one here"
            )
        return found


def number_of(wrapped: bytes) -> int:
    """Return the number of the wrapping key a terminal's key is under."""
    return wrapped[0] if len(wrapped) == WRAPPED_BYTES + 1 else 0


def _binding(terminal: int, generation: int) -> bytes:
    return b"cityswitch terminal key 1" + terminal.to_bytes(4, "big") + generation.to_bytes(2, "big")
