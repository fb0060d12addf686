"""What the accessibility statement says of this very site: its address, its organisers, its pages.

Owns that alone. Must not know the statement's words. Invariant: the pages are those of the menu, whoever
brings them: none is added without standing here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from starlette.requests import Request

from ops.web.identity.part import MenuItem
from ops.web.offices import Office

GROUPS: Final = (
    ("holder", "os_pages_holder"),
    ("officer", "os_pages_officer"),
    ("partner", "os_pages_partner"),
)


class Line(NamedTuple):
    """A page: where it is, and the word that names it."""

    path: str
    word: str


STRANGERS: Final = (Line("/login", "id_sign_in"), Line("/accessibility", "accessibility"))


class Group(NamedTuple):
    """Pages of one kind of reader."""

    word: str
    lines: Sequence[Line]


class Statement(NamedTuple):
    """What is this site's own in the statement."""

    names: str
    address: str
    groups: Sequence[Group]


def statement_of(
    offices: Mapping[int, Office], menu: Sequence[MenuItem], links: Any
) -> Callable[[Request], Statement]:
    """Return what makes it; `menu`: all of it; `links`: the pages that strangers reach from the sign-in."""

    def made(request: Request) -> Statement:
        strangers = [*STRANGERS, *(Line(link.path, link.word) for link in links)]
        groups = [Group("os_pages_all", strangers)]
        for kind, word in GROUPS:
            own = [Line(item.path, item.word) for item in menu if kind in item.kinds]
            if own:
                groups.append(Group(word, own))
        names = ", ".join(office.name for _, office in sorted(offices.items()))
        return Statement(names, request.headers.get("host", ""), groups)

    return made
