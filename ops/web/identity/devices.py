"""Browsers that a login has been used in before: what is given to them, and known again.

Owns the cookie's text. Must not know requests nor counts. Invariants: it lets nobody in, it only keeps
strangers' wrong passwords from shutting out whoever has it; it is of one login's name, and nobody makes one
without the key; it says neither which login nor whose.
"""

from __future__ import annotations

import hmac
import secrets
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NoBase64
from collections.abc import Callable, Iterator
from typing import Final

DAYS_MAX: Final = 180
KNOWN_MAX: Final = 4
"""Logins that one browser is known for: a household's."""
COOKIE_CHARACTERS_MAX: Final = 400
_DAY_S: Final = 86_400
_DAY_BYTES: Final = 4
_HEAD_BYTES: Final = 20
_SEAL_BYTES: Final = 16


class Devices:
    """Gives browsers what they are known again by, for the installation of a key."""

    def __init__(self, key: bytes, *, now_s: Callable[[], float] = time.time) -> None:
        self._key = key
        self._now_s = now_s

    def known_as(self, cookie: str, name_key: bytes) -> str:
        """Return by what attempts of this browser for the login of a name are counted; empty: not known."""
        return next((head.hex() for head, _ in self._of(cookie, name_key)), "")

    def remembered(self, cookie: str, name_key: bytes) -> str:
        """Return the cookie of a browser in which somebody has signed in by a name just now."""
        head = int(self._now_s() // _DAY_S).to_bytes(_DAY_BYTES, "big")
        head += secrets.token_bytes(_HEAD_BYTES - _DAY_BYTES)
        mine = {text for _, text in self._of(cookie, name_key)}
        others = [text for text in _texts(cookie) if text not in mine]
        fresh = urlsafe_b64encode(head + self._seal(head, name_key)).decode()
        return ".".join([fresh, *others][:KNOWN_MAX])

    def _of(self, cookie: str, name_key: bytes) -> Iterator[tuple[bytes, str]]:
        today = int(self._now_s() // _DAY_S)
        for text in _texts(cookie):
            try:
                token = urlsafe_b64decode(text.encode())
            except (NoBase64, ValueError):
                continue
            head, seal = token[:_HEAD_BYTES], token[_HEAD_BYTES:]
            age_days = today - int.from_bytes(head[:_DAY_BYTES], "big")
            if hmac.compare_digest(seal, self._seal(head, name_key)) and -1 <= age_days <= DAYS_MAX:
                yield head, text

    def _seal(self, head: bytes, name_key: bytes) -> bytes:
        return hmac.digest(self._key, head + name_key, "sha256")[:_SEAL_BYTES]


def _texts(cookie: str) -> list[str]:
    texts = cookie[:COOKIE_CHARACTERS_MAX].split(".") if cookie.isascii() else []
    return [text for text in texts if text][:KNOWN_MAX]
