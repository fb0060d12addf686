"""What turns card numbers into tokens: in C where it is built (native.c), else in Python.

Owns the choice, made once at import. A card's number is looked for by its token at each transaction, and so
the token is computed each time (ARCHITECTURE.md, "A card's token is a keyed BLAKE2s"). Knows nothing of where
peppers come from.
"""

import hashlib
from struct import Struct
from typing import TYPE_CHECKING, Final

TOKEN_BYTES: Final = 8
_signed_64: Final = Struct(">q").unpack


class PepperInPython:
    """What turns the card numbers of one programme into tokens. `key`: 1 to 32 bytes. native.c does the
    same.
    """

    __slots__ = ("_keyed",)

    def __init__(self, key: bytes, /) -> None:
        if not key:
            raise ValueError("a key has 1 to 32 bytes")
        self._keyed = hashlib.blake2s(key=key, digest_size=TOKEN_BYTES).copy

    def token(self, digits: str, /) -> int:
        """The token of a card number: signed 64 bits of BLAKE2s(digits) keyed by the pepper (RFC 7693).

        Raises ValueError for what is no ASCII text, or empty.
        """
        if not digits:
            raise ValueError("a card number has digits")
        keyed = self._keyed()
        keyed.update(digits.encode("ascii"))
        return _signed_64(keyed.digest())[0]  # type: ignore[no-any-return]


if TYPE_CHECKING:
    Pepper = PepperInPython
else:
    try:
        from ledger.registry.native import Pepper
    except ImportError:
        Pepper = PepperInPython
