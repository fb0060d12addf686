"""How a name that somebody types is held against one that is kept. Pure.

Owns the rule: whatever the case and the marks of its letters, each word typed begins a word of the name. A
hyphen parts words, so that either half of a double-barrelled name finds it.
"""

import re
import unicodedata
from collections.abc import Sequence
from typing import Final

_HYPHENS: Final = "-\u2010\u2013"
"""What is left of hyphens and dashes in NFKD."""
_NO_LETTERS: Final = re.compile(r"[^\w\s]|_")


def words_of(text: str) -> list[str]:
    """Return the words of a name, or of what is typed, as they are compared."""
    plain = unicodedata.normalize("NFKD", text.casefold()).replace("ł", "l")
    for hyphen in _HYPHENS:
        plain = plain.replace(hyphen, " ")
    return _NO_LETTERS.sub("", plain).split()


def is_named(name: str, typed: Sequence[str]) -> bool:
    """Whether each of the words typed begins one of a name; a name without a word is nobody's."""
    words = words_of(name)
    return bool(words) and all(any(word.startswith(one) for word in words) for one in typed)
