"""What is known of secrets that people hold: hashes, never the things themselves.

Owns the making of tokens and codes, their hashes, and the sealing of a second factor's secret. Knows nothing
of the database or of requests. Invariant: what leaves here to be kept cannot be used by who reads it.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import unicodedata
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from ledger.errors import SecretsError
from ledger.registry.secrets import MasterKey

TOKEN_BYTES: Final = 32
CODE_LETTERS: Final = "ABCDEFGHJKMNPQRSTVWXYZ23456789"
"""Of codes that people copy: nothing that reads as something else."""
CODE_LENGTH: Final = 12
"""58.9 bits: no number of tries that the throttle lets pass finds one."""
_NONCE_BYTES: Final = 12


def new_token(programme: int) -> str:
    """Return a session's token; it names its programme, in whose rows alone it is looked for. 0: of none."""
    return f"{programme}.{secrets.token_urlsafe(TOKEN_BYTES)}"


def programme_of_token(token: str) -> int:
    """Return the programme a token names; 0 for what is none."""
    number, dot, rest = token.partition(".")
    is_one = dot and number.isascii() and number.isdecimal() and len(number) <= 4 and 40 <= len(rest) <= 50
    return int(number) if is_one else 0


def hash_of(secret: str) -> bytes:
    """Return the hash that a random secret is kept as; it has bits enough to need no salt."""
    return hashlib.sha256(secret.encode("utf-8", "replace")).digest()


def csrf_of(token: str) -> str:
    """Return what a form of the one who has this token holds."""
    return hmac.digest(token.encode(), b"csrf 1", "sha256").hex()


def new_code() -> str:
    """Return a code of one use, in groups of four."""
    drawn = "".join(secrets.choice(CODE_LETTERS) for _ in range(CODE_LENGTH))
    return "-".join(drawn[i : i + 4] for i in range(0, CODE_LENGTH, 4))


def plain_code(typed: str) -> str:
    """Return a code as it is hashed, however its groups and capitals were typed."""
    return "".join(letter for letter in typed[:64].upper() if letter.isalnum())


def folded_name(typed: str) -> str:
    """Return a login's name as it is compared: forms, capitals and spaces around make no other name."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", typed).casefold()).strip()


class Keys:
    """The keys of one installation for what people hold."""

    def __init__(self, master: MasterKey) -> None:
        self._names = master.derived(b"login names")
        self._sources = master.derived(b"sources of attempts")
        self._aead = AESGCM(master.derived(b"second factors"))
        self._handles = master.derived(b"passkeys' owners")
        self.devices = master.derived(b"known browsers")
        self.challenges = master.derived(b"passkeys' challenges")

    def name_key(self, programme: int, name: str) -> bytes:
        """Return what a login's name is kept as."""
        return hmac.digest(self._names, f"{programme} {folded_name(name)}".encode(), "sha256")

    def attempt_key(self, what: str, whose: str) -> bytes:
        """Return what attempts are counted by: for which purpose, by whom or from where."""
        return hmac.digest(self._sources, f"{what} {whose}".encode(), "sha256")

    def passkey_handle(self, programme: int, login: int) -> bytes:
        """Return what a login's passkeys know their owner by: its programme, and nothing else that is known
        elsewhere.
        """
        drawn = hmac.digest(self._handles, f"{programme} {login}".encode(), "sha256")
        return programme.to_bytes(2, "big") + drawn[:30]

    def seal(self, login: int, secret: bytes, what: str = "totp") -> bytes:
        """Return a second factor's secret, or something else of a login, as it is kept; it opens for this
        login alone, and as the same.
        """
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return nonce + self._aead.encrypt(nonce, secret, f"{what} {login}".encode())

    def unseal(self, login: int, sealed: bytes, what: str = "totp") -> bytes:
        """Return what `seal` sealed. Raises SecretsError."""
        try:
            return self._aead.decrypt(
                sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], f"{what} {login}".encode()
            )
        except (InvalidTag, ValueError):
            raise SecretsError(
                f"what is sealed of login {login} does not open with this master key"
            ) from None
