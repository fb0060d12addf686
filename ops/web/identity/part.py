"""One site of several under one roof: what it brings.

Owns the shape. Must not know any site.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from starlette.routing import BaseRoute

from ledger.registry.logins import Kind
from ops.web.identity.person import Person
from ops.web.language import Words


@dataclass(frozen=True)
class MenuItem:
    """A link of the menu: where to, which word names it, and who sees it."""

    path: str
    word: str
    kinds: Collection[Kind]
    roles: Collection[str] = ()
    acting: Collection[str] = ()
    """Who sees it while acting for another: "guardian", "proxy"; or for nobody, who could: "nobody"."""

    def is_for(self, person: Person) -> bool:
        """Whether a person may go there."""
        if person.acts_as and person.acts_as not in self.acting:
            return False
        return person.kind in self.kinds and (not self.roles or bool(person.roles & set(self.roles)))


@dataclass(frozen=True)
class Part:
    """What one site brings: its routes, words, folders of templates and static files, menu, and the paths (by
    how they begin) to which files may be sent, each with the bytes of a form there.
    """

    routes: Sequence[BaseRoute]
    words: Words
    folders: Sequence[Path]
    menu: Sequence[MenuItem] = ()
    uploads: Mapping[str, int] = field(default_factory=dict)
    helpers: Mapping[str, object] = field(default_factory=dict)
    """Functions that its templates call by name."""
    belongs: Mapping[str, str] = field(default_factory=dict)
    """The page to which a path that is posted to alone leads, where that is not the one above it."""
