"""The office's site: signing in, the holder's pages and the desk's under one roof.

Owns what it is made of, and its menu. Must not know a page of its parts. Invariant: no word, path or helper
of one part is another's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from starlette.requests import Request
from starlette.types import ASGIApp

from ops.web.application import Access, make_application
from ops.web.desk.document_pages import SinkOf
from ops.web.desk.site import desk_part
from ops.web.holder.site import holder_part
from ops.web.identity.mail import Mail
from ops.web.identity.notes import Notes
from ops.web.identity.pages import IdentityPages
from ops.web.identity.part import MenuItem, Part
from ops.web.identity.passkeys import Relying
from ops.web.identity.passwords import Passwords
from ops.web.identity.person import person_of
from ops.web.identity.signing_in import Door
from ops.web.identity.statement import statement_of
from ops.web.identity.visits import Visits, csrf_field
from ops.web.language import Words
from ops.web.leading import leading
from ops.web.offices import Office
from ops.web.pages import Pages
from ops.web.partner.site import partner_part
from ops.web.security import ErrorPage
from ops.web.words import SHELL


@dataclass(frozen=True)
class Site:
    """What the parts of the site are made with: `pages` once all parts are there, and the door."""

    pages: Callable[[], Pages]
    door: Door
    mail: Mail
    offices: Mapping[int, Office]
    address: str
    """How letters begin a link to it."""
    public: Path | None = None
    """Where the public lists of offers are written."""
    sink_of: SinkOf | None = None
    """Where the documents of a programme are sent to, by its code."""


MakePart = Callable[[Site], Part]


def parts_here() -> Sequence[MakePart]:
    """Return the parts there are beside signing in, in the order of the menu."""
    return (
        lambda site: holder_part(site.pages, site.door, site.mail, site.address),
        lambda site: desk_part(site.pages, site.door, site.public, site.sink_of),
        lambda site: partner_part(site.pages),
    )


def make_office_site(
    offices: Mapping[int, Office],
    access: Access,
    *,
    mail: Mail,
    proxies: Sequence[str] = (),
    contact: str = "",
    makers: Sequence[MakePart] | None = None,
    relying: Relying | None = None,
    notes: Notes | None = None,
    address: str,
    public: Path | None = None,
    sink_of: SinkOf | None = None,
) -> ASGIApp:
    """Return the site; `relying`: as what passkeys know it; `notes`: what counts who comes in; `address`: how
    letters begin a link to it, which no request decides, for whoever asks names any host; `public`: where
    the lists of offers go; `sink_of`: where documents are sent to.
    """
    made: list[Pages] = []
    door = Door(Passwords(), notes or Notes(offices.values()))
    site = Site(lambda: made[0], door, mail, offices, address, public, sink_of)
    parts = [make(site) for make in (parts_here() if makers is None else makers)]
    menu: list[MenuItem] = []
    parts.append(IdentityPages(site.pages, site.door, lambda: menu, relying).part())
    menu += [item for part in parts for item in part.menu]
    words: dict[str, tuple[str, str]] = dict(SHELL)
    helpers: dict[str, object] = {"csrf_field": csrf_field, "menu": lambda request: menu_of(request, menu)}
    uploads: dict[str, int] = {}
    belongs: dict[str, str] = {}
    for part in parts:
        _add(words, part.words)
        _add(helpers, part.helpers)
        _add(uploads, part.uploads)
        _add(belongs, part.belongs)
    helpers.setdefault("sign_in_links", ())
    helpers["statement"] = statement_of(offices, menu, helpers["sign_in_links"])
    made.append(
        Pages(words, [folder for part in parts for folder in part.folders], contact=contact, helpers=helpers)
    )

    def around(app: ASGIApp, error_page: ErrorPage) -> ASGIApp:
        return Visits(
            app, error_page, offices=offices, is_secure=access.is_secure, uploads=uploads, proxies=proxies
        )

    routes = [route for part in parts for route in part.routes]
    return make_application(made[0], [*routes, *leading(routes, belongs)], access, around=around)


def menu_of(request: Request, menu: Sequence[MenuItem]) -> list[MenuItem]:
    """Return the menu of who asks; nothing for who has not signed in."""
    person = person_of(request)
    return [] if person is None else [item for item in menu if item.is_for(person)]


def _add(
    all_: dict[str, object] | dict[str, int] | dict[str, str] | Words, new: Mapping[str, object]
) -> None:
    assert not all_.keys() & new.keys(), f"two parts say {sorted(all_.keys() & new.keys())}"
    all_.update(new)  # type: ignore[union-attr, arg-type]
