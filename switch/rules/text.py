"""How wide a text is in print, and where it may be cut.

Owns the counting of columns and of bytes by whole graphemes (what a reader takes for one character: a letter
with its marks, a pair of flags, joined emoji; UAX 29, without its tables). Pure.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from functools import lru_cache

_JOINER = "\u200d"
_TOGETHER = "\0"
"""For a space at which no line is parted; no plain text has it."""
_NO_WIDTH = {"Mn", "Me", "Cf"}
_EXTENDS = {"Mn", "Me", "Mc"}


def is_plain(text: str) -> bool:
    """Whether every character takes one column of any printer: no control, mark or emoji."""
    return text.isprintable() and columns(text) == len(text) and max(text, default="") < "\U00010000"


def columns(text: str) -> int:
    """Return how many columns of fixed width a text takes."""
    if text.isascii() and text.isprintable():
        return len(text)
    return sum(map(_columns_of, text))


def cut(text: str, bytes_max: int) -> str:
    """Return the longest beginning of whole graphemes that has at most `bytes_max` bytes of UTF-8."""
    if len(text.encode()) <= bytes_max:
        return text
    kept, size = [], 0
    for grapheme in graphemes(text):
        size += len(grapheme.encode())
        if size > bytes_max:
            break
        kept.append(grapheme)
    return "".join(kept)


def wrap(text: str, width: int) -> list[str]:
    """Return the lines of at most `width` columns (2 or more) a text takes, parted at words if possible."""
    lines, taken = [""], 0  # columns of the last one
    for word in text.split():
        size, space = columns(word), bool(lines[-1])
        if taken + space + size <= width:
            lines[-1] += " " * space + word
            taken += space + size
            continue
        if lines[-1]:
            lines.append("")
            taken = 0
        for grapheme in graphemes(word):
            size = columns(grapheme)
            if taken + size > width:
                lines.append("")
                taken = 0
            lines[-1] += grapheme
            taken += size
    return lines


def fit(text: str, width: int) -> str:
    """Return plain text (`is_plain`) with no line wider than `width` columns: what is wider is wrapped.

    A sum stays with its "zł" where a line can hold both.
    """
    lines = text.split("\n")
    if max(map(len, lines)) <= width:
        return text
    fitting = (_wrap_sums(line, width) if len(line) > width else [line] for line in lines)
    return "\n".join(part for parts in fitting for part in parts)


def _wrap_sums(line: str, width: int) -> list[str]:
    return [part.replace(_TOGETHER, " ") for part in wrap(line.replace(" zł", f"{_TOGETHER}zł"), width)]


def graphemes(text: str) -> Iterator[str]:
    """Yield a text in pieces that must not be parted."""
    if text.isascii():
        yield from text
        return
    start = 0
    flags = 0  # regional indicators in a row before this place
    for index, character in enumerate(text):
        before = text[index - 1] if index else ""
        is_flag = "\U0001f1e6" <= character <= "\U0001f1ff"
        joined = _extends(character) or before == _JOINER or (is_flag and flags % 2 == 1)
        flags = flags + 1 if is_flag else 0
        if index and not joined:
            yield text[start:index]
            start = index
    if start < len(text):
        yield text[start:]


@lru_cache(maxsize=1_024)
def _columns_of(character: str) -> int:
    if unicodedata.category(character) in _NO_WIDTH:
        return 0
    return 2 if unicodedata.east_asian_width(character) in {"W", "F"} else 1


def _extends(character: str) -> bool:
    return (
        unicodedata.category(character) in _EXTENDS
        or character == _JOINER
        or "\U0001f3fb" <= character <= "\U0001f3ff"
    )
