"""Secrets do not belong on a command line: everybody on the machine can read it.

Owns the rule of which word is one, and where it belongs instead. Must not repeat the word.
"""

from __future__ import annotations

import re
from typing import Final

from ledger.postgres.dsn import KEPT_APART, has_password
from ops.errors import CommandError
from ops.exit_codes import Exit

_URI: Final = re.compile(r"postgres[\w+]*://", re.IGNORECASE)
_PAIR: Final = r"\w+\s*=\s*(?:'(?:[^'\\]|\\.)*'|(?!')(?:[^\s\\]|\\.)+)"
_PAIRS: Final = re.compile(rf"(?=(?:.*\s)?(?:ssl)?password\s*=){_PAIR}(?:\s+{_PAIR})*")
"""libpq's other form (PostgreSQL's manual, 34.1.1.1), whole and with a password; prose with a = is none."""
_KEY: Final = re.compile(r"[0-9a-fA-F]{64}")


def refused_secret(word: str) -> CommandError | None:
    """Return the failure of a command line with this word, or None if it gives no secret away."""
    value = word.partition("=")[2] if word.startswith("--") else word
    value = value.strip()
    if _PAIRS.fullmatch(value) or (_URI.match(value) and has_password(value)):
        return CommandError(
            Exit.USAGE,
            "a DSN with a password stands on the command line, which everybody on this machine can read.",
            f"Set CITYSWITCH_DSN, or `dsn` of the settings file; or {KEPT_APART}.",
        )
    if _KEY.fullmatch(value):
        return CommandError(
            Exit.USAGE,
            "a key stands on the command line, which everybody on this machine can read.",
            "Name its file with --key-file, or set it as CITYSWITCH_TERMINAL_KEY.",
        )
    return None
