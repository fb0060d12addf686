"""TOML that comes from outside: settings, rules and offers files.

Owns the words for a text that is no TOML, one line each, whatever was written. Must not know what a file is
for. Invariants: nothing but `TomlError` and OSError comes out of it; no more is read than a file may hold.
"""

from __future__ import annotations

import unicodedata
from pathlib import Path
from typing import Any, Final

import msgspec

FILE_BYTES_MAX: Final = 4 << 20
_MARK: Final = "\ufeff"


class TomlError(Exception):
    """A text that is no TOML; the message says why, without its source."""


def read_bytes(path: Path) -> bytes:
    """Return what a file holds. Raises OSError, and `TomlError` for one too large to be meant."""
    with path.open("rb") as file:
        data = file.read(FILE_BYTES_MAX + 1)
    if len(data) > FILE_BYTES_MAX:
        raise TomlError(f"larger than {FILE_BYTES_MAX >> 20} MiB")
    return data


def parse_toml(text: str | bytes, *, is_composed: bool = False) -> dict[str, Any]:
    """Return the keys and values of a TOML text; a byte-order mark before it is passed over.

    `is_composed`: a letter and its accents become one character, for what is to be printed. Raises
    `TomlError`.
    """
    try:
        written = text.decode() if isinstance(text, bytes) else text
        written = written.removeprefix(_MARK)
        if is_composed:
            written = unicodedata.normalize("NFC", written)
        return msgspec.toml.decode(written, type=dict[str, Any])
    except RecursionError:
        problem = "brackets or tables are nested too deep"
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        problem = str(error)
    except ValueError:  # a number of more digits than Python turns into one
        problem = "a number or a moment is out of bounds"
    raise TomlError(f"not valid TOML: {problem}") from None
