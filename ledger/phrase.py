"""Owns a text that knows what it is made of, so that whoever shows it can say it in another language.

Knows no language but the English of its templates, which are the keys of every catalogue (as in gettext).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime


class Phrase(str):
    """The English text of a template and its parts; a str like any other, and equal to its text.

    `template`: English, with {places}; `parts`: what stands in them by name, a tuple as a list with commas, a
    moment to its minute.
    The name of a part says what it is (`card_state`, `column`), by which its own words are found; a part that
    is a reason by itself is a `Phrase`, too. A template without parts is taken as it is.
    """

    __slots__ = ("parts", "template")
    template: str
    parts: Mapping[str, object]

    def __new__(cls, template: str, /, **parts: object) -> Phrase:
        """Fill the parts in. Raises KeyError for a place without one."""
        filled = {name: _listed(part) for name, part in parts.items()}
        made = super().__new__(cls, template.format(**filled) if parts else template)
        made.template = template
        made.parts = parts
        return made


def _listed(part: object) -> object:
    if isinstance(part, datetime):
        return f"{part:%Y-%m-%d %H:%M}"
    return ", ".join(map(str, part)) if isinstance(part, tuple) else part
