"""The holder's site as a part of the office's: routes, words, menu.

Owns what it is made of. Must not know what surrounds it.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

from ops.web.holder.acting import WHO_MAY, acted_for, ruled
from ops.web.holder.apply_pages import UPLOADS as APPLY_UPLOADS
from ops.web.holder.apply_pages import ApplyPages
from ops.web.holder.asking_pages import UPLOADS, AskingPages
from ops.web.holder.card_pages import CardPages
from ops.web.holder.contact_pages import ContactPages
from ops.web.holder.family_pages import FamilyPages
from ops.web.holder.login_pages import LoginPages
from ops.web.holder.own_application_pages import UPLOADS as OWN_UPLOADS
from ops.web.holder.own_application_pages import OwnApplicationPages
from ops.web.holder.own_pages import OwnPages
from ops.web.holder.words import HOLDER
from ops.web.holder.words_apply import APPLY
from ops.web.holder.words_family import FAMILY
from ops.web.identity.mail import Mail
from ops.web.identity.part import MenuItem, Part
from ops.web.identity.person import HOLDERS
from ops.web.identity.signing_in import Door
from ops.web.pages import Pages

HERE: Final = Path(__file__).parent
MENU: Final = tuple(
    MenuItem(f"/me{path}", word, HOLDERS, acting=WHO_MAY.get(f"/me{path}", ()))
    for path, word in (
        ("", "h_me"),
        ("/offers", "h_offers"),
        ("/history", "h_history"),
        ("/messages", "h_messages"),
        ("/data", "h_data"),
        ("/duplicate", "h_duplicate"),
        ("/renewal", "h_renewal"),
        ("/consents", "h_consents"),
        ("/family", "h_family"),
        ("/login", "h_login"),
        ("/end", "h_end"),
    )
)


class Link(NamedTuple):
    """A link below the form of the sign-in."""

    path: str
    word: str


def holder_part(pages: Callable[[], Pages], door: Door, mail: Mail, address: str) -> Part:
    """Return what the holder's pages bring; `address`: how letters begin a link to the site."""
    routes = [
        *CardPages(pages, door).routes(),
        *AskingPages(pages, door).routes(),
        *OwnApplicationPages(pages, door).routes(),
        *ContactPages(pages, door, mail).routes(),
        *OwnPages(pages, door).routes(),
        *LoginPages(pages, door, mail).routes(),
        *FamilyPages(pages, door).routes(),
        *ApplyPages(pages, door, mail, address).routes(),
    ]
    helpers = {
        "sign_in_links": (Link("/register", "h_register"), Link("/apply", "a_apply")),
        "acted_for": acted_for,
    }
    uploads = UPLOADS | OWN_UPLOADS | APPLY_UPLOADS
    words = {**HOLDER, **FAMILY, **APPLY}
    return Part([ruled(route) for route in routes], words, [HERE], MENU, uploads=uploads, helpers=helpers)
